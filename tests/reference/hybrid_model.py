# SPDX-License-Identifier: BSD-2-Clause
# A plain float64 PyTorch statement of the models: gated DeltaNet (value heads, expanded values, negative
# eigenvalues), DeltaNet, Kimi Delta Attention, full and sliding-window attention, native sparse attention,
# learnable token eviction by the streaming rules or, if config["training"] is set, by those of training.
# Written for reading, token by token and without caches;
# no test needs it at run time.
import torch
import torch.nn.functional as F

import linear_mixers


def rmsnorm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def l2norm(x):
    return x * torch.rsqrt(x.pow(2).sum(-1, keepdim=True) + 1e-6)


def rope(x, theta):
    length, dim = x.shape[0], x.shape[-1]
    frequency = theta ** (-torch.arange(0, dim, 2, dtype=x.dtype) / dim)
    angle = (torch.arange(length, dtype=x.dtype)[:, None] * frequency)[:, None]
    a, b = x.chunk(2, -1)
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


def short_conv(x, weight):
    taps = weight.shape[-1]
    padded = F.pad(x, (0, 0, taps - 1, 0))
    return F.silu(sum(padded[j : j + len(x)] * weight[:, 0, j] for j in range(taps)))


def mixed(name, x, p, config):
    y = x @ p[name + "_proj.weight"].T
    if config.get("use_short_conv", True):
        return short_conv(y, p[name + "_conv1d.weight"])
    return F.silu(y)


def delta_rule(q, k, v, beta, decay, seen):
    """Token by token; decay is [tokens][heads][1 or key channels]."""
    state = torch.zeros(v.shape[1], k.shape[2], v.shape[2], dtype=v.dtype)
    out = []
    for t in range(len(v)):
        state = state * decay[t][..., None]
        error = v[t] - torch.einsum("hk,hkv->hv", k[t], state)
        state = state + torch.einsum("hk,hv->hkv", k[t], beta[t][:, None] * error)
        out.append(torch.einsum("hk,hkv->hv", q[t], state))
    seen["state"] = state
    return torch.stack(out)


