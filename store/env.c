/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "store/env.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const store_dbi_names[DBI_MAX] = {
    [DBI_META] = "meta",
    [DBI_REQUEST] = "request",
    [DBI_REQUEST_KEY] = "request_key",
    [DBI_REQUEST_MODEL] = "request_model",
    [DBI_RESULT] = "result",
    [DBI_RESULT_KEY] = "result_key",
    [DBI_RESULT_MODEL] = "result_model",
    [DBI_MODEL] = "model",
    [DBI_FLAG] = "flag",
    [DBI_ALIAS] = "alias",
    [DBI_BLOCKED] = "blocked",
    [DBI_DOC] = "doc",
    [DBI_CHANGE] = "change",
    [DBI_HIDDEN] = "hidden",
    [DBI_JOB] = "job",
    [DBI_JOB_STATE] = "job_state",
    [DBI_COMMIT_KEY] = "commit_key",
    [DBI_NONCE] = "nonce",
    [DBI_QUOTA] = "quota",
    [DBI_TIMING] = "timing",
    [DBI_DELIVERY] = "delivery",
    [DBI_HOST] = "host",
    [DBI_ATTEMPT] = "attempt",
    [DBI_ATTEMPT_LIVE] = "attempt_live",
    [DBI_ATTEMPT_OF] = "attempt_of",
    [DBI_PART] = "part",
};

/* Fixed, with room for the databases of later versions: it must be the same in all processes.
 */
#define MAX_DBIS 64

#define NO_STORE "%s: there is no store yet (make one with `jinbang init`)"

/* How long a change of the map's size waits for transactions to end. */
enum { RESIZE_WAIT_S = 2 };

/* A second environment on the same file in one process would drop the locks of the first. */
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct store *open_stores;

int
store_fail_mdb(struct jb_error *err, int rc, const char *what)
{
    int code;

    switch (rc) {
    case 0: return 0;
    case MDB_NOTFOUND: code = JB_ENOENT; break;
    case MDB_KEYEXIST: code = JB_EEXIST; break;
    case MDB_MAP_FULL:
        return jb_fail(err, JB_EFULL, "%s: the store is full (store.map_size)", what);
    case MDB_TXN_FULL:
        return jb_fail(err, JB_ETOOBIG, "%s: too much for one transaction", what);
    case MDB_READERS_FULL:
        return jb_fail(err, JB_EBUSY, "%s: no reader slot is free (store.max_readers)", what);
    case MDB_MAP_RESIZED:
        return jb_fail(err, JB_EBUSY,
                       "%s: another process made the store larger (store.map_size); try again",
                       what);
    case MDB_VERSION_MISMATCH:
        return jb_fail(err, JB_EVERSION, "%s: the file is of another version of LMDB", what);
    case MDB_INVALID: return jb_fail(err, JB_ECORRUPT, "%s: not a store", what);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND: code = JB_ECORRUPT; break;
    case MDB_BAD_VALSIZE: code = JB_ETOOBIG; break;
    case MDB_PANIC:
    case MDB_BAD_TXN:
    case MDB_BAD_RSLOT:
    case MDB_BAD_DBI:
    case MDB_INCOMPATIBLE: code = JB_EIO; break;
    default:
        if (rc == EROFS)
            return jb_fail(err, JB_EACCES, "%s: %s", what, strerror(rc));
        if (rc == EFBIG) /* the limit of the process or of the file system */
            return jb_fail(err, JB_EFULL, "%s: %s", what, strerror(rc));
        if (rc > 0)
            return jb_fail_errno(err, rc, "%s", what);
        code = JB_EIO;
        break;
    }
    return jb_fail(err, code, "%s: %s", what, mdb_strerror(rc));
}

