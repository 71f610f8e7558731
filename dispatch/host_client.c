/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/host_client.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "ca/folder.h"
#include "crypto/digest.h"
#include "queue/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

enum { LOOK_MS = 5000, CONNECT_MS = 5000, PATH_SIZE = 256 };

#define HOST_PATH_MAX 4096
#define PIN_SIZE      128 /* sha256// and 44 of base64, twice */
#define RECORD_MAX    ((size_t)256 << 10)

/* What a host does about our calls. */
enum manner { MANNER_UNKNOWN, MANNER_ANSWERS, MANNER_TLS, MANNER_SILENT, MANNER_AWAY };

struct known {
    struct known *next;
    char name[HOST_LABEL_MAX + 1];
    enum manner manner;
};

struct call {
    struct call *prev, *next;
    struct host_client *client;
    struct http_call *http; /* NULL: it was not begun, and is to be told of */
    host_client_done *done;
    void *ctx;
    enum lease_call call;
    enum host_pins pins;
    uint64_t token;
    char host[HOST_LABEL_MAX + 1];
};

/* Connections under one certificate. What brings results and logs has its own, since a call's
 * time runs while it waits for one: a renewal behind results would come too late. */
struct set {
    struct set *next;
    struct http *quick, *bulk;
};

struct host_client {
    struct dispatch *d;
    host_client_done *done;
    void *ctx;
    struct call *calls;
    struct known *known;
    struct set *sets; /* the first is the one in use; the others end what they have */
    struct jb_arena *arena;
    bool usable, failing; /* there is an identity; its absence was told */
    struct pki_identity identity;
    struct stat file; /* of the certificate that is in use */
    int64_t look;     /* when the file is looked at next */
};

/* ---- certificate ---- */

static int
path_of(char path[HOST_PATH_MAX], const char *dir, const char *name, struct jb_error *err)
{
    if (snprintf(path, HOST_PATH_MAX, "%s/%s", dir, name) >= HOST_PATH_MAX)
        return jb_fail(err, JB_EINVAL, "%s: path too long", dir);
    return 0;
}

struct files {
    struct jb_buf certificate, key, root;
};

static int
read_files(const struct conf *conf, struct jb_error *err, struct files *ret_files,
           struct pki_identity *ret_identity)
{
    char path[HOST_PATH_MAX];
    int rc = path_of(path, conf->pki.control, "dispatcher.pem", err);

    if (!rc)
        rc = ca_file_read(path, false, err, &ret_files->certificate);
    if (!rc)
        rc = path_of(path, conf->pki.control, "dispatcher.key", err);
    if (!rc)
        rc = ca_file_read(path, true, err, &ret_files->key);
    if (!rc)
        rc = path_of(path, conf->pki.dir, "root.pem", err);
    if (!rc)
        rc = ca_file_read(path, false, err, &ret_files->root);
    if (!rc &&
        !pki_key_fits(jb_buf_view(&ret_files->key), jb_buf_view(&ret_files->certificate)))
        rc = jb_fail(err, JB_EINVAL, "%s: key and certificate do not fit", conf->pki.control);
    if (!rc)
        rc = pki_verify(jb_buf_view(&ret_files->certificate), jb_buf_view(&ret_files->root),
                        PKI_DISPATCHER, jb_now_us(), err, ret_identity);
    return rc;
}

static bool
is_other_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino != b->st_ino || a->st_dev != b->st_dev || a->st_size != b->st_size ||
           a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static int
new_set(struct host_client *c, const struct files *files, struct jb_error *err)
{
    const struct http_identity identity = {.certificate = jb_buf_view(&files->certificate),
                                           .key = jb_buf_view(&files->key),
                                           .ca = jb_buf_view(&files->root)};
    struct set *set = calloc(1, sizeof(*set));
    int rc = set ? http_new_beside(c->d->http, &identity, HOST_CLIENT_QUICK, HOST_CLIENT_TOTAL,
                                   err, &set->quick)
                 : jb_fail(err, JB_ENOMEM, "out of memory");

    if (!rc && (rc = http_new_beside(c->d->http, &identity, HOST_CLIENT_BULK, HOST_CLIENT_TOTAL,
                                     err, &set->bulk)))
        http_free(set->quick);
    if (rc) {
        free(set);
        return rc;
    }
    set->next = c->sets;
    c->sets = set;
    return 0;
}

