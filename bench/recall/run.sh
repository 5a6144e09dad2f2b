#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Trains the four models of the recall table and prints it: a quarter of an hour to three quarters, on two cores. A run
# that was stopped goes on where it was.
#     bench/recall/run.sh FOLDER [THREADS]
# FOLDER gets the checkpoints, logs and plots, and the table as table.md. Two models train at a time, so
# THREADS (default: one per core) are halved. LTE names the command (default: lte).
set -eu
lte=${LTE-lte}
here=$(cd "$(dirname "$0")" && pwd)
test $# -ge 1 || { echo "usage: $0 FOLDER [THREADS]" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
threads=${2-$(nproc)}
each=$(((threads + 1) / 2))

# first MODEL CONFIG: from fresh weights. second MODEL CONFIG START: goes on from another's last step.
first() {
    sed -e "s#@OUT@#$out#g; s#@TOP@#$here#g; s#@MODEL@#$1#g; s#@CONFIG@#$2#g" \
        "$here/first.json.in" >"$out/$1.json"
    "$lte" train "$out/$1.json" --resume -t "$each" 2>"$out/$1.progress"
}
second() {
    sed -e "s#@OUT@#$out#g; s#@TOP@#$here#g; s#@MODEL@#$1#g; s#@CONFIG@#$2#g; s#@START@#$3#g" \
        "$here/second.json.in" >"$out/$1.json"
    "$lte" train "$out/$1.json" --resume -t "$each" 2>"$out/$1.progress"
}

# One line of the table: percent recalled as the model streams, with the 95 % interval, and bytes of state.
row() {
    printf '| %s ' "$2"
    for task in "mqar --pairs 4 --lengths 64" "mqar --pairs 16 --lengths 254 --power 1" \
        "mqar --pairs 32 --lengths 254 --power 1" "mqar --pairs 32 --lengths 254 --power 8" \
        "niah --lengths 640 --answer 9 --depth 100" "niah --lengths 640 --answer 9" \
        "niah --lengths 1152 --answer 9"; do
        # shellcheck disable=SC2086
        "$lte" eval $task "$out/$1" -n 200 -t "$threads" >"$out/result"
        awk 'NR == 2 { printf "| %.1f (%.1f-%.1f) ", 100 * $(NF - 3), 100 * $(NF - 2), 100 * $(NF - 1) }' \
            "$out/result"
    done
    awk '/^state/ { printf "| %d |\n", $2 }' "$out/result"
}

table() {
    cat <<'END'
| model | 4 pairs in 64 | 16 in 254 | 32 in 254 | 32 in 254, asked last | needle in 512, at the end | anywhere | anywhere in 1,024 | bytes of state |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
END
    row gdn "GDN"
    row window "GDN + window"
    row lte "GDN + LTE"
    row full "GDN + full"
}

test -e "$out/tokenizer.json" || "$lte" tokenizer train --bytes -o "$out/tokenizer.json"
(
    first full1 full
    second lte lte full1
    second full full full1
) &
others=$!
(
    first gdn1 gdn
    second gdn gdn gdn1
    first window1 short
    second window window window1
)
wait $others
table | tee "$out/table.md"
