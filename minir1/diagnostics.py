"""What does a step tell about its own health? Figures that a broken one gives away.

Each is cheap, has a value that is known where nothing is broken, and is measured apart from
what it judges: the KL term of the loss is compared with the KL, what was sampled with what
is scored, the weights with the mask. `rl.py` writes them to metrics.jsonl.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from minir1.answers import Graded
from minir1.backend import xp
from minir1.microbatch import MicroBatch
from minir1.policy_loss import PolicyLoss
from minir1.rollout import Rollout

UNMOVED = {  # of a step that trains nothing
    "clip_fraction": 0.0,
    "grad_norm": 0.0,
    "eos_trained": 1.0,
    "weight_sum": 1.0,
    "kl_loss": 0.0,
    "clip_leak": 0.0,
}
FURTHER = 0.1  # nats, by which a push that must have stopped is tried further
QUANTILES = 0.01, 0.99


@dataclass(frozen=True)
class Scored:
    """The trained tokens of one optimiser update, as they were scored for it.

    Shapes: source (N), their places in (B, T-1) laid flat; logprobs, old, advantages (N)
    """

    source: np.ndarray
    logprobs: np.ndarray
    old: np.ndarray
    advantages: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """How much likelier each token is than when it was sampled. Shapes: -> (N)"""
        return np.exp(self.logprobs - self.old)


NOTHING = Scored(*np.zeros((4, 0)))


def sampler_gap(scored: Scored, rollout: Rollout) -> dict[str, float]:
    """Compare what was sampled with what is scored before any update: the same, to rounding.

    bias: the mean of sampled - scored, above 0 where the sampler cuts off; first, rest: the
    mean gap of the first tokens of completions, and of the others.
    """
    apart = scored.old - scored.logprobs  # (N)
    gap = np.abs(apart)
    row, column = np.divmod(scored.source.astype(int), rollout.completion_mask.shape[1])
    first = column == rollout.prompt_lengths[row] - 1
    return {
        "logprob_gap": float(gap.max(initial=0)),
        "logprob_bias": _mean(apart),
        "logprob_gap_first": _mean(gap[first]),
        "logprob_gap_rest": _mean(gap[~first]),
    }


def weighing(weights: np.ndarray, rows: np.ndarray, rollout: Rollout) -> dict[str, float]:
    """Say whether end tokens count, and what all tokens of an update count together.

    eos_trained: of the completions that ended, the share whose end token has a weight.

    Shapes: weights (B, T-1), rows (b), those that are trained
    """
    ended = rows[rollout.finished[rows]]
    ends = rollout.prompt_lengths[ended] + rollout.completion_lengths[ended] - 2
    trained = weights[ended, ends] > 0
    return {
        "eos_trained": float(trained.mean()) if len(ended) else 1.0,
        "weight_sum": float(weights.sum(dtype=np.float64)),
    }


def kl_loss(
    loss: PolicyLoss, batches: Sequence[MicroBatch], logprobs: Sequence[np.ndarray]
) -> float:
    """Measure the KL term as the loss counts it: what it costs to switch it on, a token.

    (loss with the KL - loss without it) / (kl_weight · sum_t w_t)
    """
    weight = loss.settings.kl_weight
    if not weight:
        return 0.0
    without = replace(loss, settings=replace(loss.settings, kl_weight=0.0))
    cost, total = 0.0, 0.0
    for batch, scored in zip(batches, logprobs, strict=True):
        values = [
            float(one.value(xp.array(scored), _engine(one.numbers(batch)))[0].item())
            for one in (loss, without)
        ]
        cost += values[0] - values[1]
        total += float(loss.weights[batch.source].sum())
    return cost / (weight * total) if total else 0.0


def clip_leak(
    loss: PolicyLoss, batches: Sequence[MicroBatch], logprobs: Sequence[np.ndarray]
) -> float:
    """Of the push on tokens that PPO's clip must stop, return the share that goes through.

    Those tokens are moved a little further; what the loss gains by that is 0 if the push has
    stopped, and w |A| ρ (1 - e^∓δ) a token if it has not. 0 where no token is past the clip.
    """
    settings = replace(loss.settings, kl_weight=0.0)
    without, gained, open_gain = replace(loss, settings=settings), 0.0, 0.0
    for batch, scored in zip(batches, logprobs, strict=True):
        numbers = without.numbers(batch)
        advantages, ratio = numbers["advantages"], np.exp(scored - numbers["old"])
        high, low = ratio > 1 + settings.clip_high, ratio < 1 - settings.clip_low
        stopped = np.where(advantages > 0, high, low & (advantages < 0))
        further = FURTHER * np.sign(advantages) * stopped
        here, there = (
            float(without.value(xp.array(at.astype(np.float32)), _engine(numbers))[0].item())
            for at in (scored, scored + further)
        )
        gained += here - there
        pushed = numbers["weights"] * np.abs(advantages) * ratio * np.abs(np.expm1(further))
        open_gain += float(pushed.sum())
    return gained / open_gain if open_gain else 0.0


def _engine(numbers: Mapping[str, np.ndarray]) -> dict[str, object]:
    return {name: xp.array(value) for name, value in numbers.items()}


def spread(scored: Scored) -> dict[str, float]:
    """Say how far an update's tokens have moved: the 1 % and 99 % quantile of their ratios.

    Of all tokens, and of those with a negative advantage; 1 where there are none.
    """
    ratio = scored.ratio
    low, high = _quantiles(ratio)
    low_negative, high_negative = _quantiles(ratio[scored.advantages < 0])
    return {
        "ratio_low": low,
        "ratio_high": high,
        "ratio_low_negative": low_negative,
        "ratio_high_negative": high_negative,
    }


def _quantiles(values: np.ndarray) -> tuple[float, float]:
    if not values.size:
        return 1.0, 1.0
    low, high = np.quantile(values, QUANTILES)
    return float(low), float(high)


def distance(rollout: Rollout, references: np.ndarray) -> dict[str, float]:
    """Estimate the KL from the sampling policy to the reference, a token: k3 and k1.

    Shapes: references (B·(T-1)), NaN where nothing was scored
    """
    x = references - rollout.old_logprobs.reshape(-1)
    x = x[np.isfinite(x)].astype(np.float64)
    return {"kl": _mean(np.expm1(x) - x), "kl_k1": _mean(-x)}


def advantage_level(advantages: np.ndarray) -> float:
    """Return the greatest |mean advantage of a group|: 0 where groups grade themselves.

    Shapes: (P, G)
    """
    return float(np.abs(advantages.mean(axis=1)).max())


def answers(graded: Graded) -> dict[str, float]:
    """Sum up who is paid: for what length, cut off or not, and how differently in a group.

    surprise: the mean of -log π over the sampled tokens; of an honest sampler it is the
    entropy, but for chance. right and wrong are as paid; a reward without a part for
    accuracy knows neither.
    """
    rollout = graded.rollout
    lengths, paid = rollout.completion_lengths, graded.rewards.reshape(-1)  # (B)
    mask = rollout.completion_mask
    told = {
        "paid_truncated": _mean(paid[~rollout.finished]),
        "reward_spread": float(graded.rewards.std(axis=1).mean()),
        "surprise": -float((rollout.old_logprobs * mask).sum() / max(mask.sum(), 1)),
    }
    if "accuracy" in graded.parts:
        right = graded.parts["accuracy"].reshape(-1) > 0
        told["correct_length"] = _mean(lengths[right])
        told["wrong_length"] = _mean(lengths[~right])
    return told


def average(updates: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Average what the optimiser updates of a step were like."""
    if not updates:
        return dict(UNMOVED)
    return {name: float(np.mean([update[name] for update in updates])) for name in updates[0]}


def _mean(values: np.ndarray) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else 0.0
