/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a request failed: the classes, what follows from each, and how they are told to people.
 * (Facts: signs of each class were collected from working evaluation bots.)
 */
#pragma once

#include <stdbool.h>

enum queue_failure {
    FAILURE_NONE,
    /* the check with the hub */
    FAILURE_HUB_NETWORK,
    FAILURE_NOT_FOUND,
    FAILURE_GATED,
    FAILURE_REVISION_MISSING,
    FAILURE_BASE_MODEL,
    FAILURE_CONFIG_MISSING,
    FAILURE_CONFIG_UNSUPPORTED,
    FAILURE_TOKENIZER_MISSING,
    FAILURE_REMOTE_CODE,
    FAILURE_MODEL_INFO,
    FAILURE_WEIGHTS_MISSING,
    FAILURE_TOO_LARGE,
    FAILURE_LICENSE_MISSING,
    FAILURE_CARD_MISSING,
    FAILURE_CARD_SHORT,
    /* the evaluation */
    FAILURE_WEIGHTS_CORRUPT,
    FAILURE_ADAPTER_MISMATCH,
    FAILURE_OUT_OF_MEMORY,
    FAILURE_PRECISION_NAN,
    FAILURE_DATASET_MISSING,
    FAILURE_TASK_MISSING,
    FAILURE_HARNESS_CRASH,
    FAILURE_TIMEOUT,
    FAILURE_WORKER_LOST,
    FAILURE_PREEMPTED,
    FAILURE_DISK_FULL,
    FAILURE_INCOMPLETE_RESULTS,
    FAILURE_BAD_RESULT,
    FAILURE_UPLOAD,
    FAILURE_CANCELLED,
    FAILURE_MAX,
};

struct queue_failure_class {
    const char *word;          /* as stored and in the API: "not_found" */
    char letter;               /* T C I M O P B of the dispatch protocol; what is done next */
    bool ours;                 /* the platform's fault: the quota is given back */
    const char *zh, *en;       /* what happened, as a sentence without its end */
    const char *zh_do, *en_do; /* what the submitter can do, a sentence; "" nothing */
};

/* Of FAILURE_NONE and beyond the end: a class of empty texts. */
const struct queue_failure_class *queue_failure_class(enum queue_failure failure);
/* By word; FAILURE_NONE for "", FAILURE_MAX for a word that is none. */
enum queue_failure queue_failure_from(const char *word);
