"""What if every completion could be listed? A policy so small that its averages are sums.

    π(o | q) = first_q(o_1) · next(o_2 | o_1) · next(o_3 | o_2) · …      until the end token

Three digits and an end token, at most four tokens: 121 completions of a prompt, which asks
for digits that add up to a target. So the expected reward, the KL and their gradients are
known to the last digit of a float64, and what an estimator does on average is no matter of
luck. Everything here is written out by hand; `tape.py` compares it with our autograd.
Left out: which estimators there are (`group.py`, `divergence.py`, `stale.py`).
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from minir1 import backend
from minir1.rng import generator
from minir1.rollout import choose

END = 0  # the end token; the other words are the digits 1, 2, …
Params = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class World:
    """Prompts, a policy and its reference, all completions and what each earns.

    P prompts, N completions of at most T tokens, V words, D parameters.

    Shapes: params and ref_params: first (P, V), next (V, V); tokens (N, T) padded with END;
    mask (N, T), the end token included; rewards (P, N)
    """

    params: Params
    ref_params: Params
    tokens: np.ndarray
    mask: np.ndarray
    rewards: np.ndarray

    @property
    def prompts(self) -> int:
        """P"""
        return len(self.rewards)

    @property
    def lengths(self) -> np.ndarray:
        """How many tokens each completion has. Shapes: -> (N)"""
        return self.mask.sum(axis=1)

    @cached_property
    def logprobs(self) -> np.ndarray:
        """The policy's log-probability of every token. Shapes: -> (P, N, T)"""
        return self.token_logprobs(self.params)

    @cached_property
    def ref_logprobs(self) -> np.ndarray:
        """The reference's. Shapes: -> (P, N, T)"""
        return self.token_logprobs(self.ref_params)

    @cached_property
    def chances(self) -> np.ndarray:
        """The probability of each completion. Shapes: -> (P, N)"""
        return np.exp(self.logprobs.sum(axis=2))

    @property
    def expected_rewards(self) -> np.ndarray:
        """What each prompt earns on average. Shapes: -> (P)"""
        return (self.chances * self.rewards).sum(axis=1)

    @cached_property
    def token_scores(self) -> np.ndarray:
        """∇ log π of every token: 1 at its own logit, less the probabilities of its row.

        Shapes: -> (P, N, T, D)
        """
        P, N, T = self.logprobs.shape
        first, following = self.params["first"], self.params["next"]
        V = len(following)
        scores = np.zeros((P, N, T, P + V, V))
        completion = np.arange(N)
        for t in range(T):
            for p in range(P):
                rows = np.full(N, p) if t == 0 else P + self.tokens[:, t - 1]
                logits = np.concatenate([first, following])[rows]  # (N, V)
                pull = np.eye(V)[self.tokens[:, t]] - _softmax(logits)
                scores[p, completion, t, rows] = pull * self.mask[:, t, None]
        return scores.reshape(P, N, T, -1)

    @cached_property
    def scores(self) -> np.ndarray:
        """∇ log π of every completion. Shapes: -> (P, N, D)"""
        return self.token_scores.sum(axis=2)

    def token_logprobs(self, params: Params) -> np.ndarray:
        """Score every token under parameters; 0 behind the end. Shapes: -> (P, N, T)"""
        first = _log_softmax(params["first"])[:, self.tokens[:, 0]]  # (P, N)
        later = _log_softmax(params["next"])[self.tokens[:, :-1], self.tokens[:, 1:]]
        P, (N, T) = len(first), self.tokens.shape
        out = np.zeros((P, N, T))
        out[:, :, 0], out[:, :, 1:] = first, later
        return out * self.mask

    def moved(self, gradient: np.ndarray, distance: float) -> "World":
        """Return the world with a policy a step further along a gradient. Shapes: (D)"""
        first, following = self.params["first"], self.params["next"]
        cut = first.size
        new = {
            "first": first + distance * gradient[:cut].reshape(first.shape),
            "next": following + distance * gradient[cut:].reshape(following.shape),
        }
        return replace(self, params=new)

    def toward_reference(self, share: float) -> "World":
        """Return the world with a policy part of the way to its reference."""
        new = {
            name: (1 - share) * p + share * self.ref_params[name]
            for name, p in self.params.items()
        }
        return replace(self, params=new)

    def only(self, prompt: int) -> "World":
        """Return the world with one of its prompts."""
        cut = slice(prompt, prompt + 1)
        params = {**self.params, "first": self.params["first"][cut]}
        ref_params = {**self.ref_params, "first": self.ref_params["first"][cut]}
        return World(params, ref_params, self.tokens, self.mask, self.rewards[cut])

    def draw(self, prompt: int, count: int, rng: np.random.Generator) -> np.ndarray:
        """Sample completions token by token, by the product's own `rollout.choose`.

        Shapes: -> (count), places among the N completions
        """
        T = self.tokens.shape[1]
        words = np.zeros((count, T), np.int64)
        ended = np.zeros(count, bool)
        logits = np.repeat(self.params["first"][prompt][None], count, axis=0)  # (count, V)
        for t in range(T):
            drawn = choose(logits, rng.random(count))[0]
            words[:, t] = np.where(ended, END, drawn)
            ended |= drawn == END
            logits = self.params["next"][words[:, t]]
        place = {tuple(row): n for n, row in enumerate(self.tokens.tolist())}
        return np.array([place[tuple(row)] for row in words.tolist()])


def example(
    seed: int = 0, digits: int = 3, longest: int = 4, targets: tuple[int, ...] = (2, 4, 6)
) -> World:
    """Make a world: prompt q asks for digits that add up to targets[q], and for an end.

    A completion earns 1 if it ends and its digits add up to the target, else 0.
    """
    tokens, mask = completions(digits + 1, longest)
    ended = (tokens == END).any(axis=1)
    sums = tokens.sum(axis=1)
    rewards = np.array([(sums == target) & ended for target in targets], float)  # (P, N)
    rng = generator(seed, "exact")
    drawn = [
        {
            "first": rng.standard_normal((len(targets), digits + 1)),
            "next": rng.standard_normal((digits + 1, digits + 1)),
        }
        for _ in range(2)
    ]
    return World(drawn[0], drawn[1], tokens, mask, rewards)


def completions(vocabulary: int, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """List everything that can be written: an end after 0 … words, or no end at the cap.

    Shapes: -> tokens (N, T) padded with END, mask (N, T)
    """
    digits = range(1, vocabulary)
    rows = [
        (*words, END)
        for length in range(longest)
        for words in itertools.product(digits, repeat=length)
    ]
    rows += list(itertools.product(digits, repeat=longest))
    tokens = np.array([row + (END,) * (longest - len(row)) for row in rows])
    lengths = np.array([len(row) for row in rows])
    return tokens, (np.arange(longest) < lengths[:, None]).astype(float)


@contextmanager
def numpy_engine() -> Iterator[None]:
    """Compute on our own tape, in float64; Apple's GPU has none."""
    before = backend.xp.name
    backend.use("numpy")
    try:
        yield
    finally:
        if before:
            backend.use(before)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    top = logits.max(axis=-1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))


def _softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(_log_softmax(logits))
