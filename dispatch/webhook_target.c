/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/webhook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define SECRET_MAX 4096
#define TARGET_MAX ((size_t)1 << 20)

/* The first line of a file. */
static int
read_secret(const char *file, struct jb_arena *arena, struct jb_error *err,
            struct jb_str *ret_key)
{
    char text[SECRET_MAX + 1];
    size_t n = 0;
    ssize_t got = 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return jb_fail_errno(err, errno, "%s", file);
    while (n < sizeof(text) && (got = read(fd, text + n, sizeof(text) - n)) > 0)
        n += (size_t)got;
    if (got < 0) {
        int rc = jb_fail_errno(err, errno, "%s", file);
        close(fd);
        return rc;
    }
    close(fd);
    const char *end = n ? memchr(text, '\n', n) : NULL;
    if (end)
        n = (size_t)(end - text);
    if (n && text[n - 1] == '\r')
        n--;
    if (n == 0)
        return jb_fail(err, JB_EINVAL, "%s: the first line is empty", file);
    if (n > SECRET_MAX)
        return jb_fail(err, JB_EINVAL, "%s: the first line has more than %d bytes", file,
                       SECRET_MAX);
    const char *copy = jb_arena_dup(arena, text, n);
    explicit_bzero(text, sizeof(text));
    if (!copy)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    *ret_key = (struct jb_str){copy, n};
    return 0;
}

static const char *
keep(struct jb_arena *arena, const char *text)
{
    return jb_arena_dup(arena, text, strlen(text));
}

static int
copy_conf(const struct conf_webhook *hook, struct jb_arena *arena,
          struct conf_webhook *ret_hook)
{
    const char **events = jb_arena_array(arena, hook->events.n + 1, sizeof(*events));

    ret_hook->name = keep(arena, hook->name);
    ret_hook->url = keep(arena, hook->url);
    ret_hook->secret_file = keep(arena, hook->secret_file);
    if (!events || !ret_hook->name || !ret_hook->url || !ret_hook->secret_file)
        return JB_ENOMEM;
    for (size_t i = 0; i < hook->events.n; i++)
        if (!(events[i] = keep(arena, hook->events.items[i])))
            return JB_ENOMEM;
    ret_hook->events = (struct setting_strings){hook->events.n, events};
    return 0;
}

static void
target_free(struct webhook_target *t)
{
    struct webhook_item *item, *next;

    if (!t)
        return;
    if (t->call)
        http_cancel(t->call);
    DL_FOREACH_SAFE(t->items, item, next)
    free(item);
    if (t->arena && t->key.n)
        explicit_bzero((void *)t->key.p, t->key.n);
    jb_arena_free(t->arena);
    free(t);
}

static int
target_new(struct webhooks *w, const struct conf_webhook *hook, struct jb_error *err,
           struct webhook_target **ret_target)
{
    struct webhook_target *t = calloc(1, sizeof(*t));
    int rc;

    if (!t)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    t->all = w;
    t->arena = jb_arena_new(TARGET_MAX);
    if (!t->arena || copy_conf(hook, t->arena, &t->conf))
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
    else
        rc = read_secret(hook->secret_file, t->arena, err, &t->key);
    if (rc) {
        jb_error_prefix(err, "webhook \"%s\"", hook->name);
        target_free(t);
        return rc;
    }
    *ret_target = t;
    return 0;
}

/* What the target of before knows goes on with the new settings of the same name. */
static void
take_over(struct webhook_target *t, struct webhook_target *old)
{
    struct conf_webhook conf = old->conf;
    struct jb_arena *arena = old->arena;
    struct jb_str key = old->key;

    old->conf = t->conf;
    old->arena = t->arena;
    old->key = t->key;
    t->conf = conf;
    t->arena = arena;
    t->key = key;
}

static struct webhook_target *
find(struct webhook_target *targets, const char *name)
{
    struct webhook_target *t;

    LL_FOREACH (targets, t)
        if (strcmp(t->conf.name, name) == 0)
            return t;
    return NULL;
}

static void
free_all(struct webhook_target *targets)
{
    struct webhook_target *t, *next;

    LL_FOREACH_SAFE(targets, t, next)
    target_free(t);
}

int
webhook_targets_take(struct webhooks *w, const struct conf *conf, struct jb_error *err)
{
    const struct conf_webhook *hooks = conf->webhooks.items;
    struct webhook_target *now = NULL, *all = NULL, *t = NULL, *old;

    for (size_t i = 0; i < conf->webhooks.n; i++) {
        int rc = target_new(w, &hooks[i], err, &t);
        if (rc) {
            free_all(now);
            return rc;
        }
        LL_APPEND(now, t);
    }
    while ((t = now)) {
        LL_DELETE(now, t);
        old = find(w->targets, t->conf.name);
        if (old) {
            LL_DELETE(w->targets, old);
            take_over(t, old);
            target_free(t);
            t = old;
        }
        LL_APPEND(all, t);
    }
    free_all(w->targets);
    w->targets = all;
    w->n_targets = conf->webhooks.n;
    w->placed = w->loaded = false;
    return 0;
}

void
webhook_targets_free(struct webhooks *w)
{
    free_all(w->targets);
    w->targets = NULL;
    w->n_targets = 0;
}
