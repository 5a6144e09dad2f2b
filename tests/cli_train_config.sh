#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What is wrong with a training configuration, or a file that it names, is said by name, before anything
# is written.
. "$top_srcdir/tests/cli_tap.sh"

tiny=$top_srcdir/tests/data/train
cp "$tiny/lte.json" "$work"
run tokenizer train --bytes --special '<|endoftext|>' -o "$work/t.json"
echo 'The quick brown fox jumps over the lazy dog.' >"$work/text"
output='"output": "new"'
model='"model": {"config": "lte.json", "tokenizer": "t.json"}'
steps='"train": {"steps": 1, "rows": 64}'
copy='"data": {"kind": "copy", "length": 32, "segment_longest": 8}'

# wrong PATTERN JSON: fails with a message that matches, and writes nothing.
wrong() {
    printf '%s' "$2" >"$work/c.json"
    run train "$work/c.json"
    [ -e "$work/new" ] && status=99
    fails 1 "$1" "$1"
}

# data PATTERN SOURCE, train PATTERN KEYS, model PATTERN MODEL, top PATTERN KEYS: one part of the
# configuration is wrong.
data() {
    wrong "$1" "{$output, $model, $steps, \"data\": $2}"
}
train() {
    wrong "$1" "{$output, $model, $copy, \"train\": {$2}}"
}
model() {
    wrong "$1" "{$output, \"model\": $2, $copy}"
}
top() {
    wrong "$1" "{$output, $model, $steps, $copy, $2}"
}

run train "$work/missing.json"
fails 1 'missing.json: ' 'a missing configuration'
run train "$work"
fails 1 "$work" 'a folder as configuration'
run train
fails 2 'CONFIG' 'no configuration'
wrong 'c.json: line 1, column [0-9]*: ' '{"output": '
wrong 'c.json: line 1, column [0-9]*: ' '{"output": "a", "output": "b"}'
wrong 'must be an object' '["output"]'
wrong 'output is missing' "{$model, $copy}"
wrong 'output must be text' "{\"output\": 3, $model, $copy}"
wrong 'data is missing' "{$output, $model}"
top 'setps is no key known here' '"setps": 3'
top 'seed must be a whole number in 0\.\.' '"seed": -1'
top 'seed must be a whole number' '"seed": 1.5'
top 'save_every must be a whole number in 1\.\.' '"save_every": 0'
wrong 'text: Not a directory' "{\"output\": \"text\", $model, $steps, $copy}"

model 'model.config is missing' '{}'
model 'model.config must be text' '{"config": 3}'
model 'model must be an object' '"lte.json"'
model 'none.json' '{"config": "none.json"}'
model 'none.json' '{"config": "lte.json", "tokenizer": "none.json"}'
model 'model.tokenizer cannot go with model.start' '{"start": "x", "tokenizer": "t.json"}'
model 'none' '{"start": "none"}'
model 'model.layers is no key' '{"config": "lte.json", "layers": 3}'
model 't.json' '{"config": "t.json"}'

train 'train.steps must be a whole number in 1\.\.' '"steps": 0'
train 'train.steps must be a whole number' '"steps": "many"'
train 'train.learning_rate must be a number in' '"learning_rate": -1'
train 'train.beta2 must be a number in' '"beta2": 1'
train 'train.router_rate must be a number in' '"router_rate": -1'
train 'train.router_steps must be a whole number' '"router_steps": 0.5'
train 'train.router_settle must be true or false' '"router_settle": 1'
train 'train.weights is "f16"; it may be f32, bf16' '"weights": "f16"'
train 'train.recompute must be true or false' '"recompute": 1'
train 'train.leraning_rate is no key' '"leraning_rate": 1'
train 'sequences of 32 tokens in micro-batches of 16' '"rows": 16'

data 'data.kind is missing' '{}'
data 'data.kind is "poem"; it may be text, mqar, copy, niah, mix, phases, turns' '{"kind": "poem"}'
data 'data.kind must be text' '{"kind": 1}'
data 'data must be an object' '[]'
data 'data.lenght is no key' '{"kind": "copy", "lenght": 32}'
data 'data.length must be a whole number in 2\.\.' '{"kind": "copy", "length": 1}'
data 'data.shortest must be a whole number in 2\.\.32' '{"kind": "copy", "length": 32, "shortest": 33}'
data '128 tokens.* 64\|128.*64' '{"kind": "copy", "length": 128}'
data '4 pairs take' '{"kind": "mqar", "vocabulary": 128, "length": 8}'
data 'vocabulary' '{"kind": "mqar", "vocabulary": 16, "length": 32, "pairs": 2}'
data 'data gives ids up to 8191, the model.s vocabulary ends at 259' '{"kind": "mqar", "length": 64}'
data 'data gives ids up to 305,' '{"kind": "copy", "first": 50, "length": 32}'
data 'data.variant must be a whole number in 1\.\.3' '{"kind": "niah", "variant": 4}'
data 'none' '{"kind": "niah", "variant": 2, "haystack": "none"}'
data 'data.sources must be a list' '{"kind": "mix"}'
data 'data.sources must be a list' '{"kind": "mix", "sources": {}}'
data 'data.sources\[1\].kind is missing' '{"kind": "mix", "sources": [{"kind": "copy", "length": 32}, {}]}'
data 'data.sources\[0\].weight must be a number' \
    '{"kind": "mix", "sources": [{"kind": "copy", "length": 32, "weight": "much"}]}'
