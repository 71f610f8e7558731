/* SPDX-License-Identifier: Apache-2.0 */
/* What a component's value looks like, as Gradio tells it: JSON schema, Python type, example.
 */
#pragma once

#include "base/json.h"
#include "gradio/components.h"

void schema_put(struct jb_json *j, const struct component *c, const struct choices *sets);
void schema_put_python(struct jb_json *j, const struct component *c,
                       const struct choices *sets);
void schema_put_example(struct jb_json *j, const struct component *c,
                        const struct choices *sets);

/* The value a control starts with, as the config shows it; false and nothing written when it
 * has none, or one that comes from the board. */
bool schema_put_preset(struct jb_json *j, const struct component *c,
                       const struct choices *sets);