static int
env_new(const struct conf *conf, struct jb_error *err, struct store **ret_store)
{
    struct store *store = calloc(1, sizeof *store);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t map = ((size_t)conf->store.map_size + page - 1) / page * page;
    int rc;

    if (!store)
        return jb_fail(err, JB_ENOMEM, "store");
    store->path = strdup(conf->store.path ? conf->store.path : "");
    store->run_dir = strdup(conf->run.dir ? conf->run.dir : "");
    store->min_free = conf->store.min_free;
    store->pid = getpid();
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->idle, NULL);
    if (!store->path || !store->run_dir)
        rc = ENOMEM;
    else if ((rc = mdb_env_create(&store->env)) == 0 &&
             (map == 0 || (rc = mdb_env_set_mapsize(store->env, map)) == 0) &&
             (conf->store.max_readers <= 0 ||
              (rc = mdb_env_set_maxreaders(store->env, (unsigned)conf->store.max_readers)) ==
                  0))
        rc = mdb_env_set_maxdbs(store->env, MAX_DBIS);
    if (rc) {
        rc = store_fail_mdb(err, rc, store->path ? store->path : "store");
        store_close(store);
        return rc;
    }
    *ret_store = store;
    return 0;
}

/* Of the data file; 0 or errno. stat() and never open(): closing a second descriptor of the
 * file would drop the locks. */
static int
env_stat(const struct store *store, struct stat *ret_st)
{
    char *file;
    int rc = asprintf(&file, "%s/data.mdb", store->path) < 0 ? ENOMEM : 0;

    if (rc)
        return rc;
    if (stat(file, ret_st) != 0)
        rc = errno;
    free(file);
    return rc;
}

/* The list keeps its place before the file is opened, so that two threads cannot both open. */
static int
env_register(struct store *store, const struct stat *st, struct jb_error *err)
{
    int rc = 0;

    store->dev = st->st_dev;
    store->ino = st->st_ino;
    pthread_mutex_lock(&open_lock);
    for (struct store *s = open_stores; s && !rc; s = s->next) {
        if (s->dev == store->dev && s->ino == store->ino && s->pid == store->pid)
            rc = jb_fail(err, JB_EBUSY, "%s: this process has the store open already",
                         store->path);
    }
    if (!rc) {
        store->next = open_stores;
        open_stores = store;
    }
    pthread_mutex_unlock(&open_lock);
    return rc;
}

static void
env_unregister(struct store *store)
{
    pthread_mutex_lock(&open_lock);
    for (struct store **s = &open_stores; *s; s = &(*s)->next) {
        if (*s == store) {
            *s = store->next;
            break;
        }
    }
    pthread_mutex_unlock(&open_lock);
}

static int
env_open(struct store *store, unsigned flags, struct jb_error *err)
{
    /* Files are for the group, whatever the caller's umask says. */
    mode_t mask = umask(0007);
    int rc = mdb_env_open(store->env, store->path, flags | MDB_NOTLS, 0660);

    umask(mask);
    if (rc == EACCES && (flags & MDB_RDONLY))
        return jb_fail(err, JB_EACCES,
                       "%s: a reader must be able to read data.mdb and to write lock.mdb (is "
                       "the user in the store's group?)",
                       store->path);
    if (rc == EAGAIN)
        return jb_fail(err, JB_EBUSY, "%s: another process holds the store's locks",
                       store->path);
    return store_fail_mdb(err, rc, store->path);
}

static int
env_open_dbis(struct store *store, MDB_txn *txn, unsigned flags, struct jb_error *err)
{
    for (int i = 0; i < DBI_MAX; i++) {
        int rc = mdb_dbi_open(txn, store_dbi_names[i], flags, &store->dbi[i]);
        if (rc == MDB_NOTFOUND)
            return jb_fail(err, JB_ECORRUPT, "%s: the database %s is missing", store->path,
                           store_dbi_names[i]);
        if (rc)
            return store_fail_mdb(err, rc, store->path);
    }
    return 0;
}

static int
fail_newer(const struct store *store, uint64_t schema, struct jb_error *err)
{
    return jb_fail(err, JB_EVERSION,
                   "%s: the store has schema %llu, this program knows %d; use a newer jinbang",
                   store->path, (unsigned long long)schema, STORE_SCHEMA);
}

