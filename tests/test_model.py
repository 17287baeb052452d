"""Does the decoder compute what its formulas say, by whichever way it is asked?

Logits and log-probabilities are compared with `reference.py` (scalar loops that share no
code with minir1), gradients with finite differences through the whole model. Then the ways
that must agree: cache or none, padding on either side or none.
"""

from typing import Any

import numpy as np
import pytest
import reference
from check import (
    F32,
    F64,
    SMALL,
    as_arrays,
    check_slopes,
    close,
    draw,
    random_params,
    reshape,
)

from minir1 import autograd as ag
from minir1 import model
from minir1.config import ModelConfig
from minir1.rng import generator

TOKENS = generator(0, "tests", "tokens").integers(0, 11, (3, 7)).astype(np.int32)


def listed(params: dict) -> dict:
    return {name: p.tolist() for name, p in params.items()}


def all_logits(params: dict, config: ModelConfig, tokens: np.ndarray, cache: Any = None) -> Any:
    hidden = model.forward(as_arrays(params), config, tokens, cache)
    return np.asarray(model.logits(as_arrays(params), hidden))


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_logits_equal_the_reference(config: ModelConfig, tied: bool) -> None:
    config = reshape(config, tie_word_embeddings=tied)
    params = random_params(config)
    assert ("lm_head.weight" in params) == (not tied)
    ours = all_logits(params, config, TOKENS)
    theirs = [reference.forward(listed(params), config, row.tolist()) for row in TOKENS]
    close(f"{config.model_type} logits", ours, theirs, **F64)


def test_every_setting_of_the_shape_matters() -> None:
    """Else the reference could agree by ignoring the same thing."""
    params = random_params(SMALL)
    usual = all_logits(params, SMALL, TOKENS)
    for change in ({"rms_norm_eps": 0.3}, {"rope_theta": 300.0}):
        changed = reshape(SMALL, **change)
        ours = all_logits(params, changed, TOKENS[:1])
        assert np.abs(ours - usual[:1]).max() > 1e-3, change
        theirs = [reference.forward(listed(params), changed, TOKENS[0].tolist())]
        close(f"logits with {change}", ours, theirs, **F64)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_every_parameter_matters(kind: str) -> None:
    config = reshape(SMALL, model_type=kind)
    params = random_params(config)
    usual = all_logits(params, config, TOKENS)
    for name, p in params.items():
        changed = all_logits({**params, name: p + 0.1 * draw(name, *p.shape)}, config, TOKENS)
        assert np.abs(changed - usual).max() > 1e-4, name


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_token_logprobs_equal_the_reference(config: ModelConfig, temperature: float) -> None:
    """The word at t + 1 is scored with what was known at t: no shift either way."""
    params = random_params(config)
    places = np.array([r * 7 + c for r in range(3) for c in range(6)], np.int32)
    ours = model.place_logprobs(as_arrays(params), config, TOKENS, places, temperature)
    theirs = [
        reference.token_logprobs(listed(params), config, row.tolist(), temperature)
        for row in TOKENS
    ]
    close("log-probabilities", ours, np.ravel(theirs), **F64)


def test_only_the_places_asked_for_are_scored() -> None:
    params = as_arrays(random_params(SMALL))
    every = np.asarray(
        model.place_logprobs(params, SMALL, TOKENS, np.arange(6, dtype=np.int32))
    )
    some = model.place_logprobs(params, SMALL, TOKENS, np.array([4, 1], np.int32))
    close("places", some, every[[4, 1]], **F64)


def test_the_prompt_is_part_of_what_is_scored() -> None:
    params = as_arrays(random_params(SMALL))
    places = np.array([3, 4], np.int32)
    before = np.asarray(model.place_logprobs(params, SMALL, TOKENS[:1], places))
    other = TOKENS[:1].copy()
    other[0, 0] = (other[0, 0] + 1) % 11
    after = np.asarray(model.place_logprobs(params, SMALL, other, places))
    assert np.all(np.abs(after - before) > 1e-4)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_gradients_through_the_whole_model(config: ModelConfig, tied: bool) -> None:
    """Twenty random places of every parameter, against finite differences."""
    config = reshape(config, tie_word_embeddings=tied)
    params = random_params(config)
    places = np.array([0, 1, 4, 5, 7, 12, 19], np.int32)
    weights = draw("loss", len(places))

    def loss(p: dict) -> Any:
        return ag.sum(model.place_logprobs(p, config, TOKENS, places, 0.8) * weights)

    _, grads = ag.value_and_grad(loss)(params)
    for name, p in params.items():

        def value(moved: np.ndarray, name: str = name) -> float:
            return float(loss({**params, name: moved}).item())

        check_slopes(name, value, p, grads[name], at_most=20, h=1e-3)


def decoded(params: dict, config: ModelConfig, tokens: np.ndarray, prompt: int) -> np.ndarray:
    """Logits from the prompt's last position on, a token at a time with a cache."""
    cache = model.Cache(config, len(tokens), prompt)
    out = [all_logits(params, config, tokens[:, :prompt], cache)[:, -1]]
    cache.select(np.arange(len(tokens)))
    for t in range(prompt, tokens.shape[1]):
        out.append(all_logits(params, config, tokens[:, t : t + 1], cache)[:, -1])
    return np.stack(out, axis=1)


@pytest.mark.parametrize("prompt", [1, 3, 6])
def test_decoding_with_a_cache_equals_reading_it_all(config: ModelConfig, prompt: int) -> None:
    params = random_params(config, dtype=np.float32)
    whole = all_logits(params, config, TOKENS)
    close("cache", decoded(params, config, TOKENS, prompt), whole[:, prompt - 1 :], **F32)


