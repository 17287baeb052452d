"""Does reflecting help? What comes of a missed first attempt, and what without some words.

Everything is read from the text of answers. "Goes on" means a second attempt after a first
that is no solution; a check is no attempt.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minir1 import behaviour
from minir1.behaviour import REEVALUATIVE, Sample
from minir1.config import RunConfig
from minir1.countdown import solves
from minir1.datasets import Checkpoint
from minir1.evaluate import is_right, untempered
from minir1.rollout import sample as draw
from minir1.traces import (
    ANSWER,
    END_THINK,
    THINK,
    as_expression,
    read_attempts,
    thinking,
)
from minir1.world.languages import CONNECTIVES
from minir1.world.questions import Question

TOLD = (
    "accuracy",
    "completion_tokens",
    "attempts_per_answer",
    "reflections_per_answer",
    "reevaluations_per_answer",
    "reflections_per_100_tokens",
    "check_rate",
    "yes_given_hit",
    "yes_given_miss",
    "truncated",
)


def figures(samples: Sequence[Sample]) -> dict[str, float | None]:
    """Sum up how a model answered, as far as this claim asks."""
    seen = behaviour.describe(samples)
    return {name: seen[name] for name in TOLD}


def after_a_miss(samples: Sequence[Sample]) -> dict[str, float | None]:
    """Say what follows a first attempt that is no solution.

    missed_first: of all answers; goes_on: of those; right_if_it_goes_on and
    right_if_it_stops: P(final answer right | first attempt wrong, and it goes on or not).
    """
    gone_on: list[bool] = []
    stopped: list[bool] = []
    for sample in samples:
        tried = [a for a in read_attempts(thinking(sample.completion)) if not a.is_check]
        problem = sample.problem
        if tried and not solves(as_expression(tried[0]), problem.numbers, problem.target):
            (gone_on if len(tried) > 1 else stopped).append(is_right(sample))
    missed = len(gone_on) + len(stopped)
    return {
        "missed_first": missed / len(samples),
        "goes_on": len(gone_on) / missed if missed else None,
        "right_if_it_goes_on": _mean(gone_on),
        "right_if_it_stops": _mean(stopped),
    }


def beside_the_others(samples: Sequence[Sample], group: int) -> dict[str, float | None]:
    """Compare answers to the same problem with and without a word that starts something again.

    not_more_accurate: of the problems that were answered both ways, the share where those with
    the word are right no more often.
    See: Dr. GRPO (arXiv 2503.20783), which finds this for nearly half of its questions.
    """
    right = np.array([is_right(s) for s in samples], dtype=float).reshape(-1, group)  # (P, n)
    words = [set(thinking(s.completion).split()) for s in samples]
    again = np.array([bool(REEVALUATIVE & said) for said in words]).reshape(-1, group)
    both = again.any(axis=1) & ~again.all(axis=1)  # (P)
    gains = [r[a].mean() - r[~a].mean() for r, a in zip(right[both], again[both], strict=True)]
    return {
        "right_with": _mean(right[again]),
        "right_without": _mean(right[~again]),
        "not_more_accurate": _mean([gain <= 0 for gain in gains]),
        "problems_answered_both_ways": float(both.mean()),
    }


def cut_short(
    model: Checkpoint,
    config: RunConfig,
    questions: Sequence[Question],
    samples: Sequence[Sample],
    tokens: int,
    seed: int,
) -> list[Sample]:
    """Let every thought end after so many tokens at most, and the model answer then and there.

    The thought is cut behind its last whole attempt that fits; "so </think> <answer>" is put
    in its mouth and the rest is drawn. Answers that were shorter stay as they are.
    """
    group = len(samples) // len(questions)
    cut = {i: said for i, s in enumerate(samples) if (said := _beginning(s, tokens))}
    prompts = [
        model.tokenizer.encode(f"{questions[i // group].prompt} {said}")
        for i, said in cut.items()
    ]
    if not prompts:
        return list(samples)
    rollout = draw(
        model.params,
        config.model,
        prompts,
        1,
        untempered(config).sample,
        (seed, "reflection/cut-short", 0),
        model.tokenizer.eos_ids,
        model.tokenizer.pad_id,
        config.threads,
    )
    shortened = list(samples)
    for row, (i, said) in enumerate(cut.items()):
        rest = model.tokenizer.decode(rollout.completion(row))
        length = len(said.split()) + int(rollout.completion_lengths[row])
        text, finished = f"{said} {rest}", bool(rollout.finished[row])
        shortened[i] = Sample(samples[i].problem, samples[i].language, text, length, finished)
    return shortened


def _beginning(sample: Sample, tokens: int) -> str:
    """Return how a thought that is too long begins, up to its answer's tag; "" if it fits."""
    if sample.completion_tokens <= tokens or not sample.completion.startswith(THINK):
        return ""
    thought = thinking(sample.completion)
    words = thought.split()
    ends = [a.end + (a.verdict is not None) for a in read_attempts(thought)]
    kept = max((end for end in ends if end <= tokens), default=0)
    so = CONNECTIVES[sample.language]["so"]
    return " ".join([THINK, *words[:kept], so, END_THINK, ANSWER])


def _mean(values: Sequence[Any] | np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None
