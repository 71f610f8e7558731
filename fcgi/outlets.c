/* SPDX-License-Identifier: Apache-2.0 */
#include "fcgi/outlets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uthash.h>

enum { PENDING_AT_ONCE = 256, FIRST_ROOM = 4 };

struct outlet {
    uint64_t id;
    struct exchange exchange;
    bool open;   /* its end would be news to the owner */
    bool ending; /* END_REQUEST follows what is pending */
    bool last;   /* `output` holds END_REQUEST */
    bool dirty;  /* on the list of those with something new */
    bool writable_wanted;
    bool broken;           /* something for it was lost; cut */
    struct output *output; /* being sent */
    struct jb_blob **pending;
    size_t n_pending, room_pending, pending_bytes;
    struct outlet *prev_dirty, *next_dirty;
    UT_hash_handle hh;
};

struct outlets {
    int epoll;
    size_t max_bytes;
    struct outlets_hooks hooks;
    struct outlet *all;
    struct outlet *dirty;
    uint64_t last_id;
    uint64_t sent; /* atomic: bytes handed to sockets */
};

struct outlets *
outlets_new(int epoll, size_t max_bytes, const struct outlets_hooks *hooks)
{
    struct outlets *o = calloc(1, sizeof(*o));

    if (!o)
        return NULL;
    o->epoll = epoll;
    o->max_bytes = max_bytes;
    o->hooks = *hooks;
    return o;
}

static void
mark_dirty(struct outlets *o, struct outlet *out)
{
    if (out->dirty)
        return;
    out->dirty = true;
    out->prev_dirty = NULL;
    out->next_dirty = o->dirty;
    if (o->dirty)
        o->dirty->prev_dirty = out;
    o->dirty = out;
}

static void
unmark_dirty(struct outlets *o, struct outlet *out)
{
    if (!out->dirty)
        return;
    out->dirty = false;
    if (out->prev_dirty)
        out->prev_dirty->next_dirty = out->next_dirty;
    else
        o->dirty = out->next_dirty;
    if (out->next_dirty)
        out->next_dirty->prev_dirty = out->prev_dirty;
}

static struct outlet *
find(const struct outlets *o, uint64_t id)
{
    struct outlet *out = NULL;

    HASH_FIND(hh, o->all, &id, sizeof(id), out);
    return out;
}

static void
give_back(struct outlets *o, const struct exchange *x, bool keep)
{
    if (!keep)
        close(x->fd);
    o->hooks.done(o->hooks.ctx, x->fd, keep);
}

/* NULL: the connection is closed. */
static struct outlet *
add(struct outlets *o, const struct exchange *exchange)
{
    struct outlet *out = calloc(1, sizeof(*out));

    if (out) {
        out->id = ++o->last_id;
        out->exchange = *exchange;
        struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLIN, .data.u64 = out->id};
        if (epoll_ctl(o->epoll, EPOLL_CTL_ADD, exchange->fd, &ev)) {
            free(out);
            out = NULL;
        }
    }
    if (!out) {
        give_back(o, exchange, false);
        return NULL;
    }
    HASH_ADD(hh, o->all, id, sizeof(out->id), out);
    return out;
}

/* Off every list; the connection goes back or is closed. */
static void
drop(struct outlets *o, struct outlet *out, bool usable)
{
    unmark_dirty(o, out);
    HASH_DELETE(hh, o->all, out);
    epoll_ctl(o->epoll, EPOLL_CTL_DEL, out->exchange.fd, NULL);
    output_free(out->output);
    for (size_t i = 0; i < out->n_pending; i++)
        jb_blob_unref(out->pending[i]);
    free(out->pending);
    give_back(o, &out->exchange, usable && out->exchange.keep);
    free(out);
}

static void
lose(struct outlets *o, struct outlet *out)
{
    uint64_t id = out->open ? out->id : 0;

    drop(o, out, false);
    if (id)
        o->hooks.gone(o->hooks.ctx, id);
}

static void
want_writable(struct outlets *o, struct outlet *out, bool wanted)
{
    if (out->writable_wanted == wanted)
        return;
    struct epoll_event ev = {.events = EPOLLRDHUP | EPOLLIN | (wanted ? EPOLLOUT : 0u),
                             .data.u64 = out->id};
    epoll_ctl(o->epoll, EPOLL_CTL_MOD, out->exchange.fd, &ev);
    out->writable_wanted = wanted;
}