/* From an older schema to this one. All that schemas 2 and 3 added are databases, and entries
 * of the change log in two versions. */
static int
env_migrate(struct store *store, struct jb_error *err)
{
    struct store_txn *txn;
    uint64_t schema = 0;
    int rc = store_begin(store, STORE_WRITE, "migration", err, &txn);

    if (rc)
        return rc;
    /* Another process may have been faster. */
    if (store_meta_get(txn, META_SCHEMA, &schema))
        return store_commit(txn, err);
    if (schema > STORE_SCHEMA)
        rc = fail_newer(store, schema, err);
    else
        rc = env_open_dbis(store, txn->txn, MDB_CREATE, err);
    if (rc) {
        store_abort(txn);
        return rc;
    }
    store_meta_put(txn, META_SCHEMA, STORE_SCHEMA);
    return store_commit(txn, err);
}

/* Handles become the environment's when their transaction commits, also a reading one. */
static int
env_load(struct store *store, struct jb_error *err)
{
    MDB_txn *txn;
    uint64_t schema = 0;
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

    if (rc)
        return store_fail_mdb(err, rc, store->path);
    struct store_txn view = {.store = store, .txn = txn, .mode = STORE_READ};
    rc = mdb_dbi_open(txn, store_dbi_names[DBI_META], 0, &store->dbi[DBI_META]);
    if (rc == MDB_NOTFOUND)
        rc = jb_fail(err, JB_ENOENT, NO_STORE, store->path);
    else if (rc)
        rc = store_fail_mdb(err, rc, store->path);
    else if ((rc = store_meta_get(&view, META_SCHEMA, &schema)))
        rc = jb_fail(err, rc, "%s: %s", store->path, view.err.text);
    else if (schema > STORE_SCHEMA)
        rc = fail_newer(store, schema, err);
    else if (schema == 0)
        rc = jb_fail(err, JB_ECORRUPT, "%s: the store has no schema number", store->path);
    else if (schema < STORE_SCHEMA && store->read_only)
        rc = jb_fail(err, JB_EVERSION,
                     "%s: the store has schema %llu, this program reads %d; start jinbang-web "
                     "once, or run a command of jinbang that writes, and it is brought up to "
                     "date",
                     store->path, (unsigned long long)schema, STORE_SCHEMA);
    else if (schema == STORE_SCHEMA)
        rc = env_open_dbis(store, txn, 0, err);
    if (rc) {
        mdb_txn_abort(txn);
        return rc;
    }
    rc = store_fail_mdb(err, mdb_txn_commit(txn), store->path);
    return !rc && schema < STORE_SCHEMA ? env_migrate(store, err) : rc;
}

int
store_open(const struct conf *conf, bool read_only, struct jb_error *err,
           struct store **ret_store)
{
    struct store *store;
    struct stat st;
    unsigned flags = read_only ? MDB_RDONLY : 0;
    int rc = env_new(conf, err, &store);

    if (rc)
        return rc;
    if (stat(store->path, &st) != 0) {
        rc = errno == ENOENT ? jb_fail(err, JB_ENOENT, NO_STORE, store->path)
                             : jb_fail_errno(err, errno, "%s", store->path);
        goto out;
    }
    if (S_ISREG(st.st_mode)) {
        if (!read_only) {
            rc = jb_fail(err, JB_EACCES, "%s: a backup file is opened for reading only",
                         store->path);
            goto out;
        }
        flags |= MDB_NOSUBDIR | MDB_NOLOCK;
    } else if ((rc = env_stat(store, &st)) != 0) {
        rc = rc == ENOENT ? jb_fail(err, JB_ENOENT, NO_STORE, store->path)
                          : jb_fail_errno(err, rc, "%s", store->path);
        goto out;
    }
    store->read_only = read_only;
    if ((rc = env_register(store, &st, err)) || (rc = env_open(store, flags, err)))
        goto out;
    if (!(flags & MDB_NOLOCK) && (rc = store_check_readers(store)) < 0) {
        rc = jb_fail(err, rc, "%s: the table of readers cannot be checked", store->path);
        goto out;
    }
    rc = env_load(store, err);
out:
    if (rc) {
        store_close(store);
        return rc;
    }
    *ret_store = store;
    return 0;
}

