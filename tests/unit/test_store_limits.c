/* SPDX-License-Identifier: Apache-2.0 */
/* The environment at its limits: a full disk or map, no reader slot, processes that die. */
#include <config.h>

#include "store_help.h"

#include <fcntl.h>
#include <lmdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void
test_disk_nearly_full(void **state)
{
    struct fixture *f = *state;
    struct jb_error err = {0};
    struct store_txn *txn;

    fixture_fill(f, 3);
    fixture_close(f);
    f->conf.store.min_free = INT64_MAX;
    fixture_open(f);
    assert_int_equal(store_begin(f->store, STORE_WRITE, "test", &err, &txn), JB_EFULL);
    assert_non_null(strstr(err.text, "store.min_free"));
    store_abort(fixture_begin(f, STORE_READ));
    assert_sound(f);
}

static void
test_full_map(void **state)
{
    struct fixture *f = fixture_new(1 << 20);
    struct jb_error err = {0};
    enum store_outcome outcome;
    struct store_stat figures;
    char *text = malloc(40000);
    int rc = 0, n = 0;

    *state = f;
    assert_non_null(text);
    memset(text, 'x', 40000);
    assert_int_equal(store_create(&f->conf, &f->err), 0);
    fixture_open(f);
    for (; n < 100 && !rc; n++) {
        char path[64];
        snprintf(path, sizeof path, "a/b/results_%d.json", n);
        struct result result = a_result("a/b", path);
        result.doc = (struct jb_str){text, 40000};
        struct store_txn *txn = fixture_begin(f, STORE_WRITE);
        store_result_put(txn, &result, &outcome);
        rc = store_commit(txn, &err);
    }
    free(text);
    assert_int_equal(rc, JB_EFULL);
    assert_non_null(strstr(err.text, "store.map_size"));
    assert_true(n > 5 && n < 30);
    /* Reads go on, nothing of the refused one is there, ... */
    struct store_txn *txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_stat_get(txn, &figures), 0);
    assert_int_equal(figures.results, n - 1);
    assert_int_equal(figures.changes, n - 1);
    assert_int_equal(figures.map_size, 1 << 20);
    assert_true(figures.used_bytes <= figures.map_size &&
                figures.used_bytes > figures.map_size / 2);
    store_abort(txn);
    assert_sound(f);
    /* ... a small write fits, and a delete makes room again. */
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_note_put(txn, NOTE_FLAG, "a/b", "https://example.org/1", &outcome),
                     0);
    fixture_commit(f, txn);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_result_delete(txn, 1), 0);
    assert_int_equal(store_result_delete(txn, 2), 0);
    fixture_commit(f, txn);
    assert_sound(f);
}

/* Larger without opening it anew; another process that wrote beyond our map is followed. */
static void
test_map_grows(void **state)
{
    struct fixture *f = fixture_new(1 << 20);
    struct jb_error err = {0};
    enum store_outcome outcome;
    char *text = malloc(40000);

    *state = f;
    assert_non_null(text);
    memset(text, 'x', 40000);
    assert_int_equal(store_create(&f->conf, &f->err), 0);
    fixture_open(f);
    struct store_txn *reader = fixture_begin(f, STORE_READ);
    assert_int_equal(store_grow(f->store, 4 << 20, &err), JB_EBUSY);
    store_abort(reader);
    assert_int_equal(store_grow(f->store, 1 << 19, &err), 0); /* never smaller */
    assert_int_equal(store_grow(f->store, 4 << 20, &err), 0);
    fixture_close(f);
    f->conf.store.map_size = 1 << 20;
    fixture_open(f);

    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *store;
        f->conf.store.map_size = 16 << 20;
        int rc = store_open(&f->conf, false, &err, &store);
        for (int i = 0; i < 60 && !rc; i++) {
            char path[64];
            struct store_txn *txn;
            snprintf(path, sizeof path, "a/b/results_%d.json", i);
            struct result result = a_result("a/b", path);
            result.doc = (struct jb_str){text, 40000};
            rc = store_begin(store, STORE_WRITE, "child", &err, &txn);
            if (!rc) {
                store_result_put(txn, &result, &outcome);
                rc = store_commit(txn, &err);
            }
        }
        _exit(rc ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    free(text);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct store_stat figures;
    assert_int_equal(store_note_put(txn, NOTE_FLAG, "a/b", "https://example.org/1", &outcome),
                     0);
    fixture_commit(f, txn);
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_stat_get(txn, &figures), 0);
    assert_int_equal(figures.results, 60);
    assert_int_equal(figures.map_size, 16 << 20);
    store_abort(txn);
    assert_sound(f);
}

static void
test_reader_slots(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txns[16], *more;
    struct jb_error err = {0};
    struct store_stat figures;

    for (int i = 0; i < 16; i++)
        txns[i] = fixture_begin(f, STORE_READ);
    assert_int_equal(store_begin(f->store, STORE_READ, NULL, &err, &more), JB_EBUSY);
    assert_non_null(strstr(err.text, "store.max_readers"));
    assert_int_equal(store_stat_get(txns[0], &figures), 0);
    assert_int_equal(figures.readers, 16);
    assert_int_equal(figures.max_readers, 16);
    for (int i = 0; i < 16; i++)
        store_abort(txns[i]);
    assert_int_equal(store_check_readers(f->store), 0);
    store_abort(fixture_begin(f, STORE_READ));
}

/* A child that opens the store itself, does `work`, says so and waits to be killed. The parent
 * has the store open meanwhile. */