data 'weight' '{"kind": "mix", "sources": [{"kind": "copy", "length": 32, "weight": -1}]}'
data 'data.phases must be a list' '{"kind": "phases", "phases": []}'
data 'data.phases\[0\].symbols must be' \
    '{"kind": "phases", "phases": [{"kind": "copy", "length": 32, "symbols": "x"}]}'
data 'data.phases\[0\].from must be a step' '{"kind": "phases", "phases": [{"kind": "copy", "from": -3}]}'
data 'phase' '{"kind": "phases", "phases": [{"kind": "copy", "length": 32, "from": 3}]}'
data 'data.sources must be a list' '{"kind": "turns"}'
data 'data.sources has 2 entries for 1 micro-batches' \
    '{"kind": "turns", "sources": [{"kind": "copy", "length": 32}, {"kind": "copy", "length": 32}]}'

# Token files.
data 'data.tokens must name a token file' '{"kind": "text"}'
data 'data.inputs must list .*tokens is not there' '{"kind": "text", "tokens": "tokens"}'
data 'none' '{"kind": "text", "tokens": "tokens", "inputs": ["none"], "length": 8}'
data 'data.inputs must be a list of texts' '{"kind": "text", "tokens": "tokens", "inputs": [1]}'
data 'nonsense' '{"kind": "text", "tokens": "tokens", "inputs": ["text"], "end": "nonsense"}'
printf 'caf\351 au lait' >"$work/latin1"
data 'latin1' '{"kind": "text", "tokens": "tokens", "inputs": ["latin1"], "length": 8}'
: >"$work/empty"
data 'no text' '{"kind": "text", "tokens": "tokens", "inputs": ["empty"], "length": 8}'
[ -e "$work/tokens" ] && status=1
[ $status -eq 1 ] && ! ls "$work" | grep -q '^tokens'
report $? 'none of them left a token file'
wrong 'needs a tokenizer' "{$output, \"model\": {\"config\": \"lte.json\"}, $steps,
    \"data\": {\"kind\": \"text\", \"tokens\": \"tokens\", \"inputs\": [\"text\"]}}"
printf '%s' "{$output, $model, $steps,
    \"data\": {\"kind\": \"text\", \"tokens\": \"tokens\", \"inputs\": [\"text\"], \"length\": 8}}" >"$work/c.json"
run train "$work/c.json" --check
[ $status -eq 0 ] && [ -s "$work/tokens" ]
report $? 'a good text gives one'
size=$(wc -c <"$work/tokens")
for bytes in 0 7 40 $((size - 1)); do
    head -c "$bytes" "$work/tokens" >"$work/cut"
    data "cut: " '{"kind": "text", "tokens": "cut", "length": 8}'
done
data 't.json: not a token file' '{"kind": "text", "tokens": "t.json", "length": 8}'
run tokenizer train --bpe 4096 --fewest 1 -o "$work/large.json" "$top_srcdir/README.md"
wrong 'data gives ids up to [0-9]*, the model.s vocabulary ends at 259' \
    "{$output, \"model\": {\"config\": \"lte.json\", \"tokenizer\": \"large.json\"}, $steps,
    \"data\": {\"kind\": \"text\", \"tokens\": \"wide\", \"inputs\": [\"text\"], \"length\": 8}}"

# Evaluations.
top 'evaluate must be a list' '"evaluate": {}'
top 'evaluate\[0\] must be an object' '"evaluate": [1]'
top 'evaluate\[0\].name must be a text' '"evaluate": [{}]'
top 'evaluate\[0\].name must be a text' '"evaluate": [{"name": "a\u0001b", "data": {"kind": "copy"}}]'
top 'evaluate\[0\].name is "training"' '"evaluate": [{"name": "training", "data": {"kind": "copy"}}]'
top 'evaluate\[1\].name is "a", which is taken' \
    '"evaluate": [{"name": "a", "data": {}}, {"name": "a", "data": {}}]'
top 'evaluate\[0\].data is missing' '"evaluate": [{"name": "a"}]'
top 'evaluate\[0\].data.kind is' '"evaluate": [{"name": "a", "data": {"kind": "x"}}]'
top 'a gives ids up to 8191' '"evaluate": [{"name": "a", "data": {"kind": "mqar", "length": 64}}]'

finish
