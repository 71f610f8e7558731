/* SPDX-License-Identifier: Apache-2.0 */
#include "views/links.h"
#include "base/text.h"

#include <string.h>

void
link_put_hub(const char *hub_url, struct jb_str model, struct jb_buf *out)
{
    jb_put_html(out, jb_str(hub_url));
    jb_buf_putc(out, '/');
    jb_put_url_path(out, model);
}

void
link_put_model(const char *mount, struct jb_str model, struct jb_buf *out)
{
    jb_put_html(out, jb_str(mount));
    jb_buf_puts(out, "/models/");
    jb_put_url_path(out, model);
}

void
link_put_details(const struct board_config *config, struct jb_str model, struct jb_buf *out)
{
    const char *slash = model.n ? memchr(model.p, '/', model.n) : NULL;
    struct jb_str org = {model.p, slash ? (size_t)(slash - model.p) : 0};
    struct jb_str name = slash ? (struct jb_str){slash + 1, model.n - org.n - 1} : model;
    const char *p = config->details_url;

    while (*p) {
        if (strncmp(p, "{org}__", 7) == 0 && !org.n) {
            p += 7;
        } else if (strncmp(p, "{org}", 5) == 0) {
            jb_put_url_path(out, org);
            p += 5;
        } else if (strncmp(p, "{name}", 6) == 0) {
            jb_put_url_path(out, name);
            p += 6;
        } else {
            size_t n = 1 + strcspn(p + 1, "{");
            jb_put_html(out, (struct jb_str){p, n});
            p += n;
        }
    }
}

bool
link_is_http(struct jb_str url)
{
    return (url.n > 8 && memcmp(url.p, "https://", 8) == 0) ||
           (url.n > 7 && memcmp(url.p, "http://", 7) == 0);
}
