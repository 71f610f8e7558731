/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/refresh_found.h"

#include "store/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define APART_US   ((int64_t)3600 * 1000000)
#define RECORD_MAX ((size_t)128 << 20)

struct fact {
    struct refresh_fact f;
    bool gone; /* missing for the second time */
    struct fact *next;
};

struct missing {
    UT_hash_handle hh;
    int64_t since;
    char model[];
};

struct refresh_found {
    struct fact *facts;
    size_t n;
    struct missing *missing;
};

struct refresh_found *
refresh_found_new(void)
{
    return calloc(1, sizeof(struct refresh_found));
}

static void
fact_free(struct fact *fact)
{
    if (!fact)
        return;
    free((char *)fact->f.model);
    free((char *)fact->f.license);
    free(fact);
}

void
refresh_found_clear(struct refresh_found *found)
{
    while (found->facts) {
        struct fact *fact = found->facts;
        found->facts = fact->next;
        fact_free(fact);
    }
    found->n = 0;
}

void
refresh_found_free(struct refresh_found *found)
{
    struct missing *m, *next;

    if (!found)
        return;
    refresh_found_clear(found);
    HASH_ITER (hh, found->missing, m, next) {
        HASH_DEL(found->missing, m);
        free(m);
    }
    free(found);
}

/* Is it missing for the second time? JB_ENOMEM. */
static int
note_missing(struct refresh_found *found, const struct refresh_fact *f, int64_t now,
             int64_t interval, bool *ret_gone)
{
    struct missing *m;
    int64_t apart = interval / 2 < APART_US ? interval / 2 : APART_US;

    *ret_gone = false;
    HASH_FIND_STR(found->missing, f->model, m);
    if (f->there) {
        if (m) {
            HASH_DEL(found->missing, m);
            free(m);
        }
        return 0;
    }
    if (m) {
        if (now < m->since) /* the clock was set back */
            m->since = now;
        *ret_gone = now - m->since >= apart;
        return 0;
    }
    size_t n = strlen(f->model);
    if (!(m = malloc(sizeof *m + n + 1)))
        return JB_ENOMEM;
    m->since = now;
    memcpy(m->model, f->model, n + 1);
    HASH_ADD_STR(found->missing, model, m);
    return 0;
}

int
refresh_found_add(struct refresh_found *found, const struct refresh_fact *f, int64_t now,
                  int64_t interval)
{
    struct fact *fact = calloc(1, sizeof *fact);

    if (!fact)
        return JB_ENOMEM;
    fact->f = *f;
    fact->f.model = strdup(f->model);
    fact->f.license = strdup(f->license);
    if (!fact->f.model || !fact->f.license ||
        note_missing(found, f, now, interval, &fact->gone)) {
        fact_free(fact);
        return JB_ENOMEM;
    }
    fact->next = found->facts;
    found->facts = fact;
    found->n++;
    return 0;
}

size_t
refresh_found_n(const struct refresh_found *found)
{
    return found->n;
}

static bool
is_ours(const char *tag)
{
    static const char *const ours[] = {"merge", "moe", "flagged:undisclosed_merge",
                                       "flagged:undisclosed_moe"};

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(tag, ours[i]) == 0)
            return true;
    return false;
}

/* Tags that are not ours stand where they stood, ours behind them; nothing moves when they are
 * the same set. */
static int
take_tags(struct model_info *m, const struct refresh_fact *f, struct jb_arena *arena)
{
    const char **tags = jb_arena_array(arena, m->n_tags + HUB_TAGS_MAX, sizeof *tags);
    size_t n = 0, same = 0, had = 0;

    if (!tags)
        return JB_ENOMEM;
    for (size_t i = 0; i < m->n_tags; i++) {
        if (!is_ours(m->tags[i])) {
            tags[n++] = m->tags[i];
            continue;
        }
        had++;
        for (size_t k = 0; k < f->n_tags; k++)
            same += strcmp(m->tags[i], f->tags[k]) == 0;
    }
    if (had == f->n_tags && same == had)
        return 0;
    for (size_t k = 0; k < f->n_tags; k++)
        tags[n++] = f->tags[k];
    m->tags = tags;
    m->n_tags = n;
    return 0;
}

static int
store_fact(struct store_txn *txn, const struct fact *fact, struct jb_arena *arena,
           enum store_outcome *ret_outcome)
{
    const struct refresh_fact *f = &fact->f;
    struct model_info m = {.likes = NAN, .license = "", .still_on_hub = true};
    int rc = store_model_get(txn, f->model, arena, &m);
    bool known = rc == 0;

    *ret_outcome = STORE_SAME;
    if (rc && rc != JB_ENOENT)
        return rc;
    /* One that was never there is nothing to remember before it is gone for sure. */
    if (!f->there && !fact->gone)
        return 0;
    m.model = f->model;
    m.doc = (struct jb_str){NULL, 0};
    m.still_on_hub = f->there;
    if (!isnan(f->likes))
        m.likes = f->likes;
    if (*f->license)
        m.license = f->license;
    if (f->tagged && (rc = take_tags(&m, f, arena)))
        return rc;
    if (!known && isnan(m.likes) && !*m.license && !m.n_tags && f->there)
        return 0; /* nothing was said */
    return store_model_put(txn, &m, ret_outcome);
}

int
refresh_found_store(const struct refresh_found *found, struct store_txn *txn,
                    size_t *ret_changed)
{
    struct jb_arena *arena = jb_arena_new(RECORD_MAX);
    size_t changed = 0;
    int rc = arena ? 0 : JB_ENOMEM;

    for (const struct fact *fact = found->facts; !rc && fact; fact = fact->next) {
        enum store_outcome outcome;
        rc = store_fact(txn, fact, arena, &outcome);
        changed += !rc && outcome != STORE_SAME;
        jb_arena_reset(arena);
    }
    jb_arena_free(arena);
    *ret_changed = changed;
    return rc;
}
