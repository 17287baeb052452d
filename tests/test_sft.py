"""Does supervised training see the right tokens, and count them rightly?"""

import numpy as np
import pytest
import reference
from check import F64, SMALL, as_arrays, check_slopes, close, random_params

from minir1 import optim, sft
from minir1.policy import DecoderPolicy

ROWS = [np.array([1, 4, 5, 2]), np.array([1, 7, 3, 9, 6, 2]), np.array([1, 2])]


def test_rows_are_padded_on_the_right() -> None:
    tokens = sft.pad(ROWS, 0)
    assert tokens.tolist() == [[1, 4, 5, 2, 0, 0], [1, 7, 3, 9, 6, 2], [1, 2, 0, 0, 0, 0]]
    assert tokens.dtype == np.int32


def test_all_but_the_first_token_or_all_after_the_prompt_are_trained() -> None:
    everything = sft.text_mask(ROWS)
    assert everything.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]
    after = sft.text_mask(ROWS, [2, 4, 1])
    assert after.tolist() == [[0, 1, 1, 0, 0], [0, 0, 0, 1, 1], [1, 0, 0, 0, 0]]


@pytest.mark.parametrize("prompts", [None, [2, 4, 1]])
def test_the_loss_is_the_mean_surprise_of_the_trained_tokens(prompts: list[int] | None) -> None:
    params = random_params(SMALL)
    tokens, mask = sft.pad(ROWS, 0), sft.text_mask(ROWS, prompts)
    loss, grads = sft.next_token_gradients(
        as_arrays(params), DecoderPolicy(SMALL), tokens, mask, 12, 1
    )
    listed = {name: p.tolist() for name, p in params.items()}
    surprise = []
    for row, start in zip(ROWS, prompts or [1, 1, 1], strict=True):
        logprobs = reference.token_logprobs(listed, SMALL, row.tolist())
        surprise += [-lp for lp in logprobs[start - 1 :]]
    close("loss", loss, sum(surprise) / len(surprise), **F64)
    name = "model.layers.1.mlp.up_proj.weight"

    def value(moved: np.ndarray) -> float:
        moved_params = as_arrays({**params, name: moved})
        return sft.next_token_gradients(
            moved_params, DecoderPolicy(SMALL), tokens, mask, 12, 1
        )[0]

    check_slopes(name, value, params[name], grads[name], at_most=10, h=1e-3)


def test_an_update_clips_steps_and_tells_the_norm_before() -> None:
    params = as_arrays(random_params(SMALL))
    grads = {name: p * 10.0 for name, p in params.items()}
    norm = optim.global_norm(grads)
    state = optim.adamw_init(params)
    moved, after, told = sft.update(params, grads, state, 0.01, 1.0, (0.7, 0.8), 0.1)
    assert told == norm > 1
    short = {name: g * (1 / norm) for name, g in grads.items()}
    expected, memory = optim.adamw(params, short, state, 0.01, (0.7, 0.8), 0.1)
    for name, p in expected.items():
        close(name, moved[name], p, **F64)
        for kept in ("m", "v"):
            close(f"{kept} of {name}", after[kept][name], memory[kept][name], **F64)
    assert after["step"] == 1


def test_some_steps_of_training_lower_the_loss() -> None:
    params = as_arrays(random_params(SMALL, dtype=np.float32))
    tokens, mask = sft.pad(ROWS, 0), sft.text_mask(ROWS)
    state, losses = optim.adamw_init(params), []
    for _ in range(30):
        loss, grads = sft.next_token_gradients(
            params, DecoderPolicy(SMALL), tokens, mask, 64, 1
        )
        params, state, _ = sft.update(params, grads, state, 0.02, 1.0, (0.9, 0.95), 0.0)
        losses.append(loss)
    assert losses[-1] < 0.2 * losses[0]
