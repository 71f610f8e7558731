/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/enrol.h"

#include "agent/calls.h"
#include "base/log.h"
#include "crypto/digest.h"

#include <string.h>

enum { ARENA_MAX = 4 << 20 };

bool
enrol_done(const struct enrolment *e)
{
    return e->done;
}

static int
refuse(struct http_answer *answer, int status, const char *why)
{
    struct jb_error err = {0};

    jb_fail(&err, JB_EINVAL, "%s", why);
    calls_refuse(JB_EINVAL, &err, answer);
    answer->status = status;
    return status;
}

static struct enrol_facts
facts(const struct enrolment *e)
{
    struct enrol_facts f = {
        .name = e->name, .control_nonce = e->control_nonce, .host_nonce = e->host_nonce};

    memcpy(f.host_key, e->host_key, sizeof(f.host_key));
    memcpy(f.control_key, e->control_key, sizeof(f.control_key));
    return f;
}

static void
hello(struct enrolment *e, const unsigned char *control_key, struct jb_str body,
      struct jb_arena *arena, struct http_answer *answer)
{
    struct enrol_answer said = {.name = e->name};
    struct enrol_hello hello;
    struct jb_error err = {0};
    int rc = enrol_hello_read(body, arena, &err, &hello);

    if (!rc && strcmp(hello.name, e->name) != 0) {
        refuse(answer, 409, "this host has another name");
        return;
    }
    e->greeted = false;
    if (!rc)
        rc = enrol_nonce(&err, e->host_nonce);
    if (!rc) {
        memcpy(e->control_nonce, hello.nonce, sizeof(e->control_nonce));
        memcpy(e->control_key, control_key, sizeof(e->control_key));
        struct enrol_facts f = facts(e);
        rc = enrol_proof(ENROL_HOST, &f, e->token_hash, &err, said.proof);
    }
    if (!rc && !(said.csr = jb_arena_dup(arena, e->csr.p, e->csr.n)))
        rc = jb_fail(&err, JB_ENOMEM, "out of memory");
    if (rc) {
        calls_refuse(rc, &err, answer);
        return;
    }
    memcpy(said.nonce, e->host_nonce, sizeof(said.nonce));
    e->greeted = true;
    answer->status = 200;
    answer->type = "application/json";
    enrol_answer_put(&said, &answer->body);
}

static int
take(struct enrolment *e, const struct enrol_finish *finish, struct jb_error *err)
{
    char dns[128];
    int rc = pki_dns_name(PKI_HOST, e->name, err, dns);

    return rc ? rc
              : identity_take(e->dir, jb_str(finish->certificates), jb_str(finish->root), dns,
                              err);
}

static void
finish(struct enrolment *e, const unsigned char *control_key, struct jb_str body,
       struct jb_arena *arena, struct http_answer *answer)
{
    char proof[ENROL_HEX];
    struct enrol_finish finish;
    struct jb_error err = {0};
    struct enrol_facts f = facts(e);
    int rc = enrol_finish_read(body, arena, &err, &finish);

    if (rc) {
        calls_refuse(rc, &err, answer);
        return;
    }
    if (!e->greeted || memcmp(control_key, e->control_key, ENROL_BYTES) != 0) {
        refuse(answer, 409, "no hello came before");
        return;
    }
    f.certificates = finish.certificates;
    f.root = finish.root;
    rc = enrol_proof(ENROL_CONTROL, &f, e->token_hash, &err, proof);
    if (!rc && !crypto_equal(proof, finish.proof, ENROL_HEX - 1)) {
        e->greeted = false;
        jb_log(JB_LOG_WARNING, "somebody without the token tried to enrol this host");
        refuse(answer, 403, "the proof does not hold");
        return;
    }
    if (!rc && !e->done)
        rc = take(e, &finish, &err);
    if (rc) {
        calls_refuse(rc, &err, answer);
        return;
    }
    if (e->done && strcmp(e->proof, proof) != 0) {
        refuse(answer, 409, "this host has its certificate");
        return;
    }
    memcpy(e->proof, proof, sizeof(e->proof));
    e->done = true;
    answer->status = 200;
    answer->type = "application/json";
    jb_buf_puts(&answer->body, "{}");
}

void
enrol_call(struct enrolment *e, const unsigned char *control_key,
           const struct http_request *request, struct http_answer *ret_answer)
{
    struct jb_arena *arena = jb_arena_new(ARENA_MAX);
    bool greets = jb_str_is(request->path, "/v1/enrol/hello");

    if (!arena)
        refuse(ret_answer, 500, "out of memory");
    else if (!greets && !jb_str_is(request->path, "/v1/enrol/finish"))
        refuse(ret_answer, 404, "this host waits for its enrolment and for nothing else");
    else if (request->method != HTTP_POST)
        refuse(ret_answer, 405, "not with this method");
    else if (!control_key)
        refuse(ret_answer, 403, "show a certificate: the proofs are made over its key");
    else if (greets)
        hello(e, control_key, request->body, arena, ret_answer);
    else
        finish(e, control_key, request->body, arena, ret_answer);
    jb_arena_free(arena);
}
