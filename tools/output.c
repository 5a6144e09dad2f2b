// SPDX-License-Identifier: BSD-2-Clause
// Standard output.
#include "config.h"

#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/message.h"

void output_begin(void)
{
    // Opened the wrong way round, so that using them still fails.
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
                return;
    signal(SIGPIPE, SIG_IGN);
}

static void report(int error)
{
    if (error != EPIPE)
        message_error("standard output: %s", strerror(error));
}

bool output_write(const char *bytes, size_t count)
{
    while (count) {
        const ssize_t n = write(STDOUT_FILENO, bytes, count);
        if (n < 0) {
            if (errno == EINTR && !interrupted())
                continue;
            if (errno != EINTR)
                report(errno);
            return false;
        }
        bytes += n;
        count -= (size_t)n;
    }
    return true;
}

bool output_is_error(void)
{
    struct stat out, err;
    return !fstat(STDOUT_FILENO, &out) && !fstat(STDERR_FILENO, &err) &&
           out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

int output_end(int status)
{
    // A closed standard output is only a failure if there was something to write.
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout))
        return status;
    if (status == STATUS_OK || errno != EPIPE)
        report(errno ? errno : EIO);
    return status == STATUS_OK ? STATUS_FAILED : status;
}
