/* SPDX-License-Identifier: Apache-2.0 */
/* The half of store/document.h that is about model_infos.json. */
#include "harness/jsontext.h"
#include "store/document.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <string.h>

static const struct jsontext_limits limits = {.bytes = 1 << 20, .depth = 32, .values = 20000};

#define TAGS_MAX 1000

/* "mit", or ["mit", "other"] -> "mit, other". */
static const char *
license_of(const cJSON *item, struct jb_arena *arena)
{
    const cJSON *part;
    struct jb_buf joined = JB_BUF(1024);
    const char *text;

    if (cJSON_IsString(item))
        return document_clean_text(item->valuestring, arena);
    if (!cJSON_IsArray(item))
        return "";
    cJSON_ArrayForEach(part, item)
    {
        if (!cJSON_IsString(part) || joined.n + strlen(part->valuestring) > 500)
            continue;
        if (joined.n)
            jb_buf_puts(&joined, ", ");
        jb_buf_puts(&joined, part->valuestring);
    }
    text = joined.err ? NULL : document_clean_text(joined.n ? joined.p : "", arena);
    jb_buf_free(&joined);
    return text;
}

static int
read_tags(const cJSON *list, struct jb_arena *arena, struct jb_error *err, struct model_info *m)
{
    const char **tags = jb_arena_array(arena, TAGS_MAX, sizeof(*tags));
    const cJSON *item;

    if (!tags)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    if (cJSON_IsArray(list))
        cJSON_ArrayForEach(item, list)
        {
            if (!cJSON_IsString(item) || strlen(item->valuestring) > STORE_NAME_MAX)
                continue;
            if (m->n_tags == TAGS_MAX)
                return jb_fail(err, JB_ETOOBIG, "more than %d tags", TAGS_MAX);
            tags[m->n_tags] = document_clean_text(item->valuestring, arena);
            if (!tags[m->n_tags])
                return jb_fail(err, JB_ENOMEM, "out of memory");
            m->n_tags++;
        }
    m->tags = tags;
    return 0;
}

int
document_model_read(const char *model, struct jb_str doc, struct jb_arena *arena,
                    struct jb_error *err, struct model_info *ret_model)
{
    struct model_info m = {.likes = NAN, .still_on_hub = true};
    const cJSON *item;
    cJSON *root = NULL;
    int rc;

    rc = document_model_check(model, err);
    if (!rc)
        rc = jsontext_parse(doc, &limits, err, &root);
    if (rc)
        return rc;
    if (!cJSON_IsObject(root)) {
        rc = jb_fail(err, JB_EUNPROC, "not a JSON object");
        goto out;
    }
    item = cJSON_GetObjectItemCaseSensitive(root, "likes");
    if (cJSON_IsNumber(item) && isfinite(item->valuedouble) && item->valuedouble >= 0)
        m.likes = item->valuedouble;
    m.still_on_hub = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(root, "still_on_hub"));
    rc = read_tags(cJSON_GetObjectItemCaseSensitive(root, "tags"), arena, err, &m);
    if (rc)
        goto out;
    m.license = license_of(cJSON_GetObjectItemCaseSensitive(root, "license"), arena);
    m.model = jb_arena_dup(arena, model, strlen(model));
    m.doc = (struct jb_str){jb_arena_dup(arena, doc.p, doc.n), doc.n};
    if (!m.license || !m.model || !m.doc.p) {
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
        goto out;
    }
    *ret_model = m;
out:
    cJSON_Delete(root);
    return rc;
}

enum { LIKES, LICENSE, ON_HUB, TAGS, MEMBERS };
static const char *const names[MEMBERS] = {"likes", "license", "still_on_hub", "tags"};

static bool
same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool
same_member(const struct model_info *a, const struct model_info *b, int member)
{
    switch (member) {
    case LIKES: return a->likes == b->likes || (isnan(a->likes) && isnan(b->likes));
    case LICENSE: return same_text(a->license, b->license);
    case ON_HUB: return a->still_on_hub == b->still_on_hub;
    default:
        if (a->n_tags != b->n_tags)
            return false;
        for (size_t i = 0; i < a->n_tags; i++)
            if (!same_text(a->tags[i], b->tags[i]))
                return false;
        return true;
    }
}

static void
put_member(struct jb_buf *out, const struct model_info *m, int member)
{
    switch (member) {
    case LIKES:
        if (isfinite(m->likes) && m->likes >= 0 && m->likes < 1e15)
            jb_buf_printf(out, "%lld", (long long)m->likes);
        else
            jb_buf_puts(out, "null");
        break;
    case LICENSE: document_put_string(out, m->license ? m->license : "", true); break;
    case ON_HUB: jb_buf_puts(out, m->still_on_hub ? "true" : "false"); break;
    default:
        jb_buf_putc(out, '[');
        for (size_t i = 0; i < m->n_tags; i++) {
            if (i)
                jb_buf_puts(out, ", ");
            document_put_string(out, m->tags[i], true);
        }
        jb_buf_putc(out, ']');
    }
}

int
document_model_write(const struct model_info *model, struct jb_arena *arena,
                     struct jb_error *err, struct jb_buf *out)
{
    struct document_change changes[MEMBERS];
    struct jb_buf values = JB_BUF(1 << 20);
    struct model_info was = {0};
    size_t n = 0;
    int rc = 0;

    if (model->doc.n) {
        rc = document_model_read(model->model, model->doc, arena, err, &was);
        if (rc)
            return rc;
    }
    for (int i = 0; i < MEMBERS; i++) {
        char *copy;

        if (model->doc.n && same_member(&was, model, i))
            continue;
        jb_buf_reset(&values);
        put_member(&values, model, i);
        copy = values.err ? NULL : jb_arena_dup(arena, values.p, values.n);
        if (!copy) {
            rc = jb_fail(err, JB_ENOMEM, "out of memory");
            goto out;
        }
        changes[n++] = (struct document_change){names[i], {copy, values.n}};
    }
    if (n)
        rc = document_splice(model->doc.n ? model->doc : JB_STR("{}"), changes, n, err, out);
    else
        jb_buf_str(out, model->doc);
out:
    jb_buf_free(&values);
    return rc;
}
