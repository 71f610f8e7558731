/* SPDX-License-Identifier: Apache-2.0 */
/* The attempts at evaluations, by their fence. */
#include <config.h>

#include "cli/list.h"
#include "cli/request.h"

#include "base/text.h"
#include "queue/move.h"
#include "store/host.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define LOG_STEP ((size_t)64 << 10)

struct job_walk {
    struct listing listing; /* first: listing_run() gives it back */
    struct store_txn *txn;
    uint64_t only, request; /* 0 any */
    const char *host;       /* NULL any */
    bool all;               /* those that ended too */
};

/* What is left of its lease, in seconds; negative: it ran out. */
static double
lease_left(const struct attempt *a)
{
    return (double)(a->lease_until - jb_now_us()) / 1e6;
}

static bool
is_live(const struct attempt *a)
{
    return strcmp(a->state, ATTEMPT_ENDED) != 0;
}

static int
log_path(struct job_walk *w, const struct attempt *a, const char **ret_path)
{
    const char *path;
    int rc = store_attempt_log(store_txn_store(w->txn), a->fence, w->listing.arena, &path);

    if (!rc)
        *ret_path = access(path, F_OK) == 0 ? path : "";
    return rc;
}

static void
put_attempt(struct jb_json *j, const struct attempt *a, const char *model, const char *log)
{
    jb_json_object(j);
    jb_json_kint(j, "fence", (int64_t)a->fence);
    jb_json_ktext(j, "id", a->id);
    jb_json_kint(j, "request", (int64_t)a->request);
    jb_json_kint(j, "round", (int64_t)a->round);
    jb_json_ktext(j, "model", model);
    jb_json_ktext(j, "host", a->host);
    jb_json_ktext(j, "state", a->state);
    jb_json_kbool(j, "cancel", a->cancel);
    jb_json_kbool(j, "canary", a->canary);
    list_put_time(j, "leased", a->leased);
    list_put_time(j, "started", a->started);
    list_put_time(j, "ended", a->ended);
    list_put_time(j, "lease_until", is_live(a) ? a->lease_until : 0);
    jb_json_ktext(j, "failure", *a->failure ? a->failure : NULL);
    jb_json_ktext(j, "reason", *a->reason ? a->reason : NULL);
    jb_json_kint(j, "log_bytes", (int64_t)a->log_end);
    jb_json_ktext(j, "log", *log ? log : NULL);
    jb_json_key(j, "spec");
    if (*a->spec)
        jb_json_raw(j, jb_str(a->spec));
    else
        jb_json_null(j);
    jb_json_end(j);
}

static void
lease_text(const struct attempt *a, char out[48])
{
    double left = lease_left(a);

    out[0] = '\0';
    if (is_live(a))
        snprintf(out, 48, left < 0 ? "lease over for %.0f s" : "lease for %.0f s",
                 left < 0 ? -left : left);
}

static void
print_line(const struct attempt *a, const char *model)
{
    char fence[24], request[24], lease[48], time[JB_TIME_SIZE];

    snprintf(fence, sizeof(fence), "%" PRIu64, a->fence);
    snprintf(request, sizeof(request), "%" PRIu64, a->request);
    lease_text(a, lease);
    list_line(fence, a->state, a->host, request, model,
              list_time(is_live(a) ? a->leased : a->ended, time),
              is_live(a) ? lease : a->failure, a->reason, NULL);
}

static void
print_member(const char *name, const char *value)
{
    if (!*value)
        return;
    printf("%s: ", name);
    list_line(value, NULL);
}

static void
print_attempt(const struct attempt *a, const char *model, const char *log)
{
    char lease[48], time[JB_TIME_SIZE];

    printf("fence: %" PRIu64 "\n", a->fence);
    print_member("id", a->id);
    printf("request: %" PRIu64 ", round %" PRIu64 "\n", a->request, a->round);
    print_member("model", model);
    print_member("host", a->host);
    print_member("state", a->state);
    lease_text(a, lease);
    print_member("lease", lease);
    print_member("leased", list_time(a->leased, time));
    print_member("started", list_time(a->started, time));
    print_member("ended", list_time(a->ended, time));
    if (a->cancel)
        puts("asked to stop");
    if (a->canary)
        puts("a canary");
    print_member("failure", a->failure);
    print_member("reason", a->reason);
    print_member("log", log);
    print_member("spec", a->spec);
}

