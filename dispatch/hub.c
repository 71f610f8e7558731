/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/hub.h"

#include "base/clock.h"
#include "base/text.h"
#include "dispatch/hub_ask.h"
#include "dispatch/hub_card.h"
#include "dispatch/hub_parse.h"
#include "dispatch/hub_weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CARD_MAX ((size_t)1 << 20)   /* of a card as much is read */
#define PROBE    ((size_t)128 << 10) /* of a weights file at first: most headers are shorter */
#define PATIENCE 10                  /* times hub.timeout: for all questions of a check */
#define DETAIL   300                 /* bytes of a reason */

struct hub_check {
    struct jb_arena *arena;
    struct hub_place place;
    struct hub_known *known;
    struct hub_query q;
    double most; /* submit.max_params */
    size_t card_min;
    int64_t deadline;
    void (*done)(void *ctx, const struct hub_verdict *verdict);
    void *ctx;
    struct http_call *call;
    /* What to do with the answer under way. */
    void (*next)(struct hub_check *c, const struct http_answer *answer);
    bool returned; /* hub_check_start() is over: `ended` need not be seen there */
    bool ended;
    bool adapter;
    struct hub_info base, info;
    struct hub_config config;
    struct hub_weights weights;
    size_t shard;   /* whose header is being read */
    uint64_t asked; /* bytes of it that were asked for */
    double parameters;
    const char *tags[HUB_TAGS_MAX];
    struct hub_verdict verdict;
};

static void
check_free(struct hub_check *c)
{
    if (c->call)
        http_cancel(c->call);
    hub_known_unref(c->known);
    jb_arena_free(c->arena);
    free(c);
}

static void
finish(struct hub_check *c)
{
    c->done(c->ctx, &c->verdict);
    c->ended = true;
    if (c->returned)
        check_free(c);
}

static void
refuse(struct hub_check *c, enum queue_failure failure, const char *reason)
{
    c->verdict.failure = failure;
    c->verdict.reason = reason ? hub_clean(c->arena, reason, DETAIL) : "";
    finish(c);
}

/* The same with a name in front: a file, or the base model. */
static void
refuse_of(struct hub_check *c, enum queue_failure failure, const char *what, const char *reason)
{
    refuse(c, failure, jb_arena_printf(c->arena, "%s: %s", what, reason ? reason : ""));
}

static void
again(struct hub_check *c, const char *reason, int64_t after)
{
    c->verdict.retry = true;
    c->verdict.failure = FAILURE_HUB_NETWORK;
    c->verdict.reason = reason ? hub_clean(c->arena, reason, DETAIL) : "";
    if (after >= 0) {
        int64_t most = 366LL * 24 * 3600 * 1000;
        c->verdict.retry_at = jb_now_us() + (after < most ? after : most) * 1000;
    }
    finish(c);
}

static void
on_answer(void *ctx, const struct http_answer *answer)
{
    struct hub_check *c = ctx;

    c->call = NULL;
    c->next(c, answer);
}

static void
send(struct hub_check *c, const char *url, struct http_request *request,
     void (*next)(struct hub_check *c, const struct http_answer *answer))
{
    struct jb_error err = {0};
    int64_t left = c->deadline - jb_monotonic_ms();

    if (left < 1) {
        again(c, "the hub took too long for all questions together", -1);
        return;
    }
    request->url = url;
    request->timeout = request->timeout < left ? request->timeout : left;
    request->done = on_answer;
    request->ctx = c;
    c->next = next;
    if (!url)
        again(c, "out of memory", -1);
    else if (http_start(c->place.http, request, &err, &c->call))
        again(c, err.text, -1);
}

static void
ask_info(struct hub_check *c, const char *model, const char *revision,
         void (*next)(struct hub_check *c, const struct http_answer *answer))
{
    struct http_request request = c->place.request;

    send(c, hub_info_url(&c->place, c->arena, model, revision), &request, next);
}

