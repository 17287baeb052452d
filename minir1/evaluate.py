"""How good is a checkpoint, how sure are we, and how does it think?

Every checkpoint answers the same held-out questions. pass@1 is the mean over problems of
the share of right samples, at temperature 1, with a bootstrap interval over problems: 16
samples of one problem are one piece of evidence about that problem, not sixteen.
Choices are made on the validation problems; the test problems are for reports only.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minir1 import behaviour
from minir1.answers import ask
from minir1.config import RunConfig
from minir1.conversation import GeneralSample
from minir1.countdown import solves
from minir1.rewards import lenient_answer, vote
from minir1.statistics import interval, maj_at_k, pass_at_k
from minir1.tokenizer import WordTokenizer
from minir1.verdict import FIRST, FOURTH, verdicts
from minir1.world.general import general_prompts
from minir1.world.problems import split
from minir1.world.program_questions import held_out_programs, programs_among
from minir1.world.questions import PROMPT_TOKENS as PROMPT_TOKENS
from minir1.world.questions import held_out_questions

Figures = dict[str, Any]

SIZES = {name: len(problems) for name, problems in split().items()}  # problems in each part


def untempered(config: RunConfig) -> RunConfig:
    """Let a model be asked as it is, at temperature 1, however it is trained."""
    return replace(config, sample=replace(config.sample, temperature=1.0))


def held_out_figures(
    params: dict[str, Any], config: RunConfig, tokenizer: WordTokenizer, part: str = "test"
) -> tuple[Figures, list[behaviour.Sample]]:
    """Measure a checkpoint on held-out problems; return the figures and the samples.

    The figures are an entry of results.json's "checkpoints".
    """
    questions = held_out_questions(part, config.evaluation.problems)
    config = untempered(config)
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


def answers_without(
    params: dict[str, Any],
    config: RunConfig,
    tokenizer: WordTokenizer,
    words: Sequence[str],
    part: str = "test",
) -> list[behaviour.Sample]:
    """Let a checkpoint answer with words that it may not write, each problem's side by side.

    The questions and the random numbers are those of `held_out_figures`: without forbidden
    words the answers are the same.

    Raises: UserError for a word that is none of the tokenizer's
    """
    questions = held_out_questions(part, config.evaluation.problems)
    forbidden = [token for word in words for token in tokenizer.encode(word)]
    config = untempered(config)
    group, address = config.evaluation.samples, (config.seed, f"evaluate/{part}", 0)
    _, samples = ask(params, config, tokenizer, questions, group, address, forbidden)
    return samples


def score(samples: list[behaviour.Sample], group: int, seed: int) -> Figures:
    """Grade samples (a problem's side by side): pass@1, pass@k and majority with intervals."""
    right = np.array([is_right(s) for s in samples]).reshape(-1, group)  # (P, n)
    lenient = np.array([_lenient(s) for s in samples]).reshape(-1, group)
    votes = [vote(s.completion, s.finished) for s in samples]
    ballots = [votes[i : i + group] for i in range(0, len(votes), group)]
    majority = maj_at_k(ballots, right, group)  # (P)
    return {
        "pass_at_1": mean_of(right, seed),
        "pass_at_1_lenient": mean_of(lenient, seed),
        f"maj_at_{group}": interval(majority, seed),
        "pass_at_k": passes(right),
    }


def mean_of(right: np.ndarray, seed: int) -> dict[str, float]:
    """Return the share of right samples with its interval over problems, and their number.

    Shapes: right (P, n)
    """
    problems, samples = right.shape
    size = {"problems": problems, "samples": samples}
    return {**interval(right.mean(axis=1), seed), **size}


def passes(right: np.ndarray) -> dict[str, float]:
    """Return pass@k for every power of two up to the number of samples.

    Shapes: right (P, n)
    """
    group, solved = right.shape[1], right.sum(axis=1)
    ks = [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256) if k <= group]
    return {str(k): float(pass_at_k(group, solved, k).mean()) for k in ks}


def general_answers(
    params: dict[str, Any], config: RunConfig, tokenizer: WordTokenizer
) -> list[GeneralSample]:
    """Let a checkpoint answer the general test prompts, each as often as a problem."""
    config = untempered(config)
    prompts, address = general_prompts("test"), (config.seed, "evaluate/general", 0)
    _, samples = ask(params, config, tokenizer, prompts, config.evaluation.samples, address)
    return samples


def validation(
    params: dict[str, Any], config: RunConfig, tokenizer: WordTokenizer, stage: str, step: int
) -> float:
    """Return the accuracy on the validation problems, on which nothing is trained."""
    config, settings = untempered(config), config.evaluation
    questions = validation_questions(settings.validation_problems, config.grpo.program_prompts)
    address = (config.seed, f"{stage}/validation", step)
    _, samples = ask(params, config, tokenizer, questions, settings.validation_samples, address)
    return float(np.mean([is_right(s) for s in samples]))


def validation_questions(count: int, program_share: float) -> list[Any]:
    """Ask problems of the kinds that are trained on, each in its share."""
    kinds = programs_among(count, program_share)
    puzzles = held_out_questions("validation", len(kinds) - sum(kinds))
    return [*puzzles, *held_out_programs("validation", sum(kinds))]


def _without_repeats(samples: list[behaviour.Sample]) -> Figures:
    """Behaviour figures, less what `score` says with an interval."""
    seen = behaviour.describe(samples)
    return {name: value for name, value in seen.items() if name not in ("samples", "accuracy")}


def is_right(s: behaviour.Sample | behaviour.ProgramSample) -> bool:
    """Say whether a completion ended and its one answer solves the problem."""
    return behaviour.accuracy(s.problem, s.completion, s.finished) > 0


def _lenient(s: behaviour.Sample) -> bool:
    answer = lenient_answer(s.completion)
    return answer is not None and solves(answer, s.problem.numbers, s.problem.target)
