# SPDX-License-Identifier: BSD-2-Clause
# Linear mixers without the delta rule in plain float64 PyTorch, token by token: retention. Written for
# reading, like hybrid_model.py, which uses them.
import torch
import torch.nn.functional as F

import hybrid_model


def linear_rule(q, k, v, decay, seen):
    """decay is [tokens][heads][1 or key channels], k already times what it enters the state with."""
    state = torch.zeros(v.shape[1], k.shape[2], v.shape[2], dtype=v.dtype)
    out = []
    for t in range(len(v)):
        state = state * decay[t][..., None] + torch.einsum("hk,hv->hkv", k[t], v[t])
        out.append(torch.einsum("hk,hkv->hv", q[t], state))
    seen["state"] = state
    return torch.stack(out)


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
