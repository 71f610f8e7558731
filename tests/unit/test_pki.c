/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, signing requests, certificates: what is issued, what passes, what is refused and why.
 */
#include <config.h>

#include "cmocka_all.h"

#include <mbedtls/base64.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "crypto/pki.h"

#define DAY    INT64_C(86400)
#define MINUTE INT64_C(60000000)

/* Made with openssl req 3.0: a name, a role and a CA flag that the request has no business
 * with.
 */
static const char greedy_csr[] =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIIBYTCCAQYCAQAwQDEQMA4GA1UECgwHamluYmFuZzEXMBUGA1UECwwOY29udHJv\n"
    "bC1pc3N1ZXIxEzARBgNVBAMMCmRpc3BhdGNoZXIwWTATBgcqhkjOPQIBBggqhkjO\n"
    "PQMBBwNCAAQ7q2/kkz8FukKHgjGZm7Cwk6YFWzd47bgsD/HPLkKXdiPoLyP3vEIT\n"
    "3Hd7VrbM2uLbsJlXuGu1tkgb2N9obpBDoGQwYgYJKoZIhvcNAQkOMVUwUzAuBgNV\n"
    "HREEJzAlgiNkaXNwYXRjaGVyLmNvbnRyb2wuamluYmFuZy5pbnRlcm5hbDAMBgNV\n"
    "HRMEBTADAQH/MBMGA1UdJQQMMAoGCCsGAQUFBwMCMAoGCCqGSM49BAMCA0kAMEYC\n"
    "IQC/Ak90Iw7zYdEe9mbqq4eC7BJghzM5pmNHdLPVmyyfiAIhANxZ4XEGZinRUs5C\n"
    "eZfX29bbekgzS3fwAy5CydHedmqq\n"
    "-----END CERTIFICATE REQUEST-----\n";

/* RSA of 2048 bits; P-384; P-256 signed over SHA-1. */
static const char rsa_csr[] =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIICUTCCATkCAQAwDDEKMAgGA1UEAwwBeDCCASIwDQYJKoZIhvcNAQEBBQADggEP\n"
    "ADCCAQoCggEBALk5BSFbW8g7i2C/PoT+9VGLkQKyDqFvB1hcrBblMt2f2GidqXOF\n"
    "7iSclcrnN19tvTo9TSeBeIwlevHGw2KhjjRReX49+cObIa3qlVahqSPdgJSswglw\n"
    "qgxoepGMeHbGVnuCY14yzoXcUJchKReLdwmwlvXltBxQhxRnqcQLRCeiFWVwZG8J\n"
    "NXte+4tBfLxJ+yWaN0bTpbNmsNIKef6thPk87gT+l8ao9JHpd4b+3aMAb6BE/IF+\n"
    "MjzyAyoKflCm1683bcvG4ysD5l0sKgehbgDj0nWoRkMrxrjMV4fBGJuqfV8SAx22\n"
    "0nH7Sd/70MiXrHTG6lMO0DdDSEg1HXhniOsCAwEAAaAAMA0GCSqGSIb3DQEBCwUA\n"
    "A4IBAQCCuMDz3/tj5HSMaKtGIHjBsaaIOdp0k0V/0cxlVPzncKzg7qPq3va8wPbm\n"
    "dLE+cjkbOkmygPUI32Dgaww1IPEQGf0Zuy3ocves6nu+Uu+pCm0a144iu0bNX7to\n"
    "kJToZnMSC1kKoJdCHY9sKP/HAcHsj3bYjPdGxWYdHubDMrlNKBzEpvrFzdTq8w4m\n"
    "dAgfLymXgpICDHxqb/SjCZ6hku05mSnusw4Q2Pgko6FvLVgnkqE/5yGd4p0XSF6R\n"
    "j4ZIN5rYrQ4Yhs0XOC0TrUNDEU6NGnqKnUyXJLab9nEe8H0KayLTRTZeayH3p/tf\n"
    "tmrEVTPld73Uy/bmoEKxk1f3sWLd\n"
    "-----END CERTIFICATE REQUEST-----\n";

