/* SPDX-License-Identifier: Apache-2.0 */
/* jinbang-ca without its socket: folders, modes, requests, the record of what was signed. */
#include <config.h>

#include "cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "ca/folder.h"
#include "ca/sign.h"

#define MS_DAY INT64_C(86400000)

static char root[128], dir[160], offline[160];
static struct conf conf;
static struct ca_signer signer;
static struct jb_buf key, csr;

static const char *
in_dir(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static int
setup(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "%s/jinbang-ca.XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(root));
    snprintf(dir, sizeof(dir), "%s/pki", root);
    snprintf(offline, sizeof(offline), "%s/offline", root);
    conf.pki.dir = dir;
    conf.pki.leaf_life = 7 * MS_DAY;
    conf.pki.issuer_life = 366 * MS_DAY;
    conf.pki.root_life = 3660 * MS_DAY;
    conf.ca.rate = 1000;
    assert_int_equal(ca_folder_init(&conf, offline, "Test", jb_now_us(), NULL), 0);
    assert_int_equal(pki_key_new(PKI_HOST, NULL, &key), 0);
    assert_int_equal(pki_csr_new(jb_buf_view(&key), NULL, &csr), 0);
    assert_int_equal(ca_signer_init(&signer, &conf, 0, NULL), 0);
    return 0;
}

static int
teardown(void **state)
{
    char command[200];
    (void)state;

    pki_wipe(&key);
    jb_buf_free(&csr);
    snprintf(command, sizeof(command), "rm -rf '%s'", root);
    return system(command);
}

static mode_t
mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void
test_folder(void **state)
{
    char path[256];
    struct jb_error err = {0};
    struct jb_buf pem = {0}, issuer_key = {0}, second = {0};
    (void)state;

    assert_int_equal(mode_of(in_dir("private")), 0700);
    assert_int_equal(mode_of(in_dir("private/host-issuer.key")), 0600);
    assert_int_equal(mode_of(in_dir("private/control-issuer.key")), 0600);
    assert_int_equal(mode_of(in_dir("root.pem")), 0644);
    snprintf(path, sizeof(path), "%s/root.key", offline);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(access(in_dir("private/root.key"), F_OK), -1);
    /* nothing is overwritten */
    assert_int_equal(ca_folder_init(&conf, offline, "Test", jb_now_us(), &err), JB_EEXIST);
    /* renewed issuers keep their keys, and the root must be ours */
    assert_int_equal(ca_issuer_read(dir, PKI_HOST_ISSUER, NULL, &pem, &issuer_key), 0);
    pki_wipe(&issuer_key);
    assert_int_equal(ca_folder_renew(&conf, offline, jb_now_us(), NULL), 0);
    assert_int_equal(ca_issuer_read(dir, PKI_HOST_ISSUER, NULL, &second, &issuer_key), 0);
    assert_int_not_equal(strcmp(pem.p, second.p), 0);
    assert_true(pki_key_fits(jb_buf_view(&issuer_key), jb_buf_view(&pem)));
    pki_wipe(&issuer_key);
    jb_buf_free(&pem);
    jb_buf_free(&second);
}

static void
test_other_root(void **state)
{
    char other_dir[200], other[200];
    struct conf c = conf;
    (void)state;

    snprintf(other_dir, sizeof(other_dir), "%s/pki2", root);
    snprintf(other, sizeof(other), "%s/offline2", root);
    c.pki.dir = other_dir;
    assert_int_equal(ca_folder_init(&c, other, "Test", jb_now_us(), NULL), 0);
    assert_int_equal(ca_folder_renew(&conf, other, jb_now_us(), NULL), JB_ECONFLICT);
}

static void
test_modes(void **state)
{
    struct jb_error err = {0};
    struct jb_buf pem = {0}, k = {0};
    char path[256], aside[300];
    (void)state;

    snprintf(path, sizeof(path), "%s", in_dir("private/host-issuer.key"));
    snprintf(aside, sizeof(aside), "%s.aside", path);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(ca_issuer_read(dir, PKI_HOST_ISSUER, &err, &pem, &k), JB_EACCES);
    assert_non_null(strstr(err.text, "mode 0600, not 0640"));
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink(aside, path), 0);
    assert_int_equal(ca_issuer_read(dir, PKI_HOST_ISSUER, NULL, &pem, &k), JB_EACCES);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ca_issuer_read(dir, PKI_HOST_ISSUER, NULL, &pem, &k), JB_ENOENT);
    /* the key of the other issuer */
    assert_int_equal(link(in_dir("private/control-issuer.key"), path), 0);
    assert_int_equal(ca_issuer_read(dir, PKI_HOST_ISSUER, NULL, &pem, &k), JB_EINVAL);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(aside, path), 0);
    assert_null(pem.p);
    assert_null(k.p);
}

