"""Does each broken scorer lose the context that it says, and keep the rest?"""

from typing import Any

import numpy as np
import pytest
from check import close
from test_rl import MODEL, POLICY, TOKENIZER, graded, params, run_config

from minir1.faults.scorers import BLOCK, left_padded, without_prompt
from minir1.offpolicy import score
from minir1.policy import DecoderPolicy

CLOSE = {"rtol": 0, "atol": 1e-4}
BROKEN = (without_prompt(POLICY), left_padded(POLICY))


def scored(policy: DecoderPolicy, tokens: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Log-probabilities of the marked tokens. Shapes: -> (N)"""
    found = score(params(), run_config(tokens_per_microbatch=100), policy, tokens, mask)
    return found.reshape(mask.shape)[mask > 0]


def rollout() -> tuple[np.ndarray, np.ndarray]:
    made = graded().rollout
    return made.tokens, made.completion_mask


@pytest.mark.parametrize("policy", BROKEN, ids=["prompt-missing", "left-padding"])
def test_it_scores_something_else_than_was_sampled(policy: DecoderPolicy) -> None:
    tokens, mask = rollout()
    gap = np.abs(scored(policy, tokens, mask) - scored(POLICY, tokens, mask))
    assert np.median(gap) > 1e-3


@pytest.mark.parametrize("policy", BROKEN, ids=["prompt-missing", "left-padding"])
def test_it_is_a_scorer_alone(policy: DecoderPolicy) -> None:
    tokens, mask = rollout()
    before = tokens.copy(), mask.copy()
    assert (policy.config, policy.tolerance) == (MODEL, POLICY.tolerance)
    scored(policy, tokens, mask)
    assert np.array_equal(tokens, before[0]) and np.array_equal(mask, before[1])


def test_without_the_prompt_another_prompt_changes_nothing() -> None:
    tokens, mask = rollout()
    other = tokens.copy()
    other[:, 1:5] = TOKENIZER.encode("blue blue blue blue")
    assert np.abs(scored(POLICY, tokens, mask) - scored(POLICY, other, mask)).max() > 1e-3
    policy = without_prompt(POLICY)
    close("blind", scored(policy, other, mask), scored(policy, tokens, mask), **CLOSE)


def test_without_the_prompt_a_completion_is_scored_behind_the_begin_token() -> None:
    tokens, mask = rollout()
    row = 3
    start, n = np.flatnonzero(mask[row])[0] + 1, int(mask[row].sum())
    alone = np.concatenate([tokens[row, :1], tokens[row, start : start + n]])[None]
    expected = scored(POLICY, alone, np.ones((1, n)))
    one = np.zeros_like(mask)
    one[row] = mask[row]
    close("row", scored(without_prompt(POLICY), tokens, one), expected, **CLOSE)


def test_a_row_behind_padding_is_scored_as_if_the_padding_were_text() -> None:
    tokens, mask = rollout()
    row = 2
    one = np.zeros_like(mask)
    one[row] = mask[row]
    end = int(np.flatnonzero(mask[row])[-1]) + 2
    padded = np.zeros((1, BLOCK), tokens.dtype) + TOKENIZER.pad_id
    padded[0, BLOCK - end :] = tokens[row, :end]
    there = np.zeros((1, BLOCK - 1))
    there[0, BLOCK - end :] = mask[row, : end - 1]
    expected = scored(POLICY, padded, there)
    close("row", scored(left_padded(POLICY), tokens, one), expected, **CLOSE)


def test_a_row_that_fills_its_block_is_scored_rightly() -> None:
    """The bug is the padding: where there is none, nothing is wrong."""
    tokens = np.resize(rollout()[0][0, :9], (2, BLOCK)).astype(np.int32)
    mask: Any = np.ones((2, BLOCK - 1))
    close(
        "full", scored(left_padded(POLICY), tokens, mask), scored(POLICY, tokens, mask), **CLOSE
    )
