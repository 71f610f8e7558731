/* SPDX-License-Identifier: Apache-2.0 */
/* The request half of store/document.h. */
#include "store/document.h"

#include "base/clock.h"
#include "base/text.h"
#include "harness/jsontext.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <string.h>
#include <strings.h>

static const struct jsontext_limits limits = {
    .bytes = DOCUMENT_REQUEST_MAX, .depth = 32, .values = 20000};

#define NAME_MARK "_eval_request_"

static const cJSON *
member(const cJSON *root, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(root, key);
}

/* A string, the first string of a list, or a number as text; else "". */
static const char *
text_of(const cJSON *item, struct jb_arena *arena)
{
    if (cJSON_IsArray(item))
        item = item->child;
    if (cJSON_IsString(item))
        return document_clean_text(item->valuestring, arena);
    if (cJSON_IsNumber(item) && isfinite(item->valuedouble)) {
        char digits[JB_DOUBLE_SIZE];
        double d = item->valuedouble;

        if (d == floor(d) && fabs(d) < 1e15)
            return jb_arena_printf(arena, "%lld", (long long)d);
        jb_format_double(d, digits);
        return jb_arena_dup(arena, digits, strlen(digits));
    }
    return "";
}

static double
number_of(const cJSON *item)
{
    double d;

    if (cJSON_IsNumber(item) && isfinite(item->valuedouble) && item->valuedouble >= 0)
        return item->valuedouble;
    if (cJSON_IsString(item) && jb_parse_double(jb_str(item->valuestring), &d) == 0 && d >= 0)
        return d;
    return NAN;
}

/* The three parts of a file name after its mark: private, precision, weight type. */
struct name_parts {
    bool found, private_;
    const char *precision, *weight_type;
};

static const char *
weight_word(const char *word)
{
    static const char *const words[] = {"Original", "Delta", "Adapter"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(word, words[i]) == 0)
            return words[i];
    if (strcmp(word, "True") == 0)
        return "Delta"; /* the oldest names say whether it is one */
    if (strcmp(word, "False") == 0)
        return "Original";
    return word;
}

static int
read_name(const char *path, struct jb_arena *arena, struct name_parts *parts)
{
    const char *mark = NULL, *p = path, *first, *second, *end;
    char *weight;

    *parts = (struct name_parts){.precision = "", .weight_type = "Original"};
    while (p && (p = strstr(p, NAME_MARK)) != NULL)
        mark = p++;
    if (!mark)
        return 0;
    p = mark + strlen(NAME_MARK);
    first = strchr(p, '_');
    second = first ? strchr(first + 1, '_') : NULL;
    end = second ? strpbrk(second + 1, "_.") : NULL;
    if (!end)
        return 0;
    parts->found = true;
    parts->private_ = first - p == 4 && strncasecmp(p, "True", 4) == 0;
    parts->precision = jb_arena_dup(arena, first + 1, (size_t)(second - first - 1));
    weight = jb_arena_dup(arena, second + 1, (size_t)(end - second - 1));
    if (!parts->precision || !weight)
        return JB_ENOMEM;
    if (strcmp(parts->precision, "False") == 0)
        parts->precision = "float16"; /* the oldest names say whether it is 8 bit */
    else if (strcmp(parts->precision, "True") == 0)
        parts->precision = "8bit";
    parts->weight_type = weight_word(weight);
    return 0;
}

