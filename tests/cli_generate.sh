#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lte generate with the shipped model: the recorded continuations, whatever the threads and kernels;
# seeds.
. "$top_srcdir/tests/cli_tap.sh"

# One thread wherever threads are not the point: quicker for a model this small.
for case in 0 1 2 3; do
    run generate -t 1 -f "$data/case$case.prompt" --temp 0 -n 48
    gives "$data/case$case.greedy" "recorded continuation of prompt $case"
done
run generate -t 1 -p "$(cat "$data/case1.prompt")" --temp 0 -n 48
gives "$data/case1.greedy" '-p is the same as -f'
"$lte" generate -t 1 -f - -n 48 <"$data/case1.prompt" >"$out" 2>"$err"
status=$?
gives "$data/case1.greedy" '-f - is standard input'
run generate -t 1 -n 48 "$top_srcdir/data/lalte-tiny" -f "$data/case1.prompt"
gives "$data/case1.greedy" 'the model named between options'
run generate -t 1 -n 48 lalte-tiny -f "$data/case1.prompt"
gives "$data/case1.greedy" 'the shipped model of that name'
# A prompt of 269 tokens again and again; where that is slow, one of 18.
again=$data/case3
! is_slow || again=$data/case2
for batch in 1 7; do
    run generate -f "$again.prompt" -n 48 -t 1 --batch $batch
    gives "$again.greedy" "a prompt in pieces of $batch"
done

sampled() {
    "$lte" generate -f "$data/case1.prompt" -n 60 --temp 0.9 --top-k 50 --top-p 0.95 --min-p 0.02 \
        --repeat-penalty 1.1 "$@" 2>"$err"
}
sampled --seed 7 -t 1 >"$work/seven"
for threads in 1 2; do
    run generate -f "$again.prompt" -n 48 -t $threads
    gives "$again.greedy" "greedy with $threads threads"
    sampled --seed 7 -t $threads >"$out"
    status=$?
    gives "$work/seven" "seed 7 with $threads threads"
done
sampled --seed 8 -t 1 >"$out"
status=$?
[ $status -eq 0 ] && ! cmp -s "$out" "$work/seven"
report $? 'another seed gives another text'

levels=0
for level in ref avx2 avx512 neon; do
    run generate -f "$data/case1.prompt" -n 48 -t 1 --cpu $level
    if [ $status -eq 2 ]; then
        skip "--cpu $level" 'this machine does not have it'
        continue
    fi
    levels=$((levels + 1))
    gives "$data/case1.greedy" "--cpu $level"
    LTE_CPU=$level "$lte" generate -f "$again.prompt" -n 48 -t 1 >"$out" 2>"$err"
    status=$?
    gives "$again.greedy" "LTE_CPU=$level"
done
[ $levels -ge 1 ]
report $? 'at least one kernel level runs'

for kv in bf16 f16; do
    run generate -f "$data/case0.prompt" -n 8 --kv $kv
    prints . "--kv $kv"
done
run generate -p 'In the beginning' -n 0
gives /dev/null '-n 0 prints nothing'

run generate -f "$data/case1.prompt" -n 48 -t 1 --stats
gives "$data/case1.greedy" '--stats leaves standard output alone'
[ "$(grep -c . "$err")" -eq 1 ] && grep -q \
    '^prompt: 12 tokens, [0-9.]* tokens/s; generated: 48 tokens, [0-9.]* tokens/s; state: [0-9]* bytes, constant ([0-9]* in full attention caches)$' \
    "$err"
report $? '--stats prints one line'
"$lte" generate -f "$data/case1.prompt" -n 48 -t 1 --stats >"$out" 2>&1
status=$?
sed '$d' "$out" >"$work/text"
{ cat "$data/case1.greedy" && echo; } | cmp -s - "$work/text"
report $? '--stats has a line of its own where both outputs are one'
run generate -p x -n 1 --top-k 3
[ $status -eq 0 ] && grep -q 'lte: warning: .*--temp' "$err"
report $? 'sampling options without --temp are remarked on'

finish
