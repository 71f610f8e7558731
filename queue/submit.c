/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/submit.h"

#include "base/text.h"
#include "crypto/digest.h"
#include "queue/life.h"
#include "queue/moderate.h"
#include "queue/names.h"
#include "queue/quota.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One submission on its way through. */
struct submitting {
    struct store_txn *txn;
    const struct submit_rules *rules;
    const struct submission *given;
    struct queue_answer *answer;
    struct jb_arena *arena;
    struct jb_error *err;
    int64_t now;
    /* cleaned */
    const char *model, *base_model, *revision, *precision, *weight_type, *model_type;
    const char *typed_model; /* before aliases */
    const char *owner;
    bool builtin;
    unsigned char nonce[CRYPTO_SHA256_SIZE]; /* digest; random when the client gave none */
    bool has_nonce;
};

/* 0: goes on; 1: answered; negative: failed. */
enum { GO_ON = 0, ANSWERED = 1 };

#define ANSWER(s, ...)                                                                         \
    (queue_answer_set((s)->answer, (s)->arena, __VA_ARGS__)                                    \
         ? jb_fail((s)->err, JB_ENOMEM, "no memory for an answer")                             \
         : ANSWERED)

static const char *
trimmed(struct submitting *s, struct jb_str text)
{
    while (text.n &&
           (text.p[0] == ' ' || text.p[0] == '\t' || text.p[0] == '\n' || text.p[0] == '\r'))
        text.p++, text.n--;
    while (text.n && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t' ||
                      text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    /* A NUL would end the text early and hide what stands behind it from the grammar. */
    if (text.n && memchr(text.p, '\0', text.n))
        return "\x01";
    return jb_arena_dup(s->arena, text.p ? text.p : "", text.n);
}

static int
clean(struct submitting *s)
{
    const struct submission *g = s->given;

    s->typed_model = s->model = trimmed(s, g->model);
    s->base_model = trimmed(s, g->base_model);
    s->revision = trimmed(s, g->revision);
    s->precision = trimmed(s, g->precision);
    s->weight_type = trimmed(s, g->weight_type);
    s->model_type = trimmed(s, g->model_type);
    if (!s->model || !s->base_model || !s->revision || !s->precision || !s->weight_type ||
        !s->model_type)
        return jb_fail(s->err, JB_ENOMEM, "no memory for a submission");
    if (!*s->revision)
        s->revision = "main";
    if (!*s->weight_type)
        s->weight_type = "Original";
    /* "8bit (LLM.int8)", as older forms have it. */
    char *blank = strchr(s->precision, ' ');
    if (blank)
        s->precision = jb_arena_dup(s->arena, s->precision, (size_t)(blank - s->precision));
    return s->precision ? GO_ON : jb_fail(s->err, JB_ENOMEM, "no memory for a submission");
}

static bool
names_type(const struct submit_type *t, const char *text, const char *stored)
{
    size_t n = strlen(t->icon);

    return strcmp(text, stored) == 0 || strcmp(text, t->key) == 0 ||
           strcmp(text, t->label) == 0 || strcmp(text, t->icon) == 0 ||
           (strncmp(text, t->icon, n) == 0 && text[n] == ' ' &&
            strcmp(text + n + 1, t->label) == 0);
}

static int
check_type(struct submitting *s)
{
    for (size_t i = 0; i < s->rules->n_types && *s->model_type; i++) {
        const struct submit_type *t = &s->rules->types[i];
        const char *stored = jb_arena_printf(s->arena, "%s : %s", t->icon, t->label);
        if (!stored)
            return jb_fail(s->err, JB_ENOMEM, "no memory for a submission");
        if (names_type(t, s->model_type, stored)) {
            s->model_type = stored;
            return GO_ON;
        }
    }
    return ANSWER(s, ANSWER_ERROR, 422, "model_type_missing", "请选择模型类型。",
                  "Please choose a model type.");
}

static const char *
reason_of(struct submitting *s, const struct jb_error *err)
{
    const char *text = jb_arena_dup(s->arena, err->text, strlen(err->text));

    return text ? text : "";
}

/* What the field must be like; nothing of a wrong value is repeated. */
static int
check_grammar(struct submitting *s)
{
    struct jb_error err = {0};

    if (!*s->model)
        return ANSWER(s, ANSWER_ERROR, 422, "model_missing", "请填写模型名称。",
                      "Please give the name of the model.");
    if (jb_model_id_check(jb_str(s->model), &err))
        return ANSWER(s, ANSWER_ERROR, 422, "model_invalid",
                      "模型名称无效，应为“组织/模型”（%s）。",
                      "This is not a model id, organisation/model (%s).", reason_of(s, &err));
    if (jb_revision_check(jb_str(s->revision), &err))
        return ANSWER(s, ANSWER_ERROR, 422, "revision_invalid", "版本无效（%s）。",
                      "This is not a revision (%s).", reason_of(s, &err));
    if (*s->base_model && jb_model_id_check(jb_str(s->base_model), &err))
        return ANSWER(s, ANSWER_ERROR, 422, "base_model_invalid", "基座模型名称无效（%s）。",
                      "This is not the id of a base model (%s).", reason_of(s, &err));
    bool known = false;
    for (size_t i = 0; i < s->rules->precisions.n; i++)
        known = known || (strcmp(s->precision, s->rules->precisions.items[i]) == 0 &&
                          strcmp(s->precision, "?") != 0);
    if (!known)
        return ANSWER(s, ANSWER_ERROR, 422, "precision_invalid", "请选择一个精度。",
                      "Please choose one of the precisions.");
    if (strcmp(s->weight_type, "Original") != 0 && strcmp(s->weight_type, "Delta") != 0 &&
        strcmp(s->weight_type, "Adapter") != 0)
        return ANSWER(s, ANSWER_ERROR, 422, "weight_type_invalid",
                      "权重类型应为 Original、Delta 或 Adapter。",
                      "The weight type is Original, Delta or Adapter.");
    return GO_ON;
}

static int
check_base(struct submitting *s)
{
    if (strcmp(s->weight_type, "Original") != 0 && !*s->base_model)
        return ANSWER(s, ANSWER_ERROR, 422, "base_model_missing",
                      "Adapter 与 Delta 权重需要填写基座模型。",
                      "Adapter and delta weights need the name of their base model.");
    return GO_ON;
}

/* --- nonce and secret ------------------------------------------------------------------------
 */

static int
keyed(struct submitting *s, const char *what, const void *p, size_t n,
      unsigned char ret[CRYPTO_SHA256_SIZE])
{
    unsigned char key[STORE_SECRET_SIZE];
    struct jb_buf text = JB_BUF(8 << 10);
    int rc = store_secret(s->txn, key);

    if (rc)
        return jb_fail(s->err, rc, "%s", store_txn_reason(s->txn)->text);
    jb_buf_put(&text, what, strlen(what) + 1);
    jb_buf_put(&text, p, n);
    rc = text.err ? text.err
                  : crypto_hmac_sha256((struct jb_str){(const char *)key, sizeof key},
                                       jb_buf_view(&text), ret);
    jb_buf_free(&text);
    return rc ? jb_fail(s->err, rc, "the nonce cannot be digested") : 0;
}

static int
read_nonce(struct submitting *s)
{
    struct jb_str nonce = s->given->nonce;

    if (!nonce.n) {
        int rc = crypto_random(s->nonce, sizeof s->nonce);
        return rc ? jb_fail(s->err, rc, "no random bytes") : GO_ON;
    }
    if (nonce.n < SUBMIT_NONCE_MIN || nonce.n > SUBMIT_NONCE_MAX)
        return ANSWER(s, ANSWER_ERROR, 422, "nonce_invalid", "nonce 的长度应为 %d 到 %d 字节。",
                      "A nonce has %d to %d bytes.", SUBMIT_NONCE_MIN, SUBMIT_NONCE_MAX);
    s->has_nonce = true;
    return keyed(s, s->given->nonce_derived ? "derived nonce" : "nonce", nonce.p, nonce.n,
                 s->nonce);
}

static int
secret_of(struct submitting *s, char ret_secret[QUEUE_SECRET_SIZE],
          unsigned char ret_digest[CRYPTO_SHA256_SIZE])
{
    unsigned char mac[CRYPTO_SHA256_SIZE];
    int rc = keyed(s, "secret", s->nonce, sizeof s->nonce, mac);

    if (rc)
        return rc;
    memcpy(ret_secret, "jbs_", 4);
    crypto_hex(mac, 20, ret_secret + 4);
    rc = crypto_sha256(jb_str(ret_secret), ret_digest);
    return rc ? jb_fail(s->err, rc, "the secret cannot be digested") : 0;
}

bool
queue_secret_fits(const struct job *job, struct jb_str secret)
{
    unsigned char digest[CRYPTO_SHA256_SIZE];

    return job->has_secret && secret.n < 256 && crypto_sha256(secret, digest) == 0 &&
           crypto_equal(digest, job->secret, sizeof digest);
}

/* The answer of a life that was just accepted, or that the nonce names. */
static int
answer_with_secret(struct submitting *s, const struct life *life, const char *secret)
{
    const char *copy = jb_arena_dup(s->arena, secret, strlen(secret));

    if (!copy || queue_answer_for(&life->request, &life->job, s->arena, s->answer))
        return jb_fail(s->err, JB_ENOMEM, "no memory for an answer");
    s->answer->secret = copy;
    return ANSWERED;
}

/* The same nonce again: the answer it had, as far as it is still true. */
static int
find_nonce(struct submitting *s)
{
    unsigned char digest[CRYPTO_SHA256_SIZE];
    char secret[QUEUE_SECRET_SIZE];
    struct nonce nonce;
    struct life life;
    int rc = s->has_nonce ? store_nonce_get(s->txn, s->nonce, &nonce) : JB_ENOENT;

    if (!rc)
        rc = life_load(s->txn, nonce.request, s->arena, &life);
    if (rc == JB_ENOENT)
        return GO_ON;
    if (rc)
        return jb_fail(s->err, rc, "%s", store_txn_reason(s->txn)->text);
    enum queue_state state = life.state;
    bool badly =
        queue_state_ended(state) && state != QUEUE_FINISHED && state != QUEUE_PENDING_NEW_EVAL;
    if (life.job.round != nonce.round || (s->given->nonce_derived && badly))
        return GO_ON;
    if (strcmp(life.request.model, s->model) != 0 ||
        strcmp(life.request.revision, s->revision) != 0 ||
        strcmp(life.request.precision, s->precision) != 0 ||
        strcmp(life.request.weight_type, s->weight_type) != 0)
        return ANSWER(s, ANSWER_ERROR, 422, "nonce_reused",
                      "这个 nonce 已用于提交 %llu，内容不同。",
                      "This nonce was used for submission %llu, which is another one.",
                      (unsigned long long)nonce.request);
    if ((rc = secret_of(s, secret, digest)))
        return rc;
    /* An operator may have given it a new secret meanwhile: then this one is void. */
    if (!crypto_equal(digest, life.job.secret, sizeof digest)) {
        if (queue_answer_for(&life.request, &life.job, s->arena, s->answer))
            return jb_fail(s->err, JB_ENOMEM, "no memory for an answer");
        return ANSWERED;
    }
    return answer_with_secret(s, &life, secret);
}

/* --- who may ---------------------------------------------------------------------------------
 */

const char *
queue_owner(const char *model, struct jb_arena *arena)
{
    const char *slash = strchr(model, '/');
    const char *owner =
        jb_arena_dup(arena, model, slash ? (size_t)(slash - model) : strlen(model));

    /* Bare names belong to the hub itself: they share one allowance. */
    return !slash ? "-" : owner ? life_folded(owner, arena) : NULL;
}

static bool
in_list(const struct setting_strings *list, const char *word)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcasecmp(list->items[i], word) == 0)
            return true;
    return false;
}

