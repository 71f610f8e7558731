/* SPDX-License-Identifier: Apache-2.0 */
/* What hosts do with the messages of test_simulation.c: as agent/calls.c does it, on a clock of
 * their own. */
#include <config.h>

#include "simulation.h"

#include "crypto/digest.h"

static int64_t
clock_of(const struct machine *m)
{
    return w.now + m->ahead;
}

void
simulation_pass_time(struct machine *m)
{
    int64_t now = clock_of(m);

    for (struct held *h = m->held; h < m->held + HELD; h++) {
        if (!h->used || h->phase >= WIRE_SUCCEEDED)
            continue;
        if (strcmp(h->boot, m->boot) != 0) {
            h->phase = WIRE_LOST;
            continue;
        }
        h->phase = WIRE_RUNNING;
        int64_t stop = h->lease < now ? h->lease : now;
        if (stop >= h->begun + h->takes / 2 && h->wants[0])
            h->done = 1;
        if (stop >= h->begun + h->takes) {
            h->phase = *h->failure ? WIRE_FAILED : WIRE_SUCCEEDED;
            h->done = *h->failure ? h->done : BENCHMARKS;
        } else if (h->lease + h->dies < now) {
            h->phase = WIRE_FAILED;
            h->failure = "worker_lost";
        }
    }
}

static struct held *
held_of(struct machine *m, const char *id)
{
    for (struct held *h = m->held; h < m->held + HELD; h++)
        if (h->used && !strcmp(h->id, id))
            return h;
    return NULL;
}

/* How much of a log there is, and what its byte at some place is: the middle is of an epoch. */
static uint64_t
log_length(const struct machine *m, const struct held *h)
{
    int64_t ran = (h->lease < clock_of(m) ? h->lease : clock_of(m)) - h->begun;

    ran = ran > h->takes ? h->takes : ran;
    return (ran < 0 ? 0 : (uint64_t)ran / 1000) + 1;
}

char
simulation_log_byte(uint64_t fence, uint64_t epoch, uint64_t at)
{
    return (char)('a' + (fence * 7 + at * 3 + (at < LOG_KEPT ? 0 : epoch)) % 26);
}

static const char *
part_doc(const struct held *h, size_t b)
{
    return jb_arena_printf(
        w.arena,
        "{\"results\": {\"t%zu\": {\"acc\": 0.50, \"acc_stderr\": 0.01}}, \"versions\": "
        "{\"t%zu\": %llu}, \"config\": {\"model\": \"hf\", \"model_args\": \"pretrained=x\", "
        "\"num_fewshot\": 0, \"batch_size\": 1, \"limit\": null}}",
        b, b, (unsigned long long)h->fence);
}

static void
state_of(const struct machine *m, const struct held *h, struct wire_state *ret_state)
{
    static const char *keys[] = {"b0", "b1"};
    const char **done = jb_arena_array(w.arena, BENCHMARKS, sizeof(*done));

    *ret_state = (struct wire_state){.fence = h->fence,
                                     .phase = h->phase,
                                     .progress = -1,
                                     .step = "",
                                     .failure = h->phase == WIRE_FAILED ? h->failure : "",
                                     .reason = h->phase == WIRE_FAILED ? "it failed" : "",
                                     .done = done};
    ret_state->log_epoch = h->turns + 1;
    ret_state->log_end = log_length(m, h);
    memcpy(ret_state->id, h->id, WIRE_ID_SIZE);
    for (unsigned b = 0; b < h->done; b++)
        if (h->wants[b])
            done[ret_state->n_done++] = keys[b];
}

struct stored_parts {
    uint64_t fence;
    bool there[BENCHMARKS];
    size_t n;
};

static int
each_stored(void *ctx, const struct part *part)
{
    struct stored_parts *stored = ctx;

    if (part->fence < stored->fence) {
        stored->there[part->benchmark[1] - '0'] = true;
        stored->n++;
    }
    return 0;
}

/* An offer must be in the store before it is sent, and nobody else may still run its job. */
static bool
alone(struct machine *m, const struct message *msg, const struct wire_offer *offer)
{
    struct store_txn *txn = fixture_begin(w.f, STORE_READ);
    struct attempt a = {0};
    uint64_t last = 0;
    bool live = store_fence_check(txn, offer->job, offer->fence) == 0;
    size_t j = 0;

    store_fence_last(txn, &last);
    if (offer->fence > last || (store_attempt_get(txn, offer->fence, w.arena, &a) == 0 &&
                                (strcmp(a.id, offer->id) != 0 || strcmp(a.host, m->name) != 0)))
        simulation_wrong("an offer that was never stored");
    if (live) {
        struct stored_parts stored = {.fence = offer->fence};

        store_parts_each(txn, offer->job, a.round, w.arena, each_stored, &stored);
        for (size_t i = 0; i < offer->spec.n_tasks; i++)
            if (stored.n < BENCHMARKS && stored.there[offer->spec.tasks[i].benchmark[1] - '0'])
                simulation_wrong("a benchmark is run again whose result is there");
    }
    store_abort(txn);
    while (w.jobs[j].id != offer->job)
        j++;
    /* A copy of what was refused may be taken: then its fence is all that helps. */
    if (w.old || !live || w.now - msg->sent > w.answer_ms || m->refused[j] == offer->fence)
        return false;
    for (struct machine *o = w.machines; o < w.machines + HOSTS; o++) {
        simulation_pass_time(o);
        for (struct held *h = o->held; h < o->held + HELD; h++)
            if (o != m && h->used && h->prompt && h->job == offer->job &&
                h->phase < WIRE_SUCCEEDED && h->fence > w.jobs[j].moved)
                simulation_wrong("two hosts run one job");
    }
    return true;
}

