/* SPDX-License-Identifier: Apache-2.0 */
/* pki: the root, the issuers, and the dispatcher's own certificate. */
#include <config.h>

#include "base/clock.h"
#include "ca/client.h"
#include "ca/folder.h"
#include "cli/cli.h"
#include "crypto/digest.h"

#include <errno.h>
#include <string.h>

static const char *
in(const struct cli *cli, const char *dir, const char *name)
{
    return jb_arena_printf(cli->arena, "%s/%s", dir, name);
}

static int
pki_init(struct cli *cli, int argc, char **argv)
{
    const char *offline = NULL, *name = "jinbang";
    const struct cli_option options[] = {
        {"root-out", NULL, &offline}, {"name", NULL, &name}, {0}};
    const char *dir = cli->conf.pki.dir;
    struct jb_error err = {0};

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc > 1)
        return cli_usage(cli, "pki init takes no operands");
    if (!offline)
        offline = in(cli, dir, "offline");
    if (!offline)
        return cli_fail(cli, (jb_fail(&err, JB_ENOMEM, "out of memory"), &err));
    if (ca_folder_init(&cli->conf, offline, name, jb_now_us(), &err))
        return cli_fail(cli, &err);
    printf("made the root in %s, the issuers in %s\n", offline, dir);
    printf("Now take %s to a medium that is kept offline, and delete it here: whoever has\n"
           "root.key can stand for every host. It is needed again to renew the issuers\n"
           "(jinbang pki renew --root DIR).\n",
           offline);
    return CLI_DONE;
}

/* The dispatcher's key, made if there is none. */
static int
own_key(const struct cli *cli, const char *path, bool fresh, struct jb_error *err,
        struct jb_buf *ret_key)
{
    struct jb_error missing = {0};
    int rc = fresh ? JB_ENOENT : ca_file_read(path, true, &missing, ret_key);

    if (rc == 0)
        return 0;
    if (rc != JB_ENOENT)
        return jb_fail(err, rc, "%s", missing.text);
    rc = ca_folder_make(cli->conf.pki.control, 0700, err);
    if (!rc)
        rc = pki_key_new(PKI_DISPATCHER, err, ret_key);
    if (!rc)
        rc = ca_file_write(path, CA_KEY_MODE, fresh, jb_buf_view(ret_key), err);
    return rc;
}

static int
certify(struct cli *cli, bool fresh_key)
{
    const char *control = cli->conf.pki.control;
    const char *key_path = in(cli, control, "dispatcher.key");
    const char *path = in(cli, control, "dispatcher.pem");
    struct jb_buf key = {0}, csr = {0}, chain = {0};
    struct pki_identity id;
    struct jb_error err = {0};
    char until[JB_TIME_SIZE];
    int rc = key_path && path ? own_key(cli, key_path, fresh_key, &err, &key)
                              : jb_fail(&err, JB_ENOMEM, "out of memory");

    if (!rc)
        rc = pki_csr_new(jb_buf_view(&key), &err, &csr);
    if (!rc)
        rc = ca_ask(&cli->conf, PKI_DISPATCHER, NULL, jb_buf_view(&csr), &err, &chain);
    if (!rc)
        rc = ca_file_write(path, CA_PUBLIC_MODE, true, jb_buf_view(&chain), &err);
    if (!rc)
        rc = pki_identity_read(jb_buf_view(&chain), &err, &id);
    if (!rc) {
        jb_time_format(id.not_after, 0, until);
        printf("%s: serial %s, until %s\n", path, id.serial, until);
    }
    pki_wipe(&key);
    jb_buf_free(&csr);
    jb_buf_free(&chain);
    return rc ? cli_fail(cli, &err) : CLI_DONE;
}

static int
pki_issue_leaf(struct cli *cli, int argc, char **argv)
{
    bool fresh = false;
    const struct cli_option options[] = {{"new-key", &fresh, NULL}, {0}};

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 2 || strcmp(argv[1], "dispatcher") != 0)
        return cli_usage(cli, "pki issues for the dispatcher; a host is enrolled");
    return certify(cli, fresh);
}

static int
renew_issuers(struct cli *cli, const char *root)
{
    struct jb_error err = {0};

    if (ca_folder_renew(&cli->conf, root, jb_now_us(), &err))
        return cli_fail(cli, &err);
    printf("renewed the issuers in %s; take the root away again\n", cli->conf.pki.dir);
    return CLI_DONE;
}

