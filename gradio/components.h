/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The components of the page: one table with type, place in the layout and fixed properties.
 * An id is a line of the table, in the order of construction; a parent stands before its
 * children. The order of the `components` array is another one, which old scrapers of the page
 * rely on: see component_order.
 */
#pragma once

#include "gradio/choices.h"

enum component_id {
    C_ROOT, /* not listed itself */
    C_TITLE,
    C_INTRO,
    C_TABS,
    C_TAB_BENCH,
    C_BENCH_ROW,
    C_BENCH_LEFT,
    C_BENCH_LEFT_FORM,
    C_SEARCH,
    C_COLUMNS,
    C_HIDE,
    C_BENCH_RIGHT,
    C_BENCH_RIGHT_FORM,
    C_TYPES,
    C_PRECISIONS,
    C_SIZES,
    C_LEADERBOARD,
    C_FULL,      /* hidden: every row and column; scrapers read it */
    C_POSTED,    /* hidden and empty: what a click posts back in place of the full table */
    C_QUERY_BOX, /* hidden: ?query= of the page */
    C_TAB_METRICS,
    C_METRICS_ROW,
    C_METRICS_LEFT,
    C_PLOT_AVERAGE,
    C_METRICS_RIGHT,
    C_PLOT_BENCHMARKS,
    C_TAB_ABOUT,
    C_ABOUT,
    C_TAB_FAQ,
    C_FAQ,
    C_TAB_SUBMIT,
    C_SUBMIT_TEXT,
    C_FINISHED,
    C_FINISHED_TABLE,
    C_RUNNING,
    C_RUNNING_TABLE,
    C_PENDING,
    C_PENDING_TABLE,
    C_FAILED,
    C_FAILED_TABLE,
    C_CANCELLED,
    C_CANCELLED_TABLE,
    C_FORM_TITLE,
    C_FORM_ROW,
    C_FORM_LEFT,
    C_FORM_LEFT_FORM,
    C_MODEL,
    C_REVISION,
    C_PRIVATE,
    C_MODEL_TYPE,
    C_FORM_RIGHT,
    C_FORM_RIGHT_FORM,
    C_PRECISION,
    C_WEIGHT_TYPE,
    C_BASE_MODEL,
    C_SUBMIT,
    C_ANSWER,
    C_CITATION,
    C_CITATION_FORM,
    C_CITATION_TEXT,
    C_PREDICT_FIRST, /* hidden: the arguments that /predict takes and ignores */
    C_PREDICT_SECOND,
    C_MAX,
};

enum component_type {
    TYPE_MARKDOWN,
    TYPE_TABS,
    TYPE_TAB,
    TYPE_ROW,
    TYPE_COLUMN,
    TYPE_FORM,
    TYPE_ACCORDION,
    TYPE_TEXTBOX,
    TYPE_CHECKBOX,
    TYPE_CHECKBOXGROUP,
    TYPE_DROPDOWN,
    TYPE_DATAFRAME,
    TYPE_BUTTON,
    TYPE_PLOT,
};

struct component {
    enum component_type type;
    enum component_id parent;
    const char *label;   /* NULL: none */
    const char *elem_id; /* NULL: none */
    const char *elem_class;
    enum choice_set choices;
    const char *placeholder;
    const char *value; /* fixed text; NULL: made from the board, or none */
    int min_width;     /* TYPE_COLUMN, TYPE_PLOT: pixels; 0 the usual */
    int tab;           /* TYPE_TAB: its number as the Space has it */
    bool hidden;
};

extern const struct component component_table[C_MAX];

/*
 * The order of the `components` array: no table in positions 0 to 16, the full table at 17, the
 * running queue at 31, the pending one at 34 (scrapers of 2023 count to them), every other
 * table after 17; what the Space does not have comes last.
 */
#define COMPONENTS_LISTED (C_MAX - 1)
extern const enum component_id component_order[COMPONENTS_LISTED];

const char *component_type_name(enum component_type type);  /* "textbox" */
const char *component_class_name(enum component_type type); /* "Textbox" */
/* Layout and buttons carry no value: they are no parameter of any function. */
bool component_has_value(enum component_type type);
