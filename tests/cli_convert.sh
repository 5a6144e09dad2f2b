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
finish
