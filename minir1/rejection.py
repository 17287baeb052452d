"""Which of a model's own answers are worth learning from?

Rejection sampling: ask many questions, keep the right answers, and of them what is pleasant
to read. Twice in R1: R1-Zero's answers, rewritten, are the cold start (dev1); dev2's are the
reasoning half of the set that makes dev3 and teaches the students.
An answer that found nothing is kept for its end alone: the thinking is given, and only how to
stop is learnt. R1-Zero, which was never paid for stopping, runs into the cap.
# R1 differs: people and a large model rewrite, and what found nothing is dropped.

Source: DeepSeek-R1 (arXiv 2501.12948v2), sections 3 and B.3
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from minir1.behaviour import Sample, speaks_another
from minir1.countdown import solves
from minir1.finetune import Document
from minir1.puzzles import Task
from minir1.rewards import accuracy, format_reward, strict_answer
from minir1.traces import (
    ANSWER,
    END_ANSWER,
    END_THINK,
    EOS,
    THINK,
    WrittenAttempt,
    as_expression,
    read_attempts,
    same_work,
    thinking,
    uses_given_numbers,
)
from minir1.world.languages import CONNECTIVES, language_of, translate

LONG_SEARCH = 14  # sound attempts, all in vain, after which it is no shame to stop
STEPS = 2  # of an attempt that uses all three numbers


class Passage(NamedTuple):
    """An attempt with the words that open it, its verdict and its checks."""

    words: list[str]
    attempt: WrittenAttempt
    sound: bool  # its sums are true, its numbers were given, and it was judged


def passages(thought: str, problem: Task) -> list[Passage]:
    """Cut a thought into its attempts; what follows the last one is left out."""
    words, found = thought.split(), list[Passage]()
    at = 0
    for attempt in read_attempts(thought):
        end = attempt.end + (attempt.verdict is not None)
        sound = _sound(attempt, problem)
        if attempt.is_check and found:
            before = found.pop()
            found.append(Passage(before.words + words[at:end], attempt, before.sound and sound))
        else:
            found.append(Passage(words[at:end], attempt, sound))
        at = end
    return found


def _sound(attempt: WrittenAttempt, problem: Task) -> bool:
    return (
        attempt.verdict is not None
        and len(attempt.steps) == STEPS
        and all(step.correct for step in attempt.steps)
        and uses_given_numbers(attempt, problem.numbers)
    )


def tidy(sample: Sample) -> str | None:
    """Rewrite a right answer so that it can be followed; None if that cannot be done.

    Attempts that are unsound, or come again later, are left out. Behind the thinking stands
    a summary, "( 7 + 1 ) + 3 = 11", so that a reader need not read the search.
    """
    problem, completion = sample.problem, sample.completion
    if not accuracy(problem, completion, sample.finished):
        return None
    if not format_reward(completion, sample.finished):
        return None
    found = passages(thinking(completion), problem)
    if not found or not found[-1].sound or found[-1].attempt.verdict is not True:
        return None
    last = found[-1].attempt
    if not solves(as_expression(last), problem.numbers, problem.target):
        return None
    language = _language(found[-1].words, sample.language)
    words = [word for passage in _without_repeats(found) for word in passage.words]
    if language_of(words[0]):
        words[0] = CONNECTIVES[language]["try"]  # what came before it may be gone
    so = CONNECTIVES[language]["so"]
    thought = " ".join([*words, so])
    return f"{THINK} {thought} {ending(last, strict_answer(completion) or '')}"


def _language(words: list[str], default: str) -> str:
    """Name the language of the last word that has one."""
    spoken = [language for language in map(language_of, words) if language]
    return spoken[-1] if spoken else default


def _without_repeats(found: list[Passage]) -> list[Passage]:
    """Keep the last of every attempt that is made several times, and only sound ones."""
    kept = {same_work(passage.attempt): passage for passage in found if passage.sound}
    return [passage for passage in found if kept.get(same_work(passage.attempt)) is passage]


def ending(attempt: WrittenAttempt, answer: str) -> str:
    """Write what follows the thinking: a summary, what the answer makes, and the answer."""
    return f"{END_THINK} {answer} = {attempt.result} {ANSWER} {answer} {END_ANSWER} {EOS}"


def stopped(prompt: str, sample: Sample) -> Document | None:
    """Teach a long search in vain to end: the thinking is the prompt, the end is learnt.

    It ends after its last sound attempt, with that attempt as the answer: wrong, and whole.
    """
    found = passages(thinking(sample.completion), sample.problem)
    vain = [i for i, p in enumerate(found) if p.sound and p.attempt.verdict is False]
    if accuracy(sample.problem, sample.completion, sample.finished) or len(vain) < LONG_SEARCH:
        return None
    last = found[vain[-1]].attempt
    given = [word for passage in found[: vain[-1] + 1] for word in passage.words]
    so = CONNECTIVES[sample.language]["so"]
    thought = translate(" ".join(given), sample.language)
    return Document(f"{prompt} {THINK} {thought}", f"{so} {ending(last, as_expression(last))}")


def cold_start(prompts: Iterable[str], samples: Iterable[Sample], count: int) -> list[Document]:
    """Keep tidy answers, one to a prompt, in the language of the prompt; and how to end."""
    kept: dict[str, Document] = {}
    ends: list[Document] = []
    for prompt, sample in zip(prompts, samples, strict=True):
        text = tidy(sample)
        if text and prompt not in kept and len(kept) < count:
            kept[prompt] = Document(prompt, translate(text, sample.language))
        ends += _end_of(prompt, sample)
    return [*kept.values(), *ends]


def keep(prompts: Iterable[str], samples: Iterable[Sample], count: int) -> list[Document]:
    """Keep tidy answers in one language, no two the same; and how to end."""
    kept: dict[Document, None] = {}
    ends: list[Document] = []
    for prompt, sample in zip(prompts, samples, strict=True):
        if speaks_another(sample.completion, sample.language):
            continue
        text = tidy(sample)
        if text and len(kept) < count:
            kept[Document(prompt, text)] = None
        ends += _end_of(prompt, sample)
    return [*kept, *ends]


def _end_of(prompt: str, sample: Sample) -> Iterator[Document]:
    document = stopped(prompt, sample)
    if document:
        yield document
