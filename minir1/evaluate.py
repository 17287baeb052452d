"""How good is a checkpoint, how sure are we, and how does it think?

Every checkpoint answers the same held-out questions. pass@1 is the mean over problems of
the share of right samples, at temperature 1, with a bootstrap interval over problems: 16
samples of one problem are one piece of evidence about that problem, not sixteen.
Choices are made on the validation problems; the test problems are for reports only.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from minir1 import behaviour
from minir1.answers import ask
from minir1.config import RunConfig
from minir1.rewards import lenient_answer, vote
from minir1.rng import generator
from minir1.statistics import bootstrap_interval, maj_at_k, pass_at_k
from minir1.tokenizer import WordTokenizer
from minir1.verdict import FIRST, FOURTH, verdicts
from minir1.verifier import solves
from minir1.world.problems import split
from minir1.world.questions import Question, held_out_questions

Figures = dict[str, Any]

SIZES = {name: len(problems) for name, problems in split().items()}  # problems in each part


def held_out_figures(
    params: dict[str, Any], config: RunConfig, tokenizer: WordTokenizer, part: str = "test"
) -> tuple[Figures, list[behaviour.Sample]]:
    """Measure a checkpoint on held-out problems; return the figures and the samples.

    The figures are an entry of results.json's "checkpoints".
    """
    questions = held_out_questions(part, config.evaluation.problems)
    config = replace(config, sample=replace(config.sample, temperature=1.0))
    group = config.evaluation.samples
    _, samples = ask(
        params, config, tokenizer, questions, group, (config.seed, f"evaluate/{part}", 0)
    )
    figures = {**score(samples, group, config.seed), **_without_repeats(samples)}
    figures["verdict"] = {
        name: verdicts(params, config.model, tokenizer, questions[:250], place)
        for name, place in (("first_attempt", FIRST), ("fourth_attempt", FOURTH))
    }
    return figures, samples


def score(samples: list[behaviour.Sample], group: int, seed: int) -> Figures:
    """Grade samples (a problem's side by side): pass@1, pass@k and majority with intervals."""
    right = np.array([is_right(s) for s in samples]).reshape(-1, group)  # (P, n)
    lenient = np.array([_lenient(s) for s in samples]).reshape(-1, group)
    votes = [vote(s.completion, s.finished) for s in samples]
    ballots = [votes[i : i + group] for i in range(0, len(votes), group)]
    majority = maj_at_k(ballots, right, group)  # (P)
    ks = [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256) if k <= group]
    solved = right.sum(axis=1)
    size = {"problems": len(right), "samples": group}
    return {
        "pass_at_1": {**_interval(right.mean(axis=1), seed), **size},
        "pass_at_1_lenient": {**_interval(lenient.mean(axis=1), seed), **size},
        f"maj_at_{group}": _interval(majority, seed),
        "pass_at_k": {str(k): float(pass_at_k(group, solved, k).mean()) for k in ks},
    }


def validation(
    params: dict[str, Any], config: RunConfig, tokenizer: WordTokenizer, step: int
) -> tuple[float, list[Figures]]:
    """Look at the validation problems in the middle of training; nothing is trained on them.

    Returns the accuracy and the answers, each with its question.
    """
    settings = config.evaluation
    questions: list[Question] = held_out_questions("validation", settings.validation_problems)
    group, address = settings.validation_samples, (config.seed, "validation", step)
    _, samples = ask(params, config, tokenizer, questions, group, address)
    answers = [
        {
            "prompt": questions[i // group].prompt,
            "completion": s.completion,
            "tokens": s.completion_tokens,
            "right": is_right(s),
        }
        for i, s in enumerate(samples)
    ]
    return float(np.mean([answer["right"] for answer in answers])), answers


def _without_repeats(samples: list[behaviour.Sample]) -> Figures:
    """Behaviour figures, less what `score` says with an interval."""
    seen = behaviour.describe(samples)
    return {name: value for name, value in seen.items() if name not in ("samples", "accuracy")}


def is_right(s: behaviour.Sample) -> bool:
    """Say whether a completion ended and its one answer solves the problem."""
    return behaviour.accuracy(s.problem, s.completion, s.finished) > 0


def _lenient(s: behaviour.Sample) -> bool:
    answer = lenient_answer(s.completion)
    return answer is not None and solves(answer, s.problem.numbers, s.problem.target)


def _interval(values: np.ndarray, seed: int) -> Figures:
    low, high = bootstrap_interval(values, generator(seed, "bootstrap"))
    return {"value": float(values.mean()), "low": low, "high": high}