static bool
is_word(const char *text, size_t max)
{
    size_t n = strlen(text);

    return n <= max &&
           strspn(text,
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._?+-") == n;
}

static int
read_identity(const cJSON *root, const char *path, struct jb_arena *arena, struct jb_error *err,
              struct request *r)
{
    const cJSON *model = member(root, "model"), *revision = member(root, "revision");
    const cJSON *precision = member(root, "precision"), *weight = member(root, "weight_type");
    const cJSON *commit = member(root, "commit");
    struct name_parts parts;
    int rc;

    if (!cJSON_IsString(model))
        return jb_fail(err, JB_EUNPROC, "no \"model\"");
    rc = document_model_check(model->valuestring, err);
    if (rc)
        return rc;
    if (read_name(path, arena, &parts))
        return jb_fail(err, JB_ENOMEM, "out of memory");
    r->model = jb_arena_dup(arena, model->valuestring, strlen(model->valuestring));
    r->revision =
        cJSON_IsString(revision) && revision->valuestring[0]
            ? jb_arena_dup(arena, revision->valuestring, strlen(revision->valuestring))
            : "main";
    if (cJSON_IsString(precision)) {
        /* 2023: "8bit (LLM.int8)" */
        r->precision =
            jb_arena_dup(arena, precision->valuestring, strcspn(precision->valuestring, " "));
    } else if (cJSON_IsBool(member(root, "8bit_eval"))) {
        r->precision = cJSON_IsTrue(member(root, "8bit_eval")) ? "8bit" : "float16";
    } else {
        r->precision = parts.precision;
    }
    if (cJSON_IsString(weight))
        r->weight_type = jb_arena_dup(arena, weight->valuestring, strlen(weight->valuestring));
    else if (cJSON_IsBool(member(root, "is_delta_weight")))
        r->weight_type = cJSON_IsTrue(member(root, "is_delta_weight")) ? "Delta" : "Original";
    else
        r->weight_type = parts.weight_type;
    if (!r->model || !r->revision || !r->precision || !r->weight_type)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    r->weight_type = weight_word(r->weight_type);
    r->private_ = cJSON_IsBool(member(root, "private")) ? cJSON_IsTrue(member(root, "private"))
                                                        : parts.private_;
    if (strlen(r->revision) > 200 ||
        jb_utf8_valid(r->revision, strlen(r->revision)) != strlen(r->revision) ||
        strpbrk(r->revision, "\n\t") ||
        strcmp(document_clean_text(r->revision, arena), r->revision) != 0)
        return jb_fail(err, JB_EUNPROC, "\"revision\" is too long or holds control characters");
    if (!is_word(r->precision, 40))
        return jb_fail(err, JB_EUNPROC, "\"precision\" is not a word of at most 40 characters");
    if (!is_word(r->weight_type, 32) || !r->weight_type[0])
        return jb_fail(err, JB_EUNPROC,
                       "\"weight_type\" is not a word of at most 32 characters");
    r->commit = "";
    if (cJSON_IsString(commit) && jb_is_commit(jb_str(commit->valuestring)))
        r->commit = jb_arena_dup(arena, commit->valuestring, 40);
    else if (jb_is_commit(jb_str(r->revision)))
        r->commit = r->revision;
    return r->commit ? 0 : jb_fail(err, JB_ENOMEM, "out of memory");
}

static int
read_rest(const cJSON *root, struct jb_arena *arena, struct jb_error *err, struct request *r)
{
    const cJSON *status = member(root, "status"), *time = member(root, "submitted_time");

    if (!cJSON_IsString(status) || !status->valuestring[0])
        return jb_fail(err, JB_EUNPROC, "no \"status\"");
    r->status = text_of(status, arena);
    if (r->status && (strlen(r->status) > 64 || strcmp(r->status, status->valuestring) != 0))
        return jb_fail(err, JB_EUNPROC, "\"status\" is too long or holds control characters");
    r->base_model = text_of(member(root, "base_model"), arena);
    r->model_type = text_of(member(root, "model_type"), arena);
    r->architectures = text_of(member(root, "architectures"), arena);
    r->license = text_of(member(root, "license"), arena);
    r->job_id = text_of(member(root, "job_id"), arena);
    if (!r->status || !r->base_model || !r->model_type || !r->architectures || !r->license ||
        !r->job_id)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    if (strcmp(r->job_id, "-1") == 0)
        r->job_id = "";
    r->params = number_of(member(root, "params"));
    r->likes = number_of(member(root, "likes"));
    r->submitted = 0;
    if (cJSON_IsString(time) &&
        jb_time_parse(time->valuestring, strlen(time->valuestring), &r->submitted) != 0)
        r->submitted = 0;
    return 0;
}

/* Which of two would count? Readers differ, so neither does. */
static int
refuse_twins(struct jb_str doc, struct jb_error *err)
{
    static const char *const known[] = {
        "model",      "base_model",    "revision",    "private", "precision",
        "params",     "architectures", "weight_type", "status",  "submitted_time",
        "model_type", "job_id",        "likes",       "license", "commit"};
    bool seen[sizeof(known) / sizeof(known[0])] = {false};
    struct jsontext_member m;

    for (size_t at = 0; jsontext_next(doc, &at, &m);)
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            if (jsontext_key_is(m.key, known[i])) {
                if (seen[i])
                    return jb_fail(err, JB_EUNPROC, "\"%s\" stands there twice", known[i]);
                seen[i] = true;
            }
    return 0;
}

int
document_request_read(struct jb_str doc, const char *path, struct jb_arena *arena,
                      struct jb_error *err, struct request *ret_request)
{
    struct request r = {0};
    cJSON *root = NULL;
    int rc;

    rc = jsontext_parse(doc, &limits, err, &root);
    if (rc)
        return rc;
    if (!cJSON_IsObject(root)) {
        rc = jb_fail(err, JB_EUNPROC, "not a JSON object");
        goto out;
    }
    rc = refuse_twins(doc, err);
    if (!rc)
        rc = read_identity(root, path, arena, err, &r);
    if (!rc)
        rc = read_rest(root, arena, err, &r);
    if (rc)
        goto out;
    r.path = jb_arena_dup(arena, path ? path : "", path ? strlen(path) : 0);
    r.doc = (struct jb_str){jb_arena_dup(arena, doc.p, doc.n), doc.n};
    if (!r.path || !r.doc.p) {
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
        goto out;
    }
    *ret_request = r;
out:
    cJSON_Delete(root);
    return rc;
}

enum field_kind {
    FIELD_TEXT,
    FIELD_NUMBER,
    FIELD_COUNT,
    FIELD_TRUTH,
    FIELD_TIME,
    FIELD_JOB,
    FIELD_START
};

/* The members in the order of the submit handler; `extra` ones only when there is something. */
static const struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    bool extra;
} fields[] = {
#define AT(member) offsetof(struct request, member)
    {"model", FIELD_TEXT, AT(model), false},
    {"base_model", FIELD_TEXT, AT(base_model), false},
    {"revision", FIELD_TEXT, AT(revision), false},
    {"private", FIELD_TRUTH, AT(private_), false},
    {"precision", FIELD_TEXT, AT(precision), false},
    {"params", FIELD_NUMBER, AT(params), false},
    {"architectures", FIELD_TEXT, AT(architectures), false},
    {"weight_type", FIELD_TEXT, AT(weight_type), false},
    {"status", FIELD_TEXT, AT(status), false},
    {"submitted_time", FIELD_TIME, AT(submitted), false},
    {"model_type", FIELD_TEXT, AT(model_type), false},
    {"job_id", FIELD_JOB, AT(job_id), false},
    {"job_start_time", FIELD_START, 0, false},
    {"likes", FIELD_COUNT, AT(likes), true},
    {"license", FIELD_TEXT, AT(license), true},
    {"commit", FIELD_TEXT, AT(commit), true},
#undef AT
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static const char *
text_at(const struct request *r, const struct field *f)
{
    const char *text = *(const char *const *)((const char *)r + f->offset);

    return text ? text : "";
}

static double
number_at(const struct request *r, const struct field *f)
{
    return *(const double *)((const char *)r + f->offset);
}

static bool
field_same(const struct request *a, const struct request *b, const struct field *f)
{
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_JOB: return strcmp(text_at(a, f), text_at(b, f)) == 0;
    case FIELD_NUMBER:
    case FIELD_COUNT:
        return number_at(a, f) == number_at(b, f) ||
               (isnan(number_at(a, f)) && isnan(number_at(b, f)));
    case FIELD_TRUTH: return a->private_ == b->private_;
    case FIELD_TIME: return a->submitted == b->submitted;
    case FIELD_START: return true;
    }
    return true;
}

