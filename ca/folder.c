/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "ca/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static int
join(char out[PATH_SIZE], const char *dir, const char *sub, const char *name, const char *end,
     struct jb_error *err)
{
    int n = snprintf(out, PATH_SIZE, "%s/%s%s%s", dir, sub, name, end);

    return n < 0 || n >= PATH_SIZE ? jb_fail(err, JB_EINVAL, "%s: path too long", dir) : 0;
}

static int
check_secret(const char *path, const struct stat *st, struct jb_error *err)
{
    if (st->st_uid != geteuid())
        return jb_fail(err, JB_EACCES, "%s: a private key must belong to who uses it (uid %ld)",
                       path, (long)geteuid());
    if (st->st_mode & 077)
        return jb_fail(err, JB_EACCES, "%s: a private key must have mode 0600, not %04o", path,
                       (unsigned)st->st_mode & 07777);
    return 0;
}

int
ca_file_read(const char *path, bool secret, struct jb_error *err, struct jb_buf *ret_text)
{
    struct jb_buf text = JB_BUF(PKI_PEM_MAX);
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (secret ? O_NOFOLLOW : 0)), rc = 0;

    if (fd < 0 && errno == ELOOP)
        return jb_fail(err, JB_EACCES, "%s: a private key must be no link", path);
    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", path);
    if (fstat(fd, &st))
        rc = jb_fail_errno(err, errno, "%s", path);
    else if (!S_ISREG(st.st_mode))
        rc = jb_fail(err, JB_EINVAL, "%s: not a file", path);
    else if (secret)
        rc = check_secret(path, &st, err);
    if (!rc && st.st_size >= PKI_PEM_MAX)
        rc = jb_fail(err, JB_ETOOBIG, "%s: larger than any key or certificate", path);
    if (!rc && jb_buf_reserve(&text, (size_t)st.st_size + 1))
        rc = jb_fail(err, JB_ENOMEM, "%s: out of memory", path);
    while (!rc && text.n < (size_t)st.st_size) {
        ssize_t n = read(fd, text.p + text.n, (size_t)st.st_size - text.n);
        if (n < 0 && errno != EINTR)
            rc = jb_fail_errno(err, errno, "%s", path);
        if (n == 0)
            break;
        if (n > 0)
            text.n += (size_t)n;
    }
    close(fd);
    if (rc) {
        pki_wipe(&text);
        return rc;
    }
    text.p[text.n] = '\0';
    *ret_text = text;
    return 0;
}

static int
sync_folder_of(const char *path)
{
    char dir[PATH_SIZE];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    int fd, rc;

    if (n >= sizeof(dir))
        return ENAMETOOLONG;
    memcpy(dir, path, n);
    dir[n] = '\0';
    fd = open(n ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    rc = fsync(fd) ? errno : 0;
    close(fd);
    return rc;
}

static int
write_all(int fd, struct jb_str text)
{
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            text.p += n;
            text.n -= (size_t)n;
        }
    }
    return fsync(fd) ? errno : 0;
}

int
ca_file_write(const char *path, mode_t mode, bool replace, struct jb_str text,
              struct jb_error *err)
{
    char beside[PATH_SIZE];
    int fd, no;

    if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
        return jb_fail(err, JB_EINVAL, "%s: path too long", path);
    unlink(beside); /* of one that was killed half way */
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, CA_KEY_MODE);
    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", beside);
    no = write_all(fd, text);
    if (!no && fchmod(fd, mode))
        no = errno;
    if (close(fd) && !no)
        no = errno;
    if (!no && (replace ? rename(beside, path) : link(beside, path)))
        no = errno;
    if (no || !replace)
        unlink(beside);
    if (!no)
        no = sync_folder_of(path);
    if (no == EEXIST)
        return jb_fail(err, JB_EEXIST, "%s exists already", path);
    return no ? jb_fail_errno(err, no, "%s", path) : 0;
}

int
ca_folder_make(const char *path, mode_t mode, struct jb_error *err)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return chmod(path, mode) ? jb_fail_errno(err, errno, "%s", path) : 0;
    if (errno != EEXIST)
        return jb_fail_errno(err, errno, "%s", path);
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return jb_fail(err, JB_EINVAL, "%s: not a folder", path);
    return 0;
}

int
ca_issuer_read(const char *dir, enum pki_role role, struct jb_error *err,
               struct jb_buf *ret_pem, struct jb_buf *ret_key)
{
    char path[PATH_SIZE];
    struct jb_buf pem = {0}, key = {0};
    struct pki_identity id = {0};
    int rc = join(path, dir, "", pki_role_word(role), ".pem", err);

    if (!rc)
        rc = ca_file_read(path, false, err, &pem);
    if (!rc)
        rc = pki_identity_read(jb_buf_view(&pem), err, &id);
    if (!rc && id.role != role)
        rc = jb_fail(err, JB_EINVAL, "%s: the certificate of a %s", path,
                     pki_role_word(id.role));
    if (!rc)
        rc = join(path, dir, "private/", pki_role_word(role), ".key", err);
    if (!rc)
        rc = ca_file_read(path, true, err, &key);
    if (!rc && !pki_key_fits(jb_buf_view(&key), jb_buf_view(&pem)))
        rc = jb_fail(err, JB_EINVAL, "%s does not belong to the certificate", path);
    if (rc) {
        jb_buf_free(&pem);
        pki_wipe(&key);
        return rc;
    }
    *ret_pem = pem;
    *ret_key = key;
    return 0;
}

/* What makes issuers: the root. */
struct root {
    struct jb_buf pem, key;
    const char *name;
    int64_t now, life; /* seconds */
};