static void
ask_file(struct hub_check *c, const struct hub_info *of, const char *file,
         void (*next)(struct hub_check *c, const struct http_answer *answer))
{
    struct http_request request = c->place.request;

    send(c, hub_file_url(&c->place, c->arena, of->id, of->commit, file), &request, next);
}

/* The first `n` bytes, from servers that know ranges and from others. */
static void
ask_begin(struct hub_check *c, const char *file, uint64_t n, bool range,
          void (*next)(struct hub_check *c, const struct http_answer *answer))
{
    struct http_request request = c->place.request;

    request.range = range;
    request.from = 0;
    request.to = n - 1;
    request.head = true;
    request.max_bytes = (size_t)n;
    send(c, hub_file_url(&c->place, c->arena, c->info.id, c->info.commit, file), &request,
         next);
}

/*
 * What an answer means that is not the wanted one: true when the check is over. `absent` is the
 * failure of a file that is not there; `what` names it.
 */
static bool
is_no(struct hub_check *c, const struct http_answer *a, const char *what,
      enum queue_failure absent)
{
    const char *reason;

    switch (hub_said(&c->place, a, true, c->arena, &reason)) {
    case HUB_YES: return false;
    case HUB_NO_REVISION: /* it was the hub that named the commit, just now */
    case HUB_LATER: again(c, reason, a->retry_after); return true;
    case HUB_GATED: refuse_of(c, FAILURE_GATED, what, reason); return true;
    case HUB_NO_REPO:
        /* Its information was given to us, so what is closed are the files. */
        refuse_of(c, a->status == 401 || a->status == 403 ? FAILURE_GATED : absent, what,
                  reason);
        return true;
    default: refuse_of(c, absent, what, reason); return true;
    }
}

/* What a parser refused. */
static void
unreadable(struct hub_check *c, enum queue_failure failure, const char *what, int rc,
           const struct jb_error *err)
{
    const char *reason = jb_arena_printf(c->arena, "%s cannot be read: %s", what, err->text);

    if (rc == JB_ENOMEM)
        again(c, reason, -1);
    else
        refuse(c, failure, reason);
}

/* ---- the card, and the end ---- */

static void
got_card(struct hub_check *c, const struct http_answer *a)
{
    struct hub_card card;

    if (is_no(c, a, "README.md", FAILURE_CARD_MISSING))
        return;
    card = hub_card_read(a->body);
    if (card.characters < c->card_min) {
        refuse(c, FAILURE_CARD_SHORT,
               jb_arena_printf(c->arena, "README.md has %zu characters of text, %zu are wanted",
                               card.characters, c->card_min));
        return;
    }
    c->verdict.n_tags =
        hub_tags(&card, c->info.tag_merge, c->info.tag_moe, c->info.id, c->tags);
    c->verdict.tags = c->tags;
    c->verdict.reason = "";
    finish(c);
}

static void
judge_size(struct hub_check *c)
{
    double params = hub_params(c->parameters, c->q.model, c->q.precision);

    if (isnan(params) && c->adapter)
        params = hub_params(NAN, c->base.id, c->q.precision);
    c->verdict.params = params;
    if (hub_params_too_many(params, c->q.precision, c->most)) {
        refuse(
            c, FAILURE_TOO_LARGE,
            jb_arena_printf(c->arena,
                            "%.3f billion parameters as %s; the limit is %g billion at 16 bits",
                            params, c->q.precision, c->most));
        return;
    }
    bool card = hub_has_file(&c->info, "README.md");
    if (!*c->info.license)
        refuse(c, FAILURE_LICENSE_MISSING,
               card ? "the metadata of README.md names no licence"
                    : "there is no README.md that could name a licence");
    else if (!card)
        refuse(c, FAILURE_CARD_MISSING, "there is no README.md");
    else
        ask_begin(c, "README.md", CARD_MAX, false, got_card);
}

/* ---- weights ---- */

static void ask_header(struct hub_check *c);

