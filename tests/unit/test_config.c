/* SPDX-License-Identifier: Apache-2.0 */
/* Config, info and page: the keys that Gradio's own have (tests/data/gradio_keys.json, from a
 * 4.44.1 and a 6.25.0 server), and the slicing of scrapers in the wild. */
#include <config.h>

#include "tests/unit/gradio_help.h"

#include "crypto/digest.h"
#include "gradio/components.h"
#include "gradio/functions.h"
#include "queue/move.h"

#include <stdbool.h>

#define SCRIPT_OPEN  "<script>"
#define SCRIPT_CLOSE "</script>"

/* The n-th script element of a page, tags included. */
static struct jb_str
script_element(struct jb_str page, int n)
{
    const char *p = page.p, *stop;

    for (int i = 0; i < n; i++) {
        p = strstr(i ? p + 1 : p, "<script");
        assert_non_null(p);
    }
    stop = strstr(p, SCRIPT_CLOSE);
    assert_non_null(stop);
    return (struct jb_str){p, (size_t)(stop - p) + strlen(SCRIPT_CLOSE)};
}

/* str(soup.find_all("script")[1])[31:-10] */
static cJSON *
sliced_config(struct world *w)
{
    struct jb_str element = script_element(gradio_site_page_head(w->site), 2);

    assert_true(element.n > 41);
    return json_of((struct jb_str){element.p + 31, element.n - 41});
}

static const cJSON *
component_at(const cJSON *config, int position)
{
    const cJSON *c = cJSON_GetArrayItem(at(config, "components"), position);

    assert_non_null(c);
    return c;
}

static const cJSON *
frame_at(const cJSON *config, int position)
{
    return cJSON_GetObjectItem(at(component_at(config, position), "props"), "value");
}

static const cJSON *
component_by_id(const cJSON *config, int id)
{
    const cJSON *c;

    cJSON_ArrayForEach(c, at(config, "components")) if (at(c, "id")->valueint == id) return c;
    fail_msg("no component %d", id);
    return NULL;
}

/* Weyaxi's scraper: rows of the first table with at least 20 headers among positions 0 to 49;
 * an empty table before it ends the scan. Returns the number of rows, and the model of the
 * first by both generations of the script. */
static int
scrape(const cJSON *config, const char **ret_old, const char **ret_new)
{
    for (int i = 0; i < 50; i++) {
        const cJSON *props = at(component_at(config, i), "props");
        const cJSON *value = cJSON_GetObjectItem(props, "value");
        const cJSON *headers = cJSON_GetObjectItem(props, "headers");
        const cJSON *data = cJSON_IsObject(value) ? cJSON_GetObjectItem(value, "data") : NULL;
        const cJSON *row, *h;
        int n = 0, column = -1, k = 0;

        if (!data || !headers)
            continue;
        if (cJSON_GetArraySize(data) == 0)
            return 0;
        if (cJSON_GetArraySize(headers) < 20)
            continue;
        cJSON_ArrayForEach(h, headers)
        {
            if (!strcmp(h->valuestring, "fullname"))
                column = k;
            k++;
        }
        cJSON_ArrayForEach(row, data)
        {
            int width = cJSON_GetArraySize(row);

            assert_int_equal(width, k);
            if (n++)
                continue;
            *ret_old = cJSON_GetArrayItem(row, width - 1)->valuestring;
            *ret_new = cJSON_GetArrayItem(row, column >= 0 ? column : width - 3)->valuestring;
        }
        return n;
    }
    return -1;
}

