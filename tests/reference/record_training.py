# SPDX-License-Identifier: BSD-2-Clause
# Records ten steps of training for every tests/data/training/*/config.json: a checkpoint is made with
# `lte init` (seed 1, fp32), changed a little, and trained in float64 by hybrid_model.py or looped_model.py
# and PyTorch.
#
#     python3 tests/reference/record_training.py path/to/lte [NAME...]
#
# What a step does, from 1 to STEPS. README.md says how the answers are named.
#
# Data. A step has two micro-batches of 40 rows, each three independent sequences ("segments") one after
# another. Recurrent state, short convolutions, attention, rope positions (from 0) and the router's
# context start anew with every segment. The target of a row is the next token of its segment; the last
# row of a segment has none, and a tenth of the others are left out (target -1).
#
# Loss. Of a micro-batch: ce + l1, where ce is the mean of the cross entropy over its rows with a target.
# Of a step: the mean over the micro-batches.
#
# Looped models. The logits are those of the last loop; an exit gate gets no gradient.
#
# DeepSeek sparse attention. Added to the loss of a micro-batch: the mean over its rows and the DSA slots (layers
# times loops) of the divergence of the indexer's softmax from the attention averaged over the heads, which is
# taken as given, both over the tokens that the row gets. An indexer reads the layer's input without gradient. In
# the first DENSE_STEPS steps a row gets every token before it.
#
# Learnable token eviction. No buffer limit, no dropout. Query i of a segment sees key j <= i if j was
# selected or i - j <= window_size; j is selected if score > 0 or it is among the first sink_size tokens of
# the segment. The values are not changed by the gate, but their gradient dv[j][h] also adds <dv, v> to
# that of score[j][h] (v before the gate). Nothing flows through the comparison. Without routing_grad
# nothing flows from the router into keys and values.
#
# l1. The router looks `margin` = sum (kernel - 1) / 2 * dilation tokens ahead; the last `margin` tokens of
# a segment are not counted, of shorter ones none is. l1 is the mean of lambda * max(score, 0) over all
# counted tokens of the micro-batch, all LTE layers and all key heads: one mean, not one per segment.
#
# Controller, once a step after the backward passes, before clipping; its lambda is used from the next step:
# - kept[layer][head] of a micro-batch = counted tokens with score > 0 / segments with a counted token;
#   of the step: the mean over the micro-batches.
# - num_kept = (1 - a) * num_kept + a * kept, a = 2 / (1 + U / 2), U = l1_lambda_update_steps, U / 2 an
#   integer. It starts at the longest segment of the data. (U = 2 and 3 give a = 1.)
# - if step > l1_lambda_initial_steps and step % U == 0, lambda is updated. It starts at 0.
#
# Gradient norm: the square root of the sum of squares over all parameters, before clipping. Clipping: all
# gradients times min(1, 1 / (norm + 1e-6)).
#
# AdamW, step by step as torch.optim.AdamW: p *= 1 - lr * decay; m, v as usual;
# p -= lr * m / (1 - 0.9^step) / (sqrt(v / (1 - 0.95^step)) + 1e-8). decay is 0 for every norm's weight,
# every bias, A_log, dt_bias, D, lower bounds and the residual weights of loops, 0.1 for all else, the convolutions and the embeddings too.
import glob
import json
import math
import os
import subprocess
import sys
import tempfile

import torch
import torch.nn.functional as F

import hybrid_model
import looped_model
import safetensors_io

STEPS, WARMUP, PEAK, LEAST = 10, 3, 1e-2, 0.1
DECAY, BETAS, EPS, CLIP = 0.1, (0.9, 0.95), 1e-8, 1.0
SEGMENTS = ((17, 3, 20), (9, 24, 7))
RECORDED_GRADIENTS = (1, 2, 10)
IGNORED = -1
DENSE_STEPS = 3


def learning_rate(step, steps=STEPS, warmup=WARMUP, peak=PEAK):
    """Of the step with this number, counted from 0."""
    if step <= warmup:
        return peak * min(step + 1, warmup) / warmup
    progress = (step - warmup) / (steps - warmup)
    return peak * (LEAST + (1 - LEAST) * 0.5 * (1 + math.cos(math.pi * progress)))


def make_data(vocabulary, generator):
    """Tokens that a model can learn something of: each follows from the last but for one coin."""

    def draw(high, *size):
        return torch.randint(0, high, size, generator=generator)

    rows = sum(SEGMENTS[0])
    tokens = torch.empty(STEPS, len(SEGMENTS), rows, dtype=torch.long)
    targets = torch.full_like(tokens, IGNORED)
    for s in range(STEPS):
        for m, lengths in enumerate(SEGMENTS):
            begin = 0
            for length in lengths:
                row = [int(draw(vocabulary, 1))]
                while len(row) < length:
                    row.append((5 * row[-1] + 3 + int(draw(2, 1))) % vocabulary)
                segment = slice(begin, begin + length)
                tokens[s, m, segment] = torch.tensor(row)
                targets[s, m, begin : begin + length - 1] = tokens[s, m, begin + 1 : begin + length]
                begin += length
    targets[draw(10, *targets.shape) == 0] = IGNORED
    return tokens, targets


