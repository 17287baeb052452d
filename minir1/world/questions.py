"""Which questions are asked, in which language, with the numbers in which order?

Training questions are a function of (seed, step); held-out ones are always the same, so that
every checkpoint of every run answers the same paper.
"""

import re
from dataclasses import dataclass

import numpy as np

from minir1.errors import UserError
from minir1.rng import generator
from minir1.world.general import GeneralPrompt, general_prompts
from minir1.world.languages import SPECIALS
from minir1.world.problems import Problem, prompt, request, split

PROMPT_TOKENS = 11  # of every problem: <bos> User: use a b c to make t . Assistant:


@dataclass(frozen=True)
class Question:
    """A problem as it is put to the model."""

    problem: Problem
    language: str
    prompt: str


def training_questions(
    seed: int, stage: str, step: int, count: int, zh_share: float
) -> list[Question]:
    """Draw the questions of one step from the train problems, none of them twice."""
    return _ask("train", generator(seed, stage, "questions", step), count, zh_share)


def general_questions(seed: int, stage: str, step: int, count: int) -> list[GeneralPrompt]:
    """Draw the general prompts of one step from the train prompts, none of them twice."""
    prompts = general_prompts("train")
    rng = generator(seed, stage, "general", step)
    return [prompts[i] for i in rng.choice(len(prompts), count, replace=count > len(prompts))]


def held_out_questions(part: str, count: int, zh_share: float = 0.35) -> list[Question]:
    """Put the first `count` validation or test problems, the same way every time."""
    problems = split()[part][:count]
    return _phrase(list(problems), generator(0, "questions", part), zh_share)


def _ask(part: str, rng: np.random.Generator, count: int, zh_share: float) -> list[Question]:
    problems = split()[part]
    chosen = rng.choice(len(problems), count, replace=count > len(problems))
    return _phrase([problems[i] for i in chosen], rng, zh_share)


def _phrase(
    problems: list[Problem], rng: np.random.Generator, zh_share: float
) -> list[Question]:
    questions = []
    for problem in problems:
        language = "zh" if rng.random() < zh_share else "en"
        a, b, c = (int(i) for i in rng.permutation(3))
        questions.append(Question(problem, language, prompt(problem, language, (a, b, c))))
    return questions


_REQUEST = re.compile(
    r"(?:use|用)\s+(\d{1,2})\s+(\d{1,2})\s+(\d{1,2})\s+(?:to\s+make|来\s*凑)\s+(\d{1,2})\s*[.。]?"
)


def read_prompt(text: str) -> tuple[str, Problem | None]:
    """Turn what a person typed into a prompt, and into a problem if it is one.

    "use 3 7 1 to make 11" becomes '<bos> User: use 3 7 1 to make 11 . Assistant:'; any other
    text is put between the same frame as it is.

    Raises: UserError for an empty prompt, or one with a word of the frame in it.
    """
    text = text.removeprefix("<bos>").strip().removeprefix("User:").strip()
    text = text.removesuffix("Assistant:").strip()
    if not text:
        raise UserError("the prompt is empty; write for example: use 3 7 1 to make 11")
    framing = [word for word in text.split() if word in SPECIALS]
    if framing:
        raise UserError(
            f"{framing[0]} belongs to the frame around a prompt; write only what is between, "
            "for example: use 3 7 1 to make 11"
        )
    found = _REQUEST.fullmatch(text)
    if not found:
        return f"<bos> User: {text} Assistant:", None
    a, b, c, target = map(int, found.groups())
    language = "zh" if text.startswith("用") else "en"
    low, middle, high = sorted((a, b, c))
    problem = Problem((low, middle, high), target, 0)
    return f"<bos> User: {request((a, b, c), target, language)} Assistant:", problem