static const char p384_csr[] =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIIBBDCBiwIBADAMMQowCAYDVQQDDAF4MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE\n"
    "YuO8okpPRGxSOcyGBMAI44PdIOCW2N2i5X8q4PYHmGwt/jVID4Gk7MYa+ZxMgE0Z\n"
    "lKFeUki2U/fScE4Ue9W2PnDxi8jF+20yqh6h9oLcUkYZWoyHDm1kbnSr5jbipm6y\n"
    "oAAwCgYIKoZIzj0EAwIDaAAwZQIxAMDIT75sXRIn35sO3/f4QzN7ibeXtiQJ4rGQ\n"
    "AYOy/xxqCnGJq/hFmesKj+cSOOGnwQIwKDQ4SE+xXoJvyTZeukJwHn60sk6ktXX2\n"
    "rf6niYsK4egBkXmLKBRUiz7g3SFW+MjC\n"
    "-----END CERTIFICATE REQUEST-----\n";

static const char sha1_csr[] =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIHEMG4CAQAwDDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA\n"
    "BD3mN0uhr2YRpco6q1EiTWezasyAony8eA3LBbyYS+4QvFWo6c6UByXskeOKB6PZ\n"
    "Gu2JeKZccYpX7xbq/W3QNLWgADAJBgcqhkjOPQQBA0cAMEQCICKzlXQQxyEye4Qc\n"
    "zjUVR2CDTG41zVbrimubOWow4PEhAiBcuVtv9wiuwLNzLq+Pys9U2wfMqgqweBwf\n"
    "ETapBqS5Qg==\n"
    "-----END CERTIFICATE REQUEST-----\n";

struct ca {
    struct jb_buf root_key, root, host_key, host, control_key, control;
};

static struct ca ours, theirs;
static int64_t now;

static struct jb_str
view(const struct jb_buf *b)
{
    return jb_buf_view(b);
}

static void
make_issuer(const struct ca *ca, enum pki_role role, struct jb_buf *ret_key,
            struct jb_buf *ret_pem)
{
    struct pki_order order = {.role = role, .name = "Test", .now = now, .life = 365 * DAY};
    struct jb_buf csr = {0};

    assert_int_equal(pki_key_new(role, NULL, ret_key), 0);
    assert_int_equal(pki_csr_new(view(ret_key), NULL, &csr), 0);
    assert_int_equal(
        pki_issue(&order, view(&csr), view(&ca->root), view(&ca->root_key), NULL, ret_pem), 0);
    jb_buf_free(&csr);
}

static void
make_ca(struct ca *ca)
{
    struct pki_order order = {.role = PKI_ROOT, .name = "Test", .now = now, .life = 3650 * DAY};

    assert_int_equal(pki_key_new(PKI_ROOT, NULL, &ca->root_key), 0);
    assert_int_equal(pki_root_new(&order, view(&ca->root_key), NULL, &ca->root), 0);
    make_issuer(ca, PKI_HOST_ISSUER, &ca->host_key, &ca->host);
    make_issuer(ca, PKI_CONTROL_ISSUER, &ca->control_key, &ca->control);
}

static void
free_ca(struct ca *ca)
{
    struct jb_buf *all[] = {&ca->root_key, &ca->root,        &ca->host_key,
                            &ca->host,     &ca->control_key, &ca->control};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        pki_wipe(all[i]);
}

static int
setup(void **state)
{
    (void)state;
    now = jb_now_us();
    make_ca(&ours);
    make_ca(&theirs);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    free_ca(&ours);
    free_ca(&theirs);
    return 0;
}

/* The chain of a new leaf: certificate and issuer. */
static void
make_leaf(const struct ca *ca, enum pki_role role, const char *name, int64_t life,
          struct jb_buf *ret_key, struct jb_buf *ret_chain)
{
    const struct jb_buf *issuer = role == PKI_HOST ? &ca->host : &ca->control;
    const struct jb_buf *key = role == PKI_HOST ? &ca->host_key : &ca->control_key;
    struct pki_order order = {.role = role, .name = name, .now = now, .life = life};
    struct jb_buf csr = {0};

    assert_int_equal(pki_key_new(role, NULL, ret_key), 0);
    assert_int_equal(pki_csr_new(view(ret_key), NULL, &csr), 0);
    assert_int_equal(pki_issue(&order, view(&csr), view(issuer), view(key), NULL, ret_chain),
                     0);
    jb_buf_str(ret_chain, view(issuer));
    assert_int_equal(ret_chain->err, 0);
    jb_buf_free(&csr);
}

static int
verify(const struct jb_buf *chain, const struct jb_buf *ca, enum pki_role role, int64_t at,
       const char *reason)
{
    struct pki_identity id = {.serial = "untouched"};
    struct jb_error err = {0};
    int rc = pki_verify(view(chain), view(ca), role, at, &err, &id);

    if (reason && !strstr(err.text, reason))
        fail_msg("\"%s\" does not say \"%s\"", err.text, reason);
    if (rc)
        assert_string_equal(id.serial, "untouched");
    return rc;
}

