"""What does a corpus really hold? Measure its rates from the texts, and what it is about.

Nothing here knows how the documents were made: kinds, problems and behaviours are read back
from the words, so a published rate is a measurement, and a leaked held-out problem would show.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from minir1.countdown import solves
from minir1.world.corpus_config import KINDS, PROGRAM
from minir1.world.languages import CONNECTIVES, REFLECTIVE, language_of
from minir1.world.problems import Numbers
from minir1.world.programs import Examples

LONG = 60  # a trace with more tokens than this, from <think> to <eos>, counts as long

_VERDICTS = "|".join(CONNECTIVES[lang][word] for lang in CONNECTIVES for word in ("yes", "no"))
_GIVEN = re.compile(r"(?:use|用) (\d+) (\d+) (\d+) (?:to make|来 凑) (\d+) [.。]")
_GOAL = re.compile(r"(?:make|凑) (\d+) [.。]")
_EXAMPLES = re.compile(r"(?:make|凑) (\d+) = (\d+) , (\d+) = (\d+) [.。]")
_TWO_STEPS = re.compile(r"(\d+) . (\d+) = (\d+) , (\d+) . (\d+) = \d+")
_CHECKS = {CONNECTIVES[lang]["check"] for lang in CONNECTIVES}
_NOES = {CONNECTIVES[lang]["no"] for lang in CONNECTIVES}


def kind_of(document: str) -> str:
    """Tell the kind of a document from its words."""
    if _EXAMPLES.search(document):
        return PROGRAM
    if "<think>" in document:
        return "think"
    if "<answer>" in document:
        return "direct"
    if "User:" in document:
        return "chat"
    if _GIVEN.search(document):
        return "line"
    if _GOAL.search(document):
        return "chain" if len(_judged(document)) == 1 else "sheet"
    return "play" if document.startswith(("<bos> use", "<bos> 用")) else "fact"


def subjects(document: str) -> list[tuple[Numbers, int]]:
    """List the problems a document is about, as keys: sorted numbers and goal.

    A sum of two steps judged against a goal is about a problem too, whoever gave its numbers. A
    trace is about the problem that was posed, not about the values of its wrong attempts.
    """
    given = _GIVEN.search(document)
    if given:
        a, b, c, target = map(int, given.groups())
        return [(_sorted(a, b, c), target)]
    goal = _GOAL.search(document)
    if goal and "User:" not in document:
        operands = [_operands(item) for item in _judged(document)]
        return [(_sorted(*numbers), int(goal[1])) for numbers in operands if numbers]
    return []


def program_subjects(document: str) -> list[Examples]:
    """List the program problems a document is about, as keys."""
    return [((int(a), int(b)), (int(c), int(d))) for a, b, c, d in _EXAMPLES.findall(document)]


def rates(documents: Sequence[str]) -> dict:
    """Measure the published rates of a corpus.

    Shares are of the documents unless the name says otherwise; lengths are in tokens, of the
    completion from <think> to <eos>. The rates of traces are None if there is no trace.
    """
    kinds = [kind_of(document) for document in documents]
    tokens = [document.count(" ") + 1 for document in documents]
    count = Counter(kinds)
    of_kind: Counter[str] = Counter()
    for kind, size in zip(kinds, tokens, strict=True):
        of_kind[kind] += size
    direct = [text for text, kind in zip(documents, kinds, strict=True) if kind == "direct"]
    traces = [text for text, kind in zip(documents, kinds, strict=True) if kind == "think"]
    return {
        "documents": len(documents),
        "tokens": sum(tokens),
        "tokens_per_document": sum(tokens) / len(documents),
        "share": {kind: count[kind] / len(documents) for kind in (*KINDS, PROGRAM)},
        "share_of_tokens": {kind: of_kind[kind] / sum(tokens) for kind in (*KINDS, PROGRAM)},
        "long_traces": sum(map(_is_long, traces)) / len(documents),
        "zh": _share([_main_language(text) == "zh" for text in documents if _worded(text)]),
        "direct_right": _share([_ends_right(text) for text in direct]),
        "traces": trace_rates(traces),
    }


def trace_rates(traces: Sequence[str]) -> dict | None:
    """Measure the think documents alone; all shares are of the traces."""
    if not traces:
        return None
    thoughts = [_thought(text) for text in traces]
    lengths = np.array([_length(text) for text in traces])
    mixed = [len(set(map(language_of, words)) - {None}) == 2 for words in thoughts]
    long = [_is_long(text) for text in traces]
    return {
        "right": _share([_ends_right(text) for text in traces]),
        "attempts": float(np.mean([_attempts(words) for words in thoughts])),
        "reflective_words": float(
            np.mean([sum(word in REFLECTIVE for word in words) for words in thoughts])
        ),
        "several_attempts": _share([_attempts(words) > 1 for words in thoughts]),
        "gave_up": _share([words[-2] in _NOES for words in thoughts]),  # ... no so
        "check": _share([not _CHECKS.isdisjoint(words) for words in thoughts]),
        "mixed": _share(mixed),
        "mixed_short": _share([m for m, l in zip(mixed, long, strict=True) if not l]),
        "mixed_long": _share([m for m, l in zip(mixed, long, strict=True) if l]),
        "tokens_mean": float(lengths.mean()),
        "tokens_percentiles": {
            str(p): int(np.percentile(lengths, p)) for p in (50, 90, 95, 99, 100)
        },
    }


def _judged(document: str) -> list[str]:
    """Cut a chain or a sheet into the sums before each verdict."""
    body = document.split("。" if "。" in document else ".", 1)[1]
    return re.split(rf" (?:{_VERDICTS}) ", body)[:-1]


def _operands(item: str) -> tuple[int, int, int] | None:
    """Find the three numbers that a sum of two steps combines; None for a single step."""
    steps = _TWO_STEPS.fullmatch(item.strip())
    if not steps:
        return None
    a, b, partial, left, right = map(int, steps.groups())
    return a, b, right if left == partial else left


def _sorted(*numbers: int) -> Numbers:
    a, b, c = sorted(numbers)
    return a, b, c


def _completion(document: str) -> str:
    return document.split(" Assistant: ", 1)[1]


def _length(document: str) -> int:
    return len(_completion(document).split())


def _is_long(document: str) -> bool:
    return _length(document) > LONG


def _thought(document: str) -> list[str]:
    return document.partition("<think>")[2].partition("</think>")[0].split()


def _attempts(thought: Sequence[str]) -> int:
    """Count the attempts of a trace: two equals signs each, those of checks left out."""
    return thought.count("=") // 2 - sum(word in _CHECKS for word in thought)


def _ends_right(document: str) -> bool:
    (numbers, target), *_ = subjects(document)
    answer = document.partition("<answer>")[2].partition("</answer>")[0]
    return solves(answer, numbers, target)


def _languages(document: str) -> Iterator[str]:
    return (language for word in document.split() if (language := language_of(word)))


def _worded(document: str) -> bool:
    return any(_languages(document))


def _main_language(document: str) -> str:
    """Name the language of a document's first word."""
    return next(_languages(document))


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
