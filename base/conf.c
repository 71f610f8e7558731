/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "base/conf.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

#define KIB        1024.0
#define MIB        (1024 * KIB)
#define GIB        (1024 * MIB)
#define TIB        (1024 * GIB)
#define SECOND     1000.0
#define MINUTE     (60 * SECOND)
#define HOUR       (60 * MINUTE)
#define AT(member) offsetof(struct conf, member)

static const char *
check_mount(const void *value)
{
    const char *mount = *(const char *const *)value;
    size_t n = strlen(mount);

    if (n == 0)
        return NULL;
    if (mount[0] != '/')
        return "must start with '/'";
    if (mount[n - 1] == '/')
        return "must not end with '/'";
    if (strspn(mount, "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            n ||
        strstr(mount, "//") || strstr(mount, "/."))
        return "may hold letters, digits, '.', '_' and '-' between single slashes";
    return NULL;
}

static const char *
check_zone(const void *value)
{
    struct jb_arena *arena = jb_arena_new(1 << 20);
    const struct jb_zone *zone;
    int rc = arena ? jb_zone_load(*(const char *const *)value, arena, NULL, &zone) : JB_ENOMEM;

    jb_arena_free(arena);
    return rc == 0           ? NULL
           : rc == JB_EINVAL ? "is not the name of a time zone, such as Asia/Shanghai"
           : rc == JB_ENOENT ? "the system knows no time zone of that name"
                             : "the system's file of that time zone cannot be read";
}

static const char *
check_any_url(const void *value)
{
    const char *url = *(const char *const *)value;

    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return "must start with https:// or http://";
    if (strpbrk(url, " \"'<>\\"))
        return "holds a character that does not belong in a URL";
    return NULL;
}

static const char *
check_http_url(const void *value)
{
    const char *url = *(const char *const *)value, *why = check_any_url(value);

    return why ? why : url[strlen(url) - 1] == '/' ? "must not end with '/'" : NULL;
}

/* "" leaves it to site.hub_url. */
static const char *
check_hub_url(const void *value)
{
    return **(const char *const *)value ? check_http_url(value) : NULL;
}

static const char *
check_hook_name(const void *value)
{
    const char *name = *(const char *const *)value;

    return *name && strlen(name) <= 48 &&
                   strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name)
               ? NULL
               : "may hold a-z, 0-9, '_' and '-', 48 at most";
}

static const char *
check_hook_events(const void *value)
{
    static const char *const known[] = {"submitted", "started", "finished", "failed"};
    const struct setting_strings *events = value;

    for (size_t i = 0; i < events->n; i++) {
        size_t k = 0;
        while (k < 4 && strcmp(events->items[i], known[k]) != 0)
            k++;
        if (k == 4)
            return "may hold submitted, started, finished and failed";
    }
    return NULL;
}

static const char *
check_hooks(const void *value)
{
    const struct setting_list *list = value;
    const struct conf_webhook *hooks = list->items;

    for (size_t i = 0; i < list->n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(hooks[i].name, hooks[k].name) == 0)
                return "two of them have the same name";
    return NULL;
}

static const char *
check_suite(const void *value)
{
    const char *text = *(const char *const *)value;

    return *text && strlen(text) <= 64 &&
                   strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_.:+-") == strlen(text)
               ? NULL
               : "may hold letters, digits, '_', '.', ':', '+' and '-', 64 at most";
}

static const char *
check_header_value(const void *value)
{
    const char *text = *(const char *const *)value;

    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e || *text == ';' ||
            *text == ',')
            return "must be plain ASCII without ';' and ','";
    return NULL;
}

#define HOOK(member) offsetof(struct conf_webhook, member)

static const struct setting webhook_table[] = {
    {"name", SETTING_STRING, HOOK(name), NULL, .check = check_hook_name,
     .help = "Names the target in the list of dead letters."},
    {"url", SETTING_STRING, HOOK(url), NULL, .check = check_any_url,
     .help = "Where events are posted."},
    {"secret_file", SETTING_PATH, HOOK(secret_file), NULL,
     .help = "File whose first line is the key of the signature."},
    {"events", SETTING_STRINGS, HOOK(events), "", .check = check_hook_events,
     .help = "submitted, started, finished, failed; none named: all four."},
    {0},
};