static void
count_header(struct hub_check *c, struct jb_str header)
{
    struct jb_error err = {0};
    double parameters;
    int rc = hub_header_parse(header, &err, &parameters);

    if (rc) {
        unreadable(c, FAILURE_WEIGHTS_CORRUPT, c->weights.files[c->shard], rc, &err);
        return;
    }
    c->parameters += parameters;
    c->shard++;
    ask_header(c);
}

static void
got_header(struct hub_check *c, const struct http_answer *a)
{
    const char *file = c->weights.files[c->shard];
    struct jb_error err = {0};
    struct jb_str header;
    uint64_t need;
    int rc;

    if (is_no(c, a, file, FAILURE_WEIGHTS_MISSING))
        return;
    rc = hub_header_find(a->body, c->place.request.max_bytes, &err, &need, &header);
    if (!rc && a->body.n < need && a->body.n < c->asked)
        rc = jb_fail(&err, JB_EUNPROC, "it ends within its header");
    if (rc == JB_ETOOBIG) {
        /* Nobody's fault, only more than we read: the name has to do. */
        c->parameters = NAN;
        judge_size(c);
    } else if (rc) {
        unreadable(c, FAILURE_WEIGHTS_CORRUPT, file, rc, &err);
    } else if (a->body.n < need) {
        c->asked = need;
        ask_begin(c, file, need, true, got_header);
    } else {
        count_header(c, header);
    }
}

static void
ask_header(struct hub_check *c)
{
    c->asked = PROBE;
    if (c->shard == c->weights.n_files)
        judge_size(c);
    else
        ask_begin(c, c->weights.files[c->shard], c->asked, true, got_header);
}

static void
got_index(struct hub_check *c, const struct http_answer *a)
{
    static const char name[] = "model.safetensors.index.json";
    struct jb_error err = {0};
    double total = NAN;
    int rc;

    if (is_no(c, a, name, FAILURE_WEIGHTS_MISSING))
        return;
    rc = hub_index_parse(a->body, &c->info, c->arena, &err, &c->weights.n_files,
                         &c->weights.files, &total);
    if (rc) {
        unreadable(c, FAILURE_WEIGHTS_MISSING, name, rc, &err);
        return;
    }
    c->parameters = c->weights.n_files ? 0 : total;
    ask_header(c);
}

static void
judge_weights(struct hub_check *c)
{
    if (hub_weights_find(&c->info, c->adapter, c->arena, &c->weights)) {
        again(c, "out of memory", -1);
        return;
    }
    if (!c->weights.safetensors) {
        refuse(c, FAILURE_WEIGHTS_MISSING,
               c->weights.pickle ? "the weights are pickle files only, which can run code"
                                 : "there is no file of weights");
        return;
    }
    c->parameters = c->adapter ? c->base.parameters : c->info.parameters;
    if (c->adapter || isfinite(c->parameters)) {
        judge_size(c);
    } else if (c->weights.index) {
        ask_file(c, &c->info, "model.safetensors.index.json", got_index);
    } else {
        c->parameters = 0;
        ask_header(c);
    }
}

/* ---- configuration and tokenizer ---- */

static void
judge_tokenizer(struct hub_check *c, const struct hub_config *config)
{
    const char *reason = NULL;
    enum queue_failure failure = hub_tokenizer_judge(config, c->known, c->arena, &reason);

    if (failure)
        refuse(c, failure, reason);
    else
        judge_weights(c);
}

static void
got_tokenizer(struct hub_check *c, const struct http_answer *a)
{
    static const char name[] = "tokenizer_config.json";
    struct jb_error err = {0};
    struct hub_config config;
    int rc;

    if (is_no(c, a, name, FAILURE_TOKENIZER_MISSING))
        return;
    rc = hub_config_parse(a->body, c->arena, &err, &config);
    if (rc)
        unreadable(c, FAILURE_TOKENIZER_MISSING, name, rc, &err);
    else
        judge_tokenizer(c, *config.tokenizer_class ? &config : &c->config);
}

