/* SPDX-License-Identifier: Apache-2.0 */
/* A submission from the shell: the same rules as the form's. */
#include "cli/choose.h"
#include "cli/request.h"

#include "base/clock.h"

struct submitting {
    struct submit_rules rules;
    struct submission submission;
    struct jb_arena *arena;
    struct queue_answer answer;
};

static int
submit(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct submitting *s = ctx;

    return queue_submit(txn, &s->rules, &s->submission, jb_now_us(), s->arena, err, &s->answer);
}

static bool
accepted(const struct queue_answer *a)
{
    return a->kind == ANSWER_SUCCESS || a->kind == ANSWER_WAITING;
}

static int
print(struct cli *cli, const struct queue_answer *a, bool as_json)
{
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_json j;
    int rc;

    if (!as_json) {
        FILE *to = accepted(a) ? stdout : stderr;
        if (!accepted(a))
            fputs("jinbang: ", to);
        cli_put_text(to, a->en);
        fputc('\n', to);
        if (accepted(a)) {
            printf("request: %llu\n", (unsigned long long)a->request);
            printf("secret: %s\n", a->secret ? a->secret : "");
        }
        return accepted(a) ? CLI_DONE : CLI_FAILED;
    }
    jb_json_init(&j, &out);
    jb_json_object(&j);
    jb_json_kbool(&j, "accepted", accepted(a));
    jb_json_ktext(&j, "code", a->code);
    jb_json_ktext(&j, "zh", a->zh);
    jb_json_ktext(&j, "en", a->en);
    if (a->request)
        jb_json_kint(&j, "request", (int64_t)a->request);
    if (a->secret)
        jb_json_ktext(&j, "secret", a->secret);
    if (a->retry_after)
        jb_json_kint(&j, "retry_after", a->retry_after);
    jb_json_end(&j);
    rc = cli_print(cli, &j, &out);
    return rc ? rc : accepted(a) ? CLI_DONE : CLI_FAILED;
}

int
request_submit(struct cli *cli, int argc, char **argv)
{
    struct submitting s = {.arena = cli->arena};
    const char *precision = "", *type = "", *revision = "", *weights = "", *base = "";
    bool as_json = false;
    const struct cli_option options[] = {
        {"json", &as_json, NULL},        {"private", &s.submission.private_, NULL},
        {"precision", NULL, &precision}, {"type", NULL, &type},
        {"revision", NULL, &revision},   {"weights", NULL, &weights},
        {"base", NULL, &base},           {NULL, NULL, NULL}};
    int rc;

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "submit which model?");
    rc = choose_rules(cli, &s.rules);
    if (rc)
        return rc;
    s.submission.model = jb_str(argv[1]);
    s.submission.precision = jb_str(precision);
    s.submission.model_type = jb_str(type);
    s.submission.revision = jb_str(revision);
    s.submission.weight_type = jb_str(weights);
    s.submission.base_model = jb_str(base);
    rc = cli_change(cli, submit, &s);
    return rc ? rc : print(cli, &s.answer, as_json);
}