static struct jb_buf
ask(const char *request)
{
    const struct ca_asker asker = {1000, 4711};
    struct jb_buf out = JB_BUF(CA_ANSWER_MAX);

    ca_sign(&signer, jb_str(request), &asker, jb_now_us(), jb_monotonic_ms(), &out);
    assert_int_equal(out.err, 0);
    assert_ptr_equal(strchr(out.p, '\n'), out.p + out.n - 1);
    return out;
}

static void
quoted_csr(struct jb_buf *out)
{
    jb_put_json(out, jb_buf_view(&csr));
}

static void
test_signs(void **state)
{
    struct jb_buf request = JB_BUF(CA_REQUEST_MAX), answer, text = {0};
    struct stat before, after;
    (void)state;

    assert_int_equal(stat(in_dir("issued.jsonl"), &before), -1);
    jb_buf_puts(&request, "{\"role\":\"host\",\"name\":\"gpu-1\",\"csr\":");
    quoted_csr(&request);
    jb_buf_puts(&request, "}");
    answer = ask(request.p);
    assert_non_null(strstr(answer.p, "{\"certificate\":\"-----BEGIN CERTIFICATE-----"));
    jb_buf_free(&answer);
    assert_int_equal(ca_file_read(in_dir("issued.jsonl"), false, NULL, &text), 0);
    assert_non_null(strstr(text.p, "\"name\":\"h-gpu-1.hosts.jinbang.internal\""));
    assert_non_null(strstr(text.p, "\"uid\":1000"));
    assert_non_null(strstr(text.p, "\"pid\":4711"));
    jb_buf_free(&text);
    assert_int_equal(stat(in_dir("issued.jsonl"), &before), 0);
    jb_buf_reset(&request);
    jb_buf_puts(&request, " {\"csr\":");
    quoted_csr(&request);
    jb_buf_puts(&request, ", \"role\" : \"dispatcher\"} ");
    answer = ask(request.p);
    assert_non_null(strstr(answer.p, "certificate"));
    jb_buf_free(&answer);
    assert_int_equal(stat(in_dir("issued.jsonl"), &after), 0);
    assert_true(after.st_size > before.st_size);
    jb_buf_free(&request);
}

