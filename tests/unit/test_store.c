/* SPDX-License-Identifier: Apache-2.0 */
/* The environment and its transactions: making, opening, sticking. */
#include <config.h>

#include "store_help.h"

#include <fcntl.h>
#include <lmdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <zlib.h>

#include "store/doorbell.h"

static void
test_create(void **state)
{
    struct fixture *f = *state;
    struct jb_error err = {0};
    struct stat st;
    char file[128];

    assert_int_equal(store_create(&f->conf, &err), JB_EBUSY); /* open in this process */
    fixture_close(f);
    memset(&err, 0, sizeof err);
    assert_int_equal(store_create(&f->conf, &err), JB_EEXIST);
    assert_non_null(strstr(err.text, "there is a store already"));
    fixture_open(f);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 02770);
    snprintf(file, sizeof file, "%s/data.mdb", f->path);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    snprintf(file, sizeof file, "%s/lock.mdb", f->path);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_sound(f);
}

static void
test_create_in_strange_places(void **state)
{
    struct fixture *f = *state;
    struct conf conf = f->conf;
    struct jb_error err = {0};
    char path[128];

    snprintf(path, sizeof path, "%s/no/such/folder", f->dir);
    conf.store.path = path;
    assert_int_equal(store_create(&conf, &err), JB_ENOENT);
    memset(&err, 0, sizeof err);
    snprintf(path, sizeof path, "%s/store/data.mdb", f->dir);
    assert_int_equal(store_create(&conf, &err), JB_EEXIST);
}

static void
test_open_errors(void **state)
{
    struct fixture *f = *state;
    struct conf conf = f->conf;
    struct jb_error err = {0};
    struct store *store = NULL;
    char path[128];

    assert_int_equal(store_open(&f->conf, false, &err, &store), JB_EBUSY);
    memset(&err, 0, sizeof err);
    snprintf(path, sizeof path, "%s/none", f->dir);
    conf.store.path = path;
    assert_int_equal(store_open(&conf, false, &err, &store), JB_ENOENT);
    assert_non_null(strstr(err.text, "jinbang init"));
    memset(&err, 0, sizeof err);
    assert_int_equal(mkdir(path, 0770), 0); /* the folder alone is not a store */
    assert_int_equal(store_open(&conf, true, &err, &store), JB_ENOENT);
    snprintf(path, sizeof path, "%s/none/data.mdb", f->dir);
    assert_int_equal(access(path, F_OK), -1);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    for (int i = 0; i < 20000; i++)
        fputs("not a store ", out);
    fclose(out);
    snprintf(path, sizeof path, "%s/none", f->dir);
    memset(&err, 0, sizeof err);
    assert_int_equal(store_open(&conf, true, &err, &store), JB_ECORRUPT);
    assert_null(store);
}

static MDB_env *
raw_env(const char *path)
{
    MDB_env *env;

    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 64), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_NOTLS, 0660), 0);
    return env;
}

static void
test_newer_schema(void **state)
{
    struct fixture *f = *state;
    struct jb_error err = {0};
    MDB_txn *txn;
    MDB_dbi dbi;
    /* kind m, version 1, CRC-32 of those and of the payload 4 */
    unsigned char value[] = {'m', 1, 0, 0, 0, 0, 4};
    char name[] = "schema";
    MDB_val k = {6, name}, v = {sizeof value, value};
    struct store *store;

    fixture_close(f);
    uLong crc = crc32(crc32(0, value, 2), value + 6, 1);
    for (int i = 0; i < 4; i++)
        value[2 + i] = (unsigned char)(crc >> (24 - 8 * i));
    MDB_env *env = raw_env(f->path);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    assert_int_equal(store_open(&f->conf, false, &err, &store), JB_EVERSION);
    assert_non_null(strstr(err.text, "schema 4"));
}

