/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/host.h"

#include "crypto/digest.h"

#include <stdio.h>
#include <string.h>

#define IN(state) (1u << (state))
#define AT_WORK   (IN(HOST_ACTIVE) | IN(HOST_DRAINING))

static const char *const words[HOST_STATE_MAX] = {
    [HOST_NEW] = "new",           [HOST_ACTIVE] = "active",
    [HOST_DRAINING] = "draining", [HOST_QUARANTINED] = "quarantined",
    [HOST_REMOVED] = "removed",
};

static const struct {
    const char *word;
    unsigned from;
    enum queue_host_state to;
} events[HOST_EVENT_MAX] = {
    [HOST_EVENT_ADD] = {"add", IN(HOST_NEW) | IN(HOST_REMOVED), HOST_NEW},
    [HOST_EVENT_ENROL] = {"enrol", IN(HOST_NEW), HOST_ACTIVE},
    [HOST_EVENT_DRAIN] = {"drain", IN(HOST_ACTIVE), HOST_DRAINING},
    [HOST_EVENT_UNDRAIN] = {"undrain", IN(HOST_DRAINING), HOST_ACTIVE},
    [HOST_EVENT_QUARANTINE] = {"quarantine", AT_WORK, HOST_QUARANTINED},
    [HOST_EVENT_PASS] = {"pass", IN(HOST_QUARANTINED), HOST_ACTIVE},
    [HOST_EVENT_MISS] = {"miss", IN(HOST_QUARANTINED), HOST_QUARANTINED},
    [HOST_EVENT_LIFT] = {"lift", IN(HOST_QUARANTINED), HOST_ACTIVE},
    [HOST_EVENT_REMOVE] = {"remove", IN(HOST_NEW) | AT_WORK | IN(HOST_QUARANTINED),
                           HOST_REMOVED},
};

const char *
queue_host_word(enum queue_host_state state)
{
    return (unsigned)state < HOST_STATE_MAX ? words[state] : "";
}

enum queue_host_state
queue_host_from_word(const char *word)
{
    enum queue_host_state state = 0;

    while (state < HOST_STATE_MAX && (!word || strcmp(word, words[state]) != 0))
        state++;
    return state;
}

const char *
queue_host_event_word(enum queue_host_event event)
{
    return (unsigned)event < HOST_EVENT_MAX ? events[event].word : "";
}

enum queue_host_state
queue_host_next(enum queue_host_state from, enum queue_host_event event)
{
    if ((unsigned)from >= HOST_STATE_MAX || (unsigned)event >= HOST_EVENT_MAX ||
        !(events[event].from & IN(from)))
        return HOST_STATE_MAX;
    return events[event].to;
}

bool
queue_host_name(const char *name)
{
    const struct host host = {.name = name, .state = words[HOST_NEW]};

    return store_host_check(&host, NULL) == 0 && strcmp(name, "dispatcher") != 0;
}

/* The host part of an address, up to its port; NULL when it is none. */
static const char *
skip_host(const char *p)
{
    size_t n = *p == '[' ? strspn(p + 1, "0123456789abcdefABCDEF:.")
                         : strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789.-");

    if (n == 0 || n > 253)
        return NULL;
    if (*p != '[')
        return p + n;
    return p[n + 1] == ']' ? p + n + 2 : NULL;
}

int
queue_host_url(const char *url, struct jb_error *err)
{
    static const char scheme[] = "https://";
    unsigned port = 0;
    const char *p = NULL;

    if (strncmp(url, scheme, sizeof scheme - 1) == 0)
        p = skip_host(url + sizeof scheme - 1);
    if (p && *p == ':') {
        for (p++; *p >= '0' && *p <= '9' && port < 65536; p++)
            port = port * 10 + (unsigned)(*p - '0');
        if (!*p && port > 0 && port < 65536)
            return 0;
    }
    return jb_fail(err, JB_EINVAL, "\"%.100s\" is not https://ADDRESS:PORT", url);
}

static void
hold(struct host *host, int64_t now)
{
    int64_t length = HOST_HOLD_FIRST;

    if (host->holds && host->hold_until + HOST_FORGIVE < now)
        host->holds = 0;
    for (uint64_t i = 0; i < host->holds && length < HOST_HOLD_MOST; i++)
        length *= 2;
    host->hold_until = now + (length < HOST_HOLD_MOST ? length : HOST_HOLD_MOST);
    host->holds++;
}

