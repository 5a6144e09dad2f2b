#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lte train: every kind of data; the same bits after any interruption; a full disk; what is wrong with a
# configuration.
. "$top_srcdir/tests/cli_tap.sh"

tiny=$top_srcdir/tests/data/train
json=$work/t.json
run tokenizer train --bytes --special '<|endoftext|>' -o "$json"
for i in 1 2 3 4 5 6 7 8 9; do
    echo "The quick brown fox number $i jumps over the lazy dog."
done >"$work/text"

mqar='{"kind": "mqar", "vocabulary": 128, "pairs": 4, "length": 32}'
copy='{"kind": "copy", "length": 32, "shortest": 16, "segment_longest": 8}'

# config FILE OUTPUT STEPS TRAIN DATA [MORE]: a run of the tiny model with learnable token eviction.
config() {
    cat >"$work/$1.json" <<END
{"# for": "a test", "output": "$2", "seed": 5, "log_every": 1, "save_every": 2$6,
 "model": {"config": "$tiny/lte.json", "tokenizer": "t.json"},
 "train": {"steps": $3, "rows": 64, "learning_rate": 0.01, "warmup_steps": 3$4},
 "data": $5}
END
}

# untimed LOG: without what a clock says.
untimed() {
    sed 's/"tokens_per_second":[^,]*,"seconds":[^,}]*,\{0,1\}//' "$work/$1/log.jsonl"
}

# same RUN RUN NAME: equal weights, optimizer, and log; nothing unfinished lies about.
same() {
    untimed "$1" >"$work/log1"
    untimed "$2" >"$work/log2"
    [ "$status" -eq 0 ] && cmp "$work/$1/model.safetensors" "$work/$2/model.safetensors" &&
        cmp "$work/$1/trainer.safetensors" "$work/$2/trainer.safetensors" &&
        cmp "$work/log1" "$work/log2" && ! ls "$work/$1" "$work/$2" | grep -q '\.tmp-\|\.new'
    report $? "$3"
}

# ok NAME: the last run ended well.
ok() {
    [ "$status" -eq 0 ]
    report $? "$1"
}

# --- Every kind of data, and what comes out

