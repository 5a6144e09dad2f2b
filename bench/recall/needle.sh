#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes the shipped model lalte-needle: the LTE model of the recall table, which run.sh left in FOLDER, goes
# on with longer haystacks. A run that was stopped goes on where it was.
#     bench/recall/needle.sh FOLDER [THREADS]
# FOLDER gets the model as `needle`. LTE names the command (default: lte).
set -eu
lte=${LTE-lte}
here=$(cd "$(dirname "$0")" && pwd)
test $# -ge 1 || { echo "usage: $0 FOLDER [THREADS]" >&2; exit 2; }
out=$(cd "$1" && pwd)
threads=${2-$(nproc)}
sed -e "s#@OUT@#$out#g; s#@TOP@#$here#g" "$here/needle.json.in" >"$out/needle-run.json"
"$lte" train "$out/needle-run.json" --resume -t "$threads"
"$lte" eval niah "$out/needle" --lengths 512,1024,2048,8192 --answer 9 -n 200 -t "$threads"
"$lte" eval mqar "$out/needle" --pairs 32 --lengths 254 --power 8 -n 200 -t "$threads"
