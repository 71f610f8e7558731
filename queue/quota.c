/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/quota.h"

#include <strings.h>

int
queue_quota(struct store_txn *txn, const struct conf *conf, const char *owner, int64_t now,
            struct quota *ret_quota)
{
    int64_t window = conf->submit.window * 1000, oldest = 0;
    struct quota q = {.allowed = conf->submit.quota};

    for (size_t i = 0; i < conf->submit.doubled.n; i++)
        q.doubled = q.doubled || strcasecmp(conf->submit.doubled.items[i], owner) == 0;
    if (q.doubled)
        q.allowed *= 2;
    int rc = store_quota_count(txn, owner, now - window, &q.used, &oldest);
    if (rc)
        return rc;
    if (q.used >= (uint64_t)q.allowed) {
        int64_t until = (oldest ? oldest : now) + window;
        q.wait = until > now ? (until - now + 999999) / 1000000 : 1;
    }
    *ret_quota = q;
    return 0;
}
