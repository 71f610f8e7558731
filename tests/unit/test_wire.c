/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cmocka_all.h"

#include "wire/message.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ID     "0123456789abcdef0123456789abcdef"
#define COMMIT "0123456789012345678901234567890123456789"

static const struct spec_task tasks[] = {
    {"c-sem", "c_sem_v2-LLSRC", "acc", 5},
    {"c-sem", "c_sem_v2-SLPWC", "acc", 5},
    {"arc", "c_arc_challenge", "acc_norm", 25},
};
static const struct spec good = {
    .plan = "lm-eval",
    .model = "org/model-7b",
    .revision = COMMIT,
    .base_model = "",
    .base_revision = "",
    .precision = "float16",
    .weight_type = "Original",
    .params = 6.738,
    .seed = 1234,
    .wall_seconds = 3600,
    .suite = "v1",
    .n_tasks = 3,
    .tasks = tasks,
};

/* The canonical text: a change of it is a change of every hash. */
static const char good_text[] =
    "{\"plan\": \"lm-eval\", \"model\": \"org/model-7b\", \"revision\": \"" COMMIT "\", "
    "\"base_model\": \"\", \"base_revision\": \"\", \"precision\": \"float16\", "
    "\"weight_type\": \"Original\", \"params\": 6.738, \"seed\": 1234, "
    "\"wall_seconds\": 3600, \"suite\": \"v1\", \"tasks\": ["
    "{\"benchmark\": \"c-sem\", \"task\": \"c_sem_v2-LLSRC\", \"metric\": \"acc\", "
    "\"shots\": 5}, "
    "{\"benchmark\": \"c-sem\", \"task\": \"c_sem_v2-SLPWC\", \"metric\": \"acc\", "
    "\"shots\": 5}, "
    "{\"benchmark\": \"arc\", \"task\": \"c_arc_challenge\", \"metric\": \"acc_norm\", "
    "\"shots\": 25}]}";

/* Blanks outside strings are taken out. */
static char *
packed(const char *text)
{
    static char out[4096];
    size_t n = 0;

    for (; *text; text++)
        if (*text != ' ')
            out[n++] = *text;
    out[n] = '\0';
    return out;
}

static int
setup(void **state)
{
    *state = jb_arena_new(8 << 20);
    return *state ? 0 : -1;
}

static int
teardown(void **state)
{
    jb_arena_free(*state);
    return 0;
}

static void
test_spec_text(void **state)
{
    struct jb_buf out = JB_BUF(SPEC_BODY_MAX);
    struct jb_error err = {0};
    struct spec again;
    char hash[SPEC_HASH_HEX], other[SPEC_HASH_HEX];

    spec_put(&good, &out);
    assert_int_equal(out.err, 0);
    assert_string_equal(out.p, packed(good_text));
    assert_int_equal(spec_read(jb_buf_view(&out), *state, &err, &again), 0);
    assert_string_equal(again.tasks[2].task, "c_arc_challenge");
    assert_int_equal(again.tasks[2].shots, 25);
    assert_true(again.params == 6.738);
    assert_int_equal(spec_hash(&good, hash), 0);
    assert_string_equal(hash,
                        "9e9e79ec0a43f4e19368f3a5a22d2a8517585e954e3112f9ab8d31867ae86891");
    /* in another order, with blanks: the same spec */
    assert_int_equal(spec_read(jb_str(good_text), *state, &err, &again), 0);
    assert_int_equal(spec_hash(&again, other), 0);
    assert_string_equal(hash, other);
    again.seed++;
    assert_int_equal(spec_hash(&again, other), 0);
    assert_string_not_equal(hash, other);
    again.params = NAN;
    jb_buf_reset(&out);
    spec_put(&again, &out);
    assert_non_null(strstr(out.p, "\"params\":null,"));
    assert_int_equal(spec_read(jb_buf_view(&out), *state, &err, &again), 0);
    assert_true(isnan(again.params));
    jb_buf_free(&out);
}

