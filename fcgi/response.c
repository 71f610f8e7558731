/* SPDX-License-Identifier: Apache-2.0 */
#include "fcgi/response.h"
#include "base/json.h"
#include "crypto/digest.h"

#include <stdio.h>
#include <string.h>

enum { HEAD_MAX = 16 << 10 };

void
response_init(struct response *r)
{
    *r = (struct response){.status = 200, .head = JB_BUF(HEAD_MAX)};
}

void
response_free(struct response *r)
{
    for (size_t i = 0; i < r->n_body; i++)
        jb_blob_unref(r->body[i].blob);
    if (r->owner.release)
        r->owner.release(r->owner.it);
    jb_buf_free(&r->head);
    r->n_body = 0;
    r->owner = (struct output_owner){0};
}

void
response_header(struct response *r, const char *name, const char *value)
{
    jb_buf_printf(&r->head, "%s: %s\r\n", name, value);
}

void
response_slice(struct response *r, struct jb_str bytes, struct jb_blob *blob)
{
    if (r->n_body < RESPONSE_SLICES && bytes.n)
        r->body[r->n_body++] = (struct slice){bytes, jb_blob_ref(blob)};
}

void
response_buf(struct response *r, int status, const char *type, struct jb_buf *body)
{
    struct jb_blob *blob = jb_blob_from_buf(body);

    r->status = blob ? status : 500;
    response_header(r, "Content-Type", type);
    jb_buf_printf(&r->head, "Content-Length: %zu\r\n", blob ? blob->n : 0);
    if (blob)
        response_slice(r, (struct jb_str){blob->p, blob->n}, blob);
    jb_blob_unref(blob);
}

void
response_text(struct response *r, int status, const char *type, const char *body)
{
    struct jb_buf b = JB_BUF(1 << 20);

    jb_buf_puts(&b, body);
    response_buf(r, status, type, &b);
}

void
response_json_error(struct response *r, int status, const char *detail)
{
    struct jb_buf b = JB_BUF(HEAD_MAX);
    struct jb_json j;

    jb_json_init(&j, &b);
    jb_json_object(&j);
    jb_json_ktext(&j, "detail", detail);
    jb_json_end(&j);
    response_buf(r, status, "application/json", &b);
}

/* Only what a header line may hold; an Origin is scheme://host[:port]. */
static bool
plain_header_text(struct jb_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] > 0x7e)
            return false;
    return s.n > 0 && s.n < 300;
}

void
response_cors(struct response *r, const struct web_request *request)
{
    struct jb_str o = request->origin;

    jb_buf_puts(&r->head, "Vary: Origin\r\n");
    bool http = (o.n > 7 && memcmp(o.p, "http://", 7) == 0) ||
                (o.n > 8 && memcmp(o.p, "https://", 8) == 0);
    if (!http || !plain_header_text(o))
        return;
    jb_buf_printf(&r->head,
                  "Access-Control-Allow-Origin: %.*s\r\n"
                  "Access-Control-Allow-Credentials: true\r\n",
                  JB_STR_FMT(o));
    if (request->method != METHOD_OPTIONS)
        return;
    jb_buf_puts(&r->head,
                "Access-Control-Allow-Methods: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\n"
                "Access-Control-Max-Age: 600\r\n");
    struct jb_str h = request->cors_headers;
    bool plain = h.n > 0 && h.n < 1000;
    for (size_t i = 0; i < h.n && plain; i++)
        plain = (unsigned char)h.p[i] >= 0x20 && (unsigned char)h.p[i] <= 0x7e;
    if (plain)
        jb_buf_printf(&r->head, "Access-Control-Allow-Headers: %.*s\r\n", JB_STR_FMT(h));
}

void
response_missing_query(struct response *r, const struct web_request *request, const char *key)
{
    struct jb_buf b = JB_BUF(HEAD_MAX);

    jb_buf_printf(&b,
                  "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"query\",\"%s\"],"
                  "\"msg\":\"Field required\",\"input\":null}]}",
                  key);
    response_cors(r, request);
    response_buf(r, 422, "application/json", &b);
}

const char *
http_reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 413: return "Content Too Large";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Status";
    }
}

struct jb_blob *
response_head(const struct response *r)
{
    char line[64];
    int n =
        snprintf(line, sizeof(line), "Status: %d %s\r\n", r->status, http_reason(r->status));
    struct jb_buf b = JB_BUF(HEAD_MAX + 128);

    jb_buf_reserve(&b, (size_t)n + r->head.n + 2);
    jb_buf_put(&b, line, (size_t)n);
    jb_buf_put(&b, r->head.p, r->head.n);
    jb_buf_put(&b, "\r\n", 2);
    if (r->head.err)
        b.err = r->head.err;
    return jb_blob_from_buf(&b);
}

