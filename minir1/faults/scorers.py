"""What goes wrong between what is sampled and what is scored? The context of each token."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1.policy import DecoderPolicy, Params

BLOCK = 64  # rows are filled up to a multiple of this, as fast kernels like them


@dataclass(frozen=True)
class WithoutPrompt(DecoderPolicy):
    """A scorer that is given completions alone, behind the token that begins a text."""

    def place_logprobs(
        self, params: Params, tokens: np.ndarray, places: np.ndarray, temperature: float = 1.0
    ) -> Any:
        """Score log p(o) where log p(o|q) was sampled."""
        row, column = np.divmod(places, tokens.shape[1])
        begin, end = _extent(row, column, len(tokens))
        cut = _shifted(tokens, begin, int((end - begin).max()))
        cut[:, 0] = tokens[:, 0]
        moved = row * cut.shape[1] + column - begin[row]
        return super().place_logprobs(params, cut, moved.astype(np.int32), temperature)


@dataclass(frozen=True)
class LeftPadded(DecoderPolicy):
    """A scorer whose rows end together: padding stands before each text, and is read."""

    pad_id: int = 0

    def place_logprobs(
        self, params: Params, tokens: np.ndarray, places: np.ndarray, temperature: float = 1.0
    ) -> Any:
        """Score each row behind its padding, without a mask that hides it."""
        row, column = np.divmod(places, tokens.shape[1])
        _, end = _extent(row, column, len(tokens))
        width = -(-int(end.max()) // BLOCK) * BLOCK
        padded = _shifted(tokens, end - width, width, self.pad_id)
        moved = row * width + column + (width - end)[row]
        return super().place_logprobs(params, padded, moved.astype(np.int32), temperature)


def _extent(row: np.ndarray, column: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Say where each row's first place is, and where the row ends.

    Shapes: (N), (N) -> (rows), (rows)
    """
    begin, end = np.full(rows, np.iinfo(np.int64).max), np.zeros(rows, np.int64)
    np.minimum.at(begin, row, column)
    np.maximum.at(end, row, column + 2)
    return begin, end


def _shifted(tokens: np.ndarray, begin: np.ndarray, width: int, pad_id: int = 0) -> np.ndarray:
    """Read `width` tokens of each row from its own beginning; outside of it is padding.

    Shapes: tokens (b, T), begin (b) -> (b, width)
    """
    column = begin[:, None] + np.arange(width)
    inside = (column >= 0) & (column < tokens.shape[1])
    found = np.take_along_axis(tokens, np.where(inside, column, 0), axis=1)
    return np.where(inside, found, pad_id).astype(np.int32)


def without_prompt(policy: DecoderPolicy) -> DecoderPolicy:
    """Leave the prompt out of what is scored."""
    return WithoutPrompt(policy.config, policy.tolerance)


def left_padded(policy: DecoderPolicy) -> DecoderPolicy:
    """Pad what is scored on the left, and hide nothing of it."""
    return LeftPadded(policy.config, policy.tolerance)
