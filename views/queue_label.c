/* SPDX-License-Identifier: Apache-2.0 */
#include "views/queue_label.h"

#include "base/clock.h"
#include "base/text.h"
#include "views/label.h"

#include <stdlib.h>
#include <string.h>

struct words {
    const char *zh, *en;
};

static const struct words states[QUEUE_STATE_MAX + 1] = {
    [QUEUE_SUBMITTED] = {"等待检查", "waits for the check"},
    [QUEUE_QUEUED] = {"排队中", "queued"},
    [QUEUE_LEASED] = {"正在分配", "being assigned"},
    [QUEUE_RUNNING] = {"评测中", "running"},
    [QUEUE_STORING] = {"正在收取结果", "storing the result"},
    [QUEUE_RETRY_WAIT] = {"等待重试", "waits for another try"},
    [QUEUE_CANCELLING] = {"正在取消", "being cancelled"},
    [QUEUE_FINISHED] = {"已完成", "finished"},
    [QUEUE_PENDING_NEW_EVAL] = {"已完成，待新一轮评测", "finished, to be evaluated anew"},
    [QUEUE_FAILED] = {"失败", "failed"},
    [QUEUE_CANCELLED] = {"已取消", "cancelled"},
    [QUEUE_QUARANTINED] = {"失败，维护者正在查看", "failed, an operator looks at it"},
    [QUEUE_DUPLICATE] = {"重复提交", "duplicate"},
    [QUEUE_STATE_MAX] = {"未知", "unknown"},
};

static const struct {
    const char *key;
    struct words words;
} tables[QUEUE_TABLE_NONE + 1] = {
    [QUEUE_TABLE_FINISHED] = {"finished", {"已完成", "Finished"}},
    [QUEUE_TABLE_RUNNING] = {"running", {"评测中", "Running"}},
    [QUEUE_TABLE_PENDING] = {"pending", {"等待中", "Pending"}},
    [QUEUE_TABLE_FAILED] = {"failed", {"失败", "Failed"}},
    [QUEUE_TABLE_CANCELLED] = {"cancelled", {"已取消", "Cancelled"}},
    [QUEUE_TABLE_NONE] = {"", {"", ""}},
};

const char *
queue_state_label(enum queue_state state, enum text_lang lang)
{
    const struct words *w = &states[state < QUEUE_STATE_MAX ? state : QUEUE_STATE_MAX];

    return lang == LANG_EN ? w->en : w->zh;
}

const char *
queue_table_label(enum queue_table table, enum text_lang lang)
{
    const struct words *w = &tables[table < QUEUE_TABLE_NONE ? table : QUEUE_TABLE_NONE].words;

    return lang == LANG_EN ? w->en : w->zh;
}

const char *
queue_table_key(enum queue_table table)
{
    return tables[table < QUEUE_TABLE_NONE ? table : QUEUE_TABLE_NONE].key;
}

enum queue_table
queue_table_from_key(struct jb_str key)
{
    for (int i = 0; i < QUEUE_TABLE_NONE; i++)
        if (jb_str_is(key, tables[i].key))
            return (enum queue_table)i;
    return QUEUE_TABLE_NONE;
}

void
state_label_put(enum queue_state state, enum text_lang lang, struct jb_buf *out)
{
    label_put(out, lang, queue_state_label(state, LANG_ZH), queue_state_label(state, LANG_EN));
}

void
time_label_put(const struct conf *conf, int64_t us, struct jb_buf *out)
{
    char utc[JB_TIME_SIZE], local[JB_ZONE_TIME_SIZE];

    if (us <= 0) {
        jb_buf_puts(out, "–");
        return;
    }
    jb_time_format(us, 0, utc);
    jb_zone_format(conf->site.zone, us, 0, local);
    jb_buf_printf(out, "<time datetime=\"%s\">%s</time>", utc, local);
}

void
duration_label_put(double seconds, enum text_lang lang, struct jb_buf *out)
{
    bool zh = lang == LANG_ZH;

    if (!(seconds >= 0) || seconds > 3.2e9) {
        jb_buf_puts(out, "–");
        return;
    }
    long all = (long)(seconds + 0.5);
    if (all < 1)
        jb_buf_printf(out, "%.1f %s", seconds, zh ? "秒" : "s");
    else if (all < 60)
        jb_buf_printf(out, "%ld %s", all, zh ? "秒" : "s");
    else if (all < 3600)
        jb_buf_printf(out, "%ld %s %ld %s", all / 60, zh ? "分" : "min", all % 60,
                      zh ? "秒" : "s");
    else
        jb_buf_printf(out, "%ld %s %ld %s", all / 3600, zh ? "小时" : "h", all % 3600 / 60,
                      zh ? "分" : "min");
}