static void
test_scrape_positions(void **state)
{
    struct world *w = world_new(SAMPLE | QUEUED);
    cJSON *config = sliced_config(w);
    const char *old = NULL, *new = NULL;
    const cJSON *row, *data;
    int n = 0;
    (void)state;

    assert_int_equal(scrape(config, &old, &new), (int)board_rows(w->board));
    assert_int_equal(board_rows(w->board), 286); /* 285 and the baseline */
    assert_string_equal(old, new);
    assert_non_null(strchr(new, '/'));

    /* the tracker: first position from 17 on whose value is a table; no text or list before it
     */
    for (int i = 0; i <= 16; i++)
        assert_string_not_equal(at(component_at(config, i), "type")->valuestring, "dataframe");
    data = at(frame_at(config, 17), "data");
    assert_int_equal(cJSON_GetArraySize(data), 286);
    cJSON_ArrayForEach(row, data)
    {
        const char *model = cJSON_GetArrayItem(row, 1)->valuestring;

        if (!strstr(model, "href=\""))
            break; /* the baseline, and it is the last */
        n++;
    }
    assert_int_equal(n, 285);
    data = at(frame_at(config, 17 + 14), "data");
    assert_int_equal(cJSON_GetArraySize(data), 2);
    assert_non_null(strstr(cJSON_GetArrayItem(cJSON_GetArrayItem(data, 0), 0)->valuestring,
                           ">org/running-1</a>"));
    data = at(frame_at(config, 17 + 17), "data");
    assert_int_equal(cJSON_GetArraySize(data), 2);
    assert_non_null(strstr(cJSON_GetArrayItem(cJSON_GetArrayItem(data, 1), 0)->valuestring,
                           ">bare&lt;/script&gt;&lt;!--&quot;&#39;&amp;</a>"));
    /* every other table stands after the full one */
    assert_string_equal(at(at(component_at(config, 18), "props"), "elem_id")->valuestring,
                        "leaderboard-table");
    cJSON_Delete(config);
    world_free(w);
}

/* fboulnois: text of the second script, prefix and `;` stripped; by header names. */
static void
test_scrape_csv(void **state)
{
    struct world *w = world_new(SAMPLE);
    struct jb_str element = script_element(gradio_site_page_head(w->site), 2);
    static const char prefix[] = SCRIPT_OPEN "window.gradio_config = ";
    cJSON *config = sliced_config(w);
    const cJSON *c, *h, *row, *found = NULL, *data;
    int width;
    (void)state;

    assert_true(element.n > 10000);
    assert_memory_equal(element.p, prefix, sizeof(prefix) - 1);
    assert_memory_equal(element.p + element.n - 10, ";</script>", 10);
    cJSON_ArrayForEach(c, at(config, "components"))
    {
        const cJSON *headers = cJSON_GetObjectItem(at(c, "props"), "headers");

        cJSON_ArrayForEach(h, headers) if (!found && !strncmp(h->valuestring, "Hub ❤️",
                                                              strlen("Hub ❤️"))) found = c;
    }
    assert_non_null(found);
    data = at(at(at(found, "props"), "value"), "data");
    assert_int_equal(cJSON_GetArraySize(data), 286);
    width = cJSON_GetArraySize(at(at(at(found, "props"), "value"), "headers"));
    cJSON_ArrayForEach(row, data)
    {
        assert_int_equal(cJSON_GetArraySize(row), width);
        assert_int_equal(cJSON_GetArrayItem(row, 1)->valuestring[0], '<');
    }
    cJSON_Delete(config);
    world_free(w);
}

/* "Most columns wins", on /config. */
static void
test_scrape_widest(void **state)
{
    struct world *w = world_new(SAMPLE);
    cJSON *config = json_of(gradio_site_config(w->site));
    const cJSON *c, *widest = NULL;
    int most = 0;
    (void)state;

    cJSON_ArrayForEach(c, at(config, "components"))
    {
        int n = cJSON_GetArraySize(cJSON_GetObjectItem(at(c, "props"), "headers"));

        if (!strcmp(at(c, "type")->valuestring, "dataframe") && n > most) {
            most = n;
            widest = c;
        }
    }
    assert_non_null(widest);
    assert_int_equal(at(widest, "id")->valueint, C_FULL);
    assert_int_equal(most, (int)board_columns(w->board));
    assert_string_equal(
        cJSON_GetArrayItem(at(at(widest, "props"), "headers"), most - 1)->valuestring,
        "fullname");
    cJSON_Delete(config);
    world_free(w);
}