/* Is there anything to say in a member that only some documents have? */
static bool
field_says(const struct request *r, const struct field *f)
{
    if (f->kind == FIELD_COUNT)
        return !isnan(number_at(r, f));
    if (strcmp(f->name, "commit") == 0 && r->revision &&
        strcmp(text_at(r, f), r->revision) == 0)
        return false;
    return text_at(r, f)[0] != '\0';
}

static void
put_number(struct jb_buf *out, double d, bool whole)
{
    char digits[JB_DOUBLE_SIZE];

    if (!isfinite(d) || d == 0) {
        jb_buf_putc(out, '0');
    } else if (whole && d == floor(d) && fabs(d) < 1e15) {
        jb_buf_printf(out, "%lld", (long long)d);
    } else {
        jb_format_double(d, digits);
        jb_buf_puts(out, digits);
    }
}

/* `job_text`: job ids of the document at hand are strings. */
static void
put_field(struct jb_buf *out, const struct request *r, const struct field *f, bool ascii,
          bool job_text)
{
    const char *text;
    int64_t number;
    char time[JB_TIME_SIZE];

    switch (f->kind) {
    case FIELD_TEXT: document_put_string(out, text_at(r, f), ascii); break;
    case FIELD_NUMBER: put_number(out, number_at(r, f), false); break;
    case FIELD_COUNT: put_number(out, number_at(r, f), true); break;
    case FIELD_TRUTH: jb_buf_puts(out, r->private_ ? "true" : "false"); break;
    case FIELD_TIME:
        if (r->submitted) {
            jb_time_format(r->submitted, r->submitted % 1000000 != 0, time);
            document_put_string(out, time, ascii);
        } else {
            jb_buf_puts(out, "null");
        }
        break;
    case FIELD_JOB:
        text = text_at(r, f);
        if (!job_text && !text[0])
            jb_buf_puts(out, "-1");
        else if (!job_text && (text[0] != '0' || !text[1]) &&
                 jb_parse_int(jb_str(text), 0, INT64_MAX, &number) == 0)
            jb_buf_puts(out, text);
        else
            document_put_string(out, text, ascii);
        break;
    case FIELD_START: jb_buf_puts(out, "null"); break;
    }
}

