#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lte.1 describes exactly the options that the command's own --help lists.
. "$top_srcdir/tests/names.sh"
helped=$(for command in generate score info bench init convert train eval \
    'tokenizer train' 'tokenizer encode' 'tokenizer decode'; do
    "$top_builddir/libtool" --mode=execute $EMULATOR "$top_builddir/lte" $command --help
done | grep -oE '^ +(-[a-z], )?--[a-z-]+' | sed 's/.*--//' | sort -u)
described=$(grep -oE 'Fl -[a-z-]+' "$top_srcdir/man/lte.1" | sed 's/Fl -//' | grep -vx version | sort -u)
same '--help and lte.1 have the same options' "$helped" "$described"
echo "1..$n"
exit $failed