void
zone_label_put(const struct conf *conf, enum text_lang lang, int64_t now, struct jb_buf *out)
{
    int offset = jb_zone_offset(conf->site.zone, now) / 60;
    const char *name = jb_zone_name(conf->site.zone);
    char sign = offset < 0 ? '-' : '+';

    offset = abs(offset);
    if (lang != LANG_EN)
        jb_buf_printf(out, "时间为 %s（UTC%c%02d:%02d）。", name, sign, offset / 60,
                      offset % 60);
    if (lang == LANG_MAX)
        jb_buf_putc(out, ' ');
    if (lang != LANG_ZH)
        jb_buf_printf(out, "Times are those of %s (UTC%c%02d:%02d).", name, sign, offset / 60,
                      offset % 60);
}

/* Without its date when that is the day of the time before it. */
static void
put_end(const struct conf *conf, int64_t before, int64_t us, struct jb_buf *out)
{
    char utc[JB_TIME_SIZE], first[JB_ZONE_TIME_SIZE], local[JB_ZONE_TIME_SIZE];

    jb_time_format(us, 0, utc);
    jb_zone_format(conf->site.zone, before, 0, first);
    jb_zone_format(conf->site.zone, us, 0, local);
    jb_buf_printf(out, "<time datetime=\"%s\">%s</time>", utc,
                  memcmp(first, local, 10) == 0 ? local + 11 : local);
}

void
start_label_put(const struct conf *conf, const struct queue_estimate *start, int64_t now,
                enum text_lang lang, struct jb_buf *out)
{
    /* a century: beyond it nobody is served by a number */
    if (!start->known || !(start->low >= 0) || !(start->high < 3.2e9)) {
        label_put(out, lang, "未知", "unknown");
        return;
    }
    int64_t low = now + (int64_t)(start->low * 1e6), high = now + (int64_t)(start->high * 1e6);
    time_label_put(conf, low, out);
    if (high - low >= 60000000) {
        jb_buf_puts(out, " – ");
        put_end(conf, low, high, out);
    }
}

static void
put_paragraph(const char *lang, const char *text, const char *stop, struct jb_str reason,
              struct jb_buf *out)
{
    jb_buf_printf(out, "<p lang=\"%s\">", lang);
    if (text[0] >= 'a' && text[0] <= 'z') /* a sentence begins */
        jb_buf_putc(out, (char)(*text++ - 'a' + 'A'));
    jb_put_html(out, jb_str(text));
    if (text[0])
        jb_buf_puts(out, stop);
    if (reason.n) {
        jb_buf_puts(out, " <q lang=\"en\">");
        jb_put_html(out, reason);
        jb_buf_puts(out, "</q>");
    }
    jb_buf_puts(out, "</p>");
}

void
failure_label_put(enum queue_failure failure, struct jb_str reason, bool todo,
                  enum text_lang lang, struct jb_buf *out)
{
    const struct queue_failure_class *c = queue_failure_class(failure);
    struct jb_str none = {NULL, 0};

    if (!c->zh[0] && !reason.n)
        return;
    if (lang != LANG_EN)
        put_paragraph("zh-CN", c->zh, "。", lang == LANG_ZH ? reason : none, out);
    if (lang != LANG_ZH)
        put_paragraph("en", c->en, ".", reason, out);
    if (todo && lang != LANG_EN && c->zh_do[0])
        put_paragraph("zh-CN", c->zh_do, "。", none, out);
    if (todo && lang != LANG_ZH && c->en_do[0])
        put_paragraph("en", c->en_do, ".", none, out);
}

void
log_label_put(struct jb_str log, size_t max, enum text_lang lang, struct jb_buf *out)
{
    while (log.n && log.p[log.n - 1] == '\n')
        log.n--;
    if (!log.n)
        return;
    if (log.n > max) {
        const char *from = log.p + log.n - max;
        const char *line = memchr(from, '\n', max);
        /* one long line: from the next character on, not from within one */
        while (!line && ((unsigned char)*from & 0xc0) == 0x80)
            from++;
        from = line ? line + 1 : from;
        log = (struct jb_str){from, (size_t)(log.p + log.n - from)};
    }
    jb_buf_puts(out, "<details class=\"jb-log\"><summary>");
    label_put(out, lang, "日志末尾", "End of the log");
    jb_buf_puts(out, "</summary><pre><code>");
    jb_put_html(out, log);
    jb_buf_puts(out, "</code></pre></details>");
}