def test_a_cache_outgrows_its_room() -> None:
    params = random_params(SMALL, dtype=np.float32)
    tokens = generator(0, "tests", "long").integers(0, 11, (2, 80)).astype(np.int32)
    cache = model.Cache(SMALL, 2, 3)
    out = [all_logits(params, SMALL, tokens[:, :3], cache)[:, -1]]
    grown = 0
    for t in range(3, 80):
        if cache.full:
            cache.select(np.arange(2))
            grown += 1
        out.append(all_logits(params, SMALL, tokens[:, t : t + 1], cache)[:, -1])
    assert grown == 2
    whole = all_logits(params, SMALL, tokens)
    close("grown cache", np.stack(out, axis=1), whole[:, 2:], **F32)


def test_select_keeps_the_chosen_rows_with_their_past() -> None:
    params = random_params(SMALL, dtype=np.float32)
    chosen = np.array([2, 0, 2])
    padding = np.array([0, 1, 2])
    cache = model.Cache(SMALL, 3, 4, padding)
    all_logits(params, SMALL, TOKENS[:, :4], cache)
    cache.select(chosen)
    ours = all_logits(params, SMALL, TOKENS[chosen, 4:5], cache)
    for i, row in enumerate(chosen):
        alone = model.Cache(SMALL, 1, 5)
        all_logits(params, SMALL, TOKENS[row : row + 1, padding[row] : 4], alone)
        expected = all_logits(params, SMALL, TOKENS[row : row + 1, 4:5], alone)
        close(f"row {i}", ours[i], expected[0], **F32)


def test_padding_on_the_left_equals_none(config: ModelConfig) -> None:
    """Prompts of different lengths side by side: nobody sees or counts the padding."""
    params = random_params(config, dtype=np.float32)
    padding = np.array([0, 2, 3])
    for pad in (0, 10):
        padded = TOKENS.copy()
        for row, n in zip(padded, padding, strict=True):
            row[:n] = pad
        cache = model.Cache(config, 3, 4, padding)
        read = all_logits(params, config, padded[:, :4], cache)[:, -1]
        cache.select(np.arange(3))
        steps = [all_logits(params, config, padded[:, t : t + 1], cache)[:, -1] for t in (4, 5)]
        ours = np.stack([read, *steps], axis=1)
        for i, n in enumerate(padding):
            alone = all_logits(params, config, TOKENS[i : i + 1, n:6])[0, -3:]
            close(f"row {i}, {n} pads of {pad}", ours[i], alone, **F32)


def test_padding_on_the_right_changes_nothing(config: ModelConfig) -> None:
    params = random_params(config)
    usual = all_logits(params, config, TOKENS)
    for pad in (0, 10):
        wide = np.concatenate([TOKENS, np.full((3, 70), pad, np.int32)], axis=1)
        close("padded", all_logits(params, config, wide)[:, :7], usual, **F64)


def test_rows_do_not_see_each_other(config: ModelConfig) -> None:
    params = random_params(config)
    usual = all_logits(params, config, TOKENS)
    alone = [all_logits(params, config, TOKENS[i : i + 1])[0] for i in range(3)]
    close("rows", usual, alone, **F64)


def test_the_future_is_not_seen(config: ModelConfig) -> None:
    params = random_params(config)
    usual = all_logits(params, config, TOKENS)
    other = TOKENS.copy()
    other[:, 4:] = (other[:, 4:] + 3) % 11
    changed = all_logits(params, config, other)
    close("past", changed[:, :4], usual[:, :4], **F64)
    assert np.all(np.abs(changed[:, 4:] - usual[:, 4:]).max(axis=(0, 2)) > 1e-3)


def test_fresh_parameters_have_the_shapes_and_sizes_that_they_should(
    config: ModelConfig,
) -> None:
    config = reshape(
        config, hidden_size=64, intermediate_size=96, vocab_size=300, tie_word_embeddings=False
    )
    params = model.init_params(config, generator(0, "tests", "init"))
    assert {n: p.shape for n, p in params.items()} == model.parameter_shapes(config)
    assert all(p.dtype == np.float32 for p in params.values())
    for name, p in params.items():
        if name.endswith("norm.weight"):
            assert np.all(p == 1), name
        elif name.endswith("bias"):
            assert not p.any(), name
        else:
            expected = 0.02 if "embed" in name or "lm_head" in name else 0.8 / p.shape[1] ** 0.5
            if "o_proj" in name or "down_proj" in name:
                expected /= 2  # sqrt(2 · 2 layers)
            assert abs(p.std() / expected - 1) < 5 / p.size**0.5, name
    again = model.init_params(config, generator(0, "tests", "init"))
    assert all(np.array_equal(p, again[name]) for name, p in params.items())


def test_a_qwen2_has_biases_and_a_qwen3_normalises_queries_and_keys() -> None:
    names = {
        kind: {
            name.replace("model.layers.0.", "")
            for name in model.parameter_shapes(reshape(SMALL, model_type=kind))
            if "layers.0" in name
        }
        for kind in ("llama", "qwen2", "qwen3")
    }
    biases = {f"self_attn.{x}_proj.bias" for x in "qkv"}
    assert names["qwen2"] - names["llama"] == biases
    assert names["qwen3"] - names["llama"] == {f"self_attn.{x}_norm.weight" for x in "qk"}
