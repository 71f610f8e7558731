/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that a row points to, escaped for a double-quoted attribute. */
#pragma once

#include "base/buf.h"
#include "board/config.h"

#include <stdbool.h>

/* The model's page on the hub. */
void link_put_hub(const char *hub_url, struct jb_str model, struct jb_buf *out);

/* Our page of the model. */
void link_put_model(const char *mount, struct jb_str model, struct jb_buf *out);

/* The pattern details_url of the board file with {org} and {name} replaced; `{org}__` goes away
 * for a model without an organisation. */
void link_put_details(const struct board_config *config, struct jb_str model,
                      struct jb_buf *out);

/* Whether it may stand in an href: http or https. */
bool link_is_http(struct jb_str url);
