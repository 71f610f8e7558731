/* SPDX-License-Identifier: Apache-2.0 */
#include "fcgi/router.h"

#include <string.h>

static bool
pattern_matches(const char *pattern, struct jb_str path, struct jb_str param[2])
{
    size_t at = 0, n_param = 0;

    for (const char *p = pattern; *p;) {
        if (strncmp(p, "{*}", 3) == 0) {
            param[n_param] = (struct jb_str){path.p + at, path.n - at};
            return path.n > at;
        }
        if (strncmp(p, "{}", 2) == 0) {
            const char *end = path.n > at ? memchr(path.p + at, '/', path.n - at) : NULL;
            size_t n = end ? (size_t)(end - path.p) - at : path.n - at;
            if (n == 0)
                return false;
            param[n_param++] = (struct jb_str){path.p + at, n};
            at += n;
            p += 2;
            continue;
        }
        if (at >= path.n || path.p[at] != *p)
            return false;
        at++;
        p++;
    }
    return at == path.n;
}

static unsigned
route_methods(const struct route *r)
{
    unsigned methods = r->methods;

    if (methods & METHOD_GET)
        methods |= METHOD_HEAD;
    if (r->flags & (ROUTE_GRADIO | ROUTE_BARE | ROUTE_JSON))
        methods |= METHOD_OPTIONS;
    return methods;
}

const struct route *
route_find(struct web_request *request, unsigned *ret_allow, unsigned *ret_flags)
{
    unsigned allow = 0, flags = 0;

    for (size_t i = 0; i < routes_count; i++) {
        const struct route *r = &routes[i];
        struct jb_str param[2] = {{NULL, 0}, {NULL, 0}};
        if (request->prefixed ? !(r->flags & ROUTE_GRADIO) : (r->flags & ROUTE_NEW) != 0)
            continue;
        if (!pattern_matches(r->pattern, request->path, param))
            continue;
        unsigned methods = route_methods(r);
        if (methods & request->method) {
            memcpy(request->param, param, sizeof(param));
            *ret_allow = methods;
            *ret_flags = r->flags;
            return r;
        }
        allow |= methods;
        flags |= r->flags;
    }
    *ret_allow = allow;
    *ret_flags = flags;
    return NULL;
}

void
route_put_allow(unsigned methods, struct jb_buf *out)
{
    static const struct {
        enum method bit;
        const char *name;
    } names[] = {{METHOD_GET, "GET"},
                 {METHOD_HEAD, "HEAD"},
                 {METHOD_POST, "POST"},
                 {METHOD_OPTIONS, "OPTIONS"}};
    const char *separator = "";

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!(methods & names[i].bit))
            continue;
        jb_buf_printf(out, "%s%s", separator, names[i].name);
        separator = ", ";
    }
}

bool
route_is_api_path(const struct web_request *request)
{
    static const char *const folders[] = {"/api", "/run", "/call", "/queue", "/heartbeat"};
    struct jb_str path = request->path;

    if (request->prefixed)
        return true;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        size_t n = strlen(folders[i]);
        if (path.n >= n && memcmp(path.p, folders[i], n) == 0 &&
            (path.n == n ? strcmp(folders[i], "/queue") != 0 : path.p[n] == '/'))
            return true; /* /queue itself is a page */
    }
    return false;
}
