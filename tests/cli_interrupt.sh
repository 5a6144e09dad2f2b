#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The lte command and Ctrl-C: while it writes, while it reads a long prompt, and on a terminal.
. "$top_srcdir/tests/cli_tap.sh"

# The smaller model: the first batch is read soon, even under an emulator.
LTE_MODEL=$top_srcdir/data/lalte-needle

# A prompt that takes far longer to read than the tests wait: some 770,000 bytes, each a token.
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    cat "$data/case3.prompt"
done >"$work/long1"
for i in 1 2; do
    for part in 1 2 3 4 5 6 7 8; do
        cat "$work/long$i"
    done >"$work/long$((i + 1))"
done
long=$work/long3

slower=1
[ -z "$EMULATOR" ] || slower=3

# Ctrl-C. A shell's background jobs ignore SIGINT, so timeout sends it, to a program whose signals
# are as they are at a prompt. On a busy machine that may be before the program has begun: then
# once more, later.
# interrupted CHECK COMMAND...
interrupted() {
    check=$1
    shift
    for wait in 2 10 40; do
        env --default-signal=INT timeout --preserve-status -s INT $((wait * slower)) "$@" >"$out" 2>"$err" </dev/null
        status=$?
        [ $status -eq 130 ] && $check && return 0
    done
    return 1
}
has_written() {
    [ -s "$out" ] && grep -q '^prompt: .*constant' "$err"
}
has_read() {
    ! [ -s "$out" ] && grep -q '^prompt: .* generated: 0 ' "$err"
}
is_silent() {
    ! [ -s "$out" ] && ! [ -s "$err" ]
}
if env --default-signal=INT timeout --preserve-status -s INT 9 true 2>/dev/null; then
    interrupted has_written "$lte" generate -p 'In the beginning' -n 1000000000 --ignore-eos --stats -t 1
    report $? 'Ctrl-C while writing: 130, text and statistics printed'
    interrupted has_read "$lte" generate -f "$long" -n 5 --stats
    report $? 'Ctrl-C while reading a long prompt: 130'
    interrupted is_silent "$lte" score -f "$long" -t 1
    report $? 'Ctrl-C while scoring: 130'
else
    skip 'Ctrl-C' 'env and timeout cannot send SIGINT here'
fi

# On a terminal of its own: the key itself, and the progress line that only a terminal gets.
if script -qec 'env --default-signal=INT true' /dev/null </dev/null >/dev/null 2>&1; then
    { sleep $((3 * slower)); printf '\003'; } |
        script -qec "env --default-signal=INT '$lte' generate -f '$long' -n 5 -t 1" /dev/null >"$out" 2>"$err"
    status=$?
    [ $status -eq 130 ] && grep -q 'lte: read [0-9]* of [0-9]* tokens' "$out"
    report $? 'a terminal: progress line, and Ctrl-C ends it'
else
    skip 'a terminal' 'there is no script command to make one'
fi

finish
