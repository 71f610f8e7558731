/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "fcgi/openapi.h"

#include "base/json.h"
#include "board/choices.h"
#include "views/board_page.h"

/* Bodies that are the same for every board. */
static const char schemas[] =
    "{\"Error\":{\"type\":\"object\",\"required\":[\"detail\"],\"properties\":{\"detail\":{}}},"
    "\"Row\":{\"type\":\"object\",\"description\":\"A row of the table, keyed by column. Model "
    "is "
    "markup as the table shows it, fullname the plain id.\",\"required\":[\"fullname\"],"
    "\"properties\":{\"fullname\":{\"type\":\"string\"}}},"
    "\"Entry\":{\"type\":\"object\",\"required\":[\"id\",\"model\",\"evaluations\","
    "\"features\","
    "\"metadata\"],\"properties\":{\"id\":{\"type\":\"string\"},"
    "\"model\":{\"type\":\"object\",\"required\":[\"name\",\"sha\",\"precision\",\"type\","
    "\"weight_type\",\"architecture\",\"average_score\",\"has_chat_template\"],\"properties\":{"
    "\"name\":{\"type\":\"string\"},\"sha\":{\"type\":\"string\"},\"precision\":{\"type\":"
    "\"string\"},\"type\":{\"type\":\"string\"},\"weight_type\":{\"type\":\"string\"},"
    "\"architecture\":{\"type\":\"string\"},\"average_score\":{\"type\":[\"number\",\"null\"]},"
    "\"has_chat_template\":{\"type\":[\"boolean\",\"null\"]}}},"
    "\"evaluations\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\","
    "\"required\":[\"name\",\"value\",\"normalized_score\"],\"properties\":{\"name\":{\"type\":"
    "\"string\"},\"value\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1},"
    "\"normalized_score\":{\"type\":\"number\",\"minimum\":0,\"maximum\":100}}}},"
    "\"features\":{\"type\":\"object\",\"required\":[\"is_not_available_on_hub\",\"is_merged\","
    "\"is_moe\",\"is_flagged\"],\"additionalProperties\":{\"type\":\"boolean\"}},"
    "\"metadata\":{\"type\":\"object\",\"properties\":{\"upload_date\":{\"type\":[\"string\","
    "\"null\"]},\"submission_date\":{\"type\":[\"string\",\"null\"]},\"generation\":{\"type\":["
    "\"integer\",\"null\"]},\"base_model\":{\"type\":[\"string\",\"null\"]},\"hub_license\":{"
    "\"type\":[\"string\",\"null\"]},\"hub_hearts\":{\"type\":[\"number\",\"null\"]},"
    "\"params_billions\":{\"type\":[\"number\",\"null\"]},\"co2_cost\":{\"type\":[\"number\","
    "\"null\"]}}}}},"
    "\"Request\":{\"type\":\"object\",\"required\":[\"name\",\"submitter\",\"revision\","
    "\"precision\",\"weight_type\",\"submission_time\",\"status\"],\"properties\":{\"name\":{"
    "\"type\":\"string\"},\"submitter\":{\"type\":\"string\"},\"revision\":{\"type\":"
    "\"string\"},"
    "\"precision\":{\"type\":\"string\"},\"weight_type\":{\"type\":\"string\"},"
    "\"submission_time\":{\"type\":[\"string\",\"null\"]},\"status\":{\"type\":\"string\"}}},"
    "\"RequestFacts\":{\"type\":\"object\",\"required\":[\"id\",\"name\",\"revision\","
    "\"status\","
    "\"state\",\"attempts\",\"failure\",\"times\",\"links\"],\"properties\":{\"id\":{\"type\":"
    "\"integer\"},\"name\":{\"type\":\"string\"},\"status\":{\"type\":\"string\","
    "\"description\":"
    "\"the word of the datasets\"},\"state\":{\"type\":[\"string\",\"null\"],\"description\":"
    "\"ours, finer\"},\"place\":{\"type\":[\"integer\",\"null\"],\"description\":\"1 is the "
    "next "
    "one\"},\"estimated_start\":{\"type\":[\"object\",\"null\"],\"description\":\"null: not "
    "known\","
    "\"properties\":{\"from\":{\"type\":\"string\"},\"to\":{\"type\":\"string\"},\"learned_"
    "from\":{"
    "\"type\":\"integer\"}}},\"attempts\":{\"type\":\"integer\"},\"failure\":{\"type\":["
    "\"object\",\"null\"],\"properties\":{\"class\":{\"type\":[\"string\",\"null\"]},"
    "\"reason\":{"
    "\"type\":[\"string\",\"null\"]},\"platform\":{\"type\":\"boolean\",\"description\":\"it "
    "was "
    "the platform's fault\"},\"zh\":{\"type\":\"object\"},\"en\":{\"type\":\"object\"}}},"
    "\"evaluations\":{\"type\":\"array\",\"description\":\"attempts, newest first\","
    "\"items\":{\"$ref\":\"#/components/schemas/Evaluation\"}},"
    "\"log_tail\":{\"type\":[\"string\",\"null\"]},\"duplicate_of\":{\"type\":[\"integer\","
    "\"null\"]},\"times\":{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\","
    "\"null\"]}},\"scores\":{\"type\":[\"object\",\"null\"],\"additionalProperties\":{\"type\":"
    "["
    "\"number\",\"null\"]}},\"links\":{\"type\":\"object\",\"additionalProperties\":{\"type\":"
    "\"string\"}}}},"
    "\"Evaluation\":{\"type\":\"object\",\"required\":[\"attempt\",\"host\",\"state\","
    "\"progress\",\"benchmarks\",\"started\",\"ended\",\"seconds\",\"failure\",\"reason\"],"
    "\"properties\":{\"attempt\":{\"type\":\"integer\"},\"round\":{\"type\":\"integer\"},"
    "\"host\":{\"type\":\"string\"},\"state\":{\"enum\":[\"leased\",\"running\",\"storing\","
    "\"cancelling\",\"ended\"]},\"progress\":{\"type\":[\"number\",\"null\"],\"minimum\":0,"
    "\"maximum\":1},\"benchmark\":{\"type\":[\"string\",\"null\"],\"description\":\"the one "
    "that runs now\"},\"benchmarks\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
    "\"required\":[\"key\",\"name\",\"state\",\"seconds\"],\"properties\":{\"key\":{\"type\":"
    "\"string\"},\"name\":{\"type\":\"string\"},\"state\":{\"enum\":[\"waiting\",\"running\","
    "\"done\"]},\"seconds\":{\"type\":[\"number\",\"null\"]}}}},\"leased\":{\"type\":["
    "\"string\",\"null\"]},\"started\":{\"type\":[\"string\",\"null\"]},\"ended\":{\"type\":["
    "\"string\",\"null\"]},\"seconds\":{\"type\":[\"number\",\"null\"],\"minimum\":0},"
    "\"failure\":{\"type\":[\"string\",\"null\"]},\"reason\":{\"type\":[\"string\",\"null\"]},"
    "\"links\":{\"type\":\"object\"}}},"
    "\"LogPart\":{\"type\":\"object\",\"required\":[\"request\",\"attempt\",\"from\",\"next\","
    "\"end\",\"ended\",\"text\"],\"properties\":{\"request\":{\"type\":\"integer\"},"
    "\"attempt\":{\"type\":[\"integer\",\"null\"]},\"from\":{\"type\":\"integer\"},\"next\":{"
    "\"type\":\"integer\"},"
    "\"end\":{\"type\":\"integer\",\"description\":\"bytes there are at present\"},\"ended\":{"
    "\"type\":\"boolean\",\"description\":\"no more will come\"},\"text\":{\"type\":"
    "\"string\"},\"links\":{\"type\":\"object\"}}},"
    "\"Requests\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Request\"}},"
    "\"ModelStatus\":{\"type\":\"object\",\"required\":[\"model_id\",\"status\",\"requests\"],"
    "\"properties\":{\"model_id\":{\"type\":\"string\"},\"status\":{\"type\":\"string\"},"
    "\"revision\":{\"type\":\"string\"},\"precision\":{\"type\":\"string\"},\"submission_"
    "time\":{"
    "\"type\":[\"string\",\"null\"]},\"requests\":{\"$ref\":\"#/components/schemas/"
    "Requests\"}}}}";

