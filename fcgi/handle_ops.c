/* SPDX-License-Identifier: Apache-2.0 */
/* For those who look after the server. */
#include "fcgi/handlers.h"
#include "fcgi/metrics.h"
#include "fcgi/server.h"

void
handle_healthz(struct handling *h)
{
    struct keeper_stat stat;

    response_header(h->response, "Cache-Control", "no-store");
    if (keeper_stat(server_keeper(h->server), &stat))
        response_text(h->response, 503, "text/plain; charset=utf-8", "store cannot be read\n");
    else
        response_text(h->response, 200, "text/plain; charset=utf-8", "ok\n");
}

void
handle_metrics(struct handling *h)
{
    struct jb_buf b = JB_BUF(1 << 20);

    server_put_metrics(h->server, h->site, &b);
    response_header(h->response, "Cache-Control", "no-store");
    response_buf(h->response, 200, "text/plain; version=0.0.4; charset=utf-8", &b);
}
