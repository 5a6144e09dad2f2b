// SPDX-License-Identifier: BSD-2-Clause
// The machine's limits, measured in the run that compares itself with them.
#ifndef LTE_BENCH_ROOF_H
#define LTE_BENCH_ROOF_H

#include "bench/bench.h"
#include "lib/par.h"

enum roof {
    ROOF_NONE,
    ROOF_FMA,                                          // fp32 multiply-adds
    ROOF_READ_L1, ROOF_READ_L2, ROOF_READ_L3, ROOF_READ_RAM,
    ROOF_UPDATE_L1, ROOF_UPDATE_L2, ROOF_UPDATE_L3, ROOF_UPDATE_RAM // in place: read + written bytes
};

// bench_time() of up to 4 tasks and, in turn with them, of the roof: its height in GFLOP/s or GB/s
// for all threads of the team together, with the instruction set of kernel level `isa` ("ref": the
// highest). In turn, so that a neighbour on the machine slows both.
double roof_time(struct lte_par *team, const char *isa, enum roof roof, struct bench_task *task,
                 size_t tasks);
const char *roof_name(enum roof roof);

// Bytes that lie in a cache level (1 to 3) for one thread of the team, or in RAM (4) for all of
// them.
size_t roof_bytes(struct lte_par *team, int level);
// The roof of reading or updating `bytes` in all, by the level that holds them.
enum roof roof_for(struct lte_par *team, size_t bytes, bool update);

// Fills in the roof of a row.
void roof_set(struct bench_row *row, enum roof roof, double height);

#endif
