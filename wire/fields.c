/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/fields.h"

#include "base/json.h"
#include "base/text.h"
#include "harness/jsontext.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <string.h>

enum {
    VALUES_MAX = 65536, /* of one message */
    DEPTH_MAX = 8,
    MEMBERS_MAX = 32, /* of one table */
};

/* --- writing ------------------------------------------------------------------------------ */

static void put_object(struct jb_json *j, const struct field *table, const char *from);

static size_t
count_of(const struct field *f, const char *from)
{
    size_t n;

    memcpy(&n, from + f->count, sizeof(n));
    return n;
}

static void
put_double(struct jb_json *j, const char *at)
{
    double d;

    memcpy(&d, at, sizeof(d));
    jb_json_double(j, d);
}

static void
put_int(struct jb_json *j, const char *at)
{
    int64_t n;

    memcpy(&n, at, sizeof(n));
    jb_json_int(j, n);
}

static void
put_bool(struct jb_json *j, const char *at)
{
    bool b;

    memcpy(&b, at, sizeof(b));
    jb_json_bool(j, b);
}

static const char *
text_at(const char *at)
{
    const char *text;

    memcpy(&text, at, sizeof(text));
    return text ? text : "";
}

static void
put_word(struct jb_json *j, const struct field *f, const char *at)
{
    int word;

    memcpy(&word, at, sizeof(word));
    jb_json_text(j, word >= 0 && word < f->max ? f->words[word] : "");
}

static void
put_items(struct jb_json *j, const struct field *f, const char *from)
{
    size_t n = count_of(f, from);
    const char *items;

    memcpy(&items, from + f->offset, sizeof(items));
    jb_json_array(j);
    for (size_t i = 0; i < n; i++) {
        if (f->type == FIELD_TEXTS)
            jb_json_text(j, text_at(items + i * sizeof(const char *)));
        else
            put_object(j, f->items, items + i * f->item_size);
    }
    jb_json_end(j);
}

static void
put_object(struct jb_json *j, const struct field *table, const char *from)
{
    jb_json_object(j);
    for (const struct field *f = table; f->name; f++) {
        const char *at = from + f->offset;

        jb_json_key(j, f->name);
        switch (f->type) {
        case FIELD_TEXT:
        case FIELD_LINES: jb_json_text(j, text_at(at)); break;
        case FIELD_CHARS: jb_json_text(j, at); break;
        case FIELD_INT: put_int(j, at); break;
        case FIELD_NUMBER:
        case FIELD_MAYBE: put_double(j, at); break;
        case FIELD_BOOL: put_bool(j, at); break;
        case FIELD_WORD: put_word(j, f, at); break;
        case FIELD_TEXTS:
        case FIELD_LIST: put_items(j, f, from); break;
        case FIELD_GROUP: put_object(j, f->items, at); break;
        }
    }
    jb_json_end(j);
}

void
fields_put(const struct field *table, const void *from, struct jb_buf *out)
{
    struct jb_json j;

    jb_json_init(&j, out);
    put_object(&j, table, from);
    int rc = jb_json_finish(&j);
    if (rc && !out->err)
        out->err = rc;
}

/* --- reading ------------------------------------------------------------------------------ */

struct reading {
    struct jb_arena *arena;
    struct jb_error *err;
};

static int read_object(struct reading *r, const struct field *table, const cJSON *json,
                       char *to);

static int
no_memory(struct reading *r)
{
    return jb_fail(r->err, JB_ENOMEM, "out of memory");
}

static int
check_text(struct reading *r, const cJSON *json, int64_t min, int64_t max, bool lines)
{
    if (!cJSON_IsString(json))
        return jb_fail(r->err, JB_EUNPROC, "must be a text");
    size_t n = strlen(json->valuestring);
    if ((int64_t)n < min || (int64_t)n > max)
        return jb_fail(r->err, JB_EUNPROC, "must have %lld to %lld bytes", (long long)min,
                       (long long)max);
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        i += jb_utf8_decode(json->valuestring + i, n - i, &cp);
        if (jb_cp_forbidden(cp) || (cp == '\n' && !lines) || cp == '\t')
            return jb_fail(r->err, JB_EUNPROC, "holds a control character");
    }
    return 0;
}

static int
read_text(struct reading *r, const cJSON *json, int64_t min, int64_t max, bool lines, char *to)
{
    const char *copy;
    int rc = check_text(r, json, min, max, lines);

    if (rc)
        return rc;
    copy = jb_arena_dup(r->arena, json->valuestring, strlen(json->valuestring));
    if (!copy)
        return no_memory(r);
    memcpy(to, &copy, sizeof(copy));
    return 0;
}

static int
read_chars(struct reading *r, const struct field *f, const cJSON *json, char *to)
{
    int rc = check_text(r, json, f->min, f->max, false);

    if (rc)
        return rc;
    memcpy(to, json->valuestring, strlen(json->valuestring) + 1);
    return 0;
}