static void
test_leaves(void **state)
{
    struct jb_buf key = {0}, chain = {0};
    unsigned char hash[PKI_HASH_SIZE];
    struct pki_identity id, read;
    (void)state;

    make_leaf(&ours, PKI_HOST, "gpu-1", 7 * DAY, &key, &chain);
    assert_int_equal(pki_verify(view(&chain), view(&ours.root), PKI_HOST, now, NULL, &id), 0);
    assert_int_equal(id.role, PKI_HOST);
    assert_string_equal(id.name, "h-gpu-1.hosts.jinbang.internal");
    assert_int_equal(id.not_before / 1000000, now / 1000000 - 300);
    assert_int_equal(id.not_after / 1000000, now / 1000000 + 7 * DAY);
    assert_int_equal(strlen(id.serial), 32);
    assert_int_equal(pki_key_hash(view(&key), NULL, hash), 0);
    assert_memory_equal(hash, id.key_hash, sizeof(hash));
    assert_int_equal(pki_identity_read(view(&chain), NULL, &read), 0);
    assert_memory_equal(read.key_hash, id.key_hash, sizeof(hash));
    assert_string_equal(read.serial, id.serial);
    assert_true(pki_key_fits(view(&key), view(&chain)));
    assert_false(pki_key_fits(view(&ours.host_key), view(&chain)));
    /* trusted issuers do without the root */
    assert_int_equal(verify(&chain, &ours.host, PKI_HOST, now, NULL), 0);
    assert_true(pki_renew_at(&id) <= now + 7 * DAY * 500000);
    assert_true(pki_renew_at(&id) >= now + 7 * DAY * 390000);
    /* a life shorter than what a certificate is dated back by */
    id.not_after = now + 60 * 1000000;
    assert_true(pki_renew_at(&id) <= now + 30 * 1000000);
    assert_true(pki_renew_at(&id) >= now + 23 * 1000000);
    pki_wipe(&key);
    jb_buf_free(&chain);

    make_leaf(&ours, PKI_DISPATCHER, "dispatcher", DAY, &key, &chain);
    assert_int_equal(pki_verify(view(&chain), view(&ours.root), PKI_DISPATCHER, now, NULL, &id),
                     0);
    assert_string_equal(id.name, "dispatcher.control.jinbang.internal");
    assert_int_equal(id.role, PKI_DISPATCHER);
    pki_wipe(&key);
    jb_buf_free(&chain);
}

static void
test_authorities(void **state)
{
    struct pki_identity id;
    (void)state;

    assert_int_equal(pki_identity_read(view(&ours.root), NULL, &id), 0);
    assert_int_equal(id.role, PKI_ROOT);
    assert_string_equal(id.name, "Test");
    assert_int_equal(pki_identity_read(view(&ours.host), NULL, &id), 0);
    assert_int_equal(id.role, PKI_HOST_ISSUER);
    assert_int_equal(verify(&ours.host, &ours.root, PKI_HOST_ISSUER, now, NULL), 0);
    assert_int_equal(verify(&ours.control, &ours.root, PKI_CONTROL_ISSUER, now, NULL), 0);
    assert_int_equal(verify(&ours.control, &ours.root, PKI_HOST_ISSUER, now, "control-issuer"),
                     JB_EACCES);
    /* a CA is no client and no host */
    assert_int_equal(verify(&ours.control, &ours.root, PKI_DISPATCHER, now, "CA of another"),
                     JB_EACCES);
    assert_int_equal(verify(&ours.root, &ours.root, PKI_DISPATCHER, now, ""), JB_EACCES);
}