static void
test_spec_hostile(void **state)
{
    static const struct {
        const char *from, *to, *reason;
        int code;
    } cases[] = {
        {"org/model-7b", "org/model,peft=x", "model", JB_EUNPROC},
        {"org/model-7b", "../etc", "model", JB_EUNPROC},
        {"org/model-7b", "--help", "model", JB_EUNPROC},
        {COMMIT, "refs/pr/1", "revision", JB_EUNPROC},
        {COMMIT, "", "revision", JB_EUNPROC},
        {"\"lm-eval\"", "\"lm eval\"", "plan", JB_EUNPROC},
        {"\"lm-eval\"", "\"../lm\"", "plan", JB_EUNPROC},
        {"\"lm-eval\"", "\"\"", "plan", JB_EUNPROC},
        {"\"lm-eval\"", "[]", "plan: must be a text", JB_EUNPROC},
        {"\"lm-eval\"", "null", "plan: must be a text", JB_EUNPROC},
        {"float16", "float16,x=y", "precision", JB_EUNPROC},
        {"c_arc_challenge", "c_arc;rm", "task 2", JB_EUNPROC},
        {"c_arc_challenge", "-rf", "task 2", JB_EUNPROC},
        {"c_arc_challenge", "a/b", "task 2", JB_EUNPROC},
        {"\"arc\"", "\"..\"", "task 2", JB_EUNPROC},
        {"\"arc\"", "\"c-sem\"", "task 2: shots", JB_EUNPROC},
        {"c_sem_v2-SLPWC", "c_sem_v2-LLSRC", "twice", JB_EUNPROC},
        {"\"shots\": 25", "\"shots\": 101", "tasks: 2: shots: must be between", JB_EUNPROC},
        {"\"shots\": 25", "\"shots\": 2.5", "whole", JB_EUNPROC},
        {"\"shots\": 25", "\"shots\": -1", "between", JB_EUNPROC},
        {"\"shots\": 25", "\"shots\": \"25\"", "number", JB_EUNPROC},
        {"\"shots\": 25", "\"shots\": 25, \"shots\": 25", "twice", JB_EUNPROC},
        {", \"shots\": 25", "", "\"shots\" is missing", JB_EUNPROC},
        {"\"seed\": 1234", "\"seed\": 1e300", "between", JB_EUNPROC},
        {"\"seed\": 1234", "\"seed\": NaN", "number", JB_EUNPROC},
        {"\"seed\": 1234", "\"seed\": 2147483648", "between", JB_EUNPROC},
        {"6.738", "Infinity", "number", JB_EUNPROC},
        {"6.738", "-1", "between", JB_EUNPROC},
        {"3600", "0", "between", JB_EUNPROC},
        {"\"suite\"", "\"command\": \"sh\", \"suite\"", "unknown member", JB_EUNPROC},
        {"\"suite\": \"v1\"", "\"suite\": \"v\\n1\"", "control", JB_EUNPROC},
        {"\"base_revision\": \"\"", "\"base_revision\": \"" COMMIT "\"", "base", JB_EUNPROC},
        {"{\"plan\"", "[{\"plan\"", "", JB_EPARSE},
        {"]}", "]", "", JB_EPARSE},
        {"v1", "v\xff", "UTF-8", JB_EPARSE},
    };
    char text[4096];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *at = strstr(good_text, cases[i].from);
        struct jb_error err = {0};
        struct spec spec;

        assert_non_null(at);
        if (i == 16 || cases[i].from[0] == ']') /* the last of it */
            for (const char *next; (next = strstr(at + 1, cases[i].from)) != NULL;)
                at = next;
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good_text), good_text, cases[i].to,
                 at + strlen(cases[i].from));
        int rc = spec_read(jb_str(text), *state, &err, &spec);
        if (rc != cases[i].code || err.code != rc || !strstr(err.text, cases[i].reason))
            fail_msg("%s -> %s: %d %s", cases[i].from, cases[i].to, rc, err.text);
    }
}

