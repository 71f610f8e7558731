/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After an import of results: the requests that they are of are finished. Two sources, so that
 * a killed import is made good by the next one:
 *   - every result that entered the change log since the import began. Where it began is marked
 *     in the store until the requests are finished, so that the next import goes on from there;
 *   - the results of models with open requests, as far as they were measured since the request
 *     began to wait. An older one does not end a rerun.
 */
#pragma once

#include "cli/cli.h"

/* Before the import; the mark is for its end. */
int arrivals_begin(struct cli *cli, struct store *store, struct jb_error *err,
                   uint64_t *ret_mark);
/* After it, in one transaction; ret_n: how many requests were finished. */
int arrivals_end(struct cli *cli, struct store *store, uint64_t mark, struct jb_error *err,
                 size_t *ret_n);
