"""No text runs code, raises, hangs, or costs more than a moment.

Time is processor time, with the garbage collector's look at sympy's many objects left out
(`gc.freeze`): wall time measures the neighbours. `-m slow` tries more than 100,000 texts and
prints the slowest.
"""

import gc
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hostile import megabytes, texts

from minir1.maths.bounds import MOST_SYMBOLS
from minir1.verifier import _understand, final_answer, understand, verify

LONGEST = 0.050  # seconds, for a pair of texts that are both read for the first time
WATCHED = (
    "exec",
    "compile",
    "open",
    "import",
    "os.",
    "subprocess.",
    "socket.",
    "ctypes.",
    "code.",
)
_seen: list[str] = []
_watching: list[bool] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event.startswith(WATCHED) and event not in ("os.putenv", "os.unsetenv"):
        _seen.append(f"{event} {arguments!r:.200}")


sys.addaudithook(_audit)  # stays for good, and does nothing while nobody watches


@pytest.fixture(scope="module")
def warm() -> Iterator[None]:
    """Import what is imported late, and leave it out of the collector's rounds.

    For each number of symbols sympy writes, once, the functions that multiply their powers:
    text of its own, which it compiles; nothing of an answer is in it.
    """
    for count in range(1, MOST_SYMBOLS + 1):
        letters = "+".join("abcdfghjklmn"[:count])
        verify(letters, f"{letters}+1")
    for answer in ("1+x", r"\sqrt{2}", r"\binom{x}{2.5}", "x > 2", r"\sin^2 x"):
        verify("x + 1", answer)
        verify(answer, answer)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def sentinel(
    warm: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[list[str]]:
    """Note every event by which Python would execute, import, open or start something."""
    monkeypatch.chdir(tmp_path)
    _seen.clear()
    _watching.append(True)
    yield _seen
    _watching.clear()
    assert not list(tmp_path.iterdir())


def seconds(gold: str, answer: str) -> float:
    """Time one comparison; a long one again, since a neighbour may have taken the time."""
    best = LONGEST
    for _ in range(3):
        start = time.process_time()
        verdict = verify(gold, answer)
        best = min(best, time.process_time() - start)
        assert verdict in (True, False, None)
        if best < LONGEST / 5:
            break
    return best


def survive(seed: int, count: int) -> list[tuple[float, str, str]]:
    """Compare hostile texts; return the slowest."""
    slowest: list[tuple[float, str, str]] = []
    for gold, answer in texts(seed, count):
        slowest.append((seconds(gold, answer), gold, answer))
        if len(slowest) > 1000:
            slowest = sorted(slowest)[-20:]
    return sorted(slowest)[-20:]


def test_hostile_texts_run_nothing_and_end_soon(sentinel: list[str]) -> None:
    slowest = survive(seed=0, count=1_500)
    assert not sentinel, sentinel[:5]
    assert slowest[-1][0] < LONGEST, slowest[-1]


def test_the_sentinel_sees(sentinel: list[str]) -> None:
    eval("1")
    assert {event.split()[0] for event in sentinel} == {"compile", "exec"}


def test_a_megabyte_is_cut_or_refused_at_once(sentinel: list[str]) -> None:
    for text in megabytes():
        assert seconds("5", text) < LONGEST and seconds(text, "5") < LONGEST, text[:40]
        if text.endswith("boxed{5}"):
            assert final_answer(text) == "5"
    assert not sentinel, sentinel[:5]


def _numbered(shape: str, count: int, joint: str) -> str:
    return joint.join(shape.replace("#", str(2 * i + 2)) for i in range(count))


DEAR = [
    _numbered(r"(\sqrt{#},\sqrt{#.5})", 30, r"\cup"), _numbered(r"\sqrt{#}", 40, ","),
    _numbered(r"(x+y+z+w+#)", 30, "*"), _numbered(r"\frac{1}{x+y^#}", 30, "+"),
    _numbered(r"\binom{x}{1/#}", 40, "*"), _numbered(r"\tan^2(x+#)", 40, "+"),
    _numbered(r"#^{9999}", 60, "*"), _numbered(r"999!", 90, "+"), "a b " * 200,
    "x!+" * 130 + "1",
    _numbered(r"\{1,#\}", 40, r"\cup"), "{1," * 20 + "1" + "}" * 20, "(x+1)^" * 20 + "2",
    r"\{" * 20 + r"\sqrt2, \sqrt3" + r"\}" * 20, _numbered(r"\{\sqrt{#},x\}", 20, ","),
]  # fmt: skip


@pytest.mark.parametrize("shape", range(len(DEAR)))
def test_the_dearest_texts_stay_within_the_bound(shape: int, warm: None) -> None:
    """What costs most for its length: the meter ends it."""
    turned = DEAR[shape][::-1].translate(str.maketrans("(){}[]", ")(}{]["))
    for other in (DEAR[shape], DEAR[shape] + " ", DEAR[shape] + "+1", turned, DEAR[-1], "x"):
        _understand.cache_clear()
        assert seconds(DEAR[shape], other) < LONGEST and seconds("1, x", other) < LONGEST
        assert seconds(r"(0, 1) \cup (2, 3)", other) < LONGEST


def test_a_gold_that_is_verifiable_equals_itself_however_dear() -> None:
    for shape in (r"\tan^2(x+#)", r"\binom{x}{1/#}", r"\sqrt{#x}", r"\frac{1}{x+#}"):
        for count in range(1, 40, 3):
            for joint in ("+", ","):
                text = _numbered(shape, count, joint)
                assert verify(text, text) in (True, None)


def test_none_depends_on_the_gold_alone(warm: None) -> None:
    for gold, answer in texts(seed=2, count=500):
        unusable = understand(gold) is None
        assert (verify(gold, answer) is None) == unusable
        assert (verify(gold, gold) is None) == unusable
        assert unusable or verify(gold, gold) is True


def test_threads_agree(warm: None) -> None:
    """Nothing is shared that one thread could change for another, and there are no signals."""
    cases = list(texts(seed=3, count=300))
    alone = [verify(*case) for case in cases]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            assert list(pool.map(lambda case: verify(*case), cases)) == alone


@pytest.mark.slow
def test_a_hundred_thousand_hostile_texts(sentinel: list[str]) -> None:
    slowest = survive(seed=1, count=60_000)  # pairs of texts
    assert not sentinel, sentinel[:5]
    for time_taken, gold, answer in slowest[-5:]:
        print(f"{time_taken * 1000:.1f} ms: {gold!a:.60} | {answer!a:.60}")
    assert slowest[-1][0] < LONGEST, slowest[-1]
