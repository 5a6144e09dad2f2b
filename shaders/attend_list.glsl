// SPDX-License-Identifier: BSD-2-Clause
// Which keys a workgroup's queries see, listed so that tiles are full. A shader that includes this
// has THREADS, a multiple of 32, and TILE, at most THREADS.
#ifndef LTE_SHADERS_ATTEND_LIST_GLSL
#define LTE_SHADERS_ATTEND_LIST_GLSL

const uint LIST = 2 * THREADS;      // keys that are gathered, going round
const uint NEVER = 0xffffffffu;

shared uint gathered[LIST];         // the keys
shared uvec2 seen[LIST];            // queries [x, y) see the key

lte_vk_segment g;
uint key_head, first_head, first, last; // heads of the group, queries of the workgroup
uint listed = 0, done = 0;          // keys that were gathered, and that were worked on

// What the shader that includes this says: how many keys there are for the workgroup, or NEVER: its
// rows are no business of its; the queries [x, y) that see key i of these; and how the next THREADS
// keys are listed that a query of the workgroup sees.
uint begin();
uvec2 visible(uint i);
void gather(uint from, uint end);

// Until there is a tile of keys.
void fill(inout uint from, uint end)
{
    while (listed - done < TILE && from < end) {
        gather(from, end);
        from += THREADS;
    }
    barrier();
}

#endif