static int
show(struct job_walk *w, const struct attempt *a)
{
    struct request request = {.model = ""};
    const char *log;
    int rc = store_request_get(w->txn, a->request, w->listing.arena, &request);

    if ((rc && rc != JB_ENOENT) || (rc = log_path(w, a, &log)))
        return rc;
    if (w->listing.as_json)
        put_attempt(&w->listing.json, a, request.model, log);
    else if (w->only)
        print_attempt(a, request.model, log);
    else
        print_line(a, request.model);
    return 0;
}

static int
each_attempt(void *ctx, const struct attempt *a)
{
    struct job_walk *w = ctx;
    int rc = w->host && strcmp(w->host, a->host) != 0 ? 0 : show(w, a);

    jb_arena_reset(w->listing.arena);
    return rc;
}

static int
walk(struct listing *l, struct store_txn *txn, const char *what)
{
    struct job_walk *w = (struct job_walk *)l;
    struct attempt attempt;
    int rc;

    (void)what;
    w->txn = txn;
    if (w->only) {
        rc = store_attempt_get(txn, w->only, l->arena, &attempt);
        return rc ? rc : show(w, &attempt);
    }
    if (l->as_json)
        jb_json_array(&l->json);
    rc = w->request ? store_attempts_of(txn, w->request, l->arena, each_attempt, w)
         : w->all   ? store_attempts_each(txn, l->arena, each_attempt, w)
                    : store_attempts_live_each(txn, l->arena, each_attempt, w);
    if (l->as_json)
        jb_json_end(&l->json);
    return rc;
}

static int
job_list(struct cli *cli, int argc, char **argv)
{
    struct job_walk w = {0};
    const char *request = NULL;
    const struct cli_option options[] = {{"json", &w.listing.as_json, NULL},
                                         {"all", &w.all, NULL},
                                         {"host", NULL, &w.host},
                                         {"request", NULL, &request},
                                         {NULL, NULL, NULL}};

    if (!cli_options(cli, &argc, argv, options))
        return CLI_USAGE;
    if (argc != 1)
        return cli_usage(cli, "list takes no operand");
    if (request && !cli_id(cli, request, &w.request))
        return CLI_USAGE;
    return listing_run(cli, &w.listing, walk, NULL);
}

static int
job_show(struct cli *cli, int argc, char **argv)
{
    struct job_walk w = {0};
    const char *fence = cli_operand(cli, argc, argv, "show which attempt?", &w.listing.as_json);

    if (!fence || !cli_id(cli, fence, &w.only))
        return CLI_USAGE;
    return listing_run(cli, &w.listing, walk, NULL);
}

struct job_log {
    uint64_t fence;
    struct jb_arena *arena;
    const char *path;
};

static int
find_log(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct job_log *l = ctx;
    struct attempt attempt;
    int rc = store_attempt_get(txn, l->fence, l->arena, &attempt);

    if (rc)
        return rc == JB_ENOENT ? jb_fail(err, rc, "there is no attempt %" PRIu64, l->fence)
                               : rc;
    return store_attempt_log(store_txn_store(txn), l->fence, l->arena, &l->path);
}

/* Lines as they are; what could move a terminal is made visible. Bytes that are not UTF-8, also
 * a character that a step cuts, come out as \xNN. */
static void
put_log(const char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t end = i;
        char line[1024];

        while (end < n && end - i < sizeof(line) - 1 && p[end] != '\n' && p[end] != '\t' &&
               p[end])
            end++;
        /* Not through the middle of a character. */
        while (end < n && end > i + 1 && ((unsigned char)p[end] & 0xc0) == 0x80)
            end--;
        memcpy(line, p + i, end - i);
        line[end - i] = '\0';
        cli_put_text(stdout, line);
        if (end < n && (p[end] == '\n' || p[end] == '\t'))
            putchar(p[end++]);
        else if (end < n && !p[end]) {
            fputs("\\x00", stdout);
            end++;
        }
        i = end;
    }
}