/* Whoever holds a host's certificate is a host, and nothing else; the same the other way. */
static void
test_roles_are_apart(void **state)
{
    struct jb_buf key = {0}, host = {0}, dispatcher = {0}, csr = {0}, pem = {0};
    struct pki_order order = {
        .role = PKI_DISPATCHER, .name = "dispatcher", .now = now, .life = DAY};
    struct jb_error err = {0};
    (void)state;

    make_leaf(&ours, PKI_HOST, "gpu-1", DAY, &key, &host);
    pki_wipe(&key);
    make_leaf(&ours, PKI_DISPATCHER, "dispatcher", DAY, &key, &dispatcher);
    assert_int_equal(verify(&host, &ours.root, PKI_DISPATCHER, now, "CA of another role"),
                     JB_EACCES);
    assert_int_equal(verify(&dispatcher, &ours.root, PKI_HOST, now, "CA of another role"),
                     JB_EACCES);
    /* only the issuer of control is trusted: a host's chain does not end there at all */
    assert_int_equal(verify(&host, &ours.control, PKI_DISPATCHER, now, "not issued by"),
                     JB_EACCES);
    /* an issuer signs its own kind only, and a leaf nothing */
    assert_int_equal(pki_csr_new(view(&key), NULL, &csr), 0);
    assert_int_equal(
        pki_issue(&order, view(&csr), view(&ours.host), view(&ours.host_key), &err, &pem),
        JB_EINVAL);
    assert_non_null(strstr(err.text, "control-issuer"));
    assert_int_equal(pki_issue(&order, view(&csr), view(&dispatcher), view(&key), NULL, &pem),
                     JB_EINVAL);
    assert_int_equal(
        pki_issue(&order, view(&csr), view(&ours.root), view(&ours.root_key), NULL, &pem),
        JB_EINVAL);
    /* the key of another issuer */
    assert_int_equal(
        pki_issue(&order, view(&csr), view(&ours.control), view(&ours.host_key), &err, &pem),
        JB_EINVAL);
    assert_null(pem.p);
    pki_wipe(&key);
    jb_buf_free(&host);
    jb_buf_free(&dispatcher);
    jb_buf_free(&csr);
}

static void
test_same_name_other_ca(void **state)
{
    struct jb_buf key = {0}, chain = {0}, mixed = JB_BUF(PKI_PEM_MAX);
    const char *second;
    (void)state;

    make_leaf(&theirs, PKI_DISPATCHER, "dispatcher", DAY, &key, &chain);
    assert_int_equal(verify(&chain, &theirs.root, PKI_DISPATCHER, now, NULL), 0);
    assert_int_equal(verify(&chain, &ours.root, PKI_DISPATCHER, now, "not issued by"),
                     JB_EACCES);
    assert_int_equal(verify(&chain, &ours.control, PKI_DISPATCHER, now, "not issued by"),
                     JB_EACCES);
    /* their leaf with our issuer behind it */
    second = strstr(chain.p + 1, "-----BEGIN");
    jb_buf_put(&mixed, chain.p, (size_t)(second - chain.p));
    jb_buf_str(&mixed, view(&ours.control));
    assert_int_equal(verify(&mixed, &ours.root, PKI_DISPATCHER, now, "not issued by"),
                     JB_EACCES);
    /* the issuer left out */
    mixed.n = (size_t)(second - chain.p);
    assert_int_equal(verify(&mixed, &theirs.root, PKI_DISPATCHER, now, "not issued by"),
                     JB_EACCES);
    pki_wipe(&key);
    jb_buf_free(&chain);
    jb_buf_free(&mixed);
}

static void
test_life(void **state)
{
    struct jb_buf key = {0}, chain = {0}, csr = {0}, pem = {0};
    struct pki_order order = {.role = PKI_HOST, .name = "gpu-1", .now = now};
    struct jb_error err = {0};
    (void)state;

    make_leaf(&ours, PKI_HOST, "gpu-1", 60, &key, &chain);
    assert_int_equal(verify(&chain, &ours.root, PKI_HOST, now + MINUTE - 2000000, NULL), 0);
    assert_int_equal(verify(&chain, &ours.root, PKI_HOST, now - 4 * MINUTE, NULL), 0);
    assert_int_equal(
        verify(&chain, &ours.root, PKI_HOST, now + 2 * MINUTE, "host certificate expired at 2"),
        JB_EACCES);
    assert_int_equal(verify(&chain, &ours.root, PKI_HOST, now - 6 * MINUTE,
                            "certificate is not valid before"),
                     JB_EACCES);
    /* no leaf outlives its issuer */
    assert_int_equal(pki_csr_new(view(&key), NULL, &csr), 0);
    order.life = 366 * DAY;
    assert_int_equal(
        pki_issue(&order, view(&csr), view(&ours.host), view(&ours.host_key), &err, &pem),
        JB_EINVAL);
    assert_non_null(strstr(err.text, "ends before"));
    order.life = 0;
    assert_int_equal(
        pki_issue(&order, view(&csr), view(&ours.host), view(&ours.host_key), NULL, &pem),
        JB_EINVAL);
    /* an issuer that has expired itself */
    order.life = 60;
    order.now = now + 366 * DAY * 1000000;
    assert_int_equal(
        pki_issue(&order, view(&csr), view(&ours.host), view(&ours.host_key), NULL, &pem),
        JB_EINVAL);
    pki_wipe(&key);
    jb_buf_free(&chain);
    jb_buf_free(&csr);
}

