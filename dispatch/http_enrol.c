/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "dispatch/http_enrol.h"

#include "crypto/digest.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct http_enrol {
    CURL *easy;
    struct curl_slist *lines;
    char url[512];
    size_t max_bytes;
    struct jb_buf body;
    bool large;
    char certificate[PKI_PEM_MAX];
    char error[CURL_ERROR_SIZE];
};

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
    struct http_enrol *http = arg;

    n *= size;
    http->large = http->body.n + n > http->max_bytes;
    if (http->large)
        return 0;
    jb_buf_put(&http->body, p, n);
    return http->body.err ? 0 : n;
}

static CURLcode
set_options(struct http_enrol *http, const struct http_enrol_config *config)
{
    struct curl_blob certificate = {(void *)(uintptr_t)config->certificate.p,
                                    config->certificate.n, CURL_BLOB_COPY},
                     key = {(void *)(uintptr_t)config->key.p, config->key.n, CURL_BLOB_COPY};
    CURLcode bad = CURLE_OK;

#define SET(option, value)                                                                     \
    do {                                                                                       \
        if (!bad)                                                                              \
            bad = curl_easy_setopt(http->easy, option, value);                                 \
    } while (0)
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* who it is stands in the proof that comes with its answer */
    SET(CURLOPT_SSL_VERIFYPEER, 0L);
    SET(CURLOPT_SSL_VERIFYHOST, 0L);
    SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    SET(CURLOPT_CERTINFO, 1L);
    SET(CURLOPT_SSLCERTTYPE, "PEM");
    SET(CURLOPT_SSLKEYTYPE, "PEM");
    SET(CURLOPT_SSLCERT_BLOB, &certificate);
    SET(CURLOPT_SSLKEY_BLOB, &key);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout);
    SET(CURLOPT_TIMEOUT_MS, (long)config->timeout);
    SET(CURLOPT_HTTPHEADER, http->lines);
    SET(CURLOPT_ERRORBUFFER, http->error);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, http);
#undef SET
    return bad;
}

int
http_enrol_new(const struct http_enrol_config *config, struct jb_error *err,
               struct http_enrol **ret_http)
{
    struct http_enrol *http;

    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        return jb_fail(err, JB_EIO, "libcurl cannot be set up");
    http = calloc(1, sizeof(*http));
    if (!http) {
        curl_global_cleanup();
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    snprintf(http->url, sizeof(http->url), "%s", config->url);
    http->max_bytes = config->max_bytes;
    http->body = JB_BUF(config->max_bytes);
    http->easy = curl_easy_init();
    http->lines = curl_slist_append(NULL, "Content-Type: application/json");
    /* which the agent's HTTP does not have */
    if (http->lines && !curl_slist_append(http->lines, "Expect:")) {
        curl_slist_free_all(http->lines);
        http->lines = NULL;
    }
    if (!http->easy || !http->lines || set_options(http, config)) {
        http_enrol_free(http);
        return jb_fail(err, JB_ENOMEM, "out of memory");
    }
    *ret_http = http;
    return 0;
}

void
http_enrol_free(struct http_enrol *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->easy);
    curl_slist_free_all(http->lines);
    jb_buf_free(&http->body);
    free(http);
    curl_global_cleanup();
}

/* Of a new connection; one that is used again keeps what was seen. */
static void
keep_certificate(struct http_enrol *http)
{
    struct curl_certinfo *info = NULL;
    static const char name[] = "Cert:";

    if (curl_easy_getinfo(http->easy, CURLINFO_CERTINFO, &info) || !info ||
        info->num_of_certs < 1)
        return;
    for (const struct curl_slist *at = info->certinfo[0]; at; at = at->next)
        if (strncmp(at->data, name, sizeof(name) - 1) == 0 &&
            strlen(at->data) < sizeof(http->certificate))
            snprintf(http->certificate, sizeof(http->certificate), "%s",
                     at->data + sizeof(name) - 1);
}

static int
translate(const struct http_enrol *http, CURLcode code)
{
    switch (code) {
    case CURLE_OK: return 0;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: return JB_EBUSY;
    case CURLE_OPERATION_TIMEDOUT: return JB_ETIMEDOUT;
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH: return JB_EACCES;
    case CURLE_OUT_OF_MEMORY: return JB_ENOMEM;
    case CURLE_WRITE_ERROR: return http->large ? JB_ETOOBIG : JB_ENOMEM;
    default: return JB_ECLOSED;
    }
}

int
http_enrol_post(struct http_enrol *http, const char *path, struct jb_str body,
                struct jb_error *err, int *ret_status, struct jb_buf *ret_body)
{
    char url[640];
    long status = 0;
    CURLcode code;
    int rc;

    snprintf(url, sizeof(url), "%s%s", http->url, path);
    jb_buf_reset(&http->body);
    http->error[0] = '\0';
    http->large = false;
    code = curl_easy_setopt(http->easy, CURLOPT_URL, url);
    if (!code)
        code = curl_easy_setopt(http->easy, CURLOPT_POSTFIELDSIZE, (long)body.n);
    if (!code)
        code = curl_easy_setopt(http->easy, CURLOPT_POSTFIELDS, body.p);
    if (!code)
        code = curl_easy_perform(http->easy);
    rc = translate(http, code);
    if (rc)
        return jb_fail(err, rc, "%s: %s", http->url,
                       http->error[0] ? http->error : curl_easy_strerror(code));
    keep_certificate(http);
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    jb_buf_reset(ret_body);
    jb_buf_str(ret_body, jb_buf_view(&http->body));
    if (ret_body->err)
        return jb_fail(err, ret_body->err, "out of memory");
    *ret_status = (int)status;
    return 0;
}

const char *
http_enrol_certificate(const struct http_enrol *http)
{
    return http->certificate[0] ? http->certificate : NULL;
}

int
http_enrol_pin(struct http_enrol *http, const unsigned char key_hash[PKI_HASH_SIZE],
               struct jb_error *err)
{
    char pin[80] = "sha256//";

    crypto_base64(key_hash, PKI_HASH_SIZE, pin + strlen(pin));
    return curl_easy_setopt(http->easy, CURLOPT_PINNEDPUBLICKEY, pin)
               ? jb_fail(err, JB_ENOMEM, "out of memory")
               : 0;
}
