/* SPDX-License-Identifier: Apache-2.0 */
/* Small answers that Gradio's front end and clients ask for. */
#include "base/json.h"
#include "fcgi/handlers.h"
#include "fcgi/server.h"
#include "views/layout.h"

#include <stdio.h>

static void
json_text(struct handling *h, int status, const char *json)
{
    response_cors(h->response, h->request);
    response_text(h->response, status, "application/json", json);
}

void
handle_app_id(struct handling *h)
{
    struct jb_buf b = JB_BUF(100);

    jb_buf_printf(&b, "{\"app_id\":%llu}",
                  (unsigned long long)gradio_site_app_id(h->site->gradio));
    response_cors(h->response, h->request);
    response_buf(h->response, 200, "application/json", &b);
}

void
handle_queue_status(struct handling *h)
{
    struct sessions_stat stat;
    struct jb_buf b = JB_BUF(200);

    streams_stat(server_streams(h->server), &stat);
    jb_buf_printf(&b,
                  "{\"msg\":\"estimation\",\"event_id\":null,\"rank\":null,\"queue_size\":%zu,"
                  "\"rank_eta\":null}",
                  stat.events);
    response_cors(h->response, h->request);
    response_buf(h->response, 200, "application/json", &b);
}

void
handle_null(struct handling *h)
{
    json_text(h, 200, "null");
}

void
handle_token(struct handling *h)
{
    json_text(h, 200, "{\"token\":null,\"user\":null}");
}

void
handle_startup_events(struct handling *h)
{
    json_text(h, 200, "false");
}

void
handle_component_server(struct handling *h)
{
    json_text(h, 404, "{\"detail\":\"Function not found.\"}");
}

/* Nothing of ours uploads, so that no id is known. */
void
handle_upload_progress(struct handling *h)
{
    struct jb_str id;

    if (!web_request_query_value(h->request, "upload_id", &id)) {
        response_missing_query(h->response, h->request, "upload_id");
        return;
    }
    response_cors(h->response, h->request);
    response_text(h->response, 404, "text/plain; charset=utf-8", "Upload not found");
}

/* The run history of 6.24 and later, which the config says is off. */
void
handle_runs(struct handling *h)
{
    json_text(h, 404, "{\"detail\":\"Not found\"}");
}

void
handle_monitoring(struct handling *h)
{
    json_text(h, 403, "{\"detail\":\"Monitoring is not enabled.\"}");
}

void
handle_robots(struct handling *h)
{
    response_text(h->response, 200, "text/plain; charset=utf-8", "User-agent: *\nDisallow: ");
}

void
handle_manifest(struct handling *h)
{
    struct jb_buf b = JB_BUF(8 << 10);
    struct jb_json j;
    const char *title = board_config_of(h->site->board)->title;

    jb_json_init(&j, &b);
    jb_json_object(&j);
    jb_json_ktext(&j, "name", title[0] ? title : h->site->conf->site.title);
    jb_json_key(&j, "icons");
    jb_json_array(&j);
    jb_json_object(&j);
    const struct asset *icon = asset_find("favicon.svg");
    char src[128];
    snprintf(src, sizeof(src), "static/%s", icon ? icon->path : "favicon.svg");
    jb_json_ktext(&j, "src", src);
    jb_json_ktext(&j, "sizes", "any");
    jb_json_ktext(&j, "type", "image/svg+xml");
    jb_json_ktext(&j, "purpose", "any");
    jb_json_end(&j);
    jb_json_end(&j);
    jb_json_ktext(&j, "start_url", "./");
    jb_json_ktext(&j, "display", "standalone");
    jb_json_end(&j);
    response_buf(h->response, 200, "application/manifest+json", &b);
}

/* There are no accounts: back to the board. */
void
handle_login(struct handling *h)
{
    h->response->status = 302;
    jb_buf_printf(&h->response->head, "Location: %s/\r\nContent-Length: 0\r\n",
                  h->site->conf->site.mount);
}

/* No component of ours offers files. */
void
handle_file(struct handling *h)
{
    struct jb_buf b = JB_BUF(64 << 10);
    struct jb_buf text = JB_BUF(16 << 10);
    struct jb_json j;

    jb_buf_printf(&text, "File not allowed: %.*s.", JB_STR_FMT(h->request->param[0]));
    jb_json_init(&j, &b);
    jb_json_object(&j);
    jb_json_kstr(&j, "detail", jb_buf_view(&text));
    jb_json_end(&j);
    jb_buf_free(&text);
    response_cors(h->response, h->request);
    response_buf(h->response, 403, "application/json", &b);
}
