# SPDX-License-Identifier: BSD-2-Clause
# Records a few steps each of what looped models learn from besides the last loop's loss, for
# tests/data/distill: the Ouro model of tests/data/training as teacher, `lte convert --hybrid` of it as student.
#
#     python3 tests/reference/record_distill.py path/to/lte
#
# Data, clipping and AdamW are those of record_training.py, whose ten steps are cut short. The runs:
#
#   layers  the student; trained are the mixers that the teacher has others of, and nothing else. A mixer
#           is given what the teacher's gets, and the teacher's output is what flows on. The loss is the
#           mean over rows, layers and loops of |own - teacher's| / sqrt(width).
#   logits  the student; the gate of leaving stays, all but the new mixers learns at 0.07 of the rate. The
#           loss is KL(teacher || student) of the logits / 1.5 times 1.5^2, mean over all rows: for the
#           first two steps (every_loop = 0.2 of ten) the mean over the loops, then of the last loop.
#   exits   the Ouro model: sum of p[i] CE[i] - 0.1 H(p), mean over rows with a target.
#   gate    the Ouro model; the gate alone is trained: with I[i] = max(0, CE[i-1] - CE[i]) the
#           cross-entropy of "1 - sigmoid(gate[i])" with sigmoid(50 (I[i] - 0.005)), mean over i > 0.
import json
import os
import subprocess
import sys
import tempfile

import torch
import torch.nn.functional as F

import looped_model
import record_training as base
import safetensors_io
from hybrid_model import gated_deltanet

STEPS, EVERY, HEAT, REST, ENTROPY = 4, 2, 1.5, 0.07, 0.1


def run(tensors, config, ids, lengths):
    """What every segment's forward pass leaves in `seen`."""
    all_seen = []
    for segment in ids.split(lengths):
        all_seen.append({})
        looped_model.forward(tensors, config, segment, all_seen[-1])
    return all_seen


def exits(seen):
    """Logits [loops][rows][vocabulary] over all segments."""
    return torch.stack([torch.cat([s["exits"][i] for s in seen]) for i in range(len(seen[0]["exits"]))])


def layers_loss(model, teacher, data, step):
    (tensors, config), (ids, targets, lengths) = model, data
    new = [n for n, kind in enumerate(config["layer_types"]) if kind == "gdn"]
    with torch.no_grad():
        seen = run(*teacher, ids, lengths)
    losses = []
    for s in seen:
        for slot in [loop * config["num_hidden_layers"] + n for loop in range(config["num_loops"]) for n in new]:
            p = looped_model.below(tensors, f"model.layers.{slot % config['num_hidden_layers']}.attn.")
            own = gated_deltanet(s[slot]["normed"], p, {**config["gdn"], "norm_eps": 1e-5}, {})
            losses.append((own - s[slot]["mixed"]).norm(dim=-1) / config["hidden_size"] ** 0.5)
    return torch.cat(losses).sum() / (len(ids) * len(new) * config["num_loops"])


def logits_loss(model, teacher, data, step):
    ids, targets, lengths = data
    with torch.no_grad():
        wanted = exits(run(*teacher, ids, lengths)) / HEAT
    own = exits(run(*model, ids, lengths)) / HEAT
    if step > EVERY:
        wanted, own = wanted[-1:], own[-1:]
    kl = (wanted.softmax(-1) * (wanted.log_softmax(-1) - own.log_softmax(-1))).sum(-1)
    return kl.mean() * HEAT**2


def cross_entropies(seen, targets):
    """[loops][rows with a target], and the gate's logits in the same shape."""
    logits, counted = exits(seen), targets != base.IGNORED
    ce = torch.stack([F.cross_entropy(y[counted], targets[counted], reduction="none") for y in logits])
    return ce, torch.cat([s["gate"] for s in seen], 1)[:, counted]


def exits_loss(model, teacher, data, step):
    ids, targets, lengths = data
    ce, gate = cross_entropies(run(*model, ids, lengths), targets)
    leave, left, p = torch.sigmoid(gate), torch.ones_like(gate[0]), []
    for i in range(len(ce) - 1):
        p.append(leave[i] * left)
        left = left * (1 - leave[i])
    p = torch.stack(p + [left])
    return (p * ce + ENTROPY * p * p.log()).sum(0).mean()


