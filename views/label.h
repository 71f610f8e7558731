/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the pages in the language asked for; LANG_MAX gives zh, then en. */
#pragma once

#include "base/buf.h"
#include "views/texts.h"

void label_put(struct jb_buf *out, enum text_lang lang, const char *zh, const char *en);
/* lang="…" of an element with such words; nothing for both. */
const char *label_lang(enum text_lang lang);
