# SPDX-License-Identifier: BSD-2-Clause
# A plain float64 PyTorch statement of the looped models, "lt2" and "ouro": every layer is run over the
# whole sequence, loop after loop, and no loop sees another's state. Written for reading, like
# hybrid_model.py, whose linear mixers it uses.
import torch
import torch.nn.functional as F

import hybrid_model
import linear_mixers
from hybrid_model import nsa, rmsnorm


def rotate(x, theta, interleaved, first=0):
    """x: [tokens][heads][dim], the first token at position `first`"""
    length, dim = x.shape[0], x.shape[-1]
    frequency = theta ** (-torch.arange(0, dim, 2, dtype=x.dtype) / dim)
    angle = ((first + torch.arange(length, dtype=x.dtype))[:, None] * frequency)[:, None]
    a, b = (x[..., 0::2], x[..., 1::2]) if interleaved else x.chunk(2, -1)
    p, q = a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()
    return torch.stack([p, q], -1).flatten(-2) if interleaved else torch.cat([p, q], -1)


def output_gate(kind, x, both, p, heads, key_heads, dim):
    """The logits of the gate, [tokens][heads][dim or 1], and q out of the projection that may hold both."""
    tokens = len(x)
    if kind == "query":
        q, gate = both.view(tokens, heads, 2 * dim).chunk(2, -1)
    elif kind == "query_group":
        q, gate = both.view(tokens, key_heads, 2 * heads // key_heads * dim).chunk(2, -1)
    else:
        q, gate = both, x @ p["g_proj.weight"].T if kind != "none" else None
    gate = None if gate is None else gate.reshape(tokens, heads, -1)
    return q.reshape(tokens, heads, dim), gate


def indexer_scores(x, p, index, theta):
    """How much each token wants each earlier one, [tokens][tokens]."""
    length, heads, dim = len(x), index.get("index_n_heads", 8), index.get("index_head_dim", 64)
    q, k = (x @ p["indexer.q_proj.weight"].T).view(length, heads, dim), x @ p["indexer.k_proj.weight"].T
    if index.get("index_scorer", "relu") == "mean_dot":
        return torch.einsum("qhd,kd->qk", q, k) / heads
    k = F.layer_norm(k, (dim,), p["indexer.k_norm.weight"], p["indexer.k_norm.bias"],
                     index.get("index_norm_eps", 1e-6))
    turned, interleaved = index.get("index_rope_dim", dim // 4 * 2), index.get("index_rope_interleaved", False)

    def turn(y):
        return torch.cat([rotate(y[..., :turned], theta, interleaved), y[..., turned:]], -1)

    q, k = (turn(q), turn(k[:, None])[:, 0]) if turned else (q, k)
    weight = (x @ p["indexer.weights_proj.weight"].T) * heads**-0.5 * dim**-0.5
    return torch.einsum("qh,qhk->qk", weight, torch.einsum("qhd,kd->qhk", q, k).relu())


def selected(scores, index):
    """Which tokens each attends to: forced ones first, then the best, the lower position first on ties; and the
    smallest gap between a score that was chosen and one that was not."""
    length, gap = len(scores), float("inf")
    top, first = index.get("index_topk", 2048), index.get("index_first", 0)
    last = index.get("index_last", min(64, (top - first) // 4))
    visible = torch.zeros(length, length, dtype=torch.bool)
    for t in range(length):
        if t < top:
            visible[t, : t + 1] = True
            continue
        visible[t, :first] = visible[t, t + 1 - last : t + 1] = True
        rest = sorted(range(first, t + 1 - last), key=lambda s: (-float(scores[t, s]), s))
        taken = top - first - last
        visible[t, rest[:taken]] = True
        here = float(scores[t, rest[taken - 1]] - scores[t, rest[taken]]) if taken else 0
        gap = min(gap, here or gap)  # ReLU makes zeros that are equal everywhere
    return visible, gap


def divergence(paid, wanted, visible):
    """Of the softmax of what an indexer wants from the attention that is paid, summed over the tokens."""
    log = wanted.masked_fill(~visible, float("-inf")).log_softmax(-1)
    return torch.where(paid > 0, paid * (paid.clamp(min=1e-300).log() - log), 0 * paid).sum()


def attention(x, p, heads, key_heads, dim, theta, window, interleaved, gate="none", past=None, index=None,
              seen=None):
    """past: a dict that holds the keys and values of earlier tokens as "k" and "v", and to whose list
    "loops" those of all tokens are added. index: the config of an indexer that selects."""
    length, first = len(x), len(past["k"]) if past and "k" in past else 0

    def project(name):
        y = x @ p[name + "_proj.weight"].T
        return y + p[name + "_proj.bias"] if name + "_proj.bias" in p else y

    def normed(y, name):
        return rmsnorm(y, p[name], 1e-5) if name in p else y

    q, logits = output_gate(gate, x, project("q"), p, heads, key_heads, dim)
    k, v = (project(name).view(length, key_heads, dim) for name in "kv")
    q = rotate(normed(q, "q_norm.weight"), theta, interleaved, first)
    k = rotate(normed(k, "k_norm.weight"), theta, interleaved, first)
    if first:
        k, v = torch.cat([past["k"], k]), torch.cat([past["v"], v])
    if past is not None:
        past.setdefault("loops", []).append((k, v))
    k, v = (t.repeat_interleave(heads // key_heads, 1) for t in (k, v))
    distance = first + torch.arange(length)[:, None] - torch.arange(first + length)[None]
    visible = (distance >= 0) & (distance < (window or first + length))
    if index is not None:
        wanted = indexer_scores(x.detach(), p, index, theta)
        if not index.get("dense"):
            visible, seen["gap"] = selected(wanted.detach(), index)
    scores = torch.einsum("qhd,khd->hqk", q, k) * dim**-0.5
    weight = scores.masked_fill(~visible, float("-inf")).softmax(-1)
    if index is not None:
        seen["divergence"] = divergence(weight.detach().mean(0), wanted, visible)
    o = torch.einsum("hqk,khd->qhd", weight, v)
    if logits is not None:
        o = o * torch.sigmoid(logits)
    return o.flatten(1) @ p["o_proj.weight"].T


def swiglu(y, p, prefix):
    return (F.silu(y @ p[prefix + "gate_proj.weight"].T) * (y @ p[prefix + "up_proj.weight"].T)) @ p[
        prefix + "down_proj.weight"
    ].T


def below(tensors, prefix):
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


def mixers(text, layers):
    """The mixer of every layer, and after how many layers the layout repeats."""
    if isinstance(text, list):
        return text, layers
    kind, *parts = text.split(":")
    if kind == "interleaved":
        n, m, a, b = int(parts[0]), int(parts[1]), parts[2], parts[3]
    elif kind == "bookend":
        n = int(parts[0])
        return ["full" if i < n or i >= layers - n else "gdn" for i in range(layers)], layers
    elif parts:
        n, m, a, b = int(kind), int(parts[0]), "gdn", "full"
    else:
        return [kind] * layers, layers
    return [a if i % (n + m) < n else b for i in range(layers)], n + m


def windows(text, layers, size):
    """One loop's windows, None where there is none."""
    kind, *parts = text.split(":")
    if kind in ("bookend", "sandwich"):
        n = int(parts[0])
        return [None if i < n or i >= layers - n else size for i in range(layers)]
    if parts:
        a, b = int(kind), int(parts[0])
        return [size if i % (a + b) < a else None for i in range(layers)]
    entries = [None if e == "full" else int(e.removeprefix("SWA=")) for e in text.split(",")]
    return entries * layers if len(entries) == 1 else entries


def out_norm(y, p, name, eps):
    return rmsnorm(y, p[name], eps) if name in p else y


def linear_layers(config, heads, width):
    """By the name in layouts: the mixer, and its keys."""
    kinds = {
        "gdn": (hybrid_model.gated_deltanet, {"head_dim": width * 3 // 4 // heads, "expand_v": 2}),
        "kda": (hybrid_model.kda, {"head_dim": width // heads}),
        "deltanet": (hybrid_model.delta_net, {}),
        "retnet": (linear_mixers.retnet, {}),
        "hgrn2": (linear_mixers.hgrn2, {}),
        "mamba2": (linear_mixers.mamba2, {"head_dim": 2 * width // heads, "state_size": 64}),
    }
    common = {"num_heads": heads, "hidden_size": width, "norm_eps": 1e-5}
    return {kind: (mixer, {**common, **keys, **config.get(kind, {})}) for kind, (mixer, keys) in kinds.items()}


def lt2(tensors, config, ids, seen):
    layers, loops, heads = config["num_hidden_layers"], config.get("num_loops", 4), config["num_heads"]
    width, eps = config["hidden_size"], config.get("norm_eps", 1e-6)
    kinds, block = mixers(config.get("layer_types", "full"), layers)
    masks = config.get("window_pattern", "full").split("->")
    linear = linear_layers(config, heads, width)
    nsa_config = {"num_heads": heads, "num_kv_heads": config.get("num_kv_heads", heads), "head_dim": width // heads,
                  "block_size": 64, "block_counts": 16, "window_size": 512, **config.get("nsa", {})}
    theta, interleaved = config.get("rope_theta", 10000.0), config.get("rope_interleaved", True)

    def turn(y):
        return rotate(y, theta, interleaved)

    h = tensors["model.embeddings.weight"][ids]
    for loop in range(loops):
        mask = windows(masks[loop % len(masks)], layers, config.get("window_size", 2048))
        start = block_start = h
        for n in range(layers):
            p = below(tensors, f"model.layers.{n}.")
            y = seen.setdefault(loop * layers + n, {})["normed"] = rmsnorm(h, p["attn_norm.weight"], eps)
            if kinds[n] in linear:
                mixer, keys = linear[kinds[n]]
                y = mixer(y, below(p, "attn."), keys, seen.setdefault(loop * layers + n, {}))
            elif kinds[n] == "nsa":
                y = nsa(y, below(p, "attn."), nsa_config, seen.setdefault(loop * layers + n, {}), turn)
            else:
                dsa = dict(config.get("dsa", {}), dense=config.get("dense")) if kinds[n] == "dsa" else None
                y = attention(y, below(p, "attn."), heads, config.get("num_kv_heads", heads),
                              config.get("head_dim", width // heads),
                              theta, mask[n], interleaved, config.get("attn_gate", "none"), index=dsa,
                              seen=seen.setdefault(loop * layers + n, {}))
            seen[loop * layers + n]["mixed"] = y
            h = h + out_norm(y, p, "attn_out_norm.weight", eps)
            h = h + out_norm(swiglu(rmsnorm(h, p["mlp_norm.weight"], eps), p, "mlp."), p, "mlp_out_norm.weight", eps)
            if config.get("block_residual") and ((n + 1) % block == 0 or n + 1 == layers):
                h = block_start = h + tensors["model.block_residual_weight"][n // block] * block_start
            seen.setdefault(loop * layers + n, {})["stream"] = h
        if config.get("residual_gate", "channel") != "none":
            h = h + tensors["model.residual_weight"][loop] * start
        normed = rmsnorm(h, tensors["model.norm.weight"], eps)
        h = normed if config.get("loop_norm") else h
        seen[loop * layers + layers - 1]["stream"] = h
        head = tensors.get("lm_head.weight", tensors["model.embeddings.weight"])
        seen.setdefault("exits", []).append(normed @ head.T)
    return seen["exits"][-1]


def exit_steps(logits, threshold):
    """The loop after which each token leaves; logits [loops][tokens]."""
    loops, tokens = logits.shape
    left, total = torch.ones(tokens, dtype=logits.dtype), torch.zeros(tokens, dtype=logits.dtype)
    step = torch.full((tokens,), loops - 1)
    for i in range(loops - 1):
        chance = torch.sigmoid(logits[i])
        total, left = total + chance * left, left * (1 - chance)
        step = torch.where((total >= threshold) & (step == loops - 1), torch.full_like(step, i), step)
    return step


def ouro(tensors, config, ids, seen, past=None):
    layers, loops = config["num_hidden_layers"], config["total_ut_steps"]
    heads, eps = config["num_attention_heads"], config["rms_norm_eps"]
    h, streams, logits = tensors["model.embed_tokens.weight"][ids], [], []
    for loop in range(loops):
        for n in range(layers):
            p = below(tensors, f"model.layers.{n}.")
            sliding = config["layer_types"][n] == "sliding_attention"
            normed = rmsnorm(h, p["input_layernorm.weight"], eps)
            y = attention(normed, below(p, "self_attn."), heads, config["num_key_value_heads"],
                          config["head_dim"], config["rope_theta"],
                          config["sliding_window"] if sliding else None, False, past=past and past[n])
            seen.setdefault(loop * layers + n, {}).update(normed=normed, mixed=y)
            h = h + rmsnorm(y, p["input_layernorm_2.weight"], eps)
            y = swiglu(rmsnorm(h, p["post_attention_layernorm.weight"], eps), p, "mlp.")
            h = h + rmsnorm(y, p["post_attention_layernorm_2.weight"], eps)
            seen.setdefault(loop * layers + n, {})["stream"] = h
        h = rmsnorm(h, tensors["model.norm.weight"], eps)
        seen[loop * layers + layers - 1]["stream"] = h
        streams.append(h)
        logits.append(h @ tensors["model.early_exit_gate.weight"][0] + tensors["model.early_exit_gate.bias"])
    seen["gate"], seen["exits"] = torch.stack(logits), [y @ tensors["lm_head.weight"].T for y in streams]
    step = exit_steps(torch.stack(logits), config["early_exit_threshold"])
    seen["step"] = step
    chosen = torch.stack(streams)[step, torch.arange(len(ids))]
    return chosen @ tensors["lm_head.weight"].T


def ouro_shared(tensors, config, ids):
    """Token by token: every loop sees, of the tokens before, the keys and values of the loop after which
    they left."""
    past, rows = [{} for _ in range(config["num_hidden_layers"])], []
    for token in ids:
        seen = {}
        rows.append(ouro(tensors, config, token[None], seen, past)[0])
        for layer in past:
            layer["k"], layer["v"] = layer.pop("loops")[seen["step"][0]]
    return torch.stack(rows)


def forward(tensors, config, ids, seen):
    """Logits [tokens][vocabulary]; seen[slot] gets the stream after each slot, and delta-rule states."""
    return {"lt2": lt2, "ouro": ouro}[config["model_type"]](tensors, config, ids, seen)
