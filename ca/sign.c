/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "ca/sign.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "ca/folder.h"
#include "crypto/digest.h"
#include "harness/jsontext.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct request {
    const char *role, *name, *csr;
};

int
ca_signer_init(struct ca_signer *signer, const struct conf *conf, int64_t now_ms,
               struct jb_error *err)
{
    static const enum pki_role roles[] = {PKI_HOST_ISSUER, PKI_CONTROL_ISSUER};

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        struct jb_buf pem = {0}, key = {0};
        int rc = ca_issuer_read(conf->pki.dir, roles[i], err, &pem, &key);

        jb_buf_free(&pem);
        pki_wipe(&key);
        if (rc)
            return rc;
    }
    *signer =
        (struct ca_signer){.conf = conf, .tokens = (double)conf->ca.rate, .filled_ms = now_ms};
    return 0;
}

/* `ca.rate` a minute, as many at once. */
static bool
take_token(struct ca_signer *s, int64_t now_ms)
{
    double rate = (double)s->conf->ca.rate;

    if (now_ms > s->filled_ms)
        s->tokens += (double)(now_ms - s->filled_ms) * rate / 60000;
    s->filled_ms = now_ms;
    if (s->tokens > rate)
        s->tokens = rate;
    if (s->tokens < 1)
        return false;
    s->tokens -= 1;
    return true;
}

/* A string member that was not there yet. */
static int
take(const struct jsontext_member *m, const char *word, const char **to, struct jb_arena *arena,
     struct jb_error *err)
{
    if (*to)
        return jb_fail(err, JB_EPARSE, "%s is there twice", word);
    if (m->value.n < 2 || m->value.p[0] != '"')
        return jb_fail(err, JB_EPARSE, "%s is no string", word);
    *to = jsontext_key((struct jb_str){m->value.p + 1, m->value.n - 2}, arena);
    return *to ? 0 : jb_fail(err, JB_ENOMEM, "out of memory");
}

static int
read_request(struct jb_str text, struct jb_arena *arena, struct jb_error *err,
             struct request *ret)
{
    static const struct jsontext_limits limits = {CA_REQUEST_MAX, 2, 8};
    struct request r = {0};
    struct jsontext_member m;
    size_t at = 0, start = 0;
    int rc = jsontext_check(text, &limits, err);

    while (!rc && start < text.n && strchr(" \t\r\n", text.p[start]))
        start++;
    if (!rc && (start == text.n || text.p[start] != '{'))
        rc = jb_fail(err, JB_EPARSE, "a request is an object");
    while (!rc && jsontext_next(text, &at, &m)) {
        if (jsontext_key_is(m.key, "role"))
            rc = take(&m, "role", &r.role, arena, err);
        else if (jsontext_key_is(m.key, "name"))
            rc = take(&m, "name", &r.name, arena, err);
        else if (jsontext_key_is(m.key, "csr"))
            rc = take(&m, "csr", &r.csr, arena, err);
        else
            rc = jb_fail(err, JB_EPARSE, "unknown member \"%.*s\"",
                         (int)(m.key.n > 40 ? 40 : m.key.n), m.key.p);
    }
    if (!rc && (!r.role || !r.csr))
        rc = jb_fail(err, JB_EPARSE, "a request has a role and a csr");
    if (!rc)
        *ret = r;
    return rc;
}

static int
make_order(const struct ca_signer *s, const struct request *r, int64_t now_us,
           struct jb_error *err, struct pki_order *ret)
{
    struct pki_order order = {.now = now_us, .life = s->conf->pki.leaf_life / 1000};

    if (strcmp(r->role, pki_role_word(PKI_HOST)) == 0) {
        if (!r->name)
            return jb_fail(err, JB_EPARSE, "a host has a name");
        order.role = PKI_HOST;
        order.name = r->name;
    } else if (strcmp(r->role, pki_role_word(PKI_DISPATCHER)) == 0) {
        if (r->name)
            return jb_fail(err, JB_EPARSE, "the dispatcher's name is not asked for");
        order.role = PKI_DISPATCHER;
        order.name = "dispatcher";
    } else {
        return jb_fail(err, JB_EINVAL, "only a host or the dispatcher gets a certificate here");
    }
    *ret = order;
    return 0;
}

static int
append(const char *dir, struct jb_str line, struct jb_error *err)
{
    char path[4096];
    ssize_t n;
    int fd, rc = 0;

    if (snprintf(path, sizeof(path), "%s/issued.jsonl", dir) >= (int)sizeof(path))
        return jb_fail(err, JB_EINVAL, "%s: path too long", dir);
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", path);
    n = write(fd, line.p, line.n);
    if (n < 0)
        rc = jb_fail_errno(err, errno, "%s", path);
    else if ((size_t)n != line.n)
        rc = jb_fail(err, JB_EFULL, "%s: no space left", path);
    else if (fdatasync(fd))
        rc = jb_fail_errno(err, errno, "%s", path);
    close(fd);
    return rc;
}