static void
got_config(struct hub_check *c, const struct http_answer *a)
{
    struct jb_error err = {0};
    const char *reason = NULL;
    enum queue_failure failure;
    int rc;

    if (is_no(c, a, "config.json", FAILURE_CONFIG_MISSING))
        return;
    rc = hub_config_parse(a->body, c->arena, &err, &c->config);
    if (rc) {
        unreadable(c, FAILURE_CONFIG_MISSING, "config.json", rc, &err);
        return;
    }
    c->verdict.architectures = c->config.architecture;
    failure = hub_config_judge(&c->config, c->known, c->arena, &reason);
    if (failure)
        refuse(c, failure, reason);
    else if (!hub_has_tokenizer(&c->info))
        refuse(c, FAILURE_TOKENIZER_MISSING, "none of the files of a tokenizer is there");
    else if (hub_has_file(&c->info, "tokenizer_config.json"))
        ask_file(c, &c->info, "tokenizer_config.json", got_tokenizer);
    else
        judge_tokenizer(c, &c->config);
}

static void
got_adapter_config(struct hub_check *c, const struct http_answer *a)
{
    struct jb_error err = {0};
    int rc;

    if (is_no(c, a, "adapter_config.json", FAILURE_CONFIG_MISSING))
        return;
    rc = hub_config_parse(a->body, c->arena, &err, &c->config);
    if (rc)
        unreadable(c, FAILURE_CONFIG_MISSING, "adapter_config.json", rc, &err);
    else
        judge_weights(c);
}

/* ---- information ---- */

/* Reads it and says whether the check goes on. `base`: of the base model, whose faults are all
 * one class. */
static bool
read_info(struct hub_check *c, const struct http_answer *a, const char *model,
          const char *revision, bool base, struct hub_info *ret_info)
{
    enum queue_failure failure = FAILURE_NONE;
    struct jb_error err = {0};
    struct hub_info info;
    const char *reason = NULL;
    int rc;

    switch (hub_said(&c->place, a, false, c->arena, &reason)) {
    case HUB_YES: break;
    case HUB_LATER: again(c, reason, a->retry_after); return false;
    case HUB_GATED: failure = FAILURE_GATED; break;
    case HUB_NO_REVISION:
        failure = FAILURE_REVISION_MISSING;
        reason = jb_arena_printf(c->arena, "revision %s: %s", revision, reason ? reason : "");
        break;
    case HUB_ODD: failure = FAILURE_MODEL_INFO; break;
    default: failure = FAILURE_NOT_FOUND;
    }
    if (failure)
        goto out;
    rc = hub_info_parse(a->body, c->arena, &err, &info);
    if (rc == JB_EPARSE || rc == JB_ENOMEM) {
        again(c, jb_arena_printf(c->arena, "the hub's answer cannot be read: %s", err.text),
              -1);
        return false;
    }
    if (rc) {
        failure = FAILURE_MODEL_INFO;
        reason = err.text;
    } else {
        const struct hub_asked asked = {.model = model,
                                        .revision = revision,
                                        .redirected = a->redirects > 0,
                                        .private_ = c->q.private_ && !base,
                                        .token = *c->place.token != '\0'};
        failure = hub_info_judge(&info, &asked, c->arena, &reason);
    }
out:
    if (!failure)
        *ret_info = info;
    else if (base)
        refuse(c, FAILURE_BASE_MODEL,
               jb_arena_printf(c->arena, "base model %s: %s", model, reason ? reason : ""));
    else
        refuse(c, failure, reason);
    return !failure;
}

static void
got_info(struct hub_check *c, const struct http_answer *a)
{
    const char *file = c->adapter ? "adapter_config.json" : "config.json";

    if (!read_info(c, a, c->q.model, c->q.revision, false, &c->info))
        return;
    c->verdict.commit = c->info.commit;
    c->verdict.license = c->info.license;
    c->verdict.likes = c->info.likes;
    if (!hub_has_file(&c->info, file))
        refuse(c, FAILURE_CONFIG_MISSING, jb_arena_printf(c->arena, "there is no %s", file));
    else
        ask_file(c, &c->info, file, c->adapter ? got_adapter_config : got_config);
}