const struct setting conf_table[] = {
    {"site.title", SETTING_STRING, AT(site.title), "金榜 jinbang",
     .help = "Title of pages when the board file gives none."},
    {"site.mount", SETTING_STRING, AT(site.mount), "", .check = check_mount,
     .help = "Path under which nginx serves the board, without a trailing slash; empty for the "
             "root."},
    {"site.timezone", SETTING_STRING, AT(site.timezone), "Asia/Shanghai", .check = check_zone,
     .help = "Time zone in which pages show times; they are stored and sent in UTC."},
    {"site.texts", SETTING_PATH, AT(site.texts), "",
     .help = "Folder with texts of your own, zh/about.md and so on; each file replaces the "
             "installed one. Empty: the installed texts."},
    {"site.board", SETTING_PATH, AT(site.board), JB_PKGDATADIR "/boards/open-cn-llm.conf",
     .help = "Board file: benchmarks, model types, precisions and sizes."},
    {"site.hub_url", SETTING_STRING, AT(site.hub_url), "https://huggingface.co",
     .check = check_http_url,
     .help = "Base of the links to models; a mirror of the hub may stand here."},
    {"site.frontend", SETTING_PATH, AT(site.frontend), "",
     .help = "Folder that contrib/gradio/install-frontend filled with the browser files of a "
             "Gradio wheel; nginx serves them. Empty: / is the board rendered by the server."},
    {"site.frame_ancestors", SETTING_STRING, AT(site.frame_ancestors), "'self'",
     .check = check_header_value,
     .help =
         "Who may show the pages in a frame: the value of the CSP directive frame-ancestors."},
    {"site.max_inline_rows", SETTING_INT, AT(site.max_inline_rows), "1000", 10, 100000,
     .help = "Most rows of the table inside a page; the API has all of them."},
    {"store.path", SETTING_PATH, AT(store.path), "/var/lib/jinbang/store",
     .help = "Folder of the LMDB files, on a local disk."},
    {"store.map_size", SETTING_SIZE, AT(store.map_size), "64G", 1 * MIB, 16 * TIB,
     .help = "Size of the LMDB map: address space, not disk; the store can never grow beyond "
             "it. A reload with a larger one takes effect at once, a smaller one never does."},
    {"store.max_readers", SETTING_INT, AT(store.max_readers), "512", 16, 65536,
     .help = "Reader slots of the store."},
    {"store.min_free", SETTING_SIZE, AT(store.min_free), "64M", 0, 1 * TIB,
     .help = "Writes are refused while the disk has less free space than this; reads go on."},
    {"run.dir", SETTING_PATH, AT(run.dir), "/run/jinbang",
     .help = "Folder of sockets and doorbells; group jinbang, mode 2770."},
    {"pki.dir", SETTING_PATH, AT(pki.dir), "/var/lib/jinbang/pki",
     .help =
         "Folder of the root's and the issuers' certificates, of the issuers' keys (readable "
         "by jinbang-ca alone) and of the list of what was signed."},
    {"pki.control", SETTING_PATH, AT(pki.control), "/var/lib/jinbang/control",
     .help = "Folder of the dispatcher's own key and certificate."},
    {"pki.leaf_life", SETTING_DURATION, AT(pki.leaf_life), "7d", MINUTE, 366 * 24 * HOUR,
     .help = "Life of a certificate of a host or of the dispatcher; it is renewed at half of "
             "it."},
    {"pki.issuer_life", SETTING_DURATION, AT(pki.issuer_life), "366d", HOUR, 3660 * 24 * HOUR,
     .help = "Life of an issuer's certificate; the offline root renews it."},
    {"pki.root_life", SETTING_DURATION, AT(pki.root_life), "3660d", HOUR, 18300 * 24 * HOUR,
     .help = "Life of the root."},
    {"ca.socket", SETTING_PATH, AT(ca.socket), "",
     .help = "Socket of jinbang-ca. Empty: ca.sock in run.dir."},
    {"ca.clients", SETTING_STRINGS, AT(ca.clients), "root|jinbang",
     .help = "Users, by name or number, who may ask jinbang-ca for certificates."},
    {"ca.rate", SETTING_INT, AT(ca.rate), "60", 1, 100000,
     .help = "Most certificates that jinbang-ca signs in a minute."},
    {"web.socket", SETTING_PATH, AT(web.socket), "",
     .help = "FastCGI socket that nginx connects to. Empty: web.sock in run.dir."},
    {"web.socket_group", SETTING_STRING, AT(web.socket_group), "",
     .help = "Group of the socket, nginx's own, such as www-data. Empty: the group of the "
             "process."},
    {"web.workers", SETTING_INT, AT(web.workers), "3", 1, 64,
     .help = "Threads that answer requests; streams do not occupy one."},
    {"web.backlog", SETTING_INT, AT(web.backlog), "4096", 16, 65535,
     .help =
         "Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn."},
    {"web.receive_timeout", SETTING_DURATION, AT(web.receive_timeout), "10s", 100, 10 * MINUTE,
     .help = "How long a half-sent request may keep a worker waiting."},
    {"web.stop_timeout", SETTING_DURATION, AT(web.stop_timeout), "10s", 0, 10 * MINUTE,
     .help = "How long a graceful stop may take before what is left is cut."},
    {"web.rebuild_interval", SETTING_DURATION, AT(web.rebuild_interval), "500ms", 10,
     10 * MINUTE,
     .help =
         "The pages are made anew at most once in this time, however often the store changes."},
    {"web.max_connections", SETTING_INT, AT(web.max_connections), "16384", 16, 1000000,
     .help = "FastCGI connections held at once; each open stream is one."},
    {"web.max_body", SETTING_SIZE, AT(web.max_body), "64K", 1 * KIB, 64 * MIB,
     .help = "Largest request body outside Gradio calls."},
    {"web.gzip_level", SETTING_INT, AT(web.gzip_level), "9", 1, 9,
     .help = "Compression of the ready bodies; it is done once per change."},
    {"gradio.max_body", SETTING_SIZE, AT(gradio.max_body), "16M", 64 * KIB, 256 * MIB,
     .help = "Largest body of a Gradio call; old clients post the whole table back."},
    {"gradio.max_sessions", SETTING_INT, AT(gradio.max_sessions), "20000", 1, 10000000,
     .help = "Sessions kept at once."},
    {"gradio.max_events", SETTING_INT, AT(gradio.max_events), "20000", 1, 10000000,
     .help = "Events of all sessions that are not delivered yet; beyond it a call is answered "
             "503, queue full."},
    {"gradio.max_session_bytes", SETTING_SIZE, AT(gradio.max_session_bytes), "64M", 64 * KIB,
     1 * TIB, .help = "Undelivered bytes of one session; beyond it a call is answered 503."},
    {"gradio.max_total_bytes", SETTING_SIZE, AT(gradio.max_total_bytes), "256M", 64 * KIB,
     1 * TIB, .help = "Undelivered bytes of all sessions."},
    {"gradio.heartbeat", SETTING_DURATION, AT(gradio.heartbeat), "15s", 10, 15 * SECOND,
     .help = "Interval of heartbeats on open streams; the Python client gives up after 20 s "
             "without."},
    {"gradio.session_expiry", SETTING_DURATION, AT(gradio.session_expiry), "10m", 100,
     24 * HOUR, .help = "How long results wait for a client that does not fetch them."},
    {"gradio.join_gap", SETTING_DURATION, AT(gradio.join_gap), "50ms", 0, 5 * SECOND,
     .help = "How long an event is held back on a stream that is open already: Python clients "
             "fail when it comes before the answer to their call."},
    {"gradio.close_grace", SETTING_DURATION, AT(gradio.close_grace), "20ms", 0, 10 * MINUTE,
     .help = "How long a stream stays open after its last event, so that a client that calls "
             "again at once finds it open."},
    {"gradio.session_linger", SETTING_DURATION, AT(gradio.session_linger), "1m", 0, 24 * HOUR,
     .help = "How long a session is known after its last stream; a front end that comes back "
             "to an unknown one reloads its page."},
    {"gradio.show_error", SETTING_BOOL, AT(gradio.show_error), "true",
     .help = "Tell clients the reason of an error."},
    {"search.max_parts", SETTING_INT, AT(search.max_parts), "64", 1, 10000,
     .help = "Parts of a search, split at ';', that are looked at."},
    {"search.max_bytes", SETTING_SIZE, AT(search.max_bytes), "4K", 64, 1 * MIB,
     .help = "Bytes of a search that are looked at."},
    {"submit.open", SETTING_BOOL, AT(submit.open), "true",
     .help = "Take submissions. When false the form says that the board takes none."},
    {"submit.quota", SETTING_INT, AT(submit.quota), "5", 0, 1000000,
     .help = "Submissions that an organisation or user has in submit.window. Refused ones, "
             "duplicates and those that failed through our fault do not count."},
    {"submit.window", SETTING_DURATION, AT(submit.window), "7d", SECOND, 366 * 24 * HOUR,
     .help = "The window of the quota."},
    {"submit.doubled", SETTING_STRINGS, AT(submit.doubled), "",
     .help = "Organisations or users with twice the quota."},
    {"submit.builtin", SETTING_STRINGS, AT(submit.builtin), "jinbang/random",
     .help = "Model ids that are our own and need no check with the hub and no quota."},
    {"submit.wait", SETTING_DURATION, AT(submit.wait), "45s", 0, 55 * SECOND,
     .help = "How long a call of the form waits for the check with the hub before it answers "
             "that the check goes on."},
    {"submit.follow", SETTING_DURATION, AT(submit.follow), "60s", 0, 10 * MINUTE,
     .help = "How long the stream of a submission goes on behind the hub's verdict, with the "
             "progress of an evaluation that begins at once. 0s: not at all."},
    {"submit.card_min", SETTING_INT, AT(submit.card_min), "200", 0, 100000,
     .help = "Fewest characters of a model card."},
    {"submit.max_params", SETTING_NUMBER, AT(submit.max_params), "0", 0, 100000,
     .help = "Largest model taken, in billions of parameters at 16 bits; 8 bits allow twice, "
             "4 bits four times as many. 0: any."},
    {"hub.url", SETTING_STRING, AT(hub.url), "", .check = check_hub_url,
     .help = "Base of the hub's API for jinbang-dispatch, a mirror perhaps. Empty: "
             "site.hub_url."},
    {"hub.proxy", SETTING_STRING, AT(hub.proxy), "",
     .help =
         "Proxy to the hub, http://, https:// or socks5h://host:port. Empty: none, whatever "
         "the environment says."},
    {"hub.token_file", SETTING_PATH, AT(hub.token_file), "",
     .help = "File whose first line is a read token of the hub; sent to hub.url only. Empty: "
             "none."},
    {"hub.redirect_hosts", SETTING_STRINGS, AT(hub.redirect_hosts),
     "cdn-lfs.huggingface.co|cdn-lfs-us-1.huggingface.co|cas-bridge.xethub.hf.co",
     .help = "Hosts that the hub may redirect to, over https; to its own as well."},
    {"hub.allow_private", SETTING_BOOL, AT(hub.allow_private), "false",
     .help = "Allow a hub or webhook at a private, loopback or link-local address, and plain "
             "http to it."},
    {"hub.connect_timeout", SETTING_DURATION, AT(hub.connect_timeout), "10s", 10, 10 * MINUTE,
     .help = "For a connection to the hub."},
    {"hub.timeout", SETTING_DURATION, AT(hub.timeout), "60s", 10, HOUR,
     .help = "For one answer of the hub."},
    {"hub.max_bytes", SETTING_SIZE, AT(hub.max_bytes), "8M", 16 * KIB, 1 * GIB,
     .help = "Largest answer of the hub that is read."},
    {"hub.parallel", SETTING_INT, AT(hub.parallel), "8", 1, 256,
     .help = "Submissions checked at once."},
    {"hub.retries", SETTING_INT, AT(hub.retries), "6", 0, 1000,
     .help = "Tries after the first while the hub answers 429 or 5xx or nothing, before the "
             "submission fails without counting."},
    {"hub.retry_first", SETTING_DURATION, AT(hub.retry_first), "15s", 10, 24 * HOUR,
     .help = "Wait before the first of them; each further one is twice as long, with jitter, "
             "or what Retry-After says."},
    {"hub.retry_most", SETTING_DURATION, AT(hub.retry_most), "4h", 10, 24 * HOUR,
     .help = "Longest of these waits."},
    {"hub.refresh", SETTING_DURATION, AT(hub.refresh), "2h", 0, 366 * 24 * HOUR,
     .help = "How often likes, licence, tags and presence of the board's models are asked for "
             "again; 0: never."},
    {"hub.architectures", SETTING_PATH, AT(hub.architectures),
     JB_PKGDATADIR "/hub/architectures.txt",
     .help = "Architectures, model types and tokenizers of a released transformers; what is "
             "not in it would need remote code."},
    {"evaluate.plans", SETTING_STRINGS, AT(evaluate.plans), "",
     .help = "Plans by which requests are evaluated, by name: the first that takes a request, "
             "of those that name its model before those that take any. None: nothing is "
             "evaluated here."},
    {"evaluate.plans_file", SETTING_PATH, AT(evaluate.plans_file),
     JB_PKGDATADIR "/harness/plans.conf",
     .help = "The plans; hosts have their own copy and run what theirs says."},
    {"evaluate.suite", SETTING_STRING, AT(evaluate.suite), "1", .check = check_suite,
     .help = "What the set of tasks is called, in results."},
    {"evaluate.seed", SETTING_INT, AT(evaluate.seed), "1234", 0, 2147483647,
     .help = "Seed of what is random in an evaluation."},
    {"evaluate.limit", SETTING_INT, AT(evaluate.limit), "0", 0, 1e9,
     .help = "Items of each task that hosts were told to evaluate (jobs.limit there), for "
             "trials; results of fewer are refused. 0: all."},
    {"evaluate.wall", SETTING_DURATION, AT(evaluate.wall), "2d", SECOND, 30 * 24 * HOUR,
     .help = "Longest time of an attempt at an evaluation."},
    {"evaluate.lease", SETTING_DURATION, AT(evaluate.lease), "15m", 2 * SECOND, 24 * HOUR,
     .help = "A host that has not heard of us for so long ends what it runs for us."},
    {"evaluate.grace", SETTING_DURATION, AT(evaluate.grace), "90s", 0, HOUR,
     .help = "What that takes, with a margin: the time from SIGTERM to SIGKILL there. Only "
             "then an evaluation is begun elsewhere."},
    {"evaluate.restart", SETTING_DURATION, AT(evaluate.restart), "5m", 0, HOUR,
     .help = "Leases are taken for so much longer after a restart, until hosts are heard of."},
    {"evaluate.renew", SETTING_DURATION, AT(evaluate.renew), "15s", 100, HOUR,
     .help = "How often hosts are called, 20 % more or less."},
    {"evaluate.suspect", SETTING_DURATION, AT(evaluate.suspect), "60s", 100, HOUR,
     .help = "A host that is silent for so long gets nothing new."},
    {"evaluate.answer", SETTING_DURATION, AT(evaluate.answer), "20s", 100, 10 * MINUTE,
     .help = "For one answer of a host."},
    {"evaluate.retry_first", SETTING_DURATION, AT(evaluate.retry_first), "1m", 10, 24 * HOUR,
     .help = "Wait before an evaluation is begun again that failed through a host or the hub; "
             "each further one is four times as long, 20 % more or less."},
    {"evaluate.retry_most", SETTING_DURATION, AT(evaluate.retry_most), "1h", 10, 24 * HOUR,
     .help = "Longest of these waits."},
    {"evaluate.attempts", SETTING_INT, AT(evaluate.attempts), "12", 1, 1000,
     .help = "Most attempts at one request, whatever they fail of."},
    {"evaluate.too_large", SETTING_CHOICE, AT(evaluate.too_large), "fail",
     .choices = "fail|wait",
     .help = "What becomes of a request that needs more memory than any host has: it fails and "
             "says how much it needs, or waits for a larger one."},
    {"evaluate.canary", SETTING_STRINGS, AT(evaluate.canary), "",
     .help = "By what a host comes back from its quarantine when its hold is over: benchmarks "
             "of the board and what the canary scores in them, \"c_sem_v1=21.25\". None: "
             "quarantined hosts wait for `jinbang host lift`."},
    {"evaluate.canary_plan", SETTING_STRING, AT(evaluate.canary_plan), "random-baseline",
     .help = "Its plan; need not be among evaluate.plans. A tiny model on a GPU also finds "
             "cards that compute wrongly."},
    {"evaluate.canary_model", SETTING_STRING, AT(evaluate.canary_model), "jinbang/random",
     .help = "Its model."},
    {"evaluate.canary_revision", SETTING_STRING, AT(evaluate.canary_revision), "main",
     .help = "The model's commit, or main where the plan names the model."},
    {"evaluate.canary_precision", SETTING_STRING, AT(evaluate.canary_precision), "float16",
     .help = "Its precision."},
    {"evaluate.canary_tolerance", SETTING_NUMBER, AT(evaluate.canary_tolerance), "0.01", 0, 100,
     .help = "How far a score may be off."},
    {"export.dir", SETTING_PATH, AT(export_.dir), "",
     .help = "Folder in which jinbang-dispatch keeps requests/, results/ and model_infos.json "
             "in the layout of the hub datasets. Empty: none."},
    {"webhooks", SETTING_LIST, AT(webhooks), "", .items = webhook_table,
     .item_size = sizeof(struct conf_webhook), .check = check_hooks,
     .help = "Targets that are told of submitted, started, finished and failed evaluations, "
             "signed with HMAC-SHA-256."},
    {"webhook_retries", SETTING_INT, AT(webhook_retries), "8", 0, 1000,
     .help = "Tries of a webhook after the first before its event is a dead letter."},
    {"webhook_retry_first", SETTING_DURATION, AT(webhook_retry_first), "10s", 10, 24 * HOUR,
     .help = "Wait before the first of them; each further one is twice as long."},
    {"log.level", SETTING_CHOICE, AT(log.level), "info",
     .choices = "error|warning|notice|info|debug",
     .help = "Most detailed messages that are logged."},
    {0},
};

int
conf_load(const char *file, struct jb_arena *arena, struct conf *ret_conf,
          struct settings_report *report)
{
    struct conf conf = {0};
    int rc = settings_load(file ? file : JB_SYSCONFDIR "/jinbang/jinbang.conf", conf_table,
                           NULL, arena, &conf, report);

    if (rc)
        return rc;
    /* The check of the setting read it already. */
    rc = jb_zone_load(conf.site.timezone, arena, NULL, &conf.site.zone);
    if (rc)
        return rc;
    /* The choices start at "error". */
    conf.log.level += JB_LOG_ERR;
    *ret_conf = conf;
    return 0;
}

const char *
conf_web_socket(const struct conf *conf, struct jb_arena *arena)
{
    if (conf->web.socket[0])
        return conf->web.socket;
    return jb_arena_printf(arena, "%s/web.sock", conf->run.dir);
}

const char *
conf_ca_socket(const struct conf *conf, struct jb_arena *arena)
{
    if (conf->ca.socket[0])
        return conf->ca.socket;
    return jb_arena_printf(arena, "%s/ca.sock", conf->run.dir);
}
