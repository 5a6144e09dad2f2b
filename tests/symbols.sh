#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The functions in the headers, in tests/symbols.txt, and in the manual are the same, no more and no less. tests/symbols.txt exists so that a change of the ABI shows in a diff.
. "$top_srcdir/tests/names.sh"

declared=$(header_functions)
manifest=$(grep -v '^#' "$top_srcdir/tests/symbols.txt")
same 'headers declare what tests/symbols.txt lists' "$declared" "$manifest"
same 'the NAME sections document what the headers declare' "$(page_functions)" "$declared"
same 'the SYNOPSIS sections show what the headers declare' "$(synopsis_functions)" "$declared"

echo "1..$n"
exit $failed
