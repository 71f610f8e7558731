/* SPDX-License-Identifier: Apache-2.0 */
/* Words for what the queue knows, and times, as all its pages show them. Everything is escaped;
 * `lang` LANG_MAX gives zh, then en. */
#pragma once

#include "base/conf.h"
#include "queue/estimate.h"
#include "queue/failure.h"
#include "queue/state.h"
#include "views/texts.h"

const char *queue_state_label(enum queue_state state, enum text_lang lang);
const char *queue_table_label(enum queue_table table, enum text_lang lang);
/* The name of a table in addresses: "failed". */
const char *queue_table_key(enum queue_table table);
/* QUEUE_TABLE_NONE for a name that is none. */
enum queue_table queue_table_from_key(struct jb_str key);

void state_label_put(enum queue_state state, enum text_lang lang, struct jb_buf *out);

/* <time> in the zone of the site, to the minute; "–" for 0. */
void time_label_put(const struct conf *conf, int64_t us, struct jb_buf *out);
/* How long something took: "4 s", "3 min 20 s", "2 h 5 min"; "–" unknown (NAN, negative). */
void duration_label_put(double seconds, enum text_lang lang, struct jb_buf *out);
/* Which zone that is, as a sentence. */
void zone_label_put(const struct conf *conf, enum text_lang lang, int64_t now,
                    struct jb_buf *out);

/* Between when and when something will begin, counted from `now`; that it is not known. */
void start_label_put(const struct conf *conf, const struct queue_estimate *start, int64_t now,
                     enum text_lang lang, struct jb_buf *out);

/* What happened (the class), what exactly (the reason), and with `todo` what to do: a run of
 * <p>. Nothing for a failure without class and reason. */
void failure_label_put(enum queue_failure failure, struct jb_str reason, bool todo,
                       enum text_lang lang, struct jb_buf *out);

/* The end of a log behind a <summary>; its last `max` bytes, whole lines. Nothing for "". */
void log_label_put(struct jb_str log, size_t max, enum text_lang lang, struct jb_buf *out);
