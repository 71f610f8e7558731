/* SPDX-License-Identifier: Apache-2.0 */
/* flag, alias, blocked, hidden: short records that are added and removed by hand. */
#include "cli/list.h"

#include "base/text.h"
#include "queue/rename.h"

#include <string.h>

static const struct {
    const char *noun, *removes;
    enum store_note kind;
} kinds[] = {
    {"flag", "this takes the flag from", NOTE_FLAG},
    {"alias", "this forgets the old name", NOTE_ALIAS},
    {"blocked", "this lets be submitted again", NOTE_BLOCKED},
    {"hidden", "this shows again", NOTE_HIDDEN},
};

static size_t
kind_of(const struct cli *cli)
{
    size_t i = 0;

    while (strcmp(kinds[i].noun, cli->command->noun) != 0)
        i++;
    return i;
}

struct note_change {
    enum store_note kind;
    bool add;
    const char *name, *text;
    enum store_outcome outcome;
};

static int
change(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct note_change *n = ctx;
    int rc;

    if (n->add && n->kind == NOTE_ALIAS)
        return queue_rename(txn, n->name, n->text, err, &n->outcome);
    if (n->add)
        return store_note_put(txn, n->kind, n->name, n->text, &n->outcome);
    rc = store_note_delete(txn, n->kind, n->name);
    return rc == JB_ENOENT ? jb_fail(err, rc, "%s: %s", n->name, jb_strerror(rc)) : rc;
}

static int
done(struct cli *cli, const struct note_change *n, bool as_json)
{
    const char *outcome = !n->add                       ? "removed"
                          : n->outcome == STORE_NEW     ? "added"
                          : n->outcome == STORE_CHANGED ? "changed"
                                                        : "nothing to change";
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_json j;

    if (!as_json) {
        puts(outcome);
        return CLI_DONE;
    }
    jb_json_init(&j, &out);
    jb_json_object(&j);
    jb_json_ktext(&j, "name", n->name);
    if (n->add)
        jb_json_ktext(&j, "text", n->text);
    jb_json_ktext(&j, "outcome", outcome);
    jb_json_end(&j);
    return cli_print(cli, &j, &out);
}

static int
note_add(struct cli *cli, int argc, char **argv)
{
    struct note_change n = {.kind = kinds[kind_of(cli)].kind, .add = true, .text = ""};
    struct jb_error err = {0};
    bool as_json = false, yes = n.kind != NOTE_HIDDEN;
    const struct cli_option options[] = {
        {"json", &as_json, NULL}, {yes ? NULL : "yes", &yes, NULL}, {NULL, NULL, NULL}};
    int rc;

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc < 2 || argc > 3 || (n.kind == NOTE_ALIAS && argc != 3))
        return cli_usage(cli, "wrong number of arguments");
    n.name = argv[1];
    if (argc == 3)
        n.text = argv[2];
    if (jb_model_id_check(jb_str(n.name), &err) ||
        store_note_check(n.kind, n.name, n.text, &err))
        return cli_fail(cli, &err);
    if (!cli_confirm(yes, "this shows %.200s nowhere any more", n.name))
        return CLI_REFUSED;
    rc = cli_change(cli, change, &n);
    return rc ? rc : done(cli, &n, as_json);
}

static int
note_remove(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"yes", "json", NULL};
    size_t kind = kind_of(cli);
    struct note_change n = {.kind = kinds[kind].kind};
    bool on[2];
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, on))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "wrong number of arguments");
    n.name = argv[1];
    if (!cli_confirm(on[0], "%s %.200s", kinds[kind].removes, n.name))
        return CLI_REFUSED;
    rc = cli_change(cli, change, &n);
    return rc ? rc : done(cli, &n, on[1]);
}

static int
walk(struct listing *l, struct store_txn *txn, const char *noun)
{
    size_t i = 0;
    int rc;

    while (strcmp(kinds[i].noun, noun) != 0)
        i++;
    if (l->as_json)
        jb_json_array(&l->json);
    rc = store_notes_each(txn, kinds[i].kind, l->arena, list_note, l);
    if (l->as_json)
        jb_json_end(&l->json);
    return rc;
}

static int
note_list(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"json", NULL};
    struct listing l = {0};

    if (!cli_switches(cli, &argc, argv, switches, &l.as_json))
        return CLI_USAGE;
    if (argc != 1)
        return cli_usage(cli, "list takes no arguments");
    return listing_run(cli, &l, walk, cli->command->noun);
}

const struct cli_verb flag_verbs[] = {
    {"add", "MODEL [URL] [--json]", "mark a model, with the address of the discussion",
     note_add},
    {"remove", "MODEL [--yes] [--json]", "take the mark away", note_remove},
    {"list", "[--json]", "all of them", note_list},
    {0}};

const struct cli_verb alias_verbs[] = {
    {"add", "OLD NEW [--json]", "tell that OLD is called NEW now", note_add},
    {"remove", "OLD [--yes] [--json]", "forget the old name", note_remove},
    {"list", "[--json]", "all of them", note_list},
    {0}};

const struct cli_verb blocked_verbs[] = {
    {"add", "MODEL [REASON] [--json]", "refuse submissions of a model", note_add},
    {"remove", "MODEL [--yes] [--json]", "take submissions of it again", note_remove},
    {"list", "[--json]", "all of them", note_list},
    {0}};

const struct cli_verb hidden_verbs[] = {
    {"add", "MODEL [REASON] [--yes] [--json]", "show a model nowhere, but keep it", note_add},
    {"remove", "MODEL [--yes] [--json]", "show it again", note_remove},
    {"list", "[--json]", "all of them", note_list},
    {0}};
