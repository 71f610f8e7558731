/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/choose.h"

#include "base/text.h"
#include "board/choices.h"
#include "board/rules.h"

#include <string.h>

static const char *const weight_types[] = {"Original", "Delta", "Adapter"};

static int
read_board(struct cli *cli, struct board_config *ret_board)
{
    struct jb_error err = {0};

    if (cli_board(cli, &err, ret_board))
        return err.code ? cli_fail(cli, &err) : CLI_FAILED;
    return CLI_DONE;
}

static int
no_memory(struct cli *cli)
{
    struct jb_error err = {0};

    jb_fail(&err, JB_ENOMEM, "out of memory");
    return cli_fail(cli, &err);
}

/* "… is none of the precisions: float16, bfloat16" */
static int
complain(struct cli *cli, const char *typed, const char *what, const char *const *words,
         size_t n)
{
    char list[160];
    size_t at = 0;

    list[0] = '\0';
    for (size_t i = 0; i < n && at < sizeof(list); i++)
        at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "", words[i]);
    return cli_usage(cli, "\"%.40s\" is none of the %s: %s", typed, what, list);
}

int
choose_type(struct cli *cli, const char *typed, const char **ret_type)
{
    struct board_config board;
    const char *keys[32];
    size_t n = 0;
    int rc = read_board(cli, &board);

    if (rc)
        return rc;
    const struct board_type *types = board.types.items;
    /* The last one is the unknown type. */
    for (size_t i = 0; i + 1 < board.types.n; i++) {
        const char *stored =
            jb_arena_printf(cli->arena, "%s : %s", types[i].icon, types[i].label);
        if (!stored)
            return no_memory(cli);
        if (strcmp(typed, stored) == 0 || strcmp(typed, types[i].label) == 0 ||
            board_type_find(&board, jb_str(typed)) == (int)i) {
            *ret_type = stored;
            return CLI_DONE;
        }
        if (n < sizeof(keys) / sizeof(keys[0]))
            keys[n++] = types[i].key;
    }
    return complain(cli, typed, "model types", keys, n);
}

int
choose_precision(struct cli *cli, const char *typed, const char **ret_precision)
{
    struct board_config board;
    int rc = read_board(cli, &board);

    if (rc)
        return rc;
    for (size_t i = 0; i < board.precisions.n; i++)
        if (strcmp(typed, board.precisions.items[i]) == 0) {
            *ret_precision = board.precisions.items[i];
            return CLI_DONE;
        }
    return complain(cli, typed, "precisions", board.precisions.items, board.precisions.n);
}

int
choose_weights(struct cli *cli, const char *typed, const char **ret_weights)
{
    const size_t n = sizeof(weight_types) / sizeof(weight_types[0]);

    for (size_t i = 0; i < n; i++)
        if (strcmp(typed, weight_types[i]) == 0) {
            *ret_weights = weight_types[i];
            return CLI_DONE;
        }
    return complain(cli, typed, "kinds of weights", weight_types, n);
}

int
choose_rules(struct cli *cli, struct submit_rules *ret_rules)
{
    struct board_config *board = jb_arena_alloc(cli->arena, sizeof(*board));
    int rc;

    if (!board)
        return no_memory(cli);
    rc = read_board(cli, board);
    if (rc)
        return rc;
    return board_submit_rules(board, &cli->conf, cli->arena, ret_rules) ? no_memory(cli)
                                                                        : CLI_DONE;
}