evaluate=", \"evaluate\": [{\"name\": \"<pairs> & more\", \"every\": 5, \"batches\": 2, \"data\": $mqar}]"
config whole whole 16 '' "{\"kind\": \"phases\", \"phases\": [$copy,
    {\"from\": 3, \"kind\": \"mqar\", \"vocabulary\": 128, \"pairs\": 4, \"length\": 32},
    {\"from\": 6, \"kind\": \"mix\", \"sources\": [{\"weight\": 3, \"kind\": \"text\", \"tokens\": \"tokens\",
        \"inputs\": [\"text\"], \"length\": 48}, $mqar]},
    {\"from\": 9, \"kind\": \"niah\", \"length\": 768, \"rows\": 768}]}" "$evaluate"
run train "$work/whole.json" -t 1
[ $status -eq 0 ] && ! [ -s "$out" ] && grep -q '^step 15  <pairs> & more: loss [0-9.]*, accuracy' "$err"
report $? 'copy, mqar, mix with text, niah, one after another'
for name in config.json tokenizer.json model.safetensors trainer.safetensors log.jsonl plot.svg; do
    [ -s "$work/whole/$name" ] || status=1
done
ok 'the folder has all that lte-train(5) lists'
run info "$work/whole"
prints '^ *1  lte ' 'lte info reads the folder'
run generate "$work/whole" -p 'The quick' -n 5 --ignore-eos --stats
grep -q 'generated: 5 tokens' "$err"
ok 'lte generate reads it'
run score "$work/whole" -f "$work/text"
prints '^perplexity' 'lte score reads it'
run eval mqar "$work/whole" --vocabulary 128 --lengths 32 -n 2
prints '^mqar 4 pairs in 32 tokens' 'lte eval reads it'
LTE_MODEL=$work/whole "$lte" score -f "$work/text" >"$work/score" 2>"$err"
run score "$work/whole" -f "$work/text" -t 2
gives "$work/score" 'the model is what any other is'

real='-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?'
heads="\{\"layer\":1,\"kept\":$real,\"lambda\":$real\}"
step="^\{\"step\":[0-9]+,\"loss\":$real,\"l1\":$real,\"accuracy\":$real,\"gradient_norm\":$real,"
step="$step\"learning_rate\":$real,\"tokens\":[0-9]+,\"skipped\":0,\"tokens_per_second\":$real,"
step="$step\"seconds\":$real,\"retention\":\[$heads\]\}\$"
other="^\{\"step\":[0-9]+,\"evaluation\":\"<pairs> & more\",\"loss\":$real,\"accuracy\":$real,\"targets\":[0-9]+\}\$"
[ "$(grep -cE "$step" "$work/whole/log.jsonl")" -eq 16 ] &&
    [ "$(grep -cE "$other" "$work/whole/log.jsonl")" -eq 4 ] &&
    [ "$(wc -l <"$work/whole/log.jsonl")" -eq 20 ]
report $? 'the log is JSON, a line a step and an evaluation'

# Tags nest, and nothing but text is between them: what is left of a line after its tags.
awk '{
    while (match($0, /<[^<>]*>/)) {
        tag = substr($0, RSTART + 1, RLENGTH - 2)
        $0 = substr($0, 1, RSTART - 1) " " substr($0, RSTART + RLENGTH)
        if (tag ~ /^\//) { if (substr(tag, 2) != open[depth--]) exit bad = 1 }
        else if (tag !~ /^[a-z]+( [a-zA-Z-]+="[^"&]*")*\/?$/) exit bad = 1
        else if (tag !~ /\/$/) { split(tag, word, " "); open[++depth] = word[1] }
    }
    gsub(/&(amp|lt|gt);/, "")
    if (/[<&]/) exit bad = 1
} END { exit bad || depth }' "$work/whole/plot.svg"
report $? 'the plot is well-formed XML'
for series in '>loss (nats' '>accuracy<' '>retained tokens' '>training<' '>&lt;pairs> &amp; more<' '>layer 1 head 0<'; do
    grep -q "$series" "$work/whole/plot.svg" || status=1
done
[ "$(grep -c 'fill="none".*d="M[0-9.L ]*"' "$work/whole/plot.svg")" -eq 5 ]
report $((status + $?)) 'the plot has its series'
if xmllint --version 2>/dev/null; then
    xmllint --noout "$work/whole/plot.svg"
    report $? 'xmllint says the same'
fi

# --- The same bits

data="{\"kind\": \"mix\", \"sources\": [$copy, $mqar, {\"kind\": \"text\", \"tokens\": \"tokens\", \"length\": 32}]}"
config one one 12 '' "$data" "$evaluate"
config two two 12 '' "$data" "$evaluate"
run train "$work/one.json" -t 1
run train "$work/two.json" -t 2
same one two 'one thread and two'
config three three 12 ', "recompute": true' "$data" "$evaluate"
run train "$work/three.json" -t 2
same one three 'recompute changes nothing'
config bf16 bf16 12 ', "weights": "bf16"' "$data" "$evaluate"
run train "$work/bf16.json" -t 2
[ $status -eq 0 ] && ! cmp -s "$work/one/model.safetensors" "$work/bf16/model.safetensors"
report $? 'bf16 weights'
run score "$work/bf16" -f "$work/text"
prints '^perplexity' 'a model trained with bf16 weights is read'
run train "$work/one.json" --resume
same one two 'a finished run stays what it is'
rm "$work/one/model.safetensors" "$work/one/plot.svg"
run train "$work/one.json" --resume
same one two 'a finished run whose last save was cut short is completed'

run train "$work/one.json"
fails 1 'holds a run already.*--resume' 'a run is not overwritten'

# The model is the run's own: a configuration that now says something else is no resumption.
# changed PATTERN SED: resumed with a config changed so, fails with a message that matches.
changed() {
    sed "$2" "$tiny/lte.json" >"$work/changed.json"
    sed "s|$tiny/lte.json|changed.json|" "$work/one.json" >"$work/other.json"
    run train "$work/other.json" --resume
    fails 1 "$1" "$1"
}
changed 'changed.json: attn.window_size is 12, but 16 in .*/one/config.json' \
    's/"window_size": 16/"window_size": 12/'
changed 'changed.json: conv_size is not there, but 4 in ' 's/"conv_size": 4,//'
changed 'changed.json: rope is true, but not there in ' 's/"norm_eps"/"rope": true, &/'
sed 's/1e-06/0.000001/; s/"norm_eps"/"#": "a comment", &/' "$tiny/lte.json" >"$work/changed.json"
run train "$work/other.json" --resume
same one two 'the same model, written differently'
sed 's/ *$/ /' "$json" >"$work/u.json"
sed 's|"t.json"|"u.json"|' "$work/one.json" >"$work/other.json"
run train "$work/other.json" --resume
fails 1 'u.json: is not the tokenizer' 'another tokenizer'

# Two processes and one folder.
config locked locked 100000000 '' "$data"
"$lte" train "$work/locked.json" -t 1 >"$work/first" 2>&1 </dev/null &
first=$!
turns=0
while ! [ -s "$work/locked/log.jsonl" ] && [ $turns -lt 300 ]; do
    sleep 0.1
    turns=$((turns + 1))
done
run train "$work/locked.json" --resume
fails 1 "locked: process $first trains into it" 'a folder has one process'
run train "$work/locked.json" --resume --check
ok 'which --check does not mind'
kill -9 $first
wait $first 2>/dev/null
sed 's/100000000/1/' "$work/locked.json" >"$work/unlocked.json"
run train "$work/unlocked.json" --resume
ok 'the lock goes with the process'

cp -R "$work/one" "$work/model"
rm "$work/model/trainer.safetensors"
config model model 2 '' "$copy"
run train "$work/model.json" --resume
fails 1 'model: holds a model' 'a model without a run is not overwritten'
cmp -s "$work/model/model.safetensors" "$work/one/model.safetensors"
report $? 'and is as it was'

# Killed at any moment: every other step saves, so that many of the moments are within a save.
config steady steady 40 '' "$data" "$evaluate"
config killed killed 40 '' "$data" "$evaluate"
run train "$work/steady.json" -t 1
kills=0
for moment in 05 20 07 09 12 06 15 08 11 07 14 10; do
    "$lte" train "$work/killed.json" -t 1 --resume >"$out" 2>"$err" </dev/null &
    sleep 0.$moment
    kill -9 $! 2>/dev/null && kills=$((kills + 1))
    wait $! 2>/dev/null
    ! [ -f "$work/killed/model.safetensors" ] || "$lte" info "$work/killed" >"$out" 2>"$err" || status=1
done 2>/dev/null
echo "# killed $kills times, then: $(tail -n 1 "$work/killed/log.jsonl" 2>/dev/null | cut -c 1-12)"
ok 'after kill -9 the model that is there loads'
run train "$work/killed.json" --resume -t 1
same steady killed 'killed and resumed is the same as uninterrupted'

# Killed by the system in the middle of the largest file, and with a disk that is full there.
config half full 8 '' "$data"
config full full 16 '' "$data"
config room room 8 '' "$data"
run train "$work/half.json"
run train "$work/room.json"
sed 's/"steps": 8/"steps": 16/' "$work/room.json" >"$work/more.json"
run train "$work/more.json" --resume
cp -R "$work/full" "$work/before"
(ulimit -f 200 && exec "$lte" train "$work/full.json" --resume) >"$out" 2>"$err" </dev/null
status=$?
[ $status -gt 128 ] && cmp -s "$work/full/model.safetensors" "$work/before/model.safetensors" &&
    cmp -s "$work/full/trainer.safetensors" "$work/before/trainer.safetensors" &&
    ls "$work/full" | grep -q 'trainer.safetensors.tmp'
report $? 'killed in the middle of a file'
(trap '' XFSZ && ulimit -f 200 && exec "$lte" train "$work/full.json" --resume) >"$out" 2>"$err" </dev/null
status=$?
fails 1 'full/trainer.safetensors' 'a full disk is an error that names the file'
cmp -s "$work/full/model.safetensors" "$work/before/model.safetensors" &&
    cmp -s "$work/full/trainer.safetensors" "$work/before/trainer.safetensors" &&
    ! ls "$work/full" | grep -q '\.tmp-\|\.new'
report $? 'the checkpoint before is untouched, and nothing unfinished is left'
cp "$work/full/log.jsonl" "$work/log"
(trap '' XFSZ && ulimit -f 1 && exec "$lte" train "$work/full.json" --resume) >"$out" 2>"$err" </dev/null
status=$?
cmp -s "$work/log" "$work/full/log.jsonl"
report $? 'nor is the log lost when it cannot be rewritten'
fails 1 'full/log.jsonl.new' 'which is an error'
run train "$work/full.json" --resume
same full room 'with room again the run goes on to the same end'

# Ctrl-C. A shell's background jobs ignore SIGINT, so timeout sends it.
if env --default-signal=INT timeout --preserve-status -s INT 9 true 2>/dev/null; then
    config long long 100000000 '' "$data"
    env --default-signal=INT timeout --preserve-status -s INT $patience \
        "$lte" train "$work/long.json" >"$out" 2>"$err" </dev/null
    status=$?
    step=$(sed -n 's/^lte: stopped after step \([0-9]*\); --resume goes on$/\1/p' "$err")
    [ $status -eq 130 ] && [ "$step" -gt 0 ]
    report $? 'Ctrl-C: 130 and the step'
    sed 's/100000000/1/' "$work/long.json" >"$work/short.json"
    run train "$work/short.json" --resume
    [ $status -eq 0 ] && grep -q "^lte: going on after step $step\$" "$err"
    report $? 'it was saved'
else
    skip 'Ctrl-C' 'env and timeout cannot send SIGINT here'
fi

# --- Beginning with a checkpoint

sed "s|$tiny/lte.json|$tiny/window.json|; s|\"one\"|\"window\"|" "$work/one.json" >"$work/window.json"
run train "$work/window.json"
config router router 4 '' "$data"
sed 's|"tokenizer": "t.json"|"start": "window"|' "$work/router.json" >"$work/start.json"
run train "$work/start.json"
ok 'window attention goes on as learnable token eviction: its scorers are drawn'
[ -f "$work/router/tokenizer.json" ] && "$lte" info "$work/router" >"$out" 2>"$err" && grep -q '^ *1  lte ' "$out"
report $? 'with the tokenizer of the checkpoint'
sed "s|$tiny/lte.json|$tiny/gdn.json|; s|\"one\"|\"gdn\"|" "$work/one.json" >"$work/gdn.json"
run train "$work/gdn.json"
sed 's|"start": "window"|"start": "gdn"|; s|"router"|"none"|' "$work/start.json" >"$work/none.json"
run train "$work/none.json"
fails 1 'model.layers.1.attn' 'anything else that is missing is an error'
! [ -e "$work/none" ]
report $? 'and nothing is written'

config nan nan 6 ', "clip": 0, "learning_rate": 1000' "$copy"
sed -i.bak 's/"learning_rate": 0.01, //' "$work/nan.json"
run train "$work/nan.json"
[ $status -eq 0 ] && grep -q 'warning: .*step [2-6]: the gradient is not finite' "$err" &&
    grep -q '"gradient_norm":null,' "$work/nan/log.jsonl" &&
    grep -q '^{"step":6,.*"skipped":[1-5],' "$work/nan/log.jsonl"
report $? 'steps that are not finite are skipped, counted, and null in the log'

run train "$work/one.json" --resume --check
[ $status -eq 0 ] && grep -q '^lte: hybrid_gated_deltanet, [0-9]* parameters; .* MiB$' "$err"
report $? '--check says what the run takes'
config fresh fresh 4 '' "$copy"
run train "$work/fresh.json" --check
[ $status -eq 0 ] && ! [ -e "$work/fresh" ]
report $? '--check writes nothing'

finish
