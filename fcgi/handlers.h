/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers, by the file they stand in. */
#pragma once

#include "fcgi/router.h"

/* handle_page.c */
void handle_home(struct handling *h);
void handle_zh(struct handling *h);
void handle_en(struct handling *h);
void handle_about(struct handling *h);
void handle_about_zh(struct handling *h);
void handle_about_en(struct handling *h);
void handle_faq(struct handling *h);
void handle_faq_zh(struct handling *h);
void handle_faq_en(struct handling *h);
void handle_history(struct handling *h);
void handle_history_zh(struct handling *h);
void handle_history_en(struct handling *h);
void handle_static(struct handling *h);
void handle_favicon(struct handling *h);
void handle_theme(struct handling *h);

/* handle_gradio.c */
void handle_config(struct handling *h);
void handle_info(struct handling *h);
void handle_run(struct handling *h);
void handle_join(struct handling *h);
void handle_call(struct handling *h);
void handle_call_v2(struct handling *h);
void handle_cancel(struct handling *h);
void handle_reset(struct handling *h);
void handle_queue_data(struct handling *h);
void handle_call_data(struct handling *h);
void handle_heartbeat(struct handling *h);

/* handle_small.c: constant or tiny answers of the Gradio server */
void handle_app_id(struct handling *h);
void handle_queue_status(struct handling *h);
void handle_null(struct handling *h);
void handle_token(struct handling *h);
void handle_startup_events(struct handling *h);
void handle_component_server(struct handling *h);
void handle_upload_progress(struct handling *h);
void handle_runs(struct handling *h);
void handle_monitoring(struct handling *h);
void handle_robots(struct handling *h);
void handle_manifest(struct handling *h);
void handle_login(struct handling *h);
void handle_file(struct handling *h);

/* handle_api.c: the API for programs */
void handle_api_leaderboard(struct handling *h);
void handle_api_formatted(struct handling *h);
void handle_api_csv(struct handling *h);
void handle_api_status(struct handling *h);
void handle_api_pending(struct handling *h);
void handle_api_model(struct handling *h);
void handle_openapi(struct handling *h);

/* handle_queue.c: what people and programs see of submissions; the same for /zh and /en */
void handle_queue(struct handling *h);
void handle_hosts(struct handling *h);
void handle_submit_form(struct handling *h);
void handle_request(struct handling *h);
void handle_feed_results(struct handling *h);
void handle_feed_status(struct handling *h);
void handle_api_request(struct handling *h);
void handle_api_request_file(struct handling *h);
void handle_api_request_log(struct handling *h);
void handle_api_result(struct handling *h);

/* handle_model.c */
void handle_model(struct handling *h);
/* handle_submit.c */
void handle_api_submit(struct handling *h);
void handle_api_cancel(struct handling *h);
void handle_api_rerun(struct handling *h);
void handle_submit(struct handling *h);
void handle_cancel_form(struct handling *h);
void handle_rerun_form(struct handling *h);

/* handle_ops.c */
void handle_healthz(struct handling *h);
void handle_metrics(struct handling *h);
