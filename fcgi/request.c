/* SPDX-License-Identifier: Apache-2.0 */
#include "fcgi/request.h"
#include "base/text.h"

#include <string.h>
#include <strings.h>
#include <uriparser/Uri.h>

static const struct {
    const char *name;
    enum method method;
} methods[] = {
    {"GET", METHOD_GET},
    {"HEAD", METHOD_HEAD},
    {"POST", METHOD_POST},
    {"OPTIONS", METHOD_OPTIONS},
};

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int
web_request_decode(struct jb_str in, struct jb_arena *arena, struct jb_error *err,
                   struct jb_str *ret_out)
{
    char *out = jb_arena_alloc(arena, in.n + 1);
    size_t n = 0;

    if (!out)
        return jb_fail(err, JB_ENOMEM, "the request is too large");
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            int high = i + 2 < in.n ? hex_value(in.p[i + 1]) : -1;
            int low = high >= 0 ? hex_value(in.p[i + 2]) : -1;
            if (low < 0)
                return jb_fail(err, JB_EINVAL, "the address has a broken %%-escape");
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0')
            return jb_fail(err, JB_EINVAL, "the address holds a NUL character");
        out[n++] = c;
    }
    if (jb_utf8_valid(out, n) != n)
        return jb_fail(err, JB_EINVAL, "the address is not UTF-8");
    *ret_out = (struct jb_str){out, n};
    return 0;
}

static struct jb_str
param_copy(request_param_fn param, const void *ctx, const char *name, struct jb_arena *arena,
           bool *failed)
{
    const char *value = param(ctx, name);
    size_t n = value ? strlen(value) : 0;
    const char *copy = jb_arena_dup(arena, value ? value : "", n);

    if (!copy)
        *failed = true;
    return (struct jb_str){copy, copy ? n : 0};
}

