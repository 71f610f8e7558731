/* SPDX-License-Identifier: Apache-2.0 */
#include "store/difference.h"

#include "base/clock.h"
#include "store/env.h"

#include <math.h>
#include <string.h>

#define ELLIPSIS "…"

void
difference_begin(struct difference *d, struct store_txn *txn, bool had, bool has)
{
    jb_buf_reset(&txn->before);
    jb_buf_reset(&txn->after);
    jb_json_init(&d->before, &txn->before);
    jb_json_init(&d->after, &txn->after);
    d->had = had;
    d->has = has;
}

/* The writer for one side of a member, or NULL when that side does not show it. A side stays
 * without an object until it has a member. */
static struct jb_json *
side(struct jb_json *json, bool there, bool other, bool empty, const char *member)
{
    if (!there || (!other && empty))
        return NULL;
    if (json->depth == 0)
        jb_json_object(json);
    jb_json_key(json, member);
    return json;
}

static struct jb_json *
before(struct difference *d, bool empty, const char *member)
{
    return side(&d->before, d->had, d->has, empty, member);
}

static struct jb_json *
after(struct difference *d, bool empty, const char *member)
{
    return side(&d->after, d->has, d->had, empty, member);
}

static void
put_text(struct jb_json *json, const char *text)
{
    char cut[DIFFERENCE_TEXT_MAX + sizeof ELLIPSIS];
    size_t n = strlen(text);

    if (n <= DIFFERENCE_TEXT_MAX) {
        jb_json_str(json, (struct jb_str){text, n});
        return;
    }
    n = DIFFERENCE_TEXT_MAX;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    memcpy(cut, text, n);
    memcpy(cut + n, ELLIPSIS, sizeof ELLIPSIS);
    jb_json_text(json, cut);
}

void
difference_text(struct difference *d, const char *member, const char *old, const char *now)
{
    struct jb_json *json;

    old = old ? old : "";
    now = now ? now : "";
    if (d->had && d->has && strcmp(old, now) == 0)
        return;
    if ((json = before(d, !*old, member)))
        put_text(json, old);
    if ((json = after(d, !*now, member)))
        put_text(json, now);
}

/* Whole numbers without ".0": most are, and imports write many. */
static void
put_number(struct jb_json *json, double v)
{
    if (v == trunc(v) && fabs(v) < 1e15)
        jb_json_int(json, (int64_t)v);
    else
        jb_json_double(json, v);
}

void
difference_number(struct difference *d, const char *member, double old, double now)
{
    struct jb_json *json;

    if (d->had && d->has && (isnan(old) || isnan(now) ? isnan(old) && isnan(now) : old == now))
        return;
    if ((json = before(d, isnan(old), member)))
        put_number(json, old);
    if ((json = after(d, isnan(now), member)))
        put_number(json, now);
}

void
difference_count(struct difference *d, const char *member, uint64_t old, uint64_t now)
{
    struct jb_json *json;

    if (d->had && d->has && old == now)
        return;
    if ((json = before(d, !old, member)))
        jb_json_int(json, (int64_t)old);
    if ((json = after(d, !now, member)))
        jb_json_int(json, (int64_t)now);
}

void
difference_truth(struct difference *d, const char *member, bool old, bool now)
{
    struct jb_json *json;

    if (d->had && d->has && old == now)
        return;
    if ((json = before(d, !old, member)))
        jb_json_bool(json, old);
    if ((json = after(d, !now, member)))
        jb_json_bool(json, now);
}

static void
put_time(struct jb_json *json, int64_t us)
{
    char text[JB_TIME_SIZE];

    jb_time_format(us, us % 1000000 != 0, text);
    jb_json_text(json, us ? text : NULL);
}

void
difference_time(struct difference *d, const char *member, int64_t old, int64_t now)
{
    struct jb_json *json;

    if (d->had && d->has && old == now)
        return;
    if ((json = before(d, !old, member)))
        put_time(json, old);
    if ((json = after(d, !now, member)))
        put_time(json, now);
}

/* All of it together is cut as one text is. */
static void
put_list(struct jb_json *json, const char *const *items, size_t n)
{
    size_t room = DIFFERENCE_TEXT_MAX;

    jb_json_array(json);
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(items[i]);
        if (length > room) {
            jb_json_text(json, ELLIPSIS);
            break;
        }
        jb_json_text(json, items[i]);
        room -= length;
    }
    jb_json_end(json);
}

void
difference_list(struct difference *d, const char *member, const char *const *old, size_t old_n,
                const char *const *now, size_t now_n)
{
    struct jb_json *json;
    bool same = d->had && d->has && old_n == now_n;

    for (size_t i = 0; same && i < old_n; i++)
        same = strcmp(old[i], now[i]) == 0;
    if (same)
        return;
    if ((json = before(d, !old_n, member)))
        put_list(json, old, old_n);
    if ((json = after(d, !now_n, member)))
        put_list(json, now, now_n);
}

static int
finish(struct jb_json *json, struct store_txn *txn, const char **ret_text)
{
    if (json->depth == 0) {
        *ret_text = "";
        return 0;
    }
    jb_json_end(json);
    int rc = jb_json_finish(json);
    if (rc)
        return store_txn_fail(txn, rc, "change log: no memory for what differs");
    *ret_text = json->out->p;
    return 0;
}

int
difference_end(struct difference *d, struct store_txn *txn, const char **ret_before,
               const char **ret_after)
{
    int rc = finish(&d->before, txn, ret_before);

    return rc ? rc : finish(&d->after, txn, ret_after);
}
