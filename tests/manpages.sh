#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The manual: every page lints clean, every name of a page has a link to it, every type and constant of
# the headers is explained somewhere, every section 3 page has the sections a reader looks for.
. "$top_srcdir/tests/names.sh"
man=$top_srcdir/man

for page in "$man"/*.[137]; do
    n=$((n + 1)) name=${page##*/}
    if ! command -v mandoc >/dev/null; then
        echo "ok $n - $name lints # SKIP mandoc not found"
    elif message=$(mandoc -Tlint -W warning "$page" 2>&1); then
        echo "ok $n - $name lints"
    else
        echo "$message" | sed 's/^/# /'
        echo "not ok $n - $name lints"
        failed=1
    fi
done

aliases=
for page in "$man"/*.3; do
    name=${page##*/} name=${name%.3}
    for alias in $(page_names "$page"); do
        test "$alias" = "$name" || aliases="$aliases
$alias $name"
    done
    case $name in lte) continue ;; esac
    n=$((n + 1))
    missing=
    for section in LIBRARY SYNOPSIS DESCRIPTION 'RETURN VALUES' 'THREAD SAFETY' EXAMPLES 'SEE ALSO'; do
        grep -q "^\.Sh $section\$" "$page" || missing="$missing, $section"
    done
    if test -z "$missing"; then
        echo "ok $n - $name.3 has all sections"
    else
        echo "not ok $n - $name.3 lacks ${missing#, }"
        failed=1
    fi
done
same 'man/links lists the names that are not files' "$(echo "$aliases" | sed 1d | sort)" \
     "$(grep -v '^#' "$man/links" | sort)"

explained=$(for name in $(header_types); do grep -qw "$name" "$man"/*.[37] && echo "$name"; done)
same 'the manual explains every constant of the headers' "$(header_types)" "$explained"
echo "1..$n"
exit $failed
