"""How good does it look so far? PPO's critic in small: a value of every prefix, linear.

    V(s_t) = w · φ(s_t)            φ: the words written so far, how many, how sure of the next
    Â_t    = (R - V(s_t)) / (std + eps)            λ = 1: the return of the whole completion

Fitted anew by ridge regression on each rollout, so nothing is carried from step to step; on
the one half of the prompts for the other half, because a baseline fitted on a completion's
own reward would take part of it away. # PPO differs: a network with a head of its own,
trained along, and advantages of λ < 1. With a linear critic on hidden states we would have
to keep them all.
Source: Schulman et al. 2017 (PPO); with λ = 1 PPO nearly matched GRPO (R1, appendix A.3)
"""

import numpy as np

from minir1 import grpo
from minir1.answers import Graded
from minir1.config import TrainConfig
from minir1.rollout import Rollout

BUCKETS = 256  # words of a larger vocabulary share them
RIDGE = 30.0  # the pull of every coefficient to zero, in tokens


def token_advantages(graded: Graded, config: TrainConfig) -> np.ndarray:
    """Compare what a completion earned with what its prefix promised, at every token.

    Whitened over the batch: mean 0 and spread 1 over all tokens. Zero outside completions.

    Shapes: -> (B, T-1)
    """
    rollout, returns = graded.rollout, graded.rewards.reshape(-1)
    row, column = np.nonzero(rollout.completion_mask)
    group = graded.rewards.shape[1]
    told = features(rollout, row, column, config.sample.max_tokens)  # (N, F)
    gained = returns[row] - promised(told, returns[row], row // group % 2 == 0)
    out = np.zeros(rollout.completion_mask.shape)
    out[row, column] = (gained - gained.mean()) / (gained.std() + grpo.EPS)
    return out


def features(rollout: Rollout, row: np.ndarray, column: np.ndarray, cap: int) -> np.ndarray:
    """Describe the prefix before each token; the token itself is not in it.

    Shapes: row, column (N), completion by completion -> (N, 3 + BUCKETS)
    """
    first = column == rollout.prompt_lengths[row] - 1
    before = np.where(first, 0, rollout.tokens[row, column]) % BUCKETS
    counts = np.zeros((len(row), BUCKETS), np.float32)
    counts[np.arange(len(row)), before] = ~first
    for begin, end in _spans(row):
        np.cumsum(counts[begin:end], axis=0, out=counts[begin:end])
    since = column - rollout.prompt_lengths[row] + 1
    plain = np.ones(len(row)), since / cap, rollout.entropy[row, column]
    return np.column_stack([*plain, np.log1p(counts)]).astype(np.float64)


def _spans(row: np.ndarray) -> list[tuple[int, int]]:
    begins = np.flatnonzero(np.diff(row, prepend=-1))
    return list(zip(begins.tolist(), [*begins[1:].tolist(), len(row)], strict=True))


def promised(told: np.ndarray, returns: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Predict returns, each half by a ridge regression on the other.

    A half without another to learn from is promised the mean of all.

    Shapes: told (N, F), returns (N), half (N) of bool -> (N)
    """
    values = np.full(len(returns), returns.mean())
    for own in (half, ~half):
        others = ~own
        if not (own.any() and others.any()):
            continue
        mean = returns[others].mean()
        x, y = told[others], returns[others] - mean
        pull = RIDGE * np.eye(x.shape[1])
        values[own] = mean + told[own] @ np.linalg.solve(x.T @ x + pull, x.T @ y)
    return values
