// SPDX-License-Identifier: BSD-2-Clause
// The output folder of a run.
#include "config.h"

#include "tools/train/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/message.h"

char *folder_path(const char *folder, const char *name)
{
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", folder, name);
    else
        message_error("out of memory");
    return path;
}

bool folder_holds(const char *folder, const char *name)
{
    char *path = folder_path(folder, name);
    const bool there = path && access(path, F_OK) == 0;
    free(path);
    return there;
}

// The library writes a file as "name.tmp-process-number" and renames it when it is whole; the log
// and the plot are written as "name.new".
static bool is_leftover(const char *name)
{
    static const char *const files[] = {"config.json", "tokenizer.json", "trainer.safetensors",
                                        "model.safetensors", "log.jsonl", "plot.svg"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const size_t n = strlen(files[i]);
        if (!strncmp(name, files[i], n) &&
            (!strcmp(name + n, ".new") ||
             (!strncmp(name + n, ".tmp-", 5) && !name[n + 5 + strspn(name + n + 5, "0123456789-")])))
            return true;
    }
    return false;
}

static void remove_leftovers(const char *folder, DIR *directory)
{
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char *path = is_leftover(entry->d_name) ? folder_path(folder, entry->d_name) : NULL;
        if (path)
            unlink(path);
        free(path);
    }
}

bool folder_make(const char *folder)
{
    DIR *directory = NULL;
    if (mkdir(folder, 0777) == 0 || errno == EEXIST)
        directory = opendir(folder);
    if (directory) {
        closedir(directory);
        return true;
    }
    message_error("%s: %s", folder, strerror(errno));
    return false;
}

static void say_locked(const char *folder, int lock, struct flock *range)
{
    if (fcntl(lock, F_GETLK, range) == 0 && range->l_type != F_UNLCK)
        message_error("%s: process %ld trains into it", folder, (long)range->l_pid);
    else
        message_error("%s: another process trains into it", folder);
}

// The file stays when the lock is gone: removing it would take it from under one who waits to open
// it.
bool folder_lock(const char *folder, int *lock)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char *path = folder_path(folder, "train.lock");
    const int file = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    const int error = file < 0 || fcntl(file, F_SETLK, &range) < 0 ? errno : 0;
    const bool taken = file >= 0 && (error == EACCES || error == EAGAIN);
    if (path && file < 0)
        message_error("%s: %s", path, strerror(error));
    else if (taken)
        say_locked(folder, file, &range);
    else if (path && error) // a file system without locks
        message_warning("%s: %s; nothing keeps another process from training into the folder", path,
                        strerror(error));
    if (taken)
        close(file);
    else
        *lock = file;
    free(path);
    return file >= 0 && !taken;
}

bool folder_clean(const char *folder)
{
    DIR *directory = opendir(folder);
    if (!directory) {
        message_error("%s: %s", folder, strerror(errno));
        return false;
    }
    remove_leftovers(folder, directory);
    closedir(directory);
    return true;
}
