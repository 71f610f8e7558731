/* SPDX-License-Identifier: Apache-2.0 */
#include "store/host.h"
#include "store/codec.h"
#include "store/env.h"

#include <stdio.h>
#include <string.h>

static int
check_name(const char *name, struct jb_error *err)
{
    size_t n = name ? strlen(name) : 0;

    if (n == 0)
        return jb_fail(err, JB_EINVAL, "name: missing");
    if (n > HOST_LABEL_MAX || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != n ||
        name[0] == '-' || name[n - 1] == '-')
        return jb_fail(err, JB_EINVAL,
                       "name: \"%.60s\" is not the name of a host: 1 to %d of a-z, 0-9 and "
                       "hyphens between them",
                       name, HOST_LABEL_MAX);
    return 0;
}

int
store_host_check(const struct host *host, struct jb_error *err)
{
    static const char *const states[] = {"new", "active", "draining", "quarantined", "removed"};
    const struct {
        const char *what;
        int64_t number;
    } numbers[] = {
        {"token_until", host->token_until},
        {"certificate_until", host->certificate_until},
        {"seen", host->seen},
        {"hold_until", host->hold_until},
        {"slots", host->slots},
        {"memory_mib", host->memory_mib},
        {"gpus", host->gpus},
    };
    size_t i = 0;
    int rc = check_name(host->name, err);

    if (rc)
        return rc;
    while (i < sizeof states / sizeof *states &&
           strcmp(host->state ? host->state : "", states[i]) != 0)
        i++;
    if (i == sizeof states / sizeof *states)
        return jb_fail(err, JB_EINVAL, "state: \"%.60s\" is not a state of a host",
                       host->state ? host->state : "");
    if ((rc = check_line("url", host->url, STORE_TEXT_MAX, err)) ||
        (rc = check_line("boot_id", host->boot_id, STORE_NAME_MAX, err)) ||
        (rc = check_line("version", host->version, STORE_NAME_MAX, err)) ||
        (rc = check_line("engine", host->engine, STORE_WORD_MAX, err)) ||
        (rc = check_line("gpu", host->gpu, STORE_TEXT_MAX, err)) ||
        (rc = check_line("plans", host->plans, STORE_TEXT_MAX, err)) ||
        (rc = check_line("policy", host->policy, STORE_NAME_MAX, err)) ||
        (rc = check_line("reason", host->reason, STORE_TEXT_MAX, err)))
        return rc;
    for (i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].number < 0)
            return jb_fail(err, JB_EINVAL, "%s: negative", numbers[i].what);
    }
    return 0;
}

static int
host_read(struct store_txn *txn, struct jb_str name, struct jb_str value,
          struct jb_arena *arena, struct host *ret_host)
{
    struct jb_error err = {0};
    struct host host;
    int rc = host_decode(value, arena, &err, &host);

    if (rc)
        return store_txn_fail(txn, rc, "host/%.*s: %s", (int)name.n, name.p, err.text);
    if (!(host.name = jb_arena_dup(arena, name.p, name.n)))
        return store_txn_fail(txn, JB_ENOMEM, "no memory for a host");
    *ret_host = host;
    return 0;
}

int
store_host_get(struct store_txn *txn, const char *name, struct jb_arena *arena,
               struct host *ret_host)
{
    struct store_key key = {0};
    struct jb_str value;
    int rc = store_txn_error(txn);

    if (rc)
        return rc;
    if (check_name(name, NULL))
        return JB_ENOENT; /* nothing is stored under it */
    store_key_put(&key, name, strlen(name));
    rc = store_get(txn, DBI_HOST, &key, &value);
    return rc ? rc : host_read(txn, jb_str(name), value, arena, ret_host);
}

static bool
text_differs(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") != 0;
}

static bool
hash_differs(bool has_a, const unsigned char *a, bool has_b, const unsigned char *b)
{
    return has_a != has_b || (has_a && memcmp(a, b, HOST_HASH_SIZE) != 0);
}

