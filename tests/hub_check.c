/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One check with a hub from the command line, for tests/e2e/hub.test:
 *     hub_check SETTINGS TOKEN MODEL [REVISION [PRECISION [WEIGHT-TYPE [BASE-MODEL
 * [private]]]]] prints the verdict as one line of JSON. "" stands for none.
 */
#include <config.h>

#include "base/clock.h"
#include "base/json.h"
#include "dispatch/hub.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX ((size_t)8 << 20)

static bool over;

static void
print(void *ctx, const struct hub_verdict *v)
{
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_json j;

    (void)ctx;
    jb_json_init(&j, &out);
    jb_json_object(&j);
    jb_json_ktext(&j, "failure", queue_failure_class(v->failure)->word);
    jb_json_ktext(&j, "reason", v->reason ? v->reason : "");
    jb_json_kbool(&j, "retry", v->retry);
    jb_json_kdouble(&j, "retry_in",
                    v->retry_at ? (double)(v->retry_at - jb_now_us()) / 1e6 : 0);
    jb_json_ktext(&j, "commit", v->commit);
    jb_json_ktext(&j, "base_commit", v->base_commit);
    jb_json_ktext(&j, "architectures", v->architectures);
    jb_json_ktext(&j, "license", v->license);
    jb_json_kdouble(&j, "params", v->params);
    jb_json_kdouble(&j, "likes", v->likes);
    jb_json_key(&j, "tags");
    jb_json_array(&j);
    for (size_t i = 0; i < v->n_tags; i++)
        jb_json_text(&j, v->tags[i]);
    jb_json_end(&j);
    jb_json_end(&j);
    puts(jb_json_finish(&j) ? "{}" : out.p);
    jb_buf_free(&out);
    over = true;
}

static int
complain(const struct settings_report *report, const struct jb_error *err)
{
    fprintf(stderr, "hub_check: %s%s\n", report->text.n ? report->text.p : "", err->text);
    return 1;
}

int
main(int argc, char **argv)
{
    struct jb_arena *arena = jb_arena_new(ARENA_MAX);
    struct settings_report report = {0};
    struct jb_error err = {0};
    struct conf conf;
    struct hub_known *known = NULL;
    struct http *http = NULL;
    struct hub_check *check = NULL;
    int rc;

    if (argc < 4 || !arena) {
        fputs("usage: hub_check SETTINGS TOKEN MODEL [REVISION …]\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    rc = conf_load(argv[1], arena, &conf, &report);
    if (!rc)
        rc = hub_known_load(conf.hub.architectures, &err, &known);
    if (!rc)
        rc = http_new(4, 8, &err, &http);
    if (rc)
        return complain(&report, &err);
    const struct hub_source source = {
        .http = http, .conf = &conf, .url = conf.hub.url, .token = argv[2], .known = known};
    const struct hub_query query = {.model = argv[3],
                                    .revision = argc > 4 ? argv[4] : "main",
                                    .precision = argc > 5 ? argv[5] : "float16",
                                    .weight_type = argc > 6 ? argv[6] : "Original",
                                    .base_model = argc > 7 ? argv[7] : "",
                                    .private_ = argc > 8 && strcmp(argv[8], "private") == 0};
    rc = hub_check_start(&source, &query, print, NULL, &err, &check);
    while (!rc && !over)
        rc = http_run(http, NULL, 0, 1000, &err);
    if (rc)
        complain(&report, &err);
    http_free(http);
    hub_known_unref(known);
    jb_buf_free(&report.text);
    jb_arena_free(arena);
    return rc ? 1 : 0;
}