static int
check_quota(struct submitting *s)
{
    const struct conf *conf = s->rules->conf;
    struct quota quota = {0};
    int rc;

    s->builtin = in_list(&conf->submit.builtin, s->model);
    s->owner = s->builtin ? "" : queue_owner(s->model, s->arena);
    if (!s->owner)
        return jb_fail(s->err, JB_ENOMEM, "no memory for a submission");
    if (s->builtin)
        return GO_ON;
    if ((rc = queue_quota(s->txn, conf, s->owner, s->now, &quota)))
        return jb_fail(s->err, rc, "%s", store_txn_reason(s->txn)->text);
    if (!quota.wait)
        return GO_ON;
    rc =
        ANSWER(s, ANSWER_ERROR, 429, "quota",
               "%s 在最近 %g 天内已提交 %llu 个模型，上限为 %lld 个；约 %lld "
               "小时后可以再次提交。",
               "%s has submitted within the last %g days %llu models of at most %lld; the next "
               "one can be taken in about %lld hours.",
               s->owner, (double)conf->submit.window / 86400e3, (unsigned long long)quota.used,
               (long long)quota.allowed, (long long)((quota.wait + 3599) / 3600));
    s->answer->retry_after = quota.wait;
    return rc;
}

struct blocked {
    const struct submitting *s;
    bool found;
};

