#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lte eval: every task on the shipped model and on one that has just learnt to recall pairs.
. "$top_srcdir/tests/cli_tap.sh"

# table ROWS NAME: ROWS results, each within its interval, and the bytes of state.
table() {
    [ "$status" -eq 0 ] && awk -v rows="$1" '
        NR == 1 { if (!/^task  *(accuracy|perplexity)  *95 % interval  *samples$/) exit bad = 1; next }
        /^state [1-9][0-9]* bytes a sequence$/ { states++; next }
        { n++; if (!($(NF - 3) >= $(NF - 2) && $(NF - 3) <= $(NF - 1) && $NF > 0)) exit bad = 1 }
        END { exit bad || n != rows || states != 1 }' "$out"
    report $? "$2"
}

# json TASK ROWS NAME: the same as JSON.
json() {
    one='\{"name":"[^"\\]*","(accuracy|perplexity)":[0-9.e+-]+,"low":[0-9.e+-]+,"high":[0-9.e+-]+,"samples":[0-9]+\}'
    tr -d '\n' <"$out" | sed 's/": /":/g; s/  *\([]{}"[]\)/\1/g' |
        grep -qE "^\{\"task\":\"$1\",\"model\":\"[^\"\\\\]*\",\"state_bytes\":[0-9]+,\"results\":\[$one(,$one){$(($2 - 1))}\]\}\$" &&
        tr -d ' ,"' <"$out" | awk -F: '
            $1 == "accuracy" || $1 == "perplexity" { value = $2 }
            $1 == "low" { low = $2 }
            $1 == "high" { n++; if (!(low + 0 <= value + 0 && value + 0 <= $2 + 0)) exit bad = 1 }
            END { exit bad || !n }'
    result=$?
    [ "$status" -eq 0 ] && [ $result -eq 0 ]
    report $? "$3"
}

# --- The shipped model; a byte is a token to it

LTE_MODEL=$top_srcdir/data/lalte-needle
text=$work/text
head -c 269 "$data/case3.prompt" >"$text"
run score -f "$text" -t 1
want=$(awk '$1 == "perplexity" { print $2 }' "$out")
run eval perplexity -f "$text"
[ -n "$want" ] && grep -q "^blocks of 2048 tokens  *$want  " "$out"
report $? 'perplexity of one block is that of lte score'
table 1 'perplexity: a table'
run eval perplexity -f "$text" --lengths 100,1000 --bucket 64 -t 1
table 9 'perplexity in blocks and by place: blocks of 2 and of 5 buckets, each of all'
# 269 tokens in blocks of 100 have 99 + 99 + 68 targets
[ "$(awk '/^blocks of 100 / { print $NF }' "$out")" -eq 266 ] &&
    [ "$(awk '/^tokens/ { n += $NF } END { print n }' "$out")" -eq $((266 + 268)) ]
report $? 'and counts every token but the first of a block'
run eval perplexity -f "$text" --lengths 100 -n 2
[ "$(awk '/^blocks/ { print $NF }' "$out")" -eq 198 ]
report $? '-n takes as many blocks'
run eval perplexity -f "$text" --lengths 100,200 --json
json perplexity 2 'perplexity as JSON'

run eval niah --lengths 512,640 -n 1 --answer 4
table 2 'niah: a table'
run eval niah --lengths 512 -n 2 --answer 4 --json
json niah 1 'niah as JSON'
run eval niah --variant 2 -f "$data/case3.prompt" --lengths 512 -n 1 --answer 4 --depth 50
prints '^niah_single_2 at 512 tokens ' 'niah in a text'
run eval mqar --lengths 32,64 -n 2
table 2 'mqar: a table'
run eval mqar --lengths 32 -n 2 --json
json mqar 1 'mqar as JSON'

cat >"$work/cloze" <<'END'
{"text": "In the beginning", "value": "of the YEAR"}
{"text": " In the beginning\n", "value": " hosts was found ", "id": 3}

{"text": "In the beginning", "value": "said unto Satan"}
{"text": "Call me Ishmael. Some years ago", "value": "my predecessor"}
END
run eval cloze lalte-tiny -f "$work/cloze"
table 1 'cloze: a table'
[ "$(awk '/^contains/ { print $2, $NF }' "$out")" = '0.7500 4' ]
report $? 'right, with other letters and blanks, right, beyond the line, right'
run eval cloze lalte-tiny -f "$work/cloze" -n 2 --json
json cloze 1 'cloze as JSON'
grep -q '"accuracy": 1.0' "$out" && grep -q '"samples": 2' "$out"
report $? '-n takes as many documents'
run eval cloze lalte-tiny -f "$work/cloze" --answer 2
[ "$(awk '/^contains/ { print $2 }' "$out")" = '0.0000' ]
report $? 'no answer in two tokens'

