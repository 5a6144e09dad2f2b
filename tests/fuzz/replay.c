// SPDX-License-Identifier: BSD-2-Clause
// Runs a fuzz target over files, for `make check` and for reproducing a crash without a fuzzer:
//     fuzz_x [FILE|FOLDER...]
// Without arguments it takes the seed corpus of its own name, tests/fuzz/corpus/x. A target that
// returns has passed; what it must not do is crash, which the test harness sees.
#include "config.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed, failed;

static void replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1); // its own block: sanitizers see a read past its end
    if (!file || !data || fread(data, 1, size, file) != size) {
        printf("# cannot read %s\n", path);
        failed++;
    } else {
        LLVMFuzzerTestOneInput(data, size);
        replayed++;
    }
    free(data);
    if (file)
        fclose(file);
}

static void replay(const char *path)
{
    char inner[1024];
    struct stat st;
    if (stat(path, &st)) {
        printf("# %s: not there\n", path);
        failed++;
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path, (size_t)st.st_size);
        return;
    }
    DIR *dir = opendir(path);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        replay(inner);
    }
    if (dir)
        closedir(dir);
}

// "x" of ".../fuzz_x".
static const char *target(const char *program)
{
    const char *at = strstr(program, "fuzz_");
    for (const char *next = at; next; next = strstr(next + 1, "fuzz_"))
        at = next;
    return at ? at + strlen("fuzz_") : program;
}

int main(int argc, char **argv)
{
    char corpus[1024];
    const char *top = getenv("top_srcdir");
    snprintf(corpus, sizeof corpus, "%s/tests/fuzz/corpus/%s", top ? top : ".", target(argv[0]));
    if (argc < 2)
        replay(corpus);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    const int good = replayed > 0 && failed == 0;
    printf("%s 1 - %s: %zu inputs\n1..1\n", good ? "ok" : "not ok", target(argv[0]), replayed);
    return !good;
}