static int
each_blocked(void *ctx, const char *name, const char *text)
{
    struct blocked *b = ctx;

    (void)text;
    if (strcasecmp(name, b->s->model) == 0 || strcasecmp(name, b->s->typed_model) == 0)
        b->found = true;
    return b->found;
}

static int
check_blocked(struct submitting *s)
{
    struct blocked b = {s, false};
    int rc = store_notes_each(s->txn, NOTE_BLOCKED, s->arena, each_blocked, &b);

    if (rc < 0)
        return jb_fail(s->err, rc, "%s", store_txn_reason(s->txn)->text);
    if (b.found)
        return ANSWER(s, ANSWER_WARNING, 403, "blocked", "%s 的作者要求不将其列入本榜单。",
                      "The authors of %s asked for it not to be on this leaderboard.",
                      s->typed_model);
    rc = store_notes_each(s->txn, NOTE_HIDDEN, s->arena, each_blocked, &b);
    if (rc < 0)
        return jb_fail(s->err, rc, "%s", store_txn_reason(s->txn)->text);
    if (b.found)
        return ANSWER(s, ANSWER_WARNING, 403, "hidden", "%s 已被维护者移出本榜单。",
                      "%s was removed from this leaderboard by its maintainers.",
                      s->typed_model);
    return GO_ON;
}

