"""Is what was found written down whole, kept beside the rest, and readable?"""

import json
from math import nan
from pathlib import Path
from xml.etree import ElementTree

import pytest

from minir1.claims import figures, ledger, page
from minir1.claims.claim import Chart, Claim, Figure, Finding, Line, Table
from minir1.claims.drawing import BOLD, SIZE
from minir1.claims.job import Job
from minir1.claims.schedule import Schedule
from minir1.errors import UserError


def found(results: object, seeds: int) -> Finding:
    return Finding(
        "holds if",
        "the corpus shows it",
        "It rose.",
        (Figure("gain", 0.5, 0.4, 0.6, seeds, "%"),),
        (Figure("control", 0.1, nan, nan, 1),),
        (Table("Rows | bars", ("a", "b"), (("1", "x|y"),)),),
        (Chart("rise", "It rises", "A line that rises.", "step", "accuracy", CURVES),),
    )


CURVES = (Line("run", ((0, 0.1), (10, 0.9)), ((0, 0.0, 0.2), (10, 0.8, 1.0))),)


def claim(name: str = "length", letter: str = "b") -> Claim:
    jobs = [Job("one", "tests.claims.work:add", {"number": 1})]
    return Claim(name, letter, "It grows.", "paper", "We look.", lambda seeds: jobs, found)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    Schedule(tmp_path / "work", 1, lambda *_: None).run(claim().jobs(3))
    return tmp_path / "work"


def test_a_claim_is_recorded_beside_the_others(work: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = ledger.entry(claim(), 3, work)
    ledger.record([first], out)
    ledger.record([ledger.entry(claim("variants", ""), 3, work)], out)
    ledger.record([{**first, "summary": "Again."}], out)
    held = json.loads((out / "claims.json").read_text())
    assert [one["id"] for one in held["claims"]] == ["length"]
    assert [one["id"] for one in held["studies"]] == ["variants"]
    assert held["claims"][0]["summary"] == "Again."
    assert held["claims"][0]["verdict"] == "holds if"
    assert held["claims"][0]["controls"][0]["low"] is None
    assert held["claims"][0]["command"] == "minir1 reproduce length --seeds 3"


def test_nothing_is_judged_before_its_jobs_are_done(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one is not done"):
        ledger.entry(claim(), 3, tmp_path)


def test_one_seed_is_no_verdict(work: Path) -> None:
    alone = ledger.entry(claim(), 1, work)
    assert alone["verdict"] == "not judged"
    assert page.verdict(alone) == "**not judged** as one seed has no interval"
    assert ledger.entry(claim(), 2, work)["verdict"] == "holds if"


def test_the_page_says_all_of_it(work: Path, tmp_path: Path) -> None:
    entries = ledger.record([ledger.entry(claim(), 3, work)], tmp_path)
    text = page.write_pages(entries, tmp_path).read_text()
    for part in (
        "[(b)](#b-length) It grows.",
        "**holds if** the corpus shows it",
        "50.0 % (40.0 to 60.0)",
        "| control | 0.100 | 1 |",
        "x\\|y",
        "![A line that rises.](claims/length-rise.svg)",
        "`minir1 reproduce length --seeds 3`",
    ):
        assert part in text, part
    drawn = ElementTree.parse(tmp_path / "claims" / "length-rise.svg").getroot()
    shapes = [shape.tag.rpartition("}")[2] for shape in drawn.iter()]
    assert shapes.count("polyline") == 1 and shapes.count("polygon") == 1
    room = float(drawn.get("viewBox", "").split()[2]) - SIZE[0]
    assert room == BOLD * len("run")


def test_a_claim_has_a_name_and_a_letter() -> None:
    with pytest.raises(UserError, match="no claim 'lenght'; did you mean length"):
        ledger.choose("lenght")
    assert sorted(ledger.CLAIMS.values()) == list("abcdefghijk")


def test_seeds_become_a_mean_with_students_interval() -> None:
    figure = figures.over_seeds("x", [1.0, 2.0, 3.0])
    assert figure.value == 2.0 and figure.seeds == 3
    assert abs(figure.high - (2 + 4.303 / 3**0.5)) < 1e-9
    assert figures.above(figure, -1) and not figures.above(figure, 0)
    alone = figures.over_seeds("x", [1.0])
    assert not figures.above(alone) and not figures.below(alone)
    assert figures.text(alone) == "1.00"
    written = figures.text(Figure("length", 22.2, 19.2, 25.1, 3, "tokens"))
    assert written == "22.2 (19.2 to 25.1) tokens"
    paired = figures.difference("gain", [2.0, 3.0, 4.1], [1.0, 2.0, 3.0])
    assert figures.above(paired, 0.8)


def test_curves_of_seeds_share_their_steps() -> None:
    line = figures.curve("run", [{1: 0.0, 2: 1.0, 3: 5.0}, {1: 1.0, 2: 1.0}])
    assert line.points == [(1, 0.5), (2, 1.0)]
    assert line.band is not None and line.band[1] == (2, 1.0, 1.0)
    assert figures.curve("run", [{1: 0.5}]).band is None
