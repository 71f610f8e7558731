/* SPDX-License-Identifier: Apache-2.0 */
#include "fcgi/sources.h"

#include <stdlib.h>

struct sources {
    unsigned refs;
    struct jb_arena *arena;
    struct conf conf;
    struct board_config board;
    struct texts *texts;
    struct gradio_frontend frontend;
};

int
sources_load(const char *conf_file, struct settings_report *report, struct jb_error *err,
             struct sources **ret_sources)
{
    struct sources *s = calloc(1, sizeof(*s));
    int rc = JB_ENOMEM;

    if (!s)
        return jb_fail(err, rc, "out of memory");
    s->refs = 1;
    s->arena = jb_arena_new(64 << 20);
    if (s->arena)
        rc = conf_load(conf_file, s->arena, &s->conf, report);
    if (rc == 0)
        rc = board_config_load(s->conf.site.board, s->arena, &s->board, report);
    if (rc == 0)
        rc = gradio_frontend_load(s->conf.site.frontend, s->arena, &s->frontend, report);
    if (rc == 0)
        rc = texts_load(s->conf.site.texts, err, &s->texts);
    if (rc) {
        sources_unref(s);
        return rc;
    }
    *ret_sources = s;
    return 0;
}

struct sources *
sources_ref(struct sources *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

void
sources_unref(struct sources *s)
{
    if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
        return;
    texts_free(s->texts);
    jb_arena_free(s->arena);
    free(s);
}

const struct conf *
sources_conf(const struct sources *s)
{
    return &s->conf;
}

const struct board_config *
sources_board(const struct sources *s)
{
    return &s->board;
}

const struct texts *
sources_texts(const struct sources *s)
{
    return s->texts;
}

const struct gradio_frontend *
sources_frontend(const struct sources *s)
{
    return &s->frontend;
}