static int
already_there(struct submitting *s, const struct life *life)
{
    const char *word = queue_state_word(life->state);

    if (!*word)
        word = life->request.status;
    int rc = ANSWER(s, ANSWER_WARNING, 409, "duplicate",
                    "%s（版本 %s，精度 %s）已经提交过：提交 %llu，状态 %s。",
                    "%s (revision %s, precision %s) has been submitted already: submission "
                    "%llu, state %s.",
                    life->request.model, life->request.revision, life->request.precision,
                    (unsigned long long)life->request.id, word);
    s->answer->request = life->request.id;
    return rc;
}

/* The same submission under one of the model's names. */
struct same {
    struct submitting *s;
    struct life *life; /* one to reopen */
};

static int
each_name(void *ctx, const char *name)
{
    struct same *same = ctx;
    struct submitting *s = same->s;
    struct request request;
    struct life there;
    int rc = store_request_find(s->txn, name, s->revision, s->precision, s->weight_type,
                                s->arena, &request);

    if (rc == JB_ENOENT)
        return GO_ON;
    if (rc || (rc = life_load(s->txn, request.id, s->arena, &there)))
        return rc;
    bool present = strcmp(name, s->model) == 0;
    if (there.job.hidden && present)
        return ANSWER(s, ANSWER_WARNING, 403, "hidden", "%s 的这次提交已被维护者删除。",
                      "This submission of %s was deleted by the maintainers.", s->model);
    if (queue_next(there.state, QUEUE_EVENT_SUBMIT, QUEUE_PLATFORM) == QUEUE_STATE_MAX)
        return already_there(s, &there);
    if (present)
        *same->life = there;
    return GO_ON;
}

/* The request of the same identity, or of the commit that was typed; `life` is one to reopen,
 * or stays as it is. */
