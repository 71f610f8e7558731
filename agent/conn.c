/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/conn.h"

#include "crypto/listener.h"

enum {
    CHUNK = 16 << 10,
    AGE_MS = 3600 * 1000,
};

void
conn_init(struct conn *c, const struct conn_io *io, const struct conn_limits *limits,
          conn_answer *answer, void *ctx, int64_t now_ms)
{
    *c = (struct conn){.io = *io,
                       .limits = *limits,
                       .answer = answer,
                       .ctx = ctx,
                       .out = JB_BUF(limits->answer_max + (16 << 10)),
                       .born = now_ms,
                       .since = now_ms,
                       .wants = CONN_READ};
    http_parser_init(&c->parser, limits->body_max);
}

void
conn_free(struct conn *c)
{
    http_parser_free(&c->parser);
    jb_buf_free(&c->out);
}

int64_t
conn_deadline(const struct conn *c)
{
    bool busy = c->wants == CONN_WRITE || http_parser_begun(&c->parser);

    return c->since + (busy ? c->limits.request_ms : c->limits.idle_ms);
}

static void
make_answer(struct conn *c, int rc, const struct jb_error *err, int64_t now_ms)
{
    struct http_answer answer = HTTP_ANSWER(c->limits.answer_max);
    const struct http_request *request = rc == 1 ? http_parser_request(&c->parser) : NULL;
    bool keep = request && request->keep_alive && now_ms - c->born < AGE_MS;

    c->answer(c->ctx, request, rc, err, &answer);
    http_answer_put(&answer, keep, &c->out);
    http_answer_free(&answer);
    c->closing = !keep;
    c->sent = 0;
    c->since = now_ms;
    c->wants = c->out.err ? CONN_CLOSE : CONN_WRITE;
}

static void
take_input(struct conn *c, int64_t now_ms)
{
    char buf[CHUNK];

    /* a request is bounded, and only one is taken at a time */
    while (c->wants == CONN_READ) {
        struct jb_error err = {0};
        long n = c->io.read(c->io.ctx, buf, sizeof(buf));

        if (n == PEER_WANTS_READ)
            return;
        if (n <= 0) {
            /* TLS may want to write in order to read; it finds its turn at the next read */
            if (n != PEER_WANTS_WRITE)
                c->wants = CONN_CLOSE;
            c->ended = n == 0;
            return;
        }
        if (!http_parser_begun(&c->parser))
            c->since = now_ms;
        int rc = http_push(&c->parser, buf, (size_t)n, &err);
        if (rc)
            make_answer(c, rc, &err, now_ms);
    }
}

static void
give_output(struct conn *c, int64_t now_ms)
{
    while (c->sent < c->out.n) {
        size_t left = c->out.n - c->sent;
        long n = c->io.write(c->io.ctx, c->out.p + c->sent, left < CHUNK ? left : CHUNK);

        if (n == PEER_WANTS_WRITE || n == PEER_WANTS_READ)
            return;
        if (n <= 0) {
            c->wants = CONN_CLOSE;
            return;
        }
        c->sent += (size_t)n;
    }
    if (c->closing) {
        c->wants = CONN_CLOSE;
        return;
    }
    /* a large answer's memory is not held through the silence */
    jb_buf_free(&c->out);
    http_parser_next(&c->parser);
    c->since = now_ms;
    c->wants = CONN_READ;
}

enum conn_wants
conn_run(struct conn *c, int64_t now_ms)
{
    if (c->wants == CONN_READ)
        take_input(c, now_ms);
    if (c->wants == CONN_WRITE)
        give_output(c, now_ms);
    if (c->wants == CONN_READ)
        take_input(c, now_ms);
    if (c->wants == CONN_WRITE)
        give_output(c, now_ms);
    if (c->wants != CONN_CLOSE && now_ms >= conn_deadline(c))
        c->wants = CONN_CLOSE;
    return c->wants;
}
