/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer before it is sent: status, header lines, slices of body. Ready bodies carry their
 * header lines with them, so that answering one formats nothing but the status line.
 */
#pragma once

#include "base/buf.h"
#include "fcgi/record.h"
#include "fcgi/request.h"

enum { RESPONSE_SLICES = 8 };

struct response {
    int status;
    struct jb_buf head; /* header lines, each ended by CRLF, without the empty one */
    struct slice body[RESPONSE_SLICES];
    size_t n_body;
    struct output_owner owner; /* what the slices point into */
    bool taken;                /* the connection went to the streams thread; nothing to send */
};

void response_init(struct response *r);
void response_free(struct response *r); /* releases what was not handed to an output */

void response_header(struct response *r, const char *name, const char *value);
void response_slice(struct response *r, struct jb_str bytes, struct jb_blob *blob);

/* The whole answer from a buffer, with Content-Type and Content-Length; frees the buffer. */
void response_buf(struct response *r, int status, const char *type, struct jb_buf *body);
void response_text(struct response *r, int status, const char *type, const char *body);

/* {"detail":"…"} */
void response_json_error(struct response *r, int status, const char *detail);

/* 422 as FastAPI words it for a key that the query must have; with the CORS lines. */
void response_missing_query(struct response *r, const struct web_request *request,
                            const char *key);

/* Access-Control-* for a Gradio or API route: echoes an http(s) Origin. */
void response_cors(struct response *r, const struct web_request *request);

/* Status line and head, ready to send; NULL when memory is out. */
struct jb_blob *response_head(const struct response *r);

const char *http_reason(int status);

/* A body that was made ahead, plain and gzip, with an ETag for each. */
struct ready {
    struct slice plain[3];
    size_t n_plain;
    struct jb_blob *gzip;
    char etag_plain[24], etag_gzip[24]; /* with quotes */
    struct jb_blob *head_plain, *head_gzip, *head_304_plain, *head_304_gzip;
};

struct ready_options {
    const char *type;
    const char *cache; /* Cache-Control */
    const char *csp;   /* NULL none */
    int gzip_level;    /* 0: no gzip twin */
};

/* Takes no reference of slices without a blob: they must live as long as `ret_ready`. */
int ready_make(const struct slice *slices, size_t n, const struct ready_options *options,
               struct ready *ret_ready);
void ready_free(struct ready *ready);

/* Answers a GET or HEAD from it: 200 or 304, plain or gzip. */
void response_ready(struct response *r, const struct web_request *request,
                    const struct ready *ready);