/* Takes what lies in the folder now, if it is something else than what is in use. */
static void
load(struct host_client *c)
{
    struct files files = {{0}, {0}, {0}};
    struct pki_identity identity = {.name = ""};
    char path[HOST_PATH_MAX];
    struct jb_error err = {0};
    struct stat file = {0};
    int rc = path_of(path, c->d->conf->pki.control, "dispatcher.pem", &err);

    if (!rc && stat(path, &file) == 0 && c->usable && !is_other_file(&file, &c->file))
        return;
    if (!rc)
        rc = read_files(c->d->conf, &err, &files, &identity);
    if (!rc)
        rc = new_set(c, &files, &err);
    pki_wipe(&files.key);
    jb_buf_free(&files.certificate);
    jb_buf_free(&files.key);
    jb_buf_free(&files.root);
    if (!rc) {
        c->usable = true;
        c->failing = false;
        c->identity = identity;
        c->file = file;
        jb_log(JB_LOG_INFO, "the control certificate: serial %s", identity.serial);
    } else if (!c->failing) {
        c->failing = true;
        jb_log(JB_LOG_ERR, "%s: %s",
               c->usable ? "a new control certificate cannot be used, the old one stays"
                         : "no host can be called",
               err.text);
    }
}

static void
set_free(struct set *set)
{
    http_free(set->quick);
    http_free(set->bulk);
    free(set);
}

/* Sets that nothing runs in any more. */
static void
free_old_sets(struct host_client *c)
{
    for (struct set **at = c->sets ? &c->sets->next : NULL, *set; at && (set = *at);) {
        if (http_running(set->quick) || http_running(set->bulk)) {
            at = &set->next;
            continue;
        }
        *at = set->next;
        set_free(set);
    }
}

/* ---- how a host behaves ---- */

static struct known *
known_of(struct host_client *c, const char *name)
{
    struct known *known = c->known;

    while (known && strcmp(known->name, name) != 0)
        known = known->next;
    if (known || !(known = calloc(1, sizeof(*known))))
        return known;
    snprintf(known->name, sizeof(known->name), "%s", name);
    known->next = c->known;
    c->known = known;
    return known;
}

static void
note(struct host_client *c, const char *name, const struct http_answer *answer)
{
    struct known *known = known_of(c, name);
    enum manner manner = answer->outcome == HTTP_ANSWERED    ? MANNER_ANSWERS
                         : answer->tls                       ? MANNER_TLS
                         : answer->outcome == HTTP_TIMED_OUT ? MANNER_SILENT
                                                             : MANNER_AWAY;

    if (!known || known->manner == manner)
        return;
    known->manner = manner;
    switch (manner) {
    case MANNER_ANSWERS: jb_log(JB_LOG_NOTICE, "host %s answers", name); break;
    case MANNER_TLS:
        jb_log(JB_LOG_ERR, "host %s: certificates are not accepted: %s", name, answer->reason);
        break;
    case MANNER_SILENT:
        jb_log(JB_LOG_WARNING, "host %s is silent: %s", name, answer->reason);
        break;
    case MANNER_AWAY:
    case MANNER_UNKNOWN:
        jb_log(JB_LOG_WARNING, "host %s cannot be reached: %s", name, answer->reason);
        break;
    }
}

/* ---- calls ---- */

static void
tell(struct call *call, const struct host_answer *answer)
{
    DL_DELETE(call->client->calls, call);
    call->done(call->ctx, answer);
    free(call);
}

/* The host as the registry has it now: what was removed is called no more. */
static int
look_up(struct host_client *c, const char *name, struct jb_error *err, struct host *ret_host)
{
    struct store_txn *txn = NULL;
    int rc = store_begin(c->d->store, STORE_READ, NULL, err, &txn);

    if (!rc)
        rc = store_host_get(txn, name, c->arena, ret_host);
    store_abort(txn);
    if (rc)
        return rc;
    switch (queue_host_from_word(ret_host->state)) {
    case HOST_ACTIVE:
    case HOST_DRAINING:
    case HOST_QUARANTINED: return 0;
    default: return jb_fail(err, JB_EACCES, "host %s is %s", name, ret_host->state);
    }
}

/* A manifest that its host has not signed is none: it is handed on empty. */
static struct jb_str
genuine(struct call *call, struct jb_str manifest)
{
    struct host_client *c = call->client;
    unsigned char keys[2][PKI_HASH_SIZE];
    struct jb_error err = {0};
    struct host host;
    size_t n = 0;
    int rc;

    jb_arena_reset(c->arena);
    rc = look_up(c, call->host, &err, &host);
    if (!rc && host.has_key)
        memcpy(keys[n++], host.key, PKI_HASH_SIZE);
    if (!rc && host.has_next)
        memcpy(keys[n++], host.next, PKI_HASH_SIZE);
    if (!rc)
        rc = wire_manifest_check(manifest, n, keys, &err);
    if (rc)
        jb_log(JB_LOG_ERR, "host %s: %s", call->host, err.text);
    return rc ? JB_STR("") : manifest;
}

