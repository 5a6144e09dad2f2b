#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The functions in the headers, in tests/symbols.txt, in the manual and in the built library are the
# same, no more and no less. tests/symbols.txt exists so that a change of the ABI shows in a diff.
. "$top_srcdir/tests/names.sh"

declared=$(header_functions)
manifest=$(grep -v '^#' "$top_srcdir/tests/symbols.txt")
same 'headers declare what tests/symbols.txt lists' "$declared" "$manifest"
same 'the NAME sections document what the headers declare' "$(page_functions)" "$declared"
same 'the SYNOPSIS sections show what the headers declare' "$(synopsis_functions)" "$declared"

library=$top_builddir/.libs/liblte.so
n=$((n + 1))
if test ! -f "$library"; then
    echo "ok $n - exported symbols # SKIP no shared library was built"
elif ! exported=$($NM -D --defined-only "$library" 2>/dev/null); then
    echo "ok $n - exported symbols # SKIP $NM cannot read it"
else
    n=$((n - 1))
    exported=$(echo "$exported" | awk '$2 ~ /^[A-Za-z]$/ { sub(/@.*/, "", $3); print $3 }' | sort)
    same 'the library exports what the headers declare' "$exported" "$declared"
fi
echo "1..$n"
exit $failed
