/* SPDX-License-Identifier: Apache-2.0 */
/* Detached connections on socket pairs: what waits, what is cut, and what goes back. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fcgi/outlets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 8, STDOUT = 6, END_REQUEST = 3, BIG = 4 << 20 };

struct world {
    struct outlets *o;
    int epoll;
    int returned, closed; /* connections by hooks.done */
    uint64_t gone;        /* the last id by hooks.gone */
};

static void
on_done(void *ctx, int fd, bool keep)
{
    struct world *w = ctx;

    if (keep) {
        w->returned++;
        close(fd); /* nobody uses it again here */
    } else {
        w->closed++;
    }
}

static void
on_gone(void *ctx, uint64_t id)
{
    struct world *w = ctx;

    w->gone = id;
}

static struct world *
world_new(size_t max_bytes)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_true(w->epoll >= 0);
    w->o = outlets_new(w->epoll, max_bytes, &(struct outlets_hooks){w, on_done, on_gone});
    assert_non_null(w->o);
    return w;
}

static void
world_free(struct world *w)
{
    outlets_free(w->o);
    close(w->epoll);
    free(w);
}

/* A pair; ours is non-blocking as all connections of the server are. */
static struct exchange
exchange_new(bool keep, int *ret_peer)
{
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    fcntl(fd[1], F_SETFL, O_NONBLOCK);
    *ret_peer = fd[1];
    return (struct exchange){fd[0], 1, keep};
}

static struct jb_blob *
blob_of(size_t n, char c)
{
    struct jb_blob *blob;
    char *p = malloc(n);

    assert_non_null(p);
    memset(p, c, n);
    blob = jb_blob_new(p, n);
    free(p);
    assert_non_null(blob);
    return blob;
}

/* Reads what a peer has: bytes of content, and whether the request was finished. */
struct got {
    size_t content;
    bool end, eof;
    unsigned char carry[HEADER + 65535 + 255];
    size_t n;
};

static void
peer_read(int fd, struct got *g)
{
    ssize_t n;

    while ((n = read(fd, g->carry + g->n, sizeof(g->carry) - g->n)) > 0) {
        g->n += (size_t)n;
        for (;;) {
            size_t content, whole;

            if (g->n < HEADER)
                break;
            content = (size_t)g->carry[4] << 8 | g->carry[5];
            whole = HEADER + content + g->carry[6];
            if (g->n < whole)
                break;
            assert_false(g->end); /* nothing follows END_REQUEST */
            if (g->carry[1] == END_REQUEST)
                g->end = true;
            else
                assert_int_equal(g->carry[1], STDOUT);
            g->content += g->carry[1] == STDOUT ? content : 0;
            g->n -= whole;
            memmove(g->carry, g->carry + whole, g->n);
        }
    }
    g->eof = n == 0;
}

/* Lets ours write on and the peer read on until nothing moves. */
static void
drain(struct world *w, int peer, struct got *g)
{
    struct epoll_event ev[8];
    int n;

    do {
        peer_read(peer, g);
        n = epoll_wait(w->epoll, ev, 8, 20);
        for (int i = 0; i < n; i++)
            outlets_event(w->o, ev[i].data.u64, ev[i].events);
    } while (n > 0 && !g->eof);
    peer_read(peer, g);
}

static void
test_bytes_then_end(void **state)
{
    struct world *w = world_new(1 << 20);
    struct got g = {0};
    int peer;
    struct exchange x = exchange_new(true, &peer);
    uint64_t id = outlets_open(w->o, &x);
    (void)state;

    assert_true(id != 0);
    outlets_send(w->o, id, blob_of(100, 'a'));
    outlets_send(w->o, id, blob_of(50, 'b'));
    peer_read(peer, &g);
    assert_int_equal(g.content, 0); /* nothing before the flush */
    outlets_flush(w->o);
    peer_read(peer, &g);
    assert_int_equal(g.content, 150);
    assert_false(g.end);
    outlets_end(w->o, id);
    outlets_flush(w->o);
    peer_read(peer, &g);
    assert_true(g.end);
    assert_int_equal(w->returned, 1);
    assert_int_equal(w->gone, 0);
    assert_true(outlets_empty(w->o));
    assert_true(outlets_sent_bytes(w->o) > 150);
    close(peer);
    world_free(w);
}

