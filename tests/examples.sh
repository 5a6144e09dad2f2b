#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every program in the EXAMPLES section of a section 3 page, and the one in README.md, compiles without a
# warning and runs on the model that is shipped.
model=$top_srcdir/data/lalte-tiny
dir=examples.$$
n=0 failed=0
trap 'rm -rf "$dir"' EXIT
mkdir "$dir" || exit 1

# extract PAGE NUMBER: a literal display of the EXAMPLES section, roff escapes undone.
extract() {
    awk -v number="$2" '/^\.Sh /{on = ($2 == "EXAMPLES")} /^\.Ed/{show = 0} on && show{print}
        on && /^\.Bd -literal/{show = ++seen == number}' "$1" |
        sed 's/\\&//g; s/\\-/-/g; s/\\e/\\/g'
}

# build NAME: -no-install keeps libtool from making a wrapper script, so that an emulator can run it.
build() {
    "$top_builddir/libtool" --silent --tag=CC --mode=link $CC -std=c11 -pedantic-errors -Wall -Wextra \
        -Werror $CFLAGS $SANITIZER_CFLAGS $OPENMP_CFLAGS -I"$top_srcdir/include" -no-install \
        "$dir/$1.c" "$top_builddir/liblte.la" -o "$dir/$1" 2>&1
}

run() {
    (cd "$dir" && $EMULATOR "./$1" "$model" 2>&1)
}

# report DESCRIPTION ACTION NAME: one TAP line; the output as comments when it failed.
report() {
    n=$((n + 1))
    if output=$("$2" "$3"); then
        echo "ok $n - $1"
    else
        echo "$output" | sed 's/^/# /'
        echo "not ok $n - $1"
        failed=1
        return 1
    fi
}

check() {
    report "$1 example compiles" build "$2" && report "$1 example runs" run "$2"
}

for page in "$top_srcdir"/man/*.3; do
    name=${page##*/}
    number=1
    while extract "$page" $number >"$dir/${name%.3}_$number.c" && [ -s "$dir/${name%.3}_$number.c" ]; do
        check "$name $number" "${name%.3}_$number"
        number=$((number + 1))
    done
    [ $number -gt 1 ] || check "$name" none
done
awk '/^```$/{on = 0} on; /^```c$/{on = 1}' "$top_srcdir/README.md" >"$dir/readme.c"
check README.md readme
echo "1..$n"
exit $failed
