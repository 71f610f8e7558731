/* SPDX-License-Identifier: Apache-2.0 */
/* The best scores through time: charts, and the numbers behind them as tables. */
#pragma once

#include "base/conf.h"
#include "base/error.h"
#include "board/timeline.h"
#include "views/texts.h"

/* Puts the whole page; `lang` LANG_MAX gives both languages. JB_ENOMEM. */
int history_page_put(const struct conf *conf, const struct board *board,
                     const struct timeline *timeline, enum text_lang lang, struct jb_buf *out,
                     struct jb_error *err);
