/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "arena_help.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
parse(const char *text, struct conf *conf, struct settings_report *report)
{
    return settings_parse("f.conf", text, strlen(text), conf_table, NULL, arena, conf, report);
}

static void
defaults_hold(void **state)
{
    struct conf conf;
    struct settings_report report = {0};

    (void)state;
    assert_int_equal(parse("", &conf, &report), 0);
    assert_int_equal(conf.web.workers, 3);
    assert_int_equal(conf.gradio.heartbeat, 15000);
    assert_int_equal(conf.store.map_size, (int64_t)64 << 30);
    assert_true(conf.gradio.show_error);
    assert_string_equal(conf.site.mount, "");
    jb_buf_free(&report.text);
}

static void
every_mistake_is_told_at_once(void **state)
{
    static const char text[] = "web = {\n"
                               "    workerz = 3;\n"
                               "    workers = 99;\n"
                               "    backlog = \"many\";\n"
                               "    receive_timeout = \"5 parsecs\";\n"
                               "};\n"
                               "log = { level = \"loud\"; };\n"
                               "site = { mount = \"/a/\"; hub_url = \"ftp://x\"; };\n"
                               "nonsense = 1;\n";
    static const char *const want[] = {
        "f.conf:2: web.workerz: unknown setting; did you mean web.workers?\n",
        "f.conf:3: web.workers: must be between 1 and 64\n",
        "f.conf:4: web.backlog: must be a whole number\n",
        "f.conf:5: web.receive_timeout: must be a duration",
        "f.conf:7: log.level: must be one of error|warning|notice|info|debug\n",
        "f.conf:8: site.mount: must not end with '/'\n",
        "f.conf:8: site.hub_url: must start with https:// or http://\n",
        "f.conf:9: nonsense: unknown setting\n",
    };
    struct conf conf;
    struct settings_report report = {0};

    (void)state;
    memset(&conf, 7, sizeof(conf));
    assert_true(parse(text, &conf, &report) < 0);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        if (!strstr(report.text.p, want[i]))
            fail_msg("missing: %s in:\n%s", want[i], report.text.p);
    assert_int_equal(report.n, sizeof(want) / sizeof(want[0]));
    assert_int_equal(((char *)&conf)[0], 7); /* untouched */
    jb_buf_free(&report.text);
}

static void
syntax_has_a_line(void **state)
{
    struct conf conf;
    struct settings_report report = {0};

    (void)state;
    assert_true(parse("web = {\n workers = ;\n", &conf, &report) < 0);
    assert_non_null(strstr(report.text.p, "f.conf:2: syntax: "));
    jb_buf_reset(&report.text);
    assert_true(parse("web = { workers = 2; workers = 3; };", &conf, &report) < 0);
    assert_non_null(strstr(report.text.p, "f.conf:1: "));
    jb_buf_reset(&report.text);
    assert_true(parse("\n@include \"x\"\n", &conf, &report) < 0);
    assert_non_null(strstr(report.text.p, "f.conf:2: @include: "));
    jb_buf_free(&report.text);
}

struct item {
    const char *name;
    double value;
    struct setting_strings words;
};

struct whole {
    struct setting_list items;
    double number;
    const char *path;
};

static const struct setting item_table[] = {
    {"name", SETTING_STRING, offsetof(struct item, name), NULL, .help = "Name."},
    {"value", SETTING_NUMBER, offsetof(struct item, value), "nan", .help = "Value."},
    {"words", SETTING_STRINGS, offsetof(struct item, words), "", .help = "Words."},
    {0},
};

static const struct setting whole_table[] = {
    {"items", SETTING_LIST, offsetof(struct whole, items), "", .items = item_table,
     .item_size = sizeof(struct item), .help = "Items."},
    {"number", SETTING_NUMBER, offsetof(struct whole, number), "1.5", .help = "Number."},
    {"path", SETTING_PATH, offsetof(struct whole, path), "", .help = "Path."},
    {0},
};

static void
lists_of_groups(void **state)
{
    static const char good[] = "items = ( { name = \"a\"; value = 3; words = [\"x\", \"y\"]; "
                               "}, { name = \"b\"; words = \"one\"; } ); path = \"rel\";";
    static const char bad[] = "items = (\n { value = 1; },\n { name = 5; },\n 7 );";
    struct whole w;
    struct settings_report report = {0};

    (void)state;
    assert_int_equal(
        settings_parse("f", good, strlen(good), whole_table, NULL, arena, &w, &report), 0);
    const struct item *items = w.items.items;
    assert_int_equal(w.items.n, 2);
    assert_true(items[0].value == 3);
    assert_true(isnan(items[1].value));
    assert_int_equal(items[0].words.n, 2);
    assert_string_equal(items[1].words.items[0], "one");
    assert_true(w.number == 1.5);
    assert_true(settings_parse("f", bad, strlen(bad), whole_table, NULL, arena, &w, &report) <
                0);
    assert_non_null(strstr(report.text.p, "f:2: items[0].name: is missing"));
    assert_non_null(strstr(report.text.p, "f:3: items[1].name: must be a text"));
    assert_non_null(strstr(report.text.p, "f:4: items[2]: must be a group"));
    jb_buf_free(&report.text);
}

