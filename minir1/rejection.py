"""Which of a model's own answers are worth learning from?

Rejection sampling: ask many questions, keep the answers that are right and pleasant to
read. Twice in R1: R1-Zero's answers, rewritten, are the cold start (dev1); dev2's, as they
are, are the reasoning half of the set that makes dev3 and teaches the students.
Source: DeepSeek-R1, sections 2.3.1, 2.3.3 and B.3.
"""

from collections.abc import Iterable

from minir1.behaviour import Sample, speaks_another
from minir1.finetune import Document
from minir1.rewards import accuracy, format_reward, strict_answer
from minir1.traces import (
    ANSWER,
    END_ANSWER,
    END_THINK,
    EOS,
    THINK,
    as_expression,
    read_attempts,
    same_work,
    thinking,
    uses_given_numbers,
)
from minir1.verifier import solves
from minir1.world.languages import translate


def readable(sample: Sample) -> bool:
    """Say whether an answer is right and its thinking can be followed, whatever its language.

    Well-formed; every sum true; every attempt made of the given numbers; none made twice;
    the last one is the solution.
    """
    problem, completion = sample.problem, sample.completion
    if not accuracy(problem, completion, sample.finished):
        return False
    if not format_reward(completion, sample.finished):
        return False
    attempts = read_attempts(thinking(completion))
    tried = [same_work(attempt) for attempt in attempts if not attempt.is_check]
    return (
        bool(tried)
        and len(set(tried)) == len(tried)
        and all(step.correct for attempt in attempts for step in attempt.steps)
        and all(uses_given_numbers(attempt, problem.numbers) for attempt in attempts)
        and solves(as_expression(attempts[-1]), problem.numbers, problem.target)
    )


def rewritten(sample: Sample) -> str:
    """Put the thinking into the language of the question, and its fruit behind it.

    What follows </think> is a summary, the steps that led to the answer and nothing else, so
    that a reader need not read the search.
    """
    thought = thinking(sample.completion)
    summary = " , ".join(
        f"{step.left} {step.operator} {step.right} = {step.result}"
        for step in read_attempts(thought)[-1].steps
    )
    said = " ".join(translate(thought, sample.language).split())
    answer = strict_answer(sample.completion)
    return f"{THINK} {said} {END_THINK} {summary} {ANSWER} {answer} {END_ANSWER} {EOS}"


def cold_start(prompts: Iterable[str], samples: Iterable[Sample], count: int) -> list[Document]:
    """Keep the first readable answers, one to a prompt, rewritten."""
    kept: dict[str, Document] = {}
    for prompt, sample in zip(prompts, samples, strict=True):
        if len(kept) < count and prompt not in kept and readable(sample):
            kept[prompt] = Document(prompt, rewritten(sample))
    return list(kept.values())


def keep(prompts: Iterable[str], samples: Iterable[Sample], count: int) -> list[Document]:
    """Keep the first readable answers in one language, no two the same."""
    kept: dict[Document, None] = {}
    for prompt, sample in zip(prompts, samples, strict=True):
        if len(kept) == count:
            break
        if readable(sample) and not speaks_another(sample.completion, sample.language):
            kept[Document(prompt, sample.completion)] = None
    return list(kept)
