/* SPDX-License-Identifier: Apache-2.0 */
/* What programs may post: submissions, and what their submitters do with them. */
#include "fcgi/openapi.h"

static const char schemas[] =
    ",\"Submission\":{\"type\":\"object\",\"additionalProperties\":false,\"requir"
    "ed\":[\"model\",\"model_type\"],\"properties\":{\"model\":{\"type\":\"string"
    "\",\"description\":\"organisation/name on the hub; model_id and model_name m"
    "ean the same\"},\"model_id\":{\"type\":\"string\"},\"model_name\":{\"type\":"
    "\"string\"},\"revision\":{\"type\":\"string\",\"default\":\"main\"},\"precis"
    "ion\":{\"type\":\"string\",\"default\":\"float16\"},\"weight_type\":{\"type"
    "\":\"string\",\"enum\":[\"Original\",\"Delta\",\"Adapter\"],\"default\":\"Or"
    "iginal\"},\"base_model\":{\"type\":\"string\",\"description\":\"of adapters "
    "and deltas\"},\"model_type\":{\"type\":\"string\",\"description\":\"a type o"
    "f the board: its key, symbol, name, or both as the form shows them\"},\"priv"
    "ate\":{\"type\":\"boolean\",\"default\":false},\"nonce\":{\"type\":\"string"
    "\",\"minLength\":8,\"maxLength\":128,\"description\":\"chosen by the client;"
    " the same one again, after a lost answer, gives the same submission, answer "
    "and secret\"},\"use_chat_template\":{\"const\":false}}},\"SubmissionAnswer\""
    ":{\"type\":\"object\",\"required\":[\"status\",\"code\",\"message\",\"reques"
    "t\",\"secret\",\"retry_after\",\"links\"],\"properties\":{\"status\":{\"type"
    "\":\"string\"},\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"object"
    "\",\"required\":[\"zh\",\"en\"],\"properties\":{\"zh\":{\"type\":\"string\"}"
    ",\"en\":{\"type\":\"string\"}}},\"request\":{\"type\":[\"integer\",\"null\"]"
    "},\"secret\":{\"type\":[\"string\",\"null\"],\"description\":\"allows cancel"
    "ling and evaluating again; shown to the submitter only\"},\"retry_after\":{"
    "\"type\":[\"integer\",\"null\"],\"description\":\"seconds\"},\"links\":{\"ty"
    "pe\":\"object\"}}},\"Secret\":{\"type\":\"object\",\"additionalProperties\":"
    "false,\"properties\":{\"secret\":{\"type\":\"string\"}}}";

struct post {
    const char *path, *id, *summary, *schema, *accepted;
    bool of_request; /* has an {id}, and may miss it */
};

static const struct post posts[] = {
    {"/api/models/submit", "submit", "Submit a model for evaluation.", "Submission",
     "Accepted: the check with the hub is under way.", false},
    {"/api/requests/{id}/cancel", "cancel", "Cancel a submission of one's own.", "Secret",
     "Accepted.", true},
    {"/api/requests/{id}/rerun", "rerun",
     "Evaluate a submission of one's own again, after it failed or was cancelled.", "Secret",
     "Accepted: the check with the hub is under way.", true},
};

static const struct {
    const char *status, *description;
} refusals[] = {
    {"403", "Not allowed: asked for by the authors, removed, closed, or the wrong secret."},
    {"409", "It is there already, or not in a state for that; `request` says which."},
    {"422", "A member is missing or wrong; `code` or `detail` says which."},
    {"429", "The quota is used up; Retry-After says for how long."},
    {"503", "The store cannot be written at present; nothing of it was kept."},
};

static void
put_answer(struct jb_json *j, const char *status, const char *description)
{
    jb_json_key(j, status);
    jb_json_object(j);
    jb_json_ktext(j, "description", description);
    jb_json_key(j, "content");
    jb_json_raw(j, JB_STR("{\"application/json\":{\"schema\":{\"anyOf\":[{\"$ref\":"
                          "\"#/components/schemas/SubmissionAnswer\"},{\"$ref\":"
                          "\"#/components/schemas/Error\"}]}}}"));
    jb_json_end(j);
}

static void
put_post(struct jb_json *j, const struct post *p)
{
    struct jb_buf schema = JB_BUF(1024);

    jb_json_key(j, p->path);
    jb_json_object(j);
    jb_json_key(j, "post");
    jb_json_object(j);
    jb_json_ktext(j, "operationId", p->id);
    jb_json_ktext(j, "summary", p->summary);
    if (p->of_request) {
        jb_json_key(j, "parameters");
        jb_json_raw(j, JB_STR("[{\"name\":\"id\",\"in\":\"path\",\"required\":true,"
                              "\"schema\":{\"type\":\"integer\"}}]"));
    }
    jb_json_key(j, "requestBody");
    jb_buf_printf(&schema,
                  "{\"required\":true,\"content\":{\"application/json\":{\"schema\":"
                  "{\"$ref\":\"#/components/schemas/%s\"}}}}",
                  p->schema);
    jb_json_raw(j, jb_buf_view(&schema));
    jb_buf_free(&schema);
    jb_json_key(j, "responses");
    jb_json_object(j);
    put_answer(j, "200", "Done.");
    put_answer(j, "202", p->accepted);
    put_answer(j, "400", "The body is not JSON.");
    if (p->of_request)
        put_answer(j, "404", "There is no such submission.");
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        put_answer(j, refusals[i].status, refusals[i].description);
    jb_json_end(j);
    jb_json_end(j);
    jb_json_end(j);
}

void
openapi_put_posts(struct jb_json *j)
{
    for (size_t i = 0; i < sizeof(posts) / sizeof(posts[0]); i++)
        put_post(j, &posts[i]);
}

struct jb_str
openapi_post_schemas(void)
{
    return JB_STR(schemas);
}