/* Base64 of a PEM text in, DER out; and back. */
static size_t
to_der(const struct jb_buf *pem, unsigned char *der, size_t room)
{
    const char *from = strchr(pem->p, '\n') + 1, *to = strstr(from, "-----END");
    size_t n = 0;

    assert_int_equal(
        mbedtls_base64_decode(der, room, &n, (const unsigned char *)from, (size_t)(to - from)),
        0);
    return n;
}

static void
to_pem(const unsigned char *der, size_t n, struct jb_buf *ret_pem)
{
    char *text = malloc(4 * ((n + 2) / 3) + 1);

    assert_non_null(text);
    crypto_base64(der, n, text);
    jb_buf_reset(ret_pem);
    jb_buf_printf(ret_pem,
                  "-----BEGIN CERTIFICATE REQUEST-----\n%s\n"
                  "-----END CERTIFICATE REQUEST-----\n",
                  text);
    free(text);
}

static void
test_forged_csr(void **state)
{
    static const unsigned char mark[] = {0x03, 0x42, 0x00, 0x04}; /* BIT STRING, uncompressed */
    struct jb_buf mine = {0}, other = {0}, a = {0}, b = {0}, forged = JB_BUF(8192), pem = {0};
    struct pki_order order = {.role = PKI_HOST, .name = "gpu-1", .now = now, .life = DAY};
    unsigned char der_a[1024], der_b[1024], hash[PKI_HASH_SIZE], *at_a, *at_b;
    struct jb_error err = {0};
    size_t n_a, n_b;
    (void)state;

    assert_int_equal(pki_key_new(PKI_HOST, NULL, &mine), 0);
    assert_int_equal(pki_key_new(PKI_HOST, NULL, &other), 0);
    assert_int_equal(pki_csr_new(view(&mine), NULL, &a), 0);
    assert_int_equal(pki_csr_new(view(&other), NULL, &b), 0);
    n_a = to_der(&a, der_a, sizeof(der_a));
    n_b = to_der(&b, der_b, sizeof(der_b));
    at_a = memmem(der_a, n_a, mark, sizeof(mark));
    at_b = memmem(der_b, n_b, mark, sizeof(mark));
    assert_non_null(at_a);
    assert_non_null(at_b);
    to_pem(der_a, n_a, &forged);
    assert_int_equal(pki_csr_key(view(&forged), NULL, hash), 0);
    /* somebody else's key, in the hope of a certificate for it */
    memcpy(at_a, at_b, sizeof(mark) + 64);
    to_pem(der_a, n_a, &forged);
    assert_int_equal(pki_csr_key(view(&forged), &err, hash), JB_EINVAL);
    assert_non_null(strstr(err.text, "not signed by the key"));
    assert_int_equal(
        pki_issue(&order, view(&forged), view(&ours.host), view(&ours.host_key), NULL, &pem),
        JB_EINVAL);
    assert_null(pem.p);
    /* every byte of a good one counts: none may be changed and still pass */
    for (size_t i = 0; i < n_b; i++) {
        der_b[i] ^= 0x01;
        to_pem(der_b, n_b, &forged);
        if (pki_csr_key(view(&forged), NULL, hash) == 0)
            fail_msg("passes with byte %zu of %zu changed", i, n_b);
        der_b[i] ^= 0x01;
    }
    jb_buf_free(&forged);
    jb_buf_free(&a);
    jb_buf_free(&b);
    pki_wipe(&mine);
    pki_wipe(&other);
}

static void
test_unwanted_csr(void **state)
{
    static const struct {
        const char *pem, *reason;
    } cases[] = {
        {rsa_csr, "P-256"},
        {p384_csr, "P-256"},
        {sha1_csr, "SHA-256"},
        {"", "not PEM"},
        {"rubbish", "not PEM"},
        {"-----BEGIN CERTIFICATE REQUEST-----\n", "cannot be read"},
        {"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
         "cannot be read"},
    };
    unsigned char hash[PKI_HASH_SIZE];
    char *large = malloc(9000);
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct jb_error err = {0};
        assert_int_equal(pki_csr_key(jb_str(cases[i].pem), &err, hash), JB_EINVAL);
        if (!strstr(err.text, cases[i].reason))
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].reason);
    }
    assert_non_null(large);
    memset(large, '\n', 9000);
    memcpy(large, greedy_csr, sizeof(greedy_csr) - 1);
    assert_int_equal(pki_csr_key((struct jb_str){large, 9000}, NULL, hash), JB_EINVAL);
    free(large);
}