/* The end comes while the socket is full: END_REQUEST must still be written before the
 * connection goes back, or the next request on it would be answered in the middle of this one.
 */
static void
test_end_while_full(void **state)
{
    struct world *w = world_new(2 * BIG);
    struct got g = {0};
    int peer;
    struct exchange x = exchange_new(true, &peer);
    uint64_t id = outlets_open(w->o, &x);
    (void)state;

    outlets_send(w->o, id, blob_of(BIG, 'a'));
    outlets_flush(w->o);
    outlets_end(w->o, id);
    outlets_flush(w->o);
    assert_int_equal(w->returned, 0);
    drain(w, peer, &g);
    assert_int_equal(g.content, BIG);
    assert_true(g.end);
    assert_int_equal(w->returned, 1);
    close(peer);
    world_free(w);
}

static void
test_many_small(void **state)
{
    struct world *w = world_new(1 << 20);
    struct got g = {0};
    int peer;
    struct exchange x = exchange_new(false, &peer);
    uint64_t id = outlets_open(w->o, &x);
    (void)state;

    for (int i = 0; i < 1000; i++)
        outlets_send(w->o, id, blob_of(10, 'a'));
    outlets_end(w->o, id);
    outlets_flush(w->o);
    drain(w, peer, &g);
    assert_int_equal(g.content, 10000);
    assert_true(g.end);
    assert_true(g.eof); /* not to be kept: closed */
    assert_int_equal(w->closed, 1);
    close(peer);
    world_free(w);
}

static void
test_reads_nothing(void **state)
{
    struct world *w = world_new(1 << 20);
    int peer;
    struct exchange x = exchange_new(true, &peer);
    uint64_t id = outlets_open(w->o, &x);
    (void)state;

    outlets_send(w->o, id, blob_of((1 << 20) + 1, 'a'));
    outlets_flush(w->o);
    assert_int_equal(w->gone, id);
    assert_int_equal(w->closed, 1);
    outlets_send(w->o, id, blob_of(10, 'a')); /* late, and harmless */
    outlets_end(w->o, id);
    outlets_flush(w->o);
    close(peer);
    world_free(w);
}

static void
test_peer_goes(void **state)
{
    struct world *w = world_new(1 << 20);
    struct epoll_event ev;
    int peer;
    struct exchange x = exchange_new(true, &peer);
    uint64_t id = outlets_open(w->o, &x);
    (void)state;

    outlets_send(w->o, id, blob_of(10, 'a'));
    close(peer);
    assert_int_equal(epoll_wait(w->epoll, &ev, 1, 1000), 1);
    assert_int_equal(ev.data.u64, id);
    outlets_event(w->o, ev.data.u64, ev.events);
    assert_int_equal(w->gone, id);
    assert_int_equal(w->closed, 1);
    outlets_event(w->o, id, EPOLLIN); /* unknown by now */
    world_free(w);
}

static void
test_answers(void **state)
{
    struct world *w = world_new(1 << 20);
    struct got g = {0}, rest = {0};
    struct jb_str parts[] = {JB_STR("Status: 200 OK\r\n"), JB_STR("\r\n"), JB_STR("{}")};
    int peer, late;
    struct exchange x = exchange_new(true, &peer);
    (void)state;

    outlets_answer(w->o, &x, parts, 3);
    peer_read(peer, &g);
    assert_int_equal(g.content, 20);
    assert_true(g.end);
    assert_int_equal(w->returned, 1);
    close(peer);

    /* The rest of an answer, and a connection that nobody ends before the outlets go. */
    struct jb_blob *big = blob_of(BIG, 'b');
    struct slice slice = slice_of_blob(big);
    x = exchange_new(true, &peer);
    outlets_rest(w->o, &x, output_new(1, &slice, 1, true, (struct output_owner){0}));
    jb_blob_unref(big);
    drain(w, peer, &rest);
    assert_int_equal(rest.content, BIG);
    assert_true(rest.end);
    assert_int_equal(w->returned, 2);
    close(peer);
    x = exchange_new(true, &late);
    assert_true(outlets_open(w->o, &x) != 0);
    outlets_free(w->o);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->gone, 0);
    close(late);
    close(w->epoll);
    free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_then_end), cmocka_unit_test(test_end_while_full),
        cmocka_unit_test(test_many_small),     cmocka_unit_test(test_reads_nothing),
        cmocka_unit_test(test_peer_goes),      cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
