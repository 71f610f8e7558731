/* SPDX-License-Identifier: Apache-2.0 */
/* A host gets its certificate, and renews it; what is no proof and no certificate of its. */
#include <config.h>

#include "tests/unit/agent_help.h"

#include "agent/enrol.h"

#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DAY   INT64_C(86400)

struct signer {
    struct jb_buf key, pem;
};

struct hosts {
    char dir[64];
    int fd;
    struct jb_arena *arena;
    struct signer root, issuer, stranger, strangers_issuer;
    struct jb_buf key, csr;
    struct enrolment e;
    unsigned char control_key[ENROL_BYTES];
};

static void
issuer(enum pki_role role, const char *name, const struct signer *by, struct signer *ret)
{
    const struct pki_order order = {role, name, jb_now_us() - 10 * DAY * 1000000, 3650 * DAY};
    struct pki_order shorter = order;
    struct jb_buf csr = {0};

    shorter.life = 365 * DAY;
    *ret = (struct signer){{0}, {0}};
    assert_int_equal(pki_key_new(role, NULL, &ret->key), 0);
    if (!by) {
        assert_int_equal(pki_root_new(&order, jb_buf_view(&ret->key), NULL, &ret->pem), 0);
        return;
    }
    assert_int_equal(pki_csr_new(jb_buf_view(&ret->key), NULL, &csr), 0);
    assert_int_equal(pki_issue(&shorter, jb_buf_view(&csr), jb_buf_view(&by->pem),
                               jb_buf_view(&by->key), NULL, &ret->pem),
                     0);
    jb_buf_free(&csr);
}

/* The chain of a leaf for the CSR, in the arena. */
static const char *
leaf(struct hosts *h, const struct signer *by, const char *name, struct jb_str csr)
{
    const struct pki_order order = {PKI_HOST, name, jb_now_us(), 7 * DAY};
    struct jb_buf pem = {0};
    char *text;

    assert_int_equal(
        pki_issue(&order, csr, jb_buf_view(&by->pem), jb_buf_view(&by->key), NULL, &pem), 0);
    text = jb_arena_printf(h->arena, "%s%s", pem.p, by->pem.p);
    assert_non_null(text);
    jb_buf_free(&pem);
    return text;
}

