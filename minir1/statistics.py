"""How good is a model, and how sure are we? pass@k, majority votes, intervals, ranks.

Plain numpy on small arrays, one value a problem, so that every interval can be taken over
problems: the samples of one problem are not independent draws of the test set.
Left out: what counts as a right answer (`rewards.py`) and which samples to draw.
"""

from collections.abc import Hashable, Sequence

import numpy as np

from minir1.rng import generator


def pass_at_k(n, c, k: int):
    """Estimate the chance that at least one of k answers is right, from n with c right.

        pass@k = 1 - C(n-c, k) / C(n, k) = 1 - product over i < k of (n-c-i) / (n-i)

    Unbiased, where 1 - (1 - c/n)^k is too low. The product needs no large factorials, and
    has a factor 0 as soon as k answers cannot all be wrong.

    Shapes: n (P,) or a number, c (P,) -> (P,)
    Raises: ValueError where k is not in 1..n or c not in 0..n.
    See: Chen et al. 2021, arXiv 2107.03374, equation 1
    """
    n, c = np.broadcast_arrays(np.asarray(n), np.asarray(c))  # (P,)
    if k < 1 or (n < k).any():
        raise ValueError(f"pass@{k} from {n.min()} samples: wanted 1 <= k <= samples")
    if (c < 0).any() or (c > n).any():
        raise ValueError("wanted 0 <= right answers <= samples")
    i = np.arange(k)
    n, c = n[..., None], c[..., None]  # (P, 1)
    return 1.0 - np.prod((n - c - i) / (n - i), axis=-1)


def maj_at_k(
    answers: Sequence[Sequence[Hashable]],
    correct,
    k: int,
    rng: np.random.Generator | None = None,
    rounds: int = 200,
):
    """Estimate how often the most frequent of k answers is right.

    Equal answers vote together: give canonical forms (`rewards.vote`). None abstains; where
    all abstain, nothing is right. A tie is broken uniformly, by its expected value.
    Exact for k = 1 and for k = the number of samples; between them the mean over `rounds`
    draws of k without replacement, from `rng`.

    Shapes: answers (P, n) nested, correct (P, n) bool -> (P,)
    Raises: ValueError for a k that is not in 1..n, rows of unequal length, equal answers
    that are graded differently, an abstention graded right, or a missing rng.
    """
    correct = np.asarray(correct, dtype=bool)
    codes, right = _coded(answers, correct)  # (P, n), (P, A)
    n = codes.shape[1]
    if not 1 <= k <= n:
        raise ValueError(f"maj@{k} from {n} samples: wanted 1 <= k <= samples")
    if k == 1:
        return correct.mean(axis=1)
    votes = (codes[..., None] == np.arange(n)).astype(np.float32)  # (P, n, A)
    if k == n:
        return _elected(votes.sum(axis=1), right)
    if rng is None:
        raise ValueError(f"maj@{k} of {n} samples draws at random: wanted a generator")
    total = np.zeros(len(codes))  # (P,)
    for _ in range(rounds):
        lots = rng.random(codes.shape)  # (P, n); the k smallest are drawn
        drawn = lots <= np.partition(lots, k - 1, axis=1)[:, k - 1 : k]  # (P, n)
        total += _elected((drawn[:, None].astype(np.float32) @ votes)[:, 0], right)
    return total / rounds


def _elected(counts, right):
    """Return each problem's share of right answers among the front runners.

    Shapes: counts (P, A), right (P, A) -> (P,)
    """
    front = (counts == counts.max(axis=1, keepdims=True)) & (counts > 0)
    return (front & right).sum(axis=1) / np.maximum(front.sum(axis=1), 1)


def _coded(answers: Sequence[Sequence[Hashable]], correct):
    """Number the distinct answers of each problem from 0, -1 for an abstention.

    Shapes: answers (P, n) nested, correct (P, n) -> codes (P, n), right (P, A = n)
    """
    if correct.ndim != 2 or [len(row) for row in answers] != [correct.shape[1]] * len(correct):
        raise ValueError("wanted the same number of answers for every problem, each graded")
    codes = np.full(correct.shape, -1)  # (P, n)
    right = np.zeros(correct.shape, dtype=bool)  # (P, A): at most A = n distinct answers
    for p, row in enumerate(answers):
        known: dict[Hashable, int] = {}
        for i, answer in enumerate(row):
            if answer is None:
                if correct[p, i]:
                    raise ValueError(f"problem {p}: an abstention cannot be right")
                continue
            if answer not in known:
                known[answer] = len(known)
                right[p, known[answer]] = correct[p, i]
            elif right[p, known[answer]] != correct[p, i]:
                raise ValueError(f"problem {p}: {answer!r} is graded both right and wrong")
            codes[p, i] = known[answer]
    return codes, right


def bootstrap_interval(
    values_per_problem, rng: np.random.Generator, level: float = 0.95, rounds: int = 2000
) -> tuple[float, float]:
    """Say between which values the mean would lie with other problems of the same kind.

    Draws as many problems as there are, with replacement, and takes the middle `level` of
    the means. Where every problem has the same value the interval is a point: that says
    nothing about problems not seen. One seed of one training run is not in it either.

    Shapes: values_per_problem (P,) -> (low, high)
    Raises: ValueError for no values, or values that are not finite.
    """
    values = np.asarray(values_per_problem, dtype=np.float64)  # (P,)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError("wanted one finite value for each of at least one problem")
    means = [values[rng.integers(len(values), size=len(values))].mean() for _ in range(rounds)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def interval(values: np.ndarray, seed: int) -> dict[str, float]:
    """Return a mean with its bootstrap interval, as results.json has it.

    Shapes: values (P,), one a problem or a prompt
    """
    low, high = bootstrap_interval(values, generator(seed, "bootstrap"))
    return {"value": float(values.mean()), "low": low, "high": high}


def ranks(values):
    """Number values from 1, smallest first; equal values share their mean rank.

    Shapes: (N,) -> (N,)
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]


def spearman(x, y) -> float:
    """Say how well one quantity rises with another: 1 always, 0 not at all, -1 falls.

    Pearson's correlation of the ranks, which holds with ties too. nan where a side never
    changes: then the question has no answer.

    Shapes: x (N,), y (N,) -> number
    Raises: ValueError for unequal lengths.
    """
    if len(x) != len(y):
        raise ValueError(f"{len(x)} values beside {len(y)}: wanted equal lengths")
    if not len(x):
        return float("nan")
    x, y = ranks(x), ranks(y)  # (N,)
    x, y = x - x.mean(), y - y.mean()
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 0 else float("nan")