static void
test_empty(void **state)
{
    (void)state;
    for (unsigned what = 0; what <= NO_BASELINE; what += NO_BASELINE) {
        struct world *w = world_new(what);
        cJSON *config = sliced_config(w);
        const char *old = NULL, *new = NULL;
        int rows = what ? 0 : 1;

        assert_int_equal(board_rows(w->board), rows);
        assert_int_equal(scrape(config, &old, &new), rows);
        assert_int_equal(cJSON_GetArraySize(at(frame_at(config, 17), "data")), rows);
        assert_int_equal(cJSON_GetArraySize(at(frame_at(config, 31), "data")), 0);
        assert_int_equal(cJSON_GetArraySize(at(frame_at(config, 34), "data")), 0);
        assert_string_equal(
            at(at(component_by_id(config, C_RUNNING), "props"), "label")->valuestring,
            "🔄 Running Evaluation Queue (0)");
        cJSON_Delete(config);
        world_free(w);
    }
}

/* Exactly one script before the config, and nothing a name could break out of. */
static void
test_page(void **state)
{
    struct world *w = world_new(SAMPLE | QUEUED | UNDER_MOUNT);
    struct jb_str head = gradio_site_page_head(w->site);
    struct jb_str first = script_element(head, 1), second = script_element(head, 2),
                  third = script_element(head, 3);
    unsigned char digest[CRYPTO_SHA256_SIZE];
    char text[64];
    cJSON *config = sliced_config(w), *plain = json_of(gradio_site_config(w->site)), *info;
    size_t opened = 0, closed = 0;
    (void)state;

    assert_int_equal(strlen(head.p), head.n);
    assert_non_null(strstr(first.p, "__gradio_mode__"));
    assert_null(memchr(second.p + 8, '<', second.n - 17));
    assert_memory_equal(third.p, "<script>window.gradio_api_info = ", 33);
    info = json_of((struct jb_str){third.p + 33, third.n - 43});
    assert_int_equal(cJSON_GetArraySize(at(info, "named_endpoints")), GRADIO_FUNCTIONS);
    for (const char *p = head.p; (p = strstr(p, "<script")); p++)
        opened++;
    for (const char *p = head.p; (p = strstr(p, "</script")); p++)
        closed++;
    assert_int_equal(opened, closed);
    assert_true(opened >= 3);

    /* the mount in the page, nothing in /config, the rest equal */
    assert_string_equal(at(config, "root")->valuestring, "/board");
    assert_string_equal(at(plain, "root")->valuestring, "");
    cJSON_DeleteItemFromObject(config, "root");
    cJSON_DeleteItemFromObject(plain, "root");
    assert_true(cJSON_Compare(config, plain, true));
    assert_null(strstr(head.p, "http://"));

    for (int i = 1; i <= (int)opened; i++) {
        struct jb_str e = script_element(head, i);

        if (memcmp(e.p, SCRIPT_OPEN, 8))
            continue;
        assert_int_equal(crypto_sha256((struct jb_str){e.p + 8, e.n - 17}, digest), 0);
        crypto_base64(digest, sizeof(digest), text);
        assert_non_null(strstr(gradio_site_csp(w->site), text));
    }
    assert_non_null(strstr(gradio_site_csp(w->site), "style-src 'self' 'unsafe-inline'"));
    assert_non_null(strstr(gradio_site_csp(w->site), "frame-ancestors 'self'"));
    assert_null(strstr(gradio_site_csp(w->site), "unsafe-eval"));
    cJSON_Delete(config);
    cJSON_Delete(plain);
    cJSON_Delete(info);
    world_free(w);

    w = world_new(0);
    config = sliced_config(w);
    assert_string_equal(at(config, "root")->valuestring, "/");
    cJSON_Delete(config);
    world_free(w);
}

static void
has_keys(const cJSON *json, const cJSON *keys, const char *const *excused)
{
    const cJSON *key;

    cJSON_ArrayForEach(key, keys)
    {
        bool ok = cJSON_HasObjectItem(json, key->valuestring);

        for (size_t i = 0; excused && excused[i]; i++)
            ok |= !strcmp(excused[i], key->valuestring);
        if (!ok)
            fail_msg("no member %s", key->valuestring);
    }
}

