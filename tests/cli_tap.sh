# SPDX-License-Identifier: BSD-2-Clause
# For the tests of the lte command: runs it, keeps what it printed, prints TAP. To be sourced.
: "${top_srcdir:?is set by make check}" "${top_builddir:?is set by make check}"
LC_ALL=C
export LC_ALL
unset LTE_CPU POSIXLY_CORRECT
LTE_MODEL=$top_srcdir/data/lalte-tiny
export LTE_MODEL
lte=$top_builddir/lte
data=$top_srcdir/tests/data/lalte-tiny
work=$(mktemp -d "${TMPDIR:-/tmp}/lte-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
out=$work/out err=$work/err
n=0 failed=0

# A program for another machine runs as the compiled tests do: make check LOG_COMPILER=qemu-aarch64.
patience=1
if [ -n "$EMULATOR" ]; then
    patience=10
    lte=$work/lte
    cat >"$lte" <<END
#!/bin/sh
exec "$top_builddir/libtool" --mode=execute $EMULATOR "$top_builddir/lte" "\$@"
END
    chmod +x "$lte"
fi

# run ARGUMENT...: standard output to $out, standard error to $err, exit status to $status.
run() {
    "$lte" "$@" >"$out" 2>"$err" </dev/null
    status=$?
}

# As check_is_slow() of the check programs.
is_slow() {
    [ -n "$EMULATOR$SANITIZER_CFLAGS" ] || "$lte" info | grep -q '^kernels  *ref,'
}

# report RESULT NAME: one line of TAP; a RESULT other than 0 is a failure, shown with the last run.
report() {
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $n - $2"
        return
    fi
    failed=1
    echo "not ok $n - $2"
    echo "# exit status $status"
    sed 's/^/# stdout: /' "$out" | head -n 20
    sed 's/^/# stderr: /' "$err" | head -n 20
}

# Status 0 and standard output equal to a file, byte for byte.
gives() {
    [ "$status" -eq 0 ] && cmp -s "$out" "$1"
    report $? "$2"
}

# fails STATUS PATTERN NAME: ends with STATUS, explains itself with a line that starts with "lte: "
# and matches PATTERN, and prints nothing to standard output.
fails() {
    [ "$status" -eq "$1" ] && grep -q "^lte: .*$2" "$err" && ! [ -s "$out" ]
    report $? "$3"
}

# prints PATTERN NAME: status 0 and a line of standard output that matches.
prints() {
    [ "$status" -eq 0 ] && grep -q -e "$1" "$out"
    report $? "$2"
}

skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

finish() {
    echo "1..$n"
    exit $failed
}
