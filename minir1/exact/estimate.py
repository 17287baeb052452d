"""How good is an estimator of a gradient? Where it points on average, and how it scatters.

    bias      the angle between its mean and the true gradient, and the factor along it
    noise     standard deviation of one draw / length of its mean along the true gradient

Adam forgets the scale of a gradient, so the factor alone does no harm; the angle does.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1.backend import xp
from minir1.exact.world import World, numpy_engine


@dataclass(frozen=True, eq=False)
class Estimate:
    """The mean and the scatter of a gradient estimator, exact.

    variance is summed over the D entries, for one draw. Shapes: mean (D)
    """

    name: str
    mean: np.ndarray
    variance: float

    def factor(self, true: np.ndarray) -> float:
        """How long the mean is along the true gradient. Shapes: true (D)"""
        return float(self.mean @ true / (true @ true))

    def angle(self, true: np.ndarray) -> float:
        """Degrees between the mean and the true gradient; nan for a mean of zero."""
        length = float(np.linalg.norm(self.mean))
        if length < 1e-12:
            return math.nan
        cosine = float(self.mean @ true) / (length * float(np.linalg.norm(true)))
        return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))

    def error(self, true: np.ndarray) -> float:
        """Length of the bias as a share of the true gradient's."""
        return float(np.linalg.norm(self.mean - true) / np.linalg.norm(true))

    def noise(self, true: np.ndarray) -> float:
        """Standard deviation of one draw in units of the signal; inf without a signal."""
        signal = abs(self.factor(true)) * float(np.linalg.norm(true))
        return math.sqrt(self.variance) / signal if signal > 1e-12 else math.inf

    def compared(self, true: np.ndarray) -> str:
        """Say in a line how it compares with the true gradient."""
        return (
            f"{self.name}: {self.factor(true):.2f} times the gradient, "
            f"{self.angle(true):.1f}° off, noise {self.noise(true):.1f}"
        )


def policy_gradient(world: World) -> np.ndarray:
    """The gradient of the expected reward, averaged over the prompts.

        ∇J = mean_q sum_o π(o | q) r(o, q) ∇ log π(o | q)

    Shapes: -> (D)
    """
    earned = world.chances * world.rewards  # (P, N)
    return np.einsum("pn,pnd->d", earned, world.scores) / world.prompts


def climb(world: World, steps: int, distance: float = 0.25) -> Iterator[World]:
    """Follow the exact policy gradient, so many steps of one length; yield every policy."""
    yield world
    for _ in range(steps):
        gradient = policy_gradient(world)
        world = world.moved(gradient, distance / float(np.linalg.norm(gradient)))
        yield world


def of_single_draws(name: str, chances: np.ndarray, samples: np.ndarray) -> Estimate:
    """Average an estimator that looks at one completion of one prompt, drawn uniformly.

    Shapes: chances (P, N), samples (P, N, D)
    """
    chances = chances / len(chances)
    mean = np.einsum("pn,pnd->d", chances, samples)
    square = np.einsum("pn,pnd,pnd->", chances, samples, samples)
    return Estimate(name, mean, float(square - mean @ mean))


def slopes(loss: Callable[[Any], Any], logprobs: np.ndarray) -> np.ndarray:
    """Differentiate a function of log-probabilities in each of them, on our own tape.

    The results of a loss are summed, and completions do not touch each other: so each slope
    belongs to its own completion.

    Shapes: logprobs (P, N, T) -> (P, N, T)
    """
    with numpy_engine():
        _, grads = xp.value_and_grad(lambda x: xp.sum(loss(x)))(logprobs)
    return np.asarray(grads)


def gradients(world: World, each: np.ndarray) -> np.ndarray:
    """Turn slopes in the log-probabilities into gradients in the parameters.

    Shapes: each (P, N, T) -> (P, N, D)
    """
    return np.einsum("pnt,pntd->pnd", each * world.mask, world.token_scores)
