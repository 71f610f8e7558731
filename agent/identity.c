/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/identity.h"

#include "agent/files.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char key_end[] = "PRIVATE KEY-----\n";

/* identity.pem: what stands up to the end of the key, and the rest. */
static int
split(struct jb_str all, struct jb_error *err, struct jb_buf *key, struct jb_buf *chain)
{
    const char *end = NULL;

    for (const char *at = all.n ? all.p : NULL;
         at && (at = memmem(at, all.n - (size_t)(at - all.p), key_end, strlen(key_end)));)
        end = at += strlen(key_end);
    if (!end)
        return jb_fail(err, JB_EINVAL, "identity.pem: no key in it");
    jb_buf_put(key, all.p, (size_t)(end - all.p));
    jb_buf_put(chain, end, all.n - (size_t)(end - all.p));
    return key->err || chain->err ? jb_fail(err, JB_ENOMEM, "out of memory") : 0;
}

static int
load(struct identity *i, struct jb_error *err)
{
    struct jb_arena *arena = jb_arena_new(4 * PKI_PEM_MAX);
    struct jb_str all, root;
    int rc = arena ? file_get(i->dir, "identity.pem", 2 * PKI_PEM_MAX, arena, err, &all)
                   : jb_fail(err, JB_ENOMEM, "out of memory");

    if (!rc)
        rc = file_get(i->dir, "root.pem", PKI_PEM_MAX, arena, err, &root);
    pki_wipe(&i->key);
    jb_buf_reset(&i->chain);
    jb_buf_reset(&i->root);
    if (!rc)
        rc = split(all, err, &i->key, &i->chain);
    if (!rc) {
        jb_buf_str(&i->root, root);
        explicit_bzero((char *)(uintptr_t)all.p, all.n);
        if (i->root.err)
            rc = jb_fail(err, JB_ENOMEM, "out of memory");
    }
    jb_arena_free(arena);
    if (!rc)
        rc = pki_identity_read(jb_buf_view(&i->chain), err, &i->leaf);
    if (!rc && !pki_key_fits(jb_buf_view(&i->key), jb_buf_view(&i->chain)))
        rc = jb_fail(err, JB_EINVAL, "identity.pem: key and certificate do not fit");
    if (!rc && i->leaf.role != PKI_HOST)
        rc = jb_fail(err, JB_EINVAL, "identity.pem: not the certificate of a host");
    return rc;
}

int
identity_open(const char *folder, struct jb_error *err, struct identity *ret_identity)
{
    struct identity i = {.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                         .key = JB_BUF(PKI_PEM_MAX),
                         .chain = JB_BUF(2 * PKI_PEM_MAX),
                         .root = JB_BUF(PKI_PEM_MAX)};
    int rc = i.dir < 0 ? jb_fail_errno(err, errno, "its folder") : load(&i, err);

    if (rc) {
        jb_error_prefix(err, "%s", folder);
        identity_close(&i);
        return rc;
    }
    *ret_identity = i;
    return 0;
}

void
identity_close(struct identity *i)
{
    pki_wipe(&i->key);
    jb_buf_free(&i->key);
    jb_buf_free(&i->chain);
    jb_buf_free(&i->root);
    if (i->dir >= 0)
        close(i->dir);
    i->dir = -1;
}

int
identity_next_key(int dir, struct jb_error *err, struct jb_buf *ret_key)
{
    struct jb_arena *arena = jb_arena_new(2 * PKI_PEM_MAX);
    struct jb_str old;
    int rc = arena ? file_get(dir, "next.pem", PKI_PEM_MAX, arena, err, &old)
                   : jb_fail(err, JB_ENOMEM, "out of memory");

    if (!rc) {
        jb_buf_str(ret_key, old);
        explicit_bzero((char *)(uintptr_t)old.p, old.n);
        rc = ret_key->err;
    } else if (rc == JB_ENOENT) {
        jb_error_clear(err);
        rc = pki_key_new(PKI_HOST, err, ret_key);
        if (!rc)
            rc = file_put(dir, "next.pem", jb_buf_view(ret_key), err);
    }
    jb_arena_free(arena);
    return rc;
}

static int
check(struct jb_str key, struct jb_str chain, struct jb_str root, const char *name,
      struct jb_error *err)
{
    struct pki_identity leaf;
    struct jb_error why = {0};

    if (!pki_key_fits(key, chain))
        return jb_fail(err, JB_EUNPROC, "the certificate is not of the key that waits for one");
    if (pki_verify(chain, root, PKI_HOST, jb_now_us(), &why, &leaf))
        return jb_fail(err, JB_EUNPROC, "the certificate: %s", why.text);
    if (strcmp(leaf.name, name) != 0)
        return jb_fail(err, JB_EUNPROC, "the certificate is for %s, this host is %s", leaf.name,
                       name);
    return 0;
}

int
identity_take(int dir, struct jb_str chain_pem, struct jb_str root_pem, const char *name,
              struct jb_error *err)
{
    struct jb_buf all = JB_BUF(2 * PKI_PEM_MAX);
    int rc = file_is(dir, "next.pem")
                 ? identity_next_key(dir, err, &all)
                 : jb_fail(err, JB_EUNPROC, "no key waits for a certificate");

    if (!rc)
        rc = check(jb_buf_view(&all), chain_pem, root_pem, name, err);
    if (!rc) {
        jb_buf_str(&all, chain_pem);
        rc = all.err ? jb_fail(err, all.err, "identity.pem")
                     : file_put(dir, "root.pem", root_pem, err);
    }
    if (!rc)
        rc = file_put(dir, "identity.pem", jb_buf_view(&all), err);
    if (!rc)
        rc = tree_remove(dir, "next.pem", err);
    pki_wipe(&all);
    jb_buf_free(&all);
    return rc;
}

int
identity_csr(void *identity, struct jb_error *err, struct jb_buf *ret_pem)
{
    struct identity *i = identity;
    struct jb_buf key = JB_BUF(PKI_PEM_MAX);
    int rc = identity_next_key(i->dir, err, &key);

    if (!rc)
        rc = pki_csr_new(jb_buf_view(&key), err, ret_pem);
    if (rc)
        jb_error_prefix(err, "next.pem");
    pki_wipe(&key);
    jb_buf_free(&key);
    return rc;
}

int
identity_renew(void *identity, struct jb_str chain_pem, struct jb_error *err)
{
    struct identity *i = identity;
    int rc = 0;

    /* its answer was lost, and it comes again */
    if (!file_is(i->dir, "next.pem") && jb_str_eq(chain_pem, jb_buf_view(&i->chain)))
        return 0;
    rc = identity_take(i->dir, chain_pem, jb_buf_view(&i->root), i->leaf.name, err);
    if (!rc)
        rc = load(i, err);
    if (!rc) {
        i->changed = true;
        jb_log(JB_LOG_NOTICE, "a renewed certificate, serial %s", i->leaf.serial);
    }
    return rc;
}

int
identity_sign(void *identity, struct wire_manifest *manifest, struct jb_arena *arena,
              struct jb_error *err)
{
    const struct identity *i = identity;

    return wire_manifest_sign(manifest, jb_buf_view(&i->key), arena, err);
}
