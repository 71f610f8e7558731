/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
jb_buf_free(struct jb_buf *b)
{
    free(b->p);
    *b = JB_BUF(b->cap);
}

void
jb_buf_reset(struct jb_buf *b)
{
    b->n = 0;
    b->err = 0;
    if (b->p)
        b->p[0] = '\0';
}

int
jb_buf_reserve(struct jb_buf *b, size_t more)
{
    if (b->err)
        return b->err;
    if (more > b->cap || b->n > b->cap - more)
        return b->err = JB_ETOOBIG;
    size_t need = b->n + more + 1;
    if (need <= b->room)
        return 0;
    size_t room = b->room ? b->room : 256;
    while (room < need)
        room = room > b->cap / 2 ? b->cap + 1 : room * 2;
    char *p = realloc(b->p, room);
    if (!p)
        return b->err = JB_ENOMEM;
    b->p = p;
    b->room = room;
    return 0;
}

void
jb_buf_put(struct jb_buf *b, const void *p, size_t n)
{
    if (jb_buf_reserve(b, n))
        return;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void
jb_buf_str(struct jb_buf *b, struct jb_str s)
{
    jb_buf_put(b, s.p, s.n);
}

void
jb_buf_puts(struct jb_buf *b, const char *text)
{
    jb_buf_put(b, text, strlen(text));
}

void
jb_buf_putc(struct jb_buf *b, char c)
{
    jb_buf_put(b, &c, 1);
}

void
jb_buf_printf(struct jb_buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        if (!b->err)
            b->err = JB_EINVAL;
        return;
    }
    if (jb_buf_reserve(b, (size_t)n))
        return;
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

struct jb_str
jb_buf_view(const struct jb_buf *b)
{
    return (struct jb_str){b->p, b->n};
}