#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"

enum parameters { NO_PARAMETERS, OF_ROWS, OF_MODEL, OF_OWNED_MODEL, OF_ID, OF_LOG };

struct operation {
    const char *path, *id, *summary, *type, *schema;
    enum parameters parameters;
    bool may_miss; /* 404 */
};

static const struct operation operations[] = {
    {"/api/leaderboard", "leaderboard",
     "Rows as the table shows them, a page at a time. X-Total-Count has the number of all, "
     "Link "
     "the next page.",
     "application/json", "{\"type\":\"array\",\"items\":" REF("Row") "}", OF_ROWS, false},
    {"/api/leaderboard/formatted", "leaderboard_formatted",
     "Entries in the shape of the second Open LLM Leaderboard, exact scores.",
     "application/json", "{\"type\":\"array\",\"items\":" REF("Entry") "}", OF_ROWS, false},
    {"/api/leaderboard.csv", "leaderboard_csv",
     "The same rows as CSV (RFC 4180, UTF-8): all columns, exact scores. Text that a "
     "spreadsheet would take for a formula has an apostrophe in front.",
     "text/csv", "{\"type\":\"string\"}", OF_ROWS, false},
    {"/api/models/status", "models_status", "Every request by table.", "application/json",
     "{\"type\":\"object\",\"required\":[\"pending\",\"evaluating\",\"finished\",\"failed\","
     "\"cancelled\"],"
     "\"additionalProperties\":" REF("Requests") "}",
     NO_PARAMETERS, false},
    {"/api/models/pending", "models_pending", "The requests that wait.", "application/json",
     REF("Requests"), NO_PARAMETERS, false},
    {"/api/models/{owner}/{name}/status", "model_status", "The requests of a model.",
     "application/json", REF("ModelStatus"), OF_OWNED_MODEL, true},
    {"/api/models/{name}/status", "model_status_bare",
     "The requests of a model whose id has no owner.", "application/json", REF("ModelStatus"),
     OF_MODEL, true},
    {"/api/requests/{id}", "request",
     "All that is known of a request: state, place, estimate, failure, end of the log, times.",
     "application/json", REF("RequestFacts"), OF_ID, true},
    {"/api/requests/{id}/log", "request_log",
     "A part of the log of an attempt: whole lines from a byte on, without what should not be "
     "seen. Without `from` its end. Reading goes on at `next`.",
     "application/json", REF("LogPart"), OF_LOG, true},
    {"/api/requests/{id}/file", "request_file", "A request as the hub's dataset has it.",
     "application/json", "{\"type\":\"object\"}", OF_ID, true},
    {"/api/results/{id}", "result", "A result file as it came.", "application/json",
     "{\"type\":\"object\"}", OF_ID, true},
    {"/feeds/results.atom", "feed_results", "New results on the board, newest first.",
     "application/atom+xml", "{\"type\":\"string\"}", NO_PARAMETERS, false},
    {"/feeds/status.atom", "feed_status", "What happened to requests, newest first.",
     "application/atom+xml", "{\"type\":\"string\"}", NO_PARAMETERS, false},
    {"/config", "config", "The Gradio app: components, layout and functions.",
     "application/json", "{\"type\":\"object\"}", NO_PARAMETERS, false},
    {"/info", "info", "The functions with their parameters, as Gradio clients read them.",
     "application/json", "{\"type\":\"object\"}", NO_PARAMETERS, false},
    {"/healthz", "healthz", "Whether the store can be read; 503 when not.", "text/plain",
     "{\"type\":\"string\"}", NO_PARAMETERS, false},
    {"/openapi.json", "openapi", "This document.", "application/json", "{\"type\":\"object\"}",
     NO_PARAMETERS, false},
};

