/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON body of a call, as far as we look into it. Private to gradio/. */
#pragma once

#include "gradio/functions.h"
#include "gradio/scan.h"

#define BODY_ARGS_MAX  GRADIO_INPUTS_MAX /* further ones are counted and dropped */
#define BODY_NAMES_MAX 16

struct call_body {
    bool has_data, has_function;
    int64_t fn_index;
    struct jb_str session;
    size_t n_args;
    struct scan_item args[BODY_ARGS_MAX];
};

/* Reads {"data":[…],"fn_index":n,"session_hash":s,…}; a member given twice counts by its last,
 * an unknown one not at all. JB_EPARSE, JB_EUNPROC, JB_ETOOBIG; the text starts with the place:
 * "body.8: Expecting value", "body.data: Field required". */
int body_read(struct jb_str text, struct jb_arena *arena, struct jb_error *err,
              struct call_body *ret_body);

/* Reads {"name":value,…} into the order of the function's inputs; what is missing is null. A
 * name the function does not have is JB_EUNPROC. */
int body_read_named(struct jb_str text, const struct gradio_function *f, struct jb_arena *arena,
                    struct jb_error *err, struct call_body *ret_body);
