/* SPDX-License-Identifier: Apache-2.0 */
/* Damage planted behind the store's back, and what the verification says to it. */
#pragma once

#include "store_help.h"

#include "store/env.h"

/* Writes past the store, into its closed file. A NULL value deletes. */
static inline void
plant(struct fixture *f, const char *db, const void *key, size_t key_n, const void *value,
      size_t value_n)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {key_n, (void *)(uintptr_t)key}, v = {value_n, (void *)(uintptr_t)value};

    fixture_close(f);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 64), 0);
    assert_int_equal(mdb_env_open(env, f->path, MDB_NOTLS, 0660), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, db, 0, &dbi), 0);
    assert_int_equal(value ? mdb_put(txn, dbi, &k, &v, 0) : mdb_del(txn, dbi, &k, NULL), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    fixture_open(f);
}

static inline void
assert_finds(struct fixture *f, int n, const char *const *texts)
{
    struct told told = {0};
    struct jb_error err = {0};
    int found = store_verify(f->store, tell, &told, &err);

    if (found != n) {
        for (int i = 0; i < told.n && i < 16; i++)
            print_error("%s\n", told.text[i]);
    }
    assert_int_equal(found, n);
    assert_int_equal(told.n, n);
    for (int i = 0; i < n; i++) {
        bool seen = false;
        for (int k = 0; k < n && !seen; k++)
            seen = strstr(told.text[k], texts[i]) != NULL;
        if (!seen)
            print_error("not said: %s; but: %s\n", texts[i], told.text[0]);
        assert_true(seen);
    }
}
#define FINDS(f, ...)                                                                          \
    assert_finds(f, (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)),        \
                 (const char *const[]){__VA_ARGS__})

#define ID(n)     "\0\0\0\0\0\0\0" n, 8
#define KEY(text) text, sizeof(text) - 1
