/* SPDX-License-Identifier: Apache-2.0 */
/* From the bytes of a result document to its record. Private to store/import*.c. */
#pragma once

#include "store/import.h"
#include "store/record.h"

/*
 * `doc` and `path` (in the results layout) must live as long as `arena`; the model is the
 * document's, or the path's when the document names none that can be stored. Benchmarks
 * without a score are told to `sink`. Errors as scores_read(), or the store's check.
 */
int import_result_make(struct jb_str doc, const char *path, const struct benchmark *benchmarks,
                       size_t n, const struct import_sink *sink, struct jb_arena *arena,
                       struct jb_error *err, struct result *ret_result);
