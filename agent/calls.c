/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/calls.h"

#include "agent/cache.h"
#include "agent/spool.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "crypto/digest.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

enum {
    RETRY_SECONDS = 30,
    CACHED_MAX = 512,
    PLANS_MAX = 64,
    ARENA_MAX = 64 << 20,
};

struct call {
    struct agent *agent;
    const struct http_request *request;
    struct http_answer *answer;
    struct jb_arena *arena;
    struct jb_error err;
    struct attempt *a; /* of the path */
    const char *key;   /* of the path, behind "result/" */
    char id[WIRE_ID_SIZE];
};

/* --- answers ------------------------------------------------------------------------------ */

static void
refuse(struct http_answer *answer, int status, const char *why)
{
    struct wire_refusal refusal = {why};

    answer->status = status;
    answer->type = "application/json";
    jb_buf_reset(&answer->body);
    jb_buf_reset(&answer->headers);
    wire_refusal_put(&refusal, &answer->body);
    if (status == 429 || status == 503)
        http_answer_header(answer, "Retry-After", "%d", RETRY_SECONDS);
}

void
calls_refuse(int rc, const struct jb_error *err, struct http_answer *ret_answer)
{
    refuse(ret_answer, jb_error_status(rc), err->text[0] ? err->text : jb_strerror(rc));
}

static void
refuse_err(struct call *c, int rc)
{
    calls_refuse(rc, &c->err, c->answer);
}

static void
answer_json(struct call *c)
{
    c->answer->status = 200;
    c->answer->type = "application/json";
}

/* The ETag of a body: its digest. */
static void
put_etag(struct call *c, struct jb_str bytes)
{
    unsigned char digest[CRYPTO_SHA256_SIZE];
    char hex[2 * CRYPTO_SHA256_SIZE + 1];

    if (crypto_sha256(bytes, digest))
        return;
    crypto_hex(digest, sizeof(digest), hex);
    http_answer_header(c->answer, "ETag", "\"%s\"", hex);
}

static int
fill_state(struct call *c, const struct attempt *a, struct wire_state *ret)
{
    const char **done = jb_arena_array(c->arena, a->n_parts ? a->n_parts : 1, sizeof(*done));
    struct wire_state s = {.fence = a->offer.fence,
                           .phase = a->phase,
                           .progress = a->progress,
                           .step = a->step,
                           .failure = a->failure,
                           .reason = a->reason,
                           .n_done = a->n_parts,
                           .done = done};

    if (!done)
        return jb_fail(&c->err, JB_ENOMEM, "out of memory");
    memcpy(s.id, a->offer.id, sizeof(s.id));
    for (size_t i = 0; i < a->n_parts; i++)
        done[i] = a->parts[i].benchmark;
    int rc = spool_look(a->dir, &c->err, &s.log_epoch, &s.log_end);
    if (!rc)
        *ret = s;
    return rc;
}

static void
answer_state(struct call *c, const struct attempt *a)
{
    struct wire_state state;
    int rc = fill_state(c, a, &state);

    if (rc) {
        refuse_err(c, rc);
        return;
    }
    answer_json(c);
    wire_state_put(&state, &c->answer->body);
}

/* --- the host ----------------------------------------------------------------------------- */

