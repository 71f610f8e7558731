/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers with the pages of submissions, for the handlers of GET (handle_queue.c) and of POST:
 * each reads the store in one short transaction that ends before anything is sent.
 */
#pragma once

#include "fcgi/router.h"
#include "views/request_page.h"
#include "views/submit_page.h"

/* Of the page asked for: /zh/… and /en/…; LANG_MAX is both. */
enum text_lang page_lang(const struct handling *h);

/* A number in an address, from 1. False: it is none, and 404 was answered. */
bool page_id(struct handling *h, struct jb_str text, uint64_t *ret_id);

/* Answers with a page that was rendered for this request, and frees the buffer; `rc` is what
 * rendering it said. `cache` is the value of Cache-Control. */
void page_answer(struct handling *h, int status, const char *cache, struct jb_buf *page, int rc,
                 const struct jb_error *err);

/* A transaction for reading the store. False: it cannot be read, and that was answered. */
bool page_begin(struct handling *h, struct store_txn **ret_txn);

/*
 * All that pages and programs may know of a request, from the store as it is now and the lists
 * and the board of the snapshot. JB_ENOENT with the reason also for what a moderator deleted.
 */
int request_facts_load(const struct site *site, const struct store *store,
                       struct store_txn *txn, uint64_t id, struct jb_arena *arena,
                       struct jb_error *err, struct request_facts *ret_facts);

/* The row that a request stands behind; NULL none. */
const struct board_row *request_row(const struct board *board, uint64_t request);

/* A part of the log of one of its attempts, 0 the newest (an empty one when there was none).
 * JB_ENOENT also for a log that is not published yet. */
int request_log_load(const struct store *store, const struct request_facts *facts,
                     uint64_t fence, uint64_t from, struct jb_arena *arena,
                     struct jb_error *err, struct queue_log *ret_log);

/* Answers with the page of a request as it is now; 404 when there is none. */
void request_page_answer(struct handling *h, uint64_t id, const struct request_view *view,
                         int status);

/* Answers with the form or with what became of it. Nobody may keep it. A form without a nonce
 * gets a new one. */
void submit_page_answer(struct handling *h, struct submit_form *form, int status);
