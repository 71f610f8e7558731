/* SPDX-License-Identifier: Apache-2.0 */
/* Files compiled in; the table is made from views/assets/ by views/embed.sh. */
#pragma once

#include <stddef.h>

struct asset_data {
    const char *name;
    const unsigned char *bytes;
    size_t n;
};

extern const struct asset_data asset_data[];
extern const size_t asset_data_count;