def gate_loss(model, teacher, data, step):
    ids, targets, lengths = data
    ce, gate = cross_entropies(run(*model, ids, lengths), targets)
    on = torch.sigmoid(50 * ((ce[:-1] - ce[1:]).clamp(min=0) - 0.005)).detach()
    return F.binary_cross_entropy(1 - torch.sigmoid(gate[1:]), on)


def is_mixer(name, new):
    return any(name.startswith(f"model.layers.{n}.attn.") for n in new)


def learns(name, kind, new):
    gate = ".early_exit_gate." in name
    return {"layers": is_mixer(name, new), "gate": gate, "logits": not gate, "exits": True}[kind]


def make_optimizer(tensors, kind, new):
    groups = []
    for slow in (False, True):
        for decays in (False, True):
            names = [n for n in tensors if learns(n, kind, new) and base.decays(n) == decays
                     and (kind == "logits" and not is_mixer(n, new)) == slow]
            groups.append({"params": [tensors[n] for n in names], "weight_decay": base.DECAY if decays else 0.0,
                           "slow": REST if slow else 1.0})
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=1.0, betas=base.BETAS, eps=base.EPS)


def train(kind, initial, config, teacher, data):
    tensors = {k: v.double().requires_grad_() for k, v in initial.items()}
    new = [n for n, m in enumerate(config["layer_types"]) if m == "gdn"] if teacher else []
    loss_of = {"layers": layers_loss, "logits": logits_loss, "exits": exits_loss, "gate": gate_loss}[kind]
    optimizer, out = make_optimizer(tensors, kind, new), {"loss": [], "gradient_norm": []}
    learning = [t for name, t in tensors.items() if learns(name, kind, new)]
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        losses = []
        for m, lengths in enumerate(base.SEGMENTS):
            micro = data[0][step - 1, m], data[1][step - 1, m], lengths
            losses.append(loss_of((tensors, config), teacher, micro, step))
            (losses[-1] / len(base.SEGMENTS)).backward()
        for t in learning:
            t.grad = torch.zeros_like(t) if t.grad is None else t.grad
        out["loss"].append(torch.stack(losses).mean().detach())
        out["gradient_norm"].append(torch.nn.utils.clip_grad_norm_(learning, base.CLIP))
        for group in optimizer.param_groups:
            group["lr"] = base.learning_rate(step - 1) * group["slow"]
        optimizer.step()
    print(kind, [round(float(x), 4) for x in out["loss"]], [round(float(x), 3) for x in out["gradient_norm"]])
    answers = {f"{kind}.{k}": torch.stack(v) for k, v in out.items()}
    answers.update({f"{kind}.final.{name}": t for name, t in tensors.items() if learns(name, kind, new)})
    return {k: v.detach().float().numpy() for k, v in answers.items()}


def load(folder):
    config = json.load(open(os.path.join(folder, "config.json")))
    if isinstance(config["layer_types"], str):
        config["layer_types"] = config["layer_types"].split(",")
    tensors = safetensors_io.load(os.path.join(folder, "model.safetensors"))
    return {k: torch.from_numpy(v.copy()) for k, v in tensors.items()}, config


if __name__ == "__main__":
    torch.manual_seed(0)
    data_folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data")
    ouro = os.path.join(data_folder, "training/ouro")
    target = os.path.join(data_folder, "distill")
    with tempfile.TemporaryDirectory() as folder:
        student = os.path.join(folder, "student")
        subprocess.run([sys.argv[1], "convert", "--hybrid", "gdn,full", "--seed", "1", ouro, student], check=True)
        initial, config = load(student)
        os.makedirs(target, exist_ok=True)
        for name in ("config.json", "model.safetensors"):
            open(os.path.join(target, name), "wb").write(open(os.path.join(student, name), "rb").read())
    own, own_config = load(ouro)
    recorded = safetensors_io.load(os.path.join(ouro, "answers.safetensors"))
    data = [torch.from_numpy(recorded[n].copy()).long() for n in ("input_ids", "targets")]
    teacher = {k: v.double() for k, v in own.items()}, own_config
    answers = {}
    for kind in ("layers", "logits"):
        answers.update(train(kind, initial, config, teacher, data))
    for kind in ("exits", "gate"):
        answers.update(train(kind, own, own_config, None, data))
    safetensors_io.save(os.path.join(target, "answers.safetensors"), answers)