static void
test_spec_bounds(void **state)
{
    static struct spec_task many[SPEC_TASKS_MAX + 1];
    struct spec spec = good;
    struct jb_error err = {0};
    static char names[SPEC_TASKS_MAX + 1][16];

    (void)state;
    for (size_t i = 0; i <= SPEC_TASKS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "t%zu", i);
        many[i] = (struct spec_task){"cmmlu", names[i], "acc", 5};
    }
    spec.tasks = many;
    spec.n_tasks = SPEC_TASKS_MAX;
    assert_int_equal(spec_check(&spec, &err), 0);
    spec.n_tasks = SPEC_TASKS_MAX + 1;
    assert_int_equal(spec_check(&spec, &err), JB_EINVAL);
    spec = good;
    spec.n_tasks = 0;
    assert_int_equal(spec_check(&spec, NULL), JB_EINVAL);
    /* apart from each other */
    many[1].benchmark = "other";
    spec.tasks = many;
    spec.n_tasks = 3;
    jb_error_clear(&err);
    assert_int_equal(spec_check(&spec, &err), JB_EINVAL);
    assert_non_null(strstr(err.text, "together"));
    spec = good;
    spec.base_model = "org/base";
    spec.base_revision = COMMIT;
    assert_int_equal(spec_check(&spec, NULL), 0);
    spec.base_revision = "";
    assert_int_equal(spec_check(&spec, NULL), JB_EINVAL);
    spec = good;
    spec.model = "jinbang/random";
    spec.revision = "main";
    assert_int_equal(spec_check(&spec, NULL), 0);
}

static void
test_offer(void **state)
{
    struct wire_offer offer = {ID, 7, 12, 900, "", good}, again;
    struct jb_buf out = JB_BUF(SPEC_BODY_MAX);
    struct jb_error err = {0};

    assert_int_equal(spec_hash(&good, offer.spec_hash), 0);
    wire_offer_put(&offer, &out);
    assert_int_equal(wire_offer_read(jb_buf_view(&out), *state, &err, &again), 0);
    assert_string_equal(again.id, ID);
    assert_int_equal(again.job, 7);
    assert_int_equal(again.fence, 12);
    assert_int_equal(again.lease_seconds, 900);
    assert_string_equal(again.spec.plan, "lm-eval");
    assert_int_equal(again.spec.n_tasks, 3);

    offer.spec_hash[0] ^= 1;
    jb_buf_reset(&out);
    wire_offer_put(&offer, &out);
    assert_int_equal(wire_offer_read(jb_buf_view(&out), *state, &err, &again), JB_EUNPROC);
    assert_non_null(strstr(err.text, "hash"));
    offer.spec_hash[0] ^= 1;
    offer.id[3] = 'A';
    jb_buf_reset(&out);
    wire_offer_put(&offer, &out);
    assert_int_equal(wire_offer_read(jb_buf_view(&out), *state, NULL, &again), JB_EUNPROC);
    offer.id[3] = '3';
    offer.fence = 0;
    jb_buf_reset(&out);
    wire_offer_put(&offer, &out);
    assert_int_equal(wire_offer_read(jb_buf_view(&out), *state, NULL, &again), JB_EUNPROC);
    jb_buf_free(&out);
}

static void
test_state(void **state)
{
    static const char *const done[] = {"c-sem", "arc"};
    struct wire_state s = {ID,
                           3,
                           WIRE_FAILED,
                           0.5,
                           "arc",
                           "harness_crash",
                           "\"quoted\" 中文",
                           4,
                           (uint64_t)1 << 40,
                           2,
                           done};
    struct wire_renewed r = {123456789, "boot", 1, &s}, r2;
    struct wire_state again;
    struct jb_buf out = JB_BUF(WIRE_BODY_MAX), twice = JB_BUF(WIRE_BODY_MAX);
    struct jb_error err = {0};

    for (int phase = 0; phase < WIRE_PHASE_MAX; phase++) {
        s.phase = (enum wire_phase)phase;
        jb_buf_reset(&out);
        jb_buf_reset(&twice);
        wire_state_put(&s, &out);
        assert_int_equal(wire_state_read(jb_buf_view(&out), *state, &err, &again), 0);
        assert_int_equal(again.phase, phase);
        assert_non_null(strstr(out.p, wire_phase_word(s.phase)));
        wire_state_put(&again, &twice);
        assert_string_equal(out.p, twice.p);
    }
    assert_string_equal(wire_phase_word(WIRE_PHASE_MAX), "");
    assert_true(again.log_end == (uint64_t)1 << 40);
    assert_string_equal(again.done[1], "arc");
    s.progress = 1.5;
    jb_buf_reset(&out);
    wire_state_put(&s, &out);
    assert_int_equal(wire_state_read(jb_buf_view(&out), *state, NULL, &again), JB_EUNPROC);
    s.progress = -1;
    s.phase = WIRE_PHASE_MAX;
    jb_buf_reset(&out);
    wire_state_put(&s, &out);
    assert_int_equal(wire_state_read(jb_buf_view(&out), *state, NULL, &again), JB_EUNPROC);
    s.phase = WIRE_LOST;
    jb_buf_reset(&out);
    jb_buf_reset(&twice);
    wire_renewed_put(&r, &out);
    assert_int_equal(wire_renewed_read(jb_buf_view(&out), *state, &err, &r2), 0);
    wire_renewed_put(&r2, &twice);
    assert_string_equal(out.p, twice.p);
    jb_buf_free(&out);
    jb_buf_free(&twice);
}

