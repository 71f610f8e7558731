/* SPDX-License-Identifier: Apache-2.0 */
#include "board/config.h"

#include <stdio.h>
#include <string.h>

/* Bits of struct board_query, and columns of a 64-bit set. */
enum { MOST_CHOICES = 31, MOST_BENCHMARKS = 40 };

static const char *
check_key(const void *value)
{
    const char *key = *(const char *const *)value;

    if (!key[0] || strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(key))
        return "a key is made of a-z, 0-9 and -";
    return NULL;
}

static const char *
check_some(const void *value)
{
    size_t n = ((const struct setting_list *)value)->n;

    return n >= 1 && n <= MOST_CHOICES ? NULL : "1 to 31 of them are needed";
}

static const char *
check_benchmarks(const void *value)
{
    const struct setting_list *list = value;
    const struct benchmark *b = list->items;

    if (list->n < 1 || list->n > MOST_BENCHMARKS)
        return "1 to 40 benchmarks are needed";
    for (size_t i = 0; i < list->n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(b[i].key, b[k].key) == 0 || strcmp(b[i].header, b[k].header) == 0)
                return "two benchmarks have the same key or header";
    return NULL;
}

static const char *
check_precisions(const void *value)
{
    size_t n = ((const struct setting_strings *)value)->n;

    return n >= 1 && n < MOST_CHOICES ? NULL : "1 to 30 precisions are needed";
}

#define AT(member) offsetof(struct board_type, member)
static const struct setting type_table[] = {
    {"key", SETTING_STRING, AT(key), .check = check_key, .help = "Name in URLs."},
    {"icon", SETTING_STRING, AT(icon),
     .help = "Shown in the T column; ? for the unknown type."},
    {"label", SETTING_STRING, AT(label), .help = "English name; empty for the unknown type."},
    {"zh", SETTING_STRING, AT(zh), "", .help = "Chinese name."},
    {"aliases", SETTING_STRINGS, AT(aliases), "",
     .help = "Icons or words that a request may hold instead."},
    {0},
};
#undef AT
#define AT(member) offsetof(struct board_size, member)
static const struct setting size_table[] = {
    {"label", SETTING_STRING, AT(label), .help = "As shown."},
    {"above", SETTING_NUMBER, AT(above), .help = "Billions of parameters, this not included."},
    {"to", SETTING_NUMBER, AT(to), .help = "Billions of parameters, this included."},
    {0},
};
#undef AT
#define AT(member) offsetof(struct board_config, member)
const struct setting board_config_table[] = {
    {"title", SETTING_STRING, AT(title), "", .help = "Title of the board; empty: site.title."},
    {"title_zh", SETTING_STRING, AT(title_zh), "", .help = "Chinese title."},
    {"origin", SETTING_STRING, AT(origin), "",
     .help = "Where the data comes from, a line at the foot of the board."},
    {"origin_url", SETTING_STRING, AT(origin_url), "", .help = "Its address."},
    {"origin_date", SETTING_STRING, AT(origin_date), "", .help = "Its date."},
    {"origin_license", SETTING_STRING, AT(origin_license), "", .help = "Its licence."},
    {"citation", SETTING_STRING, AT(citation), "", .help = "BibTeX entry of the citation box."},
    {"details_url", SETTING_STRING, AT(details_url), "",
     .help = "Pattern of the second link of the Model cell; {org} and {name} are replaced. "
             "Empty: our own page."},
    {"benchmarks", SETTING_LIST, AT(benchmarks), .check = check_benchmarks,
     .items = benchmark_table, .item_size = sizeof(struct benchmark),
     .help = "The benchmarks, in the order of their columns."},
    {"types", SETTING_LIST, AT(types), .check = check_some, .items = type_table,
     .item_size = sizeof(struct board_type),
     .help = "Model types; the last one stands for unknown."},
    {"precisions", SETTING_STRINGS, AT(precisions), .check = check_precisions,
     .help = "Precisions that a filter offers, beside ?."},
    {"sizes", SETTING_LIST, AT(sizes), .check = check_some, .items = size_table,
     .item_size = sizeof(struct board_size), .help = "Size buckets."},
    {"baseline", SETTING_BOOL, AT(baseline), "true",
     .help = "Show a row with the baselines of the benchmarks."},
    {"average_header", SETTING_STRING, AT(average_header), "Average ⬆️",
     .help = "Header of the average; clients look for it."},
    {0},
};

int
board_config_load(const char *file, struct jb_arena *arena, struct board_config *ret_config,
                  struct settings_report *report)
{
    return settings_load(file, board_config_table, NULL, arena, ret_config, report);
}