static void
hash_hex(bool has, const unsigned char *hash, char ret_hex[2 * HOST_HASH_SIZE + 1])
{
    ret_hex[0] = '\0';
    for (int i = 0; has && i < HOST_HASH_SIZE; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
}

static void
hash_difference(struct difference *d, const char *member, bool had, const unsigned char *old,
                bool has, const unsigned char *now)
{
    char a[2 * HOST_HASH_SIZE + 1], b[2 * HOST_HASH_SIZE + 1];

    hash_hex(had, old, a);
    hash_hex(has, now, b);
    difference_text(d, member, a, b);
}

static bool
new_token(const struct host *old, const struct host *now)
{
    return now->has_token &&
           hash_differs(old->has_token, old->token, now->has_token, now->token);
}

static void
host_differs(struct difference *d, const struct host *old, const struct host *now)
{
    difference_text(d, "state", old->state, now->state);
    difference_text(d, "reason", old->reason, now->reason);
    difference_text(d, "url", old->url, now->url);
    hash_difference(d, "key", old->has_key, old->key, now->has_key, now->key);
    hash_difference(d, "next_key", old->has_next, old->next, now->has_next, now->next);
    difference_truth(d, "new_token", false, new_token(old, now));
    difference_time(d, "token_until", old->token_until, now->token_until);
    difference_time(d, "certificate_until", old->certificate_until, now->certificate_until);
    difference_text(d, "version", old->version, now->version);
    difference_text(d, "engine", old->engine, now->engine);
    difference_count(d, "slots", (uint64_t)old->slots, (uint64_t)now->slots);
    difference_count(d, "gpus", (uint64_t)old->gpus, (uint64_t)now->gpus);
    difference_text(d, "gpu", old->gpu, now->gpu);
    difference_count(d, "memory_mib", (uint64_t)old->memory_mib, (uint64_t)now->memory_mib);
    difference_text(d, "plans", old->plans, now->plans);
    difference_text(d, "policy", old->policy, now->policy);
    difference_truth(d, "refuses", old->refuses, now->refuses);
    difference_count(d, "holds", old->holds, now->holds);
    difference_time(d, "hold_until", old->hold_until, now->hold_until);
}

/* What the page of hosts shows. */
static bool
page_differs(const struct host *a, const struct host *b)
{
    return text_differs(a->state, b->state) || text_differs(a->engine, b->engine) ||
           text_differs(a->gpu, b->gpu) || a->slots != b->slots || a->gpus != b->gpus ||
           a->memory_mib != b->memory_mib;
}

static bool
is_told(const struct host *a, const struct host *b)
{
    return page_differs(a, b) || text_differs(a->reason, b->reason) ||
           text_differs(a->plans, b->plans) || text_differs(a->policy, b->policy) ||
           a->refuses != b->refuses || text_differs(a->url, b->url) ||
           text_differs(a->version, b->version) ||
           hash_differs(a->has_key, a->key, b->has_key, b->key) ||
           hash_differs(a->has_next, a->next, b->has_next, b->next) || new_token(a, b) ||
           a->token_until != b->token_until || a->certificate_until != b->certificate_until ||
           a->holds != b->holds || a->hold_until != b->hold_until;
}

static int
host_log(struct store_txn *txn, const struct host *old, const struct host *now)
{
    static const struct host none;
    struct difference d;

    if (old && !is_told(old, now))
        return 0;
    difference_begin(&d, txn, old != NULL, true);
    host_differs(&d, old ? old : &none, now);
    return store_changed(txn, "host", now->name, 0, &d, false, !old || page_differs(old, now));
}

int
store_host_put(struct store_txn *txn, const struct host *host, enum store_outcome *ret_outcome)
{
    struct store_key key = {0};
    struct host old;
    struct jb_str value;
    struct jb_arena *scratch;
    int rc = store_txn_ready(txn, STORE_WRITE);

    if (rc || (rc = store_host_check(host, &txn->err)))
        return rc;
    if (!(scratch = store_txn_scratch(txn)))
        return txn->err.code;
    store_key_put(&key, host->name, strlen(host->name));
    rc = store_get(txn, DBI_HOST, &key, &value);
    if (rc && rc != JB_ENOENT)
        return rc;
    bool is_new = rc == JB_ENOENT;
    if (!is_new && (rc = host_read(txn, jb_str(host->name), value, scratch, &old)))
        return rc;
    if ((rc = host_encode(host, &txn->value)))
        return store_txn_fail(txn, rc, "host %s: no memory", host->name);
    if (!is_new && jb_str_eq(value, jb_buf_view(&txn->value))) {
        *ret_outcome = STORE_SAME;
        return 0;
    }
    if ((rc = store_put(txn, DBI_HOST, &key, jb_buf_view(&txn->value))) ||
        (rc = host_log(txn, is_new ? NULL : &old, host)))
        return rc;
    *ret_outcome = is_new ? STORE_NEW : STORE_CHANGED;
    return 0;
}

struct walk {
    struct store_txn *txn;
    struct jb_arena *arena;
    int (*each)(void *ctx, const struct host *host);
    void *ctx;
};

static int
each_host(void *ctx, struct jb_str key, struct jb_str value)
{
    struct walk *walk = ctx;
    struct host host;
    int rc = host_read(walk->txn, key, value, walk->arena, &host);

    return rc ? rc : walk->each(walk->ctx, &host);
}

int
store_hosts_each(struct store_txn *txn, struct jb_arena *arena,
                 int (*each)(void *ctx, const struct host *host), void *ctx)
{
    struct walk walk = {txn, arena, each, ctx};

    return store_walk(txn, DBI_HOST, JB_STR(""), JB_STR(""), each_host, &walk);
}