def margin(attn):
    return sum((taps - 1) // 2 * dilation for taps, dilation in zip(attn["conv_size"], attn["conv_dilation"]))


def counted_scores(segments, attn):
    """For every segment with counted tokens, their scores [tokens][LTE layers][key heads]."""
    scores = [torch.stack(layers, 1) for layers in segments]
    return [s[: len(s) - margin(attn)] for s in scores if len(s) > margin(attn)]


def l1_and_kept(segments, penalty, attn):
    """segments: for each the scores [tokens][key heads] of every LTE layer."""
    counted = counted_scores(segments, attn)
    rows = torch.cat(counted)
    penalty = penalty if penalty.dim() != 1 else penalty[:, None]
    return (penalty * rows.clamp(min=0)).mean(), (rows > 0).sum(0).to(rows.dtype) / len(counted)


def lambda_shape(layers, heads, attn):
    return {"all": (), "layer": (layers,), "head": (layers, heads)}[attn["l1_lambda_shared"]]


def kept_average(num_kept, kept, attn):
    a = 2 / (1 + attn["l1_lambda_update_steps"] // 2)
    return (1 - a) * num_kept + a * kept


def updated_lambda(penalty, num_kept, step, attn):
    """step counts from 1."""
    every, initial = attn["l1_lambda_update_steps"], attn["l1_lambda_initial_steps"]
    if step <= initial or step % every:
        return penalty
    kept = {"all": num_kept.mean(), "layer": num_kept.mean(-1), "head": num_kept}[attn["l1_lambda_shared"]]
    low, high = attn["l1_lambda_tolerate"]
    large, small = kept > attn["buffer_size"] * low, kept < attn["buffer_size"] * high
    if step // every == initial // every + 1:
        return torch.where(large, attn["l1_lambda_init"], torch.zeros_like(penalty))
    penalty = torch.where(large & ~small, penalty * attn["l1_alpha"], penalty)
    penalty = torch.where(small & ~large, penalty / attn["l1_alpha_neg"], penalty)
    penalty = penalty.clamp(max=attn["l1_lambda_max"])
    penalty = torch.where(penalty < attn["l1_lambda_min"], 0.0, penalty)
    return torch.where((penalty == 0) & large, attn["l1_lambda_min"], penalty)


def run_micro_batch(tensors, config, ids, targets, lengths):
    """Cross entropy, for every segment the scores of the LTE layers in order, and the indexers' loss."""
    logits, scores, divergences, gaps = [], [], [], []
    looped = config["model_type"] in ("lt2", "ouro")
    forward = (looped_model if looped else hybrid_model).forward
    for segment in ids.split(lengths):
        seen = {}
        logits.append(forward(tensors, dict(config, training=True), segment, seen))
        scores.append([seen[n]["score"] for n in sorted(seen, key=str) if isinstance(n, int) and "score" in seen[n]])
        slots = [s for s in seen.values() if isinstance(s, dict) and "divergence" in s]
        divergences += [s["divergence"] for s in slots]
        gaps += [s["gap"] for s in slots if "gap" in s]
    index = sum(divergences) / len(ids) / max(1, len(divergences) // len(lengths))
    if gaps and min(gaps) < 1e-4:
        print("smallest gap between scores", min(gaps))
    return F.cross_entropy(torch.cat(logits), targets, ignore_index=IGNORED), scores, index


def decays(name):
    return not name.endswith(("norm.weight", "norm_2.weight", "swish_gate.weight", "residual_weight", ".bias",
                              "A_log", "dt_bias", ".D", "lower_bounds"))


def make_optimizer(tensors):
    groups = [{"params": [t for name, t in tensors.items() if decays(name) == wanted],
               "weight_decay": DECAY if wanted else 0.0} for wanted in (True, False)]
    return torch.optim.AdamW(groups, lr=PEAK, betas=BETAS, eps=EPS)


def train(initial, config, data, dtype=torch.float64):
    """Everything that is recorded, by name."""
    tensors = {k: v.detach().to(dtype).requires_grad_() for k, v in initial.items()}
    optimizer = make_optimizer(tensors)
    attn = config.get("attn") or {}
    evicts = attn.get("attn_type") == "lte"
    out = {}

    def note(name, value):
        out.setdefault(name, []).append(torch.as_tensor(value).detach().clone())

    if evicts:
        layers, heads = len(attn["layers"]), attn["num_kv_heads"]
        penalty = torch.zeros(lambda_shape(layers, heads, attn), dtype=dtype)
        num_kept = torch.full((layers, heads), float(max(map(max, SEGMENTS))), dtype=dtype)
        note("lambda", penalty)
        note("num_kept", num_kept)
    for step, (ids, targets) in enumerate(zip(*data), 1):
        optimizer.zero_grad()
        ces, l1s, kepts, indices = [], [], [], []
        for m, lengths in enumerate(SEGMENTS):
            config = dict(config, dense=step <= DENSE_STEPS)
            ce, scores, index = run_micro_batch(tensors, config, ids[m], targets[m], lengths)
            l1 = torch.zeros_like(ce)
            if evicts:
                l1, kept = l1_and_kept(scores, penalty, attn)
                kepts.append(kept.detach())
                out.setdefault("scores", []).extend(x.detach() for segment in scores for x in segment)
            ((ce + l1 + index) / len(SEGMENTS)).backward()
            indices.append(torch.as_tensor(index, dtype=dtype).detach())
            ces.append(ce.detach())
            l1s.append(l1.detach())
        note("ce", torch.stack(ces))
        note("l1", torch.stack(l1s))
        if "dsa" in str(config.get("layer_types")):
            note("index_loss", torch.stack(indices))
        if evicts:
            num_kept = kept_average(num_kept, torch.stack(kepts).mean(0), attn)
            penalty = updated_lambda(penalty, num_kept, step, attn)
            note("lambda", penalty)
            note("num_kept", num_kept)
        for t in tensors.values():
            t.grad = torch.zeros_like(t) if t.grad is None else t.grad
        if step in RECORDED_GRADIENTS:
            out.update({f"gradient.{step}.{name}": t.grad.clone() for name, t in tensors.items()})
        note("gradient_norm", torch.nn.utils.clip_grad_norm_(tensors.values(), CLIP))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step - 1)
        note("learning_rate", learning_rate(step - 1))
        optimizer.step()
    out.update({f"final.{name}": t.detach() for name, t in tensors.items()})
    stacked = {k: torch.stack(v) for k, v in out.items() if isinstance(v, list) and k != "scores"}
    return {**out, **stacked}


def make_initial(config_path, config, lte, generator):
    """Fresh weights, moved off the values at which mistakes would not show. Some are made larger: the steps
    then change them less, outputs of the delta rule are not next to nothing, scores not all close to 0, and
    float32 can follow for ten steps."""
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "model")
        subprocess.run([lte, "init", config_path, target, "--seed", "1", "--dtype", "f32"], check=True)
        loaded = safetensors_io.load(os.path.join(target, "model.safetensors"))
    tensors = {k: torch.from_numpy(v.copy()) for k, v in loaded.items()}
    scales = {"conv1d.weight": 2, "router.conv_stack.proj.weight": 4, "router.conv_stack.proj.bias": 0,
              "embeddings.weight": 1 if config["tie_word_embeddings"] else 4}
    for name, t in tensors.items():
        for ending, scale in scales.items():
            if name.endswith(ending):
                t *= scale
        if name.endswith(("norm.weight", ".bias")):
            t += 0.1 * torch.randn(t.shape, generator=generator)
    return tensors


def record(folder, lte):
    config_path = os.path.join(folder, "config.json")
    config = json.load(open(config_path))
    generator = torch.Generator().manual_seed(16)
    initial = make_initial(config_path, config, lte, generator)
    data = make_data(config["vocab_size"], generator)
    answers = train(initial, config, data)
    scores = answers.pop("scores", None)
    if scores:
        scores = torch.cat([s.flatten() for s in scores])
        positive = (scores > 0).double().mean()
        print(f"{folder}: {positive:.0%} selected, nearest to 0: {scores[scores != 0].abs().min():.1e}")
    answers = {k: v.float().numpy() for k, v in answers.items()}
    answers["input_ids"], answers["targets"] = (x.int().numpy() for x in data)
    answers["segments"] = torch.tensor(SEGMENTS).int().numpy()
    safetensors_io.save(os.path.join(folder, "model.safetensors"), {k: v.numpy() for k, v in initial.items()})
    safetensors_io.save(os.path.join(folder, "answers.safetensors"), answers)
    print(folder, "ce", [round(float(x), 4) for x in answers["ce"].mean(-1)])


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    for path in sorted(glob.glob(os.path.join(here, "../data/training/*/config.json"))):
        folder = os.path.dirname(path)
        if len(sys.argv) == 2 or os.path.basename(folder) in sys.argv[2:]:
            record(folder, sys.argv[1])