static void
test_renew(void **state)
{
    static struct wire_renewal items[WIRE_ATTEMPTS_MAX + 1];
    struct wire_renew renew = {99, WIRE_ATTEMPTS_MAX, items}, again;
    struct jb_buf out = JB_BUF(WIRE_BODY_MAX);
    struct jb_error err = {0};

    for (size_t i = 0; i <= WIRE_ATTEMPTS_MAX; i++)
        items[i] = (struct wire_renewal){ID, i + 1, 900, i % 2};
    wire_renew_put(&renew, &out);
    assert_int_equal(wire_renew_read(jb_buf_view(&out), *state, &err, &again), 0);
    assert_int_equal(again.n, WIRE_ATTEMPTS_MAX);
    assert_true(again.items[1].cancel && !again.items[2].cancel);
    renew.n++;
    jb_buf_reset(&out);
    wire_renew_put(&renew, &out);
    assert_int_equal(wire_renew_read(jb_buf_view(&out), *state, &err, &again), JB_EUNPROC);
    renew.n = 0;
    jb_buf_reset(&out);
    wire_renew_put(&renew, &out);
    assert_int_equal(wire_renew_read(jb_buf_view(&out), *state, &err, &again), 0);
    assert_int_equal(again.n, 0);
    jb_buf_free(&out);
}

static void
test_info_and_manifest(void **state)
{
    static const struct wire_gpu gpus[] = {{"NVIDIA H100 80GB", 81559, 81000}};
    static const char *const plans[] = {"lm-eval", "random-baseline"};
    struct wire_info info = {.host = "h-one",
                             .boot_id = "b",
                             .version = "0.1.0",
                             .protocol_min = 1,
                             .protocol_max = 1,
                             .monotonic_ms = 5,
                             .wall_us = 1700000000000000,
                             .slots = 2,
                             .slots_free = 1,
                             .engine = "local",
                             .policy = "",
                             .draining = true,
                             .n_gpus = 1,
                             .gpus = gpus,
                             .n_plans = 2,
                             .plans = plans};
    struct wire_part part = {"arc", 10, "", 1.25};
    struct wire_manifest m = {ID, 1, "", "lm-eval", "", "", 1, &part, "", ""}, m2;
    struct wire_drain drain;
    struct wire_refusal refusal = {"full"}, refusal2;
    struct wire_info info2;
    struct jb_buf out = JB_BUF(WIRE_BODY_MAX);
    struct jb_error err = {0};

    wire_info_put(&info, &out);
    assert_int_equal(wire_info_read(jb_buf_view(&out), *state, &err, &info2), 0);
    assert_true(info2.draining && info2.wall_us == info.wall_us);
    assert_int_equal(info2.gpus[0].total_mib, 81559);
    assert_string_equal(info2.plans[1], "random-baseline");
    jb_buf_reset(&out);
    memset(part.sha256, 'a', 64);
    memset(m.spec_hash, 'b', 64);
    wire_manifest_put(&m, &out);
    assert_int_equal(wire_manifest_read(jb_buf_view(&out), *state, &err, &m2), 0);
    assert_true(m2.parts[0].seconds == 1.25 && m2.parts[0].size == 10);
    part.sha256[5] = '/';
    jb_buf_reset(&out);
    wire_manifest_put(&m, &out);
    assert_int_equal(wire_manifest_read(jb_buf_view(&out), *state, NULL, &m2), JB_EUNPROC);
    assert_int_equal(wire_drain_read(JB_STR("{\"drain\":true}"), *state, NULL, &drain), 0);
    assert_true(drain.drain);
    assert_int_equal(wire_drain_read(JB_STR("{\"drain\":1}"), *state, NULL, &drain),
                     JB_EUNPROC);
    jb_buf_reset(&out);
    wire_refusal_put(&refusal, &out);
    assert_string_equal(out.p, "{\"error\":\"full\"}");
    assert_int_equal(wire_refusal_read(jb_buf_view(&out), *state, NULL, &refusal2), 0);
    jb_buf_free(&out);
}