static void
forget_failures(struct host *host)
{
    host->failures = 0;
    host->recent = 0;
    memset(host->failed_on, 0, sizeof host->failed_on);
}

static void
forget_token(struct host *host)
{
    host->has_token = false;
    memset(host->token, 0, sizeof host->token);
    host->token_until = 0;
}

static void
forget_keys(struct host *host)
{
    host->has_key = host->has_next = false;
    memset(host->key, 0, sizeof host->key);
    memset(host->next, 0, sizeof host->next);
    host->certificate_until = 0;
}

static int
fail_state(const char *name, const char *state, enum queue_host_event event,
           struct jb_error *err)
{
    return jb_fail(err, JB_ECONFLICT, "host %s is %s: %s is not possible", name, state,
                   queue_host_event_word(event));
}

int
queue_host_apply(struct host *host, enum queue_host_event event, const char *reason,
                 int64_t now, struct jb_error *err)
{
    enum queue_host_state to = queue_host_next(queue_host_from_word(host->state), event);

    if (to == HOST_STATE_MAX)
        return fail_state(host->name, host->state, event, err);
    switch (event) {
    case HOST_EVENT_QUARANTINE:
    case HOST_EVENT_MISS:
        hold(host, now);
        forget_failures(host);
        break;
    case HOST_EVENT_LIFT:
        host->holds = 0;
        host->hold_until = 0;
        forget_failures(host);
        break;
    case HOST_EVENT_PASS:
        /* The number of holds stays: the next one is longer, unless it is long after. */
        forget_failures(host);
        break;
    case HOST_EVENT_REMOVE:
        forget_token(host);
        forget_keys(host);
        host->hold_until = 0;
        break;
    case HOST_EVENT_ADD:
    case HOST_EVENT_ENROL:
    case HOST_EVENT_DRAIN:
    case HOST_EVENT_UNDRAIN:
    case HOST_EVENT_MAX: break;
    }
    host->state = words[to];
    host->reason = reason ? reason : "";
    return 0;
}

static int
find(struct store_txn *txn, const char *name, struct jb_arena *arena, struct jb_error *err,
     struct host *ret_host)
{
    int rc = store_host_get(txn, name, arena, ret_host);

    return rc == JB_ENOENT ? jb_fail(err, rc, "there is no host %.60s", name) : rc;
}

int
queue_host_move(struct store_txn *txn, const char *name, enum queue_host_event event,
                const char *reason, int64_t now, struct jb_arena *arena, struct jb_error *err)
{
    enum store_outcome outcome;
    struct host host;
    int rc = find(txn, name, arena, err, &host);

    if (rc || (rc = queue_host_apply(&host, event, reason, now, err)))
        return rc;
    return store_host_put(txn, &host, &outcome);
}

int
queue_host_add(struct store_txn *txn, const char *name, const char *url, int64_t now,
               struct jb_arena *arena, struct jb_error *err, char ret_token[HOST_TOKEN_SIZE])
{
    struct host host, old;
    unsigned char bytes[(HOST_TOKEN_SIZE - 1) / 2];
    char token[HOST_TOKEN_SIZE];
    enum store_outcome outcome;
    int rc;

    if (!queue_host_name(name))
        return jb_fail(err, JB_EINVAL,
                       "\"%.60s\" cannot be the name of a host: 1 to %d of a-z, 0-9 and "
                       "hyphens between them",
                       name, HOST_LABEL_MAX);
    if (*url && (rc = queue_host_url(url, err)))
        return rc;
    rc = store_host_get(txn, name, arena, &old);
    if (rc && rc != JB_ENOENT)
        return rc;
    if (!rc &&
        queue_host_next(queue_host_from_word(old.state), HOST_EVENT_ADD) == HOST_STATE_MAX)
        return fail_state(name, old.state, HOST_EVENT_ADD, err);
    if ((rc = crypto_random(bytes, sizeof bytes)))
        return jb_fail(err, rc, "no random bytes for a token");
    crypto_hex(bytes, sizeof bytes, token);
    host = (struct host){.name = name,
                         .state = words[HOST_NEW],
                         .url = url,
                         .has_token = true,
                         .token_until = now + HOST_TOKEN_LIFE};
    if ((rc = crypto_sha256(jb_str(token), host.token)))
        return jb_fail(err, rc, "no hash of a token");
    if ((rc = store_host_put(txn, &host, &outcome)))
        return rc;
    memcpy(ret_token, token, sizeof token);
    return 0;
}

