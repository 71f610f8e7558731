/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/enrolment.h"

#include "base/clock.h"
#include "ca/client.h"
#include "ca/folder.h"
#include "crypto/digest.h"
#include "dispatch/http_enrol.h"
#include "wire/message.h"

#include <string.h>
#include <time.h>

enum {
    CONNECT_MS = 10 * 1000,
    ANSWER_MS = 30 * 1000,
    ANSWER_MAX = 2 * ENROL_PEM_MAX,
    INTERIM_LIFE = 86400, /* seconds */
    FINISHES = 3,         /* tries to bring the certificate */
};

struct work {
    const struct conf *conf;
    const struct enrolment_order *order;
    struct jb_arena *arena;
    struct http_enrol *http;
    struct jb_buf key, certificate; /* ours, for this connection alone */
    struct jb_buf json, body;
    struct jb_buf chain, root;
    struct enrol_hello hello;
    struct enrol_answer answer;
    struct enrol_facts facts;
    struct jb_error *err;
};

/* --- beginning ---------------------------------------------------------------------------- */

static int
connect_host(struct work *w)
{
    const struct pki_order order = {
        .role = PKI_DISPATCHER, .name = "enrol", .now = jb_now_us(), .life = INTERIM_LIFE};
    struct http_enrol_config config = {.url = w->order->url,
                                       .connect_timeout = CONNECT_MS,
                                       .timeout = ANSWER_MS,
                                       .max_bytes = ANSWER_MAX};
    int rc = pki_key_new(PKI_DISPATCHER, w->err, &w->key);

    if (!rc)
        rc = pki_interim_new(&order, jb_buf_view(&w->key), w->err, &w->certificate);
    if (!rc)
        rc = pki_key_hash(jb_buf_view(&w->key), w->err, w->facts.control_key);
    config.certificate = jb_buf_view(&w->certificate);
    config.key = jb_buf_view(&w->key);
    return rc ? rc : http_enrol_new(&config, w->err, &w->http);
}

/* What is there if it does not wait to be enrolled. */
static int
explain(int rc, struct jb_error *err)
{
    const char *hint =
        rc == JB_EBUSY || rc == JB_ETIMEDOUT ? "does jinbang-agent enrol run there?"
        : rc == JB_ECLOSED ? "an agent that has its certificate already lets no stranger in; "
                             "jinbang-agent enrol must run there instead"
                           : NULL;
    size_t n = strlen(err->text);

    if (hint && n + strlen(hint) + 4 < sizeof(err->text)) {
        struct jb_error said = *err;

        *err = (struct jb_error){0};
        jb_fail(err, rc, "%s (%s)", said.text, hint);
    }
    return rc;
}

/* An answer that is not 200. */
static int
refused(struct work *w, int status)
{
    struct wire_refusal refusal = {"no reason"};
    int rc = status == 403 ? JB_EACCES : status == 409 ? JB_ECONFLICT : JB_EIO;

    wire_refusal_read(jb_buf_view(&w->body), w->arena, NULL, &refusal);
    return jb_fail(w->err, rc, "the host refuses (%d): %s", status, refusal.error);
}

/* --- who it is ---------------------------------------------------------------------------- */

static int
check_key(struct work *w)
{
    const char *certificate = http_enrol_certificate(w->http);
    unsigned char csr_key[PKI_HASH_SIZE];
    char hex[2 * PKI_HASH_SIZE + 1];
    struct pki_identity shown;
    int rc = certificate ? pki_identity_read(jb_str(certificate), w->err, &shown)
                         : jb_fail(w->err, JB_EIO, "the host showed no certificate");

    if (rc)
        return rc;
    if (w->order->fingerprint &&
        memcmp(shown.key_hash, w->order->fingerprint, PKI_HASH_SIZE) != 0) {
        crypto_hex(shown.key_hash, PKI_HASH_SIZE, hex);
        return jb_fail(w->err, JB_EACCES, "its key has another fingerprint: %s", hex);
    }
    rc = pki_csr_key(jb_str(w->answer.csr), w->err, csr_key);
    if (!rc && memcmp(csr_key, shown.key_hash, PKI_HASH_SIZE) != 0)
        rc = jb_fail(w->err, JB_EACCES, "it asks for a certificate of a key it does not show");
    if (!rc)
        memcpy(w->facts.host_key, shown.key_hash, PKI_HASH_SIZE);
    return rc;
}

static int
check_proof(struct work *w)
{
    char proof[ENROL_HEX];
    int rc;

    if (strcmp(w->answer.name, w->order->name) != 0)
        return jb_fail(w->err, JB_ECONFLICT, "it was started for another name");
    w->facts.name = w->order->name;
    w->facts.control_nonce = w->hello.nonce;
    w->facts.host_nonce = w->answer.nonce;
    rc = enrol_proof(ENROL_HOST, &w->facts, w->order->token, w->err, proof);
    if (!rc && !crypto_equal(proof, w->answer.proof, ENROL_HEX - 1))
        rc =
            jb_fail(w->err, JB_EACCES,
                    "it does not prove the token: it was started with another one, or somebody "
                    "stands in between");
    return rc;
}