static int
fill_info(struct call *c, struct wire_info *ret)
{
    const struct agent *agent = c->agent;
    const char **plans = jb_arena_array(c->arena, PLANS_MAX, sizeof(*plans));
    const struct plan *all = agent->plans.plans.items;
    struct engine_gpus gpus = {0, NULL};
    struct sysinfo memory = {0};
    struct wire_info info = {.host = agent->host,
                             .boot_id = agent->boot_id,
                             .version = PACKAGE_VERSION,
                             .protocol_min = WIRE_PROTOCOL,
                             .protocol_max = WIRE_PROTOCOL,
                             .monotonic_ms = jb_monotonic_ms(),
                             .wall_us = jb_now_us(),
                             .slots = agent->slots,
                             .slots_free = agent_slots_free(agent),
                             .disk_free_mib = journal_free_bytes(agent->journal) >> 20,
                             .engine = agent->engine->calls->name,
                             .policy = agent->policy,
                             .draining = journal_draining(agent->journal)};

    if (!plans)
        return jb_fail(&c->err, JB_ENOMEM, "out of memory");
    for (size_t i = 0; i < agent->plans.plans.n && info.n_plans < PLANS_MAX; i++)
        if (agent_plan(agent, all[i].name))
            plans[info.n_plans++] = all[i].name;
    info.plans = plans;
    if (sysinfo(&memory) == 0)
        info.memory_mib = (int64_t)(((uint64_t)memory.totalram * memory.mem_unit) >> 20);
    int rc = agent->engine->calls->gpus(agent->engine, c->arena, &c->err, &gpus);
    if (!rc)
        rc = cache_list(&agent->conf->jobs.caches, CACHED_MAX, c->arena, &c->err,
                        &info.n_cached, &info.cached);
    info.n_gpus = gpus.n;
    info.gpus = gpus.gpus;
    if (!rc)
        *ret = info;
    return rc;
}

static void
get_info(struct call *c)
{
    struct wire_info info;
    int rc = fill_info(c, &info);

    if (rc) {
        refuse_err(c, rc);
        return;
    }
    answer_json(c);
    wire_info_put(&info, &c->answer->body);
}

static void
post_drain(struct call *c)
{
    struct wire_drain drain;
    int rc = wire_drain_read(c->request->body, c->arena, &c->err, &drain);

    if (!rc)
        rc = journal_drain(c->agent->journal, drain.drain, &c->err);
    if (rc)
        refuse_err(c, rc);
    else
        get_info(c);
}

static void
post_csr(struct call *c)
{
    int rc = c->agent->new_csr
                 ? c->agent->new_csr(c->agent->identity, &c->err, &c->answer->body)
                 : jb_fail(&c->err, JB_ENOTSUP, "this agent renews no certificate");

    if (rc) {
        refuse_err(c, rc);
        return;
    }
    c->answer->status = 200;
    c->answer->type = "application/x-pem-file";
}

static void
post_certificate(struct call *c)
{
    int rc = c->agent->new_certificate
                 ? c->agent->new_certificate(c->agent->identity, c->request->body, &c->err)
                 : jb_fail(&c->err, JB_ENOTSUP, "this agent renews no certificate");

    if (rc) {
        refuse_err(c, rc);
        return;
    }
    answer_json(c);
    jb_buf_puts(&c->answer->body, "{}");
}

/* --- leases ------------------------------------------------------------------------------- */

static int64_t
lease_ms(const struct agent *agent, int64_t seconds)
{
    int64_t most = agent->conf->jobs.max_lease;

    return seconds > most / 1000 ? most : seconds * 1000;
}

/* Later only: a renewal that was overtaken takes nothing away. */
static int
renew_one(struct call *c, const struct wire_renewal *item, int64_t stamp)
{
    struct attempt *a = journal_find(c->agent->journal, item->id);
    struct run_lease lease = {0}, now;
    int rc;

    /* not here, or of another fence: the states in the answer say so */
    if (!a || a->offer.fence != item->fence || !attempt_live(a))
        return 0;
    if (item->cancel)
        return agent_cancel(c->agent, a, &c->err);
    if (item->lease_seconds == 0)
        return 0;
    rc = run_lease_read(a->dir, c->arena, &c->err, &now);
    if (rc)
        return rc;
    memcpy(lease.boot_id, c->agent->boot_id, sizeof(lease.boot_id));
    lease.length_ms = lease_ms(c->agent, item->lease_seconds);
    lease.until_ms = stamp + lease.length_ms;
    bool same_boot = strcmp(now.boot_id, lease.boot_id) == 0;
    if (same_boot ? lease.until_ms <= now.until_ms : !c->agent->engine->calls->outlives_boot)
        return 0;
    return run_lease_write(a->dir, &lease, &c->err);
}

