/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/benchmark.h"

#include <stddef.h>
#include <string.h>

static const char *const dialects[DIALECT_MAX] = {
    [DIALECT_PINNED] = "pinned",       [DIALECT_PRESENT] = "present",
    [DIALECT_LIGHTEVAL] = "lighteval", [DIALECT_CN] = "cn",
    [DIALECT_TEMPLATE] = "template",   [DIALECT_TABLE] = "table",
};

const char *
harness_dialect_name(enum harness_dialect dialect)
{
    if ((int)dialect < 0 || dialect >= DIALECT_MAX)
        return "unknown";
    return dialects[dialect];
}

static const char *
check_key(const void *value)
{
    const char *key = *(const char *const *)value;

    if (key[0] == '\0' || strlen(key) > 64)
        return "a key has 1 to 64 characters";
    if (strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(key))
        return "a key is made of a-z, 0-9 and _";
    return NULL;
}

static const char *
check_text(const void *value)
{
    return **(const char *const *)value ? NULL : "must not be empty";
}

static const char *
check_names(const struct setting_strings *tasks)
{
    for (size_t i = 0; i < tasks->n; i++) {
        const char *star = strchr(tasks->items[i], '*');

        if (!tasks->items[i][0])
            return "a task name must not be empty";
        if (star && (star[1] || star == tasks->items[i]))
            return "a * may only end a task name";
    }
    return NULL;
}

static const char *
check_tasks(const void *value)
{
    const struct setting_strings *tasks = value;

    return tasks->n ? check_names(tasks) : "at least one task is needed";
}

static const char *
check_source_tasks(const void *value)
{
    return check_names(value);
}

#define AT(member) offsetof(struct benchmark_source, member)
static const struct setting source_table[] = {
    {.key = "dialect",
     .type = SETTING_CHOICE,
     .offset = AT(dialect),
     .choices = "pinned|present|lighteval|cn|template|table",
     .help = "The shape of result files that this is about."},
    {.key = "tasks",
     .type = SETTING_STRINGS,
     .offset = AT(tasks),
     .def = "",
     .check = check_source_tasks,
     .help = "Task names in such files; none: as the benchmark's own."},
    {.key = "metric",
     .type = SETTING_STRING,
     .offset = AT(metric),
     .def = "",
     .help = "Metric in such files; empty: the benchmark's own."},
    {.key = NULL},
};
#undef AT

#define AT(member) offsetof(struct benchmark, member)
const struct setting benchmark_table[] = {
    {.key = "key",
     .type = SETTING_STRING,
     .offset = AT(key),
     .check = check_key,
     .help = "Stable name in the store and in addresses: a-z, 0-9 and _."},
    {.key = "header",
     .type = SETTING_STRING,
     .offset = AT(header),
     .check = check_text,
     .help = "Column header."},
    {.key = "name",
     .type = SETTING_STRING,
     .offset = AT(name),
     .def = "",
     .help = "Full name, for the table of benchmarks and for screen readers."},
    {.key = "url",
     .type = SETTING_STRING,
     .offset = AT(url),
     .def = "",
     .help = "Paper or data set."},
    {.key = "shots",
     .type = SETTING_INT,
     .offset = AT(shots),
     .def = "0",
     .max = 1000,
     .help = "Examples in the prompt."},
    {.key = "metric",
     .type = SETTING_STRING,
     .offset = AT(metric),
     .def = "acc",
     .check = check_text,
     .help = "Metric of each task that makes the score."},
    {.key = "tasks",
     .type = SETTING_STRINGS,
     .offset = AT(tasks),
     .check = check_tasks,
     .help = "Tasks as the harness registers them; a name that ends in * stands for all with "
             "that prefix."},
    {.key = "count",
     .type = SETTING_INT,
     .offset = AT(count),
     .def = "0",
     .max = 4096,
     .help = "How many tasks the names with * must come to; 0: any number."},
    {.key = "in_average",
     .type = SETTING_BOOL,
     .offset = AT(in_average),
     .def = "true",
     .help = "Part of the average."},
    {.key = "baseline",
     .type = SETTING_NUMBER,
     .offset = AT(baseline),
     .def = "nan",
     .max = 100,
     .help = "Score of random answers in percent."},
    {.key = "human",
     .type = SETTING_NUMBER,
     .offset = AT(human),
     .def = "nan",
     .max = 100,
     .help = "Score of people in percent."},
    {.key = "sources",
     .type = SETTING_LIST,
     .offset = AT(sources),
     .def = "",
     .items = source_table,
     .item_size = sizeof(struct benchmark_source),
     .help = "How single dialects of result files name the tasks and the metric, where they "
             "differ."},
    {.key = NULL},
};
#undef AT
