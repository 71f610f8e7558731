/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/renew.h"

#include "base/clock.h"
#include "base/log.h"
#include "ca/client.h"
#include "ca/folder.h"
#include "crypto/digest.h"
#include "queue/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE = 4,
    LOOK_MOST_MS = 60000,
    WAIT_FIRST_MS = 2000,
    WAIT_MOST_MS = 3600000,
    PROBE_MS = 1000
};

#define RECORD_MAX ((size_t)4 << 20)
#define PATH_SIZE  4096
#define PEM_TYPE   "application/x-pem-file"

enum step { STEP_IDLE, STEP_PROBE, STEP_CSR, STEP_CERTIFICATE };

struct renewal {
    struct renewal *next;
    struct renew *renew;
    char name[HOST_LABEL_MAX + 1];
    bool wanted;
    bool has_next;
    int64_t until, at; /* its certificate's end; when it is to be renewed, microseconds */
    enum step step;    /* what is asked of it now */
    int64_t due, wait; /* of its next try, monotonic ms */
    unsigned char key[PKI_HASH_SIZE];     /* that its new certificate is for */
    unsigned char awaited[PKI_HASH_SIZE]; /* that the registry awaits */
    int64_t new_until;
    bool other; /* `key` is not that one, and it was not shown since */
};

struct renew {
    struct dispatch *d;
    struct host_client *client;
    struct jb_arena *arena;
    struct renewal *hosts;
    int64_t look; /* monotonic ms */
    int64_t own_due;
    int64_t ca_due, ca_wait; /* the CA is away: nobody asks it before, since that takes time */
    unsigned under_way;
};

int
renew_new(struct dispatch *d, struct host_client *client, struct jb_error *err,
          struct renew **ret_renew)
{
    struct renew *r = calloc(1, sizeof(*r));

    if (!r || !(r->arena = jb_arena_new(RECORD_MAX))) {
        free(r);
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    r->d = d;
    r->client = client;
    *ret_renew = r;
    return 0;
}

void
renew_free(struct renew *r)
{
    if (!r)
        return;
    for (struct renewal *host = r->hosts, *next; host; host = next) {
        next = host->next;
        free(host);
    }
    jb_arena_free(r->arena);
    free(r);
}

/* Short lives are for tests: what is often there is looked at often. */
static int64_t
look_ms(const struct renew *r)
{
    int64_t part = r->d->conf->pki.leaf_life / 60;

    return part < LOOK_MOST_MS ? part : LOOK_MOST_MS;
}

/* Doubled each time, up to an hour. */
static int64_t
later(int64_t *wait)
{
    *wait = *wait ? *wait * 2 : WAIT_FIRST_MS;
    if (*wait > WAIT_MOST_MS)
        *wait = WAIT_MOST_MS;
    return *wait;
}

static void
warn(const char *who, const char *why, int64_t until, int64_t now)
{
    char text[JB_TIME_SIZE];

    jb_time_format(until, 0, text);
    jb_log(until > now ? JB_LOG_WARNING : JB_LOG_ERR,
           "the certificate of %s is not renewed yet, and %s %s: %s", who,
           until > now ? "good until" : "ran out", text, why);
}

/* Half of its life before its end, and up to a tenth sooner, for each name and end at another
 * moment. Its beginning lies five minutes before it was made, and says nothing of short ones.
 */
static int64_t
renew_at(const struct renew *r, const char *name, int64_t until)
{
    const int64_t life = r->d->conf->pki.leaf_life * 1000;
    unsigned char digest[CRYPTO_SHA256_SIZE] = {0};
    char text[HOST_LABEL_MAX + 32];

    snprintf(text, sizeof(text), "%s %lld", name, (long long)until);
    (void)crypto_sha256(jb_str(text), digest);
    return until - life / 2 - life / 10 / 256 * digest[0];
}

/* As ca_ask(), but for a CA that was away a moment ago. */
static int
ask_ca(struct renew *r, enum pki_role role, const char *name, struct jb_str csr,
       struct jb_error *err, struct jb_buf *ret_chain)
{
    int rc;