static int
copy_log(const char *path, bool raw, struct jb_error *err)
{
    static char bytes[LOG_STEP];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;
    ssize_t n;

    if (fd < 0)
        return errno == ENOENT ? jb_fail(err, JB_ENOENT, "nothing was fetched of its log")
                               : jb_fail_errno(err, errno, "%s", path);
    while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
        if (raw)
            fwrite(bytes, 1, (size_t)n, stdout);
        else
            put_log(bytes, (size_t)n);
    }
    if (n < 0)
        rc = jb_fail_errno(err, errno, "%s", path);
    close(fd);
    return rc;
}

static int
job_log(struct cli *cli, int argc, char **argv)
{
    static const char *const switches[] = {"raw", "path", NULL};
    struct job_log l = {.arena = cli->arena};
    struct jb_error err = {0};
    bool on[2];
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, on))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "the log of which attempt?");
    if (!cli_id(cli, argv[1], &l.fence))
        return CLI_USAGE;
    if ((rc = cli_look(cli, find_log, &l)))
        return rc;
    if (on[1]) {
        puts(l.path);
        return CLI_DONE;
    }
    return copy_log(l.path, on[0], &err) ? cli_fail(cli, &err) : CLI_DONE;
}

struct job_move {
    uint64_t fence;
    enum queue_event event;
    struct jb_arena *arena;
    struct request_outcome outcome;
};

/* What is said to an attempt is said to its request; a cancel only to the one that lives. */
static int
move(void *ctx, struct store_txn *txn, struct jb_error *err)
{
    struct job_move *m = ctx;
    const struct queue_move event = {.event = m->event, .who = QUEUE_OPERATOR};
    struct attempt attempt;
    int rc = store_attempt_get(txn, m->fence, m->arena, &attempt);

    if (rc)
        return rc == JB_ENOENT ? jb_fail(err, rc, "there is no attempt %" PRIu64, m->fence)
                               : rc;
    if (m->event == QUEUE_EVENT_CANCEL && !is_live(&attempt))
        return jb_fail(err, JB_ECONFLICT, "attempt %" PRIu64 " has ended", m->fence);
    rc = queue_move(txn, attempt.request, &event, jb_now_us(), err, NULL);
    return rc ? rc : request_outcome(txn, attempt.request, err, &m->outcome);
}

static int
plain_move(struct cli *cli, int argc, char **argv, enum queue_event event, const char *warning)
{
    static const char *const switches[] = {"json", "yes", NULL};
    struct job_move m = {.event = event, .arena = cli->arena};
    bool on[2];
    int rc;

    if (!cli_switches(cli, &argc, argv, switches, on))
        return CLI_USAGE;
    if (argc != 2)
        return cli_usage(cli, "%s which attempt?", argv[0]);
    if (!cli_id(cli, argv[1], &m.fence))
        return CLI_USAGE;
    if (!cli_confirm(on[1], "attempt %" PRIu64 ": %s", m.fence, warning))
        return CLI_REFUSED;
    rc = cli_change(cli, move, &m);
    return rc ? rc : request_say(cli, on[0], &m.outcome, NULL, NULL);
}

static int
job_rerun(struct cli *cli, int argc, char **argv)
{
    return plain_move(cli, argc, argv, QUEUE_EVENT_RERUN,
                      "this evaluates its request again from the start");
}

static int
job_cancel(struct cli *cli, int argc, char **argv)
{
    return plain_move(cli, argc, argv, QUEUE_EVENT_CANCEL,
                      "this stops it and cancels its request");
}

const struct cli_verb job_verbs[] = {
    {"list", "[--all] [--host NAME] [--request ID] [--json]",
     "fence, state, host, request, model, since when, lease or failure", job_list},
    {"show", "FENCE [--json]", "all that is known of an attempt", job_show},
    {"log", "FENCE [--raw] [--path]", "what was fetched of its log", job_log},
    {"rerun", "FENCE [--yes] [--json]", "evaluate its request again", job_rerun},
    {"cancel", "FENCE [--yes] [--json]", "stop it, and cancel its request", job_cancel},
    {0}};
