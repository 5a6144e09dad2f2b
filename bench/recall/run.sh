#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Trains the four models of the recall table and prints it. About half an hour of two cores; a run that
# was stopped goes on where it was.
#     bench/recall/run.sh FOLDER [THREADS]
# FOLDER gets the checkpoints, logs and plots. LTE names the command (default: lte).
set -eu
lte=${LTE-lte}
here=$(cd "$(dirname "$0")" && pwd)
test $# -ge 1 || { echo "usage: $0 FOLDER [THREADS]" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
threads=${2-$(nproc)}

# One line of the table: what the model recalls as it streams, and the most bytes of state that it took.
row() {
    printf '| %s ' "$2"
    for task in "mqar --pairs 4 --lengths 64" "mqar --pairs 16 --lengths 254 --power 1" \
        "mqar --pairs 32 --lengths 254 --power 1" "niah --lengths 640 --answer 9 --depth 100" \
        "niah --lengths 640 --answer 9" "niah --lengths 1152 --answer 9"; do
        # shellcheck disable=SC2086
        "$lte" eval $task "$out/$1" -n 200 -t "$threads" >"$out/result"
        awk 'NR == 2 { for (i = 1; i <= NF; i++)
            if ($i ~ /^[01]\.[0-9]+$/) { printf "| %.1f ", 100 * $i; exit } }' "$out/result"
    done
    awk '/^state/ { printf "| %d |\n", $2 }' "$out/result"
}

test -e "$out/tokenizer.json" || "$lte" tokenizer train --bytes -o "$out/tokenizer.json"
# Retention is not stable to the end of the schedule (README.md): the LTE model is that of step 2,200.
for model in gdn window lte full; do
    sed -e "s#@OUT@#$out#g; s#@TOP@#$here#g; s#@MODEL@#$model#g" "$here/train.json.in" \
        >"$out/$model.json"
    test $model = lte && until=2200 || until=2400
    "$lte" train "$out/$model.json" --resume --until $until -t "$threads"
done

cat <<'END'
| model | 4 pairs in 64 | 16 in 254 | 32 in 254 | needle in 512, at the end | anywhere | anywhere in 1,024 | bytes of state |
| --- | --- | --- | --- | --- | --- | --- | --- |
END
row gdn "GDN"
row window "GDN + window"
row lte "GDN + LTE"
row full "GDN + full"
