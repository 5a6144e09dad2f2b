# SPDX-License-Identifier: BSD-2-Clause
# Holds record_training.py against what it does not share with it: test vectors of the published rules,
# central differences of the loss with the gate's scores held, and the same ten steps in float32.
#
#     python3 tests/reference/check_training.py
import glob
import json
import os

import torch

import hybrid_model
import record_training
import safetensors_io

SHIPPED = {"l1_lambda_init": 1e-9, "l1_lambda_min": 1e-9, "l1_lambda_max": 1.0, "l1_alpha": 1.5,
           "l1_alpha_neg": 2, "l1_lambda_initial_steps": 0, "l1_lambda_update_steps": 32,
           "l1_lambda_shared": "all", "l1_lambda_tolerate": [0.95, 1.0], "buffer_size": 512,
           "conv_size": [3, 3, 3], "conv_dilation": [2, 2, 2]}


def near(name, got, want, tolerance):
    got, want = (torch.as_tensor(x, dtype=torch.float64).detach() for x in (got, want))
    error = float((got - want).abs().max())
    assert error <= tolerance, f"{name}: off by {error}"


def check_gate():
    """Six tokens, tokens 0 and 3 selected, a window of one before the query; the gradients by hand."""

    def wave(start):
        return (start + 0.7 * torch.arange(12.0)).sin().view(6, 1, 2)

    q, k, v = (wave(x).requires_grad_() for x in (0.1, 0.2, 0.3))
    score = torch.tensor([1.0, -1, -1, 1, -1, -1])[:, None].requires_grad_()
    visible = hybrid_model.training_visibility(score, {"sink_size": 1, "window_size": 1})
    weight = (torch.einsum("qhd,khd->hqk", q, k) * 2**-0.5).masked_fill(~visible, -torch.inf).softmax(-1)
    gated = hybrid_model.straight_through(v, score)
    torch.einsum("hqk,khd->qhd", weight, gated).backward(wave(0.6))
    near("dv", v.grad.flatten(), [1.008651, 1.268430, 0.494154, 0.010765, -0.350449, -0.508825, -0.634724,
                                  -0.197442, 0.114271, 0.331919, 0.475162, 0.442885], 1e-6)
    near("dscore", score.grad[:, 0], [1.365424, 0.497306, 0.296756, 0.794893, 0.060683, 0.842267], 1e-6)


def check_l1():
    score = torch.tensor([0.2, -0.1, 0.3] + [5.0] * 6)[:, None].requires_grad_()
    l1, kept = record_training.l1_and_kept([[score], [score[:4]]], torch.tensor([[0.6]]), SHIPPED)
    l1.backward()
    near("l1", l1, 0.1, 1e-12)
    near("kept", kept, 2, 0)
    near("dscore of l1", score.grad[:, 0], [0.2, 0, 0.2] + [0] * 6, 1e-12)


def check_controller():
    penalty, got = torch.tensor(0.0), []
    for n, kept in enumerate((600, 600, 500, 400, 490, 600, 512, 486.4), 1):
        penalty = record_training.updated_lambda(penalty, torch.tensor([[float(kept)]]), 32 * n, SHIPPED)
        got.append(float(penalty) * 1e9)
    near("lambda", got, [1, 1.5, 1.5, 0, 1, 1.5, 2.25, 1.125], 1e-12)
    near("num_kept", record_training.kept_average(4096, 0, SHIPPED), 3614.117647, 1e-6)


def check_schedule():
    for step, rate in ((0, 5.859375e-7), (255, 1.5e-4), (511, 3e-4), (512, 3e-4), (15616, 1.65e-4),
                       (30719, 3e-5)):
        near(f"rate {step}", record_training.learning_rate(step, 30720, 512, 3e-4) / rate, 1, 1e-6)


def loss_of(tensors, config, data, penalty):
    ce, scores = record_training.run_micro_batch(tensors, config, data[0][0, 1], data[1][0, 1],
                                                 record_training.SEGMENTS[1])
    if penalty is None:
        return ce
    return ce + record_training.l1_and_kept(scores, penalty, config["attn"])[0]