static void
test_half_made_store_is_made_whole(void **state)
{
    struct fixture *f = *state;
    struct conf conf = f->conf;
    struct jb_error err = {0};
    struct store *store;
    char path[128];

    /* What a kill between the making of the file and the first commit leaves. */
    snprintf(path, sizeof path, "%s/half", f->dir);
    conf.store.path = path;
    assert_int_equal(mkdir(path, 0770), 0);
    mdb_env_close(raw_env(path));
    assert_int_equal(store_open(&conf, false, &err, &store), JB_ENOENT);
    memset(&err, 0, sizeof err);
    assert_int_equal(store_create(&conf, &err), 0);
    assert_int_equal(store_open(&conf, false, &err, &store), 0);
    store_close(store);
}

static void
test_read_only(void **state)
{
    struct fixture *f = *state;
    struct jb_error err = {0};
    struct store_txn *txn;
    enum store_outcome outcome;

    fixture_fill(f, 3);
    fixture_close(f);
    assert_int_equal(store_open(&f->conf, true, &err, &f->store), 0);
    assert_int_equal(store_begin(f->store, STORE_WRITE, "test", &err, &txn), JB_EACCES);
    txn = fixture_begin(f, STORE_READ);
    struct request request = a_request("a/b");
    assert_int_equal(store_request_put(txn, &request, &outcome), JB_EACCES);
    assert_int_equal(store_txn_error(txn), JB_EACCES);
    store_abort(txn);
    assert_sound(f);
}