/* When it began to run, in the form of the dataset: UTC without saying so. */
static void
put_started(struct jb_buf *out, int64_t started)
{
    char time[JB_TIME_SIZE];

    jb_time_format(started, 1, time);
    time[strcspn(time, "Z")] = '\0';
    document_put_string(out, time, true);
}

static int
add_change(const char *name, struct jb_buf *value, struct jb_arena *arena, struct jb_error *err,
           struct document_change *ret_change)
{
    char *copy = value->err ? NULL : jb_arena_dup(arena, value->p, value->n);

    *ret_change = (struct document_change){name, {copy, value->n}};
    jb_buf_free(value);
    return copy ? 0 : jb_fail(err, JB_ENOMEM, "out of memory");
}

static int
splice_changes(const struct request *r, int64_t started, struct jb_arena *arena,
               struct jb_error *err, struct jb_buf *out)
{
    struct document_change changes[FIELDS];
    struct jb_buf value = JB_BUF(1 << 16);
    struct request was;
    struct jsontext_member m;
    bool ascii = true, job_text = false;
    size_t n = 0;
    int rc;

    rc = document_request_read(r->doc, r->path, arena, err, &was);
    if (rc)
        return rc;
    for (size_t i = 0; i < r->doc.n && ascii; i++)
        ascii = (unsigned char)r->doc.p[i] < 0x80;
    for (size_t at = 0; jsontext_next(r->doc, &at, &m);)
        if (jsontext_key_is(m.key, "job_id"))
            job_text = m.value.p[0] == '"';
    for (size_t i = 0; i < FIELDS; i++) {
        if (fields[i].kind == FIELD_START ? !started : field_same(&was, r, &fields[i]))
            continue;
        if (fields[i].kind == FIELD_START)
            put_started(&value, started);
        else
            put_field(&value, r, &fields[i], ascii, job_text);
        rc = add_change(fields[i].name, &value, arena, err, &changes[n++]);
        if (rc)
            return rc;
    }
    if (n)
        return document_splice(r->doc, changes, n, err, out);
    jb_buf_str(out, r->doc);
    return out->err ? jb_fail(err, out->err, "%s", jb_strerror(out->err)) : 0;
}

int
document_request_write(const struct request *request, int64_t started, struct jb_arena *arena,
                       struct jb_error *err, struct jb_buf *out)
{
    bool first = true;

    if (request->doc.n)
        return splice_changes(request, started, arena, err, out);
    jb_buf_putc(out, '{');
    for (size_t i = 0; i < FIELDS; i++) {
        if (fields[i].extra && !field_says(request, &fields[i]))
            continue;
        if (!first)
            jb_buf_puts(out, ", ");
        first = false;
        document_put_string(out, fields[i].name, true);
        jb_buf_puts(out, ": ");
        if (fields[i].kind == FIELD_START && started)
            put_started(out, started);
        else
            put_field(out, request, &fields[i], true, false);
    }
    jb_buf_putc(out, '}');
    return out->err ? jb_fail(err, out->err, "%s", jb_strerror(out->err)) : 0;
}

char *
document_request_path(const struct request *request, struct jb_arena *arena)
{
    return jb_arena_printf(arena, "%s%s%s_%s_%s.json", request->model, NAME_MARK,
                           request->private_ ? "True" : "False", request->precision,
                           request->weight_type);
}
