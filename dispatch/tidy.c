/* SPDX-License-Identifier: Apache-2.0 */
/* What is of no more use goes: nonces whose first answer nobody will ask for again. */
#include "base/log.h"
#include "dispatch/dispatch.h"
#include "store/job.h"

#include <stdlib.h>

#define SECOND  ((int64_t)1000000)
#define EVERY   (3600 * SECOND)
#define KEPT    (30 * 86400 * SECOND) /* of a nonce; README and the API say so */
#define AT_ONCE ((size_t)1000)        /* in one transaction: others want to write, too */

struct tidy {
    struct dispatch *d;
    int64_t next;
};

static void *
tidy_start(struct dispatch *d, struct jb_error *err)
{
    struct tidy *t = calloc(1, sizeof *t);

    if (!t)
        jb_fail(err, JB_ENOMEM, "no memory");
    else
        t->d = d;
    return t;
}

static int64_t
tidy_run(void *task, int64_t now)
{
    struct tidy *t = task;
    struct jb_error err = {0};
    struct store_txn *txn;
    size_t n = 0;

    if (now < t->next)
        return t->next;
    int rc = store_begin(t->d->store, STORE_WRITE, "dispatch", &err, &txn);
    if (rc == 0) {
        rc = store_nonces_expire(txn, now - KEPT, AT_ONCE, &n);
        int end = store_commit(txn, &err);
        rc = rc ? rc : end;
    }
    if (rc) {
        static struct jb_log_limit limit;
        jb_log_limited(&limit, JB_LOG_ERR, "old nonces cannot be forgotten: %s",
                       err.text[0] ? err.text : jb_strerror(rc));
    }
    /* A full batch: more of them are due, soon. */
    t->next = now + (rc == 0 && n == AT_ONCE ? SECOND : EVERY);
    return t->next;
}

static void
tidy_stop(void *task)
{
    free(task);
}

const struct dispatch_task dispatch_tidy = {
    .name = "tidy", .start = tidy_start, .run = tidy_run, .stop = tidy_stop};