    if (jb_monotonic_ms() < r->ca_due)
        return jb_fail(err, JB_EBUSY, "jinbang-ca was away a moment ago");
    rc = ca_ask(r->d->conf, role, name, csr, err, ret_chain);
    if (rc) {
        r->ca_due = jb_monotonic_ms() + later(&r->ca_wait);
    } else {
        r->ca_due = 0;
        r->ca_wait = 0;
    }
    return rc;
}

/* ---- our own ---- */

static int
renew_own(struct renew *r, const char *key_path, const char *path, struct jb_error *err,
          int64_t *ret_until)
{
    struct jb_buf key = {0}, csr = {0}, chain = {0};
    struct pki_identity id = {.not_after = 0};
    int rc = ca_file_read(key_path, true, err, &key);

    if (!rc)
        rc = pki_csr_new(jb_buf_view(&key), err, &csr);
    if (!rc)
        rc = ask_ca(r, PKI_DISPATCHER, NULL, jb_buf_view(&csr), err, &chain);
    if (!rc)
        rc = pki_identity_read(jb_buf_view(&chain), err, &id);
    if (!rc)
        rc = ca_file_write(path, CA_PUBLIC_MODE, true, jb_buf_view(&chain), err);
    if (!rc)
        *ret_until = id.not_after;
    pki_wipe(&key);
    jb_buf_free(&csr);
    jb_buf_free(&chain);
    return rc;
}

static void
look_at_own(struct renew *r, int64_t now_ms, int64_t now)
{
    const char *dir = r->d->conf->pki.control;
    char key_path[PATH_SIZE], path[PATH_SIZE], text[JB_TIME_SIZE];
    struct jb_buf pem = {0};
    struct jb_error err = {0};
    struct pki_identity id;
    int64_t until;
    int rc = 0;

    if (now_ms < r->own_due || now_ms < r->ca_due)
        return;
    r->own_due = now_ms + look_ms(r);
    if (snprintf(key_path, sizeof(key_path), "%s/dispatcher.key", dir) >= PATH_SIZE ||
        snprintf(path, sizeof(path), "%s/dispatcher.pem", dir) >= PATH_SIZE ||
        ca_file_read(path, false, NULL, &pem))
        return; /* there is none yet; whoever calls hosts says so */
    rc = pki_identity_read(jb_buf_view(&pem), NULL, &id);
    jb_buf_free(&pem);
    if (rc || now < renew_at(r, "the dispatcher", id.not_after))
        return;
    if (renew_own(r, key_path, path, &err, &until)) {
        warn("the dispatcher", err.text, id.not_after, now);
        if (r->ca_due > now_ms)
            r->own_due = r->ca_due;
        return;
    }
    jb_time_format(until, 0, text);
    jb_log(JB_LOG_NOTICE, "the control certificate is renewed, until %s", text);
    host_client_reload(r->client);
}

/* ---- hosts ---- */

static int
each_host(void *ctx, const struct host *is)
{
    struct renew *r = ctx;
    enum queue_host_state state = queue_host_from_word(is->state);
    struct renewal *host = r->hosts;

    if ((state != HOST_ACTIVE && state != HOST_DRAINING && state != HOST_QUARANTINED) ||
        !is->certificate_until || !*is->url)
        return 0;
    while (host && strcmp(host->name, is->name) != 0)
        host = host->next;
    if (!host) {
        if (!(host = calloc(1, sizeof(*host))))
            return JB_ENOMEM;
        host->renew = r;
        snprintf(host->name, sizeof(host->name), "%s", is->name);
        host->next = r->hosts;
        r->hosts = host;
    }
    host->wanted = true;
    host->has_next = is->has_next;
    host->until = is->certificate_until;
    host->at = renew_at(r, is->name, is->certificate_until);
    memcpy(host->awaited, is->next, sizeof(host->awaited));
    return 0;
}

static int
look_at_hosts(struct renew *r, struct jb_error *err)
{
    struct store_txn *txn = NULL;
    int rc = store_begin(r->d->store, STORE_READ, NULL, err, &txn);

    if (rc)
        return rc;
    for (struct renewal *host = r->hosts; host; host = host->next)
        host->wanted = false;
    jb_arena_reset(r->arena);
    rc = store_hosts_each(txn, r->arena, each_host, r);
    if (rc)
        jb_fail(err, rc, "%s", store_txn_reason(txn)->text);
    store_abort(txn);
    for (struct renewal **at = &r->hosts, *host; (host = *at);) {
        if (rc || host->wanted || host->step != STEP_IDLE) {
            at = &host->next;
            continue;
        }
        *at = host->next;
        free(host);
    }
    return rc;
}

/* Changes the record of a host by a function, in a transaction. */
static int
change(struct renewal *host, bool (*how)(const struct renewal *host, struct host *is),
       struct jb_error *err)
{
    struct renew *r = host->renew;
    enum store_outcome outcome;
    struct store_txn *txn = NULL;
    struct host is;
    int rc = store_begin(r->d->store, STORE_WRITE, "dispatch", err, &txn);