static int
setup(void **state)
{
    struct hosts *h = calloc(1, sizeof(*h));

    assert_non_null(h);
    help_folder(h->dir);
    h->fd = open(h->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    h->arena = jb_arena_new(16 << 20);
    assert_non_null(h->arena);
    issuer(PKI_ROOT, "Root", NULL, &h->root);
    issuer(PKI_HOST_ISSUER, "Hosts", &h->root, &h->issuer);
    issuer(PKI_ROOT, "Root", NULL, &h->stranger);
    issuer(PKI_HOST_ISSUER, "Hosts", &h->stranger, &h->strangers_issuer);
    h->key = JB_BUF(PKI_PEM_MAX);
    h->csr = JB_BUF(PKI_PEM_MAX);
    assert_int_equal(identity_next_key(h->fd, NULL, &h->key), 0);
    assert_int_equal(pki_csr_new(jb_buf_view(&h->key), NULL, &h->csr), 0);
    memset(h->control_key, 7, sizeof(h->control_key));
    h->e = (struct enrolment){.dir = h->fd, .name = "gpu-1", .csr = jb_buf_view(&h->csr)};
    assert_int_equal(pki_csr_key(h->e.csr, NULL, h->e.host_key), 0);
    assert_int_equal(enrol_token_hash(JB_STR(TOKEN), NULL, h->e.token_hash), 0);
    *state = h;
    return 0;
}

static int
teardown(void **state)
{
    struct hosts *h = *state;
    struct signer *all[] = {&h->root, &h->issuer, &h->stranger, &h->strangers_issuer};

    for (size_t i = 0; i < 4; i++) {
        pki_wipe(&all[i]->key);
        jb_buf_free(&all[i]->pem);
    }
    pki_wipe(&h->key);
    jb_buf_free(&h->csr);
    close(h->fd);
    help_remove(h->dir);
    jb_arena_free(h->arena);
    free(h);
    return 0;
}

static int
call(struct hosts *h, const unsigned char *key, const char *path, struct jb_str body,
     const char **ret_body)
{
    const struct http_request request = {
        .method = HTTP_POST, .path = jb_str(path), .body = body, .keep_alive = true};
    struct http_answer answer = HTTP_ANSWER(1 << 20);

    enrol_call(&h->e, key, &request, &answer);
    if (ret_body)
        *ret_body = jb_arena_dup(h->arena, answer.body.p, answer.body.n);
    int status = answer.status;
    http_answer_free(&answer);
    return status;
}

static const char control_nonce[] =
    "aaaabbbbccccddddaaaabbbbccccddddaaaabbbbccccddddaaaabbbbccccdddd";

static int
say_hello(struct hosts *h, const char *name, struct enrol_answer *ret)
{
    struct enrol_hello hello = {.name = name};
    struct jb_buf json = JB_BUF(1 << 16);
    const char *body;

    strcpy(hello.nonce, control_nonce);
    enrol_hello_put(&hello, &json);
    int status = call(h, h->control_key, "/v1/enrol/hello", jb_buf_view(&json), &body);
    jb_buf_free(&json);
    if (status == 200)
        assert_int_equal(enrol_answer_read(jb_str(body), h->arena, NULL, ret), 0);
    return status;
}

static struct enrol_facts
facts(const struct hosts *h, const struct enrol_answer *a)
{
    struct enrol_facts f = {
        .name = "gpu-1", .control_nonce = control_nonce, .host_nonce = a->nonce};

    memcpy(f.host_key, h->e.host_key, sizeof(f.host_key));
    memcpy(f.control_key, h->control_key, sizeof(f.control_key));
    return f;
}

/* As the dispatcher does it with this token. */
static int
say_finish(struct hosts *h, const struct enrol_answer *a, const char *token, const char *chain,
           const char *root, const char **ret_body)
{
    struct enrol_finish finish = {.certificates = chain, .root = root};
    struct enrol_facts f = facts(h, a);
    struct jb_buf json = JB_BUF(1 << 18);
    unsigned char hash[ENROL_BYTES];

    f.certificates = chain;
    f.root = root;
    assert_int_equal(enrol_token_hash(jb_str(token), NULL, hash), 0);
    assert_int_equal(enrol_proof(ENROL_CONTROL, &f, hash, NULL, finish.proof), 0);
    enrol_finish_put(&finish, &json);
    int status = call(h, h->control_key, "/v1/enrol/finish", jb_buf_view(&json), ret_body);
    jb_buf_free(&json);
    return status;
}

static void
test_enrol(void **state)
{
    struct hosts *h = *state;
    struct enrol_answer a;
    struct identity id;
    struct jb_error err = {0};
    char proof[ENROL_HEX];
    const char *body;

    assert_int_equal(identity_open(h->dir, &err, &id), JB_ENOENT);
    assert_int_equal(say_hello(h, "gpu-1", &a), 200);
    /* its proof holds for who has the hash of the token, and for these keys */
    struct enrol_facts f = facts(h, &a);
    assert_int_equal(enrol_proof(ENROL_HOST, &f, h->e.token_hash, NULL, proof), 0);
    assert_string_equal(proof, a.proof);
    f.control_key[0] ^= 1;
    assert_int_equal(enrol_proof(ENROL_HOST, &f, h->e.token_hash, NULL, proof), 0);
    assert_string_not_equal(proof, a.proof);

    const char *chain = leaf(h, &h->issuer, "gpu-1", jb_str(a.csr));
    assert_int_equal(say_finish(h, &a, TOKEN, chain, h->root.pem.p, &body), 200);
    assert_true(enrol_done(&h->e));
    assert_int_equal(say_finish(h, &a, TOKEN, chain, h->root.pem.p, &body), 200);
    assert_int_equal(identity_open(h->dir, &err, &id), 0);
    assert_string_equal(id.leaf.name, "h-gpu-1.hosts.jinbang.internal");
    assert_memory_equal(id.leaf.key_hash, h->e.host_key, ENROL_BYTES);
    assert_false(file_is(h->fd, "next.pem"));
    struct stat st;
    assert_int_equal(fstatat(h->fd, "identity.pem", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    identity_close(&id);
}

static void
test_enrol_refused(void **state)
{
    struct hosts *h = *state;
    struct enrol_answer a, later;
    struct jb_buf other_key = {0}, other_csr = {0};
    const char *chain, *body;

    assert_int_equal(call(h, h->control_key, "/v1/info", JB_STR("{}"), NULL), 404);
    assert_int_equal(call(h, h->control_key, "/v1/enrol/hello", JB_STR("{}"), NULL), 422);
    assert_int_equal(call(h, h->control_key, "/v1/enrol/hello", JB_STR("x"), NULL), 400);
    assert_int_equal(say_hello(h, "gpu-2", &a), 409);
    assert_int_equal(say_hello(h, "gpu-1", &a), 200);
    chain = leaf(h, &h->issuer, "gpu-1", jb_str(a.csr));
    /* without a certificate, with another one than before */
    assert_int_equal(call(h, NULL, "/v1/enrol/hello", JB_STR("{}"), NULL), 403);
    h->control_key[1]++;
    assert_int_equal(say_finish(h, &a, TOKEN, chain, h->root.pem.p, &body), 409);
    h->control_key[1]--;
    /* another token; after it a hello is wanted again */
    jb_log_level_set(-1);
    assert_int_equal(say_finish(h, &a, "wrong", chain, h->root.pem.p, &body), 403);
    jb_log_level_set(JB_LOG_ERR);
    assert_int_equal(say_finish(h, &a, TOKEN, chain, h->root.pem.p, &body), 409);
    /* the nonce of an earlier hello */
    assert_int_equal(say_hello(h, "gpu-1", &later), 200);
    assert_string_not_equal(later.nonce, a.nonce);
    jb_log_level_set(-1);
    assert_int_equal(say_finish(h, &a, TOKEN, chain, h->root.pem.p, &body), 403);
    jb_log_level_set(JB_LOG_ERR);
    /* with the token, but the certificate of somebody else */
    assert_int_equal(say_hello(h, "gpu-1", &a), 200);
    assert_int_equal(say_finish(h, &a, TOKEN, leaf(h, &h->issuer, "gpu-2", jb_str(a.csr)),
                                h->root.pem.p, &body),
                     422);
    assert_non_null(strstr(body, "gpu-2"));
    assert_int_equal(say_finish(h, &a, TOKEN,
                                leaf(h, &h->strangers_issuer, "gpu-1", jb_str(a.csr)),
                                h->root.pem.p, &body),
                     422);
    assert_int_equal(pki_key_new(PKI_HOST, NULL, &other_key), 0);
    assert_int_equal(pki_csr_new(jb_buf_view(&other_key), NULL, &other_csr), 0);
    assert_int_equal(say_finish(h, &a, TOKEN,
                                leaf(h, &h->issuer, "gpu-1", jb_buf_view(&other_csr)),
                                h->root.pem.p, &body),
                     422);
    assert_int_equal(say_finish(h, &a, TOKEN, "nonsense", h->root.pem.p, &body), 422);
    assert_false(enrol_done(&h->e));
    assert_false(file_is(h->fd, "identity.pem"));
    /* and it can still be enrolled */
    assert_int_equal(say_finish(h, &a, TOKEN, chain, h->root.pem.p, &body), 200);
    pki_wipe(&other_key);
    jb_buf_free(&other_csr);
}

static void
test_renewal(void **state)
{
    struct hosts *h = *state;
    struct jb_buf csr = JB_BUF(PKI_PEM_MAX), again = JB_BUF(PKI_PEM_MAX);
    unsigned char key[ENROL_BYTES], key2[ENROL_BYTES];
    struct identity id;
    struct enrol_answer a;
    struct jb_error err = {0};
    const char *chain;

    assert_int_equal(say_hello(h, "gpu-1", &a), 200);
    assert_int_equal(say_finish(h, &a, TOKEN, leaf(h, &h->issuer, "gpu-1", jb_str(a.csr)),
                                h->root.pem.p, NULL),
                     200);
    assert_int_equal(identity_open(h->dir, &err, &id), 0);
    /* a certificate nobody asked for */
    chain = leaf(h, &h->issuer, "gpu-1", jb_str(a.csr));
    assert_int_equal(identity_renew(&id, jb_str(chain), NULL), JB_EUNPROC);
    /* a new key; asked again, the same one */
    assert_int_equal(identity_csr(&id, NULL, &csr), 0);
    assert_int_equal(identity_csr(&id, NULL, &again), 0);
    assert_int_equal(pki_csr_key(jb_buf_view(&csr), NULL, key), 0);
    assert_int_equal(pki_csr_key(jb_buf_view(&again), NULL, key2), 0);
    assert_memory_equal(key, key2, sizeof(key));
    assert_memory_not_equal(key, h->e.host_key, sizeof(key));
    chain = leaf(h, &h->issuer, "gpu-2", jb_buf_view(&csr));
    assert_int_equal(identity_renew(&id, jb_str(chain), NULL), JB_EUNPROC);
    chain = leaf(h, &h->strangers_issuer, "gpu-1", jb_buf_view(&csr));
    assert_int_equal(identity_renew(&id, jb_str(chain), NULL), JB_EUNPROC);
    assert_false(id.changed);
    chain = leaf(h, &h->issuer, "gpu-1", jb_buf_view(&csr));
    assert_int_equal(identity_renew(&id, jb_str(chain), &err), 0);
    assert_true(id.changed);
    assert_memory_equal(id.leaf.key_hash, key, sizeof(key));
    /* its answer was lost */
    assert_int_equal(identity_renew(&id, jb_str(chain), NULL), 0);
    identity_close(&id);
    assert_int_equal(identity_open(h->dir, &err, &id), 0);
    assert_memory_equal(id.leaf.key_hash, key, sizeof(key));
    identity_close(&id);
    jb_buf_free(&csr);
    jb_buf_free(&again);
}

/* identity_take() replaces three files, one after the other: killed behind each of the first
 * two. */
static void
test_killed_between_files(void **state)
{
    struct hosts *h = *state;
    struct jb_buf csr = JB_BUF(PKI_PEM_MAX);
    unsigned char key[ENROL_BYTES];
    struct identity id;
    struct enrol_answer a;
    struct jb_error err = {0};
    const char *chain;

    /* the root alone: it is enrolled as if nothing had been */
    assert_int_equal(file_put(h->fd, "root.pem", jb_buf_view(&h->stranger.pem), NULL), 0);
    assert_int_equal(identity_open(h->dir, &err, &id), JB_ENOENT);
    assert_int_equal(say_hello(h, "gpu-1", &a), 200);
    chain = leaf(h, &h->issuer, "gpu-1", jb_str(a.csr));
    assert_int_equal(say_finish(h, &a, TOKEN, chain, h->root.pem.p, NULL), 200);
    /* the awaited key is still there: it is in use, and is certified again */
    assert_int_equal(file_put(h->fd, "next.pem", jb_buf_view(&h->key), NULL), 0);
    jb_error_clear(&err);
    assert_int_equal(identity_open(h->dir, &err, &id), 0);
    assert_true(jb_str_eq(jb_buf_view(&id.root), jb_buf_view(&h->root.pem)));
    assert_int_equal(identity_csr(&id, NULL, &csr), 0);
    assert_int_equal(pki_csr_key(jb_buf_view(&csr), NULL, key), 0);
    assert_memory_equal(key, h->e.host_key, sizeof(key));
    chain = leaf(h, &h->issuer, "gpu-1", jb_buf_view(&csr));
    assert_int_equal(identity_renew(&id, jb_str(chain), &err), 0);
    assert_false(file_is(h->fd, "next.pem"));
    identity_close(&id);
    assert_int_equal(identity_open(h->dir, &err, &id), 0);
    identity_close(&id);
    jb_buf_free(&csr);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_enrol), TEST(test_enrol_refused),
                                       TEST(test_renewal), TEST(test_killed_between_files)};

    jb_log_open("test", JB_LOG_ERR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
