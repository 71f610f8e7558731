/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts put by transactions of their own. Comes behind <config.h>. */
#pragma once

#include "job_help.h"

#include "store/host.h"

static inline struct host
a_host(const char *name)
{
    return (struct host){
        .name = name,
        .state = "active",
        .url = "https://192.0.2.7:8443",
        .has_key = true,
        .key = {1, 2, 0xff},
        .engine = "local",
        .slots = 2,
        .gpus = 8,
        .memory_mib = 655360,
        .gpu = "NVIDIA H100",
    };
}

static inline enum store_outcome
put_host(struct fixture *f, const struct host *host)
{
    enum store_outcome outcome = 99;
    struct store_txn *txn = fixture_begin(f, STORE_WRITE);

    assert_int_equal(store_host_put(txn, host, &outcome), 0);
    fixture_commit(f, txn);
    return outcome;
}
