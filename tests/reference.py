"""What should the numbers be? The decoder and the GRPO loss again, as scalar loops.

Nothing here is shared with minir1, and nothing is fast: plain Python floats and one loop an
index, so that each line can be checked against the printed formula. Parameters are nested
lists under Hugging Face's names; config is anything with Hugging Face's attributes.
"""

import math


def vector(matrix, x, bias=None):
    out = []
    for i, row in enumerate(matrix):
        total = math.fsum(w * v for w, v in zip(row, x, strict=True))
        out.append(total + bias[i] if bias is not None else total)
    return out


def normalise(x, weight, eps):
    power = math.fsum(v * v for v in x) / len(x)
    return [w * v / math.sqrt(power + eps) for v, w in zip(x, weight, strict=True)]


def rotate(x, position, base):
    """Turn the pair (x[i], x[i + D/2]) by position / base^(2i/D)."""
    half, out = len(x) // 2, list(x)
    for i in range(half):
        angle = position / base ** (2 * i / len(x))
        a, b = x[i], x[i + half]
        out[i] = a * math.cos(angle) - b * math.sin(angle)
        out[i + half] = a * math.sin(angle) + b * math.cos(angle)
    return out


def log_softmax(z):
    top = max(z)
    total = top + math.log(math.fsum(math.exp(v - top) for v in z))
    return [v - total for v in z]


def heads(params, config, name, x, position, normed, turned):
    y = vector(params[name + "_proj.weight"], x, params.get(name + "_proj.bias"))
    D, out = config.head_dim, []
    for h in range(len(y) // D):
        part = y[h * D : (h + 1) * D]
        if normed and name + "_norm.weight" in params:
            part = normalise(part, params[name + "_norm.weight"], config.rms_norm_eps)
        out.append(rotate(part, position, config.rope_theta) if turned else part)
    return out


def attend(queries, keys, values, t, config):
    """One position's heads: softmax over positions 0..t, several queries to a key head."""
    H, K, D = config.num_attention_heads, config.num_key_value_heads, config.head_dim
    out = []
    for h in range(H):
        k = h * K // H
        scores = []
        for s in range(t + 1):
            dot = math.fsum(queries[t][h][d] * keys[s][k][d] for d in range(D))
            scores.append(dot / math.sqrt(D))
        weights = [math.exp(v) for v in log_softmax(scores)]
        for d in range(D):
            out.append(math.fsum(weights[s] * values[s][k][d] for s in range(t + 1)))
    return out


def forward(params, config, tokens):
    """Return the logits of every position: [T][V]."""
    eps = config.rms_norm_eps
    stream = [list(params["model.embed_tokens.weight"][token]) for token in tokens]
    for i in range(config.num_hidden_layers):
        at = f"model.layers.{i}."
        queries, keys, values = [], [], []
        for t, x in enumerate(stream):
            x = normalise(x, params[at + "input_layernorm.weight"], eps)
            queries.append(heads(params, config, at + "self_attn.q", x, t, True, True))
            keys.append(heads(params, config, at + "self_attn.k", x, t, True, True))
            values.append(heads(params, config, at + "self_attn.v", x, t, False, False))
        for t, x in enumerate(stream):
            mixed = attend(queries, keys, values, t, config)
            mixed = vector(params[at + "self_attn.o_proj.weight"], mixed)
            x = [a + b for a, b in zip(x, mixed, strict=True)]
            h = normalise(x, params[at + "post_attention_layernorm.weight"], eps)
            gate = vector(params[at + "mlp.gate_proj.weight"], h)
            up = vector(params[at + "mlp.up_proj.weight"], h)
            h = [g / (1 + math.exp(-g)) * u for g, u in zip(gate, up, strict=True)]
            h = vector(params[at + "mlp.down_proj.weight"], h)
            stream[t] = [a + b for a, b in zip(x, h, strict=True)]
    head = params.get("lm_head.weight", params["model.embed_tokens.weight"])
    return [vector(head, normalise(x, params["model.norm.weight"], eps)) for x in stream]


def token_logprobs(params, config, tokens, temperature=1.0):
    """Return log π(token t+1 | tokens 0..t) for t = 0..T-2."""
    out = []
    for t, z in enumerate(forward(params, config, tokens)[:-1]):
        out.append(log_softmax([v / temperature for v in z])[tokens[t + 1]])
    return out


def advantages(rewards, scale, eps=1e-4):
    """Grade each reward of [P][G] in its own group; a flat group gets zeros."""
    out = []
    for group in rewards:
        mean = math.fsum(group) / len(group)
        std = math.sqrt(math.fsum((r - mean) ** 2 for r in group) / len(group))
        divisor = std + eps if scale == "std" else 1.0
        flat = max(group) - min(group) < eps
        out.append([0.0 if flat else (r - mean) / divisor for r in group])
    return out


def weight(average, lengths, row, longest):
    """What one token of a completion counts for."""
    trained = sum(1 for n in lengths if n > 0)
    if average == "token":
        return 1 / sum(lengths)
    if average == "sequence":
        return 1 / (trained * lengths[row])
    return 1 / (trained * longest)


def grpo_loss(rewards, logprobs, old, ref, scale, average, low, high, beta, kl, longest):
    """The loss of rewards [P][G] and ragged log-probabilities [P*G][tokens of the row]."""
    graded = [a for group in advantages(rewards, scale) for a in group]
    lengths = [len(row) for row in logprobs]
    total = 0.0
    for i, row in enumerate(logprobs):
        for t, lp in enumerate(row):
            ratio = math.exp(lp - old[i][t])
            limited = min(max(ratio, 1 - low), 1 + high)
            gain = min(ratio * graded[i], limited * graded[i])
            x = lp - ref[i][t]
            penalty = x * x / 2 if kl == "k2" else ratio * (math.exp(-x) - 1 + x)
            total -= weight(average, lengths, i, longest) * (gain - beta * penalty)
    return total