static int
find_same(struct submitting *s, struct life *life)
{
    struct same same = {s, life};
    struct request typed = {.model = s->model,
                            .commit = s->revision,
                            .precision = s->precision,
                            .weight_type = s->weight_type};
    struct life there;
    uint64_t holder = 0;
    int rc = queue_names_each(s->txn, s->model, each_name, &same);

    if (rc == ANSWERED)
        return rc;
    typed.id = life->request.id;
    if (!rc && jb_is_commit(jb_str(s->revision)))
        rc = life_holder(s->txn, &typed, s->arena, &holder);
    if (!rc && holder && !(rc = life_load(s->txn, holder, s->arena, &there)))
        return already_there(s, &there);
    if (!rc)
        return GO_ON;
    return jb_fail(s->err, rc, "%s",
                   store_txn_error(s->txn) ? store_txn_reason(s->txn)->text : jb_strerror(rc));
}

static int
accept_life(struct submitting *s, struct life *life)
{
    static const struct queue_move submit = {.event = QUEUE_EVENT_SUBMIT,
                                             .who = QUEUE_PLATFORM};
    static const struct queue_move pass = {.event = QUEUE_EVENT_PASS, .who = QUEUE_PLATFORM};
    struct request *r = &life->request;
    char secret[QUEUE_SECRET_SIZE];
    int rc;

    if (!r->id) /* as if an earlier one had been cancelled: the table then rules this one too */
        *life = (struct life){.state = QUEUE_CANCELLED,
                              .request = {.params = NAN, .likes = NAN},
                              .job = {.priority = 1}};
    if ((rc = life_refund(s->txn, life)) ||
        (rc = life_apply(s->txn, life, &submit, s->now, s->arena, s->err)))
        return rc;
    r->model = s->model;
    r->base_model = s->base_model;
    r->revision = s->revision;
    r->commit = "";
    r->precision = s->precision;
    r->weight_type = s->weight_type;
    r->model_type = s->model_type;
    r->private_ = s->given->private_;
    if (s->builtin) /* it has none, which filters by size know */
        r->params = 0;
    r->submitted = s->now / 1000000 * 1000000; /* the datasets' files have whole seconds */
    life->job.owner = s->owner;
    life->job.priority = 1;
    if ((rc = secret_of(s, secret, life->job.secret)))
        return rc;
    life->job.has_secret = true;
    life->job.state = queue_state_word(life->state);
    enum store_outcome outcome;
    if ((rc = store_request_put(s->txn, r, &outcome))) /* gives the id */
        return rc;
    if (s->builtin && (rc = life_apply(s->txn, life, &pass, s->now, s->arena, s->err)))
        return rc;
    if ((rc = life_charge(s->txn, life)) || (rc = life_store(s->txn, life)))
        return rc;
    const struct nonce nonce = {r->id, life->job.round, s->now};
    if (s->has_nonce && (rc = store_nonce_put(s->txn, s->nonce, &nonce)))
        return rc;
    return answer_with_secret(s, life, secret);
}

int
queue_submit(struct store_txn *txn, const struct submit_rules *rules,
             const struct submission *submission, int64_t now, struct jb_arena *arena,
             struct jb_error *err, struct queue_answer *ret_answer)
{
    struct queue_answer answer = {0};
    struct submitting s = {.txn = txn,
                           .rules = rules,
                           .given = submission,
                           .answer = &answer,
                           .arena = arena,
                           .err = err,
                           .now = now};
    struct life life = {0};
    int rc = clean(&s);

    if (!rc && !rules->conf->submit.open)
        rc = ANSWER(&s, ANSWER_ERROR, 403, "closed", "本榜单目前不接受提交。",
                    "This leaderboard takes no submissions at present.");
    if (!rc)
        rc = check_type(&s);
    if (!rc)
        rc = check_grammar(&s);
    if (!rc) {
        rc = queue_model_now(txn, s.model, arena, &s.model);
        if (rc)
            jb_fail(err, rc, "%s",
                    store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
    }
    if (!rc)
        rc = read_nonce(&s);
    if (!rc)
        rc = find_nonce(&s);
    if (!rc)
        rc = check_quota(&s);
    if (!rc)
        rc = check_blocked(&s);
    if (!rc)
        rc = check_base(&s);
    if (!rc)
        rc = find_same(&s, &life);
    if (!rc)
        rc = accept_life(&s, &life);
    if (rc < 0)
        return jb_fail(err, rc, "%s",
                       store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
    *ret_answer = answer;
    return 0;
}