/* Everything that the two generations of servers say, we say. */
static void
test_keys(void **state)
{
    /* of one component and not of its kind */
    static const char *const excused[] = {"label", "elem_id", "value", "placeholder", NULL};
    struct world *w = world_new(QUEUED);
    cJSON *config = json_of(gradio_site_config(w->site)),
          *info = json_of(gradio_site_info(w->site));
    struct jb_buf file = JB_BUF(1 << 20);
    cJSON *all;
    const cJSON *keys;
    char line[4096];
    size_t n;
    FILE *f = fopen(world_path(w->arena, "tests/data/gradio_keys.json"), "r");
    (void)state;

    assert_non_null(f);
    while ((n = fread(line, 1, sizeof(line), f)) > 0)
        jb_buf_put(&file, line, n);
    fclose(f);
    all = json_of(jb_buf_view(&file));
    jb_buf_free(&file);
    cJSON_ArrayForEach(keys, all)
    {
        const cJSON *item, *props;

        has_keys(config, at(keys, "config"), NULL);
        cJSON_ArrayForEach(item, at(config, "dependencies"))
            has_keys(item, at(keys, "dependency"), NULL);
        cJSON_ArrayForEach(item, at(config, "components"))
        {
            const char *type = at(item, "type")->valuestring;

            props = cJSON_GetObjectItem(at(keys, "props"), type);
            if (!props)
                fail_msg("Gradio has no %s", type);
            has_keys(at(item, "props"), props, excused);
            has_keys(item, at(at(keys, "component"), type), NULL);
        }
        cJSON_ArrayForEach(item, at(info, "named_endpoints"))
        {
            const cJSON *p;

            has_keys(item, at(keys, "endpoint"), NULL);
            cJSON_ArrayForEach(p, at(item, "parameters"))
                has_keys(p, at(keys, "parameter"), NULL);
            cJSON_ArrayForEach(p, at(item, "returns")) has_keys(p, at(keys, "return"), NULL);
        }
    }
    cJSON_Delete(all);
    cJSON_Delete(config);
    cJSON_Delete(info);
    world_free(w);
}

static int
count_in_layout(const cJSON *node, int id)
{
    const cJSON *child;
    int n = at(node, "id")->valueint == id;

    cJSON_ArrayForEach(child, cJSON_GetObjectItem(node, "children")) n +=
        count_in_layout(child, id);
    return n;
}

/* Ids: listed once, placed once, and every id of a function is there. */
static void
test_ids(void **state)
{
    struct world *w = world_new(0);
    cJSON *config = json_of(gradio_site_config(w->site));
    const cJSON *d, *x;
    int index = 0;
    (void)state;

    assert_int_equal(cJSON_GetArraySize(at(config, "components")), COMPONENTS_LISTED);
    for (int id = 1; id < C_MAX; id++) {
        int listed = 0;

        cJSON_ArrayForEach(x, at(config, "components")) listed += at(x, "id")->valueint == id;
        assert_int_equal(listed, 1);
        assert_int_equal(count_in_layout(at(config, "layout"), id), 1);
        assert_true((int)component_table[id].parent < id);
    }
    assert_true(
        cJSON_Compare(at(config, "layout"), at(at(at(config, "page"), ""), "layout"), true));
    cJSON_ArrayForEach(d, at(config, "dependencies"))
    {
        assert_int_equal(at(d, "id")->valueint, index);
        cJSON_ArrayForEach(x, at(d, "inputs")) component_by_id(config, x->valueint);
        cJSON_ArrayForEach(x, at(d, "outputs")) component_by_id(config, x->valueint);
        cJSON_ArrayForEach(x, at(d, "targets"))
        {
            int target = cJSON_GetArrayItem(x, 0)->valueint;

            if (target)
                component_by_id(config, target);
            assert_true(cJSON_IsString(cJSON_GetArrayItem(x, 1)));
        }
        /* nothing posts the full table back */
        cJSON_ArrayForEach(x, at(d, "inputs")) assert_int_not_equal(x->valueint, C_FULL);
        assert_true(cJSON_IsNull(at(d, "js")));
        index++;
    }
    assert_int_equal(index, GRADIO_FUNCTIONS);
    assert_string_equal(
        at(cJSON_GetArrayItem(at(config, "dependencies"), 0), "api_name")->valuestring,
        "update_table");
    assert_string_equal(
        at(cJSON_GetArrayItem(at(config, "dependencies"), 7), "api_name")->valuestring,
        "update_table_6");
    assert_string_equal(
        at(cJSON_GetArrayItem(at(config, "dependencies"), 9), "api_name")->valuestring,
        "predict");
    cJSON_Delete(config);
    world_free(w);
}

