/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tests/fcgi_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_CONTENT = 65535 };

void
fc_free(struct fc_bytes *b)
{
    free(b->p);
    *b = (struct fc_bytes){0};
}

void
fc_put(struct fc_bytes *b, const void *p, size_t n)
{
    if (b->n + n > b->room) {
        b->room = (b->n + n) * 2;
        b->p = realloc(b->p, b->room);
        if (!b->p)
            abort();
    }
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
}

void
fc_record(struct fc_bytes *b, unsigned type, uint16_t id, const void *content, size_t n,
          unsigned padding)
{
    static const unsigned char zeros[256];
    unsigned char h[8] = {1,
                          (unsigned char)type,
                          (unsigned char)(id >> 8),
                          (unsigned char)id,
                          (unsigned char)(n >> 8),
                          (unsigned char)n,
                          (unsigned char)padding,
                          0};

    fc_put(b, h, sizeof(h));
    fc_put(b, content, n);
    fc_put(b, zeros, padding);
}

void
fc_begin(struct fc_bytes *b, uint16_t id, unsigned role, unsigned flags)
{
    unsigned char body[8] = {(unsigned char)(role >> 8), (unsigned char)role,
                             (unsigned char)flags};

    fc_record(b, FC_BEGIN, id, body, sizeof(body), 0);
}

static void
put_length(struct fc_bytes *b, size_t n)
{
    if (n < 128) {
        unsigned char c = (unsigned char)n;
        fc_put(b, &c, 1);
        return;
    }
    unsigned char c[4] = {(unsigned char)(0x80 | n >> 24), (unsigned char)(n >> 16),
                          (unsigned char)(n >> 8), (unsigned char)n};
    fc_put(b, c, sizeof(c));
}

void
fc_pair(struct fc_bytes *content, const char *name, const char *value)
{
    put_length(content, strlen(name));
    put_length(content, strlen(value));
    fc_put(content, name, strlen(name));
    fc_put(content, value, strlen(value));
}

static void
put_stream(struct fc_bytes *b, unsigned type, uint16_t id, const void *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        size_t here = n - at < MOST_CONTENT ? n - at : MOST_CONTENT;
        fc_record(b, type, id, (const char *)p + at, here, here % 8 ? 8 - here % 8 : 0);
        at += here;
    }
    fc_record(b, type, id, NULL, 0, 0);
}

void
fc_request(struct fc_bytes *b, uint16_t id, unsigned flags, const char *const *pairs,
           const void *body, size_t n_body)
{
    struct fc_bytes params = {0};
    char length[32];

    for (; pairs && pairs[0]; pairs += 2)
        fc_pair(&params, pairs[0], pairs[1]);
    snprintf(length, sizeof(length), "%zu", n_body);
    fc_pair(&params, "CONTENT_LENGTH", length);
    fc_begin(b, id, 1, flags);
    put_stream(b, FC_PARAMS, id, params.p, params.n);
    put_stream(b, FC_STDIN, id, body, n_body);
    fc_free(&params);
}

int
fc_connect(const char *path, int timeout_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
                    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) ||
                    connect(fd, (struct sockaddr *)&address, sizeof(address)))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool
fc_send(int fd, const struct fc_bytes *b)
{
    for (size_t at = 0; at < b->n;) {
        ssize_t n = send(fd, b->p + at, b->n - at, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

static bool
read_all(int fd, unsigned char *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = recv(fd, p + at, n - at, 0);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

bool
fc_answer(int fd, uint16_t id, struct fc_bytes *ret_out)
{
    static unsigned char content[MOST_CONTENT + 255];
    unsigned char h[8];
    bool closed_stream = false;

    while (read_all(fd, h, sizeof(h))) {
        size_t n = (size_t)h[4] << 8 | h[5];
        if (h[0] != 1 || (h[2] << 8 | h[3]) != id || !read_all(fd, content, n + h[6]))
            return false;
        if (h[1] == FC_END)
            return n == 8 && closed_stream && content[4] == 0;
        if (h[1] != FC_STDOUT || closed_stream)
            return false;
        closed_stream = n == 0;
        fc_put(ret_out, content, n);
    }
    return false;
}

bool
fc_closed(int fd)
{
    char c;

    return recv(fd, &c, 1, 0) == 0;
}
