/* SPDX-License-Identifier: Apache-2.0 */
#include "gradio/frontend.h"

#include <string.h>
#include <unistd.h>

static const char *
check_name(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./";

    if (strncmp(name, "assets/", 7) != 0 || strspn(name, allowed) != strlen(name) ||
        strstr(name, ".."))
        return "must be a file in assets/, of letters, digits, '_', '-', '.' and '/'";
    return NULL;
}

static const char *
check_entry(const void *value)
{
    return check_name(*(const char *const *)value);
}

static const char *
check_files(const void *value)
{
    const struct setting_strings *names = value;
    const char *reason = NULL;

    for (size_t i = 0; i < names->n && !reason; i++)
        reason = check_name(names->items[i]);
    return reason;
}

static const char *
check_version(const void *value)
{
    const char *version = *(const char *const *)value;

    return *version && strlen(version) < 64 ? NULL : "must be a version, such as 4.44.1";
}

#define AT(member) offsetof(struct gradio_frontend, member)
static const struct setting table[] = {
    {"version", SETTING_STRING, AT(version), .check = check_version, .help = "Of Gradio."},
    {"entry", SETTING_STRING, AT(entry), .check = check_entry,
     .help = "The module that starts the page."},
    {"styles", SETTING_STRINGS, AT(styles), "", .check = check_files, .help = "Style sheets."},
    {"preloads", SETTING_STRINGS, AT(preloads), "", .check = check_files,
     .help = "Modules to load early."},
    {0},
};
#undef AT

static void
complain(struct settings_report *report, const char *file, const char *key, const char *name)
{
    jb_buf_printf(&report->text,
                  "%s:1: %s: there is no %s beside it; install the front end again\n", file,
                  key, name);
    report->n++;
}

static bool
is_there(const char *folder, const char *name, struct jb_arena *arena)
{
    const char *path = jb_arena_printf(arena, "%s/%s", folder, name);

    return path && access(path, R_OK) == 0;
}

int
gradio_frontend_load(const char *folder, struct jb_arena *arena,
                     struct gradio_frontend *ret_frontend, struct settings_report *report)
{
    struct gradio_frontend f = {0};
    size_t before = report->n;
    const char *file;
    int rc;

    if (!*folder) {
        *ret_frontend = f;
        return 0;
    }
    file = jb_arena_printf(arena, "%s/frontend.conf", folder);
    if (!file)
        return JB_ENOMEM;
    rc = settings_load(file, table, NULL, arena, &f, report);
    if (rc)
        return rc;
    if (!is_there(folder, f.entry, arena))
        complain(report, file, "entry", f.entry);
    for (size_t i = 0; i < f.styles.n; i++)
        if (!is_there(folder, f.styles.items[i], arena))
            complain(report, file, "styles", f.styles.items[i]);
    for (size_t i = 0; i < f.preloads.n; i++)
        if (!is_there(folder, f.preloads.items[i], arena))
            complain(report, file, "preloads", f.preloads.items[i]);
    if (report->n > before)
        return JB_EINVAL;
    *ret_frontend = f;
    return 0;
}
