# SPDX-License-Identifier: BSD-2-Clause
# Records answers for tests/recorded.c: for every tests/data/models/*.json a checkpoint is made with
# `lte init` (seed 1, fp32) and run in float64 by hybrid_model.py or looped_model.py.
#
#     python3 tests/reference/record_models.py path/to/lte [NAME...]
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

import hybrid_model
import looped_model
import safetensors_io

LENGTHS = (5, 23, 160)
GREEDY = 24


def record(config_path, lte):
    config = json.load(open(config_path))
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "model")
        subprocess.run([lte, "init", config_path, target, "--seed", "1", "--dtype", "f32"], check=True)
        tensors = safetensors_io.load(os.path.join(target, "model.safetensors"))
    tensors = {k: torch.from_numpy(v.copy()).double() for k, v in tensors.items()}
    looped = config["model_type"] in ("lt2", "ouro")
    forward = (looped_model if looped else hybrid_model).forward
    generator = torch.Generator().manual_seed(7)
    answers = {}
    for n, length in enumerate(LENGTHS):
        ids = torch.randint(0, config["vocab_size"], (length,), generator=generator)
        seen, tokens = {}, ids.tolist()
        logits = forward(tensors, config, ids, seen)
        for _ in range(GREEDY):
            last = forward(tensors, config, torch.tensor(tokens), {})[-1]
            tokens.append(int(last.argmax()))
        answers[f"case{n}.input_ids"] = ids.int().numpy()
        answers[f"case{n}.logits"] = logits[:: max(1, length // 20)].float().numpy()
        answers[f"case{n}.logits_last"] = logits[-1].float().numpy()
        answers[f"case{n}.greedy_ids"] = np.array(tokens[length:], dtype="<i4")
        if "step" in seen:
            answers[f"case{n}.exit_step"] = seen.pop("step").int().numpy()
        seen = {slot: kept for slot, kept in seen.items() if isinstance(slot, int)}
            shared = looped_model.ouro_shared(tensors, config, ids[:24])
            answers[f"case{n}.shared_logits"] = shared.float().numpy()
        for layer, kept in seen.items():
            if looped and n == 0:
                answers[f"case{n}.stream.{layer}"] = kept["stream"].float().numpy()
            if "state" in kept and n == len(LENGTHS) - 1:
                answers[f"case{n}.gdn_state.{layer}"] = kept["state"].float().numpy()
            if "gap" in kept:
                print(config_path, n, layer, "smallest gap between importances", kept["gap"])
            if "score" in kept:
                positive = (kept["score"] > 0).double().mean(0).tolist()
                print(config_path, n, layer, "positive", [round(x, 2) for x in positive])
                answers[f"case{n}.lte_visible_last.{layer}"] = kept["visible"][:, -1].to(torch.uint8).numpy()
    out = config_path.replace(".json", ".safetensors")
    safetensors_io.save(out, answers)
    print(out, os.path.getsize(out))


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    with torch.no_grad():
        for path in sorted(glob.glob(os.path.join(here, "../data/models/*.json"))):
            if len(sys.argv) == 2 or os.path.basename(path)[:-5] in sys.argv[2:]:
                record(path, sys.argv[1])