def normed_heads(x, p, config, heads, key, value_heads, value):
    q = l2norm(mixed("q", x, p, config).view(-1, heads, key)) * key**-0.5
    k = l2norm(mixed("k", x, p, config).view(-1, heads, key))
    v = mixed("v", x, p, config).view(-1, value_heads, value)
    return *(t.repeat_interleave(value_heads // heads, 1) for t in (q, k)), v


def gated_deltanet(x, p, config, seen):
    heads, key = config["num_heads"], config["head_dim"]
    value_heads = config.get("num_v_heads") or heads
    value = int(key * config.get("expand_v", 2))
    q, k, v = normed_heads(x, p, config, heads, key, value_heads, value)
    beta = torch.sigmoid(x @ p["b_proj.weight"].T) * (2 if config.get("allow_neg_eigval") else 1)
    decay = (-p["A_log"].exp() * F.softplus(x @ p["a_proj.weight"].T + p["dt_bias"])).exp()
    o = delta_rule(q, k, v, beta, decay[..., None], seen)
    o = rmsnorm(o, p["o_norm.weight"], config.get("norm_eps", 1e-5))
    if config.get("use_gate", True):
        o = o * F.silu((x @ p["g_proj.weight"].T).view(-1, value_heads, value))
    return o.flatten(1) @ p["o_proj.weight"].T


def delta_net(x, p, config, seen):
    heads, hidden = config["num_heads"], config["hidden_size"]
    key, value = (int(hidden * config.get(n, 1)) // heads for n in ("expand_k", "expand_v"))
    q, k, v = normed_heads(x, p, config, heads, key, heads, value)
    beta = torch.sigmoid(x @ p["b_proj.weight"].T) * (2 if config.get("allow_neg_eigval") else 1)
    o = delta_rule(q, k, v, beta, torch.ones(len(x), heads, 1, dtype=x.dtype), seen)
    o = rmsnorm(o, p["o_norm.weight"], config.get("norm_eps", 1e-6))
    if config.get("use_gate", False):
        o = o * F.silu((x @ p["g_proj.weight"].T).view(-1, heads, value))
    return o.flatten(1) @ p["o_proj.weight"].T


def kda(x, p, config, seen):
    heads, key = config["num_heads"], config["head_dim"]
    value_heads = config.get("num_v_heads") or heads
    value = int(key * config.get("expand_v", 1))
    q, k, v = normed_heads(x, p, config, heads, key, value_heads, value)
    beta = torch.sigmoid(x @ p["b_proj.weight"].T) * (2 if config.get("allow_neg_eigval") else 1)
    f = x @ p["f_proj.0.weight"].T @ p["f_proj.1.weight"].T + p["dt_bias"]
    f, rate = f.view(-1, value_heads, key), p["A_log"].exp()[:, None]
    if config.get("lower_bound") is not None:
        decay = (config["lower_bound"] * torch.sigmoid(rate * f)).exp()
    else:
        decay = (-rate * F.softplus(f)).exp()
    o = delta_rule(q, k, v, beta, decay, seen)
    gate = x @ p["g_proj.0.weight"].T @ p["g_proj.1.weight"].T + p["g_proj.1.bias"]
    o = rmsnorm(o, p["o_norm.weight"], config.get("norm_eps", 1e-6))
    o = o * torch.sigmoid(gate.view(-1, value_heads, value))
    return o.flatten(1) @ p["o_proj.weight"].T


def retention_scores(k, v, p, attn):
    x = torch.cat([k, v], -1)
    heads = x.shape[1]
    if attn["routing_shared"] == "head":
        x, groups = x.flatten(1).T[None], heads
    else:
        x, groups = x.permute(1, 2, 0), 1
    for i, (taps, dilation) in enumerate(zip(attn["conv_size"], attn["conv_dilation"])):
        total = dilation * (taps - 1)
        name = f"router.conv_stack.convs.{i}."
        x = F.pad(x, (total // 2, total - total // 2))
        x = F.conv1d(x, p[name + "weight"][:, :, 0], p[name + "bias"], dilation=dilation, groups=groups)
        x = F.silu(x)
    z = F.conv1d(
        x, p["router.conv_stack.proj.weight"][:, :, 0], p["router.conv_stack.proj.bias"], groups=groups
    )
    z = z[0].T if attn["routing_shared"] == "head" else z[:, 0].T
    return torch.sigmoid(z) - 0.5 if attn["routing_method"] == "sigmoid" else F.relu(z)


def streaming_visibility(score, attn):
    """[heads][query][key]: the window, and what a buffer of fixed size has kept so far."""
    length, heads = score.shape
    window, visible = attn["window_size"], torch.zeros(heads, length, length, dtype=torch.bool)
    for h in range(heads):
        buffer = []
        for p in range(length):
            leaving = p - window - 1
            if leaving >= 0:
                s = float("inf") if leaving < attn["sink_size"] else float(score[leaving, h])
                if s > 0 and len(buffer) < attn["buffer_size"]:
                    buffer.append((s, leaving))
                elif s > 0:
                    least = min(range(len(buffer)), key=lambda i: (buffer[i][0], i))
                    if s > buffer[least][0]:
                        buffer[least] = (s, leaving)
            visible[h, p, max(0, p - window) : p + 1] = True
            visible[h, p, [token for _, token in buffer]] = True
    return visible


def training_visibility(score, attn):
    """[heads][query][key]: the window, and every token selected before it; the buffer has no limit."""
    tokens = torch.arange(len(score))
    selected = (score > 0) | (tokens < attn["sink_size"])[:, None]
    distance = tokens[:, None] - tokens[None]
    return (distance >= 0) & (selected.T[:, None] | (distance <= attn["window_size"]))


def straight_through(v, score):
    """v itself, whose gradient flows on into score as if v were multiplied by it."""
    return v * (1 + (score - score.detach()))[..., None]


def attention(x, p, config, seen):
    attn = config.get("attn") or config
    heads = attn["num_heads"]
    key_heads = attn.get("num_kv_heads") or heads
    dim, length = config["hidden_size"] // heads, len(x)
    theta, window = attn.get("rope_theta", 10000.0), attn.get("window_size")

    def project(name, n):
        y = x @ p[name + "_proj.weight"].T
        if name + "_proj.bias" in p:
            y = y + p[name + "_proj.bias"]
        y = y.view(length, n, dim)
        norm = name + "_norm.weight"
        return rmsnorm(y, p[norm], 1e-5) if norm in p else y

    q, k, v = project("q", heads), project("k", key_heads), project("v", key_heads)
    distance = torch.arange(length)[:, None] - torch.arange(length)[None]
    if attn.get("attn_type") == "lte":
        routed = (k, v) if attn["routing_grad"] else (k.detach(), v.detach())
        score = seen["score"] = retention_scores(*routed, p, attn)
        if config.get("training"):
            visible, v = training_visibility(score, attn), straight_through(v, score)
        else:
            visible = streaming_visibility(score, attn)
    else:
        visible = (distance >= 0) & (distance < window if window else distance >= 0)
        visible = visible[None].expand(key_heads, -1, -1)
    seen["visible"] = visible
    q, k = rope(q, theta), rope(k, theta)
    k, v = (t.repeat_interleave(heads // key_heads, 1) for t in (k, v))
    visible = visible.repeat_interleave(heads // key_heads, 0)
    scores = torch.einsum("qhd,khd->hqk", q, k) * dim**-0.5
    weight = scores.masked_fill(~visible, float("-inf")).softmax(-1)
    return torch.einsum("hqk,khd->qhd", weight, v).flatten(1) @ p["o_proj.weight"].T


def nsa_blocks(importance, t, attn):
    """The blocks of query t: the forced ones, then the most important, the lower index first on ties."""
    own, top = t // attn["block_size"], attn["block_counts"]
    forced = {0, max(own - 1, 0), own}
    rest = sorted(set(range(own)) - forced, key=lambda c: (-float(importance[c]), c))
    return sorted(forced) + rest[: max(0, top - len(forced))]


def nsa(x, p, config, seen, turn=None):
    """Native sparse attention, query by query. turn: rotary positions, if not those of halves."""
    attn = config.get("attn") or config
    heads, dim, size = attn["num_heads"], attn.get("head_dim", 64), attn["block_size"]
    key_heads = attn.get("num_kv_heads") or heads
    length, group, scale = len(x), heads // key_heads, dim**-0.5

    def project(name, n):
        y = x @ p[name + "_proj.weight"].T
        return (y + p[name + "_proj.bias"] if name + "_proj.bias" in p else y).view(length, n, dim)

    turn = turn or (lambda y: rope(y, attn.get("rope_theta", 10000.0)))
    q, k, v = turn(project("q", heads)), turn(project("k", key_heads)), project("v", key_heads)
    gate = torch.sigmoid(x @ p["g_proj.weight"].T).view(length, heads, 3, 1)
    complete = length // size * size
    kc, vc = (y[:complete].view(-1, size, key_heads, dim).mean(1) for y in (k, v))
    out, gap = torch.zeros(length, heads, dim, dtype=x.dtype), float("inf")
    for t in range(length):
        for g in range(key_heads):
            h = slice(g * group, (g + 1) * group)

            def attend(keys, values):
                weight = (q[t, h] @ keys.T * scale).softmax(-1)
                return weight, weight @ values

            importance, pooled = attend(kc[: (t + 1) // size, g], vc[: (t + 1) // size, g])
            importance = importance.sum(0)
            blocks = nsa_blocks(importance, t, attn)
            tokens = [j for c in sorted(blocks) for j in range(c * size, (c + 1) * size) if j <= t]
            left = [importance[c] for c in range(t // size) if c not in blocks]
            least = [importance[c] for c in blocks if c not in (0, t // size - 1, t // size)]
            if left and least:
                gap = min(gap, float(min(least) - max(left)))
            low = max(0, t - attn["window_size"] + 1)
            branches = (pooled, attend(k[tokens, g], v[tokens, g])[1], attend(k[low : t + 1, g], v[low : t + 1, g])[1])
            out[t, h] = sum(gate[t, h, i] * o for i, o in enumerate(branches))
    seen["gap"] = gap
    return out.flatten(1) @ p["o_proj.weight"].T


def mixer_of(config, layer):
    if config["model_type"] == "nsa":
        return nsa
    if config["model_type"] == "transformer":
        return attention
    attn = config.get("attn") or {}
    if layer not in attn.get("layers", []):
        own = {"delta_net": delta_net, "kda": kda, "retnet": linear_mixers.retnet, "hgrn2": linear_mixers.hgrn2}
        return own.get(config["model_type"], gated_deltanet)
    return nsa if attn.get("attn_type") == "nsa" else attention


def forward(tensors, config, ids, seen):
    """Logits [tokens][vocabulary]; seen[layer] gets states, scores and visibility."""
    if config["model_type"] == "mamba2":
        return linear_mixers.mamba2_model(tensors, config, ids, seen)
    eps = config.get("norm_eps", 1e-6)
    x = tensors["model.embeddings.weight"][ids]
    bounds = linear_mixers.lower_bounds(tensors, config) if config["model_type"] == "hgrn2" else None
    for n in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{n}."
        p = {k[len(prefix) + 5 :]: v for k, v in tensors.items() if k.startswith(prefix + "attn.")}
        w = lambda name: tensors[prefix + name + ".weight"]
        h = rmsnorm(x, w("attn_norm"), eps)
        mixer = mixer_of(config, n)
        bound = [] if mixer is not linear_mixers.hgrn2 else [bounds[n] if bounds is not None else None]
        x = x + mixer(h, p, config, seen.setdefault(n, {}), *bound)
        h = rmsnorm(x, w("mlp_norm"), eps)
        x = x + (F.silu(h @ w("mlp.gate_proj").T) * (h @ w("mlp.up_proj").T)) @ w("mlp.down_proj").T
    head = tensors.get("lm_head.weight", tensors["model.embeddings.weight"])
    return rmsnorm(x, tensors["model.norm.weight"], eps) @ head.T