static int
certify(const struct root *root, enum pki_role role, struct jb_str key, struct jb_error *err,
        struct jb_buf *ret_pem)
{
    struct pki_order order = {
        .role = role, .name = root->name, .now = root->now, .life = root->life};
    struct jb_buf csr = {0};
    int rc = pki_csr_new(key, err, &csr);

    if (!rc)
        rc = pki_issue(&order, jb_buf_view(&csr), jb_buf_view(&root->pem),
                       jb_buf_view(&root->key), err, ret_pem);
    jb_buf_free(&csr);
    return rc;
}

/* With `fresh` a key of its own, else the one it has. */
static int
make_issuer(const char *dir, const struct root *root, enum pki_role role, bool fresh,
            struct jb_error *err)
{
    char key_path[PATH_SIZE], path[PATH_SIZE];
    struct jb_buf key = {0}, pem = {0};
    int rc = join(key_path, dir, "private/", pki_role_word(role), ".key", err);

    if (!rc)
        rc = join(path, dir, "", pki_role_word(role), ".pem", err);
    if (!rc)
        rc = fresh ? pki_key_new(role, err, &key) : ca_file_read(key_path, true, err, &key);
    if (!rc)
        rc = certify(root, role, jb_buf_view(&key), err, &pem);
    if (!rc && fresh)
        rc = ca_file_write(key_path, CA_KEY_MODE, false, jb_buf_view(&key), err);
    if (!rc)
        rc = ca_file_write(path, CA_PUBLIC_MODE, !fresh, jb_buf_view(&pem), err);
    pki_wipe(&key);
    jb_buf_free(&pem);
    return rc;
}

static int
make_root(const struct conf *conf, const char *offline, struct root *root, struct jb_error *err)
{
    struct pki_order order = {.role = PKI_ROOT,
                              .name = root->name,
                              .now = root->now,
                              .life = conf->pki.root_life / 1000};
    char path[PATH_SIZE];
    int rc = pki_key_new(PKI_ROOT, err, &root->key);

    if (!rc)
        rc = pki_root_new(&order, jb_buf_view(&root->key), err, &root->pem);
    if (!rc)
        rc = join(path, offline, "", "root", ".key", err);
    if (!rc)
        rc = ca_file_write(path, CA_KEY_MODE, false, jb_buf_view(&root->key), err);
    if (!rc)
        rc = join(path, offline, "", "root", ".pem", err);
    if (!rc)
        rc = ca_file_write(path, CA_PUBLIC_MODE, false, jb_buf_view(&root->pem), err);
    return rc;
}

int
ca_folder_init(const struct conf *conf, const char *offline, const char *name, int64_t now,
               struct jb_error *err)
{
    struct root root = {.name = name, .now = now, .life = conf->pki.issuer_life / 1000};
    char private[PATH_SIZE], path[PATH_SIZE];
    int rc = join(private, conf->pki.dir, "", "private", "", err);

    if (!rc)
        rc = join(path, conf->pki.dir, "", "root", ".pem", err);
    if (!rc && access(path, F_OK) == 0)
        rc = jb_fail(err, JB_EEXIST, "%s exists already", path);
    if (!rc)
        rc = ca_folder_make(conf->pki.dir, 0755, err);
    if (!rc)
        rc = ca_folder_make(private, 0700, err);
    if (!rc)
        rc = ca_folder_make(offline, 0700, err);
    if (!rc)
        rc = make_root(conf, offline, &root, err);
    if (!rc)
        rc = make_issuer(conf->pki.dir, &root, PKI_HOST_ISSUER, true, err);
    if (!rc)
        rc = make_issuer(conf->pki.dir, &root, PKI_CONTROL_ISSUER, true, err);
    /* The last: with it the folder counts as made. */
    if (!rc)
        rc = ca_file_write(path, CA_PUBLIC_MODE, false, jb_buf_view(&root.pem), err);
    pki_wipe(&root.key);
    jb_buf_free(&root.pem);
    return rc;
}

int
ca_folder_renew(const struct conf *conf, const char *offline, int64_t now, struct jb_error *err)
{
    struct root root = {.now = now, .life = conf->pki.issuer_life / 1000};
    struct jb_buf ours = {0};
    struct pki_identity id = {0}, known = {0};
    char path[PATH_SIZE];
    int rc = join(path, offline, "", "root", ".key", err);

    if (!rc)
        rc = ca_file_read(path, true, err, &root.key);
    if (!rc)
        rc = join(path, offline, "", "root", ".pem", err);
    if (!rc)
        rc = ca_file_read(path, false, err, &root.pem);
    if (!rc)
        rc = pki_identity_read(jb_buf_view(&root.pem), err, &id);
    if (!rc)
        rc = join(path, conf->pki.dir, "", "root", ".pem", err);
    if (!rc)
        rc = ca_file_read(path, false, err, &ours);
    if (!rc)
        rc = pki_identity_read(jb_buf_view(&ours), err, &known);
    if (!rc && memcmp(id.key_hash, known.key_hash, sizeof(id.key_hash)) != 0)
        rc = jb_fail(err, JB_ECONFLICT, "%s holds another root than %s", offline, path);
    root.name = id.name;
    if (!rc)
        rc = make_issuer(conf->pki.dir, &root, PKI_HOST_ISSUER, false, err);
    if (!rc)
        rc = make_issuer(conf->pki.dir, &root, PKI_CONTROL_ISSUER, false, err);
    pki_wipe(&root.key);
    jb_buf_free(&root.pem);
    jb_buf_free(&ours);
    return rc;
}