static int
accept_offer(struct machine *m, const struct message *msg, struct held **ret_held)
{
    static const char *const ends[] = {"worker_lost",   "out_of_memory", "dataset_missing",
                                       "harness_crash", "task_missing",  "nonsense"};
    struct wire_offer offer;
    struct held *h;
    size_t j = 0, busy = 0;

    assert_int_equal(wire_offer_read(msg->body, w.arena, NULL, &offer), 0);
    if ((h = held_of(m, offer.id))) {
        *ret_held = h;
        return strcmp(h->hash, offer.spec_hash) != 0 ? 409 : 200;
    }
    while (j < JOBS && w.jobs[j].id != offer.job)
        j++;
    if (j == JOBS && offer.job != (UINT64_C(1) << 53) - 1)
        return 404; /* of the seed before */
    w.canaries += j == JOBS;
    if (offer.fence < m->highest[j])
        return 412;
    if (chance(2)) {
        m->refused[j] = offer.fence;
        return 422;
    }
    for (h = m->held; h < m->held + HELD; h++)
        busy += h->used && h->phase < WIRE_SUCCEEDED;
    if (chance(3))
        return 503;
    if (busy >= 2 || chance(4)) {
        m->refused[j] = offer.fence;
        return 429;
    }
    for (h = m->held; h < m->held + HELD && h->used; h++)
        ;
    assert_true(h < m->held + HELD);
    *h = (struct held){.used = true,
                       .fence = offer.fence,
                       .job = offer.job,
                       .lease = clock_of(m) + offer.lease_seconds * 1000,
                       .begun = clock_of(m),
                       .prompt = j < JOBS && alone(m, msg, &offer),
                       .dies = (int64_t)draw(45 * SECOND),
                       .takes = 10 * SECOND + (int64_t)draw(15 * MINUTE),
                       .failure = chance(35) ? ends[draw(6)] : ""};
    memcpy(h->id, offer.id, sizeof h->id);
    memcpy(h->hash, offer.spec_hash, sizeof h->hash);
    memcpy(h->boot, m->boot, sizeof h->boot);
    for (size_t i = 0; i < offer.spec.n_tasks; i++)
        h->wants[offer.spec.tasks[i].benchmark[1] - '0'] = true;
    m->highest[j] = offer.fence;
    *ret_held = h;
    return 200;
}

static void
put_info(struct machine *m, struct jb_buf *out)
{
    const struct wire_info info = {.host = m->name,
                                   .boot_id = m->boot,
                                   .version = "1",
                                   .protocol_min = 1,
                                   .protocol_max = 1,
                                   .monotonic_ms = clock_of(m),
                                   .wall_us = WALL + w.now * 1000,
                                   .slots = 2,
                                   .slots_free = 2,
                                   .engine = "local",
                                   .policy = ""};

    wire_info_put(&info, out);
}

static int
put_renewed(struct machine *m, struct jb_str body, struct jb_buf *out)
{
    struct wire_state *states = jb_arena_array(w.arena, HELD, sizeof(*states));
    struct wire_renewed renewed = {
        .monotonic_ms = clock_of(m), .boot_id = m->boot, .states = states};
    struct wire_renew renew;

    assert_int_equal(wire_renew_read(body, w.arena, NULL, &renew), 0);
    if (renew.stamp_ms > clock_of(m))
        return 422; /* not of this boot */
    for (size_t i = 0; i < renew.n; i++) {
        struct held *h = held_of(m, renew.items[i].id);
        int64_t until = renew.stamp_ms + renew.items[i].lease_seconds * 1000;

        if (!h || h->fence != renew.items[i].fence)
            continue;
        if (h->phase < WIRE_SUCCEEDED && renew.items[i].cancel)
            h->phase = WIRE_CANCELLED;
        if (h->lease >= clock_of(m) && !strcmp(h->boot, m->boot)) /* else it stops already */
            h->lease = until > h->lease ? until : h->lease;
    }
    for (struct held *h = m->held; h < m->held + HELD; h++)
        if (h->used)
            state_of(m, h, &states[renewed.n++]);
    wire_renewed_put(&renewed, out);
    return 200;
}

