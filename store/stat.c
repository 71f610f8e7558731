/* SPDX-License-Identifier: Apache-2.0 */
#include "store/env.h"

#include <string.h>

/* mdb_reader_list() writes a heading and a line for each, or one line when there is none. */
static int
count_line(const char *line, void *ctx)
{
    unsigned *n = ctx;

    (void)line;
    ++*n;
    return 0;
}

/* Pages that a later write will use again: LMDB keeps them in its database 0, each value a
 * count followed by page numbers. */
static int
free_pages(struct store_txn *txn, uint64_t *ret_n)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    uint64_t n = 0;
    int rc = mdb_cursor_open(txn->txn, 0, &cursor);

    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        size_t count = 0;
        if (v.mv_size >= sizeof count)
            memcpy(&count, v.mv_data, sizeof count);
        n += count;
    }
    mdb_cursor_close(cursor);
    if (rc != MDB_NOTFOUND)
        return rc;
    *ret_n = n;
    return 0;
}

int
store_stat_get(struct store_txn *txn, struct store_stat *ret_stat)
{
    struct store_stat stat = {0};
    MDB_envinfo info;
    MDB_stat entries;
    uint64_t n_free = 0;
    unsigned lines = 0;
    int rc = store_txn_ready(txn, STORE_READ);
    const struct {
        enum store_dbi dbi;
        uint64_t *n;
    } counts[] = {
        {DBI_REQUEST, &stat.requests}, {DBI_RESULT, &stat.results},
        {DBI_MODEL, &stat.models},     {DBI_FLAG, &stat.flags},
        {DBI_ALIAS, &stat.aliases},    {DBI_BLOCKED, &stat.blocked},
        {DBI_HIDDEN, &stat.hidden},    {DBI_CHANGE, &stat.changes},
        {DBI_JOB, &stat.jobs},         {DBI_HOST, &stat.hosts},
        {DBI_ATTEMPT, &stat.attempts}, {DBI_ATTEMPT_LIVE, &stat.live_attempts},
        {DBI_PART, &stat.parts},
    };

    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        rc = mdb_stat(txn->txn, txn->store->dbi[counts[i].dbi], &entries);
        if (rc)
            return store_fail_mdb(&txn->err, rc, store_dbi_names[counts[i].dbi]);
        *counts[i].n = entries.ms_entries;
    }
    if ((rc = deliveries_count(txn, &stat.deliveries, &stat.dead_deliveries)))
        return rc;
    if ((rc = mdb_env_info(txn->store->env, &info)) || (rc = free_pages(txn, &n_free)) ||
        (rc = mdb_env_stat(txn->store->env, &entries)))
        return store_fail_mdb(&txn->err, rc, "figures");
    mdb_reader_list(txn->store->env, count_line, &lines);
    stat.map_size = info.me_mapsize;
    stat.used_bytes = (info.me_last_pgno + 1 - n_free) * entries.ms_psize;
    stat.readers = lines > 1 ? lines - 1 : 0;
    stat.max_readers = info.me_maxreaders;
    *ret_stat = stat;
    return 0;
}