static bool
starts_with(struct jb_str s, const char *prefix, size_t n)
{
    return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

/* Removes a prefix that must end at a '/' or at the end; what is left starts with '/'. */
static bool
take_prefix(struct jb_str *path, const char *prefix)
{
    size_t n = strlen(prefix);

    if (!starts_with(*path, prefix, n) || (path->n > n && path->p[n] != '/'))
        return false;
    path->p += n;
    path->n -= n;
    if (path->n == 0)
        *path = JB_STR("/");
    return true;
}

int
web_request_read(const struct conf *conf, request_param_fn param, const void *ctx,
                 struct jb_arena *arena, struct jb_error *err, struct web_request *ret_request)
{
    struct web_request r = {.arena = arena, .method = METHOD_OTHER};
    bool failed = false;
    const char *method = param(ctx, "REQUEST_METHOD");

    for (size_t i = 0; method && i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(method, methods[i].name) == 0)
            r.method = methods[i].method;
    /* nginx's $document_uri: decoded, dots and double slashes removed. */
    r.path = param_copy(param, ctx, "DOCUMENT_URI", arena, &failed);
    r.query = param_copy(param, ctx, "QUERY_STRING", arena, &failed);
    r.origin = param_copy(param, ctx, "HTTP_ORIGIN", arena, &failed);
    r.accept = param_copy(param, ctx, "HTTP_ACCEPT", arena, &failed);
    r.accept_encoding = param_copy(param, ctx, "HTTP_ACCEPT_ENCODING", arena, &failed);
    r.if_none_match = param_copy(param, ctx, "HTTP_IF_NONE_MATCH", arena, &failed);
    r.cors_method =
        param_copy(param, ctx, "HTTP_ACCESS_CONTROL_REQUEST_METHOD", arena, &failed);
    r.cors_headers =
        param_copy(param, ctx, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS", arena, &failed);
    r.host = param_copy(param, ctx, "HTTP_HOST", arena, &failed);
    r.authorization = param_copy(param, ctx, "HTTP_AUTHORIZATION", arena, &failed);
    if (failed)
        return jb_fail(err, JB_ENOMEM, "the request is too large");
    if (jb_utf8_valid(r.path.p, r.path.n) != r.path.n)
        return jb_fail(err, JB_EINVAL, "the address is not UTF-8");
    if (conf->site.mount[0] && !take_prefix(&r.path, conf->site.mount))
        return jb_fail(err, JB_ENOENT, "this address is outside the board");
    r.prefixed = take_prefix(&r.path, "/gradio_api");
    /* A trailing slash means the same; Gradio clients use both forms. */
    if (r.path.n > 1 && r.path.p[r.path.n - 1] == '/' && !jb_str_is(r.path, "/zh/") &&
        !jb_str_is(r.path, "/en/"))
        r.path.n--;
    *ret_request = r;
    return 0;
}

static struct jb_str
trim(struct jb_str s)
{
    while (s.n && (*s.p == ' ' || *s.p == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Takes what stands before `separator`; false at the end. */
static bool
next_part(struct jb_str *rest, char separator, struct jb_str *ret_part)
{
    if (!rest->p)
        return false;
    const char *end = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    *ret_part = trim((struct jb_str){rest->p, n});
    if (end)
        *rest = (struct jb_str){end + 1, rest->n - n - 1};
    else
        *rest = (struct jb_str){NULL, 0};
    return true;
}

static bool
quality_is_zero(struct jb_str parameters)
{
    struct jb_str part;

    while (next_part(&parameters, ';', &part)) {
        if (part.n < 3 || (part.p[0] | 32) != 'q' || part.p[1] != '=')
            continue;
        for (size_t i = 2; i < part.n; i++)
            if (part.p[i] >= '1' && part.p[i] <= '9')
                return false;
        return true;
    }
    return false;
}

/* The next item of an Accept field: its name without parameters. */
static bool
next_accepted(struct jb_str *rest, struct jb_str *ret_name, bool *ret_allowed)
{
    struct jb_str name, parameters = {NULL, 0};

    if (!next_part(rest, ',', &name))
        return false;
    const char *semicolon = name.n ? memchr(name.p, ';', name.n) : NULL;
    if (semicolon) {
        size_t n = (size_t)(semicolon - name.p);
        parameters = (struct jb_str){semicolon + 1, name.n - n - 1};
        name.n = n;
    }
    *ret_name = trim(name);
    *ret_allowed = !quality_is_zero(parameters);
    return true;
}

bool
web_request_accepts_gzip(struct jb_str accept_encoding)
{
    bool any = false, any_allowed = false, allowed;
    struct jb_str name;

    while (accept_encoding.n && next_accepted(&accept_encoding, &name, &allowed)) {
        if (name.n == 4 && strncasecmp(name.p, "gzip", 4) == 0)
            return allowed;
        if (jb_str_is(name, "*")) {
            any = true;
            any_allowed = allowed;
        }
    }
    return any && any_allowed;
}

bool
web_request_wants_html(struct jb_str accept)
{
    struct jb_str name;
    bool allowed;

    while (accept.n && next_accepted(&accept, &name, &allowed))
        if (name.n == 9 && strncasecmp(name.p, "text/html", 9) == 0)
            return allowed;
    return false;
}

bool
web_request_etag_matches(struct jb_str if_none_match, struct jb_str etag)
{
    struct jb_str item;

    while (if_none_match.n && next_part(&if_none_match, ',', &item)) {
        if (jb_str_is(item, "*"))
            return true;
        if (starts_with(item, "W/", 2)) {
            item.p += 2;
            item.n -= 2;
        }
        if (jb_str_eq(item, etag))
            return true;
    }
    return false;
}

bool
web_request_query_value(const struct web_request *request, const char *key,
                        struct jb_str *ret_value)
{
    UriQueryListA *list = NULL;
    int count;
    bool found = false;

    if (uriDissectQueryMallocA(&list, &count, request->query.p,
                               request->query.p + request->query.n) != URI_SUCCESS)
        return false;
    for (const UriQueryListA *q = list; q && !found; q = q->next) {
        if (strcmp(q->key, key) != 0)
            continue;
        const char *value = q->value ? q->value : "";
        size_t n = strlen(value);
        const char *copy = jb_arena_dup(request->arena, value, n);
        if (copy && jb_utf8_valid(copy, n) == n) {
            *ret_value = (struct jb_str){copy, n};
            found = true;
        }
        break;
    }
    uriFreeQueryListA(list);
    return found;
}
