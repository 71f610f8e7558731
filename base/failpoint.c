/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "base/failpoint.h"

#ifdef __SANITIZE_ADDRESS__

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define VARIABLE "JINBANG_FAILPOINTS"

enum { PATH_MOST = 512 };

void
jb_failpoint(const char *where, const char *what)
{
    const char *folder = getenv(VARIABLE);
    char path[PATH_MOST];

    if (!folder || snprintf(path, sizeof(path), "%s/%s%s%s", folder, where, what ? "." : "",
                            what ? what : "") >= (int)sizeof(path))
        return;
    /* whoever takes it away is the one who dies */
    if (unlink(path) == 0)
        kill(getpid(), SIGKILL);
}

const char *
jb_failpoint_env(void)
{
    static char text[PATH_MOST];
    const char *folder = getenv(VARIABLE);

    if (!folder || snprintf(text, sizeof(text), VARIABLE "=%s", folder) >= (int)sizeof(text))
        return NULL;
    return text;
}

#else
typedef int failpoint_is_not_built; /* a file must hold something */
#endif
