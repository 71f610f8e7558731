/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/enrol.h"

#include "crypto/digest.h"
#include "wire/fields.h"

#include <string.h>

enum { JSON_MAX = 4 * ENROL_PEM_MAX };

#define HEX (ENROL_HEX - 1)

static const struct field hello_fields[] = {
    FIELD_SPAN(enrol_hello, name, FIELD_TEXT, 1, 64),
    FIELD_SPAN(enrol_hello, nonce, FIELD_CHARS, HEX, HEX),
    {0},
};

static const struct field answer_fields[] = {
    FIELD_SPAN(enrol_answer, name, FIELD_TEXT, 1, 64),
    FIELD_SPAN(enrol_answer, nonce, FIELD_CHARS, HEX, HEX),
    FIELD_SPAN(enrol_answer, csr, FIELD_LINES, 1, ENROL_PEM_MAX),
    FIELD_SPAN(enrol_answer, proof, FIELD_CHARS, HEX, HEX),
    {0},
};

static const struct field finish_fields[] = {
    FIELD_SPAN(enrol_finish, proof, FIELD_CHARS, HEX, HEX),
    FIELD_SPAN(enrol_finish, certificates, FIELD_LINES, 1, ENROL_PEM_MAX),
    FIELD_SPAN(enrol_finish, root, FIELD_LINES, 1, ENROL_PEM_MAX),
    {0},
};

static int
put_digest_line(struct jb_buf *out, const char *text, struct jb_error *err)
{
    unsigned char digest[CRYPTO_SHA256_SIZE];
    char hex[ENROL_HEX];
    int rc = crypto_sha256(jb_str(text), digest);

    if (rc)
        return jb_fail(err, rc, "a digest");
    crypto_hex(digest, sizeof(digest), hex);
    jb_buf_printf(out, "%s\n", hex);
    return 0;
}

int
enrol_proof(enum enrol_side side, const struct enrol_facts *facts,
            const unsigned char token_hash[ENROL_BYTES], struct jb_error *err,
            char ret_proof[ENROL_HEX])
{
    const struct jb_str key = {(const char *)token_hash, ENROL_BYTES};
    unsigned char mac[CRYPTO_SHA256_SIZE];
    char host[ENROL_HEX], control[ENROL_HEX];
    struct jb_buf text = JB_BUF(4096);
    int rc = 0;

    crypto_hex(facts->host_key, ENROL_BYTES, host);
    crypto_hex(facts->control_key, ENROL_BYTES, control);
    jb_buf_printf(&text, "jinbang-enrol-1\n%s\n%s\n%s\n%s\n%s\n%s\n",
                  side == ENROL_HOST ? "host" : "control", facts->name, facts->control_nonce,
                  facts->host_nonce, host, control);
    if (side == ENROL_CONTROL) {
        rc = put_digest_line(&text, facts->certificates, err);
        if (!rc)
            rc = put_digest_line(&text, facts->root, err);
    }
    if (!rc && (text.err || crypto_hmac_sha256(key, jb_buf_view(&text), mac)))
        rc = jb_fail(err, text.err ? text.err : JB_EIO, "a proof");
    if (!rc)
        crypto_hex(mac, sizeof(mac), ret_proof);
    jb_buf_free(&text);
    return rc;
}

int
enrol_token_hash(struct jb_str token, struct jb_error *err, unsigned char ret_hash[ENROL_BYTES])
{
    int rc = crypto_sha256(token, ret_hash);

    return rc ? jb_fail(err, rc, "a digest") : 0;
}

int
enrol_nonce(struct jb_error *err, char ret_nonce[ENROL_HEX])
{
    unsigned char bytes[ENROL_BYTES];
    int rc = crypto_random(bytes, sizeof(bytes));

    if (rc)
        return jb_fail(err, rc, "random bytes");
    crypto_hex(bytes, sizeof(bytes), ret_nonce);
    return 0;
}

static int
bad_hex(const char *hex, struct jb_error *err)
{
    return strspn(hex, "0123456789abcdef") == HEX
               ? 0
               : jb_fail(err, JB_EUNPROC, "nonces and proofs are 64 lower-case hex digits");
}

void
enrol_hello_put(const struct enrol_hello *hello, struct jb_buf *out)
{
    fields_put(hello_fields, hello, out);
}

int
enrol_hello_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                 struct enrol_hello *ret_hello)
{
    struct enrol_hello hello;
    int rc = fields_read(hello_fields, json, JSON_MAX, arena, err, &hello, sizeof(hello));

    if (!rc)
        rc = bad_hex(hello.nonce, err);
    if (!rc)
        *ret_hello = hello;
    return rc;
}

void
enrol_answer_put(const struct enrol_answer *answer, struct jb_buf *out)
{
    fields_put(answer_fields, answer, out);
}

int
enrol_answer_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                  struct enrol_answer *ret_answer)
{
    struct enrol_answer answer;
    int rc = fields_read(answer_fields, json, JSON_MAX, arena, err, &answer, sizeof(answer));

    if (!rc)
        rc = bad_hex(answer.nonce, err);
    if (!rc)
        rc = bad_hex(answer.proof, err);
    if (!rc)
        *ret_answer = answer;
    return rc;
}

void
enrol_finish_put(const struct enrol_finish *finish, struct jb_buf *out)
{
    fields_put(finish_fields, finish, out);
}

int
enrol_finish_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                  struct enrol_finish *ret_finish)
{
    struct enrol_finish finish;
    int rc = fields_read(finish_fields, json, JSON_MAX, arena, err, &finish, sizeof(finish));

    if (!rc)
        rc = bad_hex(finish.proof, err);
    if (!rc)
        *ret_finish = finish;
    return rc;
}