/* The name, the usage and the flag of the CSR are nowhere in the certificate. */
static void
test_names_are_ours(void **state)
{
    struct pki_order order = {.role = PKI_HOST, .name = "gpu-1", .now = now, .life = DAY};
    struct jb_buf pem = {0};
    struct pki_identity id;
    unsigned char der[4096], hash[PKI_HASH_SIZE];
    size_t n;
    (void)state;

    assert_int_equal(pki_issue(&order, jb_str(greedy_csr), view(&ours.host),
                               view(&ours.host_key), NULL, &pem),
                     0);
    assert_int_equal(pki_identity_read(view(&pem), NULL, &id), 0);
    assert_int_equal(id.role, PKI_HOST);
    assert_string_equal(id.name, "h-gpu-1.hosts.jinbang.internal");
    assert_int_equal(pki_csr_key(jb_str(greedy_csr), NULL, hash), 0);
    assert_memory_equal(hash, id.key_hash, sizeof(hash));
    n = to_der(&pem, der, sizeof(der));
    assert_null(memmem(der, n, "control", 7));
    assert_null(memmem(der, n, "dispatcher", 10));
    jb_buf_free(&pem);
}

static void
test_bad_orders(void **state)
{
    static const char *const names[] = {
        "",     "-a",    "a-",   "A",   "a.b", "a,OU=root",
        "a\nb", "gpu_1", "机器", "a b", "*",   "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddx"};
    struct pki_order order = {.role = PKI_HOST, .now = now, .life = DAY};
    struct jb_buf pem = {0};
    (void)state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        order.name = names[i];
        assert_int_equal(pki_issue(&order, jb_str(greedy_csr), view(&ours.host),
                                   view(&ours.host_key), NULL, &pem),
                         JB_EINVAL);
    }
    order = (struct pki_order){PKI_ROOT, "a,OU=host-issuer", now, DAY};
    assert_int_equal(pki_root_new(&order, view(&ours.root_key), NULL, &pem), JB_EINVAL);
    order.name = "fine";
    assert_int_equal(pki_root_new(&order, view(&ours.host_key), NULL, &pem), JB_EINVAL);
    assert_int_equal(pki_root_new(&order, jb_str("rubbish"), NULL, &pem), JB_EINVAL);
    order.role = PKI_ROLE_MAX;
    assert_int_equal(pki_root_new(&order, view(&ours.root_key), NULL, &pem), JB_EINVAL);
    assert_null(pem.p);
}

static void
test_interim(void **state)
{
    struct pki_order order = {.name = "gpu-1", .now = now, .life = DAY};
    struct jb_buf key = {0}, pem = {0};
    struct pki_identity id;
    unsigned char hash[PKI_HASH_SIZE];
    (void)state;

    assert_int_equal(pki_key_new(PKI_HOST, NULL, &key), 0);
    assert_int_equal(pki_interim_new(&order, view(&key), NULL, &pem), 0);
    assert_int_equal(pki_identity_read(view(&pem), NULL, &id), 0);
    assert_int_equal(id.role, PKI_ROLE_MAX);
    assert_int_equal(pki_key_hash(view(&key), NULL, hash), 0);
    assert_memory_equal(hash, id.key_hash, sizeof(hash));
    for (int role = 0; role < PKI_ROLE_MAX; role++) {
        assert_int_equal(verify(&pem, &ours.root, (enum pki_role)role, now, ""), JB_EACCES);
        /* not even when somebody lists it among the trusted */
        assert_int_equal(verify(&pem, &pem, (enum pki_role)role, now, ""), JB_EACCES);
    }
    pki_wipe(&key);
    jb_buf_free(&pem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_authorities),
        cmocka_unit_test(test_roles_are_apart),
        cmocka_unit_test(test_same_name_other_ca),
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_forged_csr),
        cmocka_unit_test(test_unwanted_csr),
        cmocka_unit_test(test_names_are_ours),
        cmocka_unit_test(test_bad_orders),
        cmocka_unit_test(test_interim),
    };

    return cmocka_run_group_tests_name("pki", tests, setup, teardown);
}
