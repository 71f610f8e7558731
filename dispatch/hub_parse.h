/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hub answers, read: pure functions from bodies to structs. Every byte is hostile;
 * strings that come out are valid UTF-8 without control characters and cut, and live in the
 * arena, where bodies need not.
 *
 * Errors: JB_EPARSE not JSON, JB_ETOOBIG past a bound, JB_EUNPROC JSON of another shape (the
 * reason says which member), JB_ENOMEM. (Shapes: the hub's public API, `GET
 * /api/models/{id}/revision/{rev}`, and the files of transformers and safetensors.)
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "dispatch/hub_known.h"
#include "queue/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text from outside for a sentence of ours: one line, at most `most` bytes. NULL: no memory. */
const char *hub_clean(struct jb_arena *arena, const char *text, size_t most);

struct hub_info {
    const char *id;
    const char *commit; /* 40 lower-case hex, or the parser fails */
    bool private_, gated, disabled;
    double likes;            /* NAN unknown */
    const char *license;     /* "" none; several joined by ", "; the name of an own licence */
    bool tag_merge, tag_moe; /* declared */
    double parameters;       /* a count; NAN unknown */
    size_t n_files;
    const char *const *files; /* names, sorted */
};

int hub_info_parse(struct jb_str body, struct jb_arena *arena, struct jb_error *err,
                   struct hub_info *ret_info);

/* What was asked, and how. */
struct hub_asked {
    const char *model, *revision;
    bool redirected; /* a redirect led to the answer: a renamed model has another id */
    bool private_;   /* a private one is wanted */
    bool token;      /* we have one */
};
/* Is it what was asked for, with files that we may read? FAILURE_NONE, or a failure with its
 * reason (NULL: no memory). */
enum queue_failure hub_info_judge(const struct hub_info *info, const struct hub_asked *asked,
                                  struct jb_arena *arena, const char **ret_reason);

bool hub_has_file(const struct hub_info *info, const char *name);
/* Any file of the tokenizers that transformers reads? */
bool hub_has_tokenizer(const struct hub_info *info);

/* config.json, tokenizer_config.json and adapter_config.json: what is looked at. "" none. */
struct hub_config {
    size_t n_architectures;
    const char *const *architectures;
    const char *architecture; /* joined by ", " */
    const char *model_type;
    const char *tokenizer_class;
    const char *base_model; /* base_model_name_or_path of an adapter */
    bool own_code;          /* auto_map names a class of the model's own code */
    bool own_tokenizer;     /* auto_map names a tokenizer of it */
};

int hub_config_parse(struct jb_str body, struct jb_arena *arena, struct jb_error *err,
                     struct hub_config *ret_config);

/* FAILURE_NONE, FAILURE_REMOTE_CODE or FAILURE_CONFIG_UNSUPPORTED with a reason. */
enum queue_failure hub_config_judge(const struct hub_config *config,
                                    const struct hub_known *known, struct jb_arena *arena,
                                    const char **ret_reason);
/* Of tokenizer_config.json: FAILURE_NONE, FAILURE_REMOTE_CODE or FAILURE_TOKENIZER_MISSING. */
enum queue_failure hub_tokenizer_judge(const struct hub_config *config,
                                       const struct hub_known *known, struct jb_arena *arena,
                                       const char **ret_reason);
