/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model card and what follows from it: how much it says, and the tags of a model. (Facts:
 * the Space tags by the card's metadata, by words in its text and by the name; a word that the
 * metadata does not declare is flagged.)
 */
#pragma once

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

struct hub_card {
    size_t characters; /* of the text, without its metadata and the blanks around it */
    bool merge, moe;   /* the text has words of it */
};

/* Of README.md; invalid UTF-8 counts as characters too. */
struct hub_card hub_card_read(struct jb_str readme);

#define HUB_TAGS_MAX 4
/* Returns how many. The tags are literals. */
size_t hub_tags(const struct hub_card *card, bool declared_merge, bool declared_moe,
                const char *model, const char *ret_tags[HUB_TAGS_MAX]);
