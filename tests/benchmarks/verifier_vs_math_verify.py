"""How does the verifier compare with Math-Verify, on the labelled pairs?

    pip install math-verify numpy && PYTHONPATH=. python \
        tests/benchmarks/verifier_vs_math_verify.py [FILE_IN_TESTS_DATA]

Math-Verify gets formulas between dollar signs, as it wants them, and its strings for choices
and words. Reading the bare text as well, and taking either yes, is counted apart: it accepts
more, right and wrong. Times are processor time, so that neighbours do not count.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import math_verify
from pairs import Pair, pairs

from minir1.verifier import verify

_READERS = [
    math_verify.LatexExtractionConfig(),
    math_verify.ExprExtractionConfig(),
    math_verify.StringExtractionConfig(lowercase=False),
]


def by_math_verify(pair: Pair) -> bool:
    """Ask Math-Verify, with formulas between dollar signs."""
    marked = ("$", "\\boxed", "\\(", "\\[")
    texts = [
        text if any(mark in text for mark in marked) else f"${text}$"
        for text in (pair.gold, pair.answer)
    ]
    return _ask(*texts)


def _ask(gold: str, answer: str) -> bool:
    try:
        read = [math_verify.parse(text, extraction_config=_READERS) for text in (gold, answer)]
        return bool(math_verify.verify(*read))
    except Exception:
        return False


def by_minir1(pair: Pair) -> bool:
    """Ask minir1; a gold that cannot be verified counts as a no."""
    return verify(pair.gold, pair.answer) is True


def judge(
    judge_fn: Callable[[Pair], bool], known: list[Pair]
) -> tuple[list[bool], list[float]]:
    """Return all verdicts and the seconds that each took."""
    verdicts, times = [], []
    judge_fn(known[0])
    for pair in known:
        start = time.process_time()
        verdicts.append(judge_fn(pair))
        times.append(time.process_time() - start)
    return verdicts, times


def main() -> None:
    """Print accuracy by category, agreement, times, and every mistake of either."""
    known = list(pairs(*sys.argv[1:]))
    ours, our_times = judge(by_minir1, known)
    theirs, their_times = judge(by_math_verify, known)
    either = [v or _ask(pair.gold, pair.answer) for v, pair in zip(theirs, known, strict=True)]
    counts = Counter(pair.category for pair in known)
    print("| category | pairs | minir1 | Math-Verify |\n|---|---:|---:|---:|")
    for category, count in counts.items():
        places = [i for i, pair in enumerate(known) if pair.category == category]
        shares = [sum(v[i] == known[i].label for i in places) / count for v in (ours, theirs)]
        print(f"| {category} | {count} | {shares[0]:.1%} | {shares[1]:.1%} |")
    shares = [
        sum(v[i] == known[i].label for i in range(len(known))) / len(known)
        for v in (ours, theirs)
    ]
    print(f"| all | {len(known)} | {shares[0]:.2%} | {shares[1]:.2%} |")
    for name, verdicts, times in (
        ("minir1", ours, our_times),
        ("Math-Verify", theirs, their_times),
    ):
        wrongly = [
            sum(v and not p.label for v, p in zip(verdicts, known, strict=True)),
            sum(p.label and not v for v, p in zip(verdicts, known, strict=True)),
        ]
        times = sorted(times)
        print(
            f"{name}: {wrongly[0]} accepted wrongly, {wrongly[1]} refused wrongly; a pair takes"
            f" {times[len(times) // 2] * 1e3:.2f} ms (median),"
            f" {sum(times) / len(times) * 1e3:.2f} ms (mean),"
            f" {times[-1] * 1e3:.0f} ms (longest)"
        )
    right = sum(v == pair.label for v, pair in zip(either, known, strict=True)) / len(known)
    print(f"Math-Verify, either reading: {right:.2%}")
    agreement = sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(known)
    print(f"agreement: {agreement:.1%}")
    for pair, our, their in zip(known, ours, theirs, strict=True):
        wrong = [
            name for name, v in (("minir1", our), ("Math-Verify", their)) if v != pair.label
        ]
        if wrong:
            wanted = "equivalent" if pair.label else "different"
            print(f"{' and '.join(wrong)}: {pair.gold}   |   {pair.answer}   is {wanted}")


if __name__ == "__main__":
    main()
