"""Where a word may not be written: is it never, and are the others' chances what they say?"""

import numpy as np
import pytest
from check import F64, as_arrays, close, draw, random_params, reshape
from check import SMALL as TIED

from minir1 import model
from minir1.config import SampleConfig
from minir1.rollout import Rollout, choose, sample, without

SMALL = reshape(TIED, tie_word_embeddings=False)
EOS, PAD = 1, 0
PROMPTS = [[3, 4, 5], [6, 2], [7, 8, 9]]
FORBIDDEN = (4, 7, 9)


def drawn(
    forbidden: tuple[int, ...] = (), threads: int = 1, temperature: float = 1.0
) -> Rollout:
    settings = SampleConfig(max_tokens=20, rows_per_chunk=4, temperature=temperature)
    params = as_arrays(random_params(SMALL, dtype=np.float32))
    return sample(
        params, SMALL, PROMPTS, 4, settings, (0, "without", 0), (EOS,), PAD, threads,
        forbidden=forbidden,
    )  # fmt: skip


def test_a_forbidden_word_is_never_written() -> None:
    usual = {int(t) for i in range(12) for t in drawn().completion(i)}
    assert usual >= {*FORBIDDEN}
    rollout = drawn(FORBIDDEN)
    assert not {int(t) for i in range(12) for t in rollout.completion(i)} & {*FORBIDDEN}


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_what_is_recorded_is_the_distribution_over_the_other_words(temperature: float) -> None:
    rollout = drawn(FORBIDDEN, temperature=temperature)
    params = as_arrays(random_params(SMALL, dtype=np.float32))
    hidden = model.forward(params, SMALL, rollout.tokens[:, :-1])
    z = np.asarray(model.logits(params, hidden), float) / temperature
    p = np.exp(z - z.max(-1, keepdims=True))
    p[..., list(FORBIDDEN)] = 0
    p /= p.sum(-1, keepdims=True)
    used = rollout.completion_mask > 0
    chosen = np.take_along_axis(p, rollout.tokens[:, 1:, None].astype(int), -1)[..., 0]
    assert np.abs(np.log(chosen[used]) - rollout.old_logprobs[used]).max() < 1e-4
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(-1)
    assert np.abs(entropy[used] - rollout.entropy[used]).max() < 1e-4


def test_helper_processes_forbid_the_same_words() -> None:
    alone, shared = drawn(FORBIDDEN), drawn(FORBIDDEN, threads=2)
    assert np.array_equal(alone.tokens, shared.tokens)
    assert np.array_equal(alone.old_logprobs, shared.old_logprobs)


def test_forbidding_nothing_hands_on_the_very_logits() -> None:
    z = draw("same", 2, 5)
    assert without(z, ()) is z
    kept = z.copy()
    assert without(z, (1,)) is not z and np.array_equal(z, kept)


def test_the_likeliest_word_when_forbidden_leaves_a_fair_choice() -> None:
    """A score far above all others goes, and the rest share what is left."""
    z = np.zeros((1, 4), np.float32)
    z[0, 2] = 80.0
    tokens, logprob, entropy = choose(without(z, (2,)), np.array([0.5]))
    assert tokens.tolist() == [1]
    close("log-probability", logprob, [-np.log(3)], **F64 | {"rtol": 1e-6})
    close("entropy", entropy, [np.log(3)], **F64 | {"rtol": 1e-6})
