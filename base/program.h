/* SPDX-License-Identifier: Apache-2.0 */
/* The command line that the long-running programs have in common. */
#pragma once

#include <stdbool.h>

struct program_options {
    const char *config; /* -c, --config; NULL: the default */
    bool test;          /* -t, --test: check the settings and exit */
};

/* Reads it; -h and -V print `usage` and the version. 0 to go on, else the exit status plus one,
 * after a complaint on standard error where it is one. */
int program_options_read(const char *name, const char *usage, int argc, char **argv,
                         struct program_options *ret_options);