static void
check_list(const cJSON *list, const char *const *wanted)
{
    const cJSON *x;
    size_t i = 0;

    cJSON_ArrayForEach(x, list)
    {
        const char *text =
            cJSON_IsArray(x) ? cJSON_GetArrayItem(x, 0)->valuestring : x->valuestring;

        assert_non_null(wanted[i]);
        assert_string_equal(text, wanted[i]);
        i++;
    }
    assert_null(wanted[i]);
}

/* Labels, choices and what is ticked, as the Space has them. */
static void
test_controls(void **state)
{
    static const char *const sizes[] = {"?",   "~1.5", "~3",  "~7", "~13",
                                        "~35", "~60",  "70+", NULL};
    static const char *const hide[] = {"Private or deleted", "Contains a merge/moerge",
                                       "Flagged", "MoE", NULL};
    static const char *const hidden[] = {"Private or deleted", "Contains a merge/moerge",
                                         "Flagged", NULL};
    static const char *const queue[] = {"model",       "revision", "private", "precision",
                                        "weight_type", "status",   NULL};
    struct world *w = world_new(SAMPLE | QUEUED);
    cJSON *config = json_of(gradio_site_config(w->site)),
          *info = json_of(gradio_site_info(w->site));
    const cJSON *props, *p;
    int n = 0;
    (void)state;

    props = at(component_by_id(config, C_SIZES), "props");
    check_list(at(props, "choices"), sizes);
    check_list(at(props, "value"), sizes);
    assert_string_equal(at(props, "elem_id")->valuestring, "filter-columns-size");
    props = at(component_by_id(config, C_HIDE), "props");
    check_list(at(props, "choices"), hide);
    check_list(at(props, "value"), hidden);
    props = at(component_by_id(config, C_TYPES), "props");
    assert_string_equal(
        cJSON_GetArrayItem(cJSON_GetArrayItem(at(props, "choices"), 0), 1)->valuestring,
        "🟢 pretrained");
    assert_string_equal(
        at(at(component_by_id(config, C_FINISHED), "props"), "label")->valuestring,
        "✅ Finished Evaluations (286)");
    assert_string_equal(
        at(at(component_by_id(config, C_PENDING), "props"), "label")->valuestring,
        "⏳ Pending Evaluation Queue (2)");
    check_list(at(at(component_by_id(config, C_PENDING_TABLE), "props"), "headers"), queue);
    assert_string_equal(
        at(at(component_by_id(config, C_SUBMIT), "props"), "value")->valuestring,
        "Submit Eval");
    assert_string_equal(
        at(at(component_by_id(config, C_WEIGHT_TYPE), "props"), "value")->valuestring,
        "Original");

    /* the visible table: filtered, its name column without a header */
    props = at(component_by_id(config, C_LEADERBOARD), "props");
    assert_int_equal(cJSON_GetArraySize(at(props, "headers")) + 1,
                     cJSON_GetArraySize(at(at(props, "value"), "headers")));
    assert_int_equal(cJSON_GetArraySize(at(props, "datatype")),
                     cJSON_GetArraySize(at(at(props, "value"), "headers")));

    /* nothing large in the info */
    assert_true(gradio_site_info(w->site).n < 200000);
    cJSON_ArrayForEach(p, at(at(at(info, "named_endpoints"), "/update_table"), "parameters"))
    {
        assert_true(cJSON_IsTrue(at(p, "parameter_has_default")));
        if (n++ == 0)
            assert_true(cJSON_IsNull(at(p, "parameter_default")));
    }
    assert_int_equal(n, 7);
    p = at(at(at(info, "named_endpoints"), "/add_new_eval"), "parameters");
    assert_true(cJSON_IsFalse(at(cJSON_GetArrayItem(p, 0), "parameter_has_default")));
    assert_string_equal(at(cJSON_GetArrayItem(p, 3), "parameter_default")->valuestring,
                        "float16");
    cJSON_Delete(config);
    cJSON_Delete(info);
    world_free(w);
}

