/* SPDX-License-Identifier: Apache-2.0 */
/* The browser files of Gradio that contrib/gradio/install-frontend put where nginx serves them,
 * as its manifest says: which script starts the page. */
#pragma once

#include "base/settings.h"

struct gradio_frontend {
    const char *version; /* "4.44.1"; NULL: there are none, and `/` is the board alone */
    const char *entry;   /* "assets/index-BQPjLIsY.js", below the mount */
    struct setting_strings styles, preloads;
};

/*
 * Reads frontend.conf of `folder` ("" gives a front end without version). Names that could not
 * stand in a page, and files that are not there, are mistakes. Strings live in `arena`. Errors
 * as settings_load().
 */
int gradio_frontend_load(const char *folder, struct jb_arena *arena,
                         struct gradio_frontend *ret_frontend, struct settings_report *report);
