#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lte convert: what a user meets.
. "$top_srcdir/tests/cli_tap.sh"

cat >"$work/ouro.json" <<'END'
{"model_type": "ouro", "hidden_size": 32, "num_hidden_layers": 4, "vocab_size": 64,
 "intermediate_size": 48, "num_attention_heads": 2, "num_key_value_heads": 1,
 "total_ut_steps": 2, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0}
END
run init "$work/ouro.json" "$work/ouro"
run convert --hybrid bookend:1 --seed 3 "$work/ouro" "$work/hybrid"
[ "$status" -eq 0 ] && ! [ -s "$out" ] && ! [ -s "$err" ]
report $? 'converts, and says nothing'
run info "$work/hybrid"
prints '^layers  *4, run 2 times' 'keeps the loops'
prints '^  no token leaves\|^  a token.s logits are of the first loop' 'and the exit gate'
run info --exit-weighted "$work/hybrid"
prints '^  a token.s logits are the mean of every loop' 'which weighs the loops if asked'
run info "$work/hybrid"
prints '^ *1  gdn  *2/2/2  *16 x 16' 'layer 1 has become gdn'
prints '^ *3  [a-z]*  *2/1/1  *16 x 16' 'layer 3 has stayed'
run convert "$work/ouro" "$work/hybrid"
fails 1 'model.safetensors: already there; it is not overwritten' 'does not overwrite'
run convert --hybrid 3:2:1 "$work/ouro" "$work/new"
fails 1 'layer_types: has "3:2:1", which is no layout' 'a layout that is none'
run convert --config '{"windowpattern": "full"}' "$work/ouro" "$work/new"
fails 1 'windowpattern' 'a key that is none'
run convert "$work/hybrid" "$work/new"
fails 1 'hybrid: layer 1 is not attention' 'a hybrid source'
run convert "$work/nothing" "$work/new"
fails 1 'nothing/config.json: ' 'no source'
[ ! -e "$work/new" ]
report $? 'failures leave nothing'
run convert "$work/ouro"
fails 2 'FOLDER' 'one operand'
run convert --config '{"window_pattern": "SWA=9->full"}' "$work/ouro" "$work/new"
[ "$status" -eq 0 ] && grep -q '"window_pattern": "SWA=9->full"' "$work/new/config.json"
report $? 'keys given take the place of those derived'

# distill FOLDER START STAGE KEYS: a run of three steps.
distill() {
    cat >"$work/c.json" <<END
{"output": "$1", "model": {"start": "$2"}, "distill": {"teacher": "ouro", "stage": "$3"$4},
 "train": {"steps": 3, "rows": 64}, "log_every": 1,
 "data": {"kind": "copy", "symbols": 60, "length": 32, "segment_longest": 8}}
END
    run train "$work/c.json"
}
distill aligned hybrid layers
[ "$status" -eq 0 ] && grep -q '"step":3' "$work/aligned/log.jsonl"
report $? 'layers are aligned'
cmp -s "$work/ouro/config.json" "$work/aligned/config.json" && status=99
run info "$work/aligned"
prints '^family  *lt2' 'what comes out is the hybrid'
distill distilled aligned logits ', "every_loop": 0.5, "temperature": 2'
[ "$status" -eq 0 ] && grep -q '"step":3' "$work/distilled/log.jsonl"
report $? 'logits are learnt'

# Gated DeltaNet and sparse layers: indexers first, then both stages.
run convert --hybrid interleaved:3:1:gdn:dsa --config '{"dsa": {"index_topk": 8}}' "$work/ouro" "$work/sparse"
run info "$work/sparse"
prints '^ *3  dsa .* 8$' 'every fourth layer selects 8 tokens'
cat >"$work/c.json" <<END
{"output": "indexed", "model": {"start": "sparse"},
 "train": {"steps": 3, "rows": 64, "index_only": true}, "log_every": 1,
 "data": {"kind": "copy", "symbols": 60, "length": 32, "segment_longest": 8}}
END
run train "$work/c.json"
[ "$status" -eq 0 ] && grep -q '"step":3' "$work/indexed/log.jsonl"
report $? 'its indexer learns'
distill sparse-aligned indexed layers
[ "$status" -eq 0 ] && distill sparse-distilled sparse-aligned logits
[ "$status" -eq 0 ] && grep -q '"step":3' "$work/sparse-distilled/log.jsonl"
report $? 'and the model from its teacher, in both stages'

distill none ouro layers
fails 1 'none or no layer of another kind' 'a model like its teacher has nothing to align'
distill none hybrid layer
fails 1 'distill.stage' 'a stage that is none'
distill none hybrid logits ', "heat": 2'
fails 1 'distill.heat is no key known here' 'a key of distill that is none'
[ ! -e "$work/none" ]
report $? 'mistakes write nothing'
cat >"$work/c.json" <<END
{"output": "exits", "model": {"start": "ouro"}, "exits": {"entropy": 0.05},
 "train": {"steps": 2, "rows": 64},
 "data": {"kind": "copy", "symbols": 60, "length": 32, "segment_longest": 8}}
END
run train "$work/c.json"
[ "$status" -eq 0 ] && [ -e "$work/exits/model.safetensors" ]
report $? 'every loop is learnt from'
finish
