# SPDX-License-Identifier: BSD-2-Clause
# Linear mixers without the delta rule in plain float64 PyTorch, as attention: retention, HGRN2 and
# Mamba2. Written for reading, like hybrid_model.py, which uses them.
import torch
import torch.nn.functional as F

import hybrid_model


def linear_rule(q, k, v, decay, seen):
    """All tokens against all before them; decay is [tokens][heads][1 or key channels]."""
    since = decay.log().cumsum(0)
    apart = since[:, None] - since[None]
    later = torch.ones(len(v), len(v), dtype=torch.bool).triu(1)
    apart = apart.masked_fill(later[:, :, None, None], float("-inf")).exp()
    seen["state"] = torch.einsum("thk,thv->hkv", k * (since[-1:] - since).exp(), v)
    return torch.einsum("tsh,shv->thv", (q[:, None] * k[None] * apart).sum(-1), v)


def retnet(x, p, config, seen):
    heads, hidden = config["num_heads"], config["hidden_size"]
    key_heads = config.get("num_kv_heads") or heads
    key, value = (int(hidden * config.get(n, d)) // heads for n, d in (("expand_k", 1), ("expand_v", 2)))
    q = (x @ p["q_proj.weight"].T).view(-1, heads, key)
    k = (x @ p["k_proj.weight"].T).view(-1, key_heads, key)
    v = (x @ p["v_proj.weight"].T).view(-1, key_heads, value)
    if config.get("feature_map") is not None:
        q, k = F.silu(q), F.silu(k)
    q, k = hybrid_model.rope(q, 10000.0), hybrid_model.rope(k, 10000.0)
    k, v = (t.repeat_interleave(heads // key_heads, 1) for t in (k, v))
    rate = 1 - 2.0 ** (-5 - torch.arange(heads, dtype=x.dtype))
    o = linear_rule(q * key**-0.5, k, v, rate[None, :, None].expand(len(x), -1, -1), seen)
    fused = "g_norm_swish_gate.weight"
    o = hybrid_model.rmsnorm(o, p[fused if fused in p else "g_norm.weight"], config.get("norm_eps", 1e-6))
    if "g_proj.weight" in p:
        o = o * F.silu((x @ p["g_proj.weight"].T).view(-1, heads, value))
    return o.flatten(1) @ p["o_proj.weight"].T


def lower_bounds(tensors, config):
    """[layers][channels], or None."""
    if not config.get("use_lower_bound", True):
        return None
    share = tensors["model.lower_bounds"].softmax(0)
    return share.cumsum(0) - share[0]


def hgrn2(x, p, config, seen, lower=None):
    hidden, key = config["hidden_size"], config.get("expand_ratio")
    heads = hidden // key if key else config["num_heads"]
    key, value = key or hidden // heads, hidden // heads
    decay = torch.sigmoid(x @ p["f_proj.weight"].T)
    if lower is not None:
        decay = lower + (1 - lower) * decay
    decay = decay.view(-1, heads, key)
    q = F.silu(x @ p["q_proj.weight"].T).view(-1, heads, key)
    v = (x @ p["i_proj.weight"].T).view(-1, heads, value)
    o = linear_rule(q * key**-0.5, 1 - decay, v, decay, seen)
    return hybrid_model.rmsnorm(o.flatten(1), p["g_norm.weight"], config.get("norm_eps", 1e-6)) @ p["o_proj.weight"].T


def mamba2(x, p, config, seen):
    hidden, dim, state = config["hidden_size"], config.get("head_dim", 64), config.get("state_size", 128)
    inner, groups = int(config.get("expand", 2) * hidden), config.get("n_groups", 1)
    heads, length = inner // dim, len(x)
    projected = x @ p["in_proj.weight"].T + p.get("in_proj.bias", 0)
    z, xbc, step = projected.split([inner, inner + 2 * groups * state, heads], -1)
    taps = p["conv1d.weight"].shape[-1]
    padded = F.pad(xbc, (0, 0, taps - 1, 0))
    xbc = sum(padded[j : j + length] * p["conv1d.weight"][:, 0, j] for j in range(taps))
    xbc = F.silu(xbc + p.get("conv1d.bias", 0))
    v, b, c = xbc.split([inner, groups * state, groups * state], -1)
    v = v.view(length, heads, dim)
    b, c = (t.view(length, groups, state).repeat_interleave(heads // groups, 1) for t in (b, c))
    low, high = config.get("dt_limit") or (0, float("inf"))
    step = F.softplus(step + p["dt_bias"]).clamp(low, high)
    decay = (-p["A_log"].exp() * step).exp()
    y = linear_rule(c, b * step[..., None], v, decay[..., None], seen)
    skip = p["D"].view(heads, -1)
    y = (y + skip * v).flatten(1)
    if config.get("rmsnorm", True):
        first = config.get("norm_before_gate", False)
        y = y if first else y * F.silu(z)
        weight, eps = p["norm.weight"].view(groups, -1), config.get("norm_eps", 1e-5)
        y = hybrid_model.rmsnorm(y.view(length, groups, -1), weight, eps).flatten(1)
        y = y * F.silu(z) if first else y
    else:
        y = y * F.silu(z)
    return y @ p["out_proj.weight"].T + p.get("out_proj.bias", 0)


def mamba2_model(tensors, config, ids, seen):
    eps = config.get("norm_eps", 1e-5)
    x = tensors["backbone.embeddings.weight"][ids]
    for n in range(config["num_hidden_layers"]):
        prefix = f"backbone.layers.{n}."
        p = {k[len(prefix) + 6 :]: v for k, v in tensors.items() if k.startswith(prefix + "mixer.")}
        h = hybrid_model.rmsnorm(x, tensors[prefix + "norm.weight"], eps)
        x = x + mamba2(h, p, config, seen.setdefault(n, {}))
    head = tensors.get("lm_head.weight", tensors["backbone.embeddings.weight"])
    return hybrid_model.rmsnorm(x, tensors["backbone.norm_f.weight"], eps) @ head.T
