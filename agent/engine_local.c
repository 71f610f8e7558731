/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "agent/engine.h"
#include "agent/files.h"
#include "agent/run.h"
#include "base/clock.h"
#include "base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GPUS_FRESH_MS = 30000, DEVICES_ROOM = 256, SLOTS_MAX = WIRE_ATTEMPTS_MAX };

struct local {
    struct engine engine;
    struct engine_local_config config;
    size_t n_gpus;
    char devices[DEVICES_ROOM];
    /* what nvidia-smi said last: it takes a second or more */
    struct jb_arena *arena;
    struct engine_gpus gpus;
    int64_t gpus_ms;
};

/* Is a shim of this folder alive? Its lock says so whatever its number is. */
static bool
locked(int dir)
{
    int fd = openat(dir, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    bool taken = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    return taken;
}

/* In the grandchild; does not return. */
static void
become_shim(const struct local *l, const char *folder)
{
    const char *program = l->config.shim ? l->config.shim : "/proc/self/exe";
    const char *argv[] = {"jinbang-agent", "shim", folder, NULL};
    const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", jb_failpoint_env(), NULL};
    int null = open("/dev/null", O_RDWR);

    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    if (chdir("/") == 0)
        execve(program, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
    _exit(127);
}

static int
local_start(struct engine *e, const struct engine_job *job, struct jb_error *err)
{
    const struct local *l = (const struct local *)e;
    int status = 0;

    if (locked(job->dir) || file_is(job->dir, "shim.json") || file_is(job->dir, "over.json"))
        return 0;
    if (l->config.first_uid >= 0)
        sweep_uid(l->config.first_uid + job->slot); /* what an earlier job may have left */
    /* two forks: the shim is nobody's child, and no agent must wait for it */
    pid_t pid = fork();
    if (pid == 0) {
        if (setsid() < 0)
            _exit(1);
        pid_t shim = fork();
        if (shim == 0)
            become_shim(l, job->folder);
        _exit(shim < 0);
    }
    if (pid < 0)
        return jb_fail_errno(err, errno, "a process");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status ? jb_fail(err, JB_EIO, "the shim cannot be started") : 0;
}

static int
local_look(struct engine *e, const struct engine_job *job, struct jb_error *err,
           struct engine_look *ret)
{
    struct jb_arena *arena = jb_arena_new(64 << 10);
    struct engine_look look = {.failure = ""};
    struct process shim;
    char boot[BOOT_ID_SIZE];

    (void)e;
    if (!arena)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    int rc = boot_id_read(boot, err);
    bool over = file_is(job->dir, "over.json"), known = false;
    if (!rc && !over) {
        rc = run_process_read(job->dir, arena, err, &shim);
        known = rc == 0;
        if (rc == JB_ENOENT) {
            jb_error_clear(err);
            rc = 0;
        }
    }
    bool alive = locked(job->dir);
    /* it may have ended between the two looks */
    if (over || file_is(job->dir, "over.json")) {
        look.life = ENGINE_OVER;
    } else if (!known) {
        look.life = alive ? ENGINE_WAITING : ENGINE_NONE;
    } else if (alive || process_lives(&shim)) {
        look.life = ENGINE_RUNNING;
    } else {
        look.life = ENGINE_LOST;
        snprintf(look.reason, sizeof(look.reason), "%s",
                 strcmp(shim.boot_id, boot) != 0 ? "the host was rebooted"
                                                 : "the process that watched it went away");
    }
    jb_arena_free(arena);
    if (!rc)
        *ret = look;
    return rc;
}

/* The shim sees the file within its tick. */
static int
local_cancel(struct engine *e, const struct engine_job *job, struct jb_error *err)
{
    (void)e;
    (void)job;
    (void)err;
    return 0;
}

static void
local_clean(struct engine *e, const struct engine_job *job)
{
    const struct local *l = (const struct local *)e;

    if (l->config.first_uid >= 0)
        sweep_uid(l->config.first_uid + job->slot);
}

static int
local_gpus(struct engine *e, struct jb_arena *arena, struct jb_error *err,
           struct engine_gpus *ret)
{
    struct local *l = (struct local *)e;
    int64_t now = jb_monotonic_ms();

    if (!l->gpus_ms || now - l->gpus_ms >= GPUS_FRESH_MS) {
        jb_arena_reset(l->arena);
        l->gpus = (struct engine_gpus){0, NULL};
        int rc = gpus_find(l->config.nvidia_smi, l->arena, err, &l->gpus);
        if (rc)
            return rc;
        l->gpus_ms = now;
    }
    struct wire_gpu *gpus = jb_arena_array(arena, l->gpus.n + 1, sizeof(*gpus));
    if (!gpus)
        return jb_fail(err, JB_ENOMEM, "out of memory");
    for (size_t i = 0; i < l->gpus.n; i++) {
        gpus[i] = l->gpus.gpus[i];
        gpus[i].name = jb_arena_dup(arena, gpus[i].name, strlen(gpus[i].name));
        if (!gpus[i].name)
            return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    *ret = (struct engine_gpus){l->gpus.n, gpus};
    return 0;
}

static const char *
local_devices(struct engine *e, int64_t slot)
{
    struct local *l = (struct local *)e;
    size_t n = 0;

    l->devices[0] = '\0';
    if (l->n_gpus == 0)
        return l->devices;
    for (int64_t i = 0; i < l->config.gpus_per_slot && n < DEVICES_ROOM - 24; i++)
        n += (size_t)snprintf(l->devices + n, DEVICES_ROOM - n, "%s%" PRId64, i ? "," : "",
                              slot * l->config.gpus_per_slot + i);
    return l->devices;
}

static void
local_free(struct engine *e)
{
    struct local *l = (struct local *)e;

    jb_arena_free(l->arena);
    free(l);
}

static const struct engine_calls local_calls = {
    .name = "local",
    .start = local_start,
    .look = local_look,
    .cancel = local_cancel,
    .clean = local_clean,
    .gpus = local_gpus,
    .devices = local_devices,
    .free = local_free,
};

int
engine_local_new(const struct engine_local_config *config, struct jb_error *err,
                 struct engine **ret_engine, int64_t *ret_slots)
{
    struct local *l = calloc(1, sizeof(*l));
    int64_t slots = config->slots, each = config->gpus_per_slot > 0 ? config->gpus_per_slot : 1;
    struct jb_arena *arena = jb_arena_new(64 << 10);
    struct engine_gpus gpus;
    int rc;

    if (l)
        l->arena = jb_arena_new(64 << 10);
    if (!arena || !l || !l->arena) {
        rc = jb_fail(err, JB_ENOMEM, "out of memory");
        goto out;
    }
    l->engine.calls = &local_calls;
    l->config = *config;
    l->config.gpus_per_slot = each;
    rc = local_gpus(&l->engine, arena, err, &gpus);
    if (rc)
        goto out;
    l->n_gpus = gpus.n;
    if (slots == 0)
        slots = gpus.n ? (int64_t)gpus.n / each : 1;
    if (slots > SLOTS_MAX)
        slots = SLOTS_MAX;
    if (slots == 0 || (gpus.n && slots * each > (int64_t)gpus.n))
        rc = jb_fail(err, JB_EINVAL, "%" PRId64 " slots of %" PRId64 " GPUs: there are %zu",
                     slots ? slots : 1, each, gpus.n);
out:
    jb_arena_free(arena);
    if (rc) {
        if (l)
            jb_arena_free(l->arena);
        free(l);
        return rc;
    }
    *ret_engine = &l->engine;
    *ret_slots = slots;
    return 0;
}
