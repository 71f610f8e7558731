/* SPDX-License-Identifier: Apache-2.0 */
/* The form: what was typed comes back harmless, errors stand beside their field, and the secret
 * is shown once. */
#include "queue_views_help.h"

#include "views/submit_page.h"

static void
put_form(struct views *v, const struct submit_form *form, enum text_lang lang,
         struct jb_buf *out)
{
    struct texts *texts = our_texts(v);

    v->conf.submit.open = true;
    assert_int_equal(submit_page_put(&v->conf, &v->config, texts, form, lang, out, &v->f->err),
                     0);
    assert_harmless(out->p);
    texts_free(texts);
}

static void
test_fresh(void **state)
{
    static const char *const actions[] = {"/m/zh/submit", "/m/en/submit", "/m/submit"};
    static const char *const fields[] = {"model",       "revision",   "model_type", "precision",
                                         "weight_type", "base_model", "nonce"};
    struct views *v = *state;
    struct submit_form form = {.values = {.nonce = JB_STR("0123456789abcdef")}};

    for (int lang = 0; lang <= LANG_MAX; lang++) {
        struct jb_buf b = JB_BUF(1 << 20);
        char text[100];

        put_form(v, &form, (enum text_lang)lang, &b);
        snprintf(text, sizeof text, "method=\"post\" action=\"%s\"", actions[lang]);
        assert_non_null(strstr(b.p, text));
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            snprintf(text, sizeof text, " name=\"%s\"", fields[i]);
            assert_int_equal(times(b.p, text), 1);
        }
        assert_null(strstr(b.p, "name=\"private\""));
        assert_non_null(strstr(b.p, "name=\"nonce\" value=\"0123456789abcdef\""));
        assert_non_null(strstr(b.p, "<option value=\"float16\" selected>"));
        assert_non_null(strstr(b.p, "<option value=\"Original\" selected>"));
        assert_non_null(strstr(b.p, "<option value=\"🟢 : pretrained\">"));
        assert_int_equal(times(b.p, " selected>"), 2);
        assert_null(strstr(b.p, "role=\"alert\""));
        assert_null(strstr(b.p, "aria-invalid"));
        assert_int_equal(strstr(b.p, "提交之前") != NULL, lang != LANG_EN);
        assert_int_equal(strstr(b.p, "Before you submit") != NULL, lang != LANG_ZH);
        jb_buf_free(&b);
    }
}

