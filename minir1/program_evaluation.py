"""How good is a checkpoint at programs, and does it know a hit when it sees one?

The figures for the second kind of problem, beside those of `evaluate` for number puzzles: the
same questions for every checkpoint, intervals over problems. What fits the examples that were
shown and fails on a hidden one is counted for itself: it is what a grader without hidden
examples would pay for.
"""

from typing import Any

import numpy as np

from minir1 import behaviour, stack_machine
from minir1.answers import ask
from minir1.config import RunConfig
from minir1.evaluate import Figures, is_right, mean_of, passes, untempered
from minir1.rewards import strict_answer
from minir1.tokenizer import WordTokenizer
from minir1.verdict import verdicts_after
from minir1.world.languages import CONNECTIVES
from minir1.world.program_questions import PROMPT_TOKENS as PROMPT_TOKENS
from minir1.world.program_questions import ProgramQuestion, held_out_programs
from minir1.world.programs import Program, attempts, fitting, run, split

SIZES = {name: len(problems) for name, problems in split().items()}  # problems in each part


def held_out_figures(
    params: dict[str, Any], config: RunConfig, tokenizer: WordTokenizer, part: str = "test"
) -> tuple[Figures, list[behaviour.ProgramSample]]:
    """Measure a checkpoint on held-out program problems; return figures and samples."""
    config, group = untempered(config), config.evaluation.samples
    questions = held_out_programs(part, config.evaluation.problems)
    address = (config.seed, f"evaluate/programs/{part}", 0)
    _, samples = ask(params, config, tokenizer, questions, group, address)
    figures = {**score(samples, group, config.seed), **behaviour.describe(samples)}
    figures["verdict"] = {
        name: verdicts_after(params, config.model, tokenizer, pairs)
        for name, pairs in probes(questions[:250]).items()
    }
    return figures, samples


def score(samples: list[behaviour.ProgramSample], group: int, seed: int) -> Figures:
    """Grade samples (a problem's side by side), on hidden examples and on those shown."""
    right = np.array([is_right(s) for s in samples]).reshape(-1, group)  # (P, n)
    shown = np.array([fits_what_is_shown(s) for s in samples]).reshape(-1, group)
    return {
        "pass_at_1": mean_of(right, seed),
        "pass_at_1_shown": mean_of(shown, seed),
        "shown_not_hidden": int((shown & ~right).sum()),
        "pass_at_k": passes(right),
    }


def fits_what_is_shown(s: behaviour.ProgramSample) -> bool:
    """Say whether a completion ended with a program that is right on the examples shown."""
    answer = strict_answer(s.completion) if s.finished else None
    return answer is not None and stack_machine.solves(answer, s.problem.examples)


def probes(questions: list[ProgramQuestion]) -> dict[str, list[tuple[str, str]]]:
    """Write pairs of traces, up to a verdict, of which one hits and one misses by little.

    On the first example any miss will do; on the second, one that hit the first.
    """
    return {
        "first_example": [p for q in questions if (p := _probe(q, 0)) is not None],
        "second_example": [p for q in questions if (p := _probe(q, 1)) is not None],
    }


def _probe(question: ProgramQuestion, place: int) -> tuple[str, str] | None:
    examples, words = question.problem.examples, CONNECTIVES[question.language]
    given, output = examples[place]

    def distance(program: Program) -> int:
        done = run(program, given)
        return abs(done.value - output) if done is not None else 100

    def text(program: Program) -> str:
        done = [run(program, known) for known, _ in examples[: place + 1]]
        runs = f" {words['yes']} ".join(each.steps for each in done if each is not None)
        return f"{question.prompt} <think> {words['try']} {runs}"

    so_far = fitting(examples[:place]) if place else attempts(examples)
    near = [program for program in so_far if 0 < distance(program) < 100]
    if not near:
        return None
    return text(fitting(examples)[0]), text(min(near, key=distance))
