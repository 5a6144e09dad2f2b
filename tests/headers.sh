#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every public header stands alone, as strict C11 and, where there is a C++ compiler, as C++.
cd "$top_srcdir" || exit 1
headers=$(cd include && ls lte.h lte/*.h)
n=0 failed=0

# compile NAME HEADER COMPILER...
compile() {
    name=$1 header=$2
    shift 2
    n=$((n + 1))
    if message=$("$@" -Wall -Wextra -Werror -fsyntax-only -Iinclude \
                      "-DLTE_HEADER=\"$header\"" tests/header.c 2>&1); then
        echo "ok $n - $header as $name"
    else
        echo "$message" | sed 's/^/# /'
        echo "not ok $n - $header as $name"
        failed=1
    fi
}

# CC and HEADER_CXX may hold options: they are split on purpose.
for h in $headers; do
    compile C11 "$h" $CC -std=c11 -pedantic-errors -Wstrict-prototypes
    if test -n "$HEADER_CXX"; then
        compile C++ "$h" $HEADER_CXX -x c++ -std=c++11 -pedantic-errors
    else
        n=$((n + 1))
        echo "ok $n - $h as C++ # SKIP no C++ compiler"
    fi
done
echo "1..$n"
exit $failed
