/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found out about models and is to be written: a model is changed only where the hub
 * said something else, and taken for gone only when it was missing twice, an hour apart (or
 * half of hub.refresh, if that is less).
 */
#pragma once

#include "dispatch/hub_card.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct refresh_fact {
    const char *model;
    bool there;          /* on the hub */
    double likes;        /* NAN unknown: stays as it is */
    const char *license; /* "" the same */
    bool tagged;         /* the tags are known */
    size_t n_tags;
    const char *tags[HUB_TAGS_MAX]; /* literals */
};

struct refresh_found;

struct refresh_found *refresh_found_new(void); /* NULL: no memory */
void refresh_found_free(struct refresh_found *found);

/* Copies; `now` and `interval` (between two questions) in microseconds. JB_ENOMEM. */
int refresh_found_add(struct refresh_found *found, const struct refresh_fact *fact, int64_t now,
                      int64_t interval);
size_t refresh_found_n(const struct refresh_found *found);
/* In the write transaction given; unknown members of documents and other tags stay. What the
 * store says; ret_changed: how many records are different now. */
int refresh_found_store(const struct refresh_found *found, struct store_txn *txn,
                        size_t *ret_changed);
/* All of it is stored. Which models were missing when is still known. */
void refresh_found_clear(struct refresh_found *found);
