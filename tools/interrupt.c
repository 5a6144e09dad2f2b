// SPDX-License-Identifier: BSD-2-Clause
// Ctrl-C.
#include "config.h"

#include "tools/interrupt.h"

#include <signal.h>

static volatile sig_atomic_t caught;

static void on_interrupt(int number)
{
    (void)number;
    caught = 1;
}

void interrupt_catch(void)
{
    struct sigaction old, action = {.sa_handler = on_interrupt};
    // a shell's background job has SIGINT ignored: leave that
    if (sigaction(SIGINT, NULL, &old) || old.sa_handler == SIG_IGN)
        return;
    action.sa_flags = SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

bool interrupted(void)
{
    return caught;
}