static void
post_renew(struct call *c)
{
    const struct journal *j = c->agent->journal;
    size_t n = journal_count(j);
    struct wire_state *states = jb_arena_array(c->arena, n ? n : 1, sizeof(*states));
    struct wire_renewed renewed = {.boot_id = c->agent->boot_id, .n = n, .states = states};
    struct wire_renew renew;
    int rc = states ? wire_renew_read(c->request->body, c->arena, &c->err, &renew)
                    : jb_fail(&c->err, JB_ENOMEM, "out of memory");

    if (!rc && renew.stamp_ms > jb_monotonic_ms())
        rc = jb_fail(&c->err, JB_EUNPROC, "stamp_ms: is not of this boot");
    for (size_t i = 0; !rc && i < renew.n; i++)
        rc = renew_one(c, &renew.items[i], renew.stamp_ms);
    for (size_t i = 0; !rc && i < n; i++)
        rc = fill_state(c, journal_at(j, i), &states[i]);
    if (rc) {
        refuse_err(c, rc);
        return;
    }
    renewed.monotonic_ms = jb_monotonic_ms();
    answer_json(c);
    wire_renewed_put(&renewed, &c->answer->body);
}

/* --- attempts ----------------------------------------------------------------------------- */

/* 0: it may be added in `ret_slot`; else the status of the refusal, its reason in c->err. */
static int
may_begin(struct call *c, const struct wire_offer *offer, int64_t *ret_slot)
{
    const struct agent *agent = c->agent;

    if (journal_fence_check(agent->journal, offer->job, offer->fence, &c->err))
        return 412;
    if (agent_allows(agent, &offer->spec, &c->err))
        return 422;
    if (journal_draining(agent->journal)) {
        jb_fail(&c->err, JB_ELIMIT, "this host takes nothing new");
        return 429;
    }
    if (journal_free_bytes(agent->journal) < agent->conf->spool.min_free) {
        jb_fail(&c->err, JB_EFULL, "too little space on the disk");
        return 503;
    }
    *ret_slot = agent_free_slot(agent);
    if (*ret_slot < 0) {
        jb_fail(&c->err, JB_ELIMIT, "no free slot");
        return 429;
    }
    return 0;
}

static void
put_attempt(struct call *c)
{
    struct run_lease lease = {0};
    struct wire_offer offer;
    int64_t slot = -1;
    int rc = wire_offer_read(c->request->body, c->arena, &c->err, &offer);

    if (!rc && strcmp(offer.id, c->id) != 0)
        rc = jb_fail(&c->err, JB_EUNPROC, "id: is not the one of the path");
    if (rc) {
        refuse_err(c, rc);
        return;
    }
    if (c->a) {
        if (strcmp(c->a->offer.spec_hash, offer.spec_hash) != 0 ||
            c->a->offer.fence != offer.fence || c->a->offer.job != offer.job)
            refuse(c->answer, 409, "another spec, job or fence came under this id before");
        else
            answer_state(c, c->a);
        return;
    }
    int status = may_begin(c, &offer, &slot);
    if (status) {
        refuse(c->answer, status, c->err.text);
        return;
    }
    memcpy(lease.boot_id, c->agent->boot_id, sizeof(lease.boot_id));
    lease.length_ms = lease_ms(c->agent, offer.lease_seconds);
    lease.until_ms = jb_monotonic_ms() + lease.length_ms;
    rc = journal_add(c->agent->journal, &offer, slot, &lease, &c->err, &c->a);
    if (rc) {
        refuse_err(c, rc);
        return;
    }
    jb_log(JB_LOG_NOTICE, "attempt %s of job %llu: accepted, %s of %s", offer.id,
           (unsigned long long)offer.job, offer.spec.plan, offer.spec.model);
    jb_failpoint("before-answer", "put");
    answer_state(c, c->a);
}

static void
get_attempt(struct call *c)
{
    answer_state(c, c->a);
}

static void
post_cancel(struct call *c)
{
    int rc = agent_cancel(c->agent, c->a, &c->err);

    if (rc)
        refuse_err(c, rc);
    else
        answer_state(c, c->a);
}