static void
kill_during(struct fixture *f, void (*work)(struct fixture *f))
{
    int go[2], done[2], status;
    char byte;

    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(done), 0);
    fixture_close(f);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(30);
        if (read(go[0], &byte, 1) != 1)
            _exit(1);
        fixture_open(f);
        work(f);
        if (write(done[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    fixture_open(f);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(read(done[0], &byte, 1), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    for (int i = 0; i < 2; i++) {
        close(go[i]);
        close(done[i]);
    }
}

static void
take_slots(struct fixture *f)
{
    for (int i = 0; i < 16; i++)
        fixture_begin(f, STORE_READ);
}

static void
test_dead_readers(void **state)
{
    struct fixture *f = *state;

    kill_during(f, take_slots);
    /* All slots are taken by the dead: the first begin clears them. */
    store_abort(fixture_begin(f, STORE_READ));
    assert_int_equal(store_check_readers(f->store), 0);
    kill_during(f, take_slots);
    assert_int_equal(store_check_readers(f->store), 16);
    kill_during(f, take_slots);
    fixture_close(f);
    fixture_open(f); /* and an open */
    assert_int_equal(store_check_readers(f->store), 0);
}

static void
write_half(struct fixture *f)
{
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;

    for (int i = 0; i < 500; i++) {
        char model[32];
        snprintf(model, sizeof model, "killed/%d", i);
        struct request request = a_request(model);
        store_request_put(txn, &request, &outcome);
    }
}

static void
test_killed_writer(void **state)
{
    struct fixture *f = *state;
    struct request request;

    fixture_fill(f, 5);
    struct store_seq before = fixture_seq(f);
    kill_during(f, write_half);
    struct store_seq after = fixture_seq(f);
    assert_memory_equal(&before, &after, sizeof before);
    fixture_close(f);
    fixture_open(f);
    assert_sound(f);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    enum store_outcome outcome;
    assert_int_equal(
        store_request_find(txn, "killed/1", "main", "float16", "Original", f->arena, &request),
        JB_ENOENT);
    request = a_request("later/one");
    assert_int_equal(store_request_put(txn, &request, &outcome), 0);
    assert_int_equal(request.id, 6);
    fixture_commit(f, txn);
    assert_sound(f);
}

static void
write_and_write(struct fixture *f)
{
    /* The first is stored for certain; the others are under way when the kill comes. */
    for (int i = 0; i < 2000; i++) {
        if (i == 1) {
            pid_t killer = fork();
            if (killer == 0) {
                usleep((useconds_t)(getpid() % 7) * 1000);
                kill(getppid(), SIGKILL);
                _exit(0);
            }
        }
        char model[32];
        snprintf(model, sizeof model, "loop/%d-%d", (int)getpid(), i);
        enum store_outcome outcome;
        struct request request = a_request(model);
        request.doc = JB_STR("{\"model\": \"loop\"}");
        struct store_txn *txn = fixture_begin(f, STORE_WRITE);
        store_request_put(txn, &request, &outcome);
        fixture_commit(f, txn);
    }
}

static void
test_killed_anywhere(void **state)
{
    struct fixture *f = *state;
    int status;

    for (int i = 0; i < 8; i++) {
        fixture_close(f);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            fixture_open(f);
            write_and_write(f);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        fixture_open(f);
        assert_sound(f);
    }
    assert_true(fixture_seq(f).change >= 8);
}

/* A file that may not grow stands for a full disk. */
static void
test_file_too_big(void **state)
{
    struct fixture *f = *state;
    struct jb_error err = {0};
    struct rlimit limit, small = {.rlim_cur = 300000, .rlim_max = RLIM_INFINITY};
    enum store_outcome outcome;
    char *text = malloc(400000);

    fixture_fill(f, 10);
    struct store_seq before = fixture_seq(f);
    assert_non_null(text);
    memset(text, 'x', 400000);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small.rlim_max = limit.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct result result = a_result("a/big", "a/big/results_1.json");
    result.doc = (struct jb_str){text, 400000};
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    store_result_put(txn, &result, &outcome);
    int rc = store_commit(txn, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, handler);
    free(text);
    assert_true(rc == JB_EFULL || rc == JB_EIO);
    struct store_seq after = fixture_seq(f);
    assert_memory_equal(&before, &after, sizeof before);
    assert_sound(f);
    if (rc == JB_EIO) {
        /* After an input/output error this process does not write any more. */
        memset(&err, 0, sizeof err);
        assert_int_equal(store_begin(f->store, STORE_WRITE, "test", &err, &txn), JB_EIO);
        assert_non_null(strstr(err.text, "restart"));
        fixture_close(f);
        fixture_open(f);
    }
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_note_put(txn, NOTE_FLAG, "a", "", &outcome), 0);
    fixture_commit(f, txn);
    assert_sound(f);
}

static void
test_use_after_fork(void **state)
{
    struct fixture *f = *state;
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct store_txn *txn;
        _exit(store_begin(f->store, STORE_READ, NULL, NULL, &txn) == JB_EINVAL ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_disk_nearly_full),
        cmocka_unit_test_teardown(test_full_map, fixture_teardown),
        cmocka_unit_test_teardown(test_map_grows, fixture_teardown),
        WITH_STORE(test_reader_slots),
        WITH_STORE(test_dead_readers),
        WITH_STORE(test_killed_writer),
        WITH_STORE(test_killed_anywhere),
        WITH_STORE(test_file_too_big),
        WITH_STORE(test_use_after_fork),
    };

    umask(077); /* the store's modes do not come from here */
    return cmocka_run_group_tests_name("store_limits", tests, NULL, NULL);
}
