/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/components.h"

#include <stddef.h>

#define TAB_ID "llm-benchmark-tab-table" /* the Space gives it to every tab */

/* clang-format off */
const struct component component_table[C_MAX] = {
    [C_TITLE] = {TYPE_MARKDOWN, C_ROOT, .elem_id = "space-title"},
    [C_INTRO] = {TYPE_MARKDOWN, C_ROOT, .elem_class = "markdown-text"},
    [C_TABS] = {TYPE_TABS, C_ROOT, .elem_class = "tab-buttons"},

    [C_TAB_BENCH] = {TYPE_TAB, C_TABS, "🏅 LLM Benchmark", TAB_ID, .tab = 0},
    [C_BENCH_ROW] = {TYPE_ROW, C_TAB_BENCH},
    [C_BENCH_LEFT] = {TYPE_COLUMN, C_BENCH_ROW},
    [C_BENCH_LEFT_FORM] = {TYPE_FORM, C_BENCH_LEFT},
    [C_SEARCH] = {TYPE_TEXTBOX, C_BENCH_LEFT_FORM, .elem_id = "search-bar",
        .placeholder = " 🔍 Search models or licences (e.g., 'model_name; license: MIT') and press ENTER..."},
    [C_COLUMNS] = {TYPE_CHECKBOXGROUP, C_BENCH_LEFT_FORM, "Select columns to show", "column-select", .choices = CHOICES_COLUMNS},
    [C_HIDE] = {TYPE_CHECKBOXGROUP, C_BENCH_LEFT_FORM, "Hide models", .choices = CHOICES_HIDE},
    [C_BENCH_RIGHT] = {TYPE_COLUMN, C_BENCH_ROW},
    [C_BENCH_RIGHT_FORM] = {TYPE_FORM, C_BENCH_RIGHT},
    [C_TYPES] = {TYPE_CHECKBOXGROUP, C_BENCH_RIGHT_FORM, "Model types", "filter-columns-type", .choices = CHOICES_TYPES},
    [C_PRECISIONS] = {TYPE_CHECKBOXGROUP, C_BENCH_RIGHT_FORM, "Precision", "filter-columns-precision", .choices = CHOICES_PRECISIONS},
    [C_SIZES] = {TYPE_CHECKBOXGROUP, C_BENCH_RIGHT_FORM, "Model sizes (in billions of parameters)", "filter-columns-size", .choices = CHOICES_SIZES},
    [C_LEADERBOARD] = {TYPE_DATAFRAME, C_TAB_BENCH, .elem_id = "leaderboard-table"},
    [C_FULL] = {TYPE_DATAFRAME, C_TAB_BENCH, .hidden = true},
    [C_POSTED] = {TYPE_DATAFRAME, C_TAB_BENCH, .hidden = true},
    [C_QUERY_BOX] = {TYPE_TEXTBOX, C_TAB_BENCH, .hidden = true},

    [C_TAB_METRICS] = {TYPE_TAB, C_TABS, "📈 Metrics through time", TAB_ID, .tab = 2},
    [C_METRICS_ROW] = {TYPE_ROW, C_TAB_METRICS},
    [C_METRICS_LEFT] = {TYPE_COLUMN, C_METRICS_ROW, .min_width = 500},
    [C_PLOT_AVERAGE] = {TYPE_PLOT, C_METRICS_LEFT, .min_width = 500},
    [C_METRICS_RIGHT] = {TYPE_COLUMN, C_METRICS_ROW, .min_width = 500},
    [C_PLOT_BENCHMARKS] = {TYPE_PLOT, C_METRICS_RIGHT, .min_width = 500},

    [C_TAB_ABOUT] = {TYPE_TAB, C_TABS, "📝 About", TAB_ID, .tab = 3},
    [C_ABOUT] = {TYPE_MARKDOWN, C_TAB_ABOUT, .elem_class = "markdown-text"},
    [C_TAB_FAQ] = {TYPE_TAB, C_TABS, "❗FAQ", TAB_ID, .tab = 4},
    [C_FAQ] = {TYPE_MARKDOWN, C_TAB_FAQ, .elem_class = "markdown-text"},

    [C_TAB_SUBMIT] = {TYPE_TAB, C_TABS, "🚀 Submit ", TAB_ID, .tab = 5},
    [C_SUBMIT_TEXT] = {TYPE_MARKDOWN, C_TAB_SUBMIT, .elem_class = "markdown-text"},
    [C_FINISHED] = {TYPE_ACCORDION, C_TAB_SUBMIT, "✅ Finished Evaluations"},
    [C_FINISHED_TABLE] = {TYPE_DATAFRAME, C_FINISHED},
    [C_RUNNING] = {TYPE_ACCORDION, C_TAB_SUBMIT, "🔄 Running Evaluation Queue"},
    [C_RUNNING_TABLE] = {TYPE_DATAFRAME, C_RUNNING},
    [C_PENDING] = {TYPE_ACCORDION, C_TAB_SUBMIT, "⏳ Pending Evaluation Queue"},
    [C_PENDING_TABLE] = {TYPE_DATAFRAME, C_PENDING},
    [C_FAILED] = {TYPE_ACCORDION, C_TAB_SUBMIT, "❌ Failed Evaluations"},
    [C_FAILED_TABLE] = {TYPE_DATAFRAME, C_FAILED},
    [C_CANCELLED] = {TYPE_ACCORDION, C_TAB_SUBMIT, "🚫 Cancelled"},
    [C_CANCELLED_TABLE] = {TYPE_DATAFRAME, C_CANCELLED},
    [C_FORM_TITLE] = {TYPE_MARKDOWN, C_TAB_SUBMIT, .elem_class = "markdown-text", .value = "# ✉️✨ Submit your model here!"},
    [C_FORM_ROW] = {TYPE_ROW, C_TAB_SUBMIT},
    [C_FORM_LEFT] = {TYPE_COLUMN, C_FORM_ROW},
    [C_FORM_LEFT_FORM] = {TYPE_FORM, C_FORM_LEFT},
    [C_MODEL] = {TYPE_TEXTBOX, C_FORM_LEFT_FORM, "Model name"},
    [C_REVISION] = {TYPE_TEXTBOX, C_FORM_LEFT_FORM, "Revision commit", .placeholder = "main"},
    [C_PRIVATE] = {TYPE_CHECKBOX, C_FORM_LEFT_FORM, "Private", .hidden = true},
    [C_MODEL_TYPE] = {TYPE_DROPDOWN, C_FORM_LEFT_FORM, "Model type", .choices = CHOICES_FORM_TYPE},
    [C_FORM_RIGHT] = {TYPE_COLUMN, C_FORM_ROW},
    [C_FORM_RIGHT_FORM] = {TYPE_FORM, C_FORM_RIGHT},
    [C_PRECISION] = {TYPE_DROPDOWN, C_FORM_RIGHT_FORM, "Precision", .choices = CHOICES_FORM_PRECISION},
    [C_WEIGHT_TYPE] = {TYPE_DROPDOWN, C_FORM_RIGHT_FORM, "Weights type", .choices = CHOICES_FORM_WEIGHT},
    [C_BASE_MODEL] = {TYPE_TEXTBOX, C_FORM_RIGHT_FORM, "Base model (for delta or adapter weights)"},
    [C_SUBMIT] = {TYPE_BUTTON, C_TAB_SUBMIT, .value = "Submit Eval"},
    [C_ANSWER] = {TYPE_MARKDOWN, C_TAB_SUBMIT, .elem_id = "submit-answer", .value = ""},

    [C_CITATION] = {TYPE_ACCORDION, C_ROOT, "📙 Citation"},
    [C_CITATION_FORM] = {TYPE_FORM, C_CITATION},
    [C_CITATION_TEXT] = {TYPE_TEXTBOX, C_CITATION_FORM, "Copy the following snippet to cite these results", "citation-button"},
    [C_PREDICT_FIRST] = {TYPE_TEXTBOX, C_ROOT, .hidden = true},
    [C_PREDICT_SECOND] = {TYPE_TEXTBOX, C_ROOT, .hidden = true},
};

