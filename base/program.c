/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "base/program.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

enum { DONE = 0 + 1, WRONG_USE = 2 + 1 };

int
program_options_read(const char *name, const char *usage, int argc, char **argv,
                     struct program_options *ret_options)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"test", no_argument, NULL, 't'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {0}};
    struct program_options o = {NULL, false};

    for (int c; (c = getopt_long(argc, argv, "c:thV", longs, NULL)) != -1;) {
        switch (c) {
        case 'c': o.config = optarg; break;
        case 't': o.test = true; break;
        case 'h': fputs(usage, stdout); return DONE;
        case 'V': printf("%s " PACKAGE_VERSION "\n", name); return DONE;
        default: fprintf(stderr, "Try '%s --help'.\n", name); return WRONG_USE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument %s\n", name, argv[optind]);
        return WRONG_USE;
    }
    *ret_options = o;
    return 0;
}
