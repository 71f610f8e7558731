/* SPDX-License-Identifier: Apache-2.0 */
/* The export task against `jinbang export`: whatever happened, both folders hold the same. */
#include <config.h>

#include "import_help.h"

#include "base/clock.h"
#include "dispatch/dispatch.h"
#include "queue/moderate.h"
#include "queue/publish.h"
#include "queue/state.h"
#include "store/folder.h"

#define START  INT64_C(1764028800000000)
#define SECOND INT64_C(1000000)

struct export_fixture {
    struct fixture *f;
    struct dispatch d;
    void *task;
    int64_t now;
    uint64_t random;
    uint64_t requests[4096], results[4096];
    size_t n_requests, n_results;
};

static int
setup(void **state)
{
    struct export_fixture *x = calloc(1, sizeof *x);
    void *f = NULL;

    assert_non_null(x);
    assert_int_equal(fixture_setup(&f), 0);
    x->f = f;
    x->f->conf.export_.dir = below(f, "folder");
    x->d = (struct dispatch){.conf = &x->f->conf, .store = x->f->store};
    x->now = START;
    x->random = 88172645463325252u;
    *state = x;
    return 0;
}

static int
teardown(void **state)
{
    struct export_fixture *x = *state;
    void *f = x->f;

    if (x->task)
        dispatch_export.stop(x->task);
    free(x);
    return fixture_teardown(&f);
}

static size_t
some(struct export_fixture *x, size_t n)
{
    x->random ^= x->random << 13;
    x->random ^= x->random >> 7;
    x->random ^= x->random << 17;
    return n ? (size_t)(x->random % n) : 0;
}

/* A run, at once or when it wants to be called. Returns when it wants the next. */
static int64_t
run_once(struct export_fixture *x)
{
    struct store_txn *txn;

    if (!x->task) {
        x->task = dispatch_export.start(&x->d, &x->f->err);
        if (!x->task)
            fail_msg("%s", x->f->err.text);
    }
    txn = fixture_begin(x->f, STORE_READ);
    assert_int_equal(store_seq_get(txn, &x->d.seq), 0);
    store_abort(txn);
    return dispatch_export.run(x->task, x->now);
}

/* Until it has nothing to do for a minute. */
static void
run_out(struct export_fixture *x)
{
    for (int i = 0; i < 10000; i++) {
        int64_t next = run_once(x);
        if (next > x->now + 60 * SECOND) {
            x->now += 200000;
            if (run_once(x) > x->now + 60 * SECOND)
                return;
        }
        if (next > x->now && next < x->now + 60 * SECOND)
            x->now = next;
    }
    fail_msg("the task never comes to rest");
}

struct compare {
    struct fixture *f;
    const char *other;
    int n;
};

static size_t
read_small(const char *dir, const char *below_it, const char *path, char into[65536])
{
    char full[512];
    FILE *file;
    size_t n;

    snprintf(full, sizeof full, "%s/%s/%s", dir, below_it, path);
    file = fopen(full, "rb");
    if (!file)
        fail_msg("%s is missing", full);
    n = fread(into, 1, 65536, file);
    fclose(file);
    return n;
}

static int
compare_file(void *ctx, const char *path)
{
    struct compare *c = ctx;
    static char a[65536], b[65536];
    size_t n = read_small(c->f->dir, "folder", path, a);

    if (n != read_small(c->f->dir, c->other, path, b) || memcmp(a, b, n) != 0)
        fail_msg("%s: %.*s\nan export has %s", path, (int)n, a, b);
    c->n++;
    return 0;
}

static int
count_file(void *ctx, const char *path)
{
    (void)path;
    ++*(int *)ctx;
    return 0;
}

