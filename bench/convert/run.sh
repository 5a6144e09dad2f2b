#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Trains a small looped transformer, makes a hybrid of it, distils that, and prints what is lost and gained on
# the way. A run that was stopped goes on where it was.
#     bench/convert/run.sh FOLDER [THREADS]
# FOLDER gets the checkpoints, logs and plots. LTE names the command (default: lte).
set -eu
lte=${LTE-lte}
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
test $# -ge 1 || { echo "usage: $0 FOLDER [THREADS]" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
threads=${2-$(nproc)}

# train NAME STEPS RATE FINAL EXTRA: a run on pairs, copies and text.
train() {
    cat >"$out/$1.json" <<END
{"output": "$out/$1", "seed": 1, $5,
 "train": {"steps": $2, "rows": 1024, "learning_rate": $3, "final_rate": $4, "warmup_steps": 30},
 "log_every": 50, "save_every": 200,
 "data": {"kind": "mix", "sources": [
  {"kind": "mqar", "vocabulary": 256, "pairs": 4, "fewest": 2, "length": 64, "weight": 3},
  {"kind": "copy", "symbols": 250, "length": 64, "segment_shortest": 4, "segment_longest": 16},
  {"kind": "text", "tokens": "$out/text.tokens", "inputs": ["$out/text"], "length": 128}]}}
END
    "$lte" train "$out/$1.json" --resume -t "$threads" >/dev/null
}

eval_mqar() { # MODEL PAIRS
    "$lte" eval mqar "$out/$1" --vocabulary 256 --pairs "$2" --lengths 64 -n 300 -t "$threads" |
        awk 'NR == 2 { for (i = 1; i <= NF; i++)
            if ($i ~ /^[01]\.[0-9]+$/) { printf "| %.1f ", 100 * $i; exit } }'
}
eval_text() {
    "$lte" eval perplexity "$out/$1" --file "$out/held-out" --lengths 128 -t "$threads" |
        awk 'NR == 2 { for (i = 1; i <= NF; i++)
            if ($i ~ /^[0-9]+\.[0-9]+$/) { printf "| %.2f ", $i; exit } }'
}
quality() { # MODEL TITLE
    printf '| %s ' "$2"
    eval_mqar "$1" 2
    eval_mqar "$1" 4
    eval_text "$1"
    echo '|'
}
speed() { # MODEL TITLE
    for at in 1024 8192 32768; do
        "$lte" bench "$out/$1" --at $at --prefill 16 -n 64 -r 3 -t "$threads" --json |
            sed "s/.*\"state_bytes\": *\([0-9]*\).*\"decode_tokens_per_s\": *\([0-9]*\).*/| $2 | $at | \1 | \2 |/"
    done
}

test -e "$out/tokenizer.json" || "$lte" tokenizer train --bytes -o "$out/tokenizer.json"
cat "$top"/man/lte_*.3 "$top"/man/lte.1 "$top"/README.md >"$out/text"
cat "$top"/man/lte.7 >"$out/held-out"

train teacher 800 0.003 0.1 \
    "\"model\": {\"config\": \"$here/ouro.json\", \"tokenizer\": \"$out/tokenizer.json\"}"
test -e "$out/converted" || "$lte" convert --hybrid 3:1 "$out/teacher" "$out/converted"
train aligned 150 0.002 0.1 "\"model\": {\"start\": \"$out/converted\"},
 \"distill\": {\"teacher\": \"$out/teacher\", \"stage\": \"layers\"}"
train distilled 250 0.002 0.1 "\"model\": {\"start\": \"$out/aligned\"},
 \"distill\": {\"teacher\": \"$out/teacher\", \"stage\": \"logits\"}"

cat <<'END'
| model | 2 pairs in 64, % | 4 in 64, % | perplexity of held-out bytes |
| --- | --- | --- | --- |
END
quality teacher "teacher: 4 layers of full attention, twice"
quality converted "converted, 3 Gated DeltaNet to 1 full"
quality aligned "after stage 1, layers"
quality distilled "after stage 2, logits"
cat <<'END'

| model | position | bytes of state | tokens per second |
| --- | --- | --- | --- |
END
speed teacher "teacher"
speed distilled "hybrid"
