/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "base/text.h"
#include "cli/cli.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;

void
cli_put_text(FILE *to, const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n;) {
        size_t good = jb_utf8_valid(text + i, n - i);

        for (size_t end = i + good; i < end;) {
            uint32_t cp;
            size_t len = jb_utf8_decode(text + i, end - i, &cp);

            if (cp < 0x20 || cp == 0x7f)
                fprintf(to, "\\x%02x", (unsigned)cp);
            else if (jb_cp_forbidden(cp))
                fprintf(to, "\\u{%04x}", (unsigned)cp);
            else
                fwrite(text + i, 1, len, to);
            i += len;
        }
        if (i < n)
            fprintf(to, "\\x%02x", (unsigned char)text[i++]);
    }
}

int
cli_fail(const struct cli *cli, const struct jb_error *err)
{
    (void)cli;
    fputs("jinbang: ", stderr);
    cli_put_text(stderr, err->text[0] ? err->text : jb_strerror(err->code));
    fputc('\n', stderr);
    return err->code == JB_EEXIST || err->code == JB_EVERSION || err->code == JB_ECONFLICT
               ? CLI_REFUSED
               : CLI_FAILED;
}

int
cli_open(struct cli *cli, bool read_only, struct jb_error *err, struct store **ret_store)
{
    return store_open(&cli->conf, read_only, err, ret_store);
}

int
cli_reason(struct store_txn *txn, int rc, struct jb_error *err)
{
    return jb_fail(err, rc, "%s",
                   store_txn_error(txn) ? store_txn_reason(txn)->text : jb_strerror(rc));
}

static int
in_transaction(struct cli *cli, enum store_mode mode,
               int (*work)(void *ctx, struct store_txn *txn, struct jb_error *err), void *ctx)
{
    bool read_only = mode == STORE_READ;
    struct jb_error err = {0};
    struct store *store;
    struct store_txn *txn;
    int rc;

    if (cli_open(cli, read_only, &err, &store))
        return cli_fail(cli, &err);
    rc = store_begin(store, mode, read_only ? NULL : cli->actor, &err, &txn);
    if (!rc) {
        rc = work(ctx, txn, &err);
        if (rc)
            cli_reason(txn, rc, &err);
        if (rc || read_only)
            store_abort(txn);
        else
            rc = store_commit(txn, &err);
    }
    store_close(store);
    return rc ? cli_fail(cli, &err) : CLI_DONE;
}

int
cli_change(struct cli *cli,
           int (*change)(void *ctx, struct store_txn *txn, struct jb_error *err), void *ctx)
{
    return in_transaction(cli, STORE_WRITE, change, ctx);
}

int
cli_look(struct cli *cli, int (*look)(void *ctx, struct store_txn *txn, struct jb_error *err),
         void *ctx)
{
    return in_transaction(cli, STORE_READ, look, ctx);
}

int
cli_board(struct cli *cli, struct jb_error *err, struct board_config *ret_board)
{
    const char *file = cli->board_file ? cli->board_file : cli->conf.site.board;
    struct settings_report report = {0};
    int rc = board_config_load(file, cli->arena, ret_board, &report);

    if (rc && report.text.n)
        fputs(report.text.p, stderr);
    else if (rc)
        jb_fail(err, rc, "board file %s: %s", file, jb_strerror(rc));
    jb_buf_free(&report.text);
    return rc;
}

static void
on_signal(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static void
clear_bar(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static void
say_problem(void *ctx, const char *path, const char *reason)
{
    (void)ctx;
    clear_bar();
    cli_put_text(stderr, path);
    fputs(": ", stderr);
    cli_put_text(stderr, reason);
    fputc('\n', stderr);
}

static void
draw_bar(void *ctx, size_t done, size_t total)
{
    enum { WIDTH = 40 };
    char bar[WIDTH + 1];
    size_t full = total ? done * WIDTH / total : WIDTH;

    (void)ctx;
    for (size_t i = 0; i < WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %zu/%zu", bar, done, total);
    fflush(stderr);
}

static bool
must_stop(void *ctx)
{
    struct cli *cli = ctx;

    if (stop_asked)
        cli->stopped_half_way = true;
    return stop_asked;
}

void
cli_sink(struct cli *cli, struct import_sink *ret_sink)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    action.sa_flags =
        (int)SA_RESETHAND; /* a second one ends the program: every batch is whole */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    *ret_sink = (struct import_sink){.ctx = cli,
                                     .problem = say_problem,
                                     .progress = isatty(STDERR_FILENO) ? draw_bar : NULL,
                                     .stop = must_stop};
}

int
cli_report(struct cli *cli, int rc, const struct jb_error *err,
           const struct import_counts *counts)
{
    clear_bar();
    if (!rc || counts->files)
        printf("%zu looked at: %zu new, %zu changed, %zu as before, %zu broken\n",
               counts->files, counts->added, counts->changed, counts->same, counts->broken);
    fflush(stdout);
    if (rc)
        return cli_fail(cli, err);
    if (cli->stopped_half_way) {
        fputs("jinbang: stopped half way; what is counted is stored, run it again to go on\n",
              stderr);
        return CLI_FAILED;
    }
    return counts->broken ? CLI_FAILED : CLI_DONE;
}

int
cli_print(const struct cli *cli, struct jb_json *j, struct jb_buf *out)
{
    struct jb_error err = {0};
    int rc = jb_json_finish(j);

    if (rc) {
        jb_fail(&err, rc, "%s", jb_strerror(rc));
        rc = cli_fail(cli, &err);
    } else {
        fwrite(out->p, 1, out->n, stdout);
        putchar('\n');
    }
    jb_buf_free(out);
    return rc;
}