static void
walk_all(struct fixture *f, const char *dir, int (*each)(void *ctx, const char *path),
         void *ctx)
{
    static const char *const parts[] = {"requests", "results", ""};
    struct folder *folder;

    assert_int_equal(folder_open(below(f, dir), false, &f->err, &folder), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(folder_walk(folder, parts[i], each, ctx, &f->err), 0);
    folder_close(folder);
}

/* The folder has what an export now has, and nothing else. Returns how many files. */
static int
assert_exported(struct export_fixture *x)
{
    static int count;
    struct compare c = {x->f, jb_arena_printf(x->f->arena, "export-%d", ++count), 0};
    struct queue_publish *publish = queue_publish_new(x->now);
    struct export_rule rule = queue_publish_rule(publish);
    struct import_counts counts;
    int n = 0;

    if (export_all(x->f->store, below(x->f, c.other), &rule, NULL, &x->f->err, &counts))
        fail_msg("%s", x->f->err.text);
    queue_publish_free(publish);
    walk_all(x->f, "folder", compare_file, &c);
    walk_all(x->f, c.other, count_file, &n);
    if (c.n != n)
        fail_msg("%d files, an export has %d", c.n, n);
    nftw(below(x->f, c.other), fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
    return n;
}

static uint64_t
put_request(struct export_fixture *x, struct request r)
{
    struct store_txn *txn = fixture_begin(x->f, STORE_WRITE);
    enum store_outcome outcome;

    assert_int_equal(store_request_put(txn, &r, &outcome), 0);
    fixture_commit(x->f, txn);
    if (outcome == STORE_NEW && x->n_requests < 4096)
        x->requests[x->n_requests++] = r.id;
    return r.id;
}

static uint64_t
put_result(struct export_fixture *x, struct result r)
{
    struct store_txn *txn = fixture_begin(x->f, STORE_WRITE);
    enum store_outcome outcome;

    assert_int_equal(store_result_put(txn, &r, &outcome), 0);
    fixture_commit(x->f, txn);
    if (outcome == STORE_NEW && x->n_results < 4096)
        x->results[x->n_results++] = r.id;
    return r.id;
}

static void
put_job(struct export_fixture *x, struct job job)
{
    struct store_txn *txn = fixture_begin(x->f, STORE_WRITE);
    enum store_outcome outcome;

    assert_int_equal(store_job_put(txn, &job, &outcome), 0);
    fixture_commit(x->f, txn);
}

static bool
there(struct export_fixture *x, const char *path)
{
    return access(below(x->f, jb_arena_printf(x->f->arena, "folder/%s", path)), F_OK) == 0;
}

static const char *
content(struct export_fixture *x, const char *path)
{
    const char *bytes =
        slurp(x->f, below(x->f, jb_arena_printf(x->f->arena, "folder/%s", path)), NULL);

    if (!bytes)
        fail_msg("%s is not there", path);
    return bytes;
}

#define REQUEST "requests/o/m_eval_request_False_float16_Original.json"

static void
test_life(void **state)
{
    struct export_fixture *x = *state;
    struct job job = {.state = queue_state_word(QUEUE_SUBMITTED)};

    job.id = put_request(x, a_request("o/m"));
    put_job(x, job);
    run_out(x);
    assert_false(there(x, REQUEST)); /* not checked yet */
    job.state = queue_state_word(QUEUE_QUEUED);
    put_job(x, job);
    run_out(x);
    assert_non_null(strstr(content(x, REQUEST), "\"job_id\": -1, \"job_start_time\": null}"));
    job.state = queue_state_word(QUEUE_RUNNING);
    job.started = START + 5;
    put_job(x, job);
    run_out(x);
    assert_non_null(
        strstr(content(x, REQUEST), "\"job_start_time\": \"2025-11-25T00:00:00.000005\"}"));
    job.hidden = true;
    put_job(x, job);
    run_out(x);
    assert_false(there(x, REQUEST));
    assert_false(there(x, "requests/o"));
    assert_int_equal(assert_exported(x), 4);
    job.hidden = false;
    put_job(x, job);
    run_out(x);
    assert_true(there(x, REQUEST));
}

static void
test_embargo(void **state)
{
    struct export_fixture *x = *state;
    struct request r = a_request("o/m");
    struct job job = {.state = queue_state_word(QUEUE_FINISHED),
                      .embargo = START + 90 * SECOND};

    r.commit = r.revision = "0123456789abcdef0123456789abcdef01234567";
    job.id = put_request(x, r);
    put_job(x, job);
    put_result(x, a_result("o/m", "o/m/results_1.json"));
    run_out(x);
    assert_false(there(x, "results/o/m/results_1.json"));
    int64_t next = run_once(x);
    assert_true(next == job.embargo);
    x->now = next;
    run_out(x);
    assert_true(there(x, "results/o/m/results_1.json"));
    assert_exported(x);
    /* It ends while nobody runs. */
    job.embargo = x->now + 90 * SECOND;
    put_job(x, job);
    run_out(x);
    assert_false(there(x, "results/o/m/results_1.json"));
    dispatch_export.stop(x->task);
    x->task = NULL;
    x->now += 100 * SECOND;
    run_out(x);
    assert_true(there(x, "results/o/m/results_1.json"));
}

/* A result follows what becomes of the requests behind it. */
static void
test_results_follow(void **state)
{
    struct export_fixture *x = *state;
    struct job job = {.state = queue_state_word(QUEUE_FINISHED), .hidden = true};
    struct request exact = a_request("o/m");
    struct store_txn *txn;

    job.id = put_request(x, a_request("o/m"));
    put_job(x, job);
    put_result(x, a_result("o/m", "o/m/results_1.json"));
    run_out(x);
    assert_false(there(x, "results/o/m/results_1.json"));
    exact.revision = exact.commit = "0123456789abcdef0123456789abcdef01234567";
    exact.id = put_request(x, exact);
    run_out(x);
    assert_true(there(x, "results/o/m/results_1.json"));
    /* It turns out to be of another model. */
    exact.model = "o/n";
    put_request(x, exact);
    run_out(x);
    assert_false(there(x, "results/o/m/results_1.json"));
    exact.model = "o/m";
    put_request(x, exact);
    run_out(x);
    assert_true(there(x, "results/o/m/results_1.json"));
    txn = fixture_begin(x->f, STORE_WRITE);
    assert_int_equal(store_request_delete(txn, exact.id), 0);
    fixture_commit(x->f, txn);
    run_out(x);
    assert_false(there(x, "results/o/m/results_1.json"));
    txn = fixture_begin(x->f, STORE_WRITE);
    assert_int_equal(store_request_delete(txn, job.id), 0);
    fixture_commit(x->f, txn);
    run_out(x);
    assert_true(there(x, "results/o/m/results_1.json"));
}

/* What is not ours stays, what was ours goes, links lead nowhere. */
static void
test_folder_of_others(void **state)
{
    struct export_fixture *x = *state;
    struct fixture *f = x->f;

    write_text(f, "folder/README.md", "theirs");
    write_text(f, "folder/.git/config", "theirs");
    write_text(f, "folder/requests/.git/config_eval_request_.json", "theirs");
    write_text(f, "folder/requests/o/notes.json", "theirs");
    write_text(f, "folder/requests/o/gone_eval_request_False_float16_Original.json", "x");
    write_text(f, "folder/requests/o/gone_eval_request_False_float16_Original.json.12.tmp",
               "x");
    write_text(f, "folder/model_infos.json.12.tmp", "x");
    write_text(f, "folder/results/o/gone/results_1.json", "x");
    write_text(f, "folder/" REQUEST, "old");
    write_text(f, "outside/m/results_1.json", "theirs");
    assert_int_equal(symlink(below(f, "outside"), below(f, "folder/results/o/link")), 0);
    put_request(x, a_request("o/m"));
    run_out(x);
    assert_true(there(x, "README.md"));
    assert_true(there(x, ".git/config"));
    assert_true(there(x, "requests/.git/config_eval_request_.json"));
    assert_true(there(x, "requests/o/notes.json"));
    assert_true(there(x, "results/o/link/m/results_1.json"));
    assert_false(there(x, "requests/o/gone_eval_request_False_float16_Original.json"));
    assert_false(there(x, "requests/o/gone_eval_request_False_float16_Original.json.12.tmp"));
    assert_false(there(x, "model_infos.json.12.tmp"));
    assert_false(there(x, "results/o/gone"));
    assert_non_null(strstr(content(x, REQUEST), "\"o/m\""));
}

/* Another folder by a reload; the first one vanishes. */
static void
test_other_folder(void **state)
{
    struct export_fixture *x = *state;
    struct fixture *f = x->f;

    put_request(x, a_request("o/m"));
    run_out(x);
    assert_true(there(x, REQUEST));
    write_text(f, "second/" REQUEST, "not what it is to be");
    f->conf.export_.dir = below(f, "second");
    dispatch_export.reload(x->task);
    run_out(x);
    assert_non_null(strstr(slurp(f, below(f, "second/" REQUEST), NULL), "\"o/m\""));
    /* A folder that was written by others while we knew another one. */
    f->conf.export_.dir = below(f, "folder");
    dispatch_export.reload(x->task);
    run_out(x);
    nftw(below(f, "folder"), fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
    put_request(x, a_request("o/n"));
    run_out(x);
    assert_true(there(x, REQUEST));
    f->conf.export_.dir = "";
    dispatch_export.reload(x->task);
    assert_true(run_once(x) == INT64_MAX);
}

static void
random_request(struct export_fixture *x)
{
    static const char *const revisions[] = {"main", "dev",
                                            "0123456789abcdef0123456789abcdef01234567"};
    char model[32];
    struct request r;

    snprintf(model, sizeof model, "o/m%zu", some(x, 12));
    r = a_request(model);
    r.revision = revisions[some(x, 3)];
    r.commit = some(x, 2) ? revisions[2] : "";
    r.submitted += (int64_t)some(x, 5) * SECOND;
    r.status = some(x, 2) ? "PENDING" : "FINISHED";
    if (some(x, 3) == 0)
        r.path = "o/shared_eval_request_False_float16_Original.json";
    if (some(x, 3) == 0) {
        r.path = jb_arena_printf(x->f->arena, "o/m%zu_eval_request_False_float16_Original.json",
                                 some(x, 12));
        r.doc = jb_str(jb_arena_printf(
            x->f->arena, "{\"model\": \"%s\", \"revision\": \"%s\", \"status\": \"RERUN\"}",
            model, r.revision));
    }
    put_request(x, r);
}

static void
random_job(struct export_fixture *x)
{
    struct job job = {.id = x->requests[some(x, x->n_requests)]};
    struct request r;
    struct store_txn *txn = fixture_begin(x->f, STORE_READ);
    int rc = store_request_get(txn, job.id, x->f->arena, &r);

    store_abort(txn);
    if (rc)
        return;
    job.state = queue_state_word((enum queue_state)some(x, QUEUE_STATE_MAX));
    job.hidden = some(x, 4) == 0;
    job.embargo = some(x, 3) == 0 ? x->now + (int64_t)some(x, 8) * SECOND : 0;
    job.started = some(x, 2) ? START : 0;
    put_job(x, job);
}

static void
random_result(struct export_fixture *x)
{
    char model[32], path[64];
    struct result r;

    snprintf(model, sizeof model, "o/m%zu", some(x, 12));
    snprintf(path, sizeof path, "%s/results_%zu.json", model, some(x, 3));
    r = a_result(model, path);
    if (some(x, 2))
        r.revision = some(x, 2) ? "" : "89abcdef0123456789abcdef0123456789abcdef";
    r.doc = jb_str(jb_arena_printf(x->f->arena, "{\"results\": {\"n\": %zu}}", some(x, 100)));
    if (some(x, 10) == 0)
        r.doc = JB_STR("");
    put_result(x, r);
}

static void
random_note(struct export_fixture *x)
{
    static const enum store_note kinds[] = {NOTE_FLAG, NOTE_ALIAS, NOTE_BLOCKED, NOTE_HIDDEN};
    enum store_note kind = kinds[some(x, 4)];
    struct store_txn *txn = fixture_begin(x->f, STORE_WRITE);
    enum store_outcome outcome;
    char name[32], text[32];

    snprintf(name, sizeof name, "o/m%zu", some(x, 12));
    snprintf(text, sizeof text, "o/m%zu", some(x, 12));
    if (some(x, 2))
        (void)store_note_delete(txn, kind, name);
    else if (strcmp(name, text) != 0)
        assert_int_equal(store_note_put(txn, kind, name, text, &outcome), 0);
    fixture_commit(x->f, txn);
}

static void
random_change(struct export_fixture *x)
{
    static const char *const precisions[] = {"8bit", "bfloat16", "float16"};
    size_t what = some(x, 16);
    struct store_txn *txn;

    if (x->n_requests == 0 || what < 3) {
        random_request(x);
    } else if (what < 7) {
        random_job(x);
    } else if (what < 11) {
        random_result(x);
    } else if (what < 13) {
        random_note(x);
    } else if (what == 13) {
        struct model_info m = {.model = some(x, 2) ? "o/m1" : "o/m2",
                               .license = "mit",
                               .likes = (double)some(x, 50),
                               .still_on_hub = true};
        enum store_outcome outcome;
        txn = fixture_begin(x->f, STORE_WRITE);
        assert_int_equal(store_model_put(txn, &m, &outcome), 0);
        fixture_commit(x->f, txn);
    } else if (what == 14) {
        struct queue_correction c = {.precision = precisions[some(x, 3)]};
        txn = fixture_begin(x->f, STORE_WRITE);
        (void)queue_correct(txn, x->requests[some(x, x->n_requests)], &c, NULL);
        fixture_commit(x->f, txn);
    } else {
        txn = fixture_begin(x->f, STORE_WRITE);
        if (some(x, 2) || !x->n_results)
            (void)store_request_delete(txn, x->requests[some(x, x->n_requests)]);
        else
            (void)store_result_delete(txn, x->results[some(x, x->n_results)]);
        fixture_commit(x->f, txn);
    }
}

/* Changes of every kind, runs in between, programs that die anywhere. */
static void
test_anything(void **state)
{
    struct export_fixture *x = *state;
    int most = 0;

    for (int round = 0; round < 60; round++) {
        size_t n = 1 + some(x, 40);
        for (size_t i = 0; i < n; i++) {
            random_change(x);
            if (some(x, 4) == 0) {
                x->now += (int64_t)some(x, 3) * 300000;
                (void)run_once(x);
            }
            if (some(x, 20) == 0 && x->task) {
                dispatch_export.stop(x->task);
                x->task = NULL;
            }
        }
        x->now += (int64_t)some(x, 4) * SECOND;
        run_out(x);
        int files = assert_exported(x);
        most = files > most ? files : most;
        jb_arena_reset(x->f->arena);
        x->f->conf.export_.dir = below(x->f, "folder");
    }
    assert_true(most > 30);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_embargo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_results_follow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folder_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_anything, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
