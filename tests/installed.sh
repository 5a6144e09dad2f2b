#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# `make installcheck`: what was installed works for a user who has only pkg-config: the program of
# README.md built against the shared and the static library, the command with its model, the manual.
PKG_CONFIG_PATH=$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH LD_LIBRARY_PATH
unset LTE_MODEL LTE_CPU
model=$datadir/lte/lalte-tiny
dir=installed.$$
n=0 failed=0
trap 'rm -rf "$dir"' EXIT
mkdir "$dir" || exit 1

check() {
    n=$((n + 1)) name=$1
    shift
    if output=$("$@" 2>&1); then
        echo "ok $n - $name"
    else
        echo "$output" | sed 's/^/# /'
        echo "not ok $n - $name"
        failed=1
    fi
}

flags() {
    ${PKG_CONFIG:-pkg-config} "$@" lte
}
# The compiler prefers a shared library; naming the archive instead is what -static would do, for this
# one library.
static_flags() {
    flags --libs --static | sed "s,-llte,$libdir/liblte.a,"
}
build() {
    $CC $CFLAGS $SANITIZER_CFLAGS -std=c11 -o "$dir/$1" "$dir/readme.c" $(flags --cflags) $($2)
}
pages() {
    for page in "$mandir"/man3/lte*.3; do
        test -s "$page" || { echo "$page leads nowhere"; return 1; }
    done
    for name in $(grep -v '^#' "$top_srcdir/tests/symbols.txt"); do
        test -f "$mandir/man3/$name.3" || { echo "no page for $name"; return 1; }
    done
}

awk '/^```$/{on = 0} on; /^```c$/{on = 1}' "$top_srcdir/README.md" >"$dir/readme.c"
check 'pkg-config knows the version' test "$(flags --modversion)" = "$version"
if test -f "$libdir/liblte.so"; then
    check 'build with the shared library' build shared 'flags --libs'
    check 'run with the shared library' "$dir/shared" "$model"
fi
if test -f "$libdir/liblte.a"; then
    check 'build with the static library' build static static_flags
    check 'run with the static library' "$dir/static" "$model"
fi
check 'every function has a page' pages
check 'the command finds its model' "$bindir/lte" generate -f "$datadir/lte/lalte-needle/needle.txt" -n 4
check 'and the other by its name' "$bindir/lte" generate lalte-tiny -p 'Call me' -n 4
echo "1..$n"
exit $failed
