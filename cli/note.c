/* SPDX-License-Identifier: Apache-2.0 */
/* flag, alias, blocked: short records that are added and removed by hand. */
#include "cli/cli.h"

#include "base/text.h"

#include <string.h>

static enum store_note
kind_of(const char *noun)
{
    return strcmp(noun, "flag") == 0    ? NOTE_FLAG
           : strcmp(noun, "alias") == 0 ? NOTE_ALIAS
                                        : NOTE_BLOCKED;
}

static int
change(struct store_txn *txn, enum store_note kind, bool add, const char *name,
       const char *text, enum store_outcome *ret_outcome)
{
    if (add)
        return store_note_put(txn, kind, name, text, ret_outcome);
    *ret_outcome = STORE_CHANGED;
    return store_note_delete(txn, kind, name);
}

int
cmd_note(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {NULL};
    enum store_note kind = kind_of(argv[0]);
    enum store_outcome outcome = STORE_SAME;
    struct jb_error err = {0};
    struct store *store;
    struct store_txn *txn;
    const char *text;
    bool add;
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, NULL))
        return CLI_USAGE;
    if (argc < 3)
        return cli_usage(cli, "add or remove, and which model?");
    add = strcmp(argv[1], "add") == 0;
    if (!add && strcmp(argv[1], "remove") != 0)
        return cli_usage(cli, "add or remove, not \"%.60s\"", argv[1]);
    if (argc > (add ? 4 : 3) || (add && kind == NOTE_ALIAS && argc != 4))
        return cli_usage(cli, "wrong number of arguments");
    text = argc == 4 ? argv[3] : "";
    if (add && (jb_model_id_check(jb_str(argv[2]), &err) ||
                (kind == NOTE_ALIAS && jb_model_id_check(jb_str(text), &err)) ||
                store_note_check(kind, argv[2], text, &err)))
        return cli_fail(cli, &err);
    if (cli_open(cli, false, &err, &store))
        return cli_fail(cli, &err);
    rc = store_begin(store, STORE_WRITE, cli->actor, &err, &txn);
    if (!rc) {
        rc = change(txn, kind, add, argv[2], text, &outcome);
        if (rc) {
            jb_fail(&err, rc, "%s: %s", argv[2],
                    store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
            store_abort(txn);
        } else {
            rc = store_commit(txn, &err);
        }
    }
    store_close(store);
    if (rc)
        return cli_fail(cli, &err);
    puts(!add                       ? "removed"
         : outcome == STORE_NEW     ? "added"
         : outcome == STORE_CHANGED ? "changed"
                                    : "nothing to change");
    return CLI_DONE;
}
