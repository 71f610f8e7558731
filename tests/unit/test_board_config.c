/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h> /* mkstemp */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board/choices.h"

struct loaded {
    struct jb_arena *arena;
    struct board_config config;
    struct settings_report report;
};

static void
loaded_free(struct loaded *l)
{
    jb_buf_free(&l->report.text);
    jb_arena_free(l->arena);
}

static int
load(const char *file, struct loaded *ret)
{
    *ret = (struct loaded){.arena = jb_arena_new(4 << 20)};
    assert_non_null(ret->arena);
    return board_config_load(file, ret->arena, &ret->config, &ret->report);
}

static void
load_installed(const char *name, struct loaded *ret)
{
    const char *src = getenv("JB_SRCDIR");
    char file[512];

    snprintf(file, sizeof file, "%s/contrib/boards/%s", src ? src : ".", name);
    int rc = load(file, ret);
    if (rc)
        print_error("%s", ret->report.text.p ? ret->report.text.p : "");
    assert_int_equal(rc, 0);
    assert_int_equal(ret->report.n, 0);
}

static const struct benchmark *
benchmark_of(const struct loaded *l, const char *key)
{
    const struct benchmark *b = l->config.benchmarks.items;

    for (size_t i = 0; i < l->config.benchmarks.n; i++)
        if (strcmp(b[i].key, key) == 0)
            return &b[i];
    fail_msg("no benchmark %s", key);
    return NULL;
}

static const struct benchmark_source *
source_of(const struct benchmark *b, enum harness_dialect dialect)
{
    const struct benchmark_source *s = b->sources.items;

    for (size_t i = 0; i < b->sources.n; i++)
        if (s[i].dialect == (int)dialect)
            return &s[i];
    return NULL;
}

static void
test_chinese(void **state)
{
    static const struct {
        const char *header, *metric;
        int shots, tasks, count;
    } want[] = {
        {"C-ARC", "acc_norm", 25, 1, 0},  {"C-HellaSwag", "acc_norm", 10, 1, 0},
        {"C-TruthfulQA", "mc2", 0, 1, 0}, {"C-Winogrande", "acc", 5, 1, 0},
        {"C-GSM8K", "acc", 5, 1, 0},      {"C-SEM-V2", "acc", 5, 4, 0},
        {"CMMLU", "acc", 5, 1, 67},
    };
    struct loaded l;

    (void)state;
    load_installed("open-cn-llm.conf", &l);
    const struct benchmark *b = l.config.benchmarks.items;
    assert_int_equal(l.config.benchmarks.n, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < l.config.benchmarks.n; i++) {
        assert_string_equal(b[i].header, want[i].header);
        assert_string_equal(b[i].metric, want[i].metric);
        assert_int_equal(b[i].shots, want[i].shots);
        assert_int_equal(b[i].tasks.n, want[i].tasks);
        assert_int_equal(b[i].count, want[i].count);
        assert_true(b[i].in_average);
        assert_false(isnan(b[i].baseline));
    }
    /* The headline of the original's own files. */
    const struct benchmark_source *cn = source_of(benchmark_of(&l, "cmmlu"), DIALECT_CN);
    assert_non_null(cn);
    assert_string_equal(cn->metric, "acc_norm");
    assert_string_equal(cn->tasks.items[0], "cmmlu");
    cn = source_of(benchmark_of(&l, "c_sem_v2"), DIALECT_CN);
    assert_non_null(cn);
    assert_int_equal(cn->tasks.n, 1);
    assert_string_equal(cn->tasks.items[0], "c-sem-v2");
    assert_string_equal(l.config.origin, "");
    assert_non_null(strstr(l.config.citation, "@misc{"));
    assert_string_equal(l.config.average_header, "Average ⬆️");
    assert_true(l.config.baseline);
    loaded_free(&l);
}

static void
test_sample(void **state)
{
    struct loaded l;

    (void)state;
    load_installed("mini-leaderboard.conf", &l);
    assert_int_equal(l.config.benchmarks.n, 6);
    const struct benchmark *mmlu = benchmark_of(&l, "mmlu");
    assert_string_equal(mmlu->tasks.items[0], "hendrycksTest-*");
    assert_int_equal(mmlu->count, 57);
    const struct benchmark_source *s = source_of(benchmark_of(&l, "arc"), DIALECT_LIGHTEVAL);
    assert_non_null(s);
    assert_string_equal(s->tasks.items[0], "arc:challenge");
    assert_non_null(strstr(l.config.origin, "Open LLM Leaderboard"));
    assert_non_null(strstr(l.config.origin_url, "gradio-app/gradio"));
    assert_non_null(strstr(l.config.origin_license, "Apache-2.0"));
    assert_true(l.config.origin_date[0] != '\0');
    loaded_free(&l);
}

