"""Does the model know a hit when it sees one? P(yes) after an attempt that hits, or misses.

The condition for reinforcement learning to work at all: searching longer pays only if the
model can tell when to stop. The probe is teacher-forced, so it can be measured before any
training: a trace is written for the model, up to an attempt, and the next word is asked.
Near misses are used, the hardest to tell apart.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minir1 import model
from minir1.backend import to_numpy, xp
from minir1.model_config import ModelConfig
from minir1.sft import pad
from minir1.tokenizer import WordTokenizer
from minir1.world.languages import CONNECTIVES
from minir1.world.problems import Attempt, attempts
from minir1.world.questions import Question

FIRST, FOURTH = 1, 4


def probe_texts(question: Question, place: int) -> tuple[str, str] | None:
    """Write two traces whose attempt number `place` hits, and misses by little.

    The attempts before it miss, and are told so. None where a problem has too few.
    """
    target, words = question.problem.target, CONNECTIVES[question.language]
    known = attempts(question.problem.numbers)
    hits = [attempt for attempt in known if attempt.value == target]
    misses = sorted(
        (attempt for attempt in known if attempt.value != target),
        key=lambda attempt: abs(attempt.value - target),
    )
    if not hits or len(misses) < place:
        return None
    near, others = misses[0], misses[1:place]

    def text(last: Attempt) -> str:
        tried = "".join(f" {words['try']} {a.steps} {words['no']}" for a in others)
        return f"{question.prompt} <think>{tried} {words['try']} {last.steps}"

    return text(hits[0]), text(near)


def verdicts(
    params: dict[str, Any],
    config: ModelConfig,
    tokenizer: WordTokenizer,
    questions: list[Question],
    place: int = FIRST,
) -> dict[str, float]:
    """Return mean P(yes) / (P(yes) + P(no)) after a hit and after a near miss."""
    pairs = [p for p in (probe_texts(question, place) for question in questions) if p]
    return verdicts_after(params, config, tokenizer, pairs)


def verdicts_after(
    params: dict[str, Any],
    config: ModelConfig,
    tokenizer: WordTokenizer,
    pairs: Sequence[tuple[str, str]],
) -> dict[str, float]:
    """Return mean P(yes) / (P(yes) + P(no)) after the texts that hit, and those that miss.

    Yes and no count in either language.
    """
    texts = [text for pair in pairs for text in pair]
    rows = [np.array(tokenizer.encode(text)) for text in texts]
    tokens = pad(rows, tokenizer.pad_id)
    last = np.array([i * tokens.shape[1] + len(row) - 1 for i, row in enumerate(rows)])
    hidden = model.forward(params, config, tokens).reshape(-1, config.hidden_size)
    scores = model.logits(params, xp.take(hidden, xp.array(last.astype(np.int32)), axis=0))
    p = to_numpy(xp.softmax(scores, axis=-1))  # (N, V)

    def said(meaning: str) -> np.ndarray:
        return p[:, [tokenizer.vocab[words[meaning]] for words in CONNECTIVES.values()]].sum(1)

    yes = said("yes") / (said("yes") + said("no"))
    return {"yes_given_hit": float(yes[0::2].mean()), "yes_given_miss": float(yes[1::2].mean())}