static int
record(const struct ca_signer *s, struct jb_str pem, const struct ca_asker *asker,
       int64_t now_us, struct jb_error *err)
{
    struct jb_buf line = JB_BUF(4096);
    struct pki_identity id;
    char hex[2 * PKI_HASH_SIZE + 1], at[JB_TIME_SIZE], until[JB_TIME_SIZE];
    struct jb_json j;
    int rc = pki_identity_read(pem, err, &id);

    if (rc)
        return rc;
    crypto_hex(id.key_hash, sizeof(id.key_hash), hex);
    jb_time_format(now_us, 0, at);
    jb_time_format(id.not_after, 0, until);
    jb_json_init(&j, &line);
    jb_json_object(&j);
    jb_json_ktext(&j, "at", at);
    jb_json_ktext(&j, "role", pki_role_word(id.role));
    jb_json_ktext(&j, "name", id.name);
    jb_json_ktext(&j, "serial", id.serial);
    jb_json_ktext(&j, "key", hex);
    jb_json_ktext(&j, "until", until);
    jb_json_kint(&j, "uid", (int64_t)asker->uid);
    jb_json_kint(&j, "pid", (int64_t)asker->pid);
    jb_json_end(&j);
    jb_buf_putc(&line, '\n');
    rc = line.err ? jb_fail(err, line.err, "record: %s", jb_strerror(line.err))
                  : append(s->conf->pki.dir, jb_buf_view(&line), err);
    if (!rc)
        jb_log(JB_LOG_NOTICE, "signed %s %s, serial %s, until %s, for uid %ld pid %ld",
               pki_role_word(id.role), id.name, id.serial, until, (long)asker->uid,
               (long)asker->pid);
    jb_buf_free(&line);
    return rc;
}

static int
sign(struct ca_signer *s, struct jb_str text, const struct ca_asker *asker, int64_t now_us,
     struct jb_arena *arena, struct jb_error *err, struct jb_buf *ret_chain)
{
    struct jb_buf issuer = {0}, key = {0}, pem = {0};
    struct pki_order order = {0};
    struct request r;
    int rc = read_request(text, arena, err, &r);

    if (!rc)
        rc = make_order(s, &r, now_us, err, &order);
    if (!rc)
        rc = ca_issuer_read(s->conf->pki.dir,
                            order.role == PKI_HOST ? PKI_HOST_ISSUER : PKI_CONTROL_ISSUER, err,
                            &issuer, &key);
    if (!rc)
        rc = pki_issue(&order, jb_str(r.csr), jb_buf_view(&issuer), jb_buf_view(&key), err,
                       &pem);
    pki_wipe(&key);
    if (!rc)
        rc = record(s, jb_buf_view(&pem), asker, now_us, err);
    if (!rc) {
        jb_buf_str(&pem, jb_buf_view(&issuer));
        rc = pem.err ? jb_fail(err, pem.err, "certificate: %s", jb_strerror(pem.err)) : 0;
    }
    jb_buf_free(&issuer);
    if (rc)
        jb_buf_free(&pem);
    else
        *ret_chain = pem;
    return rc;
}

void
ca_sign(struct ca_signer *s, struct jb_str request, const struct ca_asker *asker,
        int64_t now_us, int64_t now_ms, struct jb_buf *out)
{
    struct jb_arena *arena = jb_arena_new(4 * CA_REQUEST_MAX);
    struct jb_error err = {0};
    struct jb_buf chain = {0};
    struct jb_json j;
    int rc;

    if (!arena)
        rc = jb_fail(&err, JB_ENOMEM, "out of memory");
    else if (!take_token(s, now_ms))
        rc = jb_fail(&err, JB_ELIMIT, "more than %lld signatures a minute",
                     (long long)s->conf->ca.rate);
    else
        rc = sign(s, request, asker, now_us, arena, &err, &chain);
    if (rc)
        jb_log(JB_LOG_WARNING, "refused to sign for uid %ld pid %ld: %s", (long)asker->uid,
               (long)asker->pid, err.text);
    jb_json_init(&j, out);
    jb_json_object(&j);
    if (rc) {
        jb_json_kint(&j, "code", rc);
        jb_json_ktext(&j, "error", err.text);
    } else {
        jb_json_kstr(&j, "certificate", jb_buf_view(&chain));
    }
    jb_json_end(&j);
    jb_buf_putc(out, '\n');
    jb_buf_free(&chain);
    jb_arena_free(arena);
}
