/* SPDX-License-Identifier: Apache-2.0 */
/* Which Gradio we are taken for. Clients choose their ways by these. */
#pragma once

#define GRADIO_VERSION    "6.25.0"
#define GRADIO_PROTOCOL   "sse_v3"      /* what every client since early 2024 speaks */
#define GRADIO_API_PREFIX "/gradio_api" /* 4.x ignores it and asks the bare paths */
