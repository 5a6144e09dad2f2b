#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lte score, info and bench with the shipped model; lte init.
. "$top_srcdir/tests/cli_tap.sh"

# scores CASE TOKENS NLL: within 1e-4 of the mean of the recorded caseN.nll.
scores() {
    run score -f "$data/case$1.prompt"
    awk -v tokens="$2" -v want="$3" '
        $1 == "tokens" { t = $2 == tokens }
        $1 == "scored" { s = $2 == tokens - 1 }
        $1 == "nll" { nll = $2; six = $2 ~ /^[0-9]+\.[0-9][0-9][0-9][0-9][0-9][0-9]$/ }
        $1 == "perplexity" { p = $2 - exp(nll) }
        END { d = nll - want; exit !(t && s && six && d * d < 1e-8 && p * p < 1e-6) }' "$out"
    report $? "score of prompt $1"
}
scores 0 3 3.0400394
scores 1 12 4.1757262
scores 2 18 1.4144453
scores 3 269 1.6389432
"$lte" score -f - <"$data/case1.prompt" >"$work/stdin" 2>"$err"
run score -p "$(cat "$data/case1.prompt")"
gives "$work/stdin" 'score of -p and of standard input'
run score -p In
fails 1 'at least 2' 'one token cannot be scored'

run info
for pattern in '^family  *hybrid_gated_deltanet$' '^vocabulary  *4096, 4096 of them' \
    '^ *0  gdn ' '^ *5  lte .* 65  *64  *4  *0$' '^  lte  *3 slots' '^  state  *6 slots .*, constant$'; do
    prints "$pattern" "info: $pattern"
done
! grep -q 'not finite' "$out"
report $? 'info: the weights are finite'
state=$(awk '$1 == "state" { print $4 }' "$out")
run generate -p x -n 1 --stats
grep -q "state: $state bytes, constant" "$err"
report $? 'generate --stats tells the state that info tells'

run bench --json --prefill 8 --decode 4 --repeat 3 --at 0,20 -t 1
[ "$(wc -l <"$out")" -eq 1 ]
prints '^{"model":".*"peak_rss_bytes":[1-9].*"position":20,"prefill_tokens_per_s":[0-9.]*,"decode_tokens_per_s":[0-9.]*}]}$' \
    'bench --json is one line'
grep -q "\"state_bytes\":$state," "$out"
report $? 'bench --json tells the state'
run bench --prefill 8 --decode 4 --repeat 2
prints '^  *0  *[0-9.]*  *[0-9.]*$' 'bench prints a row for its position'

small=$work/small
sed -e 's/"num_hidden_layers": 6/"num_hidden_layers": 2/' -e 's/"layers": \[/"layers": [1], "unused": [/' \
    -e 's/"hidden_size": 256/"hidden_size": 64/' -e 's/"head_dim": 64/"head_dim": 16/' \
    "$top_srcdir/data/lalte-tiny/config.json" |
    tr -d '\n' | sed 's/"unused": \[[^]]*\],//' >"$work/config.json"
run init "$work/config.json" "$small" --seed 3 --dtype bf16
[ $status -eq 0 ] && ! [ -s "$out" ] && ! [ -s "$err" ]
report $? 'init'
run init "$work/config.json" "$work/again" --seed 3 --dtype bf16
cmp -s "$small/model.safetensors" "$work/again/model.safetensors"
report $? 'init: the same seed gives the same bytes'
run init "$work/config.json" "$work/other" --seed 4 --dtype bf16
[ $status -eq 0 ] && ! cmp -s "$small/model.safetensors" "$work/other/model.safetensors"
report $? 'init: another seed gives other weights'
run init "$work/config.json" "$small" --seed 9
fails 1 "$small" 'init does not overwrite a model'
run init "$work/missing.json" "$work/new"
fails 1 'missing.json' 'init with a missing configuration'
run info "$small"
prints '^layers  *2, run 1 times' 'info of a new model'
run generate "$small" -p x
fails 1 "$small has no tokenizer.json" 'generate without a tokenizer says what to do'
cp "$top_srcdir/data/lalte-tiny/tokenizer.json" "$small" && chmod u+w "$small/tokenizer.json"
run generate "$small" -p 'In the beginning' -n 5 --ignore-eos --stats
grep -q 'generated: 5 tokens' "$err"
prints . 'generate with a new model'
printf "{" >"$small/config.json"
run info "$small"
fails 1 "$small/config.json" 'a broken configuration is named'

finish
