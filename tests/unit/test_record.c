/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as FastCGI records, through sockets that take little at a time. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "fcgi/record.h"
#include "tests/fcgi_client.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int released;

static void
release(void *it)
{
    released++;
    assert_ptr_equal(it, &released);
}

struct reader {
    int fd;
    uint16_t id;
    struct fc_bytes got;
    bool whole;
};

static void *
reader_main(void *arg)
{
    struct reader *r = arg;

    r->whole = fc_answer(r->fd, r->id, &r->got);
    return NULL;
}

/* Sends the slices through a socket with a small buffer while another thread reads. */
static void
send_and_compare(const size_t *sizes, size_t n, uint16_t id)
{
    int fds[2], small = 4096;
    struct slice slices[8];
    struct jb_blob *blobs[8];
    struct fc_bytes want = {0};

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    for (size_t i = 0; i < n; i++) {
        char *p = malloc(sizes[i] + 1);
        assert_non_null(p);
        for (size_t k = 0; k < sizes[i]; k++)
            p[k] = (char)(k * 31 + i * 7 + (k >> 8));
        blobs[i] = jb_blob_new(p, sizes[i]);
        assert_non_null(blobs[i]);
        fc_put(&want, p, sizes[i]);
        slices[i] = slice_of_blob(blobs[i]);
        free(p);
    }
    released = 0;
    struct output *out =
        output_new(id, slices, n, true, (struct output_owner){&released, release});
    assert_non_null(out);
    for (size_t i = 0; i < n; i++)
        jb_blob_unref(blobs[i]); /* the output holds them */
    struct reader r = {.fd = fds[1], .id = id};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, reader_main, &r), 0);
    int rc;
    while ((rc = output_send(out, fds[0])) == 0)
        usleep(100);
    assert_int_equal(rc, 1);
    assert_int_equal(output_left(out), 0);
    pthread_join(thread, NULL);
    assert_true(r.whole);
    assert_int_equal(r.got.n, want.n);
    if (want.n)
        assert_memory_equal(r.got.p, want.p, want.n);
    assert_int_equal(released, 0);
    output_free(out);
    assert_int_equal(released, 1);
    fc_free(&r.got);
    fc_free(&want);
    close(fds[0]);
    close(fds[1]);
}

static void
sizes_around_a_record(void **state)
{
    static const size_t edges[] = {1, 7, 65527, 65528, 65529, 131056, 131057, 400000};

    (void)state;
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        send_and_compare(&edges[i], 1, (uint16_t)(1 + i * 300));
}

static void
several_slices(void **state)
{
    (void)state;
    send_and_compare(NULL, 0, 1);
    send_and_compare((const size_t[]){0}, 1, 1);
    send_and_compare((const size_t[]){300, 65228, 1}, 3, 65535);
    send_and_compare((const size_t[]){1, 0, 200000, 0, 3}, 5, 2);
    send_and_compare((const size_t[]){200, 500000, 300000, 200}, 4, 256);
}

static void
end_is_exact(void **state)
{
    static const unsigned char want[] = {1, 6, 1, 2, 0, 2, 0, 0, 'h', 'i', /* STDOUT */
                                         1, 6, 1, 2, 0, 0, 0, 0,           /* its end */
                                         1, 3, 1, 2, 0, 8, 0, 0, 0,   0,   0, 0, 0, 0, 0, 0};
    unsigned char got[100];
    int fds[2];
    struct slice slice = {JB_STR("hi"), NULL};

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct output *out = output_new(0x102, &slice, 1, true, (struct output_owner){0});
    assert_int_equal(output_left(out), sizeof(want));
    assert_int_equal(output_send(out, fds[0]), 1);
    assert_int_equal(recv(fds[1], got, sizeof(got), 0), sizeof(want));
    assert_memory_equal(got, want, sizeof(want));
    output_free(out);
    /* without the end a stream goes on */
    out = output_new(0x102, &slice, 1, false, (struct output_owner){0});
    assert_int_equal(output_send(out, fds[0]), 1);
    assert_int_equal(recv(fds[1], got, sizeof(got), 0), 10);
    output_free(out);
    close(fds[0]);
    close(fds[1]);
}

static void
a_full_socket_keeps_the_rest(void **state)
{
    int fds[2];
    struct jb_blob *blob;
    char *zeros = calloc(1, 4 << 20);

    (void)state;
    assert_non_null(zeros);
    blob = jb_blob_new(zeros, 4 << 20);
    free(zeros);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct slice slice = slice_of_blob(blob);
    struct output *out = output_new(1, &slice, 1, true, (struct output_owner){0});
    jb_blob_unref(blob);
    size_t all = output_left(out);
    assert_int_equal(output_send(out, fds[0]), 0);
    size_t left = output_left(out);
    assert_true(left > 0 && left < all);
    assert_int_equal(output_send(out, fds[0]), 0);
    assert_int_equal(output_left(out), left);
    /* nobody reads any more */
    close(fds[1]);
    assert_int_equal(output_send(out, fds[0]), JB_ECLOSED);
    output_free(out);
    close(fds[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_around_a_record),
        cmocka_unit_test(several_slices),
        cmocka_unit_test(end_is_exact),
        cmocka_unit_test(a_full_socket_keeps_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
