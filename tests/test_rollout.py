"""Is what was sampled what is scored, and does it depend on the address alone?"""

from typing import Any

import numpy as np
import pytest
from check import F64, as_arrays, close, draw, grpo_gradients, random_params, reshape
from check import SMALL as TIED

from minir1 import grpo, microbatch, model
from minir1.config import ModelConfig, SampleConfig
from minir1.rng import generator
from minir1.rollout import Rollout, choose, sample

SMALL = reshape(TIED, tie_word_embeddings=False)  # its words are about equally likely
EOS, PAD = 1, 0
PROMPTS = [[3, 4, 5], [6, 2], [7, 8, 9, 10, 2, 2], [3, 4, 5], [9]]
GROUP, CAP = 4, 24


def drawn(
    config: ModelConfig = SMALL,
    prompts: list[list[int]] = PROMPTS,
    group: int = GROUP,
    threads: int = 1,
    address: tuple[int, str, int] = (0, "test", 0),
    **settings: Any,
) -> Rollout:
    settings = {"max_tokens": CAP, "rows_per_chunk": 8, **settings}
    params = as_arrays(random_params(config, dtype=np.float32))
    chosen = SampleConfig(**settings)
    return sample(params, config, prompts, group, chosen, address, (EOS,), PAD, threads)


def scored(rollout: Rollout, config: ModelConfig, temperature: float = 1.0) -> np.ndarray:
    """What the scorer says about the sampled tokens, laid out like the rollout."""
    params = as_arrays(random_params(config, dtype=np.float32))
    out = np.zeros(rollout.completion_mask.size, np.float32)
    for batch in microbatch.split(rollout.completion_mask, rollout.tokens, 64):
        out[batch.source] = np.asarray(
            model.place_logprobs(params, config, batch.tokens, batch.places, temperature)
        )
    return out.reshape(rollout.completion_mask.shape)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 1.7])
def test_the_sampler_and_the_scorer_agree(config: ModelConfig, temperature: float) -> None:
    """Prompts of five lengths, groups, dropped rows, growing caches: one probability each."""
    config = reshape(config, tie_word_embeddings=False)
    rollout = drawn(config, temperature=temperature)
    gap = np.abs(scored(rollout, config, temperature) - rollout.old_logprobs)
    assert rollout.completion_mask.sum() > 50
    assert gap.max() < 1e-4
    if temperature != 1:
        untempered = np.abs(scored(rollout, config) - rollout.old_logprobs)
        assert untempered.max() > 0.1


def test_long_completions_agree_too() -> None:
    """Past the room of the first cache, and past the scorer's block of 64 queries."""
    config = reshape(SMALL, max_position_embeddings=512)
    params = random_params(config, dtype=np.float32)
    rollout = sample(
        as_arrays(params), config, PROMPTS[:2], 3,
        SampleConfig(max_tokens=150), (0, "long", 0), (99,), PAD, 1,
    )  # fmt: skip
    assert rollout.completion_lengths.tolist() == [150] * 6
    gap = np.abs(scored(rollout, config) - rollout.old_logprobs)
    assert gap.max() < 1e-4


