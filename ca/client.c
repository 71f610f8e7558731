/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "ca/client.h"
#include "base/clock.h"
#include "base/json.h"
#include "ca/folder.h"
#include "ca/sign.h"
#include "base/text.h"
#include "harness/jsontext.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_S = 10 };

static int
connect_ca(const char *path, struct jb_error *err, int *ret_fd)
{
    const struct timeval wait = {.tv_sec = WAIT_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, no;

    if (strlen(path) >= sizeof(address.sun_path))
        return jb_fail(err, JB_EINVAL, "%s: path too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return jb_fail_errno(err, errno, "socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        *ret_fd = fd;
        return 0;
    }
    no = errno;
    close(fd);
    if (no == ENOENT || no == ECONNREFUSED)
        return jb_fail(err, JB_EBUSY, "jinbang-ca does not run (%s)", path);
    return jb_fail_errno(err, no, "%s", path);
}

static int
exchange(int fd, struct jb_str request, struct jb_error *err, struct jb_buf *answer)
{
    while (request.n) {
        ssize_t n = send(fd, request.p, request.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break; /* it may have answered before it closed */
        request.p += n;
        request.n -= (size_t)n;
    }
    for (;;) {
        char piece[4096];
        ssize_t n = recv(fd, piece, sizeof(piece), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return jb_fail(err, JB_ETIMEDOUT, "jinbang-ca does not answer");
        if (n < 0)
            return jb_fail_errno(err, errno, "jinbang-ca");
        if (n == 0)
            break;
        jb_buf_put(answer, piece, (size_t)n);
        if (memchr(piece, '\n', (size_t)n))
            break;
    }
    return answer->err || answer->n == 0
               ? jb_fail(err, JB_ECORRUPT, "jinbang-ca closed without an answer")
               : 0;
}

static int
read_answer(struct jb_str text, struct jb_arena *arena, struct jb_error *err,
            const char **ret_pem)
{
    static const struct jsontext_limits limits = {CA_ANSWER_MAX, 2, 8};
    const char *pem = NULL, *reason = NULL;
    struct jsontext_member m;
    int64_t code = 0;
    size_t at = 0;

    if (jsontext_check(text, &limits, NULL))
        return jb_fail(err, JB_ECORRUPT, "jinbang-ca answers something else");
    while (jsontext_next(text, &at, &m)) {
        bool string = m.value.n >= 2 && m.value.p[0] == '"';
        struct jb_str inside = {m.value.p + 1, string ? m.value.n - 2 : 0};

        if (string && jsontext_key_is(m.key, "certificate"))
            pem = jsontext_key(inside, arena);
        else if (string && jsontext_key_is(m.key, "error"))
            reason = jsontext_key(inside, arena);
        else if (jsontext_key_is(m.key, "code") &&
                 jb_parse_int(m.value, JB_ECLOSED, JB_EINVAL, &code))
            code = 0;
    }
    if (reason)
        return jb_fail(err, code ? (int)code : JB_ECORRUPT, "jinbang-ca: %s", reason);
    if (!pem)
        return jb_fail(err, JB_ECORRUPT, "jinbang-ca answers something else");
    *ret_pem = pem;
    return 0;
}

/* The CA is another program: what it gives is looked at as well. */
static int
check(const struct conf *conf, enum pki_role role, const char *name, struct jb_str csr,
      struct jb_str chain, struct jb_error *err)
{
    char path[4096], dns[128] = "";
    unsigned char key[PKI_HASH_SIZE];
    struct jb_buf root = {0};
    struct pki_identity id;
    int rc = pki_csr_key(csr, err, key);

    if (!rc)
        rc = pki_dns_name(role, name ? name : "dispatcher", err, dns);
    if (!rc && snprintf(path, sizeof(path), "%s/root.pem", conf->pki.dir) >= (int)sizeof(path))
        rc = jb_fail(err, JB_EINVAL, "%s: path too long", conf->pki.dir);
    if (!rc)
        rc = ca_file_read(path, false, err, &root);
    if (!rc)
        rc = pki_verify(chain, jb_buf_view(&root), role, jb_now_us(), err, &id);
    if (!rc && (strcmp(id.name, dns) != 0 || memcmp(id.key_hash, key, sizeof(key)) != 0))
        rc = jb_fail(err, JB_ECORRUPT, "jinbang-ca certified another name or key");
    jb_buf_free(&root);
    return rc;
}

int
ca_ask(const struct conf *conf, enum pki_role role, const char *name, struct jb_str csr_pem,
       struct jb_error *err, struct jb_buf *ret_chain)
{
    struct jb_buf request = JB_BUF(CA_REQUEST_MAX), answer = JB_BUF(CA_ANSWER_MAX);
    struct jb_buf chain = JB_BUF(PKI_PEM_MAX);
    struct jb_arena *arena = jb_arena_new(4 * CA_ANSWER_MAX);
    const char *path = arena ? conf_ca_socket(conf, arena) : NULL, *pem = NULL;
    struct jb_json j;
    int fd = -1, rc = path ? 0 : jb_fail(err, JB_ENOMEM, "out of memory");

    jb_json_init(&j, &request);
    jb_json_object(&j);
    jb_json_ktext(&j, "role", pki_role_word(role));
    if (name)
        jb_json_ktext(&j, "name", name);
    jb_json_kstr(&j, "csr", csr_pem);
    jb_json_end(&j);
    jb_buf_putc(&request, '\n');
    if (!rc && request.err)
        rc = jb_fail(err, request.err, "request: %s", jb_strerror(request.err));
    if (!rc)
        rc = connect_ca(path, err, &fd);
    if (!rc)
        rc = exchange(fd, jb_buf_view(&request), err, &answer);
    if (!rc)
        rc = read_answer(jb_buf_view(&answer), arena, err, &pem);
    if (!rc)
        rc = check(conf, role, name, csr_pem, jb_str(pem), err);
    if (!rc) {
        jb_buf_puts(&chain, pem);
        rc = chain.err ? jb_fail(err, chain.err, "certificate: %s", jb_strerror(chain.err)) : 0;
    }
    if (fd >= 0)
        close(fd);
    jb_buf_free(&request);
    jb_buf_free(&answer);
    jb_arena_free(arena);
    if (rc)
        jb_buf_free(&chain);
    else
        *ret_chain = chain;
    return rc;
}
