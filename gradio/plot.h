/* SPDX-License-Identifier: Apache-2.0 */
/* Values of Gradio `plot` components: {"type":"plotly","plot":"<JSON text of data and layout>"}
 * (4.44.1 and 6.25.0, read from both front ends). */
#pragma once

#include "base/json.h"
#include "board/timeline.h"

enum plot {
    PLOT_AVERAGE,    /* the best average through time */
    PLOT_BENCHMARKS, /* the best of each benchmark */
    PLOT_MAX,
};

/* JB_ENOMEM shows in the writer's buffer. */
void plot_put(const struct board *board, const struct timeline *timeline, enum plot plot,
              struct jb_json *j);