static void
put_parameter(struct jb_json *j, const char *name, const char *in, const char *description)
{
    jb_json_object(j);
    jb_json_ktext(j, "name", name);
    jb_json_ktext(j, "in", in);
    jb_json_kbool(j, "required", in[0] == 'p');
    if (description)
        jb_json_ktext(j, "description", description);
    jb_json_key(j, "schema");
}

/* A parameter that may stand several times, of what `put` writes. */
static void
put_choice(struct jb_json *j, const struct board *board, const char *name,
           const char *description, void (*put)(const struct board *board, struct jb_json *j))
{
    put_parameter(j, name, "query", description);
    jb_json_object(j);
    jb_json_ktext(j, "type", "array");
    jb_json_key(j, "items");
    jb_json_object(j);
    jb_json_ktext(j, "type", "string");
    jb_json_key(j, "enum");
    jb_json_array(j);
    put(board, j);
    jb_json_end(j);
    jb_json_end(j);
    jb_json_end(j);
    jb_json_end(j);
}

static void
put_types(const struct board *board, struct jb_json *j)
{
    const struct board_config *config = board_config_of(board);
    const struct board_type *types = config->types.items;

    for (size_t i = 0; i < config->types.n; i++)
        jb_json_text(j, types[i].key);
}

static void
put_precisions(const struct board *board, struct jb_json *j)
{
    const struct board_config *config = board_config_of(board);

    for (size_t i = 0; i < board_precisions(config); i++)
        jb_json_text(j, board_precision_label(config, i));
}

