/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that clients call. fn_index is the place in the table and never changes its
 * meaning: clients in the wild call by number. Config, info and calls are made from this table.
 */
#pragma once

#include "gradio/components.h"

enum function_kind {
    FUNCTION_UPDATE_TABLE,
    FUNCTION_LOAD_QUERY,
    FUNCTION_ADD_NEW_EVAL,
    FUNCTION_PREDICT,
};

struct function_input {
    enum component_id component;
    const char *name;   /* of the argument, for calls by name */
    const char *preset; /* JSON of the default for components that have none; NULL: none */
};

struct gradio_function {
    const char *api_name;
    const char *description;
    enum function_kind kind;
    enum component_id target; /* that fires it; C_ROOT: the page */
    const char *event;        /* NULL: nothing on the page does */
    const char *trigger_mode;
    size_t required; /* so many arguments at least */
    size_t n_inputs;
    const struct function_input *inputs;
    size_t n_outputs;
    enum component_id outputs[2];
};

#define GRADIO_FUNCTIONS  10
#define GRADIO_INPUTS_MAX 7
extern const struct gradio_function gradio_functions[GRADIO_FUNCTIONS];

int gradio_function_find(struct jb_str api_name); /* fn_index, -1: none */
