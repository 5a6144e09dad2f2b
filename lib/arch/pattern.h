// SPDX-License-Identifier: BSD-2-Clause
// Layouts written as text: which mixer a layer has, and which window an attention layer in a loop.
#ifndef LTE_LIB_ARCH_PATTERN_H
#define LTE_LIB_ARCH_PATTERN_H

#include "lib/arch/arch.h"

// Sets mixer[layers] from `text`, and *block to the layers after which the layout repeats (all of
// them if it does not). Forms:
//   gdn                      one mixer everywhere
//   N:M                      N times gdn, then M times full, and again
//   interleaved:N:M:A:B      the same with mixers A and B
//   bookend:n                full in the first and last n layers, gdn between
//   A,B,C,...                a mixer for every layer
// A layout that cannot be is an error of the config at `key`; so is a mixer that this library
// lacks, by name.
void lte_pattern_mixers(struct lte_config *config, const char *key, const char *text,
                        uint32_t layers, enum lte_mixer *mixer, uint32_t *block);

// Loops that a text of windows describes: 1, or as many as "->" joins.
uint32_t lte_pattern_loops(const char *text);
// Sets window[loops][layers]; 0: all tokens. `text` has an entry a loop, joined by "->", or one for
// all of them. An entry has one of the forms
//   full                     no window
//   SWA=n                    n tokens, the query's own included
//   A:B                      A layers with a window of `size`, then B without, and again
//   bookend:n, sandwich:n    no window in the first and last n layers
//   W,W,W,...                full or SWA=n for every layer
void lte_pattern_windows(struct lte_config *config, const char *key, const char *text,
                         uint32_t loops, uint32_t layers, uint32_t size, uint32_t *window);

#endif
