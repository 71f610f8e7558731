/* SPDX-License-Identifier: Apache-2.0 */
/* What Slurm says, what it is asked, and what follows: parsers, options and decisions. */
#include <config.h>

#include "tests/unit/cmocka_all.h"

#include "agent/lease.h"
#include "agent/slurm_fate.h"
#include "agent/slurm_job.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID    "0123456789abcdef0123456789abcdef"
#define NAME  "olb-" ID "-01234567"
#define OTHER "olb-" ID "-fedcba98"

/* --- parsers ------------------------------------------------------------------------------ */

static int
lines(const char *text, struct slurm_line *ret, size_t *ret_n)
{
    return slurm_lines_read(jb_str(text), 4, ret, ret_n, NULL);
}

static void
test_lines(void **state)
{
    struct slurm_line l[4];
    size_t n = 9;

    (void)state;
    assert_int_equal(lines("", l, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(lines("12|2026-11-25T03:07:55|RUNNING|None|" NAME "\n"
                           "13|N/A|PENDING|launch failed requeued held|" OTHER "\n",
                           l, &n),
                     0);
    assert_int_equal(n, 2);
    assert_int_equal(l[0].id, 12);
    assert_string_equal(l[0].name, NAME);
    assert_string_equal(l[0].submitted, "2026-11-25T03:07:55");
    assert_string_equal(l[0].state, "RUNNING");
    assert_int_equal(l[0].kind, SLURM_ACTIVE);
    assert_int_equal(l[1].kind, SLURM_STUCK);
    assert_string_equal(l[1].reason, "launch failed requeued held");

    /* strangers' lines of any form are passed over */
    assert_int_equal(lines("7|x|RUNNING|None|some|thing\n\n||||\nno bars at all\n"
                           "8_[1-4]|2026|PENDING|None|array\n"
                           "9|2026|RUNNING|None|olb-" ID "\n"
                           "9|2026|RUNNING|None|olb-" ID "-0123456G\n"
                           "9|2026|RUNNING|None|" NAME "x\n"
                           "10|2026|COMPLETED|a|b|" NAME,
                           l, &n),
                     0);
    assert_int_equal(n, 1);
    assert_string_equal(l[0].reason, "a|b");
    assert_int_equal(l[0].kind, SLURM_ENDED);

    /* ours must be whole */
    static const char *const bad[] = {
        "|2026|RUNNING|None|" NAME,
        "x|2026|RUNNING|None|" NAME,
        "0|2026|RUNNING|None|" NAME,
        "12|RUNNING|None|" NAME,
        "12||RUNNING|None|" NAME,
        "12|2026||None|" NAME,
        "99999999999|2026|RUNNING|None|" NAME,
        "12|2026|A\001B|None|" NAME,
        "12|2026|THIS_STATE_IS_FAR_TOO_LONG|None|" NAME,
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(lines(bad[i], l, &n), JB_EPARSE);
    assert_int_equal(n, 1);
    char many[5 * 80] = "";
    for (int i = 0; i < 5; i++)
        strcat(many, "1|2|RUNNING|None|" NAME "\n");
    assert_int_equal(lines(many, l, &n), JB_ELIMIT);
}

static void
test_kinds(void **state)
{
    static const struct {
        const char *state, *reason;
        enum slurm_kind kind;
    } rows[] = {
        {"PENDING", "Resources", SLURM_WAITS},
        {"PENDING", "Priority", SLURM_WAITS},
        {"PENDING", "Dependency", SLURM_WAITS},
        {"PENDING", "BeginTime", SLURM_WAITS},
        {"PENDING", "PartitionDown", SLURM_WAITS},
        {"PENDING", "JobHeldUser", SLURM_STUCK},
        {"PENDING", "JobHeldAdmin", SLURM_STUCK},
        {"PENDING", "JobHoldMaxRequeue", SLURM_STUCK},
        {"PENDING", "launch_failed_requeued_held", SLURM_STUCK},
        {"PENDING", "BadConstraints", SLURM_STUCK},
        {"PENDING", "PartitionTimeLimit", SLURM_STUCK},
        {"REQUEUE_HOLD", "None", SLURM_STUCK},
        {"SPECIAL_EXIT", "None", SLURM_STUCK},
        {"REQUEUED", "None", SLURM_WAITS},
        {"COMPLETING", "None", SLURM_ACTIVE},
        {"SUSPENDED", "None", SLURM_ACTIVE},
        {"SOMETHING_NEW", "None", SLURM_ACTIVE},
        {"TIMEOUT", "TimeLimit", SLURM_ENDED},
        {"CANCELLED", "held", SLURM_ENDED},
        {"OUT_OF_MEMORY", "OutOfMemory", SLURM_ENDED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slurm_line l[4];
        char text[200];
        size_t n;

        snprintf(text, sizeof(text), "5|2026|%s|%s|" NAME "\n", rows[i].state, rows[i].reason);
        assert_int_equal(lines(text, l, &n), 0);
        assert_int_equal(n, 1);
        if (l[0].kind != rows[i].kind)
            fail_msg("%s, %s: %d", rows[i].state, rows[i].reason, (int)l[0].kind);
    }
}

static void
test_submitted(void **state)
{
    static const char *const bad[] = {"",   "\n", "x",        "12 13",
                                      "-1", "0",  "12\n13\n", ";cluster"};
    int64_t id = 0;

    (void)state;
    assert_int_equal(slurm_submitted_read(jb_str("12\n"), &id, NULL), 0);
    assert_int_equal(id, 12);
    assert_int_equal(slurm_submitted_read(jb_str("13;cluster\n"), &id, NULL), 0);
    assert_int_equal(id, 13);
    assert_int_equal(slurm_submitted_read(jb_str("14"), &id, NULL), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(slurm_submitted_read(jb_str(bad[i]), &id, NULL), JB_EPARSE);
    assert_int_equal(id, 14);
    assert_true(slurm_unreachable(
        jb_str("sbatch: error: Batch job submission failed: Unable to contact slurm controller "
               "(connect failure)\n")));
    assert_true(slurm_unreachable(
        jb_str("sbatch: error: Batch job submission failed: Socket timed out on send/recv")));
    assert_false(slurm_unreachable(
        jb_str("sbatch: error: Batch job submission failed: Requested node configuration is "
               "not available\n")));
}

/* --- what is asked ------------------------------------------------------------------------ */

static void
test_names(void **state)
{
    char one[SLURM_NAME_SIZE], two[SLURM_NAME_SIZE];

    (void)state;
    assert_int_equal(slurm_name_make(ID, NULL, one), 0);
    assert_int_equal(slurm_name_make(ID, NULL, two), 0);
    assert_string_not_equal(one, two);
    assert_memory_equal(one, "olb-" ID "-", 37);
    assert_true(slurm_name_valid(jb_str(one)));
    assert_int_equal(slurm_name_make("x", NULL, one), JB_EINVAL);
    assert_int_equal(slurm_name_make("0123456789abcdef0123456789abcde'", NULL, one), JB_EINVAL);
    assert_int_equal(slurm_name_make(ID "0", NULL, one), JB_EINVAL);
}

static void
test_checks(void **state)
{
    static const char *const bad_paths[] = {"",      "spool", "/a b",  "/a'b", "/a%b",
                                            "/a\\b", "/a\nb", "/a\"b", "/a$b", "/a;b"};
    static const char *const bad_options[] = {
        "",
        "-p x",
        "--",
        "x",
        "--=x",
        "--Export=ALL",
        "--export=ALL",
        "--exp=ALL",
        "--array=1-5",
        "--arr=1-5",
        "--wrap=id",
        "--job-name=x",
        "--j=x",
        "--wait",
        "--requeue",
        "--time=5",
        "--clusters=a",
        "--output=/x",
        "--o x",
        "--uid=0",
        "--hold",
        "--p",
    };
    static const char *const good_options[] = {"--constraint=a100&nvlink",
                                               "--exclude=n1",
                                               "--nice=100",
                                               "--exclusive",
                                               "--reservation=board",
                                               "--gres=shard:1",
                                               "--wait-all-nodes=1",
                                               "--mem-per-gpu=40G"};

    (void)state;
    assert_null(slurm_path_check("/srv/jinbang-agent/spool_1,a=b:c@d+e.f"));
    for (size_t i = 0; i < sizeof(bad_paths) / sizeof(bad_paths[0]); i++)
        assert_non_null(slurm_path_check(bad_paths[i]));
    for (size_t i = 0; i < sizeof(bad_options) / sizeof(bad_options[0]); i++)
        if (!slurm_option_check(bad_options[i]))
            fail_msg("%s is taken", bad_options[i]);
    for (size_t i = 0; i < sizeof(good_options) / sizeof(good_options[0]); i++)
        if (slurm_option_check(good_options[i]))
            fail_msg("%s: %s", good_options[i], slurm_option_check(good_options[i]));
    assert_null(slurm_word_check(""));
    assert_null(slurm_word_check("gpu-a100,gpu_h100"));
    assert_non_null(slurm_word_check("a b"));
    assert_non_null(slurm_word_check("-x"));
    assert_non_null(slurm_word_check("a\nb"));
}

static bool
has(const char *const *argv, const char *option)
{
    for (; *argv; argv++)
        if (strcmp(*argv, option) == 0)
            return true;
    return false;
}

static void
test_argv(void **state)
{
    static const char *const options[] = {"--constraint=a100"};
    const struct engine_slurm_config config = {.sbatch = "/usr/bin/sbatch",
                                               .program = "/opt/jinbang-agent",
                                               .partition = "gpu",
                                               .account = "",
                                               .qos = "low",
                                               .n_options = 1,
                                               .options = options,
                                               .gpus = true,
                                               .gpus_per_slot = 2,
                                               .cpus = 8,
                                               .mem_base = INT64_C(16) << 30,
                                               .mem_factor = 1.5,
                                               .time_extra = 600000};
    struct engine_job job = {.id = ID,
                             .folder = "/spool/attempts/" ID,
                             .dir = -1,
                             .wall_seconds = 3601,
                             .weights = 14e9};
    static const char *const wanted[] = {
        "/usr/bin/sbatch",
        "--constraint=a100",
        "--partition=gpu",
        "--qos=low",
        "--nodes=1",
        "--ntasks=1",
        "--cpus-per-task=8",
        "--gpus=2",
        "--mem=36411M",
        "--time=71",
        "--parsable",
        "--job-name=" NAME,
        "--dependency=singleton",
        "--no-requeue",
        "--export=NONE",
        "--signal=B:TERM@120",
        "--comment=jinbang",
        "--chdir=/spool/attempts/" ID,
        "--open-mode=append",
        "--output=/spool/attempts/" ID "/slurm.out",
    };
    struct jb_arena *arena = jb_arena_new(1 << 20);
    struct jb_buf script = JB_BUF(4096);
    const char *const *argv;
    size_t n = 0;

    (void)state;
    assert_int_equal(slurm_argv(&config, &job, NAME, arena, NULL, &argv), 0);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (!has(argv, wanted[i]))
            fail_msg("%s is missing", wanted[i]);
    while (argv[n])
        n++;
    assert_int_equal(n, sizeof(wanted) / sizeof(wanted[0]));
    assert_int_equal(slurm_script(&config, &job, NULL, &script), 0);
    assert_string_equal(script.p, "#!/bin/sh\nexec '/opt/jinbang-agent' shim --elsewhere "
                                  "'/spool/attempts/" ID "'\n");

    struct engine_slurm_config plain = config;
    plain.gpus = false;
    plain.cpus = plain.mem_base = 0;
    plain.mem_factor = 0;
    plain.partition = plain.qos = "";
    plain.n_options = 0;
    assert_int_equal(slurm_argv(&plain, &job, NAME, arena, NULL, &argv), 0);
    for (n = 0; argv[n]; n++)
        assert_true(strncmp(argv[n], "--mem", 5) && strncmp(argv[n], "--gpus", 6) &&
                    strncmp(argv[n], "--cpus", 6) && strncmp(argv[n], "--part", 6));
    job.folder = "/spool/it's";
    assert_int_equal(slurm_argv(&config, &job, NAME, arena, NULL, &argv), JB_EINVAL);
    assert_int_equal(slurm_script(&config, &job, NULL, &script), JB_EINVAL);
    jb_buf_free(&script);
    jb_arena_free(arena);
}

static void
test_record(void **state)
{
    char dir[] = "/tmp/jinbang-slurm.XXXXXX";
    struct jb_arena *arena = jb_arena_new(1 << 16);
    struct slurm_record record = {NAME, 0, ""}, read;

    (void)state;
    assert_non_null(mkdtemp(dir));
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(slurm_record_read(fd, arena, NULL, &read), JB_ENOENT);
    assert_int_equal(slurm_record_write(fd, &record, NULL), 0);
    assert_int_equal(slurm_record_read(fd, arena, NULL, &read), 0);
    assert_string_equal(read.name, NAME);
    assert_int_equal(read.id, 0);
    record.id = 77;
    strcpy(record.submitted, "2026-11-25T03:07:55");
    assert_int_equal(slurm_record_write(fd, &record, NULL), 0);
    assert_int_equal(slurm_record_read(fd, arena, NULL, &read), 0);
    assert_int_equal(read.id, 77);
    assert_string_equal(read.submitted, "2026-11-25T03:07:55");
    record.name[5] = '/';
    assert_int_equal(slurm_record_write(fd, &record, NULL), 0);
    assert_int_equal(slurm_record_read(fd, arena, NULL, &read), JB_EUNPROC);
    unlinkat(fd, "slurm.json", 0);
    close(fd);
    assert_int_equal(rmdir(dir), 0);
    jb_arena_free(arena);
}

/* --- what follows ------------------------------------------------------------------------- */

static struct slurm_view
view(const char *state, const char *reason)
{
    static struct slurm_line l[4];
    struct slurm_view v = {.intent = true, .known = true, .refusal = "", .line = l};
    char text[200];
    size_t n;

    if (!state)
        return v;
    snprintf(text, sizeof(text), "5|2026|%s|%s|" NAME "\n", state, reason);
    assert_int_equal(lines(text, l, &n), 0);
    v.sight = SLURM_PRESENT;
    return v;
}

static void
test_ends(void **state)
{
    static const struct {
        const char *state, *failure;
    } rows[] = {
        {"TIMEOUT", "timeout"},
        {"DEADLINE", "timeout"},
        {"OUT_OF_MEMORY", "out_of_memory"},
        {"NODE_FAIL", "worker_lost"},
        {"BOOT_FAIL", "worker_lost"},
        {"PREEMPTED", "preempted"},
        {"CANCELLED", "preempted"},
        {"REVOKED", "preempted"},
        {"FAILED", "worker_lost"},
        {"COMPLETED", "incomplete_results"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int begun = 0; begun < 2; begun++) {
            struct slurm_view v = view(rows[i].state, "None");
            v.begun = begun;
            struct slurm_fate f = slurm_fate(&v);
            /* the files may be on their way */
            assert_int_equal(f.look.life, begun ? ENGINE_RUNNING : ENGINE_WAITING);
            assert_false(f.lock || f.scancel);
            v.settled = true;
            f = slurm_fate(&v);
            assert_int_equal(f.look.life, ENGINE_LOST);
            assert_string_equal(f.look.failure, rows[i].failure);
            assert_true(f.look.reason[0]);
            assert_int_equal(f.lock, !begun);
            /* what the folder says comes first */
            v.over = true;
            assert_int_equal(slurm_fate(&v).look.life, ENGINE_OVER);
        }
}

/* What sbatch refuses may stand in the queue all the same; its words say more. */
static void
test_refused(void **state)
{
    struct slurm_view v = view("FAILED", "BadConstraints");

    (void)state;
    v.settled = true;
    assert_non_null(strstr(slurm_fate(&v).look.reason, "BadConstraints"));
    v.refusals = 1;
    v.refusal = "sbatch: error: Memory specification can not be satisfied";
    assert_string_equal(slurm_fate(&v).look.reason, v.refusal);
}

static void
test_waiting(void **state)
{
    struct slurm_view v = view("PENDING", "Priority");
    struct slurm_fate f = slurm_fate(&v);

    (void)state;
    assert_int_equal(f.look.life, ENGINE_WAITING);
    assert_false(f.scancel || f.lock);
    v.settled = true; /* for however long */
    assert_int_equal(slurm_fate(&v).look.life, ENGINE_WAITING);
    v.cancel = true;
    f = slurm_fate(&v);
    assert_int_equal(f.look.life, ENGINE_NONE);
    assert_true(f.scancel && f.lock);
    v.cancel = false;
    v.unwanted = true;
    f = slurm_fate(&v);
    assert_int_equal(f.look.life, ENGINE_LOST);
    assert_true(f.scancel && f.lock);
    /* held */
    v = view("PENDING", "launch failed requeued held");
    f = slurm_fate(&v);
    assert_int_equal(f.look.life, ENGINE_LOST);
    assert_string_equal(f.look.failure, "worker_lost");
    assert_non_null(strstr(f.look.reason, "held"));
    assert_true(f.scancel && f.lock);
    /* put back after it had begun */
    v = view("PENDING", "BeginTime");
    v.begun = true;
    f = slurm_fate(&v);
    assert_int_equal(f.look.life, ENGINE_RUNNING);
    assert_true(f.scancel);
    v.settled = true;
    f = slurm_fate(&v);
    assert_int_equal(f.look.life, ENGINE_LOST);
    assert_string_equal(f.look.failure, "preempted");
    /* what has nodes is told to end by its file and by scancel, and is what it is till then */
    v = view("RUNNING", "None");
    v.begun = v.cancel = v.settled = true;
    f = slurm_fate(&v);
    assert_int_equal(f.look.life, ENGINE_RUNNING);
    assert_true(f.scancel);
    assert_false(f.lock);
}

static void
test_unseen(void **state)
{
    struct slurm_view v = view(NULL, NULL);

    (void)state;
    v.settled = true; /* means nothing here */
    assert_int_equal(slurm_fate(&v).look.life, ENGINE_WAITING);
    v.begun = true;
    assert_int_equal(slurm_fate(&v).look.life, ENGINE_RUNNING);
    v.begun = v.known = false;
    assert_int_equal(slurm_fate(&v).look.life, ENGINE_UNKNOWN);
    v.asked = true;
    assert_int_equal(slurm_fate(&v).look.life, ENGINE_WAITING);
    v.asked = v.intent = false;
    assert_int_equal(slurm_fate(&v).look.life, ENGINE_NONE);
}

static void
test_absent(void **state)
{
    struct slurm_view v = view(NULL, NULL);
    struct slurm_fate f;

    (void)state;
    v.sight = SLURM_ABSENT;
    assert_int_equal(slurm_fate(&v).look.life, ENGINE_WAITING);
    v.settled = true;
    f = slurm_fate(&v);
    assert_int_equal(f.look.life, ENGINE_NONE); /* submitted again */
    assert_false(f.lock);
    v.begun = true;
    f = slurm_fate(&v);
    assert_int_equal(f.look.life, ENGINE_LOST);
    assert_string_equal(f.look.failure, "worker_lost");
    v.begun = false;
    v.refusals = SLURM_REFUSALS_MAX - 1;
    v.refusal = "sbatch: error: no";
    assert_int_equal(slurm_fate(&v).look.life, ENGINE_NONE);
    v.refusals++;
    f = slurm_fate(&v);
    assert_int_equal(f.look.life, ENGINE_LOST);
    assert_string_equal(f.look.reason, "sbatch: error: no");
    assert_true(f.lock);
    /* cancelled: known ones are gone, others may be on their way */
    v.settled = false;
    v.cancel = true;
    f = slurm_fate(&v);
    assert_int_equal(f.look.life, ENGINE_NONE);
    assert_true(f.lock);
    v.known = false;
    assert_int_equal(slurm_fate(&v).look.life, ENGINE_WAITING);
}

/* --- leases ------------------------------------------------------------------------------- */

static void
put_lease(int fd, const char *boot, int64_t until, int64_t length)
{
    struct run_lease lease = {.until_ms = until, .length_ms = length};

    snprintf(lease.boot_id, sizeof(lease.boot_id), "%s", boot);
    assert_int_equal(run_lease_write(fd, &lease, NULL), 0);
}

static void
test_lease(void **state)
{
    char dir[] = "/tmp/jinbang-slurm.XXXXXX";
    struct jb_arena *arena = jb_arena_new(1 << 16);
    struct lease_watch here = {0}, there = {0}, none = {0};

    (void)state;
    assert_non_null(mkdtemp(dir));
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    assert_false(lease_holds(&none, fd, "a", 5, arena));
    put_lease(fd, "a", 1000, 300);
    /* the clock of its own boot */
    assert_true(lease_holds(&here, fd, "a", 999, arena));
    assert_false(lease_holds(&here, fd, "a", 1000, arena));
    none.here = true;
    assert_false(lease_holds(&none, fd, "b", 5, arena));
    /* another clock: its length from when it changed */
    assert_true(lease_holds(&there, fd, "b", 50000, arena));
    assert_true(lease_holds(&there, fd, "b", 50299, arena));
    assert_false(lease_holds(&there, fd, "b", 50300, arena));
    put_lease(fd, "a", 1100, 300);
    assert_true(lease_holds(&there, fd, "b", 50400, arena));
    assert_true(lease_holds(&there, fd, "b", 50699, arena));
    assert_false(lease_holds(&there, fd, "b", 50700, arena));
    /* after a reboot the numbers begin anew */
    put_lease(fd, "c", 10, 400);
    assert_true(lease_holds(&there, fd, "b", 60000, arena));
    /* a disk that does not answer: until its time, elsewhere alone */
    assert_int_equal(unlinkat(fd, "lease", 0), 0);
    assert_true(lease_holds(&there, fd, "b", 60399, arena));
    assert_false(lease_holds(&there, fd, "b", 60400, arena));
    assert_false(lease_holds(&here, fd, "a", 5, arena));
    close(fd);
    assert_int_equal(rmdir(dir), 0);
    jb_arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),     cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_submitted), cmocka_unit_test(test_names),
        cmocka_unit_test(test_checks),    cmocka_unit_test(test_argv),
        cmocka_unit_test(test_record),    cmocka_unit_test(test_ends),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_unseen),    cmocka_unit_test(test_absent),
        cmocka_unit_test(test_lease),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
