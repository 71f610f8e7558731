/* SPDX-License-Identifier: Apache-2.0 */
/* A line of records through time as SVG: no script, no inline style, readable in both themes by
 * the classes of board.css. */
#pragma once

#include "board/timeline.h"
#include "views/texts.h"

struct chart {
    const struct board *board;
    const struct timeline *timeline;      /* for the span of time */
    const struct timeline_series *series; /* what is drawn */
    enum text_lang lang;
    const char *id; /* unique in the page, [a-z0-9-]+ */
    bool small;     /* one of several side by side */
};

/* Records as steps with a point each, people and random answers as labelled lines, a title and
 * a description for those who do not see it. */
void chart_put(const struct chart *chart, struct jb_buf *out);

/* The words of `chart` for a time: "2024-05-23" in UTC. */
#define CHART_DATE_SIZE 11
void chart_date(int64_t time, char ret_date[CHART_DATE_SIZE]);
