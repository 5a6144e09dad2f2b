#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The lte command: help, wrong options, files that cannot be read, outputs that cannot be written.
. "$top_srcdir/tests/cli_tap.sh"

version=$(sed -n 's/^#define LTE_VERSION_[A-Z]*  *//p' "$top_srcdir/include/lte/version.h" |
    paste -sd. -)
run --version
prints "^lte $version\$" '--version'
run --help
prints '^usage: lte COMMAND' '--help'
for command in generate score info bench init tokenizer; do
    run --help
    prints "^  $command " "--help lists $command"
    run $command --help
    prints "^usage: lte $command" "$command --help"
    run help $command
    prints '^  -h, --help' "help $command"
done
run
[ $status -eq 2 ] && grep -q '^usage:' "$err"
report $? 'no command: usage on standard error'
run nonsense
fails 2 '"nonsense"' 'an unknown command is named'
run help nonsense
fails 2 '"nonsense"' 'help about an unknown command'

# option value, what the message says
bad() {
    run generate -p x "--$1" "$2"
    fails 2 "--$1 \"$2\": expected $3" "--$1 $2 is refused with its range"
}
bad count abc 'a whole number from 0'
bad count -1 'a whole number'
bad count '' 'a whole number'
bad count 1x 'a whole number'
bad count 18446744073709551616 'a whole number'
bad seed 18446744073709551616 'a whole number from 0 to 18446744073709551615'
bad threads 0 'a whole number from 1 to 1024'
bad threads 1025 'a whole number from 1 to 1024'
bad batch 4097 'a whole number from 1 to 4096'
bad max-tokens 0 'a whole number from 1'
bad temp nan 'a number of at least 0'
bad temp -1 'a number of at least 0'
bad temp 0x1 'a number of at least 0'
bad temp 1e99 'a number of at least 0'
bad top-p 0 'a number above 0 and at most 1'
bad top-p 1.01 'a number above 0 and at most 1'
bad min-p 2 'a number of at least 0 and at most 1'
bad repeat-penalty 0 'a number above 0'
bad top-k 4294967296 'a whole number from 0 to 4294967295'
bad kv q8 'one of f32, bf16, f16'
bad device tpu 'one of cpu, auto, vulkan'

run generate --nonsense
fails 2 '--nonsense' 'an unknown long option is named'
run generate -Z
fails 2 '-Z' 'an unknown short option is named'
run generate --te 1 --to 1
fails 2 '--to' 'an ambiguous option is named'
run generate -n
fails 2 '--count needs a value' 'a missing value'
run generate --stats=yes
fails 2 '--stats takes no value' 'a value too many'
run generate one two
fails 2 'unexpected "two"' 'two models'
run init config.json
fails 2 'CONFIG FOLDER' 'init with one operand'
run bench --at 1,x
fails 2 '"x"' 'bench --at with nonsense'
run score
fails 2 '-f' 'score without a text'
run generate -p a -f b
fails 2 'exclude each other' '-p and -f together'
run generate -p x --cpu nonsense
fails 2 'nonsense' 'an unknown kernel level'
LTE_CPU=nonsense
export LTE_CPU
run generate -p x
fails 2 'LTE_CPU' 'an unknown kernel level in LTE_CPU'
unset LTE_CPU

run generate -f "$work/missing"
fails 1 "$work/missing: No such file" 'a missing prompt file'
run generate -f "$work"
fails 1 "$work: Is a directory" 'a folder as prompt file'
run generate "$work/missing" -p x
fails 1 "$work/missing" 'a missing model'
run info "$work"
fails 1 "$work/config.json" 'an empty folder as model'
LTE_MODEL=$work/elsewhere
run info
fails 1 "$work/elsewhere" 'LTE_MODEL is what is used without a model'
LTE_MODEL=$top_srcdir/data/lalte-tiny

run generate
fails 2 'give some text with -p' 'an empty prompt of a model that adds no first token'
printf 'abc\0def' >"$work/nul"
run generate -f "$work/nul"
fails 1 "$work/nul: NUL byte at offset 3" 'a NUL byte in a prompt file'
printf 'abcd\377ef' >"$work/latin"
run generate -f "$work/latin"
fails 1 'not UTF-8 at byte 4 ' 'bytes that are not UTF-8: the offset'
grep -q "$work/latin" "$err"
report $? 'bytes that are not UTF-8: the file'
run generate -p "$(printf 'abcd\377ef')"
fails 1 'not UTF-8 at byte 4 ' 'a prompt that is not UTF-8'

# Closed and full outputs.
closed() {
    "$lte" "$@" 2>"$err" >&-
    status=$?
    : >"$out"
    fails 1 'standard output' "standard output closed: $1"
    [ -c /dev/full ] || { skip "standard output full: $1" 'no /dev/full'; return; }
    "$lte" "$@" 2>"$err" >/dev/full
    status=$?
    fails 1 'standard output: No space' "standard output full: $1"
}
closed --help
closed info
closed generate -p 'In the beginning' -n 3
closed score -p 'In the beginning'
"$lte" generate -p 'In the beginning' -n 3 2>&- >"$out" </dev/null
status=$? && : >"$err"
[ $status -eq 0 ] && [ -s "$out" ]
report $? 'standard error closed'
"$lte" generate -f - <&- >"$out" 2>"$err"
status=$?
fails 1 'standard input' 'standard input closed'

# A reader that goes away ends the program without a word.
{ "$lte" generate -p 'In the beginning' -n 100000000 --ignore-eos 2>"$err"; echo $? >"$work/status"; } |
    dd bs=1 count=5 of=/dev/null 2>/dev/null
status=$(cat "$work/status")
: >"$out"
[ "$status" -eq 1 ] && ! [ -s "$err" ]
report $? 'a reader that goes away'

finish
