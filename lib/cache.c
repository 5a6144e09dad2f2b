// SPDX-License-Identifier: BSD-2-Clause
// The cache folder: $XDG_CACHE_HOME/liblte or ~/.cache/liblte.
#include "config.h"

#include "lib/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 1024, LIMIT = 64 << 20 };

// Before the contents; a file that was cut short or changed is a miss.
struct header {
    uint64_t size, hash;
};

uint64_t lte_hash(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001B3);
    return hash;
}

// The folder, made if need be; false: there is none.
static bool folder(char *path)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n;
    if (cache && *cache == '/')
        n = snprintf(path, PATH, "%s", cache);
    else if (home && *home == '/')
        n = snprintf(path, PATH, "%s/.cache", home);
    else
        return false;
    if (n < 0 || n >= PATH - 64)
        return false;
    mkdir(path, 0700); // may be there
    strcat(path, "/liblte");
    mkdir(path, 0700);
    return !access(path, R_OK | W_OK | X_OK);
}

static bool file_path(char *path, const char *name, uint64_t key)
{
    if (strlen(name) > 16 || !folder(path))
        return false;
    const size_t used = strlen(path);
    snprintf(path + used, PATH - used, "/%s-%016llx", name, (unsigned long long)key);
    return true;
}

static void *read_contents(const struct lte_context *c, FILE *file, size_t *size)
{
    struct header h;
    if (fread(&h, sizeof h, 1, file) != 1 || !h.size || h.size > LIMIT)
        return NULL;
    void *bytes = lte_alloc(c, (size_t)h.size);
    if (bytes && fread(bytes, (size_t)h.size, 1, file) == 1 && fgetc(file) == EOF &&
        lte_hash(LTE_HASH, bytes, (size_t)h.size) == h.hash) {
        *size = (size_t)h.size;
        return bytes;
    }
    lte_release(c, bytes, (size_t)h.size);
    return NULL;
}

void *lte_cache_get(const struct lte_context *c, const char *name, uint64_t key, size_t *size)
{
    char path[PATH];
    FILE *file = file_path(path, name, key) ? fopen(path, "rb") : NULL;
    if (!file)
        return NULL;
    void *bytes = read_contents(c, file, size);
    fclose(file);
    return bytes;
}

void lte_cache_put(const struct lte_context *c, const char *name, uint64_t key, const void *bytes,
                   size_t size)
{
    const struct header h = {size, lte_hash(LTE_HASH, bytes, size)};
    char path[PATH], temporary[PATH + 32];
    (void)c;
    if (!size || size > LIMIT || !file_path(path, name, key))
        return;
    snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    FILE *file = fopen(temporary, "wb");
    if (!file)
        return;
    const bool written =
        fwrite(&h, sizeof h, 1, file) == 1 && fwrite(bytes, size, 1, file) == 1;
    if (fclose(file) || !written || rename(temporary, path))
        remove(temporary);
}