    if (rc)
        return rc;
    jb_arena_reset(r->arena);
    rc = store_host_get(txn, host->name, r->arena, &is);
    if (!rc && !how(host, &is))
        rc = jb_fail(err, JB_ECONFLICT, "its record is another one now");
    if (!rc)
        rc = store_host_put(txn, &is, &outcome);
    if (rc) {
        jb_fail(err, rc, "%s", store_txn_error(txn) ? store_txn_reason(txn)->text : "gone");
        store_abort(txn);
        return rc;
    }
    return store_commit(txn, err);
}

static bool
is_at_work(const struct host *is)
{
    enum queue_host_state state = queue_host_from_word(is->state);

    return state == HOST_ACTIVE || state == HOST_DRAINING || state == HOST_QUARANTINED;
}

static bool
expect_key(const struct renewal *host, struct host *is)
{
    is->has_next = true;
    memcpy(is->next, host->key, sizeof(is->next));
    return is_at_work(is);
}

static bool
has_new_life(const struct renewal *host, struct host *is)
{
    is->certificate_until = host->new_until;
    return is_at_work(is);
}

static bool
promote(const struct renewal *host, struct host *is)
{
    (void)host;
    if (!is_at_work(is) || !is->has_next)
        return false;
    memcpy(is->key, is->next, sizeof(is->key));
    is->has_key = true;
    is->has_next = false;
    memset(is->next, 0, sizeof(is->next));
    return true;
}

static void
ends(struct renewal *host)
{
    host->step = STEP_IDLE;
    host->renew->under_way--;
}

static void
fails(struct renewal *host, const char *why)
{
    char who[HOST_LABEL_MAX + 8];

    snprintf(who, sizeof(who), "host %s", host->name);
    ends(host);
    warn(who, why, host->until, jb_now_us());
    host->due = jb_monotonic_ms() + later(&host->wait);
}

static void ask(struct renewal *host, enum step step, struct jb_str body);

/* A new key is shown by it, or not. */
static void
probed(struct renewal *host, const struct host_answer *answer)
{
    struct jb_error err = {0};
    int rc;

    if (answer->reply.status == 200) {
        rc = change(host, promote, &err);
        if (rc) {
            fails(host, err.text);
            return;
        }
        host->has_next = host->other = false;
        host->wait = 0;
        host->due = 0;
        ends(host);
        host->renew->look = 0;
        jb_log(JB_LOG_NOTICE, "host %s has a new key and certificate", host->name);
    } else if (answer->tls) {
        ask(host, STEP_CSR, JB_STR(""));
    } else {
        fails(host, "it does not answer");
    }
}

static void
requested(struct renewal *host, const struct host_answer *answer)
{
    struct renew *r = host->renew;
    unsigned char key[PKI_HASH_SIZE];
    struct jb_buf chain = {0};
    struct pki_identity id;
    struct jb_error err = {0};
    int rc = 0;

    if (answer->reply.status != 200) {
        fails(host,
              answer->reply.status ? "it makes no request for one" : "it does not answer");
        return;
    }
    rc = pki_csr_key(answer->reply.body, &err, key);
    if (!rc && host->has_next && memcmp(key, host->awaited, sizeof(key)) != 0 &&
        !(host->other && memcmp(key, host->key, sizeof(key)) == 0)) {
        /* It took the certificate a moment ago, or its files were changed by hand: if the key
         * that is awaited is still not shown now, it never will be. */
        host->other = true;
        memcpy(host->key, key, sizeof(key));
        host->due = jb_monotonic_ms() + PROBE_MS;
        ends(host);
        return;
    }
    if (!rc)
        memcpy(host->key, key, sizeof(key));
    if (!rc)
        rc = ask_ca(r, PKI_HOST, host->name, answer->reply.body, &err, &chain);
    if (!rc)
        rc = pki_identity_read(jb_buf_view(&chain), &err, &id);
    if (!rc) {
        host->new_until = id.not_after;
        rc = change(host, expect_key, &err);
    }
    if (!rc) {
        memcpy(host->awaited, host->key, sizeof(host->awaited));
        host->has_next = true;
        host->other = false;
    }
    if (rc)
        fails(host, err.text);
    else
        ask(host, STEP_CERTIFICATE, jb_buf_view(&chain));
    jb_buf_free(&chain);
}

static void
certified(struct renewal *host, const struct host_answer *answer)
{
    struct jb_error err = {0};

    if (answer->reply.status != 200) {
        fails(host,
              answer->reply.status ? "it does not take the new one" : "it does not answer");
        return;
    }
    if (change(host, has_new_life, &err)) {
        fails(host, err.text);
        return;
    }
    host->has_next = true;
    host->until = host->new_until;
    host->due = jb_monotonic_ms() + PROBE_MS;
    ends(host);
}

static void
on_answer(void *ctx, const struct host_answer *answer)
{
    struct renewal *host = ctx;

    switch (host->step) {
    case STEP_PROBE: probed(host, answer); break;
    case STEP_CSR: requested(host, answer); break;
    case STEP_CERTIFICATE: certified(host, answer); break;
    case STEP_IDLE: break;
    }
}

static void
ask(struct renewal *host, enum step step, struct jb_str body)
{
    struct host_request request = {
        .host = host->name, .method = "POST", .body = body, .done = on_answer, .ctx = host};

    host->step = step;
    switch (step) {
    case STEP_PROBE:
        request.method = "GET";
        request.path = "/v1/info";
        request.pins = HOST_NEXT_KEY;
        break;
    case STEP_CSR:
        request.path = "/v1/csr";
        request.pins = HOST_CURRENT_KEY;
        break;
    case STEP_CERTIFICATE:
        request.path = "/v1/certificate";
        request.type = PEM_TYPE;
        break;
    case STEP_IDLE: return;
    }
    host_client_call(host->renew->client, &request);
}

int64_t
renew_run(struct renew *r, int64_t now_ms, int64_t now)
{
    struct jb_error err = {0};
    int64_t next;

    look_at_own(r, now_ms, now);
    if (now_ms >= r->look) {
        static struct jb_log_limit limit;
        if (look_at_hosts(r, &err))
            jb_log_limited(&limit, JB_LOG_ERR, "renewals: %s", err.text);
        r->look = now_ms + look_ms(r);
    }
    next = r->look < r->own_due ? r->look : r->own_due;
    for (struct renewal *host = r->hosts; host; host = host->next) {
        if (host->step != STEP_IDLE || (!host->has_next && now < host->at))
            continue;
        int64_t due = host->has_next || host->due > r->ca_due ? host->due : r->ca_due;
        if (now_ms < due) {
            next = due < next ? due : next;
            continue;
        }
        if (r->under_way >= AT_ONCE)
            break;
        r->under_way++;
        ask(host, host->has_next ? STEP_PROBE : STEP_CSR, JB_STR(""));
    }
    return next;
}
