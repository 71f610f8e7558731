/* SPDX-License-Identifier: Apache-2.0 */
/* The About and FAQ pages: a text in the frame of a native page. */
#pragma once

#include "base/buf.h"
#include "base/conf.h"
#include "board/config.h"
#include "views/texts.h"

/*
 * Puts the whole page. `lang` LANG_MAX gives zh, then en, as the Space does. A line
 * `{{benchmarks}}` of a text becomes the table of benchmarks made from `board`. JB_ENOMEM.
 */
int text_page_put(const struct conf *conf, const struct board_config *board,
                  const struct texts *texts, enum text_lang lang, enum text_name name,
                  struct jb_buf *out, struct jb_error *err);

/* The same text as HTML without a frame, the benchmark table put in; for Gradio's tabs. */
int text_html_put(const struct board_config *board, const struct texts *texts,
                  enum text_lang lang, enum text_name name, struct jb_buf *out,
                  struct jb_error *err);
