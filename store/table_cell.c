/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "store/table.h"

#include <math.h>
#include <string.h>
#include <strings.h>

double
table_number(const struct cell *cell)
{
    double d;

    if (cell->kind == CELL_NUMBER)
        return cell->number;
    if (cell->kind == CELL_TEXT && jb_parse_double(jb_str(cell->text), &d) == 0)
        return d;
    return NAN;
}

int
table_truth(const struct cell *cell, bool invert)
{
    int truth = -1;

    if (cell->kind == CELL_TRUE ||
        (cell->kind == CELL_TEXT && strcasecmp(cell->text, "true") == 0))
        truth = 1;
    else if (cell->kind == CELL_FALSE ||
             (cell->kind == CELL_TEXT && strcasecmp(cell->text, "false") == 0))
        truth = 0;
    return truth < 0 ? -1 : invert ? !truth : truth;
}

const char *
table_link_text(const char *cell, struct jb_arena *arena)
{
    static const struct {
        const char *from;
        char to;
    } entities[] = {{"&amp;", '&'},  {"&lt;", '<'},    {"&gt;", '>'},
                    {"&quot;", '"'}, {"&#x27;", '\''}, {"&#39;", '\''}};
    const char *start = cell, *end;
    char *out;
    size_t n = 0;

    if (cell[0] == '<') {
        start = strchr(cell, '>');
        start = start ? start + 1 : cell;
    }
    end = start + strcspn(start, "<");
    if (cell[0] != '<')
        end = start + strlen(start);
    out = jb_arena_dup(arena, start, (size_t)(end - start));
    if (!out)
        return NULL;
    for (size_t i = 0; out[i];) {
        size_t e = 0;

        for (; e < sizeof(entities) / sizeof(entities[0]); e++)
            if (strncmp(out + i, entities[e].from, strlen(entities[e].from)) == 0)
                break;
        if (e < sizeof(entities) / sizeof(entities[0])) {
            out[n++] = entities[e].to;
            i += strlen(entities[e].from);
        } else {
            out[n++] = out[i++];
        }
    }
    out[n] = '\0';
    return out;
}