static void
delete_attempt(struct call *c)
{
    int rc = 0;

    if (c->a && attempt_live(c->a)) {
        refuse(c->answer, 409, "it is not over");
        return;
    }
    if (c->a)
        rc = journal_remove(c->agent->journal, c->a, &c->err);
    if (rc) {
        refuse_err(c, rc);
        return;
    }
    jb_failpoint("before-answer", "delete");
    answer_json(c);
    jb_buf_puts(&c->answer->body, "{}");
}

static void
get_log(struct call *c)
{
    uint64_t from = 0, wanted = 0, epoch, end;
    int given = http_query_uint(c->request->query, "epoch", &wanted);
    int rc = http_query_uint(c->request->query, "from", &from);

    if (rc == JB_EPARSE || given == JB_EPARSE) {
        refuse(c->answer, 400, "from and epoch are numbers");
        return;
    }
    rc = spool_look(c->a->dir, &c->err, &epoch, &end);
    if (rc) {
        refuse_err(c, rc);
        return;
    }
    bool fits = from <= end && (given == JB_ENOENT || wanted == epoch);
    if (fits && epoch) {
        rc = spool_read(c->a->dir, epoch, from, WIRE_LOG_MAX, &c->err, &c->answer->body);
        if (rc == JB_ENOENT || rc == JB_EINVAL)
            fits = false; /* it turned between the two */
        else if (rc) {
            refuse_err(c, rc);
            return;
        }
    }
    if (fits) {
        c->answer->status = 200;
        c->answer->type = "application/octet-stream";
    } else {
        refuse(c->answer, 416, "the log has another epoch, or ends before");
    }
    http_answer_header(c->answer, "X-Log-Epoch", "%llu", (unsigned long long)epoch);
    http_answer_header(c->answer, "X-Log-End", "%llu", (unsigned long long)end);
    http_answer_header(c->answer, "X-Log-Kept", "%llu",
                       (unsigned long long)spool_kept((uint64_t)c->agent->conf->spool.max_log));
}

static void
get_manifest(struct call *c)
{
    const struct attempt *a = c->a;
    const struct plan *plan = agent_plan(c->agent, a->offer.spec.plan);
    struct engine_gpus gpus = {0, NULL};
    char environment[512];
    struct utsname os = {0};
    struct wire_manifest m = {.fence = a->offer.fence,
                              .plan = a->offer.spec.plan,
                              .plan_version = plan ? plan->version : "",
                              .environment = environment,
                              .n = a->n_parts,
                              .parts = a->parts};

    memcpy(m.id, a->offer.id, sizeof(m.id));
    memcpy(m.spec_hash, a->offer.spec_hash, sizeof(m.spec_hash));
    uname(&os);
    c->agent->engine->calls->gpus(c->agent->engine, c->arena, NULL, &gpus);
    snprintf(environment, sizeof(environment), "%.64s %.64s %.64s; %zu x %.128s", os.sysname,
             os.release, os.machine, gpus.n, gpus.n ? gpus.gpus[0].name : "GPU");
    int rc = c->agent->sign ? c->agent->sign(c->agent->identity, &m, c->arena, &c->err) : 0;
    if (rc) {
        refuse_err(c, rc);
        return;
    }
    answer_json(c);
    wire_manifest_put(&m, &c->answer->body);
    put_etag(c, jb_buf_view(&c->answer->body));
}

static void
get_part(struct call *c)
{
    const struct http_request *r = c->request;
    struct jb_str doc;
    int rc = journal_part_get(c->a, c->key, c->arena, &c->err, &doc);

    if (rc) {
        refuse_err(c, rc);
        return;
    }
    answer_json(c);
    put_etag(c, doc);
    if (r->has_range) {
        size_t n = doc.n;

        if (r->from >= n) {
            refuse(c->answer, 416, "the result ends before");
            http_answer_header(c->answer, "Content-Range", "bytes */%zu", n);
            return;
        }
        size_t end = r->to < n - 1 ? (size_t)r->to : n - 1;
        c->answer->status = 206;
        http_answer_header(c->answer, "Content-Range", "bytes %llu-%zu/%zu",
                           (unsigned long long)r->from, end, n);
        doc = (struct jb_str){doc.p + r->from, end - (size_t)r->from + 1};
    }
    jb_buf_str(&c->answer->body, doc);
}