static int
greet(struct work *w)
{
    int status, rc = enrol_nonce(w->err, w->hello.nonce);

    if (rc)
        return rc;
    w->hello.name = w->order->name;
    enrol_hello_put(&w->hello, &w->json);
    rc = http_enrol_post(w->http, "/v1/enrol/hello", jb_buf_view(&w->json), w->err, &status,
                         &w->body);
    if (rc)
        return explain(rc, w->err);
    if (status != 200)
        return refused(w, status);
    rc = enrol_answer_read(jb_buf_view(&w->body), w->arena, w->err, &w->answer);
    if (rc)
        jb_error_prefix(w->err, "what the host says");
    if (!rc)
        rc = check_key(w);
    if (!rc)
        rc = check_proof(w);
    return rc;
}

/* --- the certificate ---------------------------------------------------------------------- */

static int
certify(struct work *w, struct pki_identity *ret)
{
    const char *path = jb_arena_printf(w->arena, "%s/root.pem", w->conf->pki.dir);
    int rc = path ? ca_file_read(path, false, w->err, &w->root)
                  : jb_fail(w->err, JB_ENOMEM, "out of memory");

    if (!rc)
        rc =
            ca_ask(w->conf, PKI_HOST, w->order->name, jb_str(w->answer.csr), w->err, &w->chain);
    return rc ? rc : pki_identity_read(jb_buf_view(&w->chain), w->err, ret);
}

/* The same again when no answer came: the host knows it again. */
static int
bring(struct work *w)
{
    const struct timespec second = {.tv_sec = 1};
    struct jb_error why = {0};
    int status = 0, rc = JB_ECLOSED;

    for (int i = 0; i < FINISHES; i++) {
        if (i)
            nanosleep(&second, NULL);
        why = (struct jb_error){0};
        rc = http_enrol_post(w->http, "/v1/enrol/finish", jb_buf_view(&w->json), &why, &status,
                             &w->body);
        if (rc != JB_ECLOSED && rc != JB_ETIMEDOUT && rc != JB_EBUSY)
            break;
    }
    if (rc)
        return jb_fail(w->err, rc,
                       "%s; whether the host took its certificate is not known: run "
                       "jinbang-agent enrol there again, then this again",
                       why.text);
    return status == 200 ? 0 : refused(w, status);
}

static int
finish(struct work *w)
{
    struct enrol_finish finish = {0};
    int rc;

    finish.certificates = jb_arena_dup(w->arena, w->chain.p, w->chain.n);
    finish.root = jb_arena_dup(w->arena, w->root.p, w->root.n);
    if (!finish.certificates || !finish.root)
        return jb_fail(w->err, JB_ENOMEM, "out of memory");
    w->facts.certificates = finish.certificates;
    w->facts.root = finish.root;
    rc = enrol_proof(ENROL_CONTROL, &w->facts, w->order->token, w->err, finish.proof);
    if (rc)
        return rc;
    jb_buf_reset(&w->json);
    enrol_finish_put(&finish, &w->json);
    if (w->json.err)
        return jb_fail(w->err, w->json.err, "the certificate is too long");
    /* nobody else can say that it was taken */
    rc = http_enrol_pin(w->http, w->facts.host_key, w->err);
    return rc ? rc : bring(w);
}

int
enrolment_run(const struct conf *conf, const struct enrolment_order *order,
              struct jb_error *err, struct enrolment_outcome *ret_outcome)
{
    struct jb_error why = {0};
    struct work w = {.conf = conf,
                     .order = order,
                     .arena = jb_arena_new(4 << 20),
                     .key = JB_BUF(PKI_PEM_MAX),
                     .certificate = JB_BUF(PKI_PEM_MAX),
                     .json = JB_BUF(4 * ENROL_PEM_MAX),
                     .body = JB_BUF(ANSWER_MAX),
                     .chain = JB_BUF(PKI_PEM_MAX),
                     .root = JB_BUF(PKI_PEM_MAX),
                     .err = &why};
    struct pki_identity leaf;
    int rc = w.arena ? connect_host(&w) : jb_fail(&why, JB_ENOMEM, "out of memory");

    if (!rc)
        rc = greet(&w);
    if (!rc)
        rc = certify(&w, &leaf);
    if (!rc)
        rc = finish(&w);
    if (!rc) {
        memcpy(ret_outcome->key, w.facts.host_key, sizeof(ret_outcome->key));
        ret_outcome->certificate_until = leaf.not_after;
    } else {
        jb_fail(err, rc, "host %s: %s", order->name, why.text);
    }
    http_enrol_free(w.http);
    pki_wipe(&w.key);
    jb_buf_free(&w.certificate);
    jb_buf_free(&w.json);
    jb_buf_free(&w.body);
    jb_buf_free(&w.chain);
    jb_buf_free(&w.root);
    jb_arena_free(w.arena);
    return rc;
}