/* What a manifest says of where it comes from. */
static void
test_signed(void **state)
{
    struct wire_part parts[] = {{"arc", 10, "", 1.25}, {"sem", 20, "", 0.1}};
    struct wire_manifest m = {ID, 7, "", "lm-eval", "0.4", "Linux", 2, parts, "", ""};
    struct jb_buf json = JB_BUF(WIRE_BODY_MAX), key = {0}, other = {0};
    unsigned char keys[2][PKI_HASH_SIZE];
    struct jb_error err = {0};

    memset(parts[0].sha256, 'a', 64);
    memset(parts[1].sha256, 'b', 64);
    memset(m.spec_hash, 'c', 64);
    assert_int_equal(pki_key_new(PKI_HOST, NULL, &key), 0);
    assert_int_equal(pki_key_new(PKI_HOST, NULL, &other), 0);
    assert_int_equal(pki_key_hash(jb_buf_view(&other), NULL, keys[0]), 0);
    assert_int_equal(pki_key_hash(jb_buf_view(&key), NULL, keys[1]), 0);

    wire_manifest_put(&m, &json);
    assert_int_equal(wire_manifest_check(jb_buf_view(&json), 2, keys, &err), JB_EACCES);
    assert_string_equal(err.text, "the manifest is not signed");
    assert_int_equal(wire_manifest_sign(&m, jb_buf_view(&key), *state, NULL), 0);
    jb_buf_reset(&json);
    wire_manifest_put(&m, &json);
    jb_error_clear(&err);
    if (wire_manifest_check(jb_buf_view(&json), 2, keys, &err))
        fail_msg("%s: %s", json.p, err.text);
    assert_int_equal(wire_manifest_check(jb_buf_view(&json), 1, keys, &err), JB_EACCES);
    assert_non_null(strstr(err.text, "not its host's"));
    assert_int_equal(wire_manifest_check(jb_buf_view(&json), 0, NULL, NULL), JB_EACCES);
    /* another byte anywhere, one more, one less */
    for (size_t i = 0; i < json.n; i += i < 200 || i + 8 > json.n ? 1 : 7) {
        json.p[i] ^= 1;
        assert_int_not_equal(wire_manifest_check(jb_buf_view(&json), 2, keys, NULL), 0);
        json.p[i] ^= 1;
    }
    jb_buf_putc(&json, ' ');
    assert_int_equal(wire_manifest_check(jb_buf_view(&json), 2, keys, NULL), JB_EUNPROC);
    json.n -= 2;
    assert_int_not_equal(wire_manifest_check(jb_buf_view(&json), 2, keys, NULL), 0);
    /* the other host's signature under the same manifest, with this one's key */
    const char *public = m.key;
    assert_int_equal(wire_manifest_sign(&m, jb_buf_view(&other), *state, NULL), 0);
    m.key = public;
    jb_buf_reset(&json);
    wire_manifest_put(&m, &json);
    jb_error_clear(&err);
    assert_int_equal(wire_manifest_check(jb_buf_view(&json), 2, keys, &err), JB_EACCES);
    assert_string_equal(err.text, "the manifest: the signature does not hold");
    pki_wipe(&key);
    pki_wipe(&other);
    jb_buf_free(&json);
}

static void
test_too_large(void **state)
{
    struct jb_buf text = JB_BUF(4 << 20);
    struct jb_error err = {0};
    struct wire_renew renew;

    jb_buf_puts(&text, "{\"stamp_ms\":1,\"items\":[");
    for (int i = 0; i < 70000; i++)
        jb_buf_puts(&text, "1,");
    jb_buf_puts(&text, "1]}");
    assert_int_equal(wire_renew_read(jb_buf_view(&text), *state, &err, &renew), JB_ETOOBIG);
    jb_buf_reset(&text);
    for (int i = 0; i < 100; i++)
        jb_buf_puts(&text, "[");
    assert_int_equal(wire_renew_read(jb_buf_view(&text), *state, NULL, &renew), JB_ETOOBIG);
    jb_buf_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_spec_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spec_hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spec_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_offer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_info_and_manifest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