static void
test_refused(void **state)
{
    static const struct {
        const char *code, *field;
        enum answer_kind kind;
    } cases[] = {{"model_invalid", "model", ANSWER_ERROR},
                 {"quota", "model", ANSWER_ERROR},
                 {"duplicate", "model", ANSWER_WARNING},
                 {"model_type_missing", "model_type", ANSWER_ERROR},
                 {"base_model_missing", "base_model", ANSWER_ERROR},
                 {"revision_missing", "revision", ANSWER_ERROR},
                 {"not_found", "model", ANSWER_ERROR},
                 {"nonce_reused", NULL, ANSWER_ERROR},
                 {"closed", NULL, ANSWER_ERROR}};
    struct views *v = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct queue_answer answer = {.kind = cases[i].kind,
                                      .status = 422,
                                      .code = cases[i].code,
                                      .zh = "不行 " HOSTILE_REASON,
                                      .en = "no " HOSTILE_REASON,
                                      .request = 17};
        struct submit_form form = {.values = {.model = JB_STR(HOSTILE_MODEL),
                                              .revision = JB_STR("\"><b>"),
                                              .precision = JB_STR("bfloat16"),
                                              .weight_type = JB_STR("Adapter"),
                                              .model_type = JB_STR("🟢 : pretrained"),
                                              .base_model = JB_STR("'><img src=x>"),
                                              .nonce = JB_STR("\"12345678")},
                                   .answer = &answer};
        struct jb_buf b = JB_BUF(1 << 20);

        put_form(v, &form, i % 2 ? LANG_MAX : LANG_EN, &b);
        assert_int_equal(times(b.p, "role=\"alert\""), 1);
        assert_non_null(strstr(b.p, "no &lt;script&gt;"));
        assert_int_equal(strstr(b.p, "不行 &lt;script&gt;") != NULL, i % 2);
        assert_non_null(strstr(b.p, "value=\"evil/&lt;img src=x&gt;&quot;&#39;&amp;\""));
        assert_non_null(strstr(b.p, "value=\"&quot;&gt;&lt;b&gt;\""));
        assert_non_null(strstr(b.p, "value=\"&quot;12345678\""));
        assert_non_null(strstr(b.p, "<option value=\"bfloat16\" selected>"));
        assert_non_null(strstr(b.p, "<option value=\"Adapter\" selected>"));
        assert_non_null(strstr(b.p, "<option value=\"🟢 : pretrained\" selected>"));
        assert_int_equal(times(b.p, " selected>"), 3);
        assert_non_null(strstr(b.p, "/requests/17\""));
        assert_int_equal(times(b.p, "aria-invalid=\"true\""), cases[i].field ? 1 : 0);
        if (cases[i].field) {
            char id[100];
            snprintf(id, sizeof id, "id=\"e-%s\"", cases[i].field);
            assert_int_equal(times(b.p, id), 1);
            snprintf(id, sizeof id, "href=\"#f-%s\"", cases[i].field);
            assert_int_equal(times(b.p, id), 1);
            snprintf(id, sizeof id, "id=\"f-%s\" name=\"%s\" aria-invalid", cases[i].field,
                     cases[i].field);
            assert_int_equal(times(b.p, id), 1);
        }
        jb_buf_free(&b);
    }
}

static void
test_accepted(void **state)
{
    struct views *v = *state;
    struct queue_answer answer = {.kind = ANSWER_WAITING,
                                  .status = 202,
                                  .code = "accepted",
                                  .zh = "已收到",
                                  .en = "It is accepted.",
                                  .request = 17,
                                  .secret = "jbs_<0>"};
    struct submit_form form = {
        .values = {.model = JB_STR(HOSTILE_MODEL), .precision = JB_STR("float16")},
        .answer = &answer};
    struct jb_buf b = JB_BUF(1 << 20);

    put_form(v, &form, LANG_MAX, &b);
    assert_null(strstr(b.p, "<form"));
    assert_null(strstr(b.p, "http-equiv=\"refresh\"")); /* the secret would be gone */
    assert_int_equal(times(b.p, "jbs_&lt;0&gt;"), 1);
    assert_non_null(strstr(b.p, "只在这里显示一次"));
    assert_non_null(strstr(b.p, "only once"));
    assert_non_null(strstr(b.p, "href=\"/m/requests/17\""));
    assert_non_null(strstr(b.p, "evil/&lt;img"));
    jb_buf_reset(&b);
    answer.secret = NULL;
    put_form(v, &form, LANG_ZH, &b);
    assert_null(strstr(b.p, "jb-secret"));
    jb_buf_free(&b);
}

static void
test_closed(void **state)
{
    struct views *v = *state;
    struct texts *texts = our_texts(v);
    struct submit_form form = {0};
    struct jb_buf b = JB_BUF(1 << 20);

    v->conf.submit.open = false;
    assert_int_equal(
        submit_page_put(&v->conf, &v->config, texts, &form, LANG_EN, &b, &v->f->err), 0);
    assert_null(strstr(b.p, "<form"));
    assert_non_null(strstr(b.p, "takes no submissions"));
    texts_free(texts);
    jb_buf_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fresh, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_refused, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_accepted, views_setup, views_teardown),
        cmocka_unit_test_setup_teardown(test_closed, views_setup, views_teardown),
    };

    return cmocka_run_group_tests_name("submit_page", tests, NULL, NULL);
}
