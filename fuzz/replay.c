/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over its stored corpus, as a TAP test of one line: the folder
 * fuzz/corpus/<name> of JB_SRCDIR, where the program is fuzz_<name>, and empty input.
 */
#include <config.h>

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t room = 4 << 20;
    uint8_t *data = f ? malloc(room) : NULL;

    if (!data) {
        if (f)
            fclose(f);
        return -1;
    }
    size_t n = fread(data, 1, room, f);
    fclose(f);
    /* Exactly as large as the input, so that a read past its end is seen. */
    uint8_t *exact = malloc(n ? n : 1);
    if (exact) {
        memcpy(exact, data, n);
        LLVMFuzzerTestOneInput(exact, n);
    }
    free(exact);
    free(data);
    return 0;
}

int
main(int argc, char **argv)
{
    const char *base = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    const char *src = getenv("JB_SRCDIR");
    char folder[2048], path[4096];
    int n = 0;

    (void)argc;
    /* libtool and the like may put a prefix before the name. */
    const char *name = strstr(base, "fuzz_");
    if (!name) {
        printf("1..0 # SKIP not a fuzz target\n");
        return 0;
    }
    snprintf(folder, sizeof(folder), "%s/fuzz/corpus/%s", src ? src : ".", name + 5);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    DIR *dir = opendir(folder);
    for (const struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (replay_file(path) == 0)
            n++;
    }
    if (dir)
        closedir(dir);
    printf("1..1\n%s 1 - %s over %d stored inputs\n", n ? "ok" : "not ok", name, n);
    return n ? 0 : 1;
}