/* As another user: who may only read data.mdb reads, who may not touch lock.mdb is told why. */
static void
test_reader_without_rights(void **state)
{
    struct fixture *f = *state;
    char data[128], lock[128];
    int status;

    if (geteuid() != 0)
        skip();
    fixture_fill(f, 3);
    fixture_close(f);
    snprintf(data, sizeof data, "%s/data.mdb", f->path);
    snprintf(lock, sizeof lock, "%s/lock.mdb", f->path);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(chmod(f->path, 0755), 0);
    assert_int_equal(chmod(data, 0644), 0);
    assert_int_equal(chmod(lock, 0666), 0);
    for (int with_lock = 1; with_lock >= 0; with_lock--) {
        assert_int_equal(chmod(lock, with_lock ? 0666 : 0644), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct jb_error err = {0};
            struct store *store;
            struct store_txn *txn;
            struct store_stat figures;
            if (setgid(54321) || setuid(54321))
                _exit(10);
            int rc = store_open(&f->conf, true, &err, &store);
            if (!with_lock)
                _exit(rc == JB_EACCES && strstr(err.text, "lock.mdb") ? 0 : 11);
            if (rc)
                _exit(12);
            if (store_begin(store, STORE_READ, NULL, &err, &txn) ||
                store_stat_get(txn, &figures) || figures.requests != 3)
                _exit(13);
            store_abort(txn);
            store_close(store);
            _exit(store_open(&f->conf, false, &err, &store) == JB_EACCES ? 0 : 14);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

static void
test_sticky(void **state)
{
    struct fixture *f = *state;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    struct request good = a_request("a/good"), bad = a_request("a/bad");
    enum store_outcome outcome = 99;
    struct store_seq before = fixture_seq(f), seq;
    struct jb_error err = {0};
    char name[STORE_NAME_MAX + 2];

    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    bad.model = name;
    assert_ptr_equal(store_txn_store(txn), f->store);
    assert_int_equal(store_request_put(txn, &good, &outcome), 0);
    outcome = 99;
    assert_int_equal(store_txn_error(txn), 0);
    assert_string_equal(store_txn_reason(txn)->text, "");
    /* What is not there does not stick. */
    assert_int_equal(store_request_get(txn, 4711, f->arena, &good), JB_ENOENT);
    assert_int_equal(store_request_delete(txn, 4711), JB_ENOENT);
    assert_int_equal(store_note_delete(txn, NOTE_FLAG, "none"), JB_ENOENT);
    assert_int_equal(store_model_delete(txn, "none"), JB_ENOENT);
    assert_int_equal(store_result_delete(txn, 1), JB_ENOENT);
    assert_int_equal(store_txn_error(txn), 0);
    assert_int_equal(store_request_put(txn, &bad, &outcome), JB_ETOOBIG);
    assert_int_equal(outcome, 99);
    assert_int_equal(bad.id, 0);
    /* From here on nothing works and the first reason stays. */
    good = a_request("a/second");
    assert_int_equal(store_request_put(txn, &good, &outcome), JB_ETOOBIG);
    assert_int_equal(store_request_get(txn, 1, f->arena, &good), JB_ETOOBIG);
    assert_int_equal(store_note_put(txn, NOTE_FLAG, "a", "", &outcome), JB_ETOOBIG);
    assert_int_equal(store_seq_get(txn, &seq), JB_ETOOBIG);
    assert_int_equal(store_txn_error(txn), JB_ETOOBIG);
    assert_int_equal(store_commit(txn, &err), JB_ETOOBIG);
    assert_non_null(strstr(err.text, "201 bytes"));
    seq = fixture_seq(f);
    assert_memory_equal(&seq, &before, sizeof seq);
    txn = fixture_begin(f, STORE_READ);
    struct store_stat figures;
    assert_int_equal(store_stat_get(txn, &figures), 0);
    assert_int_equal(figures.requests, 0);
    store_abort(txn);
    store_abort(NULL);
    assert_sound(f);
}

static int
stop_walk(void *ctx, const struct request *request)
{
    (void)request;
    ++*(int *)ctx;
    return 42;
}

static void
test_walk_result_does_not_stick(void **state)
{
    struct fixture *f = *state;
    int n = 0;

    fixture_fill(f, 3);
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_requests_each(txn, f->arena, false, stop_walk, &n), 42);
    assert_int_equal(n, 1);
    assert_int_equal(store_txn_error(txn), 0);
    fixture_commit(f, txn);
}

static void
test_secret(void **state)
{
    struct fixture *f = *state;
    unsigned char a[STORE_SECRET_SIZE], b[STORE_SECRET_SIZE], zero[STORE_SECRET_SIZE] = {0};
    struct store_txn *txn = fixture_begin(f, STORE_READ);

    assert_int_equal(store_secret(txn, a), 0);
    store_abort(txn);
    fixture_close(f);
    fixture_open(f);
    txn = fixture_begin(f, STORE_READ);
    assert_int_equal(store_secret(txn, b), 0);
    store_abort(txn);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, zero, sizeof a);
}

static void
test_backup(void **state)
{
    struct fixture *f = *state;
    struct conf conf = f->conf;
    struct jb_error err = {0};
    struct store *copy;
    struct store_stat figures;
    struct stat st;
    struct told told = {0};

    fixture_fill(f, 20);
    for (int compact = 0; compact < 2; compact++) {
        assert_int_equal(store_backup(f->store, f->file, compact, compact, &err), 0);
        assert_int_equal(stat(f->file, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0660);
        /* What comes later is not in it. */
        struct store_txn *txn = fixture_begin(f, STORE_WRITE);
        enum store_outcome outcome;
        assert_int_equal(store_note_put(txn, NOTE_FLAG, compact ? "b" : "a", "", &outcome), 0);
        fixture_commit(f, txn);
        conf.store.path = f->file;
        assert_int_equal(store_open(&conf, false, &err, &copy), JB_EACCES);
        memset(&err, 0, sizeof err);
        assert_int_equal(store_open(&conf, true, &err, &copy), 0);
        assert_int_equal(store_begin(copy, STORE_READ, NULL, &err, &txn), 0);
        assert_int_equal(store_stat_get(txn, &figures), 0);
        assert_int_equal(figures.requests, 20);
        assert_int_equal(figures.flags, compact);
        store_abort(txn);
        assert_int_equal(store_verify(copy, tell, &told, &err), 0);
        store_close(copy);
    }
    assert_int_equal(store_backup(f->store, f->file, false, false, &err), JB_EEXIST);
    memset(&err, 0, sizeof err);
    assert_int_equal(store_backup(f->store, f->run, false, true, &err), JB_EINVAL);
    memset(&err, 0, sizeof err);
    char path[128];
    snprintf(path, sizeof path, "%s/data.mdb", f->path);
    assert_int_equal(store_backup(f->store, path, false, true, &err), JB_EINVAL);
    memset(&err, 0, sizeof err);
    snprintf(path, sizeof path, "%s/none/backup", f->dir);
    assert_int_equal(store_backup(f->store, path, false, true, &err), JB_ENOENT);
    /* A backup in a folder is a store again. */
    snprintf(path, sizeof path, "%s/again", f->dir);
    assert_int_equal(mkdir(path, 0770), 0);
    char data[160];
    snprintf(data, sizeof data, "%s/data.mdb", path);
    assert_int_equal(rename(f->file, data), 0);
    conf.store.path = path;
    memset(&err, 0, sizeof err);
    assert_int_equal(store_open(&conf, false, &err, &copy), 0);
    struct store_txn *txn;
    enum store_outcome outcome;
    assert_int_equal(store_begin(copy, STORE_WRITE, "test", &err, &txn), 0);
    assert_int_equal(store_note_put(txn, NOTE_FLAG, "c", "", &outcome), 0);
    assert_int_equal(store_commit(txn, &err), 0);
    store_close(copy);
}

static bool
rung(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void
test_doorbell(void **state)
{
    struct fixture *f = *state;
    struct jb_error err = {0};
    struct stat st;
    char path[128], long_dir[200];
    enum store_outcome outcome;
    int web = doorbell_listen(f->run, "web", &err),
        other = doorbell_listen(f->run, "other", &err);

    assert_true(web >= 0 && other >= 0);
    snprintf(path, sizeof path, "%s/web.bell", f->run);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_int_equal(fcntl(web, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_false(rung(web));
    doorbell_ring(f->run);
    assert_true(rung(web));
    assert_true(rung(other));
    doorbell_clear(web);
    assert_false(rung(web));
    /* A bell that nobody answers fills up and rings no further; the ringer does not wait. */
    for (int i = 0; i < 2000; i++)
        doorbell_ring(f->run);
    doorbell_clear(web);
    doorbell_clear(other);
    assert_int_equal(doorbell_listen(f->run, "web", &err), JB_EBUSY);
    memset(&err, 0, sizeof err);
    close(web); /* as a kill leaves it */
    assert_int_equal(access(path, F_OK), 0);
    doorbell_ring(f->run);
    web = doorbell_listen(f->run, "web", &err);
    assert_true(web >= 0);
    doorbell_clear(other);

    /* A commit rings by itself, if it changed anything. */
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_note_put(txn, NOTE_FLAG, "a", "", &outcome), 0);
    assert_false(rung(web));
    fixture_commit(f, txn);
    assert_true(rung(web) && rung(other));
    doorbell_clear(web);
    doorbell_clear(other);
    txn = fixture_begin(f, STORE_WRITE);
    assert_int_equal(store_note_put(txn, NOTE_FLAG, "a", "", &outcome), 0);
    assert_int_equal(outcome, STORE_SAME);
    fixture_commit(f, txn);
    assert_false(rung(web));

    doorbell_close(web, f->run, "web");
    assert_int_equal(access(path, F_OK), -1);
    doorbell_close(other, f->run, "other");
    doorbell_ring(f->run);
    doorbell_ring("/nonexistent");
    memset(long_dir, 'd', sizeof long_dir);
    long_dir[sizeof long_dir - 1] = '\0';
    assert_int_equal(doorbell_listen(long_dir, "web", &err), JB_EINVAL);
    memset(&err, 0, sizeof err);
    assert_int_equal(doorbell_listen("/nonexistent", "web", &err), JB_ENOENT);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_create),
        WITH_STORE(test_create_in_strange_places),
        WITH_STORE(test_open_errors),
        WITH_STORE(test_newer_schema),
        WITH_STORE(test_half_made_store_is_made_whole),
        WITH_STORE(test_read_only),
        WITH_STORE(test_reader_without_rights),
        WITH_STORE(test_sticky),
        WITH_STORE(test_walk_result_does_not_stick),
        WITH_STORE(test_secret),
        WITH_STORE(test_backup),
        WITH_STORE(test_doorbell),
    };

    umask(077); /* the store's modes do not come from here */
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