static int
read_number(struct reading *r, const struct field *f, const cJSON *json, char *to)
{
    double d = NAN;

    if (f->type != FIELD_MAYBE || !cJSON_IsNull(json)) {
        if (!cJSON_IsNumber(json))
            return jb_fail(r->err, JB_EUNPROC, "must be a number");
        d = json->valuedouble;
        if (!(d >= (double)f->min && d <= (double)f->max))
            return jb_fail(r->err, JB_EUNPROC, "must be between %lld and %lld",
                           (long long)f->min, (long long)f->max);
    }
    if (f->type == FIELD_INT) {
        int64_t n = (int64_t)d;
        if ((double)n != d)
            return jb_fail(r->err, JB_EUNPROC, "must be a whole number");
        memcpy(to, &n, sizeof(n));
    } else {
        memcpy(to, &d, sizeof(d));
    }
    return 0;
}

static int
read_bool(struct reading *r, const cJSON *json, char *to)
{
    bool b = cJSON_IsTrue(json);

    if (!cJSON_IsBool(json))
        return jb_fail(r->err, JB_EUNPROC, "must be true or false");
    memcpy(to, &b, sizeof(b));
    return 0;
}

static int
read_word(struct reading *r, const struct field *f, const cJSON *json, char *to)
{
    for (int i = 0; cJSON_IsString(json) && i < f->max; i++) {
        if (strcmp(json->valuestring, f->words[i]) == 0) {
            memcpy(to, &i, sizeof(i));
            return 0;
        }
    }
    return jb_fail(r->err, JB_EUNPROC, "is not a word that is known here");
}

static int
read_items(struct reading *r, const struct field *f, const cJSON *json, char *to)
{
    size_t size = f->type == FIELD_TEXTS ? sizeof(const char *) : f->item_size, n = 0;
    const cJSON *item;
    char *items = NULL;

    if (!cJSON_IsArray(json))
        return jb_fail(r->err, JB_EUNPROC, "must be a list");
    cJSON_ArrayForEach(item, json) n++;
    if ((int64_t)n < f->min || (int64_t)n > f->max)
        return jb_fail(r->err, JB_EUNPROC, "must have %lld to %lld items", (long long)f->min,
                       (long long)f->max);
    if (n && !(items = jb_arena_array(r->arena, n, size)))
        return no_memory(r);
    size_t i = 0;
    cJSON_ArrayForEach(item, json)
    {
        int rc = f->type == FIELD_TEXTS
                     ? read_text(r, item, 1, (int64_t)f->item_size, false, items + i * size)
                     : read_object(r, f->items, item, items + i * size);
        if (rc) {
            jb_error_prefix(r->err, "%zu", i);
            return rc;
        }
        i++;
    }
    memcpy(to + f->offset, &items, sizeof(items));
    memcpy(to + f->count, &n, sizeof(n));
    return 0;
}

static int
read_member(struct reading *r, const struct field *f, const cJSON *json, char *to)
{
    char *at = to + f->offset;

    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_LINES: return read_text(r, json, f->min, f->max, f->type == FIELD_LINES, at);
    case FIELD_CHARS: return read_chars(r, f, json, at);
    case FIELD_INT:
    case FIELD_NUMBER:
    case FIELD_MAYBE: return read_number(r, f, json, at);
    case FIELD_BOOL: return read_bool(r, json, at);
    case FIELD_WORD: return read_word(r, f, json, at);
    case FIELD_TEXTS:
    case FIELD_LIST: return read_items(r, f, json, to);
    case FIELD_GROUP: return read_object(r, f->items, json, at);
    }
    return jb_fail(r->err, JB_EINVAL, "no such type of field");
}

static int
read_object(struct reading *r, const struct field *table, const cJSON *json, char *to)
{
    bool seen[MEMBERS_MAX] = {false};
    const cJSON *member;

    if (!cJSON_IsObject(json))
        return jb_fail(r->err, JB_EUNPROC, "must be an object");
    cJSON_ArrayForEach(member, json)
    {
        size_t i = 0;

        while (table[i].name && strcmp(table[i].name, member->string) != 0)
            i++;
        if (!table[i].name || i >= MEMBERS_MAX)
            return jb_fail(r->err, JB_EUNPROC, "unknown member \"%.60s\"", member->string);
        if (seen[i])
            return jb_fail(r->err, JB_EUNPROC, "member \"%s\" is there twice", table[i].name);
        seen[i] = true;
        int rc = read_member(r, &table[i], member, to);
        if (rc) {
            jb_error_prefix(r->err, "%s", table[i].name);
            return rc;
        }
    }
    for (size_t i = 0; table[i].name; i++)
        if (i >= MEMBERS_MAX || !seen[i])
            return jb_fail(r->err, JB_EUNPROC, "member \"%s\" is missing", table[i].name);
    return 0;
}

int
fields_read(const struct field *table, struct jb_str json, size_t bytes, struct jb_arena *arena,
            struct jb_error *err, void *ret, size_t size)
{
    const struct jsontext_limits limits = {bytes, DEPTH_MAX, VALUES_MAX};
    struct reading r = {arena, err};
    cJSON *root = NULL;
    char *to = jb_arena_alloc(arena, size);
    int rc;

    if (!to)
        return no_memory(&r);
    rc = jsontext_parse(json, &limits, err, &root);
    if (!rc)
        rc = read_object(&r, table, root, to);
    cJSON_Delete(root);
    if (!rc)
        memcpy(ret, to, size);
    return rc;
}
