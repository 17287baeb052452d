"""Which program problems are asked, and in which language?

Training questions are a function of (seed, step); held-out ones are always the same.
"""

import re
from dataclasses import dataclass

import numpy as np

from minir1.rng import generator
from minir1.world.programs import ProgramProblem, fitting, pose, prompt, split

PROMPT_TOKENS = 12  # of every one: <bos> User: make 2 = 5 , 7 = 15 . Assistant:
ZH_SHARE = 0.35

_EXAMPLE = r"(\d{1,2})\s*=\s*(\d{1,2})"
_REQUEST = re.compile(
    rf"<bos> User: (make|凑)\s*{_EXAMPLE}\s*,\s*{_EXAMPLE}\s*[.。]? Assistant:"
)


@dataclass(frozen=True)
class ProgramQuestion:
    """A program problem as it is put to the model."""

    problem: ProgramProblem
    language: str
    prompt: str


def training_programs(
    seed: int, stage: str, step: int, count: int, zh_share: float
) -> list[ProgramQuestion]:
    """Draw the program questions of one step from the train problems, none of them twice."""
    problems, rng = split()["train"], generator(seed, stage, "program questions", step)
    chosen = rng.choice(len(problems), count, replace=count > len(problems))
    return _phrase([problems[i] for i in chosen], rng, zh_share)


def held_out_programs(
    part: str, count: int, zh_share: float = ZH_SHARE
) -> list[ProgramQuestion]:
    """Put the first `count` validation or test problems, the same way every time."""
    problems = split()[part][:count]
    return _phrase(list(problems), generator(0, "program questions", part), zh_share)


def programs_among(count: int, share: float) -> list[bool]:
    """Say which of so many questions are about programs: a share of them, spread evenly."""
    return [int((i + 1) * share) > int(i * share) for i in range(count)]


def _phrase(
    problems: list[ProgramProblem], rng: np.random.Generator, zh_share: float
) -> list[ProgramQuestion]:
    return [
        ProgramQuestion(problem, language, prompt(problem, language))
        for problem in problems
        for language in ["zh" if rng.random() < zh_share else "en"]
    ]


def read_examples(framed: str) -> tuple[str, ProgramProblem] | None:
    """Find the problem of a prompt that a person typed, and put it as problems are put.

    None for other prompts. Where the examples do not say which program is meant, they are all
    that an answer is graded on.
    """
    found = _REQUEST.fullmatch(framed)
    if not found:
        return None
    verb, *numbers = found.groups()
    a, b, c, d = map(int, numbers)
    examples = tuple(sorted([(a, b), (c, d)]))
    problem = pose(examples) or ProgramProblem(examples, (), len(fitting(examples)))
    return prompt(problem, "zh" if verb == "凑" else "en"), problem
