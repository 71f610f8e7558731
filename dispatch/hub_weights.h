/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large a model is: which files hold its weights, and how many parameters they have. Pure
 * functions, conventions of hub_parse.h. (Shapes: the safetensors format, 8 bytes of length,
 * little-endian, then a JSON object of tensors; `model.safetensors.index.json` of
 * transformers.)
 */
#pragma once

#include "dispatch/hub_parse.h"

#define HUB_SHARDS_MAX 128

/* Weights at the top of a repository. */
struct hub_weights {
    bool safetensors; /* there are some that a program reads */
    bool pickle;      /* .bin, .pt and the like */
    bool index;       /* model.safetensors.index.json says which files */
    size_t n_files;   /* without an index: those to be counted, at most HUB_SHARDS_MAX */
    const char *const *files;
};

int hub_weights_find(const struct hub_info *info, bool adapter, struct jb_arena *arena,
                     struct hub_weights *ret_weights);

/* The files of an index, each once; JB_EUNPROC: one is not in the repository or is no plain
 * name. ret_total: what its metadata counts, NAN nothing. More than HUB_SHARDS_MAX: none, and
 * only the total. */
int hub_index_parse(struct jb_str body, const struct hub_info *info, struct jb_arena *arena,
                    struct jb_error *err, size_t *ret_n, const char *const **ret_files,
                    double *ret_total);

/* The header in what a file begins with. ret_need: how many bytes of the file that takes; fewer
 * in `begin` than that, and there is no header yet. JB_EUNPROC: it does not begin as
 * safetensors do; JB_ETOOBIG: it takes more than `most`. */
int hub_header_find(struct jb_str begin, uint64_t most, struct jb_error *err,
                    uint64_t *ret_need, struct jb_str *ret_header);
/* Parameters of all its tensors. */
int hub_header_parse(struct jb_str header, struct jb_error *err, double *ret_parameters);

/* Billions, 3 decimals, from a count or else from the name (`7b`, `1.5B`, `350m`); eight times
 * as many for GPTQ, whose tensors hold eight numbers in one, as the Space counts them. NAN
 * unknown. */
double hub_params(double parameters, const char *model, const char *precision);
/* Is it more than submit.max_params at that precision? `most` 0: any size goes. */
bool hub_params_too_many(double params, const char *precision, double most);
