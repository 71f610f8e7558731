/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text: strict UTF-8, one escape per output context, and the grammars of what people type.
 * Nothing here depends on the locale.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strict: no overlong forms, no surrogates, nothing above U+10FFFF. Returns n when all of it is
 * valid, else the offset of the first bad byte. */
size_t jb_utf8_valid(const char *p, size_t n);

/* Decodes one character of *valid* UTF-8, returns its length in bytes (1..4). */
size_t jb_utf8_decode(const char *p, size_t n, uint32_t *ret_cp);

/* Lower-cases for search: ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic letters and the
 * full-width ASCII forms; everything else unchanged. The output never has more bytes than the
 * input; `out` has room for n + 1. Returns the length. */
size_t jb_fold(const char *p, size_t n, char *out);

/* A character that may not stand in text from outside: C0 and C1 controls but tab and newline,
 * bidirectional controls (U+202A..202E, U+2066..2069), the separators of lines and paragraphs
 * (U+2028, U+2029), U+FEFF, noncharacters. */
bool jb_cp_forbidden(uint32_t cp);

/* Escapes, one per context. Input is valid UTF-8 (invalid bytes come out as U+FFFD). */
void jb_put_html(struct jb_buf *b,
                 struct jb_str s); /* text and double-quoted attributes: & < > " ' */
void jb_put_url_path(struct jb_buf *b,
                     struct jb_str s); /* path segment(s): keeps / and unreserved */
void jb_put_url_query(struct jb_buf *b, struct jb_str s); /* name or value of a query, %XX */
void jb_put_csv(struct jb_buf *b, struct jb_str s); /* RFC 4180; a field that starts with = + -
                                                       @ tab or CR gets a leading ' */
void jb_put_prometheus(struct jb_buf *b, struct jb_str s); /* label value: \\ \" \n */

/*
 * Hub model id: `name` or `org/name`; each part 1..96 bytes of [A-Za-z0-9._-], not starting
 * with '-' or '.', not ending with '.', no `..`, no `--`; all of it at most 96 bytes; not
 * ending in `.git`. JB_EINVAL with the reason.
 */
int jb_model_id_check(struct jb_str id, struct jb_error *err);

/* Revision: 1..128 bytes of [A-Za-z0-9._/-], not starting with '-', '/' or '.', no `..`, no
 * `//`. JB_EINVAL with the reason. */
int jb_revision_check(struct jb_str revision, struct jb_error *err);

bool jb_is_commit(struct jb_str s); /* exactly 40 lower-case hex digits */

/* Whole strings, no trailing bytes. JB_EPARSE; JB_EINVAL when out of [min, max]. */
int jb_parse_int(struct jb_str s, int64_t min, int64_t max, int64_t *ret);
int
jb_parse_double(struct jb_str s,
                double *ret); /* finite only, '.' as the decimal point whatever the locale */

/* Shortest text that reads back as the same double, as Python's repr() and json.dumps() show
 * it (`0.1`, `1e-05`, `1e+16`, `25.0`, `100.0`). `d` is finite. Returns the length. */
#define JB_DOUBLE_SIZE 32
size_t jb_format_double(double d, char out[JB_DOUBLE_SIZE]);