static void
put_manifest(const struct held *h, struct jb_buf *out)
{
    static const char *keys[] = {"b0", "b1"};
    struct wire_part parts[BENCHMARKS];
    struct wire_manifest manifest = {.fence = h->fence,
                                     .plan = "plan",
                                     .plan_version = "1",
                                     .environment = "",
                                     .parts = parts};

    memcpy(manifest.id, h->id, sizeof manifest.id);
    memcpy(manifest.spec_hash, h->hash, sizeof manifest.spec_hash);
    for (size_t b = 0; b < BENCHMARKS; b++) {
        unsigned char digest[CRYPTO_SHA256_SIZE];
        struct jb_str doc = jb_str(part_doc(h, b));

        if (!h->wants[b])
            continue;
        parts[manifest.n] =
            (struct wire_part){.benchmark = keys[b], .size = doc.n, .seconds = 1};
        assert_int_equal(crypto_sha256(doc, digest), 0);
        crypto_hex(digest, sizeof digest, parts[manifest.n++].sha256);
    }
    wire_manifest_put(&manifest, out);
}

static void
put_state(const struct machine *m, const struct held *h, struct jb_buf *out)
{
    struct wire_state state;

    state_of(m, h, &state);
    wire_state_put(&state, out);
}

/* What the dispatcher lets go must be stored, or over. */
static void
free_held(struct held *h)
{
    struct store_txn *txn = fixture_begin(w.f, STORE_READ);

    if (store_fence_check(txn, h->job, h->fence) == 0)
        simulation_wrong("freed at its host before it was over");
    store_abort(txn);
    h->used = false;
}

static int
read_log(const struct machine *m, struct held *h, const struct message *msg,
         struct message *answer, struct jb_buf *out)
{
    uint64_t end = log_length(m, h);

    if (chance(5) && end > LOG_KEPT)
        h->turns++;
    answer->log_epoch = h->turns + 1;
    answer->log_end = end;
    answer->log_kept = LOG_KEPT;
    if (msg->from > end || (msg->epoch && msg->epoch != answer->log_epoch))
        return 416;
    for (uint64_t at = msg->from; at < end && at < msg->from + 300; at++)
        jb_buf_putc(out, simulation_log_byte(h->fence, answer->log_epoch, at));
    return 200;
}

bool
simulation_at_host(const struct message *msg)
{
    struct machine *m = &w.machines[msg->machine];
    struct jb_buf out = JB_BUF(WIRE_BODY_MAX);
    struct message answer = *msg;
    struct held *h = NULL;
    int status = 200;

    if (m->deaf > w.now) {
        if (m->paused) {
            struct message later = *msg;
            later.time = m->deaf + 1;
            assert_true(w.n_messages < MESSAGES);
            w.messages[w.n_messages++] = later;
        }
        return m->paused;
    }
    simulation_pass_time(m);
    if (msg->call != LEASE_PUT && *msg->id && !(h = held_of(m, msg->id)))
        status = 404;
    else
        switch (msg->call) {
        case LEASE_INFO: put_info(m, &out); break;
        case LEASE_RENEW: status = put_renewed(m, msg->body, &out); break;
        case LEASE_PUT:
            if ((status = accept_offer(m, msg, &h)) == 200)
                put_state(m, h, &out);
            break;
        case LEASE_CANCEL:
            if (h->phase < WIRE_SUCCEEDED)
                h->phase = WIRE_CANCELLED;
            put_state(m, h, &out);
            break;
        case LEASE_MANIFEST:
            if (h->phase == WIRE_SUCCEEDED) {
                h->told = true;
                put_manifest(h, &out);
            } else {
                status = 404;
            }
            break;
        case LEASE_PART: {
            size_t b = (size_t)(msg->part[1] - '0');
            const char *doc = part_doc(h, b);

            if (b >= h->done || !h->wants[b]) {
                status = 404;
                break;
            }
            jb_buf_put(&out, doc, strlen(doc) - (chance(3) ? 9 : 0));
            /* Good to read, and wrong: only the manifest tells. */
            if (h->told && !w.doubled && chance(3) && strstr(out.p, "0.50"))
                strstr(out.p, "0.50")[2] = '6';
            break;
        }
        case LEASE_DELETE:
            if (h->phase < WIRE_SUCCEEDED)
                status = 409;
            else
                free_held(h);
            break;
        case LEASE_LOG: status = read_log(m, h, msg, &answer, &out); break;
        }
    assert_int_equal(out.err, 0);
    answer.to_host = false;
    answer.status = status;
    answer.body = jb_buf_view(&out);
    post(answer);
    jb_buf_free(&out);
    return false;
}
