#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The lte command and Vulkan devices: listing them, choosing one, and doing without.
. "$top_srcdir/tests/cli_tap.sh"
# what drivers leave behind when they are unloaded is not ours
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS

run devices -t 1
if grep -q '^vulkan:0' "$out"; then
    prints '^  Vulkan 1\.' 'devices shows what they are'
    prints 'self-test passed' 'devices shows the self-test'
else
    prints '^no devices$' 'devices says that there are none'
fi

run generate -t 1 --device vulkan:200 -f "$data/case1.prompt" --temp 0 -n 48
gives "$data/case1.greedy" 'a device that is not there: the CPU does it'
grep -q 'lte: ' "$err"
report $? '... and a message says so'
run generate -t 1 --device auto -f "$data/case1.prompt" --temp 0 -n 48
gives "$data/case1.greedy" '--device auto'
run generate -t 1 --device auto -f "$data/case1.prompt" --temp 0 -n 48
gives "$data/case1.greedy" '--device auto, from the cache'
run generate -t 1 --device vulkan:x -p x
fails 2 'expected one of cpu, auto, vulkan' 'a device without a number is refused'

# A loader that is none: what a machine without one, or with a broken one, looks like.
if [ -z "$EMULATOR" ]; then
    mkdir "$work/lib"
    for name in libvulkan.so.1 libvulkan.so; do
        echo 'not a library' >"$work/lib/$name"
    done
    LD_LIBRARY_PATH=$work/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
    run generate -t 1 --device vulkan -f "$data/case1.prompt" --temp 0 -n 48
    gives "$data/case1.greedy" 'without a loader the CPU does it'
    run devices
    prints '^no devices$' 'without a loader there are no devices'
fi
finish