int
queue_host_token(const struct host *host, const unsigned char hash[HOST_HASH_SIZE], int64_t now,
                 struct jb_error *err)
{
    if (queue_host_from_word(host->state) != HOST_NEW || !host->has_token)
        return jb_fail(err, JB_ECONFLICT, "host %s is %s: it waits for no token", host->name,
                       host->state);
    if (!crypto_equal(hash, host->token, HOST_HASH_SIZE))
        return jb_fail(err, JB_EACCES, "host %s: the token is another one", host->name);
    if (now >= host->token_until)
        return jb_fail(err, JB_EACCES, "host %s: the token has run out", host->name);
    return 0;
}

int
queue_host_enrol(struct store_txn *txn, const char *name, const char *url,
                 const unsigned char key[HOST_HASH_SIZE], int64_t certificate_until,
                 int64_t now, struct jb_arena *arena, struct jb_error *err)
{
    enum store_outcome outcome;
    struct host host;
    int rc = find(txn, name, arena, err, &host);

    if (rc || (rc = queue_host_url(url, err)))
        return rc;
    if (!host.has_token)
        return fail_state(name, host.state, HOST_EVENT_ENROL, err);
    if ((rc = queue_host_apply(&host, HOST_EVENT_ENROL, "", now, err)))
        return rc;
    forget_token(&host);
    forget_keys(&host);
    host.url = url;
    host.has_key = true;
    memcpy(host.key, key, sizeof host.key);
    host.certificate_until = certificate_until;
    return store_host_put(txn, &host, &outcome);
}

bool
queue_host_knows(const struct host *host, const unsigned char key[HOST_HASH_SIZE])
{
    bool current = crypto_equal(key, host->key, HOST_HASH_SIZE) && host->has_key,
         next = crypto_equal(key, host->next, HOST_HASH_SIZE) && host->has_next;
    enum queue_host_state state = queue_host_from_word(host->state);

    return (current || next) && state < HOST_STATE_MAX &&
           (IN(state) & (AT_WORK | IN(HOST_QUARANTINED)));
}

enum queue_host_work
queue_host_work(const struct host *host, int64_t now)
{
    switch (queue_host_from_word(host->state)) {
    case HOST_ACTIVE: return HOST_ANY_WORK;
    case HOST_QUARANTINED: return now >= host->hold_until ? HOST_ONLY_CANARY : HOST_NO_WORK;
    case HOST_NEW:
    case HOST_DRAINING:
    case HOST_REMOVED:
    case HOST_STATE_MAX: break;
    }
    return HOST_NO_WORK;
}

/* The same job over and over says more of the job than of the host. */
static void
count_in_a_row(struct host *host, uint64_t request)
{
    for (int i = 0; i < HOST_FAILED_ON; i++)
        if (host->failed_on[i] == request && host->failures > (uint64_t)i)
            return;
    memmove(host->failed_on + 1, host->failed_on,
            (HOST_FAILED_ON - 1) * sizeof host->failed_on[0]);
    host->failed_on[0] = request;
    host->failures++;
}

bool
queue_host_outcome(struct host *host, uint64_t request, bool through_host, int64_t now,
                   char ret_reason[HOST_REASON_SIZE])
{
    int failed = 0;

    host->recent = (host->recent << 1 | (through_host ? 1 : 0)) & ((1u << HOST_LAST) - 1);
    if (!through_host) {
        host->failures = 0;
        memset(host->failed_on, 0, sizeof host->failed_on);
        return false;
    }
    count_in_a_row(host, request);
    for (uint64_t bits = host->recent; bits; bits >>= 1)
        failed += (int)(bits & 1);
    if (host->failures < HOST_IN_A_ROW && failed < HOST_OF_LAST)
        return false;
    if (queue_host_next(queue_host_from_word(host->state), HOST_EVENT_QUARANTINE) ==
        HOST_STATE_MAX)
        return false;
    if (host->failures >= HOST_IN_A_ROW)
        snprintf(ret_reason, HOST_REASON_SIZE,
                 "%llu infrastructure failures in a row, each on another job",
                 (unsigned long long)host->failures);
    else
        snprintf(ret_reason, HOST_REASON_SIZE,
                 "%d infrastructure failures of the last %d attempts", failed, HOST_LAST);
    return queue_host_apply(host, HOST_EVENT_QUARANTINE, ret_reason, now, NULL) == 0;
}
