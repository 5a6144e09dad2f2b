#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes the shipped model lalte-needle, in an hour on one core. A run that was stopped goes on where it
# was.
#     bench/shipped/run.sh FOLDER [THREADS]
# FOLDER gets everything, the model as `lalte-needle`. The text is the King James Bible, as Debian's package
# bible-kjv prints it, a verse a line; or, if TEXT names a file, that one. LTE names the command (default: lte).
set -eu
lte=${LTE-lte}
here=$(cd "$(dirname "$0")" && pwd)
test $# -ge 1 || { echo "usage: $0 FOLDER [THREADS]" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
threads=${2-1}

# One block of a hundred lines in fifty is kept for evaluation.
divide() {
    awk -v held="$out/held.txt" -v rest="$out/text.txt" '
        BEGIN { printf "" >held; printf "" >rest }
        { print >(int(NR / 100) % 50 == 25 ? held : rest) }'
}

part() {
    sed -e "s#@OUT@#$out#g; s#@TOP@#$here#g" "$here/$1.json.in" >"$out/$1.json"
    "$lte" train "$out/$1.json" --resume -t "$threads" 2>"$out/$1.progress"
}

test -e "$out/text.txt" || if [ -n "${TEXT-}" ]; then
    divide <"$TEXT"
else
    bible -f gen1:1-rev22:21 | sed 's/^[^ ]* //' | divide
fi
test -e "$out/tokenizer.json" || "$lte" tokenizer train --bytes -o "$out/tokenizer.json"
part recall
part prose
"$lte" eval niah "$out/lalte-needle" --lengths 512,1024,2048,8192 --answer 9 -n 200 -t "$threads"
"$lte" eval mqar "$out/lalte-needle" --pairs 32 --lengths 254 --power 8 -n 200 -t "$threads"
"$lte" eval perplexity "$out/lalte-needle" -f "$out/held.txt" -t "$threads"
