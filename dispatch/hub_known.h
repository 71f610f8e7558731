/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a released transformers knows (hub.architectures): lines `architecture NAME`,
 * `model_type NAME` and `tokenizer NAME`; `#` begins a comment.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

enum hub_word { HUB_ARCHITECTURE, HUB_MODEL_TYPE, HUB_TOKENIZER, HUB_WORD_MAX };

struct hub_known;

/* JB_ENOENT, JB_EACCES, JB_EIO; JB_EPARSE with file and line; JB_ETOOBIG; JB_ENOMEM. */
int hub_known_load(const char *file, struct jb_error *err, struct hub_known **ret_known);
/* As hub_known_load(), from memory; `name` stands for the file in messages. */
int hub_known_parse(const char *name, const char *text, size_t n, struct jb_error *err,
                    struct hub_known **ret_known);
/* Shared by what was begun before a reload. NULL stays NULL. */
struct hub_known *hub_known_ref(struct hub_known *known);
void hub_known_unref(struct hub_known *known);

/* Exactly as written; never "" or NULL. */
bool hub_known_has(const struct hub_known *known, enum hub_word kind, const char *name);
