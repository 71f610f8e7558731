/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/hub_card.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* The text behind the metadata: a first line of three dashes up to the next such line. */
static struct jb_str
text_of(struct jb_str readme)
{
    const char *p = readme.p, *end = readme.p + readme.n;
    bool first = true;

    if (readme.n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    struct jb_str whole = {p, (size_t)(end - p)};
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        size_t n = (size_t)(stop - p);
        while (n && (p[n - 1] == '\r' || p[n - 1] == ' '))
            n--;
        bool dashes = n == 3 && memcmp(p, "---", 3) == 0;
        if (first && !dashes)
            return whole;
        p = newline ? newline + 1 : end;
        if (!first && dashes)
            return (struct jb_str){p, (size_t)(end - p)};
        first = false;
    }
    /* Never closed: all of it is metadata that nobody can read. */
    return whole;
}

static bool
is_word(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Without regard to the case of ASCII letters; `whole`: with no letter or digit beside it. */
static bool
holds(struct jb_str text, const char *word, bool whole)
{
    size_t m = strlen(word);

    for (size_t i = 0; i + m <= text.n; i++)
        if (tolower((unsigned char)text.p[i]) == word[0] &&
            strncasecmp(text.p + i, word, m) == 0 &&
            (!whole || ((i == 0 || !is_word(text.p[i - 1])) &&
                        (i + m == text.n || !is_word(text.p[i + m])))))
            return true;
    return false;
}

struct hub_card
hub_card_read(struct jb_str readme)
{
    struct jb_str text = readme.n ? text_of(readme) : JB_STR("");
    struct hub_card card = {0};

    while (text.n && isspace((unsigned char)text.p[text.n - 1]))
        text.n--;
    while (text.n && isspace((unsigned char)*text.p)) {
        text.p++;
        text.n--;
    }
    for (size_t i = 0; i < text.n; i++)
        card.characters += ((unsigned char)text.p[i] & 0xc0) != 0x80;
    card.merge = holds(text, "mergekit", false) || holds(text, "merged model", false) ||
                 holds(text, "merge model", false) || holds(text, "merging", true);
    card.moe = holds(text, "moe", true) || holds(text, "mixture of experts", false) ||
               holds(text, "mixture-of-experts", false);
    return card;
}

size_t
hub_tags(const struct hub_card *card, bool declared_merge, bool declared_moe, const char *model,
         const char *ret_tags[HUB_TAGS_MAX])
{
    size_t n = 0;

    if (declared_merge || card->merge)
        ret_tags[n++] = "merge";
    if (!declared_merge && card->merge)
        ret_tags[n++] = "flagged:undisclosed_merge";
    bool moe = card->moe || holds(jb_str(model), "moe", true);
    if (declared_moe || moe)
        ret_tags[n++] = "moe";
    if (!declared_moe && moe)
        ret_tags[n++] = "flagged:undisclosed_moe";
    return n;
}
