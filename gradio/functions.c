/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/functions.h"

static const struct function_input filter_inputs[] = {
    {C_POSTED, "hidden_df", "null"}, /* accepted and not looked at: the server has the table */
    {C_COLUMNS, "columns", NULL},
    {C_TYPES, "type_query", NULL},
    {C_PRECISIONS, "precision_query", NULL},
    {C_SIZES, "size_query", NULL},
    {C_HIDE, "hide_models", NULL},
    {C_SEARCH, "query", "\"\""},
};

static const struct function_input submit_inputs[] = {
    {C_MODEL, "model", NULL},
    {C_BASE_MODEL, "base_model", "\"\""},
    {C_REVISION, "revision", "\"main\""},
    {C_PRECISION, "precision", NULL},
    {C_PRIVATE, "private", NULL},
    {C_WEIGHT_TYPE, "weight_type", NULL},
    {C_MODEL_TYPE, "model_type", NULL},
};

static const struct function_input predict_inputs[] = {
    {C_PREDICT_FIRST, "param_0", "\"\""},
    {C_PREDICT_SECOND, "param_1", "\"\""},
};

#define FILTER(name, target, event, mode)                                                      \
    {                                                                                          \
        name, "Filter the leaderboard; every argument may be left out.",                       \
            FUNCTION_UPDATE_TABLE, target, event, mode, 7, 7, filter_inputs, 1,                \
        {                                                                                      \
            C_LEADERBOARD                                                                      \
        }                                                                                      \
    }

const struct gradio_function gradio_functions[GRADIO_FUNCTIONS] = {
    FILTER("update_table", C_SEARCH, "submit", "once"),
    FILTER("update_table_1", C_QUERY_BOX, "change", "always_last"),
    {"load_query",
     "The query that the page was opened with.",
     FUNCTION_LOAD_QUERY,
     C_ROOT,
     "load",
     "once",
     0,
     0,
     NULL,
     2,
     {C_SEARCH, C_QUERY_BOX}},
    FILTER("update_table_2", C_COLUMNS, "change", "always_last"),
    FILTER("update_table_3", C_TYPES, "change", "always_last"),
    FILTER("update_table_4", C_PRECISIONS, "change", "always_last"),
    FILTER("update_table_5", C_SIZES, "change", "always_last"),
    FILTER("update_table_6", C_HIDE, "change", "always_last"),
    {"add_new_eval",
     "Submit a model for evaluation.",
     FUNCTION_ADD_NEW_EVAL,
     C_SUBMIT,
     "click",
     "once",
     7,
     7,
     submit_inputs,
     1,
     {C_ANSWER}},
    /* Clients of several generations call it with two, one or no arguments. */
    {"predict",
     "The whole leaderboard, every row and column.",
     FUNCTION_PREDICT,
     C_ROOT,
     NULL,
     "once",
     0,
     2,
     predict_inputs,
     1,
     {C_FULL}},
};

int
gradio_function_find(struct jb_str api_name)
{
    for (int i = 0; i < GRADIO_FUNCTIONS; i++)
        if (jb_str_is(api_name, gradio_functions[i].api_name))
            return i;
    return -1;
}