/* --- routes ------------------------------------------------------------------------------- */

enum route_kind {
    OF_HOST,    /* the path alone */
    OF_ID,      /* behind an id, whether it is there or not */
    OF_ATTEMPT, /* an attempt that is there */
    OF_PART,    /* the same, and a key behind it */
};

static const struct route {
    enum http_method method;
    enum route_kind kind;
    const char *path; /* of the host, or what stands behind the id */
    void (*run)(struct call *c);
} routes[] = {
    {HTTP_GET, OF_HOST, "/v1/info", get_info},
    {HTTP_POST, OF_HOST, "/v1/renew", post_renew},
    {HTTP_POST, OF_HOST, "/v1/drain", post_drain},
    {HTTP_POST, OF_HOST, "/v1/csr", post_csr},
    {HTTP_POST, OF_HOST, "/v1/certificate", post_certificate},
    {HTTP_PUT, OF_ID, "", put_attempt},
    {HTTP_DELETE, OF_ID, "", delete_attempt},
    {HTTP_GET, OF_ATTEMPT, "", get_attempt},
    {HTTP_GET, OF_ATTEMPT, "/log", get_log},
    {HTTP_GET, OF_ATTEMPT, "/result", get_manifest},
    {HTTP_GET, OF_PART, "/result/", get_part},
    {HTTP_POST, OF_ATTEMPT, "/cancel", post_cancel},
};

#define ATTEMPTS "/v1/attempts/"

static bool
route_fits(const struct route *route, struct jb_str path, const char **ret_key)
{
    size_t n = strlen(route->path);

    if (route->kind != OF_PART)
        return jb_str_is(path, route->path);
    if (path.n <= n || path.n > n + 64 || memcmp(path.p, route->path, n) != 0 ||
        memchr(path.p + n, '/', path.n - n))
        return false;
    *ret_key = path.p + n;
    return true;
}

static void
dispatch(struct call *c)
{
    struct jb_str path = c->request->path, rest = path;
    const size_t before = strlen(ATTEMPTS), with_id = before + WIRE_ID_SIZE - 1;
    const char *key = NULL;
    bool has_id = false, found = false;

    if (path.n >= with_id && memcmp(path.p, ATTEMPTS, before) == 0 &&
        wire_id_valid((struct jb_str){path.p + before, WIRE_ID_SIZE - 1})) {
        has_id = true;
        memcpy(c->id, path.p + before, WIRE_ID_SIZE - 1);
        rest = (struct jb_str){path.p + with_id, path.n - with_id};
        c->a = journal_find(c->agent->journal, c->id);
    }
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        const struct route *route = &routes[i];

        if ((route->kind != OF_HOST) != has_id || !route_fits(route, rest, &key))
            continue;
        found = true;
        if (route->method != c->request->method)
            continue;
        if (route->kind >= OF_ATTEMPT && !c->a) {
            refuse(c->answer, 404, "there is no such attempt");
            return;
        }
        if (key) {
            c->key = jb_arena_dup(c->arena, key, rest.n - strlen(route->path));
            if (!c->key) {
                refuse(c->answer, 500, "out of memory");
                return;
            }
        }
        route->run(c);
        return;
    }
    if (found)
        refuse(c->answer, 405, "not with this method");
    else
        refuse(c->answer, 404, "there is no such path");
}

void
calls_answer(struct agent *agent, const struct http_request *request,
             struct http_answer *ret_answer)
{
    struct call c = {.agent = agent,
                     .request = request,
                     .answer = ret_answer,
                     .arena = jb_arena_new(ARENA_MAX)};

    if (!c.arena)
        refuse(ret_answer, 500, "out of memory");
    else
        dispatch(&c);
    jb_arena_free(c.arena);
    if (ret_answer->body.err || ret_answer->headers.err) {
        jb_log(JB_LOG_ERR, "%s %.*s: the answer is too large",
               http_method_word(request->method), JB_STR_FMT(request->path));
        http_answer_free(ret_answer);
        *ret_answer = HTTP_ANSWER(4096);
        refuse(ret_answer, 500, "the answer is too large");
    }
}
