#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lte tokenizer: training, and there and back.
. "$top_srcdir/tests/cli_tap.sh"

json=$work/t.json
mkdir "$work/text"
for i in 1 2 3 4 5 6 7 8 9; do
    echo "The lazy dog number $i jumps over the 100$i lazy dogs; caf\303\251.<|end|>"
done >"$work/text/a"
printf 'There are 1007 lazy dogs: caf\303\251 ' >"$work/line"

run tokenizer train --bytes --special '<|end|>' -o "$json"
[ $status -eq 0 ] && ! [ -s "$out" ] && ! [ -s "$err" ]
report $? 'train --bytes is silent'
run tokenizer encode "$json" -p 'AZ az'
prints '^65 90 32 97 122$' 'the id of a byte is its value'
run tokenizer encode "$json" -p 'a<|end|>' --special
prints '^97 256$' 'special tokens follow the bytes'
run tokenizer encode "$json" -p 'a<|end|>'
prints '^97 60 124 ' 'special tokens are text without --special'

run tokenizer train --bpe 280 --special '<|end|>' --special '<pad>' -o "$json" "$work/text"
[ $status -eq 0 ] && ! [ -s "$err" ]
report $? 'train --bpe'
run tokenizer encode "$json" -f "$work/line"
cp "$out" "$work/ids"
[ $status -eq 0 ] && [ "$(wc -w <"$work/ids")" -lt 25 ]
report $? 'learned pieces make fewer tokens than bytes'
run tokenizer decode "$json" -f "$work/ids"
gives "$work/line" 'decode gives the text back'
run tokenizer decode "$json" $(cat "$work/ids")
gives "$work/line" 'decode takes ids from the command line'
run tokenizer encode "$json" -p ' lazy<pad>' --special --pieces
[ $status -eq 0 ] && [ "$(sed -n '$p' "$out")" = "1	<pad>" ]
report $? 'encode --pieces: an id and its text a line'
grep -qx '[0-9]*	 lazy' "$out"
report $? 'a frequent word is one piece'
cp "$json" "$work/tokenizer.json"
run tokenizer encode "$work" -p 'a'
[ $status -eq 0 ]
report $? 'a model folder as tokenizer'
cp "$json" "$work/again.json"
run tokenizer train --bpe 280 --special '<|end|>' --special '<pad>' -o "$json" "$work/text/a"
cmp -s "$json" "$work/again.json"
report $? 'the same text gives the same file'
run tokenizer train --bpe 300 --digits -o "$json" "$work/text"
run tokenizer encode "$json" -p '1007' --pieces
[ "$(wc -l <"$out")" -eq 4 ]
report $? 'train --digits: every digit is a token'

run tokenizer train --bpe 2000 -o "$json" "$work/text"
[ $status -eq 0 ] && grep -q 'warning: [0-9]* pieces' "$err"
report $? 'a text too short for so many pieces: a warning'
run tokenizer
fails 2 'needs a command' 'no command'
run tokenizer nonsense
fails 2 '"nonsense"' 'an unknown command is named'
run tokenizer train --bytes
fails 2 '-o' 'train without -o'
run tokenizer train --bytes --bpe 300 -o "$json"
fails 2 'either --bytes or --bpe' 'both kinds'
run tokenizer train --bpe 300 -o "$json"
fails 2 'files or folders' 'nothing to train on'
run tokenizer train --bytes -o "$json" "$work/text"
fails 2 'reads no text' 'text for --bytes'
run tokenizer train --bpe 255 -o "$json" "$work/text"
fails 2 'a whole number from 256' 'too few pieces'
run tokenizer train --bpe 300 -o "$json" "$work/missing"
fails 1 "$work/missing: No such file" 'a missing input'
run tokenizer train --bytes -o "$work/no/folder"
fails 1 "$work/no/folder" 'an output that cannot be written'
run tokenizer train --bytes --special a -o "$json"
fails 1 '"a"' 'a special token that is a byte'
printf 'ab\377' >"$work/latin"
run tokenizer train --bpe 300 -o "$json" "$work/latin"
fails 1 "$work/latin: not UTF-8 at byte 2" 'an input that is not UTF-8'
run tokenizer encode "$json"
fails 2 '-f or -p' 'encode without a text'
run tokenizer decode "$json"
fails 2 'needs ids' 'decode without ids'
run tokenizer decode "$json" 12x
fails 1 '"12x"' 'decode of a word that is no id'
run tokenizer decode "$json" 70000
fails 1 '70000' 'decode of an unknown id'
finish