static void
files_and_paths(void **state)
{
    char name[] = "/tmp/jinbang-settings.XXXXXX";
    struct conf conf;
    struct settings_report report = {0};

    (void)state;
    assert_int_equal(conf_load("/nonexistent/jinbang.conf", arena, &conf, &report), JB_ENOENT);
    assert_non_null(strstr(report.text.p, "/nonexistent/jinbang.conf:1: file: "));
    jb_buf_reset(&report.text);
    report.n = 0;
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_true(write(fd, "store = { path = \"rel/store\"; };\nlog = { level = \"debug\"; };\n",
                      61) > 0);
    close(fd);
    assert_int_equal(conf_load(name, arena, &conf, &report), 0);
    assert_string_equal(conf.store.path, "/tmp/rel/store");
    assert_int_equal(conf.log.level, JB_LOG_DEBUG);
    assert_string_equal(conf_web_socket(&conf, arena), "/run/jinbang/web.sock");
    unlink(name);
    jb_buf_free(&report.text);
}

static void
webhooks(void **state)
{
    static const char good[] =
        "webhooks = ( { name = \"a\"; url = \"https://a.example/x/?k=1\"; secret_file = "
        "\"/s\"; },\n{ name = \"b\"; url = \"https://b.example\"; secret_file = \"/s\"; "
        "events = [\"failed\"]; } );";
    static const char bad[] =
        "webhooks = ( { name = \"a b\"; url = \"ftp://a\"; secret_file = \"/s\"; },\n"
        "{ name = \"b\"; url = \"https://b\"; secret_file = \"/s\"; events = "
        "[\"failed\", \"cancelled\"]; } );";
    static const char twice[] =
        "webhooks = ( { name = \"a\"; url = \"https://a\"; secret_file = \"/s\"; },\n"
        "{ name = \"a\"; url = \"https://b\"; secret_file = \"/s\"; } );";
    struct conf conf;
    struct settings_report report = {0};
    const struct conf_webhook *hooks;

    (void)state;
    if (settings_parse("f", good, strlen(good), conf_table, NULL, arena, &conf, &report))
        fail_msg("%s", report.text.p);
    hooks = conf.webhooks.items;
    assert_int_equal(conf.webhooks.n, 2);
    assert_int_equal(hooks[0].events.n, 0);
    assert_string_equal(hooks[1].events.items[0], "failed");
    assert_true(settings_parse("f", bad, strlen(bad), conf_table, NULL, arena, &conf, &report) <
                0);
    assert_non_null(strstr(report.text.p, "f:1: webhooks[0].name: may hold"));
    assert_non_null(strstr(report.text.p, "f:1: webhooks[0].url: must start with"));
    assert_non_null(strstr(report.text.p, "f:2: webhooks[1].events: may hold"));
    jb_buf_free(&report.text);
    report = (struct settings_report){0};
    assert_true(
        settings_parse("f", twice, strlen(twice), conf_table, NULL, arena, &conf, &report) < 0);
    assert_non_null(strstr(report.text.p, "webhooks: two of them have the same name"));
    jb_buf_free(&report.text);
}

/* What the tables say of themselves can be read again. */
static void
the_example_is_a_settings_file(void **state)
{
    struct jb_buf b = JB_BUF(1 << 20);
    struct conf conf;
    struct settings_report report = {0};

    (void)state;
    settings_example(conf_table, &b);
    assert_int_equal(b.err, 0);
    /* Every default is commented out; without the marks the file must be taken too. */
    for (char *p = b.p; (p = strstr(p, "\n    #")) != NULL; p += 6)
        if (p[6] != ' ')
            p[5] = ' ';
    assert_int_equal(parse(b.p, &conf, &report), 0);
    jb_buf_reset(&b);
    settings_mdoc(conf_table, &b);
    assert_non_null(strstr(b.p, ".It Ic web.workers\n"));
    jb_buf_free(&b);
    jb_buf_free(&report.text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold),
        cmocka_unit_test(every_mistake_is_told_at_once),
        cmocka_unit_test(syntax_has_a_line),
        cmocka_unit_test(lists_of_groups),
        cmocka_unit_test(files_and_paths),
        cmocka_unit_test(webhooks),
        cmocka_unit_test(the_example_is_a_settings_file),
    };

    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
