/* SPDX-License-Identifier: Apache-2.0 */
#include "views/answer.h"

#include "base/json.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

const char *
answer_status(const struct queue_answer *answer)
{
    switch (answer->kind) {
    case ANSWER_WAITING: return "accepted";
    case ANSWER_SUCCESS: return answer->code;
    case ANSWER_WARNING:
        return strcmp(answer->code, "duplicate") == 0 ? "duplicate" : "refused";
    case ANSWER_ERROR: break;
    }
    return "refused";
}

void
answer_put_gradio(const struct queue_answer *answer, const char *mount, struct jb_buf *out)
{
    const char *colour = answer->kind == ANSWER_ERROR     ? "red"
                         : answer->kind == ANSWER_WARNING ? "orange"
                                                          : "green";

    jb_buf_printf(out, "<p style=\"color: %s; font-size: 20px; text-align: center;\">", colour);
    jb_put_html(out, jb_str(answer->zh));
    jb_buf_puts(out, "<br>");
    jb_put_html(out, jb_str(answer->en));
    if (answer->secret) {
        jb_buf_puts(out, "<br>取消或重新评测用的密钥，只显示这一次 · The secret for "
                         "cancelling or evaluating again, shown only now: <code>");
        jb_put_html(out, jb_str(answer->secret));
        jb_buf_puts(out, "</code>");
    }
    if (answer->request) {
        jb_buf_puts(out, "<br><a href=\"");
        jb_put_html(out, jb_str(mount));
        jb_buf_printf(out, "/requests/%" PRIu64 "\">查看提交 · See request #%" PRIu64 "</a>",
                      answer->request, answer->request);
    }
    jb_buf_puts(out, "</p>");
}

static void
put_link(struct jb_json *j, const char *key, const char *mount, const char *folder, uint64_t id)
{
    struct jb_buf url = JB_BUF(1 << 10);

    jb_buf_printf(&url, "%s%s/%" PRIu64, mount, folder, id);
    jb_json_kstr(j, key, jb_buf_view(&url));
    if (url.err && !j->out->err)
        j->out->err = url.err;
    jb_buf_free(&url);
}

void
answer_put_json(const struct queue_answer *answer, const char *mount, struct jb_buf *out)
{
    struct jb_json j;

    jb_json_init(&j, out);
    jb_json_object(&j);
    jb_json_ktext(&j, "status", answer_status(answer));
    jb_json_ktext(&j, "code", answer->code);
    jb_json_key(&j, "message");
    jb_json_object(&j);
    jb_json_ktext(&j, "zh", answer->zh);
    jb_json_ktext(&j, "en", answer->en);
    jb_json_end(&j);
    jb_json_key(&j, "request");
    if (answer->request)
        jb_json_int(&j, (int64_t)answer->request);
    else
        jb_json_null(&j);
    jb_json_ktext(&j, "secret", answer->secret);
    jb_json_key(&j, "retry_after");
    if (answer->retry_after > 0)
        jb_json_int(&j, answer->retry_after);
    else
        jb_json_null(&j);
    jb_json_key(&j, "links");
    jb_json_object(&j);
    if (answer->request) {
        put_link(&j, "request", mount, "/api/requests", answer->request);
        put_link(&j, "page", mount, "/requests", answer->request);
    }
    jb_json_end(&j);
    jb_json_end(&j);
}
