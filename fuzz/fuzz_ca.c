/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to jinbang-ca, whose keys are made anew for each run. There is always one line of
 * JSON as answer; a certificate in it is a host's or the dispatcher's, and nothing else.
 */
#include <config.h> /* mkdtemp */

#include "base/clock.h"
#include "base/log.h"
#include "ca/folder.h"
#include "ca/sign.h"
#include "harness/jsontext.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64] = "/tmp/jinbang-fuzz.XXXXXX", offline[80];
static struct conf conf = {.pki = {.dir = dir,
                                   .leaf_life = 86400000,
                                   .issuer_life = 86400000 * INT64_C(30),
                                   .root_life = 86400000 * INT64_C(60)},
                           .ca = {.rate = 1000000000}};
static struct jb_buf root;
static int64_t now;

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static void
clean_up(void)
{
    static const char *const made[] = {"private/host-issuer.key",
                                       "private/control-issuer.key",
                                       "private",
                                       "offline/root.key",
                                       "offline/root.pem",
                                       "offline",
                                       "root.pem",
                                       "host-issuer.pem",
                                       "control-issuer.pem",
                                       "issued.jsonl",
                                       ""};
    char path[128];

    jb_buf_free(&root);
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, made[i]);
        remove(path);
    }
}

static void
begin(struct ca_signer *signer)
{
    char path[128];

    /* each refusal is a line of the log */
    jb_log_open("fuzz_ca", JB_LOG_ERR);
    must(mkdtemp(dir) != NULL && atexit(clean_up) == 0);
    snprintf(offline, sizeof(offline), "%s/offline", dir);
    snprintf(path, sizeof(path), "%s/root.pem", dir);
    now = jb_now_us();
    must(ca_folder_init(&conf, offline, "Fuzz", now, NULL) == 0 &&
         ca_file_read(path, false, NULL, &root) == 0 &&
         ca_signer_init(signer, &conf, 0, NULL) == 0);
}

static void
check_certificate(const char *chain)
{
    struct pki_identity id;
    bool host = pki_verify(jb_str(chain), jb_buf_view(&root), PKI_HOST, now, NULL, &id) == 0;
    bool control =
        pki_verify(jb_str(chain), jb_buf_view(&root), PKI_DISPATCHER, now, NULL, &id) == 0;

    must(host != control);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct jsontext_limits limits = {CA_ANSWER_MAX, 2, 8};
    static struct ca_signer signer;
    const struct ca_asker asker = {1000, 1};
    struct jb_buf out = JB_BUF(CA_ANSWER_MAX);
    struct jsontext_member m;
    struct jb_str answer;
    size_t at = 0, members = 0;

    if (!signer.conf)
        begin(&signer);
    struct jb_arena *arena = jb_arena_new(1 << 20);
    if (!arena)
        return 0;
    ca_sign(&signer, (struct jb_str){(const char *)data, size}, &asker, now, 0, &out);
    must(!out.err && out.n > 2 && memchr(out.p, '\n', out.n) == out.p + out.n - 1);
    answer = (struct jb_str){out.p, out.n - 1};
    must(jsontext_check(answer, &limits, NULL) == 0);
    while (jsontext_next(answer, &at, &m)) {
        members++;
        if (!jsontext_key_is(m.key, "certificate"))
            continue;
        const char *chain = jsontext_key((struct jb_str){m.value.p + 1, m.value.n - 2}, arena);
        must(chain != NULL);
        check_certificate(chain);
        members++;
    }
    must(members == 2);
    jb_buf_free(&out);
    jb_arena_free(arena);
    return 0;
}
