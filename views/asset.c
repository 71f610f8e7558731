/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "views/asset_data.h"
#include "views/layout.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 16, PATH_SIZE = 80 };

static struct asset assets[MOST];
static char paths[MOST][PATH_SIZE];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const char *
type_of(const char *name)
{
    const char *dot = strrchr(name, '.');

    if (dot && strcmp(dot, ".css") == 0)
        return "text/css; charset=utf-8";
    if (dot && strcmp(dot, ".js") == 0)
        return "text/javascript; charset=utf-8";
    return "image/svg+xml";
}

static void
make_assets(void)
{
    for (size_t i = 0; i < asset_count(); i++) {
        const struct asset_data *d = &asset_data[i];
        struct asset *a = &assets[i];
        unsigned char digest[CRYPTO_SHA256_SIZE] = {0};
        char hex[9];
        const char *dot = strrchr(d->name, '.');
        *a = (struct asset){.name = d->name,
                            .path = paths[i],
                            .type = type_of(d->name),
                            .content = {(const char *)d->bytes, d->n}};
        crypto_sha256(a->content, digest);
        crypto_hex(digest, 4, hex);
        snprintf(paths[i], PATH_SIZE, "%.*s.%s%s", (int)(dot - d->name), d->name, hex, dot);
    }
}

size_t
asset_count(void)
{
    return asset_data_count < MOST ? asset_data_count : MOST;
}

const struct asset *
asset_at(size_t i)
{
    pthread_once(&once, make_assets);
    return &assets[i];
}

const struct asset *
asset_find(const char *path)
{
    for (size_t i = 0; i < asset_count(); i++) {
        const struct asset *a = asset_at(i);
        if (strcmp(a->path, path) == 0 || strcmp(a->name, path) == 0)
            return a;
    }
    return NULL;
}