static int
pki_renew(struct cli *cli, int argc, char **argv)
{
    const char *root = NULL, *path = in(cli, cli->conf.pki.control, "dispatcher.pem");
    bool now = false;
    const struct cli_option options[] = {{"root", NULL, &root}, {"now", &now, NULL}, {0}};
    struct jb_buf pem = {0};
    struct pki_identity id;
    struct jb_error err = {0};
    char due[JB_TIME_SIZE];
    int rc;

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc > 1)
        return cli_usage(cli, "pki renew takes no operands");
    if (root)
        return renew_issuers(cli, root);
    rc = path ? ca_file_read(path, false, &err, &pem)
              : jb_fail(&err, JB_ENOMEM, "out of memory");
    if (!rc)
        rc = pki_identity_read(jb_buf_view(&pem), &err, &id);
    jb_buf_free(&pem);
    if (rc)
        return cli_fail(cli, &err);
    if (!now && jb_now_us() < pki_renew_at(&id)) {
        jb_time_format(pki_renew_at(&id), 0, due);
        printf("%s: not due before %s\n", path, due);
        return CLI_DONE;
    }
    return certify(cli, false);
}

static void
show(struct jb_json *j, const char *path, const struct pki_identity *id)
{
    char from[JB_TIME_SIZE], until[JB_TIME_SIZE], hex[2 * PKI_HASH_SIZE + 1];
    const char *life = jb_now_us() > id->not_after    ? "EXPIRED"
                       : jb_now_us() < id->not_before ? "NOT YET"
                                                      : "until";

    jb_time_format(id->not_before, 0, from);
    jb_time_format(id->not_after, 0, until);
    crypto_hex(id->key_hash, sizeof(id->key_hash), hex);
    if (!j->out) {
        printf("%-15s %-40s %s %s\n", pki_role_word(id->role), id->name, life, until);
        printf("                serial %s\n                key    %s\n", id->serial, hex);
        return;
    }
    jb_json_object(j);
    jb_json_ktext(j, "role", pki_role_word(id->role));
    jb_json_ktext(j, "name", id->name);
    jb_json_ktext(j, "serial", id->serial);
    jb_json_ktext(j, "key", hex);
    jb_json_ktext(j, "from", from);
    jb_json_ktext(j, "until", until);
    jb_json_ktext(j, "file", path);
    jb_json_end(j);
}

static int
list_files(struct cli *cli, struct jb_json *j)
{
    static const char *const names[] = {"root.pem", "host-issuer.pem", "control-issuer.pem",
                                        "dispatcher.pem"};
    int code = CLI_DONE;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *path = in(cli, i < 3 ? cli->conf.pki.dir : cli->conf.pki.control, names[i]);
        struct jb_buf pem = {0};
        struct jb_error err = {0};
        struct pki_identity id;
        int rc = path ? ca_file_read(path, false, &err, &pem)
                      : jb_fail(&err, JB_ENOMEM, "out of memory");

        if (!rc)
            rc = pki_identity_read(jb_buf_view(&pem), &err, &id);
        if (rc)
            code = cli_fail(cli, &err);
        else
            show(j, path, &id);
        jb_buf_free(&pem);
    }
    return code;
}

/* Lines of JSON that jinbang-ca wrote. */
static int
list_issued(struct cli *cli)
{
    const char *path = in(cli, cli->conf.pki.dir, "issued.jsonl");
    FILE *from = path ? fopen(path, "r") : NULL;
    struct jb_error err = {0};
    char line[4096];

    if (!from && errno == ENOENT)
        return CLI_DONE;
    if (!from)
        return cli_fail(cli, (jb_fail_errno(&err, errno, "%s", path ? path : ""), &err));
    while (fgets(line, sizeof(line), from)) {
        line[strcspn(line, "\n")] = '\0';
        cli_put_text(stdout, line);
        putchar('\n');
    }
    fclose(from);
    return CLI_DONE;
}

static int
pki_list(struct cli *cli, int argc, char **argv)
{
    bool on[2] = {false};
    const struct cli_option options[] = {{"json", &on[0], NULL}, {"issued", &on[1], NULL}, {0}};
    struct jb_buf out = JB_BUF(1 << 20);
    struct jb_json j = {0};
    int code;

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc > 1)
        return cli_usage(cli, "pki list takes no operands");
    if (on[1])
        return list_issued(cli);
    if (on[0]) {
        jb_json_init(&j, &out);
        jb_json_array(&j);
    }
    code = list_files(cli, &j);
    if (on[0]) {
        int printed;
        jb_json_end(&j);
        printed = cli_print(cli, &j, &out);
        code = code ? code : printed;
    }
    return code;
}

const struct cli_verb pki_verbs[] = {
    {"init", "[--root-out DIR] [--name NAME]", "make the root and the issuers", pki_init},
    {"issue", "dispatcher [--new-key]", "make the dispatcher's key and certificate",
     pki_issue_leaf},
    {"renew", "[--now] | --root DIR",
     "the dispatcher's certificate, when it is due; with the offline root the issuers'",
     pki_renew},
    {"revoke", "HOST [--reason TEXT] [--yes] [--json]",
     "refuse the key of a host from now on: the same as host remove", host_remove},
    {"list", "[--json] | --issued", "certificates here; what jinbang-ca has signed", pki_list},
    {0},
};
