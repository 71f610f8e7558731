/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folders of keys and certificates.
 *
 *   <pki.dir>/root.pem, host-issuer.pem, control-issuer.pem   for everybody to read
 *   <pki.dir>/private/host-issuer.key, control-issuer.key     jinbang-ca's alone
 *   <pki.dir>/issued.jsonl                                    one line per signature
 *   <offline>/root.key, root.pem                              made once, then taken away
 *   <pki.control>/dispatcher.key, dispatcher.pem              the dispatcher's
 *
 * A private key is written 0600 and refused when it lies there with a wider mode, or belongs to
 * somebody else. Files appear whole: written beside, synced, renamed.
 */
#pragma once

#include "base/conf.h"
#include "crypto/pki.h"

#include <sys/types.h>

#define CA_KEY_MAX     (8 << 10)
#define CA_KEY_MODE    0600
#define CA_PUBLIC_MODE 0644

/* JB_ENOENT, JB_EACCES (of a secret file: its mode or owner, or a link), JB_ETOOBIG, JB_EIO.
 * Free with pki_wipe(). */
int ca_file_read(const char *path, bool secret, struct jb_error *err, struct jb_buf *ret_text);
/* JB_EEXIST, when it is there and not to be replaced; what errno says. */
int ca_file_write(const char *path, mode_t mode, bool replace, struct jb_str text,
                  struct jb_error *err);
/* Makes the folder if it is missing. */
int ca_folder_make(const char *path, mode_t mode, struct jb_error *err);

/* Certificate and key of PKI_HOST_ISSUER or PKI_CONTROL_ISSUER, that belong together. */
int ca_issuer_read(const char *dir, enum pki_role role, struct jb_error *err,
                   struct jb_buf *ret_pem, struct jb_buf *ret_key);

/*
 * A new root in `offline` and both issuers in pki.dir, named after `name`. JB_EEXIST: there is
 * a root already, in either; nothing is overwritten.
 */
int ca_folder_init(const struct conf *conf, const char *offline, const char *name, int64_t now,
                   struct jb_error *err);
/* New certificates of both issuers, for the keys they have, by the root in `offline`. */
int ca_folder_renew(const struct conf *conf, const char *offline, int64_t now,
                    struct jb_error *err);
