"""What should the other objectives be? Their losses and slopes again, as scalar loops.

Nothing here is shared with minir1. Slopes are written down from the printed formulas, not
differentiated: a token that the clip stops has none, a stop-gradient is a constant.
"""

import math

from reference import advantages as of_group
from reference import weight


def leave_one_out(rewards):
    """RLOO: each reward less the mean of the others of its group."""
    out = []
    for group in rewards:
        row = []
        for i, r in enumerate(group):
            others = [x for j, x in enumerate(group) if j != i]
            row.append(r - math.fsum(others) / len(others))
        out.append(row)
    return out


def above_the_batch(rewards, divided, eps=1e-4):
    """REINFORCE: each reward less the mean of all; REINFORCE++ divides by their spread."""
    every = [r for group in rewards for r in group]
    mean = math.fsum(every) / len(every)
    spread = math.sqrt(math.fsum((r - mean) ** 2 for r in every) / len(every)) + eps
    return [[(r - mean) / (spread if divided else 1.0) for r in group] for group in rewards]


def by_spread_of_batch(rewards, eps=1e-4):
    """Lite PPO: the mean of the group, the spread of the batch."""
    every = [r for group in rewards for r in group]
    mean = math.fsum(every) / len(every)
    spread = math.sqrt(math.fsum((r - mean) ** 2 for r in every) / len(every)) + eps
    return [[a / spread for a in group] for group in of_group(rewards, "none")]


ADVANTAGES = {
    "grpo": lambda r: of_group(r, "std"),
    "dr-grpo": lambda r: of_group(r, "none"),
    "dapo": lambda r: of_group(r, "std"),
    "lite-ppo": by_spread_of_batch,
    "gspo": lambda r: of_group(r, "std"),
    "cispo": lambda r: of_group(r, "std"),
    "rloo": leave_one_out,
    "reinforce": lambda r: above_the_batch(r, False),
    "reinforce++": lambda r: above_the_batch(r, True),
}
AVERAGES = {
    "dr-grpo": "constant",
    "rloo": "constant",
    "reinforce": "constant",
    "gspo": "sequence",
}


def clipped(ratio, a, low, high):
    """PPO's term and its derivative by the logarithm of the ratio."""
    limited = min(max(ratio, 1 - low), 1 + high)
    value = min(ratio * a, limited * a)
    stopped = ratio > 1 + high if a > 0 else ratio < 1 - low
    return value, 0.0 if stopped else ratio * a


def term(method, logprobs, old, t, a, low, high):
    """What token t of a completion adds to the objective, and its slope there."""
    ratio = math.exp(logprobs[t] - old[t])
    if method == "gspo":
        moved = math.fsum(x - y for x, y in zip(logprobs, old, strict=True))
        return clipped(math.exp(moved / len(logprobs)), a, low, high)
    if method == "cispo":
        limited = min(max(ratio, 1 - low), 1 + high)
        return limited * a * logprobs[t], limited * a
    if method in ("rloo", "reinforce"):
        return a * logprobs[t], a
    return clipped(ratio, a, low, high)


def penalty(logprob, old, ref, kind):
    """The KL term of a token and its slope."""
    x = logprob - ref
    if kind == "k2":
        return x * x / 2, x
    ratio, k3 = math.exp(logprob - old), math.exp(-x) - 1 + x
    return ratio * k3, ratio * (k3 + 1 - math.exp(-x))


def objective(method, rewards, logprobs, old, ref, low, high, beta, kl, longest):
    """The loss of ragged log-probabilities [P·G][tokens], and its slope at each of them.

    Of GSPO a completion's term is counted once: its tokens' shares of it add up to it.
    """
    graded = [a for group in ADVANTAGES[method](rewards) for a in group]
    lengths = [len(row) for row in logprobs]
    loss, slopes = 0.0, []
    for i, row in enumerate(logprobs):
        slopes.append([])
        for t, lp in enumerate(row):
            w = weight(AVERAGES.get(method, "token"), lengths, i, longest)
            gain, slope = term(method, row, old[i], t, graded[i], low, high)
            cost, uphill = penalty(lp, old[i][t], ref[i][t], kl)
            loss -= w * (gain - beta * cost)
            slopes[i].append(-w * (slope - beta * uphill))
    return loss, slopes
