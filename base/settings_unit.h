/* SPDX-License-Identifier: Apache-2.0 */
/* Durations and sizes as people write them in a settings file. */
#pragma once

#include "base/settings.h"

#define SETTINGS_UNIT_SIZE 40

/* "15s" -> 15000, "16M" -> 16777216. JB_EPARSE; JB_EINVAL when it does not fit. */
int settings_unit_parse(enum setting_type type, const char *text, int64_t *ret);

/* The other way, in the largest unit that is exact; plain numbers for other types. */
void settings_unit_format(enum setting_type type, double value, char out[SETTINGS_UNIT_SIZE]);

/* "a duration, like \"15s\"", for messages. */
const char *settings_unit_hint(enum setting_type type);

/* Bytes of the field in the target struct. */
size_t settings_field_size(enum setting_type type);