const enum component_id component_order[COMPONENTS_LISTED] = {
    /*  0 */ C_TITLE, C_INTRO, C_TABS, C_TAB_BENCH, C_BENCH_ROW, C_BENCH_LEFT, C_BENCH_LEFT_FORM, C_SEARCH,
    /*  8 */ C_COLUMNS, C_HIDE, C_BENCH_RIGHT, C_BENCH_RIGHT_FORM, C_TYPES, C_PRECISIONS, C_SIZES, C_QUERY_BOX,
    /* 16 */ C_TAB_ABOUT, C_FULL, C_LEADERBOARD, C_POSTED, C_ABOUT, C_TAB_FAQ, C_FAQ, C_TAB_SUBMIT,
    /* 24 */ C_SUBMIT_TEXT, C_FINISHED, C_FINISHED_TABLE, C_RUNNING, C_FORM_TITLE, C_FORM_ROW, C_FORM_LEFT, C_RUNNING_TABLE,
    /* 32 */ C_PENDING, C_FORM_LEFT_FORM, C_PENDING_TABLE, C_MODEL, C_REVISION, C_PRIVATE, C_MODEL_TYPE, C_FORM_RIGHT,
    /* 40 */ C_FORM_RIGHT_FORM, C_PRECISION, C_WEIGHT_TYPE, C_BASE_MODEL, C_SUBMIT, C_ANSWER, C_CITATION, C_CITATION_FORM,
    /* 48 */ C_CITATION_TEXT, C_PREDICT_FIRST, C_PREDICT_SECOND, C_TAB_METRICS, C_METRICS_ROW, C_METRICS_LEFT, C_PLOT_AVERAGE, C_METRICS_RIGHT,
    /* 56 */ C_PLOT_BENCHMARKS, C_FAILED, C_FAILED_TABLE, C_CANCELLED, C_CANCELLED_TABLE,
};
/* clang-format on */

static const struct {
    const char *name, *class_name;
    bool value;
} types[] = {
    [TYPE_MARKDOWN] = {"markdown", "Markdown", true},
    [TYPE_TABS] = {"tabs", "Tabs", false},
    [TYPE_TAB] = {"tabitem", "Tab", false},
    [TYPE_ROW] = {"row", "Row", false},
    [TYPE_COLUMN] = {"column", "Column", false},
    [TYPE_FORM] = {"form", "Form", false},
    [TYPE_ACCORDION] = {"accordion", "Accordion", false},
    [TYPE_TEXTBOX] = {"textbox", "Textbox", true},
    [TYPE_CHECKBOX] = {"checkbox", "Checkbox", true},
    [TYPE_CHECKBOXGROUP] = {"checkboxgroup", "Checkboxgroup", true},
    [TYPE_DROPDOWN] = {"dropdown", "Dropdown", true},
    [TYPE_DATAFRAME] = {"dataframe", "Dataframe", true},
    [TYPE_BUTTON] = {"button", "Button", false},
    [TYPE_PLOT] = {"plot", "Plot", true},
};

const char *
component_type_name(enum component_type type)
{
    return types[type].name;
}

const char *
component_class_name(enum component_type type)
{
    return types[type].class_name;
}

bool
component_has_value(enum component_type type)
{
    return types[type].value;
}