/* Frames what is pending as the next output. */
static bool
frame(struct outlet *out)
{
    struct slice slices[PENDING_AT_ONCE];

    slices[0] = (struct slice){0}; /* an end alone frames none */
    size_t n = out->n_pending < PENDING_AT_ONCE ? out->n_pending : PENDING_AT_ONCE;

    for (size_t i = 0; i < n; i++)
        slices[i] = slice_of_blob(out->pending[i]);
    out->last = out->ending && n == out->n_pending;
    out->output = output_new(out->exchange.id, slices, n, out->last, (struct output_owner){0});
    for (size_t i = 0; i < n; i++) {
        out->pending_bytes -= out->pending[i]->n;
        jb_blob_unref(out->pending[i]);
    }
    out->n_pending -= n;
    if (out->n_pending) {
        memmove(out->pending, out->pending + n, out->n_pending * sizeof(*out->pending));
    } else { /* most streams are silent most of the time */
        free(out->pending);
        out->pending = NULL;
        out->room_pending = 0;
    }
    return out->output != NULL;
}

/* Writes what can be written. The outlet may be gone afterwards. */
static void
flush(struct outlets *o, struct outlet *out)
{
    for (;;) {
        if (!out->output) {
            if (!out->n_pending && !out->ending)
                break;
            if (!frame(out)) {
                lose(o, out);
                return;
            }
            __atomic_add_fetch(&o->sent, output_left(out->output), __ATOMIC_RELAXED);
        }
        int rc = output_send(out->output, out->exchange.fd);
        if (rc < 0) {
            lose(o, out);
            return;
        }
        if (rc == 0) {
            want_writable(o, out, true);
            return;
        }
        output_free(out->output);
        out->output = NULL;
        if (out->last) {
            drop(o, out, true);
            return;
        }
    }
    want_writable(o, out, false);
}

uint64_t
outlets_open(struct outlets *o, const struct exchange *exchange)
{
    struct outlet *out = add(o, exchange);

    if (!out)
        return 0;
    out->open = true;
    return out->id;
}

void
outlets_rest(struct outlets *o, const struct exchange *exchange, struct output *output)
{
    struct outlet *out = add(o, exchange);

    if (!out) {
        output_free(output);
        return;
    }
    out->output = output;
    out->ending = out->last = true;
    flush(o, out);
}

void
outlets_answer(struct outlets *o, const struct exchange *exchange, const struct jb_str *parts,
               size_t n)
{
    struct slice slices[4] = {0};

    for (size_t i = 0; i < n && i < 4; i++)
        slices[i] = (struct slice){parts[i], NULL};
    struct output *out = output_new(exchange->id, slices, n, true, (struct output_owner){0});
    if (out)
        __atomic_add_fetch(&o->sent, output_left(out), __ATOMIC_RELAXED);
    /* The parts do not outlive this call, and a socket that cannot take a few hundred bytes
     * has a peer that reads nothing: what is not sent at once is an error. */
    bool sent = out && output_send(out, exchange->fd) == 1;
    output_free(out);
    give_back(o, exchange, sent && exchange->keep);
}

void
outlets_send(struct outlets *o, uint64_t id, struct jb_blob *bytes)
{
    struct outlet *out = find(o, id);

    if (!out) {
        jb_blob_unref(bytes);
        return;
    }
    mark_dirty(o, out);
    if (out->n_pending == out->room_pending) {
        size_t room = out->room_pending ? out->room_pending * 2 : FIRST_ROOM;
        struct jb_blob **p = realloc(out->pending, room * sizeof(struct jb_blob *));
        if (!p) {
            jb_blob_unref(bytes);
            out->broken = true;
            return;
        }
        out->pending = p;
        out->room_pending = room;
    }
    out->pending[out->n_pending++] = bytes;
    out->pending_bytes += bytes->n;
}

void
outlets_end(struct outlets *o, uint64_t id)
{
    struct outlet *out = find(o, id);

    if (!out)
        return;
    out->ending = true;
    out->open = false;
    mark_dirty(o, out);
}

void
outlets_flush(struct outlets *o)
{
    while (o->dirty) {
        struct outlet *out = o->dirty;
        unmark_dirty(o, out);
        if (out->broken || out->pending_bytes > o->max_bytes)
            lose(o, out);
        else if (!out->output)
            flush(o, out);
    }
}

void
outlets_event(struct outlets *o, uint64_t id, uint32_t events)
{
    struct outlet *out = find(o, id);

    if (!out)
        return;
    /* nginx sends nothing after a request; readable means closed or aborted. */
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLIN))
        lose(o, out);
    else if (events & EPOLLOUT)
        flush(o, out);
}

bool
outlets_empty(const struct outlets *o)
{
    return !o->all;
}

uint64_t
outlets_sent_bytes(const struct outlets *o)
{
    return __atomic_load_n(&o->sent, __ATOMIC_RELAXED);
}

void
outlets_free(struct outlets *o)
{
    struct outlet *out, *tmp;

    if (!o)
        return;
    HASH_ITER (hh, o->all, out, tmp)
        drop(o, out, false);
    free(o);
}