static void
test_choices(void **state)
{
    static const char *const types[] = {
        "🟢 pretrained", "🔶 fine-tuned on domain-specific datasets",
        "💬 chat models (RLHF, DPO, IFT, ...)", "🤝 base merges and moerges", "? "};
    static const char *const sizes[] = {"?", "~1.5", "~3", "~7", "~13", "~35", "~60", "70+"};
    static const char *const hides[] = {"Private or deleted", "Contains a merge/moerge",
                                        "Flagged", "MoE"};
    char label[BOARD_LABEL_SIZE];
    struct loaded l;

    (void)state;
    load_installed("open-cn-llm.conf", &l);
    assert_int_equal(l.config.types.n, 5);
    for (int i = 0; i < 5; i++) {
        board_type_label(&l.config, (size_t)i, label);
        assert_string_equal(label, types[i]);
        assert_int_equal(board_type_find(&l.config, jb_str(label)), i);
    }
    assert_int_equal(board_type_find(&l.config, JB_STR("🔶")), 1);
    assert_int_equal(board_type_find(&l.config, JB_STR("chat")), 2);
    assert_int_equal(board_type_find(&l.config, JB_STR("?")), 4);
    assert_int_equal(board_type_find(&l.config, JB_STR("")), -1);
    assert_int_equal(board_type_find(&l.config, JB_STR("🟢 pretrained ")), -1);

    assert_int_equal(board_precisions(&l.config), 6);
    assert_string_equal(board_precision_label(&l.config, 4), "GPTQ");
    assert_string_equal(board_precision_label(&l.config, 5), "?");
    assert_int_equal(board_precision_find(&l.config, JB_STR("bfloat16")), 1);
    assert_int_equal(board_precision_find(&l.config, JB_STR("?")), 5);
    assert_int_equal(board_precision_find(&l.config, JB_STR("float64")), -1);

    assert_int_equal(l.config.sizes.n, 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(board_size_find(&l.config, jb_str(sizes[i])), i);
    assert_int_equal(board_size_find(&l.config, JB_STR("7")), -1);

    for (int i = 0; i < BOARD_HIDES; i++) {
        assert_string_equal(board_hide_label((size_t)i), hides[i]);
        assert_int_equal(board_hide_find(jb_str(hides[i])), i);
    }
    assert_string_equal(board_hide_label(BOARD_HIDES), "");
    assert_int_equal(board_hide_find(JB_STR("flagged")), -1);
    loaded_free(&l);
}

/* A board file made of parts, each of which a test may replace. */
struct parts {
    const char *benchmarks, *types, *precisions, *sizes, *more;
};

static const char a_benchmark[] = "{ key = \"a\"; header = \"A\"; tasks = [ \"a\" ]; }";
static const char a_type[] = "{ key = \"chat\"; icon = \"C\"; label = \"chat\"; }, "
                             "{ key = \"unknown\"; icon = \"?\"; label = \"\"; }";
static const char a_size[] = "{ label = \"s\"; above = 0; to = 2; }";

static int
load_parts(const struct parts *p, struct loaded *ret)
{
    char file[] = "/tmp/jinbang-board.XXXXXX";
    int fd = mkstemp(file);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

    assert_non_null(f);
    fprintf(
        f, "benchmarks = ( %s );\ntypes = ( %s );\nprecisions = [ %s ];\nsizes = ( %s );\n%s\n",
        p->benchmarks ? p->benchmarks : a_benchmark, p->types ? p->types : a_type,
        p->precisions ? p->precisions : "\"float16\"", p->sizes ? p->sizes : a_size,
        p->more ? p->more : "");
    assert_int_equal(fclose(f), 0);
    int rc = load(file, ret);
    unlink(file);
    return rc;
}

static void
test_smallest(void **state)
{
    struct loaded l;

    (void)state;
    assert_int_equal(load_parts(&(struct parts){0}, &l), 0);
    assert_string_equal(l.config.title, "");
    assert_string_equal(l.config.average_header, "Average ⬆️");
    const struct board_type *t = l.config.types.items;
    assert_int_equal(t[0].aliases.n, 0);
    loaded_free(&l);
}

/* Each mistake is found, at its key, and nothing is handed out. */
static void
test_mistakes(void **state)
{
    static const struct {
        struct parts parts;
        const char *key, *reason;
    } wrong[] = {
        {{.benchmarks = ""}, "benchmarks", "1 to 40"},
        {{.benchmarks = "{ key = \"a\"; header = \"A\"; tasks = [ \"a\" ]; }, "
                        "{ key = \"a\"; header = \"B\"; tasks = [ \"b\" ]; }"},
         "benchmarks",
         "same key or header"},
        {{.benchmarks = "{ key = \"a\"; header = \"A\"; tasks = [ \"a\" ]; }, "
                        "{ key = \"b\"; header = \"A\"; tasks = [ \"b\" ]; }"},
         "benchmarks",
         "same key or header"},
        {{.benchmarks = "{ key = \"a\"; header = \"Model\"; tasks = [ \"a\" ]; }"},
         "benchmarks",
         "every board has"},
        {{.benchmarks = "{ key = \"a\"; header = \"fullname\"; tasks = [ \"a\" ]; }"},
         "benchmarks",
         "every board has"},
        {{.benchmarks = "{ key = \"a\"; header = \"A\"; tasks = [ \"a\" ]; "
                        "in_average = false; }"},
         "benchmarks",
         "in the average"},
        {{.types = ""}, "types", "1 to 31"},
        {{.types = "{ key = \"Chat\"; icon = \"C\"; label = \"chat\"; }, "
                   "{ key = \"u\"; icon = \"?\"; label = \"\"; }"},
         "key",
         "a-z"},
        {{.types = "{ key = \"chat\"; icon = \"\"; label = \"chat\"; }, "
                   "{ key = \"u\"; icon = \"?\"; label = \"\"; }"},
         "types",
         "has an icon"},
        {{.types = "{ key = \"chat\"; icon = \"C\"; label = \"\"; }, "
                   "{ key = \"u\"; icon = \"?\"; label = \"\"; }"},
         "types",
         "a label"},
        {{.types = "{ key = \"chat\"; icon = \"?\"; label = \"chat\"; }, "
                   "{ key = \"u\"; icon = \"?\"; label = \"\"; }"},
         "types",
         "same key or icon"},
        {{.types = "{ key = \"chat\"; icon = \"C\"; label = \"chat\"; }"},
         "types",
         "unknown one"},
        {{.types = "{ key = \"chat\"; icon = \"C\"; label = \"chat\"; aliases = [ \"\" ]; }, "
                   "{ key = \"u\"; icon = \"?\"; label = \"\"; }"},
         "aliases",
         "empty"},
        {{.precisions = ""}, "precisions", "1 to 30"},
        {{.precisions = "\"float16\", \"float16\""}, "precisions", "are the same"},
        {{.precisions = "\"float16\", \"?\""}, "precisions", "None"},
        {{.precisions = "\"None\""}, "precisions", "None"},
        {{.sizes = ""}, "sizes", "1 to 31"},
        {{.sizes = "{ label = \"\"; above = 0; to = 2; }"}, "sizes", "label"},
        {{.sizes = "{ label = \"s\"; above = 2; to = 2; }"}, "sizes", "less than"},
        {{.sizes = "{ label = \"s\"; above = 0; to = 2; }, "
                   "{ label = \"s\"; above = 2; to = 3; }"},
         "sizes",
         "same label"},
        {{.sizes = "{ label = \"s\"; above = 0; to = 2; }, "
                   "{ label = \"t\"; above = 1; to = 3; }"},
         "sizes",
         "overlap"},
        {{.more = "average_header = \"\";"}, "average_header", "empty"},
        {{.more = "average_header = \"Type\";"}, "average_header", "another column"},
        {{.more = "average_header = \"A\";"}, "average_header", "of a benchmark"},
        {{.more = "colour = \"red\";"}, "colour", "unknown"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct loaded l;
        int rc = load_parts(&wrong[i].parts, &l);
        const char *text = l.report.text.p ? l.report.text.p : "";
        if (rc != JB_EINVAL || !strstr(text, wrong[i].key) || !strstr(text, wrong[i].reason))
            fail_msg("%zu: expected %s: %s, got %d: %s", i, wrong[i].key, wrong[i].reason, rc,
                     text);
        assert_null(l.config.title);
        loaded_free(&l);
    }
}

static void
test_no_file(void **state)
{
    struct loaded l;

    (void)state;
    assert_int_equal(load("/nonexistent/board.conf", &l), JB_ENOENT);
    loaded_free(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chinese),  cmocka_unit_test(test_sample),
        cmocka_unit_test(test_choices),  cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_no_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