static void
put_sizes(const struct board *board, struct jb_json *j)
{
    const struct board_config *config = board_config_of(board);
    const struct board_size *sizes = config->sizes.items;

    for (size_t i = 0; i < config->sizes.n; i++)
        jb_json_text(j, sizes[i].label);
}

static void
put_hides(const struct board *board, struct jb_json *j)
{
    (void)board;
    for (size_t i = 0; i < BOARD_HIDES; i++)
        jb_json_text(j, board_hide_key(i));
    jb_json_text(j, "none");
}

static void
put_whole_number(struct jb_json *j, const char *name, const char *in, const char *description,
                 int64_t minimum)
{
    put_parameter(j, name, in, description);
    jb_json_object(j);
    jb_json_ktext(j, "type", "integer");
    jb_json_kint(j, "minimum", minimum);
    jb_json_end(j);
    jb_json_end(j);
}

static void
put_parameters(struct jb_json *j, const struct board *board, enum parameters which)
{
    jb_json_key(j, "parameters");
    jb_json_array(j);
    if (which == OF_OWNED_MODEL) {
        put_parameter(j, "owner", "path", NULL);
        jb_json_raw(j, JB_STR("{\"type\":\"string\"}"));
        jb_json_end(j);
    }
    if (which == OF_MODEL || which == OF_OWNED_MODEL) {
        put_parameter(j, "name", "path", NULL);
        jb_json_raw(j, JB_STR("{\"type\":\"string\"}"));
        jb_json_end(j);
    }
    if (which == OF_ID || which == OF_LOG)
        put_whole_number(j, "id", "path", NULL, 1);
    if (which == OF_LOG) {
        put_whole_number(j, "attempt", "query", "Number of an attempt; the newest without.", 0);
        put_whole_number(j, "from", "query", "Byte to begin at, `next` of the part before.", 0);
    }
    if (which == OF_ROWS) {
        put_parameter(j, "query", "query", "Search: parts of names, split at `;`.");
        jb_json_raw(j, JB_STR("{\"type\":\"string\"}"));
        jb_json_end(j);
        put_choice(j, board, "type", "Model types; all of them without one.", put_types);
        put_choice(j, board, "precision", "Precisions.", put_precisions);
        put_choice(j, board, "size", "Sizes in billions of parameters.", put_sizes);
        put_choice(j, board, "hide", "What is left out; nothing without one.", put_hides);
        put_parameter(j, "sort", "query", "Column to sort by: a benchmark, average, params, …");
        jb_json_raw(j, JB_STR("{\"type\":\"string\"}"));
        jb_json_end(j);
        put_parameter(j, "order", "query", NULL);
        jb_json_raw(j, JB_STR("{\"type\":\"string\",\"enum\":[\"asc\",\"desc\"]}"));
        jb_json_end(j);
        put_whole_number(j, "offset", "query", "Rows to leave out at the start.", 0);
        put_parameter(j, "limit", "query", "Rows at most.");
        jb_json_object(j);
        jb_json_ktext(j, "type", "integer");
        jb_json_kint(j, "minimum", 0);
        jb_json_kint(j, "maximum", API_ROWS_MOST);
        jb_json_end(j);
        jb_json_end(j);
    }
    jb_json_end(j);
}

