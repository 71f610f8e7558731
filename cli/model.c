/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to a model as a whole. */
#include "cli/choose.h"
#include "cli/cli.h"

#include "base/text.h"
#include "queue/moderate.h"
#include "queue/rename.h"

#include <string.h>

struct model_change {
    const char *model, *text;
    bool json, yes;
    enum store_outcome outcome;
    size_t n;
};

/* Says what became of it. */
static int
say(struct cli *cli, bool as_json, const char *model, const char *outcome, size_t requests)
{
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_json j;

    if (!as_json) {
        cli_put_text(stdout, model);
        printf(": %s\n", outcome);
        return CLI_DONE;
    }
    jb_json_init(&j, &out);
    jb_json_object(&j);
    jb_json_ktext(&j, "model", model);
    jb_json_ktext(&j, "outcome", outcome);
    if (requests)
        jb_json_kint(&j, "requests", (int64_t)requests);
    jb_json_end(&j);
    return cli_print(cli, &j, &out);
}

/* --json, --yes where something is destroyed, the model, and a text where `most` is 3. False:
 * wrong use, which was said. */
static bool
read_change(struct cli *cli, int argc, char **argv, int least, int most, const char *question,
            struct model_change *ret_change)
{
    static const char *const switches[] = {"json", "yes", NULL}, *const no_yes[] = {"json",
                                                                                    NULL};
    struct model_change c = {.text = ""};
    bool on[2] = {false, false};

    if (!cli_switches(cli, &argc, argv, least < most ? switches : no_yes, on))
        return false;
    if (argc < least || argc > most) {
        cli_usage(cli, "%s", question);
        return false;
    }
    c.model = argv[1];
    if (argc == 3)
        c.text = argv[2];
    c.json = on[0];
    c.yes = on[1];
    *ret_change = c;
    return true;
}

static int
make_change(struct cli *cli,
            int (*change)(void *ctx, struct store_txn *txn, struct jb_error *err),
            struct model_change *c, const char *word)
{
    int rc = cli_change(cli, change, c);

    return rc ? rc
              : say(cli, c->json, c->model,
                    c->outcome == STORE_SAME ? "nothing to change" : word, 0);
}

static int
found_request(void *ctx, const struct request *request)
{
    (void)request;
    *(bool *)ctx = true;
    return 1;
}

static int
found_result(void *ctx, const struct result *result)
{
    (void)result;
    *(bool *)ctx = true;
    return 1;
}

struct target {
    const char *model;
    bool found;
};

static int
found_alias(void *ctx, const char *name, const char *text)
{
    struct target *t = ctx;

    (void)name;
    t->found = t->found || strcmp(text, t->model) == 0;
    return t->found;
}

/* Whether anything is stored under that id, so that a slip of the pen is not taken for a model.
 */
static int
must_be_known(struct store_txn *txn, const char *model, struct jb_error *err)
{
    struct jb_arena *arena = jb_arena_new((size_t)64 << 20);
    struct target alias = {model, false};
    struct model_info info;
    bool found = false;
    int rc = JB_ENOMEM;

    if (!arena)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = store_model_requests(txn, model, arena, false, found_request, &found);
    if (rc >= 0 && !found)
        rc = store_model_results(txn, model, arena, false, found_result, &found);
    if (rc >= 0 && !found) {
        rc = store_model_get(txn, model, arena, &info);
        found = rc == 0;
    }
    if ((rc >= 0 || rc == JB_ENOENT) && !found) {
        rc = store_notes_each(txn, NOTE_ALIAS, arena, found_alias, &alias);
        found = alias.found;
    }
    jb_arena_free(arena);
    if (rc < 0)
        return cli_reason(txn, rc, err);
    return found ? 0 : jb_fail(err, JB_ENOENT, "nothing is stored of %s", model);
}

static int
change_name(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct model_change *c = ctx;
    int rc = must_be_known(txn, c->model, err);

    return rc ? rc : queue_rename(txn, c->model, c->text, err, &c->outcome);
}

static int
model_rename(struct cli *cli, int argc, char **argv)
{
    struct model_change c;

    if (!read_change(cli, argc, argv, 3, 3, "which model, and what is it called now?", &c))
        return CLI_USAGE;
    return make_change(cli, change_name, &c, "renamed");
}

