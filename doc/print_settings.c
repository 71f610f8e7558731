/* SPDX-License-Identifier: Apache-2.0 */
/* Prints jinbang.conf(5) and agent.conf(5): standard input with @SETTINGS@, @BOARD@ and @AGENT@
 * replaced by the tables. */
#include "agent/conf.h"
#include "base/conf.h"
#include "board/config.h"

#include <stdio.h>
#include <string.h>

static void
print_list_items(const struct setting *table, const char *within)
{
    struct jb_buf b = JB_BUF(1 << 20);

    for (const struct setting *s = table; s->key; s++) {
        if (s->type != SETTING_LIST)
            continue;
        printf(".Ss Groups of %s%s\n.Bl -tag -width Ds\n", within, s->key);
        jb_buf_reset(&b);
        settings_mdoc(s->items, &b);
        fputs(b.p ? b.p : "", stdout);
        puts(".El");
    }
    for (const struct setting *s = table; s->key; s++) {
        char inner[200];
        if (s->type != SETTING_LIST)
            continue;
        snprintf(inner, sizeof(inner), "%s%s.", within, s->key);
        print_list_items(s->items, inner);
    }
    jb_buf_free(&b);
}

static void
print_table(const struct setting *table)
{
    struct jb_buf b = JB_BUF(1 << 20);

    puts(".Bl -tag -width Ds");
    settings_mdoc(table, &b);
    fputs(b.p ? b.p : "", stdout);
    puts(".El");
    jb_buf_free(&b);
    print_list_items(table, "");
}

int
main(void)
{
    char line[4096];

    while (fgets(line, sizeof(line), stdin)) {
        if (strcmp(line, "@SETTINGS@\n") == 0)
            print_table(conf_table);
        else if (strcmp(line, "@AGENT@\n") == 0)
            print_table(agent_conf_table);
        else if (strcmp(line, "@BOARD@\n") == 0)
            print_table(board_config_table);
        else
            fputs(line, stdout);
    }
    return 0;
}