static void
put_answer(struct jb_json *j, const char *status, const char *description, const char *type,
           const char *schema)
{
    jb_json_key(j, status);
    jb_json_object(j);
    jb_json_ktext(j, "description", description);
    jb_json_key(j, "content");
    jb_json_object(j);
    jb_json_key(j, type);
    jb_json_object(j);
    jb_json_key(j, "schema");
    jb_json_raw(j, jb_str(schema));
    jb_json_end(j);
    jb_json_end(j);
    jb_json_end(j);
}

static void
put_operation(struct jb_json *j, const struct board *board, const struct operation *o)
{
    jb_json_key(j, o->path);
    jb_json_object(j);
    jb_json_key(j, "get");
    jb_json_object(j);
    jb_json_ktext(j, "operationId", o->id);
    jb_json_ktext(j, "summary", o->summary);
    if (o->parameters != NO_PARAMETERS)
        put_parameters(j, board, o->parameters);
    jb_json_key(j, "responses");
    jb_json_object(j);
    put_answer(j, "200", "As asked for.", o->type, o->schema);
    if (o->parameters == OF_ROWS || o->parameters == OF_LOG)
        put_answer(j, "400", "A parameter is unknown or not a choice.", "application/json",
                   REF("Error"));
    if (o->may_miss)
        put_answer(j, "404", "It is not known.", "application/json", REF("Error"));
    jb_json_end(j);
    jb_json_end(j);
    jb_json_end(j);
}

int
openapi_put(const struct conf *conf, const struct board *board,
            const struct gradio_site *gradio, struct jb_buf *out)
{
    const struct board_config *config = board_config_of(board);
    struct jb_json j;

    jb_json_init(&j, out);
    jb_json_object(&j);
    jb_json_ktext(&j, "openapi", "3.1.0");
    jb_json_key(&j, "info");
    jb_json_object(&j);
    jb_json_ktext(&j, "title", config->title[0] ? config->title : conf->site.title);
    jb_json_ktext(&j, "version", PACKAGE_VERSION);
    jb_json_end(&j);
    jb_json_key(&j, "servers");
    jb_json_array(&j);
    jb_json_object(&j);
    jb_json_ktext(&j, "url", conf->site.mount[0] ? conf->site.mount : "/");
    jb_json_end(&j);
    jb_json_end(&j);
    jb_json_key(&j, "paths");
    jb_json_object(&j);
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        put_operation(&j, board, &operations[i]);
    openapi_put_posts(&j);
    gradio_site_put_paths(gradio, &j);
    jb_json_end(&j);
    jb_json_key(&j, "components");
    jb_json_object(&j);
    jb_json_key(&j, "schemas");
    struct jb_buf all = JB_BUF(256 << 10);
    jb_buf_put(&all, schemas, sizeof(schemas) - 2); /* open still */
    jb_buf_str(&all, openapi_post_schemas());
    jb_buf_putc(&all, '}');
    jb_json_raw(&j, jb_buf_view(&all));
    if (all.err && !out->err)
        out->err = all.err;
    jb_buf_free(&all);
    jb_json_end(&j);
    jb_json_end(&j);
    return jb_json_finish(&j);
}
