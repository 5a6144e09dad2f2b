// SPDX-License-Identifier: BSD-2-Clause
// Counting the big cores, by the capacity that Linux gives to each core of a mixed machine.
#include "config.h"

#include "lib/cores.h"

#include <unistd.h>

static unsigned cores_online(void)
{
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 && count < 1 << 20 ? (unsigned)count : 1;
}

#ifdef __linux__

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

unsigned lte_cores(void)
{
    cpu_set_t mine;
    return sched_getaffinity(0, sizeof mine, &mine) ? cores_online() : (unsigned)CPU_COUNT(&mine);
}

// The capacity of a core (1024: the fastest); 0 if there is no such file, as on a uniform machine.
static unsigned read_capacity(const char *folder, int cpu)
{
    char text[512];
    const int length = snprintf(text, sizeof text, "%s/cpu%d/cpu_capacity", folder, cpu);
    if (length < 0 || (size_t)length >= sizeof text)
        return 0;
    const int file = open(text, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    const ssize_t got = read(file, text, sizeof text);
    close(file);
    unsigned capacity = 0;
    for (ssize_t i = 0; i < got && text[i] >= '0' && text[i] <= '9' && capacity < 1u << 20; i++)
        capacity = capacity * 10 + (unsigned)(text[i] - '0');
    return capacity;
}

int lte_core_here(void)
{
    return sched_getcpu();
}

unsigned lte_cores_big(const char *folder)
{
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof mine, &mine))
        return lte_cores();
    const unsigned all = (unsigned)CPU_COUNT(&mine);
    unsigned capacity[CPU_SETSIZE], seen = 0, best = 0, big = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE && seen < all; cpu++) {
        if (!CPU_ISSET(cpu, &mine))
            continue;
        capacity[seen] = read_capacity(folder, cpu);
        if (!capacity[seen])
            return all;
        if (capacity[seen] > best)
            best = capacity[seen];
        seen++;
    }
    // A middle core counts, at three fifths of the fastest; a little one (half, or much less) would
    // be the one that the others wait for.
    for (unsigned i = 0; i < seen; i++)
        big += capacity[i] * 5 >= best * 3;
    return big;
}

#else

unsigned lte_cores(void)
{
    return cores_online();
}

int lte_core_here(void)
{
    return -1;
}

unsigned lte_cores_big(const char *folder)
{
    (void)folder;
    return cores_online();
}

#endif
