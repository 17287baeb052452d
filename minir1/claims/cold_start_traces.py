"""What may a cold start hold? The same searches: rewritten, raw, in vain, or with none left.

All kinds are made of the same answers of R1-Zero, read in order until there are enough. With
the rewritten kinds come endings, as in dev1's own set: searches so long that they should stop.
They are not counted in what is asked for.
"""

from collections.abc import Callable, Sequence

from minir1.behaviour import Sample
from minir1.finetune import Document
from minir1.rejection import Passage, cold_start, ending, passages, tidy
from minir1.rewards import accuracy, strict_answer
from minir1.rng import generator
from minir1.traces import THINK, as_expression, thinking
from minir1.world.languages import CONNECTIVES, language_of
from minir1.world.problems import Problem, attempts
from minir1.world.questions import read_prompt

Maker = Callable[[Sequence[str], Sequence[Sample], int], list[Document]]


def kept(prompts: Sequence[str], samples: Sequence[Sample], count: int) -> list[Document]:
    """Keep right answers, rewritten in one language, as dev1's set is made."""
    return cold_start(*_until(prompts, samples, count, _is_tidy), count)


def raw(prompts: Sequence[str], samples: Sequence[Sample], count: int) -> list[Document]:
    """Keep right answers word for word: languages mixed, attempts repeated."""
    read = zip(*_until(prompts, samples, count, _is_right), strict=True)
    return [Document(prompt, sample.completion) for prompt, sample in read if _is_right(sample)]


def in_vain(prompts: Sequence[str], samples: Sequence[Sample], count: int) -> list[Document]:
    """Stop each rewritten search one attempt too early: all answers wrong, all verdicts true.

    Searches of one attempt have nothing to stop before; they are left out.
    """

    def is_search(sample: Sample) -> bool:
        text = tidy(sample)
        return text is not None and len(passages(thinking(text), sample.problem)) > 1

    read = _until(prompts, samples, count, is_search)
    shortened = (_without_its_end(document) for document in cold_start(*read, len(read[0])))
    return [document for document in shortened if document]


def spoilt(prompts: Sequence[str], samples: Sequence[Sample], count: int) -> list[Document]:
    """Put a wrong answer behind each rewritten search, right as the search is."""
    documents = kept(prompts, samples, count)
    return [_with_another_answer(document, i) for i, document in enumerate(documents)]


def no_search(prompts: Sequence[str], samples: Sequence[Sample], count: int) -> list[Document]:
    """Leave of each rewritten search its last attempt: right, well-formed, nothing sought."""
    return [_last_attempt_alone(document) for document in kept(prompts, samples, count)]


KINDS: dict[str, Maker] = {
    "kept": kept,
    "raw": raw,
    "in-vain": in_vain,
    "spoilt": spoilt,
    "no-search": no_search,
}


def _until(
    prompts: Sequence[str],
    samples: Sequence[Sample],
    count: int,
    wanted: Callable[[Sample], bool],
) -> tuple[Sequence[str], Sequence[Sample]]:
    """Cut the answers behind the one that makes the number of wanted ones full."""
    found = 0
    for place, sample in enumerate(samples, start=1):
        found += wanted(sample)
        if found == count:
            return prompts[:place], samples[:place]
    return prompts, samples


def _is_tidy(sample: Sample) -> bool:
    return tidy(sample) is not None


def _is_right(sample: Sample) -> bool:
    return accuracy(sample.problem, sample.completion, sample.finished) > 0


def _problem(document: Document) -> Problem | None:
    """Read what a document asks; None for an ending, whose prompt goes on into the thought."""
    return None if THINK in document.prompt else read_prompt(document.prompt)[1]


def _without_its_end(document: Document) -> Document | None:
    problem = _problem(document)
    if problem is None:
        return document
    found = passages(thinking(document.completion), problem)[:-1]
    return _rewritten(document, found) if found else None


def _last_attempt_alone(document: Document) -> Document:
    problem = _problem(document)
    if problem is None:
        return document
    last = passages(thinking(document.completion), problem)[-1]
    language = next(filter(None, map(language_of, last.words)))
    opening = CONNECTIVES[language]["try"]
    return _rewritten(document, [last._replace(words=[opening, *last.words[1:]])])


def _rewritten(document: Document, found: Sequence[Passage]) -> Document:
    """Write a document's completion again from some passages of its thought."""
    words = [word for passage in found for word in passage.words]
    language = next(filter(None, map(language_of, words)))
    last, so = found[-1].attempt, CONNECTIVES[language]["so"]
    end = ending(last, as_expression(last))
    return Document(document.prompt, f"{THINK} {' '.join(words)} {so} {end}")


def _with_another_answer(document: Document, place: int) -> Document:
    problem = _problem(document)
    if problem is None:
        return document
    wrong = [a for a in attempts(problem.numbers) if a.value != problem.target]
    chosen = wrong[generator(0, "spoilt", place).integers(len(wrong))]
    answer = strict_answer(document.completion) or ""
    completion = document.completion.replace(
        f"{answer} = {problem.target}", f"{chosen.answer} = {chosen.value}"
    ).replace(f"<answer> {answer} <", f"<answer> {chosen.answer} <")
    return Document(document.prompt, completion)