# broken LINE PATTERN: the second line of a file, said by its number.
broken() {
    { echo '{"text": "In the beginning", "value": "of"}' && printf '%s\n' "$1"; } >"$work/broken"
    run eval cloze -f "$work/broken"
    fails 1 "broken: line 2: .*$2" "a line of $1"
}
broken '{"text": "In the' ''
broken 'In the beginning' ''
broken '["In the beginning", "of"]' 'needs the texts "text" and "value"'
broken '{"text": "In the beginning"}' 'needs'
broken '{"text": "In the beginning", "value": 3}' 'needs'
broken '{"text": "In the beginning", "value": " "}' 'empty'
broken '{"text": "", "value": "of"}' 'empty'
: >"$work/empty"
run eval cloze -f "$work/empty"
fails 1 'empty: holds no document' 'a file without a document'
run eval cloze -f "$work"
fails 1 "$work" 'a folder'

# --- A model that has just learnt

cat >"$work/c.json" <<END
{"output": "learnt", "seed": 1, "save_every": 1000,
 "model": {"config": "config.json"},
 "train": {"steps": 300, "rows": 256, "learning_rate": 0.01, "warmup_steps": 10},
 "data": {"kind": "mqar", "vocabulary": 16, "pairs": 2, "length": 10}}
END
sed 's/"dropout_prob": 0.1/"dropout_prob": 0.0/' "$top_srcdir/tests/data/train/lte.json" >"$work/config.json"
run train "$work/c.json"
run eval mqar "$work/learnt" --vocabulary 16 --pairs 2 --lengths 10 -n 200 -t 1
awk '/^mqar 2 pairs in 10 tokens/ { exit !($(NF - 3) > 0.9 && $NF == 400) }' "$out"
report $? 'what was learnt is seen: over 90 %'
table 1 'with its interval'
cp "$out" "$work/one"
run eval mqar "$work/learnt" --vocabulary 16 --pairs 2 --lengths 10 -n 200 -t 2
gives "$work/one" 'the same with two threads'
# What one that has learnt half of it gets right is left to the samples: not the same at four lengths.
sed 's/"learnt"/"half"/; s/"steps": 300/"steps": 40/' "$work/c.json" >"$work/half.json"
run train "$work/half.json"
run eval mqar "$work/half" --vocabulary 16 --pairs 2 --lengths 8,10,12,14 -n 200
cp "$out" "$work/one"
run eval mqar "$work/half" --vocabulary 16 --pairs 2 --lengths 8,10,12,14 -n 200 --seed 7
[ $status -eq 0 ] && ! cmp -s "$out" "$work/one"
report $? 'another seed, other samples'
run eval mqar "$work/learnt" --vocabulary 16 --pairs 2 --lengths 10 -n 200 --json
json mqar 1 'as JSON'
run eval perplexity "$work/learnt" -f "$data/case0.prompt"
fails 1 'no tokenizer.json' 'a text needs a tokenizer'
run eval niah "$work/learnt"
fails 1 'no tokenizer.json' 'so does a needle'

# --- Mistakes

run eval
fails 2 'TASK' 'no task'
run eval poetry
fails 2 'no task "poetry"' 'an unknown task is named'
run eval perplexity
fails 2 'needs a text' 'perplexity without a text'
run eval cloze
fails 2 'JSON lines' 'cloze without a file'
for lengths in '' 1 0x10 '16,,32' '16;32' 99999999999999999999 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17; do
    run eval mqar --lengths "$lengths"
    fails 2 '--lengths' "--lengths '$lengths'"
done
run eval mqar --vocabulary 5000
fails 2 '--vocabulary 5000' 'more ids than the model has'
run eval mqar --pairs 100 --lengths 16
fails 1 'mqar' 'more pairs than fit'
run eval niah --variant 4
fails 2 'variant' 'an unknown variant'
run eval niah --variant 2 --lengths 512
fails 1 'haystack' 'a text haystack without a text'
run eval niah --lengths 64
fails 1 'niah' 'too short for a needle'
run eval niah --depth 101
fails 2 'depth' 'a depth beyond the end'
run eval perplexity -f "$work/none"
fails 1 'none' 'a missing text'
run eval perplexity -f "$work/empty"
fails 1 'fewer than 2 tokens' 'an empty text'
run eval mqar "$work/none"
fails 1 'none' 'a missing model'

finish