static void
on_answer(void *ctx, const struct http_answer *http)
{
    struct call *call = ctx;
    const bool answered = http->outcome == HTTP_ANSWERED;
    struct host_answer answer = {
        .host = call->host,
        .call = call->call,
        .token = call->token,
        .tls = http->tls,
        .reply = {.status = answered ? http->status : 0,
                  .body = answered ? http->body : JB_STR(""),
                  .retry_after_ms = http->retry_after > 0 ? http->retry_after : 0,
                  .log_epoch = http->log_epoch,
                  .log_end = http->log_end,
                  .log_kept = http->log_kept}};

    if (call->call == LEASE_MANIFEST && answer.reply.status == 200)
        answer.reply.body = genuine(call, answer.reply.body);
    if (call->pins == HOST_ANY_KEY)
        note(call->client, call->host, http);
    tell(call, &answer);
}

/* "sha256//<current>;sha256//<next>" of what may be shown; false: there is none. */
static bool
pins_of(const struct host *host, enum host_pins which, char ret_pins[PIN_SIZE])
{
    char current[4 * ((HOST_HASH_SIZE + 2) / 3) + 1] = "", next[sizeof(current)] = "";

    if (host->has_key && which != HOST_NEXT_KEY)
        crypto_base64(host->key, sizeof(host->key), current);
    if (host->has_next && which != HOST_CURRENT_KEY)
        crypto_base64(host->next, sizeof(host->next), next);
    if (!*current && !*next)
        return false;
    snprintf(ret_pins, PIN_SIZE, "%s%s%s%s%s", *current ? "sha256//" : "", current,
             *current && *next ? ";" : "", *next ? "sha256//" : "", next);
    return true;
}

static int
begin(struct host_client *c, const struct host_request *r, struct call *call,
      struct jb_error *err)
{
    static const char scheme[] = "https://";
    const char *const json[] = {"Content-Type: application/json"};
    char dns[128], pins[PIN_SIZE], url[sizeof(scheme) + sizeof(dns) + PATH_SIZE];
    struct host host;
    int rc;

    jb_arena_reset(c->arena);
    if (!c->usable)
        load(c);
    if (!c->usable)
        return jb_fail(err, JB_ENOENT, "no certificate");
    if ((rc = look_up(c, r->host, err, &host)))
        return rc;
    if (strncmp(host.url, scheme, strlen(scheme)) != 0 || !pins_of(&host, r->pins, pins))
        return jb_fail(err, JB_ENOENT, "host %s has no address or no key", r->host);
    if ((rc = pki_dns_name(PKI_HOST, r->host, err, dns)))
        return rc;
    const char *lines[1] = {r->type ? jb_arena_printf(c->arena, "Content-Type: %s", r->type)
                                    : json[0]};
    if (!lines[0])
        return jb_fail(err, JB_ENOMEM, "out of memory");
    snprintf(url, sizeof(url), "%s%s%s", scheme, dns, r->path);
    const struct http_request request = {
        .method = r->method,
        .url = url,
        .body = r->body,
        .headers = lines,
        .n_headers = 1,
        .allow_private = true,
        .connect_to = host.url + strlen(scheme),
        .pinned = pins,
        .fresh = r->pins != HOST_ANY_KEY,
        .connect_timeout = CONNECT_MS,
        .timeout = c->d->conf->evaluate.answer,
        .max_bytes = r->max_bytes ? r->max_bytes : WIRE_BODY_MAX,
        .head = true, /* an answer that is too long is refused by who reads it */
        .done = on_answer,
        .ctx = call,
    };
    const bool bulk =
        r->call == LEASE_LOG || r->call == LEASE_MANIFEST || r->call == LEASE_PART;
    return http_start(bulk ? c->sets->bulk : c->sets->quick, &request, err, &call->http);
}

void
host_client_call(struct host_client *c, const struct host_request *r)
{
    struct call *call = calloc(1, sizeof(*call));
    struct jb_error err = {0};

    if (!call) {
        static struct jb_log_limit limit;
        jb_log_limited(&limit, JB_LOG_ERR, "a call to host %s is lost: out of memory", r->host);
        return;
    }
    call->client = c;
    call->done = r->done;
    call->ctx = r->ctx;
    call->call = r->call;
    call->token = r->token;
    call->pins = r->pins;
    snprintf(call->host, sizeof(call->host), "%s", r->host);
    if (begin(c, r, call, &err)) {
        call->http = NULL;
        jb_log(JB_LOG_DEBUG, "%s %s is not sent: %s", r->method, r->path, err.text);
    }
    DL_APPEND(c->calls, call);
}