class Held:
    """Stands in for hybrid_model's gate and router: records what they held fixed, then replays it."""

    def __init__(self, routing_grad):
        self.gate, self.router = hybrid_model.straight_through, hybrid_model.retention_scores
        self.routing_grad, self.scores, self.routed = routing_grad, [], []

    def restore(self):
        hybrid_model.straight_through, hybrid_model.retention_scores = self.gate, self.router

    def record(self):
        def gate(v, score):
            self.scores.append(score.detach())
            return self.gate(v, score)

        def router(k, v, *rest):
            self.routed.append((k.detach(), v.detach()))
            return self.router(k, v, *rest)

        hybrid_model.straight_through, hybrid_model.retention_scores = gate, router

    def replay(self):
        scores, routed = iter(self.scores), iter(self.routed)

        def router(k, v, *rest):
            return self.router(*((k, v) if self.routing_grad else next(routed)), *rest)

        hybrid_model.straight_through = lambda v, score: v * (1 + score - next(scores))[..., None]
        hybrid_model.retention_scores = router


def check_differences(name, config, tensors, data):
    """Every tensor's gradient along one direction. The gate is 1 + score - (score before the change)."""
    attn = config.get("attn", {})
    held, penalty = Held(attn.get("routing_grad", True)), None
    if attn.get("attn_type") == "lte":
        layers, heads = len(attn["layers"]), attn["num_kv_heads"]
        penalty = 0.1 * (1 + torch.arange(layers * heads).view(layers, heads))
    leaves = {k: v.clone().requires_grad_() for k, v in tensors.items()}
    held.record()
    loss_of(leaves, config, data, penalty).backward()
    worst, generator = 0, torch.Generator().manual_seed(1)
    for key, leaf in leaves.items():
        direction = leaf.grad / leaf.grad.norm() + 0.1 * torch.randn(leaf.shape, generator=generator)
        value = []
        for sign in (1, -1):
            held.replay()
            with torch.no_grad():
                moved = {**tensors, key: tensors[key] + sign * 1e-6 * direction}
                value.append(loss_of(moved, config, data, penalty))
        want = float((leaf.grad * direction).sum())
        error = abs(float(value[0] - value[1]) / 2e-6 - want) / abs(want)
        worst = max(worst, error)
        assert error < 1e-5, f"{name}: {key}: off by {error}"
    held.restore()
    print(f"{name}: central differences within {worst:.1e}")


def check_float32(name, config, initial, data, recorded):
    got = record_training.train(initial, config, data, torch.float32)
    for part in ("ce", "l1", "lambda", "num_kept", "gradient_norm", "gradient.1.", "gradient.2.",
                 "gradient.10.", "final."):
        worst, where = 0, ""
        for key in recorded:
            if key == part or (part.endswith(".") and key.startswith(part)):
                want = torch.from_numpy(recorded[key].copy())
                error = float((got[key] - want).norm() / want.norm().clamp(min=1e-30))
                worst, where = max((worst, where), (error, key))
        if where:
            print(f"{name}: float32 is off by {worst:.1e} at {where}")


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    check_gate()
    check_l1()
    check_controller()
    check_schedule()
    here = os.path.dirname(os.path.abspath(__file__))
    for path in sorted(glob.glob(os.path.join(here, "../data/training/*/config.json"))):
        folder = os.path.dirname(path)
        config, name = json.load(open(path)), os.path.basename(folder)
        loaded = safetensors_io.load(os.path.join(folder, "model.safetensors"))
        initial = {k: torch.from_numpy(v.copy()) for k, v in loaded.items()}
        recorded = safetensors_io.load(os.path.join(folder, "answers.safetensors"))
        data = [torch.from_numpy(recorded[k].copy()).long() for k in ("input_ids", "targets")]
        check_differences(name, config, {k: v.double() for k, v in initial.items()}, data)
        check_float32(name, config, initial, data, recorded)
