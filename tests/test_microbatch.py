"""Is the gradient of a batch the same however it is cut, padded, ordered and shared out?"""

from typing import Any

import numpy as np
import pytest
from check import (
    F32,
    F64,
    SMALL,
    as_arrays,
    close,
    draw,
    grpo_gradients,
    random_params,
)

from minir1 import grpo, microbatch, sft
from minir1.policy import DecoderPolicy
from minir1.rng import generator

LENGTHS = np.array([9, 4, 12, 7, 3, 12, 6])
PROMPTS = np.array([3, 2, 4, 3, 2, 5, 6])  # the last row has nothing to train


def batch(dtype: Any = np.float64) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Tokens (7, 12), completion mask (7, 11), and what the loss needs of each place."""
    tokens = generator(0, "tests", "batch").integers(2, 11, (7, 12)).astype(np.int32)
    mask = np.zeros((7, 11), np.float32)
    for i, (prompt, length) in enumerate(zip(PROMPTS, LENGTHS, strict=True)):
        mask[i, prompt - 1 : length - 1] = 1
        tokens[i, length:] = 0
    old = draw("old", 7, 11, scale=0.3) - 2.4
    advantages = np.repeat(draw("advantages", 7, 1), 11, axis=1)
    arrays = {
        "weights": grpo.token_weights(mask.astype(dtype), "sequence"),
        "advantages": advantages,
        "old_logprobs": old,
        "ref_logprobs": old + draw("ref", 7, 11, scale=0.2),
    }
    return tokens, mask, {name: x.astype(dtype) for name, x in arrays.items()}


KNOBS = {"clip_low": 0.2, "clip_high": 0.3, "kl_weight": 0.1, "kl_estimator": "k3"}


def gradients(
    tokens: np.ndarray,
    mask: np.ndarray,
    arrays: dict[str, np.ndarray],
    budget: int = 24,
    threads: int = 1,
    dtype: Any = np.float64,
) -> tuple[float, dict[str, np.ndarray]]:
    params = as_arrays(random_params(SMALL, dtype=dtype))
    loss, grads = grpo_gradients(
        params, SMALL, tokens, mask, arrays, budget, threads, temperature=0.9, **KNOBS
    )
    return loss, {name: np.asarray(g) for name, g in grads.items()}


def same(ours: Any, theirs: Any, tolerance: dict[str, float] = F64) -> None:
    close("loss", ours[0], theirs[0], **tolerance)
    for name, g in theirs[1].items():
        close(name, ours[1][name], g, **tolerance)


def test_the_batch_has_a_gradient_everywhere() -> None:
    _, grads = gradients(*batch())
    assert all(np.abs(g).max() > 1e-6 for g in grads.values())


@pytest.mark.parametrize("budget", [1, 13, 24, 40, 10_000])
def test_the_cut_changes_nothing(budget: int) -> None:
    """One row at a time equals all rows at once: no average over a micro-batch hides."""
    same(gradients(*batch(), budget=budget), gradients(*batch(), budget=50))
    coarse = gradients(*batch(np.float32), budget=budget, dtype=np.float32)
    same(coarse, gradients(*batch()), F32)


def test_padding_columns_change_nothing() -> None:
    tokens, mask, arrays = batch()
    more = ((0, 0), (0, 9))
    wide = {name: np.pad(x, more, constant_values=3) for name, x in arrays.items()}
    padded = np.pad(tokens, more, constant_values=5), np.pad(mask, more), wide
    same(gradients(*padded), gradients(tokens, mask, arrays))


def test_rows_with_nothing_to_train_change_nothing() -> None:
    tokens, mask, arrays = batch()
    more = ((3, 2), (0, 0))
    high = {name: np.pad(x, more, constant_values=3) for name, x in arrays.items()}
    padded = np.pad(tokens, more, constant_values=5), np.pad(mask, more), high
    same(gradients(*padded), gradients(tokens, mask, arrays))


def test_the_order_of_rows_changes_nothing() -> None:
    tokens, mask, arrays = batch()
    order = np.array([4, 2, 6, 0, 5, 1, 3])
    turned = {name: x[order] for name, x in arrays.items()}
    same(gradients(tokens[order], mask[order], turned), gradients(*batch()))


@pytest.mark.parametrize("threads", [2, 3])
def test_the_number_of_threads_changes_no_bit(threads: int) -> None:
    alone = gradients(*batch(np.float32), budget=13, dtype=np.float32)
    for _ in range(5):
        shared = gradients(*batch(np.float32), budget=13, threads=threads, dtype=np.float32)
        assert shared[0] == alone[0]
        assert all(np.array_equal(shared[1][name], g) for name, g in alone[1].items())


def test_inputs_are_not_changed() -> None:
    tokens, mask, arrays = batch()
    params = as_arrays(random_params(SMALL))
    before = [tokens.copy(), mask.copy(), *(x.copy() for x in arrays.values())]
    held = {name: p.data.copy() for name, p in params.items()}
    grpo_gradients(params, SMALL, tokens, mask, arrays, **KNOBS)
    for old, new in zip(before, [tokens, mask, *arrays.values()], strict=True):
        assert np.array_equal(old, new)
    assert all(np.array_equal(p, params[name].data) for name, p in held.items())
    assert all(p.order == -1 for p in params.values())


@pytest.mark.parametrize("budget", [1, 20, 36, 10_000])
def test_split_covers_every_trained_token_once(budget: int) -> None:
    tokens, mask, _ = batch()
    batches = microbatch.split(mask, tokens, budget)
    source = np.concatenate([b.source for b in batches])
    assert sorted(source) == np.flatnonzero(mask).tolist()
    rows = np.concatenate([b.rows for b in batches])
    assert sorted(rows) == [0, 1, 2, 3, 4, 5]  # row 6 has nothing to train
    for b in batches:
        assert b.tokens.size <= max(budget, b.tokens.shape[1])
        assert np.array_equal(b.tokens, tokens[b.rows, : b.tokens.shape[1]])
        target = b.tokens.reshape(-1)[b.places + 1]
        row, column = np.divmod(b.source, mask.shape[1])
        assert np.array_equal(target, tokens[row, column + 1])
        assert b.tokens.shape[1] == max(LENGTHS[b.rows])  # nothing after the last is read
        assert np.all(b.places % b.tokens.shape[1] == column)


def test_split_takes_a_gap_in_the_mask() -> None:
    tokens = np.arange(10, dtype=np.int32).reshape(2, 5)
    mask = np.array([[1, 0, 1, 0], [0, 1, 0, 0]], np.float32)
    (one,) = microbatch.split(mask, tokens, 100)
    assert one.tokens.tolist() == [[0, 1, 2, 3], [5, 6, 7, 8]]
    assert one.places.tolist() == [0, 2, 5]
    assert one.source.tolist() == [0, 2, 5]


def test_results_come_back_in_the_order_of_the_cut() -> None:
    tokens, mask, _ = batch()
    batches = microbatch.split(mask, tokens, 13)
    params = as_arrays(random_params(SMALL))

    def loss(p: Any, b: microbatch.MicroBatch) -> tuple[Any, ...]:
        return p["model.norm.weight"].sum() * 0.0 + float(b.source[0]), b.source

    results, _ = microbatch.gradients(loss, params, batches, threads=3)
    assert [out[0].item() for out in results] == [b.source[0] for b in batches]
    assert all(
        np.array_equal(out[1], b.source) for out, b in zip(results, batches, strict=True)
    )


def test_an_error_in_a_thread_is_not_swallowed() -> None:
    tokens, mask, _ = batch()

    def loss(p: Any, b: microbatch.MicroBatch) -> Any:
        raise ArithmeticError("a broken loss")

    with pytest.raises(ArithmeticError, match="a broken loss"):
        microbatch.gradients(loss, {}, microbatch.split(mask, tokens, 13), threads=2)


def test_the_supervised_loss_is_a_mean_over_all_trained_tokens() -> None:
    tokens, mask, _ = batch()
    params = as_arrays(random_params(SMALL))
    whole = sft.next_token_gradients(params, DecoderPolicy(SMALL), tokens, mask, 10_000, 1)
    for budget, threads in ((1, 1), (13, 2)):
        part = sft.next_token_gradients(
            params, DecoderPolicy(SMALL), tokens, mask, budget, threads
        )
        close("loss", part[0], whole[0], **F64)
        for name, g in whole[1].items():
            close(name, part[1][name], g, **F64)
