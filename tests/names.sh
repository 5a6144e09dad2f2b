# SPDX-License-Identifier: BSD-2-Clause
# Sourced by symbols.sh and manpages.sh: lists of names, one a line, sorted.
LC_ALL=C
export LC_ALL

# Functions that the public headers declare with LTE_API.
header_functions() {
    cat "$top_srcdir"/include/lte/*.h | sed 's,//.*,,' | tr '\n' ' ' |
        grep -oE 'LTE_API [^;]*;' | grep -oE 'lte_[a-z0-9_]+ *\(' | tr -d ' (' | sort
}

# Constants, structures and callback types of the public headers.
header_types() {
    sed 's,//.*,,' "$top_srcdir"/include/lte/*.h |
        grep -oE '\<LTE_(OK|ERR|DTYPE|LOG|DEVICE|ENCODE|DECODE|LOGITS)(_[A-Z0-9]+)*|lte_[a-z]+_fn\>' |
        sort -u
}

# Names that a manual page gives itself in its NAME section.
page_names() {
    sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([A-Za-z0-9_]*\).*/\1/p' "$1"
}

# Functions that the section 3 pages document, in NAME and in SYNOPSIS.
page_functions() {
    for page in "$top_srcdir"/man/*.3; do
        page_names "$page"
    done | grep '^lte_' | sort
}
synopsis_functions() {
    cat "$top_srcdir"/man/*.3 | sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' |
        sed -n 's/^\.Fn "*\(lte_[a-z0-9_]*\).*/\1/p; s/^\.Fo \(lte_[a-z0-9_]*\).*/\1/p' | sort
}

# same NAME LEFT RIGHT: one TAP line; says what only one of the two lists has.
n=0 failed=0
same() {
    n=$((n + 1))
    if test -n "$2" && test "$2" = "$3"; then
        echo "ok $n - $1"
        return
    fi
    echo "$2" >names.$$.left
    echo "$3" >names.$$.right
    comm -23 names.$$.left names.$$.right | sed 's/^/# only the first has /'
    comm -13 names.$$.left names.$$.right | sed 's/^/# only the second has /'
    rm -f names.$$.left names.$$.right
    echo "not ok $n - $1"
    failed=1
}