static int
hide(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct model_change *c = ctx;
    int rc = must_be_known(txn, c->model, err);

    return rc ? rc : store_note_put(txn, NOTE_HIDDEN, c->model, c->text, &c->outcome);
}

static int
model_delete(struct cli *cli, int argc, char **argv)
{
    struct jb_error err = {0};
    struct model_change c;

    if (!read_change(cli, argc, argv, 2, 3, "delete which model?", &c))
        return CLI_USAGE;
    if (store_note_check(NOTE_HIDDEN, c.model, c.text, &err))
        return cli_fail(cli, &err);
    if (!cli_confirm(c.yes,
                     "this shows %.200s nowhere any more, with all its requests and "
                     "results (model restore brings it back)",
                     c.model))
        return CLI_REFUSED;
    return make_change(cli, hide, &c, "deleted");
}

static int
show_again(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct model_change *c = ctx;
    int rc = store_note_delete(txn, NOTE_HIDDEN, c->model);

    c->outcome = STORE_CHANGED;
    return rc == JB_ENOENT ? jb_fail(err, rc, "%s is not deleted", c->model) : rc;
}

static int
model_restore(struct cli *cli, int argc, char **argv)
{
    struct model_change c;

    if (!read_change(cli, argc, argv, 2, 2, "restore which model?", &c))
        return CLI_USAGE;
    return make_change(cli, show_again, &c, "restored");
}

struct ids {
    struct jb_arena *arena;
    uint64_t *ids;
    size_t n, room;
};

static int
collect_id(void *ctx, const struct request *request)
{
    struct ids *all = ctx;

    if (all->n == all->room) {
        size_t room = all->room ? 2 * all->room : 64;
        uint64_t *ids = jb_arena_array(all->arena, room, sizeof *ids);
        if (!ids)
            return JB_ENOMEM;
        if (all->n)
            memcpy(ids, all->ids, all->n * sizeof *ids);
        all->ids = ids;
        all->room = room;
    }
    all->ids[all->n++] = request->id;
    return 0;
}

static int
correct_all(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct model_change *c = ctx;
    const struct queue_correction correction = {.model_type = c->text};
    struct ids all = {.arena = jb_arena_new((size_t)256 << 20)};
    int rc;

    if (!all.arena)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    rc = store_model_requests(txn, c->model, all.arena, false, collect_id, &all);
    if (!rc && !all.n)
        rc = jb_fail(err, JB_ENOENT, "there are no requests of %s", c->model);
    for (size_t i = 0; i < all.n && !rc; i++)
        rc = queue_correct(txn, all.ids[i], &correction, err);
    c->n = all.n;
    jb_arena_free(all.arena);
    return rc;
}

static int
model_correct(struct cli *cli, int argc, char **argv)
{
    struct model_change c = {0};
    bool as_json = false;
    const char *type = NULL;
    const struct cli_option options[] = {
        {"json", &as_json, NULL}, {"type", NULL, &type}, {NULL, NULL, NULL}};
    char outcome[80];
    int rc;

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 2 || !type)
        return cli_usage(cli, "correct which model, and to which type?");
    rc = choose_type(cli, type, &c.text);
    if (rc)
        return rc;
    c.model = argv[1];
    rc = cli_change(cli, correct_all, &c);
    if (rc)
        return rc;
    snprintf(outcome, sizeof(outcome), "%zu request%s corrected", c.n, c.n == 1 ? "" : "s");
    return say(cli, as_json, c.model, outcome, c.n);
}

const struct cli_verb model_verbs[] = {
    {"show", "MODEL [--json]", "all that is stored of it", cmd_show},
    {"rename", "OLD NEW [--json]", "OLD becomes an old name of NEW", model_rename},
    {"delete", "MODEL [REASON] [--yes] [--json]", "show it nowhere any more, but keep it",
     model_delete},
    {"restore", "MODEL [--json]", "show it again", model_restore},
    {"correct", "MODEL --type T [--json]", "the type of all its requests", model_correct},
    {0}};
