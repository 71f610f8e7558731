/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "import_help.h"

#include "store/folder.h"

static struct folder *
open_folder(struct fixture *f)
{
    struct folder *folder = NULL;

    if (folder_open(below(f, "out"), true, &f->err, &folder))
        fail_msg("%s", f->err.text);
    return folder;
}

static enum folder_outcome
write_ok(struct fixture *f, struct folder *folder, const char *path, const char *text)
{
    enum folder_outcome outcome = FOLDER_SAME;

    if (folder_write(folder, path, jb_str(text), &f->err, &outcome))
        fail_msg("%s", f->err.text);
    return outcome;
}

static void
assert_holds(struct fixture *f, const char *path, const char *text)
{
    const char *bytes = slurp(f, below(f, path), NULL);

    if (!bytes)
        fail_msg("%s is not there", path);
    assert_string_equal(bytes, text);
}

static void
test_write_and_delete(void **state)
{
    struct fixture *f = *state;
    struct folder *folder = open_folder(f);

    assert_int_equal(write_ok(f, folder, "requests/o/m.json", "one"), FOLDER_NEW);
    assert_int_equal(write_ok(f, folder, "requests/o/m.json", "one"), FOLDER_SAME);
    assert_int_equal(write_ok(f, folder, "requests/o/m.json", "two"), FOLDER_CHANGED);
    assert_int_equal(write_ok(f, folder, "top.json", "top"), FOLDER_NEW);
    assert_holds(f, "out/requests/o/m.json", "two");
    assert_int_equal(folder_sync(folder, &f->err), 0);
    assert_int_equal(folder_delete(folder, "requests/o/none.json", &f->err), 0);
    assert_int_equal(folder_delete(folder, "requests/none/m.json", &f->err), 0);
    assert_int_equal(access(below(f, "out/requests/o"), F_OK), 0);
    assert_int_equal(folder_delete(folder, "requests/o/m.json", &f->err), 0);
    assert_int_not_equal(access(below(f, "out/requests/o"), F_OK), 0);
    assert_int_equal(access(below(f, "out/requests"), F_OK), 0);
    assert_int_equal(folder_sync(folder, &f->err), 0);
    folder_close(folder);
}

static void
test_names_that_cannot_be(void **state)
{
    static const char *const bad[] = {"",
                                      "/etc/x",
                                      "a//b",
                                      "../x",
                                      "a/../../x",
                                      "a/.",
                                      "a/..",
                                      "a/",
                                      ".git/config",
                                      "requests/.GIT/x",
                                      ".gitattributes"};
    struct fixture *f = *state;
    struct folder *folder = open_folder(f);
    enum folder_outcome outcome;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct jb_error err = {0};
        assert_int_equal(folder_write(folder, bad[i], JB_STR("x"), &err, &outcome), JB_EINVAL);
        if (*bad[i])
            assert_int_equal(folder_delete(folder, bad[i], NULL), JB_EINVAL);
    }
    folder_close(folder);
}

/* Links in the place of a folder, of a file and of a whole layout. */
static void
test_links(void **state)
{
    struct fixture *f = *state;
    struct folder *folder = open_folder(f);
    struct jb_error err = {0};
    enum folder_outcome outcome;

    write_text(f, "outside/o/m.json", "theirs");
    write_text(f, "outside/file.json", "theirs");
    write_ok(f, folder, "requests/x.json", "x");
    assert_int_equal(symlink(below(f, "outside"), below(f, "out/results")), 0);
    assert_int_equal(symlink(below(f, "outside/o"), below(f, "out/requests/o")), 0);
    assert_int_equal(symlink(below(f, "outside/file.json"), below(f, "out/requests/l.json")),
                     0);
    assert_int_equal(folder_write(folder, "results/o/m.json", JB_STR("x"), &err, &outcome),
                     JB_EINVAL);
    assert_non_null(strstr(err.text, "a link or file is in the way"));
    assert_int_equal(folder_write(folder, "requests/o/m.json", JB_STR("x"), NULL, &outcome),
                     JB_EINVAL);
    assert_int_equal(folder_delete(folder, "requests/o/m.json", NULL), 0);
    assert_holds(f, "outside/o/m.json", "theirs");
    /* A link in the place of a file is replaced, not followed. */
    assert_int_equal(write_ok(f, folder, "requests/l.json", "ours"), FOLDER_CHANGED);
    assert_holds(f, "outside/file.json", "theirs");
    assert_holds(f, "out/requests/l.json", "ours");
    /* A folder in the place of a file. */
    write_ok(f, folder, "requests/d/e.json", "x");
    assert_int_equal(folder_write(folder, "requests/d", JB_STR("x"), NULL, &outcome),
                     JB_EINVAL);
    folder_close(folder);
}

struct seen {
    int n;
    char paths[16][64];
};

static int
see(void *ctx, const char *path)
{
    struct seen *seen = ctx;

    if (seen->n < 16)
        snprintf(seen->paths[seen->n], sizeof(seen->paths[0]), "%s", path);
    seen->n++;
    return 0;
}

static void
test_walk(void **state)
{
    struct fixture *f = *state;
    struct folder *folder = open_folder(f);
    struct seen seen = {0};

    write_text(f, "outside/a.json", "theirs");
    write_ok(f, folder, "top.json", "t");
    write_ok(f, folder, "requests/o/m.json", "m");
    write_text(f, "out/requests/.hidden/x.json", "h");
    assert_int_equal(symlink(below(f, "outside"), below(f, "out/requests/l")), 0);
    assert_int_equal(folder_walk(folder, "requests", see, &seen, &f->err), 0);
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.paths[0], "requests/o/m.json");
    assert_int_equal(folder_walk(folder, "results", see, &seen, &f->err), 0);
    assert_int_equal(seen.n, 1);
    assert_int_equal(folder_walk(folder, "", see, &seen, &f->err), 0);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.paths[1], "top.json");
    folder_close(folder);
}

static void
test_moved(void **state)
{
    struct fixture *f = *state;
    struct folder *folder = open_folder(f);

    assert_true(folder_is_there(folder));
    assert_int_equal(rename(below(f, "out"), below(f, "away")), 0);
    assert_false(folder_is_there(folder));
    assert_int_equal(mkdir(below(f, "out"), 0777), 0);
    assert_false(folder_is_there(folder));
    folder_close(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_write_and_delete, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_names_that_cannot_be, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_links, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_walk, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_moved, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