/* A board of many rows: the visible table is cut, the full one is not. */
static void
test_cut(void **state)
{
    struct world *w = world_new(SAMPLE);
    cJSON *config;
    (void)state;

    gradio_site_free(w->site);
    cells_free(w->cells);
    queue_lists_unref(w->lists);
    board_unref(w->board);
    w->conf.site.max_inline_rows = 10;
    world_build(w);
    config = sliced_config(w);
    assert_int_equal(cJSON_GetArraySize(at(frame_at(config, 17), "data")), 286);
    assert_int_equal(cJSON_GetArraySize(at(frame_at(config, 18), "data")), 10);
    cJSON_Delete(config);
    world_free(w);
}

/* What the Space never showed: behind all else, with the reason as plain text. */
static void
test_failed(void **state)
{
    static const char *const headers[] = {"model",     "revision",    "private",
                                          "precision", "weight_type", "status",
                                          "reason",    "attempts",    NULL};
    struct world *w = world_new(QUEUED | UNDER_MOUNT);
    struct queue_move move = {.event = QUEUE_EVENT_FAIL,
                              .who = QUEUE_PLATFORM,
                              .failure = FAILURE_OUT_OF_MEMORY,
                              .reason = "<b>2 GiB</b> & more"};
    struct request request;
    struct jb_error err = {0};
    cJSON *config;
    const cJSON *row;
    (void)state;

    world_request(w, "org/<i>broken", "RUNNING");
    world_request(w, "org/stopped", "CANCELLED");
    struct store_txn *txn = fixture_begin(w->f, STORE_WRITE);
    assert_int_equal(store_request_find(txn, "org/<i>broken", "main", "float16", "Original",
                                        w->arena, &request),
                     0);
    assert_int_equal(queue_move(txn, request.id, &move, 1, &err, NULL), 0);
    fixture_commit(w->f, txn);
    gradio_site_free(w->site);
    cells_free(w->cells);
    queue_lists_unref(w->lists);
    board_unref(w->board);
    world_build(w);
    config = sliced_config(w);
    assert_int_equal(at(component_at(config, 17 + 14), "id")->valueint, C_RUNNING_TABLE);
    assert_int_equal(at(component_at(config, 17 + 17), "id")->valueint, C_PENDING_TABLE);
    assert_int_equal(at(component_at(config, COMPONENTS_LISTED - 4), "id")->valueint, C_FAILED);
    const cJSON *failed = at(component_by_id(config, C_FAILED_TABLE), "props");
    assert_string_equal(
        at(at(component_by_id(config, C_FAILED), "props"), "label")->valuestring,
        "❌ Failed Evaluations (1)");
    assert_string_equal(
        at(at(component_by_id(config, C_CANCELLED), "props"), "label")->valuestring,
        "🚫 Cancelled (1)");
    check_list(at(failed, "headers"), headers);
    check_list(at(at(failed, "value"), "headers"), headers);
    assert_int_equal(cJSON_GetArraySize(at(failed, "datatype")), 8);
    row = cJSON_GetArrayItem(at(at(failed, "value"), "data"), 0);
    assert_int_equal(cJSON_GetArraySize(row), 8);
    const char *model = cJSON_GetArrayItem(row, 0)->valuestring;
    assert_non_null(strstr(model, "href=\"/board/requests/"));
    assert_non_null(strstr(model, ">org/&lt;i&gt;broken</a>"));
    assert_string_equal(cJSON_GetArrayItem(row, 5)->valuestring, "FAILED");
    const char *reason = cJSON_GetArrayItem(row, 6)->valuestring;
    assert_non_null(strstr(reason, queue_failure_class(FAILURE_OUT_OF_MEMORY)->zh));
    assert_non_null(strstr(reason, queue_failure_class(FAILURE_OUT_OF_MEMORY)->en));
    assert_non_null(strstr(reason, ": <b>2 GiB</b> & more"));
    assert_true(cJSON_IsNumber(cJSON_GetArrayItem(row, 7)));
    cJSON_Delete(config);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scrape_positions),
        cmocka_unit_test(test_scrape_csv),
        cmocka_unit_test(test_scrape_widest),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
