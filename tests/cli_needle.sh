#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The shipped model, made by the library's own trainer, finds a needle far outside its window, in the
# state that it is shipped to show.
. "$top_srcdir/tests/cli_tap.sh"
unset LTE_MODEL
needle=$top_srcdir/data/lalte-needle

run generate -f "$needle/needle.txt" -n 8
[ $status -eq 0 ] && [ "$(cat "$out")" = ' 7204813' ]
report $? 'the needle of the example'
sed 's/7204813/3918526/' "$needle/needle.txt" >"$work/other"
run generate -f "$work/other" -n 8
[ $status -eq 0 ] && [ "$(cat "$out")" = ' 3918526' ]
report $? 'another needle in the same place'

# at_least PERCENT NAME ARGUMENT...: of a task's samples
at_least() {
    least=$1 name=$2
    shift 2
    run eval "$@"
    awk -v least="$least" 'NR == 2 { for (i = 1; i <= NF; i++)
        if ($i ~ /^[01]\.[0-9]+$/) exit !(100 * $i >= least) }' "$out"
    report $? "$name: $least % at least"
}
if is_slow; then
    at_least 66 'needles in 512 bytes, outside a window of 17' niah lalte-needle --lengths 640 --answer 9 -n 3
    skip 'needles in 2,048 and in 8,192 bytes' 'too slow here'
else
    at_least 90 'needles in 512 bytes, outside a window of 17' niah lalte-needle --lengths 640 --answer 9 -n 10
    at_least 66 'needles in 2,048 bytes' niah lalte-needle --lengths 2048 --answer 9 -n 3
    at_least 50 'needles in 8,192 bytes' niah lalte-needle --lengths 8192 --answer 9 -n 2
fi
at_least 90 'pairs of bytes' mqar lalte-needle --pairs 16 --lengths 254 --power 1 -n 10
run generate -p 'And God said unto Moses,' -n 200
[ $status -eq 0 ] && tr -cs A-Za-z '\n' <"$out" | sort -u >"$work/written"
for word in the and of unto LORD; do
    grep -qx "$word" "$work/written" || status=1
done
report $status 'words of the text that it was trained on'
run info lalte-needle
grep -q '^  *2  *lte ' "$out" && grep -q 'state .* constant' "$out"
report $? 'its state does not grow'
finish
