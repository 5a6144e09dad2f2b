#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# On an x86-64 CPU without AVX no instruction is executed that it does not have, and the text is the
# same as everywhere.
skip() {
    echo "1..0 # SKIP $1"
    exit 0
}
case $host_cpu in x86_64 | amd64) ;; *) skip "not an x86-64 build" ;; esac
command -v qemu-x86_64 >/dev/null || skip "qemu-x86_64 not found"
case " $CFLAGS $CC " in *" -march="* | *" -mavx"*) skip "CFLAGS ask for a newer CPU" ;; esac
case $SANITIZER_CFLAGS in ?*) skip "sanitizers do not run under qemu" ;; esac

model=$top_srcdir/data/lalte-tiny
lte=$top_builddir/.libs/lte
test -x "$lte" || lte=$top_builddir/lte
LD_LIBRARY_PATH=$top_builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
unset LTE_CPU
n=0 failed=0

check() {
    n=$((n + 1))
    if test "$2" = "$3" && test -n "$2"; then
        echo "ok $n - $1"
    else
        echo "# got:  $2"
        echo "# want: $3"
        echo "not ok $n - $1"
        failed=1
    fi
}

# The command and the model's arithmetic, on three generations of CPU.
want=$("$lte" generate "$model" -p 'Call me' -n 8 --temp 0 -t 1)
for cpu in Conroe Nehalem Haswell; do
    got=$(qemu-x86_64 -cpu $cpu "$lte" generate "$model" -p 'Call me' -n 8 --temp 0 -t 1 2>/dev/null)
    check "greedy text on $cpu" "$got" "$want"
done

# A kernel check: there must be nothing above the reference to compare.
got=$(qemu-x86_64 -cpu Conroe "$top_builddir/tests/check_norm" --seed 1 2>&1 | tail -n 1)
check "check_norm on Conroe" "$got" 1..3
echo "1..$n"
exit $failed