static void
test_refuses(void **state)
{
    /* CSR stands for the good request */
    static const struct {
        const char *request, *reason;
    } cases[] = {
        {"", "error"},
        {"[]", "object"},
        {"\"x\"", "object"},
        {"{}", "a role and a csr"},
        {"{\"role\":\"host\",\"csr\":CSR}", "a host has a name"},
        {"{\"role\":\"dispatcher\",\"name\":\"x\",\"csr\":CSR}", "not asked for"},
        {"{\"role\":\"host\",\"name\":\"gpu\",\"name\":\"gpu\",\"csr\":CSR}", "twice"},
        {"{\"role\":\"host\",\"name\":\"gpu\",\"csr\":CSR,\"life\":9}", "unknown member"},
        {"{\"role\":\"host\",\"name\":\"g,CN=x\",\"csr\":CSR}", "a-z"},
        {"{\"role\":\"host\",\"name\":\"\",\"csr\":CSR}", "1 to 40"},
        {"{\"role\":\"host\",\"name\":7,\"csr\":CSR}", "no string"},
        {"{\"role\":\"root\",\"csr\":CSR}", "only a host"},
        {"{\"role\":\"host-issuer\",\"name\":\"x\",\"csr\":CSR}", "only a host"},
        {"{\"role\":\"host\",\"name\":\"gpu\",\"csr\":\"x\"}", "not PEM"},
        {"{\"role\":\"host\",\"name\":\"gpu\",\"csr\":CSR} {}", "error"},
        {"{\"role\":{\"a\":{\"b\":1}},\"csr\":CSR}", "error"},
    };
    struct stat before, after;
    (void)state;

    assert_int_equal(stat(in_dir("issued.jsonl"), &before), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct jb_buf request = JB_BUF(CA_REQUEST_MAX), answer;
        const char *mark = strstr(cases[i].request, "CSR");

        if (mark) {
            jb_buf_put(&request, cases[i].request, (size_t)(mark - cases[i].request));
            quoted_csr(&request);
            jb_buf_puts(&request, mark + 3);
        } else {
            jb_buf_puts(&request, cases[i].request);
        }
        answer = ask(request.p ? request.p : "");
        if (!strstr(answer.p, "\"error\"") || !strstr(answer.p, cases[i].reason) ||
            strstr(answer.p, "certificate\""))
            fail_msg("%s is answered %s", cases[i].request, answer.p);
        jb_buf_free(&answer);
        jb_buf_free(&request);
    }
    assert_int_equal(stat(in_dir("issued.jsonl"), &after), 0);
    assert_int_equal(after.st_size, before.st_size);
}

/* What cannot be recorded is not signed. */
static void
test_no_record(void **state)
{
    struct jb_buf request = JB_BUF(CA_REQUEST_MAX), answer;
    char path[256], aside[300];
    (void)state;

    snprintf(path, sizeof(path), "%s", in_dir("issued.jsonl"));
    snprintf(aside, sizeof(aside), "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink(aside, path), 0);
    jb_buf_puts(&request, "{\"role\":\"host\",\"name\":\"gpu-1\",\"csr\":");
    quoted_csr(&request);
    jb_buf_puts(&request, "}");
    answer = ask(request.p);
    assert_null(strstr(answer.p, "BEGIN CERTIFICATE"));
    jb_buf_free(&answer);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(aside, path), 0);
    jb_buf_free(&request);
}

static void
test_rate(void **state)
{
    const struct ca_asker asker = {1000, 4711};
    struct ca_signer s;
    struct conf c = conf;
    int limited = 0;
    (void)state;

    c.ca.rate = 3;
    assert_int_equal(ca_signer_init(&s, &c, 1000, NULL), 0);
    for (int i = 0; i < 5; i++) {
        struct jb_buf out = JB_BUF(CA_ANSWER_MAX);
        ca_sign(&s, JB_STR("{}"), &asker, jb_now_us(), 1000, &out);
        limited += strstr(out.p, "more than 3 signatures a minute") != NULL;
        jb_buf_free(&out);
    }
    assert_int_equal(limited, 2);
    for (int i = 0; i < 2; i++) { /* a third of a minute later there is one more */
        struct jb_buf out = JB_BUF(CA_ANSWER_MAX);
        ca_sign(&s, JB_STR("{}"), &asker, jb_now_us(), 1000 + 20001, &out);
        limited += strstr(out.p, "more than 3 signatures a minute") != NULL;
        jb_buf_free(&out);
    }
    assert_int_equal(limited, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder),  cmocka_unit_test(test_other_root),
        cmocka_unit_test(test_modes),   cmocka_unit_test(test_signs),
        cmocka_unit_test(test_refuses), cmocka_unit_test(test_no_record),
        cmocka_unit_test(test_rate),
    };

    return cmocka_run_group_tests_name("ca", tests, setup, teardown);
}
