/* SPDX-License-Identifier: Apache-2.0 */
/* The table of paths (facts: what each Gradio endpoint answers was checked with real clients).
 */
#include "fcgi/handlers.h"

#define G METHOD_GET
#define P METHOD_POST

const struct route routes[] = {
    {"/", G, 0, handle_home, "home"},
    {"/config", G, ROUTE_GRADIO, handle_config, "config"},
    {"/info", G, ROUTE_GRADIO, handle_info, "info"},
    {"/queue/join", P, ROUTE_GRADIO, handle_join, "queue_join"},
    {"/queue/data", G, ROUTE_GRADIO, handle_queue_data, "queue_data"},
    {"/queue/status", G, ROUTE_GRADIO, handle_queue_status, "queue_status"},
    {"/run/{}", P, ROUTE_GRADIO, handle_run, "run"},
    {"/api/{}", P, ROUTE_GRADIO, handle_run, "api"},
    {"/call/v2/{}/{}", G, ROUTE_GRADIO | ROUTE_NEW, handle_call_data, "call_data"},
    {"/call/v2/{}", P, ROUTE_GRADIO | ROUTE_NEW, handle_call_v2, "call"},
    {"/call/{}/{}", G, ROUTE_GRADIO, handle_call_data, "call_data"},
    {"/call/{}", P, ROUTE_GRADIO, handle_call, "call"},
    {"/cancel", P, ROUTE_GRADIO, handle_cancel, "cancel"},
    {"/reset", P, ROUTE_GRADIO, handle_reset, "reset"},
    {"/heartbeat/{}", G, ROUTE_GRADIO, handle_heartbeat, "heartbeat"},
    {"/theme.css", G, ROUTE_GRADIO, handle_theme, "theme"},
    {"/app_id", G, ROUTE_GRADIO, handle_app_id, "app_id"},
    {"/login_check", G, ROUTE_GRADIO, handle_null, "login_check"},
    {"/user", G, ROUTE_GRADIO, handle_null, "user"},
    {"/token", G, ROUTE_GRADIO, handle_token, "token"},
    {"/startup-events", G, ROUTE_GRADIO, handle_startup_events, "startup_events"},
    {"/upload_progress", G, ROUTE_GRADIO, handle_upload_progress, "upload_progress"},
    {"/runs", G, ROUTE_GRADIO | ROUTE_NEW, handle_runs, "runs"},
    {"/component_server", P, ROUTE_GRADIO, handle_component_server, "component_server"},
    {"/monitoring", G, ROUTE_BARE, handle_monitoring, "monitoring"},
    {"/monitoring/{}", G, ROUTE_BARE, handle_monitoring, "monitoring"},
    {"/login", P, ROUTE_BARE, handle_login, "login"},
    {"/logout", G, ROUTE_BARE, handle_login, "login"},
    {"/file={*}", G, ROUTE_GRADIO, handle_file, "file"},
    {"/file/{*}", G, ROUTE_GRADIO, handle_file, "file"},
    {"/robots.txt", G, 0, handle_robots, "robots"},
    {"/manifest.json", G, 0, handle_manifest, "manifest"},
    {"/favicon.ico", G, 0, handle_favicon, "favicon"},
    {"/static/{}", G, 0, handle_static, "static"},
    {"/zh", G, 0, handle_zh, "board"},
    {"/zh/", G, 0, handle_zh, "board"},
    {"/en", G, 0, handle_en, "board"},
    {"/en/", G, 0, handle_en, "board"},
    {"/about", G, 0, handle_about, "about"},
    {"/zh/about", G, 0, handle_about_zh, "about"},
    {"/en/about", G, 0, handle_about_en, "about"},
    {"/faq", G, 0, handle_faq, "faq"},
    {"/zh/faq", G, 0, handle_faq_zh, "faq"},
    {"/en/faq", G, 0, handle_faq_en, "faq"},
    {"/history", G, 0, handle_history, "history"},
    {"/zh/history", G, 0, handle_history_zh, "history"},
    {"/en/history", G, 0, handle_history_en, "history"},
    {"/healthz", G, 0, handle_healthz, "healthz"},
    {"/metrics", G, 0, handle_metrics, "metrics"},
};

const size_t routes_count = sizeof(routes) / sizeof(routes[0]);