/* The lines of a 200 or 304 for one encoding. */
static struct jb_blob *
ready_head(const struct ready_options *o, const char *etag, bool gzip, bool vary, size_t length,
           bool not_modified)
{
    struct jb_buf b = JB_BUF(HEAD_MAX);

    if (!not_modified) {
        jb_buf_printf(&b, "Content-Type: %s\r\nContent-Length: %zu\r\n", o->type, length);
        if (gzip)
            jb_buf_puts(&b, "Content-Encoding: gzip\r\n");
        if (o->csp)
            jb_buf_printf(&b, "Content-Security-Policy: %s\r\n", o->csp);
    }
    jb_buf_printf(&b, "ETag: %s\r\nCache-Control: %s\r\n", etag, o->cache);
    if (vary)
        jb_buf_puts(&b, "Vary: Accept-Encoding\r\n");
    return jb_blob_from_buf(&b);
}

int
ready_make(const struct slice *slices, size_t n, const struct ready_options *options,
           struct ready *ret_ready)
{
    struct ready r = {0};
    struct jb_buf whole = JB_BUF((size_t)1 << 31);
    unsigned char digest[CRYPTO_SHA256_SIZE];
    char hex[17];
    int rc = JB_ENOMEM;

    for (size_t i = 0; i < n; i++) {
        r.plain[r.n_plain++] = (struct slice){slices[i].bytes, jb_blob_ref(slices[i].blob)};
        jb_buf_str(&whole, slices[i].bytes);
    }
    if (whole.err)
        goto out;
    rc = crypto_sha256(jb_buf_view(&whole), digest);
    if (rc)
        goto out;
    crypto_hex(digest, 8, hex);
    snprintf(r.etag_plain, sizeof(r.etag_plain), "\"%s\"", hex);
    snprintf(r.etag_gzip, sizeof(r.etag_gzip), "\"%s-g\"", hex);
    if (options->gzip_level) {
        rc = jb_gzip(jb_buf_view(&whole), options->gzip_level, &r.gzip);
        if (rc)
            goto out;
    }
    bool vary = r.gzip != NULL;
    r.head_plain = ready_head(options, r.etag_plain, false, vary, whole.n, false);
    r.head_304_plain = ready_head(options, r.etag_plain, false, vary, 0, true);
    r.head_gzip = ready_head(options, r.etag_gzip, true, vary, r.gzip ? r.gzip->n : 0, false);
    r.head_304_gzip = ready_head(options, r.etag_gzip, true, vary, 0, true);
    rc = r.head_plain && r.head_gzip && r.head_304_plain && r.head_304_gzip ? 0 : JB_ENOMEM;
out:
    jb_buf_free(&whole);
    if (rc)
        ready_free(&r);
    else
        *ret_ready = r;
    return rc;
}

void
ready_free(struct ready *r)
{
    for (size_t i = 0; i < r->n_plain; i++)
        jb_blob_unref(r->plain[i].blob);
    jb_blob_unref(r->gzip);
    jb_blob_unref(r->head_plain);
    jb_blob_unref(r->head_gzip);
    jb_blob_unref(r->head_304_plain);
    jb_blob_unref(r->head_304_gzip);
    *r = (struct ready){0};
}

void
response_ready(struct response *r, const struct web_request *request, const struct ready *ready)
{
    bool gzip = ready->gzip && web_request_accepts_gzip(request->accept_encoding);
    const char *etag = gzip ? ready->etag_gzip : ready->etag_plain;
    const struct jb_blob *head;

    if (request->if_none_match.n &&
        web_request_etag_matches(request->if_none_match, jb_str(etag))) {
        r->status = 304;
        head = gzip ? ready->head_304_gzip : ready->head_304_plain;
        jb_buf_put(&r->head, head->p, head->n);
        return;
    }
    r->status = 200;
    head = gzip ? ready->head_gzip : ready->head_plain;
    jb_buf_put(&r->head, head->p, head->n);
    if (gzip) {
        response_slice(r, (struct jb_str){ready->gzip->p, ready->gzip->n}, ready->gzip);
        return;
    }
    for (size_t i = 0; i < ready->n_plain; i++)
        response_slice(r, ready->plain[i].bytes, ready->plain[i].blob);
}
