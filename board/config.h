/* SPDX-License-Identifier: Apache-2.0 */
/* A board file: which columns, benchmarks, types, precisions and sizes a leaderboard has. */
#pragma once

#include "base/settings.h"
#include "harness/benchmark.h"

struct board_type {
    const char *key;   /* "pretrained", [a-z0-9-]+, for URLs */
    const char *icon;  /* "🟢"; "?" for unknown */
    const char *label; /* "pretrained"; "" for unknown */
    const char *zh;    /* Chinese name for people */
    struct setting_strings
        aliases; /* icons or words that a request's model_type may hold instead */
};

struct board_size {
    const char *label; /* "~7" */
    double above, to;  /* billions, (above, to] */
};

struct board_config {
    const char *title; /* page title */
    const char *title_zh;
    const char *origin; /* where the data comes from, one line for the page; "" none */
    const char *origin_url;
    const char *origin_date;
    const char *origin_license;
    const char *citation; /* BibTeX */
    const char
        *details_url; /* pattern of a link to details elsewhere, "{org}__{name}" replaced;
                         "" none */
    struct setting_list benchmarks; /* struct benchmark */
    struct setting_list types;      /* struct board_type, the last one unknown */
    struct setting_strings precisions;
    struct setting_list sizes;  /* struct board_size */
    bool baseline;              /* show the baseline row */
    const char *average_header; /* "Average ⬆️" */
};

/* The table, for the man page. */
extern const struct setting board_config_table[];

/* Memory from `arena`. Errors as settings_load(). */
int board_config_load(const char *file, struct jb_arena *arena, struct board_config *ret_config,
                      struct settings_report *report);