static void
got_base_config(struct hub_check *c, const struct http_answer *a)
{
    const char *what = jb_arena_printf(c->arena, "base model %s: config.json", c->base.id);
    struct jb_error err = {0};
    struct hub_config config;
    const char *reason = NULL;
    int rc;

    what = what ? what : "config.json of the base model";
    if (is_no(c, a, what, FAILURE_BASE_MODEL))
        return;
    rc = hub_config_parse(a->body, c->arena, &err, &config);
    if (rc) {
        unreadable(c, FAILURE_BASE_MODEL, what, rc, &err);
        return;
    }
    if (hub_config_judge(&config, c->known, c->arena, &reason)) {
        refuse_of(c, FAILURE_BASE_MODEL, what, reason);
        return;
    }
    c->verdict.base_commit = c->base.commit;
    if (c->adapter)
        c->verdict.architectures = config.architecture;
    ask_info(c, c->q.model, c->q.revision, got_info);
}

static void
got_base_info(struct hub_check *c, const struct http_answer *a)
{
    if (!read_info(c, a, c->q.base_model, "main", true, &c->base))
        return;
    if (!hub_has_file(&c->base, "config.json"))
        refuse(c, FAILURE_BASE_MODEL,
               jb_arena_printf(c->arena, "base model %s has no config.json", c->base.id));
    else
        ask_file(c, &c->base, "config.json", got_base_config);
}

/* ---- outside ---- */

static void
begin(struct hub_check *c)
{
    struct jb_error err = {0};
    bool needs_base = c->adapter || strcmp(c->q.weight_type, "Delta") == 0;

    if (jb_model_id_check(jb_str(c->q.model), &err))
        refuse(c, FAILURE_NOT_FOUND, err.text);
    else if (jb_revision_check(jb_str(c->q.revision), &err))
        refuse(c, FAILURE_REVISION_MISSING, err.text);
    else if (c->q.private_ && !*c->place.token)
        refuse(c, FAILURE_NOT_FOUND, "private models cannot be read here: no token is set");
    else if (!needs_base)
        ask_info(c, c->q.model, c->q.revision, got_info);
    else if (!*c->q.base_model)
        refuse(c, FAILURE_BASE_MODEL, "no base model was given");
    else if (jb_model_id_check(jb_str(c->q.base_model), &err))
        refuse_of(c, FAILURE_BASE_MODEL, "base model", err.text);
    else
        ask_info(c, c->q.base_model, "main", got_base_info);
}

int
hub_check_start(const struct hub_source *source, const struct hub_query *query,
                void (*done)(void *ctx, const struct hub_verdict *verdict), void *ctx,
                struct jb_error *err, struct hub_check **ret_check)
{
    struct hub_check *c = calloc(1, sizeof *c);
    int rc = JB_ENOMEM;

    if (!c)
        return jb_fail(err, rc, "out of memory");
    c->arena = jb_arena_new(((size_t)4 << 20) + 4 * (size_t)source->conf->hub.max_bytes);
    if (c->arena)
        rc = hub_place_copy(source->http, source->conf, source->url, source->token, c->arena,
                            &c->place);
    if (!rc)
        rc = hub_query_copy(query, c->arena, &c->q);
    if (rc) {
        check_free(c);
        return jb_fail(err, rc, "out of memory");
    }
    c->known = hub_known_ref(source->known);
    c->most = source->conf->submit.max_params;
    c->card_min = (size_t)source->conf->submit.card_min;
    c->deadline = jb_monotonic_ms() + PATIENCE * source->conf->hub.timeout;
    c->adapter = strcmp(c->q.weight_type, "Adapter") == 0;
    c->done = done;
    c->ctx = ctx;
    c->verdict.params = c->verdict.likes = NAN;
    begin(c);
    c->returned = true;
    *ret_check = c->ended ? NULL : c;
    if (c->ended)
        check_free(c);
    return 0;
}

void
hub_check_cancel(struct hub_check *check)
{
    if (check)
        check_free(check);
}
