/* SPDX-License-Identifier: Apache-2.0 */
#include "board/choices.h"
#include "board/columns.h"

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

static bool
is_in(const char *text, const struct setting_strings *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, list->items[i]) == 0)
            return true;
    return false;
}

static const char *
check_aliases(const void *value)
{
    const struct setting_strings *list = value;

    /* It would be found in every text. */
    return is_in("", list, list->n) ? "an alias must not be empty" : NULL;
}

static const char *
check_types(const void *value)
{
    const struct setting_list *list = value;
    const struct board_type *t = list->items;

    if (list->n < 1 || list->n > MOST_CHOICES)
        return "1 to 31 types are needed";
    for (size_t i = 0; i < list->n; i++) {
        bool last = i + 1 == list->n;
        if (!t[i].icon[0] || (!last && !t[i].label[0]))
            return "every type has an icon, and all but the last a label";
        if (strlen(t[i].icon) + strlen(t[i].label) + 2 > BOARD_LABEL_SIZE)
            return "the label of a type is too long";
        for (size_t k = 0; k < i; k++)
            if (strcmp(t[i].key, t[k].key) == 0 || strcmp(t[i].icon, t[k].icon) == 0)
                return "two types have the same key or icon";
    }
    /* Requests of no known type are counted there. */
    return t[list->n - 1].label[0] ? "the last type is the unknown one, with an empty label"
                                   : NULL;
}

static const char *
check_sizes(const void *value)
{
    const struct setting_list *list = value;
    const struct board_size *s = list->items;

    if (list->n < 1 || list->n > MOST_CHOICES)
        return "1 to 31 sizes are needed";
    for (size_t i = 0; i < list->n; i++) {
        if (!s[i].label[0])
            return "every size has a label";
        if (!(s[i].above < s[i].to))
            return "`above` is less than `to` in every size";
        for (size_t k = 0; k < i; k++) {
            if (strcmp(s[i].label, s[k].label) == 0)
                return "two sizes have the same label";
            if (s[i].above < s[k].to && s[k].above < s[i].to)
                return "two sizes overlap";
        }
    }
    return NULL;
}

static const char *
check_benchmarks(const void *value)
{
    const struct setting_list *list = value;
    const struct benchmark *b = list->items;
    bool averaged = false;

    if (list->n < 1 || list->n > MOST_BENCHMARKS)
        return "1 to 40 benchmarks are needed";
    for (size_t i = 0; i < list->n; i++) {
        averaged |= b[i].in_average;
        if (columns_frame_has(b[i].header))
            return "a benchmark has the header of a column that every board has";
        for (size_t k = 0; k < i; k++)
            if (strcmp(b[i].key, b[k].key) == 0 || strcmp(b[i].header, b[k].header) == 0)
                return "two benchmarks have the same key or header";
    }
    return averaged ? NULL : "at least one benchmark is in the average";
}

static const char *
check_precisions(const void *value)
{
    const struct setting_strings *list = value;

    if (list->n < 1 || list->n >= MOST_CHOICES)
        return "1 to 30 precisions are needed";
    for (size_t i = 0; i < list->n; i++) {
        const char *p = list->items[i];
        /* The first stands for all others, the second for the baseline row. */
        if (!p[0] || strcmp(p, "?") == 0 || strcmp(p, "None") == 0)
            return "a precision is not empty, \"?\" or \"None\"";
        if (is_in(p, list, i))
            return "two precisions are the same";
    }
    return NULL;
}

static const char *
check_average(const void *value)
{
    const char *header = *(const char *const *)value;

    if (!header[0])
        return "must not be empty";
    return columns_frame_has(header) ? "is the header of another column" : NULL;
}

#define AT(member) offsetof(struct board_type, member)
static const struct setting type_table[] = {
    {"key", SETTING_STRING, AT(key), .check = check_key, .help = "Name in URLs."},
    {"icon", SETTING_STRING, AT(icon),
     .help = "Shown in the T column; ? for the unknown type."},
    {"label", SETTING_STRING, AT(label), .help = "English name; empty for the unknown type."},
    {"zh", SETTING_STRING, AT(zh), "", .help = "Chinese name."},
    {"aliases", SETTING_STRINGS, AT(aliases), "", .check = check_aliases,
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
     .help = "Pattern of a link from the page of a model to a dataset with details of its "
             "evaluation; {org} and {name} are replaced. Empty: none."},
    {"benchmarks", SETTING_LIST, AT(benchmarks), .check = check_benchmarks,
     .items = benchmark_table, .item_size = sizeof(struct benchmark),
     .help = "The benchmarks, in the order of their columns."},
    {"types", SETTING_LIST, AT(types), .check = check_types, .items = type_table,
     .item_size = sizeof(struct board_type),
     .help = "Model types; the last one stands for unknown."},
    {"precisions", SETTING_STRINGS, AT(precisions), .check = check_precisions,
     .help = "Precisions that a filter offers, beside ?."},
    {"sizes", SETTING_LIST, AT(sizes), .check = check_sizes, .items = size_table,
     .item_size = sizeof(struct board_size), .help = "Size buckets."},
    {"baseline", SETTING_BOOL, AT(baseline), "true",
     .help = "Show a row with the baselines of the benchmarks."},
    {"average_header", SETTING_STRING, AT(average_header), "Average ⬆️",
     .check = check_average, .help = "Header of the average; clients look for it."},
    {0},
};

int
board_config_load(const char *file, struct jb_arena *arena, struct board_config *ret_config,
                  struct settings_report *report)
{
    struct board_config config = {0};
    int rc = settings_load(file, board_config_table, NULL, arena, &config, report);

    if (rc)
        return rc;
    const struct benchmark *benchmarks = config.benchmarks.items;
    for (size_t i = 0; i < config.benchmarks.n; i++) {
        if (strcmp(benchmarks[i].header, config.average_header) != 0)
            continue;
        jb_buf_printf(&report->text, "%s:1: average_header: is the header of a benchmark\n",
                      file);
        report->n++;
        return JB_EINVAL;
    }
    *ret_config = config;
    return 0;
}