void
store_close(struct store *store)
{
    if (!store)
        return;
    if (store->env)
        mdb_env_close(store->env);
    env_unregister(store);
    pthread_cond_destroy(&store->idle);
    pthread_mutex_destroy(&store->lock);
    free(store->path);
    free(store->run_dir);
    free(store);
}

/* Everything in one transaction: a kill leaves a store without a meta database, which is filled
 * by the next try. */
static int
env_fill(struct store *store, struct jb_error *err)
{
    struct store_txn *txn;
    uint64_t schema = 0;
    int rc = store_begin(store, STORE_WRITE, "init", err, &txn);

    if (rc)
        return rc;
    rc = env_open_dbis(store, txn->txn, MDB_CREATE, err);
    if (!rc)
        rc = store_meta_get(txn, META_SCHEMA, &schema);
    if (!rc && schema)
        rc = jb_fail(err, JB_EEXIST, "%s: there is a store already", store->path);
    if (rc) {
        if (txn->err.code && err && !err->code)
            *err = txn->err;
        store_abort(txn);
        return rc;
    }
    store_meta_put(txn, META_SCHEMA, STORE_SCHEMA);
    store_secret_put(txn);
    return store_commit(txn, err);
}

int
store_create(const struct conf *conf, struct jb_error *err)
{
    struct store *store;
    int rc = env_new(conf, err, &store);

    if (rc)
        return rc;
    if (mkdir(store->path, 0770) == 0) {
        /* The set-group-id bit and the group's rights do not come through the umask. */
        if (chmod(store->path, 02770) != 0)
            rc = jb_fail_errno(err, errno, "%s", store->path);
    } else if (errno != EEXIST) {
        rc = jb_fail_errno(err, errno, "%s", store->path);
    }
    struct stat st;
    if (!rc && stat(store->path, &st) != 0)
        rc = jb_fail_errno(err, errno, "%s", store->path);
    if (!rc && !S_ISDIR(st.st_mode))
        rc = jb_fail(err, JB_EEXIST, "%s: exists and is not a folder", store->path);
    if (!rc && env_stat(store, &st) == 0)
        rc = env_register(store, &st, err);
    if (!rc)
        rc = env_open(store, 0, err);
    if (!rc)
        rc = env_fill(store, err);
    store_close(store);
    return rc;
}

int
store_check_readers(struct store *store)
{
    int dead = 0;
    int rc = mdb_reader_check(store->env, &dead);

    return rc ? store_fail_mdb(NULL, rc, "readers") : dead;
}

int
store_resize(struct store *store, size_t size, struct jb_error *err)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RESIZE_WAIT_S;
    pthread_mutex_lock(&store->lock);
    while (store->active && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&store->idle, &store->lock, &until);
    /* With the lock no transaction begins. */
    rc = store->active
             ? jb_fail(err, JB_EBUSY, "%s: the store is too busy to be made larger at present",
                       store->path)
             : store_fail_mdb(err, mdb_env_set_mapsize(store->env, size), store->path);
    pthread_mutex_unlock(&store->lock);
    return rc;
}

int
store_grow(struct store *store, int64_t map_size, struct jb_error *err)
{
    MDB_envinfo info;
    int rc = mdb_env_info(store->env, &info);

    if (rc)
        return store_fail_mdb(err, rc, store->path);
    if (map_size <= (int64_t)info.me_mapsize)
        return 0;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return store_resize(store, ((size_t)map_size + page - 1) / page * page, err);
}
