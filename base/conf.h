/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jinbang.conf: one file for the web process, the dispatcher and the operator's tool. conf.c
 * holds the table (key, type, range, default, help); jinbang.conf(5) is printed from it.
 * A program reads the whole file, so that a mistake anywhere is found by whoever starts first.
 */
#pragma once

#include "base/settings.h"
#include "base/zone.h"

struct conf_webhook {
    const char *name;
    const char *url;
    const char *secret_file;
    struct setting_strings events; /* none: all */
};

/* What becomes of a request that is larger than any host: evaluate.too_large. */
enum conf_too_large { CONF_TOO_LARGE_FAIL, CONF_TOO_LARGE_WAIT };

struct conf {
    struct {
        const char *title;          /* site.title: shown if the board file gives none */
        const char *mount;          /* site.mount: "" or "/path", no trailing slash */
        const char *timezone;       /* site.timezone: "Asia/Shanghai" */
        const struct jb_zone *zone; /* of that name; NULL is UTC */
        const char *texts;    /* site.texts: folder of Markdown texts; "" = those installed */
        const char *board;    /* site.board: board file (columns, benchmarks) */
        const char *hub_url;  /* site.hub_url: base of model links, "https://huggingface.co" */
        const char *frontend; /* site.frontend: folder of install-frontend; "" none */
        const char *frame_ancestors; /* site.frame_ancestors: CSP value, "'self'" */
        int64_t max_inline_rows; /* site.max_inline_rows: cap of the inlined visible table and
                                    of the no-script table */
    } site;
    struct {
        const char *path;    /* store.path: folder of the LMDB files */
        int64_t map_size;    /* store.map_size */
        int64_t max_readers; /* store.max_readers */
        int64_t min_free;    /* store.min_free: refuse writes below this much free disk */
    } store;
    struct {
        const char *dir; /* run.dir: sockets and doorbells; group jinbang, 2770 */
    } run;
    struct {
        const char *dir;     /* pki.dir: root and issuers, and what was signed */
        const char *control; /* pki.control: the dispatcher's key and certificate */
        int64_t leaf_life, issuer_life, root_life; /* pki.leaf_life …, ms */
    } pki;
    struct {
        const char *socket;             /* ca.socket; "" = <run.dir>/ca.sock */
        struct setting_strings clients; /* ca.clients: users, by name or number */
        int64_t rate;                   /* ca.rate: signatures a minute */
    } ca;
    struct {
        const char *socket;       /* web.socket: FastCGI Unix socket; "" = <run.dir>/web.sock */
        const char *socket_group; /* web.socket_group: nginx's group; "" = our own */
        int64_t workers;          /* web.workers 1..64 */
        int64_t backlog;          /* web.backlog */
        int64_t receive_timeout;  /* web.receive_timeout, ms */
        int64_t stop_timeout;     /* web.stop_timeout, ms: how long a graceful stop may take */
        int64_t
            rebuild_interval; /* web.rebuild_interval, ms: at most one rebuild in this time */
        int64_t max_connections; /* web.max_connections: FastCGI connections held at once */
        int64_t max_body;        /* web.max_body: other than Gradio calls */
        int64_t gzip_level;      /* web.gzip_level 1..9 of ready bodies */
    } web;
    struct {
        int64_t max_body;     /* gradio.max_body */
        int64_t max_sessions; /* gradio.max_sessions */
        int64_t max_events;   /* gradio.max_events: of all sessions; beyond it a join is 503 */
        int64_t max_session_bytes; /* gradio.max_session_bytes: undelivered, per session */
        int64_t max_total_bytes;   /* gradio.max_total_bytes: undelivered, all sessions */
        int64_t heartbeat;         /* gradio.heartbeat, ms; clients need <= 15 s */
        int64_t session_expiry;    /* gradio.session_expiry, ms: results nobody fetched */
        int64_t join_gap;          /* gradio.join_gap, ms between a join and its event */
        int64_t close_grace;       /* gradio.close_grace, ms before close_stream */
        int64_t session_linger;    /* gradio.session_linger, ms after close_stream */
        bool show_error;           /* gradio.show_error */
    } gradio;
    struct {
        int64_t max_parts; /* search.max_parts: parts of a query that are looked at */
        int64_t max_bytes; /* search.max_bytes: of a query */
    } search;
    struct {
        bool open;                      /* submit.open */
        int64_t quota;                  /* submit.quota: per organisation and window */
        int64_t window;                 /* submit.window, ms */
        struct setting_strings doubled; /* submit.doubled */
        struct setting_strings builtin; /* submit.builtin: model ids that need no hub */
        int64_t wait;                   /* submit.wait, ms */
        int64_t follow;                 /* submit.follow, ms */
        int64_t card_min;               /* submit.card_min: characters */
        double max_params;              /* submit.max_params: billions at 16 bits; 0 any */
    } submit;
    struct {
        const char *url;        /* hub.url; "" = site.hub_url */
        const char *proxy;      /* hub.proxy; "" none */
        const char *token_file; /* hub.token_file; "" none. Read by jinbang-dispatch only */
        struct setting_strings redirect_hosts;
        bool allow_private;
        int64_t connect_timeout, timeout; /* ms */
        int64_t max_bytes;
        int64_t parallel;
        int64_t retries, retry_first, retry_most; /* times, ms, ms */
        int64_t refresh;                          /* ms; 0 never */
        const char *architectures;                /* file */
    } hub;
    struct {
        struct setting_strings plans; /* evaluate.plans: names; none: nothing is evaluated */
        const char *plans_file;
        const char *suite;          /* version of the set of tasks, for provenance */
        int64_t seed, limit;        /* limit 0: all items */
        int64_t wall, lease, grace; /* ms as all below */
        int64_t restart, renew, suspect, answer;
        int64_t retry_first, retry_most;
        int64_t attempts; /* most of one request */
        int too_large;    /* enum conf_too_large */
        /* evaluate.canary: "benchmark=score"; none: an operator lifts quarantines */
        struct setting_strings canary;
        const char *canary_plan, *canary_model, *canary_revision, *canary_precision;
        double canary_tolerance;
    } evaluate;
    struct {
        const char *dir; /* export.dir; "" none */
    } export_;
    struct setting_list webhooks;                 /* struct conf_webhook */
    int64_t webhook_retries, webhook_retry_first; /* times, ms */
    struct {
        int level; /* log.level: jb_log_level */
    } log;
};

/* The table, for settings_mdoc() and settings_example(). */
extern const struct setting conf_table[];

/*
 * Reads `file` (NULL: JB_SYSCONFDIR "/jinbang/jinbang.conf"). Memory comes from `arena`.
 * Checks across keys (heartbeat within what clients bear, a mount that starts with '/') are in
 * the report too. Errors as settings_load().
 */
int conf_load(const char *file, struct jb_arena *arena, struct conf *ret_conf,
              struct settings_report *report);

/* web.socket, or <run.dir>/web.sock. */
const char *conf_web_socket(const struct conf *conf, struct jb_arena *arena);
/* ca.socket, or <run.dir>/ca.sock. */
const char *conf_ca_socket(const struct conf *conf, struct jb_arena *arena);
