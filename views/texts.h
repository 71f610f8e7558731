/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of a board: Markdown files in <folder>/zh and <folder>/en, replaceable one by one
 * by the operator (a missing file falls back to the installed one). Rendered once, by
 * cmark-gfm, raw HTML dropped. Immutable after loading.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

enum text_lang { LANG_ZH, LANG_EN, LANG_MAX };
enum text_name {
    TEXT_INTRO,
    TEXT_ABOUT,
    TEXT_FAQ,
    TEXT_SUBMIT,
    TEXT_MAX
}; /* intro.md, about.md, … */

struct text {
    struct jb_str markdown, html;
};

struct texts;

/* `folder` "" = the installed texts only. JB_ENOENT, JB_EIO, JB_ETOOBIG (256 KiB a file),
 * JB_EPARSE (not UTF-8), each with the file's name. */
int texts_load(const char *folder, struct jb_error *err, struct texts **ret_texts);
void texts_free(struct texts *texts);
const struct text *texts_get(const struct texts *texts, enum text_lang lang,
                             enum text_name name);
const char *text_lang_code(enum text_lang lang); /* "zh", "en" */