def test_entropy_is_that_of_the_distribution_sampled_from() -> None:
    rollout = drawn(temperature=0.7)
    params = as_arrays(random_params(SMALL, dtype=np.float32))
    hidden = model.forward(params, SMALL, rollout.tokens[:, :-1])
    z = np.asarray(model.logits(params, hidden), float) / 0.7
    p = np.exp(z - z.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    expected = -(p * np.log(p)).sum(-1) * rollout.completion_mask
    assert np.abs(expected - rollout.entropy).max() < 1e-4


def test_the_first_inner_step_has_ratio_one_and_clips_nothing() -> None:
    rollout = drawn()
    used = rollout.completion_mask > 0
    ratio = np.exp(scored(rollout, SMALL) - rollout.old_logprobs)[used]
    assert np.abs(ratio - 1).max() < 1e-4
    advantages = np.resize([1.0, -1.0], ratio.shape)
    assert grpo.clip_fraction(ratio, advantages, 0.01, 0.01) == 0


def test_a_rollout_teaches_the_end_token_and_nothing_after_it() -> None:
    rollout = drawn()
    assert rollout.finished.any() and not rollout.finished.all()
    for i in range(len(rollout.tokens)):
        start, n = rollout.prompt_lengths[i], rollout.completion_lengths[i]
        completion, row = rollout.completion(i), rollout.tokens[i]
        assert row[:start].tolist() == PROMPTS[i // GROUP]
        assert len(completion) == n <= CAP
        assert np.flatnonzero(rollout.completion_mask[i]).tolist() == list(
            range(start - 1, start + n - 1)
        )
        ends = np.flatnonzero(completion == EOS)
        if rollout.finished[i]:
            assert ends.tolist() == [n - 1]
            assert rollout.completion_mask[i, start + n - 2] == 1  # the end token is trained
        else:
            assert not len(ends) and n == CAP
        assert np.all(row[start + n :] == PAD)
        beyond = rollout.completion_mask[i] == 0
        assert not rollout.old_logprobs[i][beyond].any()
        assert not rollout.entropy[i][beyond].any()
        assert np.all(rollout.old_logprobs[i][~beyond] < 0)


def test_the_end_token_as_the_last_allowed_one_still_finishes() -> None:
    whole = drawn()
    row = int(np.flatnonzero(whole.finished)[0])
    cap = int(whole.completion_lengths[row])
    cut = drawn(max_tokens=cap)
    assert cut.finished[row] and cut.completion_lengths[row] == cap
    if cap > 1:
        assert not drawn(max_tokens=cap - 1).finished[row]


def test_a_cap_of_one_token() -> None:
    rollout = drawn(max_tokens=1)
    assert rollout.completion_lengths.tolist() == [1] * 20
    ended = [rollout.completion(i)[0] == EOS for i in range(20)]
    assert rollout.finished.tolist() == ended
    assert rollout.completion_mask.sum() == 20


def equal(a: Rollout, b: Rollout, rows_a: Any = slice(None), rows_b: Any = slice(None)) -> bool:
    """The same completions, their log-probabilities within rounding."""
    for i, j in zip(
        np.arange(len(a.tokens))[rows_a], np.arange(len(b.tokens))[rows_b], strict=True
    ):
        if not np.array_equal(a.completion(i), b.completion(j)):
            return False
        one = a.old_logprobs[i][a.completion_mask[i] > 0]
        two = b.old_logprobs[j][b.completion_mask[j] > 0]
        if np.abs(one - two).max() > 1e-4:
            return False
    return np.array_equal(a.finished[rows_a], b.finished[rows_b])


@pytest.mark.parametrize("rows_per_chunk", [1, 4, 12, 1000])
def test_the_cut_into_chunks_changes_no_token(rows_per_chunk: int) -> None:
    assert equal(drawn(), drawn(rows_per_chunk=rows_per_chunk))


@pytest.mark.parametrize("threads", [2, 3, 0])
def test_the_number_of_threads_changes_no_bit(threads: int) -> None:
    alone, shared = drawn(rows_per_chunk=4), drawn(rows_per_chunk=4, threads=threads)
    for name in ("tokens", "completion_mask", "old_logprobs", "entropy", "finished"):
        assert np.array_equal(getattr(alone, name), getattr(shared, name)), name


def test_a_prompts_samples_do_not_depend_on_the_others() -> None:
    alone = drawn(prompts=PROMPTS[:1])
    assert equal(drawn(), alone, slice(0, GROUP))
    smaller = drawn(group=2)
    assert equal(drawn(), smaller, np.arange(20).reshape(5, 4)[:, :2].ravel())


def test_a_lower_cap_only_cuts() -> None:
    long, short = drawn(), drawn(max_tokens=6)
    for i in range(20):
        assert np.array_equal(long.completion(i)[:6], short.completion(i))


def test_members_of_a_group_and_equal_prompts_differ() -> None:
    rollout = drawn()
    texts = [tuple(rollout.completion(i)) for i in (*range(4), *range(12, 16))]
    assert len(set(texts)) >= 7


def test_every_part_of_the_address_changes_the_samples() -> None:
    usual = drawn()
    for address in ((1, "test", 0), (0, "other", 0), (0, "test", 1)):
        assert not equal(usual, drawn(address=address))
    assert equal(usual, drawn())


def test_a_low_temperature_takes_the_likeliest_token() -> None:
    params = as_arrays(random_params(SMALL, dtype=np.float32))
    rollout = drawn(temperature=1e-6)
    z = np.asarray(model.logits(params, model.forward(params, SMALL, rollout.tokens[:, :-1])))
    used = rollout.completion_mask > 0
    assert np.array_equal(z.argmax(-1)[used], rollout.tokens[:, 1:][used])


def test_frequencies_are_the_models_probabilities() -> None:
    """Two tokens from four words: 1 + 3·4 endings, chi-square over 4000 samples."""
    config = reshape(SMALL, vocab_size=4)
    params = as_arrays(random_params(config, "few words", dtype=np.float32))
    params["model.embed_tokens.weight"] = params["model.embed_tokens.weight"] * 0.3
    n = 4000
    settings = SampleConfig(max_tokens=2, rows_per_chunk=n)
    rollout = sample(params, config, [[2, 3]], n, settings, (0, "chi", 0), (EOS,), PAD, 1)
    counts: dict[tuple[int, ...], int] = {}
    for i in range(n):
        key = tuple(map(int, rollout.completion(i)))
        counts[key] = counts.get(key, 0) + 1

    def probability(context: list[int]) -> np.ndarray:
        hidden = model.forward(params, config, np.array([context], np.int32))
        z = np.asarray(model.logits(params, hidden), float)[0, -1]
        return np.exp(z) / np.exp(z).sum()

    first, chi_square = probability([2, 3]), 0.0
    expected = {(EOS,): first[EOS]}
    for a in (0, 2, 3):
        expected |= {(a, b): first[a] * p for b, p in enumerate(probability([2, 3, a]))}
    assert set(counts) <= set(expected)
    close("sum", sum(expected.values()), 1.0, **F64)
    for key, p in expected.items():
        chi_square += (counts.get(key, 0) - n * p) ** 2 / (n * p)
    assert chi_square < 12 + 4 * np.sqrt(2 * 12)


# choose


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_choose_follows_the_softmax() -> None:
    n, z = 100_000, draw("choose", 8, scale=1.5)
    u = generator(0, "tests", "choose").random(n, dtype=np.float32)
    tokens, _, _ = choose(np.repeat(z[None].astype(np.float32), n, 0), u)
    expected = n * softmax(z)
    chi_square = float(((np.bincount(tokens, minlength=8) - expected) ** 2 / expected).sum())
    assert chi_square < 7 + 4 * np.sqrt(2 * 7)


def test_choose_inverts_the_distribution() -> None:
    z = draw("invert", 1, 6, scale=2.0)
    edges = np.cumsum(softmax(z)[0])
    u = (np.arange(997) + 0.5) / 997
    tokens, _, _ = choose(np.repeat(z, 997, 0), u)
    assert np.array_equal(tokens, np.searchsorted(edges, u))


def test_choose_reports_log_probability_and_entropy() -> None:
    z = draw("report", 5, 7, scale=3.0)
    tokens, logprobs, entropy = choose(z, np.linspace(0.05, 0.95, 5))
    p = softmax(z)
    close("log-probability", logprobs, np.log(p[np.arange(5), tokens]), **F64)
    close("entropy", entropy, -(p * np.log(p)).sum(1), **F64)
    even = choose(np.zeros((1, 4)), np.array([0.6]))
    close("even entropy", even[2], [np.log(4)], **F64)
    close("even log-probability", even[1], [-np.log(4)], **F64)
    assert even[0].tolist() == [2]


ALMOST_ONE = np.nextafter(np.float32(1), np.float32(0))


@pytest.mark.parametrize("low", [-1e9, -200.0])
@pytest.mark.parametrize("words", [3, 255, 4000])
def test_the_last_uniforms_never_pick_an_impossible_word(low: float, words: int) -> None:
    rows = 64
    z = draw("edge", rows, words).astype(np.float32)
    z[:, -1] = z[:, 0] = low  # impossible at both ends
    for u in (ALMOST_ONE, np.float32(1), np.float32(0), np.float32(1e-45)):
        tokens, logprobs, _ = choose(z, np.full(rows, u, np.float32))
        assert tokens.min() > 0 and tokens.max() < words - 1
        assert logprobs.min() > -50


def test_a_single_possible_word_is_always_taken() -> None:
    z = np.full((4, 5), -1e9, np.float32)
    z[np.arange(4), [0, 2, 4, 3]] = 7.0
    for u in (0.0, 0.5, ALMOST_ONE):
        tokens, logprobs, entropy = choose(z, np.full(4, u, np.float32))
        assert tokens.tolist() == [0, 2, 4, 3]
        assert not logprobs.any() and not entropy.any()


def test_choose_does_not_change_the_logits() -> None:
    z = draw("kept", 3, 5)
    before = z.copy()
    choose(z, np.full(3, 0.5))
    assert np.array_equal(z, before)


def test_sampling_changes_neither_prompts_nor_parameters() -> None:
    prompts = [list(p) for p in PROMPTS]
    params = as_arrays(random_params(SMALL, dtype=np.float32))
    held = {name: p.data.copy() for name, p in params.items()}
    sample(params, SMALL, prompts, 2, SampleConfig(max_tokens=5), (0, "t", 0), (EOS,), PAD, 1)
    assert prompts == PROMPTS
    assert all(np.array_equal(p, params[name].data) for name, p in held.items())


def test_a_step_on_the_rollout_makes_the_good_likelier_and_the_bad_less_likely() -> None:
    """From sampler to gradient with nothing in between: the sign of everything at once."""
    rollout = drawn()
    params = as_arrays(random_params(SMALL, dtype=np.float32))
    rewards = np.tile([1.0, 0.0, 0.0, 1.0], 5).reshape(5, 4)
    advantages = np.repeat(
        grpo.group_advantages(rewards).reshape(-1, 1), rollout.completion_mask.shape[1], axis=1
    ).astype(np.float32)
    arrays = {
        "weights": grpo.token_weights(rollout.completion_mask, "token"),
        "advantages": advantages,
        "old_logprobs": rollout.old_logprobs,
    }
    _, grads = grpo_gradients(params, SMALL, rollout.tokens, rollout.completion_mask, arrays)
    moved = {name: p - grads[name] * 0.05 for name, p in params.items()}
    before = scored(rollout, SMALL)
    after = np.zeros(before.size, np.float32)
    for batch in microbatch.split(rollout.completion_mask, rollout.tokens, 64):
        after[batch.source] = np.asarray(
            model.place_logprobs(moved, SMALL, batch.tokens, batch.places)
        )
    change = ((after.reshape(before.shape) - before) * rollout.completion_mask).sum(1)
    assert (change * advantages[:, 0]).sum() > 0
    assert change.reshape(5, 4)[:, [0, 3]].sum() > 0 > change.reshape(5, 4)[:, [1, 2]].sum()
