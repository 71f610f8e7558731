/* SPDX-License-Identifier: Apache-2.0 */
/* The events whose outcome is still to come. */
#include "gradio/held.h"

#include <stdlib.h>
#include <string.h>

int
held_later(struct sessions *s, struct event *e, int fn_index, uint64_t wait_id, int64_t now_ms)
{
    struct later *later = calloc(1, sizeof(*later));

    if (!later)
        return JB_ENOMEM;
    memcpy(later->id, e->id, sizeof(later->id));
    HASH_ADD(hh, s->laters, id, GRADIO_ID_SIZE - 1, later);
    if (later->lost) {
        free(later);
        return JB_ENOMEM;
    }
    later->wait_id = wait_id;
    later->since = now_ms;
    later->fn_index = fn_index;
    e->later = later;
    s->stat.waiting++;
    return 0;
}

void
held_later_place(struct event *e, struct session *session, struct call *call)
{
    if (!e->later)
        return;
    e->later->event = e;
    e->later->session = session;
    e->later->call = call;
}

struct later *
held_later_find(const struct sessions *s, const char *id)
{
    struct later *later = NULL;

    if (strlen(id) == GRADIO_ID_SIZE - 1)
        HASH_FIND(hh, s->laters, id, GRADIO_ID_SIZE - 1, later);
    return later;
}

void
held_later_end(struct sessions *s, struct event *e)
{
    HASH_DELETE(hh, s->laters, e->later);
    free(e->later);
    e->later = NULL;
    s->stat.waiting--;
}

void
held_later_progress(struct sessions *s, struct later *later, struct jb_blob *message)
{
    struct event *e = later->event;

    jb_blob_unref(e->pieces[PIECE_PROGRESS]);
    e->pieces[PIECE_PROGRESS] = message;
    held_event_weigh(s, later->session, e);
}

void
held_later_settle(struct sessions *s, struct later *later, const struct gradio_outcome *outcome,
                  int64_t now_ms)
{
    struct event *e = later->event;
    struct session *session = later->session;

    held_event_result(s, e, later->call != NULL, later->fn_index, outcome,
                      (now_ms - later->since) * 1000);
    held_later_end(s, e);
    held_event_weigh(s, session, e);
}
