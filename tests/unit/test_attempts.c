/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts and their logs as people see them: whole lines, from any byte on, masked. */
#include <config.h>

#include "job_help.h"

#include "queue/attempts.h"
#include "queue/move.h"

#include <stdio.h>

struct log_file {
    char path[64];
    struct attempt attempt;
    struct jb_arena *arena;
};

static int
log_setup(void **state)
{
    struct log_file *f = calloc(1, sizeof *f);

    if (!f || !(f->arena = jb_arena_new((size_t)1 << 26)))
        return -1;
    snprintf(f->path, sizeof f->path, "/tmp/jinbang-log.XXXXXX");
    int fd = mkstemp(f->path);
    if (fd < 0)
        return -1;
    close(fd);
    f->attempt = (struct attempt){.fence = 7, .state = "running", .log_end = 1u << 30};
    *state = f;
    return 0;
}

static int
log_teardown(void **state)
{
    struct log_file *f = *state;

    unlink(f->path);
    jb_arena_free(f->arena);
    free(f);
    return 0;
}

static void
write_log(struct log_file *f, const char *p, size_t n)
{
    FILE *file = fopen(f->path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(p, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static struct queue_log
read_log(struct log_file *f, uint64_t from)
{
    struct jb_error err = {0};
    struct queue_log log;

    if (queue_log_read(f->path, &f->attempt, from, f->arena, &err, &log))
        fail_msg("%s", err.text);
    assert_int_equal(log.fence, 7);
    assert_true(log.from <= log.next && log.next <= log.end);
    return log;
}

static void
assert_log(struct log_file *f, uint64_t from, uint64_t at, uint64_t next, const char *text)
{
    struct queue_log log = read_log(f, from);

    assert_string_equal(log.text.p, text);
    assert_int_equal(log.text.n, strlen(text));
    assert_int_equal(log.from, at);
    assert_int_equal(log.next, next);
}

static void
test_lines(void **state)
{
    static const char text[] = "one\ntwo\r\n 1%\r 2%\rtoken=abc\nrest";
    struct log_file *f = *state;

    write_log(f, text, sizeof text - 1);
    assert_log(f, 0, 0, 27, "one\ntwo\ntoken=[…]\n");
    assert_log(f, 4, 4, 27, "two\ntoken=[…]\n");
    assert_log(f, 27, 27, 27, "");
    assert_log(f, 28, 31, 31, "");
    assert_log(f, 99, 31, 31, "");
    /* nobody gets at the second half of a token */
    for (uint64_t from = 0; from <= 31; from++)
        assert_null(strstr(read_log(f, from).text.p, "bc"));
    f->attempt.state = "ended";
    assert_log(f, 27, 27, 31, "rest\n");
    assert_true(read_log(f, 0).ended);
    /* what is on disk and not counted is not there yet */
    f->attempt.log_end = 9;
    assert_log(f, 0, 0, 9, "one\ntwo\n");
    f->attempt.log_end = 0;
    assert_log(f, 0, 0, 0, "");
}

/* From next to next is the whole, however long it is. */
static void
test_whole(void **state)
{
    struct log_file *f = *state;
    struct jb_buf raw = JB_BUF(4 << 20), want = JB_BUF(4 << 20), got = JB_BUF(4 << 20);
    uint64_t seed = 7;

    for (int i = 0; i < 9000; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        jb_buf_printf(&raw, "line %d 金榜 %.*s hf_SECRETSECRET%d\n", i, (int)(seed >> 58),
                      "------------------------------------------------------------------", i);
    }
    queue_redact_lines(jb_buf_view(&raw), &want);
    write_log(f, raw.p, raw.n);
    int calls = 0;
    for (uint64_t from = 0; from < raw.n; calls++) {
        struct queue_log log = read_log(f, from);
        assert_int_equal(log.from, from);
        assert_true(log.next > from);
        jb_buf_str(&got, log.text);
        from = log.next;
    }
    assert_in_range(calls, raw.n / QUEUE_LOG_MAX, raw.n / QUEUE_LOG_MAX + 2);
    assert_int_equal(got.n, want.n);
    assert_memory_equal(got.p, want.p, want.n);
    struct queue_log tail = read_log(f, QUEUE_LOG_TAIL);
    assert_in_range(tail.next - tail.from, QUEUE_LOG_LAST - 200, QUEUE_LOG_LAST);
    assert_memory_equal(tail.text.p, "line ", 5);
    assert_int_equal(tail.next, raw.n);
    for (int i = 0; i < 150; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        struct queue_log log = read_log(f, (seed >> 20) % raw.n);
        assert_null(strstr(log.text.p, "SECRET"));
        assert_true(log.text.n == 0 || strncmp(log.text.p, "line ", 5) == 0);
        if (i % 50 == 0) {
            jb_arena_free(f->arena);
            f->arena = jb_arena_new((size_t)1 << 26);
        }
    }
    jb_buf_free(&raw);
    jb_buf_free(&want);
    jb_buf_free(&got);
}

/* A line that no call can read is passed over, whatever one starts with. */
static void
test_long_line(void **state)
{
    struct log_file *f = *state;
    struct jb_buf raw = JB_BUF(4 << 20), got = JB_BUF(4 << 20);

    jb_buf_puts(&raw, "before\n");
    for (int i = 0; i < 200000; i++)
        jb_buf_putc(&raw, 'x');
    jb_buf_puts(&raw, "\nafter\n");
    write_log(f, raw.p, raw.n);
    int calls = 0;
    for (uint64_t from = 0; from < raw.n && calls < 20; calls++) {
        struct queue_log log = read_log(f, from);
        assert_true(log.next > from);
        jb_buf_str(&got, log.text);
        from = log.next;
    }
    jb_buf_putc(&got, '\0');
    assert_string_equal(got.p, "before\n[…]\nafter\n");
    /* such a one that has not ended yet */
    write_log(f, raw.p, 100000);
    assert_int_equal(read_log(f, 0).next, 7);
    assert_string_equal(read_log(f, 7).text.p, "[…]\n");
    uint64_t next = read_log(f, 7).next;
    assert_string_equal(read_log(f, next).text.p, "");
    assert_int_equal(read_log(f, next).next, 100000);
    jb_buf_free(&raw);
    jb_buf_free(&got);
}

static void
test_no_file(void **state)
{
    struct log_file *f = *state;
    struct jb_error err = {0};
    struct queue_log log;

    unlink(f->path);
    assert_log(f, 5, 0, 0, "");
    /* neither through a link nor from what is no file */
    assert_int_equal(symlink("/etc/passwd", f->path), 0);
    assert_int_equal(queue_log_read(f->path, &f->attempt, 0, f->arena, &err, &log), JB_EIO);
    assert_int_equal(queue_log_read("/tmp", &f->attempt, 0, f->arena, &err, &log), 0);
    assert_int_equal(log.end, 0);
}

static void
put_attempt(struct store_txn *txn, uint64_t request, struct attempt a)
{
    a.id = "00112233445566778899aabbccddeeff";
    a.request = request;
    a.host = "gpu-1";
    a.spec = "{\"plan\":\"p\",\"tasks\":[{\"benchmark\":\"sem\",\"task\":\"a\"},"
             "{\"benchmark\":\"sem\",\"task\":\"b\"},{\"benchmark\":\"arc\"},"
             "{\"benchmark\":7},{\"benchmark\":\"mmlu\"}]}";
    assert_int_equal(store_fence_next(txn, &a.fence), 0);
    assert_int_equal(store_attempt_put(txn, &a), 0);
}

static void
test_load(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    const struct queue_attempt *a = NULL;
    struct queue_attempt alone;
    uint64_t request = put_some_request(txn, "a/b");
    size_t n = 9;

    assert_int_equal(queue_attempts_load(txn, request, f->arena, &a, &n), 0);
    assert_int_equal(n, 0);
    put_attempt(txn, request, (struct attempt){.round = 1, .state = "ended", .done = 3});
    put_attempt(
        txn, request,
        (struct attempt){.round = 2, .state = "ended", .failure = "timeout", .done = 1});
    const struct part part = {
        .benchmark = "sem", .doc = JB_STR("{}"), .seconds = 2.5, .fence = 2};
    assert_int_equal(store_part_put(txn, request, 2, &part), 0);
    put_attempt(txn, request,
                (struct attempt){.round = 2, .state = "running", .progress = -1, .step = ""});
    assert_int_equal(queue_attempts_load(txn, request, f->arena, &a, &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(a[0].record.fence, 3);
    assert_true(a[0].live && isnan(a[0].progress));
    assert_int_equal(a[0].n_steps, 3);
    assert_int_equal(a[0].at, 0);
    assert_int_equal(a[0].done, 1); /* by the attempt before */
    assert_true(isnan(a[0].steps[0].seconds));
    assert_true(a[1].steps[0].seconds == 2.5);
    assert_int_equal(a[1].done, 1);
    assert_string_equal(a[1].steps[2].benchmark, "mmlu");
    assert_false(a[1].live);
    assert_int_equal(a[2].done, 3);
    /* what changes all the time wakes nobody who keeps a board or a queue */
    fixture_commit(f, txn);
    struct store_seq seq = fixture_seq(f);
    txn = fixture_begin(f, STORE_WRITE);
    struct attempt live = a[0].record;
    live.progress = 0.5;
    live.step = "arc";
    live.done = live.log_end = 1;
    assert_int_equal(store_attempt_put(txn, &live), 0);
    fixture_commit(f, txn);
    assert_moved(f, &seq, 0, 0, 0);
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(queue_attempts_load(txn, request, f->arena, &a, &n), 0);
    assert_true(a[0].progress == 0.5);
    assert_int_equal(a[0].at, 2);
    assert_true(a[0].steps[1].now && !a[0].steps[1].done);
    assert_int_equal(queue_attempt_live(txn, request, f->arena, &alone), 0);
    assert_int_equal(alone.record.fence, 3);
    assert_int_equal(alone.at, 2);
    assert_int_equal(queue_attempt_live(txn, request + 1, f->arena, &alone), JB_ENOENT);
    store_abort(txn);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines, log_setup, log_teardown),
        cmocka_unit_test_setup_teardown(test_whole, log_setup, log_teardown),
        cmocka_unit_test_setup_teardown(test_long_line, log_setup, log_teardown),
        cmocka_unit_test_setup_teardown(test_no_file, log_setup, log_teardown),
        cmocka_unit_test_setup_teardown(test_load, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests_name("attempts", tests, NULL, NULL);
}
