/* SPDX-License-Identifier: Apache-2.0 */
/* A host that waits gets its certificate and its place in the registry. */
#include <config.h>

#include "base/clock.h"
#include "cli/list.h"
#include "crypto/digest.h"
#include "dispatch/enrolment.h"
#include "queue/host.h"

#include <string.h>

struct enrolling {
    struct enrolment_order order;
    struct enrolment_outcome outcome;
    struct jb_arena *arena;
    int64_t now;
};

/* Is there anything to enrol? */
static int
look(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct enrolling *e = ctx;
    struct host host;
    int rc = store_host_get(txn, e->order.name, e->arena, &host);

    if (rc)
        return rc == JB_ENOENT ? jb_fail(err, rc, "there is no host %.60s", e->order.name) : rc;
    rc = queue_host_token(&host, host.token, e->now, err);
    if (rc)
        return rc;
    if (!e->order.url)
        e->order.url = host.url;
    rc = *e->order.url
             ? queue_host_url(e->order.url, err)
             : jb_fail(err, JB_EINVAL, "host %s: its address is not known", e->order.name);
    if (!rc)
        memcpy(e->order.token, host.token, sizeof(e->order.token));
    return rc;
}

/* It proved a token: is it the one that is still to be proved? */
static int
record(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct enrolling *e = ctx;
    struct host host;
    int rc = store_host_get(txn, e->order.name, e->arena, &host);

    if (rc)
        return rc == JB_ENOENT ? jb_fail(err, rc, "there is no host %.60s", e->order.name) : rc;
    rc = queue_host_token(&host, e->order.token, e->now, err);
    return rc ? rc
              : queue_host_enrol(txn, e->order.name, e->order.url, e->outcome.key,
                                 e->outcome.certificate_until, jb_now_us(), e->arena, err);
}

static bool
from_hex(const char *hex, unsigned char ret[ENROL_BYTES])
{
    static const char digits[] = "0123456789abcdef";

    if (strlen(hex) != 2 * ENROL_BYTES || strspn(hex, digits) != 2 * ENROL_BYTES)
        return false;
    for (size_t i = 0; i < ENROL_BYTES; i++)
        ret[i] = (unsigned char)((strchr(digits, hex[2 * i]) - digits) << 4 |
                                 (strchr(digits, hex[2 * i + 1]) - digits));
    return true;
}

static int
tell(struct cli *cli, const struct enrolling *e, bool as_json)
{
    struct jb_buf out = JB_BUF(1 << 20);
    char hex[2 * ENROL_BYTES + 1], until[JB_TIME_SIZE];
    struct jb_json j;

    crypto_hex(e->outcome.key, ENROL_BYTES, hex);
    jb_time_format(e->outcome.certificate_until, 0, until);
    if (!as_json) {
        printf("%s has its certificate, until %s, for the key\n    %s\n"
               "Now start the agent there.\n",
               e->order.name, until, hex);
        return CLI_DONE;
    }
    jb_json_init(&j, &out);
    jb_json_object(&j);
    jb_json_ktext(&j, "name", e->order.name);
    jb_json_ktext(&j, "state", queue_host_word(HOST_ACTIVE));
    jb_json_ktext(&j, "key", hex);
    jb_json_ktext(&j, "certificate_until", until);
    jb_json_end(&j);
    return cli_print(cli, &j, &out);
}

int
host_enrol(struct cli *cli, int argc, char **argv)
{
    struct enrolling e = {.arena = cli->arena, .now = jb_now_us()};
    unsigned char fingerprint[ENROL_BYTES];
    const char *hex = NULL;
    bool as_json = false;
    const struct cli_option options[] = {
        {"json", &as_json, NULL}, {"fingerprint", NULL, &hex}, {0}};
    struct jb_error err = {0};
    int rc;

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 2 && argc != 3)
        return cli_usage(cli, "enrol which host, at which address?");
    if (hex && !from_hex(hex, fingerprint))
        return cli_usage(cli, "a fingerprint is 64 digits, 0-9 and a-f");
    e.order.name = argv[1];
    e.order.url = argc == 3 ? argv[2] : NULL;
    e.order.fingerprint = hex ? fingerprint : NULL;
    if ((rc = cli_look(cli, look, &e)))
        return rc;
    if (enrolment_run(&cli->conf, &e.order, &err, &e.outcome))
        return cli_fail(cli, &err);
    rc = cli_change(cli, record, &e);
    return rc ? rc : tell(cli, &e, as_json);
}
