/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "store/document.h"

#include "base/json.h"
#include "base/text.h"
#include "harness/jsontext.h"

#include <stdint.h>
#include <string.h>

int
document_model_check(const char *model, struct jb_error *err)
{
    size_t n = strlen(model), slashes = 0, part = 0;

    if (n == 0 || n > 128)
        return jb_fail(err, JB_EUNPROC, "a model name has 1 to 128 bytes");
    if (jb_utf8_valid(model, n) != n)
        return jb_fail(err, JB_EUNPROC, "the model name is not UTF-8");
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t len = jb_utf8_decode(model + i, n - i, &cp);

        if (cp < 0x20 || cp == '\\' || jb_cp_forbidden(cp))
            return jb_fail(err, JB_EUNPROC,
                           "the model name holds a character that no name has");
        i += len;
    }
    for (size_t i = 0; i <= n; i++) {
        if (i < n && model[i] != '/')
            continue;
        if (i == part || (i - part <= 2 && strspn(model + part, ".") >= i - part))
            return jb_fail(err, JB_EUNPROC,
                           "a part of the model name is empty or made of dots");
        slashes += i < n;
        part = i + 1;
    }
    if (slashes > 1)
        return jb_fail(err, JB_EUNPROC, "the model name has more than one slash");
    return 0;
}

const char *
document_clean_text(const char *text, struct jb_arena *arena)
{
    size_t n = strnlen(text, 512), out = 0;
    char *copy;

    while (n > 0 && jb_utf8_valid(text, n) != n)
        n--;
    copy = jb_arena_dup(arena, text, n);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t len = jb_utf8_decode(text + i, n - i, &cp);

        if (cp >= 0x20 && !jb_cp_forbidden(cp)) {
            memmove(copy + out, text + i, len);
            out += len;
        }
        i += len;
    }
    copy[out] = '\0';
    return copy;
}

void
document_put_string(struct jb_buf *out, const char *text, bool ascii)
{
    size_t n = strlen(text), plain = 0;
    uint32_t cp;

    if (!ascii || jb_utf8_valid(text, n) != n) {
        jb_put_json(out, (struct jb_str){text, n});
        return;
    }
    jb_buf_putc(out, '"');
    for (size_t i = 0; i < n;) {
        size_t len = jb_utf8_decode(text + i, n - i, &cp);

        if (cp >= 0x20 && cp < 0x7f && cp != '"' && cp != '\\') {
            i += len;
            continue;
        }
        jb_buf_put(out, text + plain, i - plain);
        i += len;
        plain = i;
        if (cp == '"' || cp == '\\')
            jb_buf_printf(out, "\\%c", (char)cp);
        else if (cp == '\n' || cp == '\r' || cp == '\t')
            jb_buf_puts(out, cp == '\n' ? "\\n" : cp == '\r' ? "\\r" : "\\t");
        else if (cp < 0x10000)
            jb_buf_printf(out, "\\u%04x", (unsigned)cp);
        else
            jb_buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (unsigned)((cp - 0x10000) >> 10),
                          0xdc00 + (unsigned)((cp - 0x10000) & 0x3ff));
    }
    jb_buf_put(out, text + plain, n - plain);
    jb_buf_putc(out, '"');
}

static const struct document_change *
change_for(struct jb_str key, const struct document_change *changes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (jsontext_key_is(key, changes[i].member))
            return &changes[i];
    return NULL;
}

static bool
has_member(struct jb_str object, const char *name)
{
    struct jsontext_member m;

    for (size_t at = 0; jsontext_next(object, &at, &m);)
        if (jsontext_key_is(m.key, name))
            return true;
    return false;
}

/* How members stand in an object: what is before a key, and between a key and its value. */
struct manner {
    struct jb_str before, between;
    size_t end; /* offset past the last value, or past the brace of an empty object */
    bool empty;
};

static void
learn_manner(struct jb_str object, struct manner *m)
{
    struct jsontext_member member;
    size_t before = 0;

    *m = (struct manner){.before = JB_STR(" "), .between = JB_STR(": "), .empty = true};
    while (m->end < object.n && object.p[m->end] != '{')
        m->end++;
    before = ++m->end;
    for (size_t at = 0; jsontext_next(object, &at, &member);) {
        size_t key = (size_t)(member.key.p - object.p) - 1;

        /* past the comma: what the second and later members have, since `{"a"` often has none
         */
        if (!m->empty)
            before = m->end + strcspn(object.p + m->end, ",") + 1;
        m->before = (struct jb_str){object.p + before, key - before};
        m->between =
            (struct jb_str){member.key.p + member.key.n + 1,
                            (size_t)(member.value.p - (member.key.p + member.key.n + 1))};
        m->end = at;
        if (m->empty && m->before.n == 0)
            m->before = JB_STR(" ");
        m->empty = false;
    }
}

int
document_splice(struct jb_str object, const struct document_change *changes, size_t n,
                struct jb_error *err, struct jb_buf *out)
{
    struct jsontext_member member;
    struct manner manner;
    size_t done = 0, start = 0;

    while (start < object.n && strchr(" \t\r\n", object.p[start]))
        start++;
    if (start == object.n || object.p[start] != '{')
        return jb_fail(err, JB_EUNPROC, "not a JSON object");
    learn_manner(object, &manner);
    for (size_t at = 0; jsontext_next(object, &at, &member);) {
        const struct document_change *change = change_for(member.key, changes, n);
        size_t value = (size_t)(member.value.p - object.p);

        if (!change)
            continue;
        jb_buf_put(out, object.p + done, value - done);
        jb_buf_str(out, change->value);
        done = value + member.value.n;
    }
    if (done < manner.end) {
        jb_buf_put(out, object.p + done, manner.end - done);
        done = manner.end;
    }
    for (size_t i = 0; i < n; i++) {
        if (has_member(object, changes[i].member))
            continue;
        if (!manner.empty) {
            jb_buf_putc(out, ',');
            jb_buf_str(out, manner.before);
        }
        manner.empty = false;
        document_put_string(out, changes[i].member, true);
        jb_buf_str(out, manner.between);
        jb_buf_str(out, changes[i].value);
    }
    jb_buf_put(out, object.p + done, object.n - done);
    return out->err ? jb_fail(err, out->err, "%s", jb_strerror(out->err)) : 0;
}
