// SPDX-License-Identifier: BSD-2-Clause
// The counting context of tests/fixture.h.
#include "config.h"

#include "tests/fixture.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The size lies in front of the block, at a distance that keeps the alignment.
static void *count_alloc(void *opaque, size_t size, size_t align)
{
    struct fixture *f = opaque;
    void *base;
    if (++f->calls == f->fail_at)
        return NULL;
    if (align < sizeof(size_t) || posix_memalign(&base, align, size + align))
        return NULL;
    unsigned char *p = (unsigned char *)base + align;
    memcpy(p - sizeof size, &size, sizeof size);
    memset(p, 0xA5, size);
    f->live++;
    f->live_bytes += size;
    return p;
}

enum { ALIGNMENT = 64 }; // what the library asks for

static void count_free(void *opaque, void *pointer, size_t size)
{
    struct fixture *f = opaque;
    size_t was;
    memcpy(&was, (unsigned char *)pointer - sizeof was, sizeof was);
    if (was != size) {
        f->mismatched = true;
        printf("# freed with size %zu, allocated with %zu\n", size, was);
    }
    memset(pointer, 0x5A, was);
    f->live--;
    f->live_bytes -= was;
    free((unsigned char *)pointer - ALIGNMENT);
}

static void keep_line(void *opaque, enum lte_log_level level, const char *message)
{
    struct fixture *f = opaque;
    const size_t used = strlen(f->log);
    (void)level;
    snprintf(f->log + used, sizeof f->log - used, "%s\n", message);
}

void fixture_open(struct fixture *f)
{
    struct lte_options options;
    memset(f, 0, sizeof *f);
    lte_options_init(&options);
    options.threads = 2;
    options.allocator = (struct lte_allocator){count_alloc, count_free, f};
    options.log = keep_line;
    options.log_opaque = f;
    if (lte_open(&options, &f->context) != LTE_OK) {
        printf("Bail out! no context: %s\n", f->log);
        exit(1);
    }
}

static void remove_tree(const char *path)
{
    char inner[512];
    DIR *dir = opendir(path);
    if (!dir) {
        unlink(path);
        return;
    }
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        remove_tree(inner);
    }
    closedir(dir);
    rmdir(path);
}

bool fixture_close(struct fixture *f)
{
    lte_close(f->context);
    if (*f->folder)
        remove_tree(f->folder);
    if (f->live)
        printf("# %zu allocations (%zu bytes) were not freed\n", f->live, f->live_bytes);
    return f->live == 0 && !f->mismatched;
}

void fixture_clear(struct fixture *f)
{
    f->log[0] = '\0';
    f->calls = f->fail_at = 0;
}

bool fixture_said(const struct fixture *f, ...)
{
    va_list args;
    bool good = true;
    va_start(args, f);
    for (const char *text = va_arg(args, const char *); text; text = va_arg(args, const char *)) {
        if (!strstr(f->log, text)) {
            printf("# the log lacks \"%s\"\n", text);
            good = false;
        }
    }
    va_end(args);
    if (!good)
        printf("# the log is: %s", *f->log ? f->log : "empty\n");
    return good;
}

// One call, whose allocation `n` fails; whether all is well.
static bool starve_once(struct fixture *f, fixture_call *call, void *opaque, size_t n)
{
    const size_t live = f->live, bytes = f->live_bytes;
    fixture_clear(f);
    f->fail_at = n;
    const enum lte_status status = call(f, opaque);
    f->fail_at = 0;
    const bool good = status == (f->calls < n ? LTE_OK : LTE_ERR_MEMORY) && f->live == live &&
                      f->live_bytes == bytes;
    if (!good)
        printf("# allocation %zu of %zu fails: %s, %zu allocations live, %zu before; %s\n", n, f->calls,
               lte_status_name(status), f->live, live, f->log);
    return good;
}

bool fixture_starve(struct fixture *f, fixture_call *call, void *opaque, size_t least)
{
    size_t n = 0;
    do
        if (!starve_once(f, call, opaque, ++n))
            return false;
    while (f->calls >= n);
    if (n <= least)
        printf("# %zu allocations, not %zu\n", n - 1, least);
    return n > least;
}

enum lte_status fixture_spared(const struct fixture *f, enum lte_status status)
{
    return status == LTE_OK && f->fail_at && f->calls >= f->fail_at ? LTE_ERR_MEMORY : status;
}

static char *next_path(void)
{
    static char paths[4][512];
    static unsigned turn;
    return paths[turn++ % 4];
}

const char *fixture_path(struct fixture *f, const char *name)
{
    char *path = next_path();
    if (!*f->folder) {
        strcpy(f->folder, "/tmp/lte-test-XXXXXX");
        if (!mkdtemp(f->folder)) {
            printf("Bail out! cannot make a folder under /tmp\n");
            exit(1);
        }
    }
    snprintf(path, sizeof(char[512]), "%s/%s", f->folder, name);
    return path;
}

void fixture_write(struct fixture *f, const char *name, const void *bytes, size_t size)
{
    const char *path = fixture_path(f, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) {
        printf("Bail out! cannot write %s\n", path);
        exit(1);
    }
}

const char *fixture_source(const char *name)
{
    char *path = next_path();
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof(char[512]), "%s/%s", top ? top : ".", name);
    return path;
}

void *fixture_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    if (!file)
        return NULL;
    unsigned char *bytes = fstat(fileno(file), &st) ? NULL : malloc((size_t)st.st_size + 1);
    *size = bytes ? fread(bytes, 1, (size_t)st.st_size, file) : 0;
    fclose(file);
    return bytes;
}
