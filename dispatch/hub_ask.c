/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/hub_ask.h"

#include "base/text.h"
#include "dispatch/hub_parse.h"

#include <string.h>

#define URL_MAX 4096

static const char *
keep(struct jb_arena *arena, const char *text, int *rc)
{
    const char *copy = jb_arena_dup(arena, text ? text : "", text ? strlen(text) : 0);

    if (!copy)
        *rc = JB_ENOMEM;
    return copy;
}

int
hub_place_copy(struct http *http, const struct conf *conf, const char *url, const char *token,
               struct jb_arena *arena, struct hub_place *ret_place)
{
    struct hub_place place = {.http = http};
    const char **hosts = jb_arena_array(arena, conf->hub.redirect_hosts.n + 1, sizeof *hosts);
    int rc = hosts ? 0 : JB_ENOMEM;

    http_request_init(&place.request, conf);
    place.url = keep(arena, url, &rc);
    place.token = keep(arena, token, &rc);
    place.request.proxy = keep(arena, conf->hub.proxy, &rc);
    for (size_t i = 0; !rc && i < conf->hub.redirect_hosts.n; i++)
        hosts[i] = keep(arena, conf->hub.redirect_hosts.items[i], &rc);
    place.request.redirect_hosts = hosts;
    place.request.token = place.token;
    if (!rc)
        *ret_place = place;
    return rc;
}

int
hub_query_copy(const struct hub_query *query, struct jb_arena *arena,
               struct hub_query *ret_query)
{
    const char *revision = query->revision && *query->revision ? query->revision : "main";
    int rc = 0;
    struct hub_query q = {.model = keep(arena, query->model, &rc),
                          .revision = keep(arena, revision, &rc),
                          .precision = keep(arena, query->precision, &rc),
                          .weight_type = keep(arena, query->weight_type, &rc),
                          .base_model = keep(arena, query->base_model, &rc),
                          .private_ = query->private_};

    if (!rc)
        *ret_query = q;
    return rc;
}

const char *
hub_info_url(const struct hub_place *place, struct jb_arena *arena, const char *model,
             const char *revision)
{
    struct jb_buf b = JB_BUF(URL_MAX);
    const char *url;

    jb_buf_printf(&b, "%s/api/models/", place->url);
    jb_put_url_path(&b, jb_str(model));
    jb_buf_puts(&b, "/revision/");
    /* One segment: a slash in the name of a branch is %2F. */
    jb_put_url_query(&b, jb_str(revision));
    url = b.err ? NULL : jb_arena_dup(arena, b.p, b.n);
    jb_buf_free(&b);
    return url;
}

const char *
hub_file_url(const struct hub_place *place, struct jb_arena *arena, const char *model,
             const char *commit, const char *file)
{
    struct jb_buf b = JB_BUF(URL_MAX);
    const char *url;

    jb_buf_printf(&b, "%s/", place->url);
    jb_put_url_path(&b, jb_str(model));
    jb_buf_printf(&b, "/resolve/%s/", commit);
    jb_put_url_path(&b, jb_str(file));
    url = b.err ? NULL : jb_arena_dup(arena, b.p, b.n);
    jb_buf_free(&b);
    return url;
}

static enum hub_said
by_code(const char *code)
{
    static const struct {
        const char *code;
        enum hub_said said;
    } codes[] = {
        {"GatedRepo", HUB_GATED},
        {"RepoNotFound", HUB_NO_REPO},
        {"RevisionNotFound", HUB_NO_REVISION},
        {"EntryNotFound", HUB_NO_FILE},
        {"DisabledRepo", HUB_NO_REPO},
    };

    for (size_t i = 0; code && i < sizeof codes / sizeof *codes; i++)
        if (strcmp(code, codes[i].code) == 0)
            return codes[i].said;
    return HUB_YES;
}

static enum hub_said
by_status(const struct http_answer *a, bool file)
{
    static const char bad_revision[] = "Invalid rev id";

    switch (a->status) {
    case 401:
    case 403: return HUB_NO_REPO;
    case 404:
        if (!file && a->body.n &&
            memmem(a->body.p, a->body.n, bad_revision, sizeof bad_revision - 1))
            return HUB_NO_REVISION;
        return file ? HUB_NO_FILE : HUB_NO_REPO;
    case 410:
    case 451: return HUB_NO_REPO;
    case 407:
    case 408:
    case 425:
    case 429: return HUB_LATER;
    default: return a->status >= 500 ? HUB_LATER : HUB_ODD;
    }
}

enum hub_said
hub_said(const struct hub_place *place, const struct http_answer *a, bool file,
         struct jb_arena *arena, const char **ret_reason)
{
    enum hub_said said;

    *ret_reason = "";
    if (a->outcome == HTTP_ANSWERED && (a->status == 200 || a->status == 206))
        return HUB_YES;
    if (a->outcome != HTTP_ANSWERED) {
        *ret_reason = hub_clean(arena, a->reason, 200);
        return a->outcome == HTTP_TOO_LARGE ? HUB_ODD : HUB_LATER;
    }
    said = a->status >= 400 && a->status < 500 ? by_code(a->error_code) : HUB_YES;
    if (said == HUB_YES && a->status == 401 && *place->token) {
        /* It would say of every model that it is not there. */
        *ret_reason = "the hub does not take our token (status 401)";
        return HUB_LATER;
    }
    if (said == HUB_YES)
        said = by_status(a, file);
    *ret_reason = a->error_code ? jb_arena_printf(arena, "the hub answered %d, %s", a->status,
                                                  hub_clean(arena, a->error_code, 40))
                                : jb_arena_printf(arena, "the hub answered %d", a->status);
    return said;
}