const char *
host_client_word(enum lease_call call)
{
    static const char *const words[] = {
        [LEASE_INFO] = "info",     [LEASE_PUT] = "put",           [LEASE_RENEW] = "renew",
        [LEASE_LOG] = "log",       [LEASE_MANIFEST] = "manifest", [LEASE_PART] = "part",
        [LEASE_CANCEL] = "cancel", [LEASE_DELETE] = "delete",
    };

    return words[call];
}

void
host_client_send(void *client, const struct lease_ask *ask)
{
    struct host_client *c = client;
    char path[PATH_SIZE];
    struct host_request r = {.host = ask->host,
                             .method = "GET",
                             .path = path,
                             .body = ask->body,
                             .done = c->done,
                             .ctx = c->ctx,
                             .call = ask->call,
                             .token = ask->token};

    snprintf(path, sizeof(path), "/v1/attempts/%s", ask->attempt);
    switch (ask->call) {
    case LEASE_INFO: r.path = "/v1/info"; break;
    case LEASE_PUT: r.method = "PUT"; break;
    case LEASE_RENEW:
        r.method = "POST";
        r.path = "/v1/renew";
        break;
    case LEASE_LOG:
        if (ask->epoch)
            snprintf(path, sizeof(path), "/v1/attempts/%s/log?from=%" PRIu64 "&epoch=%" PRIu64,
                     ask->attempt, ask->from, ask->epoch);
        else
            snprintf(path, sizeof(path), "/v1/attempts/%s/log?from=%" PRIu64, ask->attempt,
                     ask->from);
        break;
    case LEASE_MANIFEST:
        snprintf(path, sizeof(path), "/v1/attempts/%s/result", ask->attempt);
        break;
    case LEASE_PART:
        snprintf(path, sizeof(path), "/v1/attempts/%s/result/%s", ask->attempt, ask->part);
        r.max_bytes = PART_DOC_MAX + 1;
        break;
    case LEASE_CANCEL:
        r.method = "POST";
        snprintf(path, sizeof(path), "/v1/attempts/%s/cancel", ask->attempt);
        break;
    case LEASE_DELETE: r.method = "DELETE"; break;
    }
    jb_failpoint("before-call", host_client_word(ask->call));
    host_client_call(c, &r);
    jb_failpoint("after-call", host_client_word(ask->call));
}

/* ---- outside ---- */

int
host_client_new(struct dispatch *d, host_client_done *done, void *ctx, struct jb_error *err,
                struct host_client **ret_client)
{
    struct host_client *c = calloc(1, sizeof(*c));

    if (!c || !(c->arena = jb_arena_new(RECORD_MAX))) {
        free(c);
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    c->d = d;
    c->done = done;
    c->ctx = ctx;
    *ret_client = c;
    return 0;
}

void
host_client_free(struct host_client *c)
{
    struct call *call, *next_call;

    if (!c)
        return;
    DL_FOREACH_SAFE(c->calls, call, next_call)
    {
        if (call->http)
            http_cancel(call->http);
        free(call);
    }
    for (struct set *set = c->sets, *next; set; set = next) {
        next = set->next;
        set_free(set);
    }
    for (struct known *known = c->known, *next; known; known = next) {
        next = known->next;
        free(known);
    }
    jb_arena_free(c->arena);
    free(c);
}

/* What could not be sent. From the start each time: those who are told may call again. */
static void
tell_failed(struct host_client *c)
{
    struct call *call, *last = c->calls ? c->calls->prev : NULL;
    bool more = last != NULL;

    while (more) {
        more = false;
        DL_FOREACH (c->calls, call) {
            const bool is_last = call == last;
            if (!call->http) {
                const struct host_answer answer = {
                    .host = call->host, .call = call->call, .token = call->token};
                more = !is_last;
                tell(call, &answer);
                break;
            }
            if (is_last)
                break;
        }
    }
}

int64_t
host_client_run(struct host_client *c, int64_t now_ms)
{
    if (now_ms >= c->look && c->sets) {
        load(c);
        c->look = now_ms + LOOK_MS;
    }
    free_old_sets(c);
    tell_failed(c);
    return c->sets ? c->look : INT64_MAX;
}

void
host_client_reload(struct host_client *c)
{
    c->failing = false;
    c->look = 0;
    c->file = (struct stat){0}; /* the root's certificate may be another one too */
}

const struct pki_identity *
host_client_identity(const struct host_client *c)
{
    return c->usable ? &c->identity : NULL;
}
