"""Is the claim about other domains judged by its rule, on results that are made up?"""

from math import isnan
from pathlib import Path
from typing import Any

import pytest

from minir1 import backend
from minir1.claims import transfer_runs
from minir1.claims.job import with_needs
from minir1.claims.page import render
from minir1.claims.transfer import CLAIM, judge
from minir1.claims.transfer_arms import (
    BOTH,
    EXPOSURES,
    FEWER,
    MOST,
    NONE,
    PROGRAMS,
    PUZZLES,
    RANDOM,
    jobs,
    measured,
    run,
)

SEEDS = 3
NOISE = (-0.01, 0.0, 0.01)


def figures(programs: float, puzzles: float = 0.5, overfitted: int = 0) -> dict[str, Any]:
    said = {"yes_given_hit": 0.9, "yes_given_miss": 0.1}
    known = {
        "answers": 1200,
        "pass_at_4": 0.3,
        "verdict": {"first_example": said, "second_example": said},
    }
    return {
        "programs": {"pass_at_1": programs, "shown_not_hidden": overfitted, **known},
        "puzzles": {"pass_at_1": puzzles, **known},
        "curve": [{"step": step, "accuracy": programs * step / 2} for step in (1, 2)],
    }


def made_up(seeds: int = SEEDS, **gains: float) -> dict[str, Any]:
    """Make results: what a training gains, by its name and the exposure's base."""
    results = {measured(exposure).name: figures(0.05, 0.13) for exposure in EXPOSURES}
    for job in jobs(seeds):
        parts = job.name.split("/")
        if parts[1] != "base":
            seed = int(parts[-1].removeprefix("seed"))
            gain = gains.get(f"{parts[1]}_{parts[2].replace('.', '_').replace('-', '_')}", 0.0)
            results[job.name] = figures(0.05 + gain + NOISE[seed % 3], overfitted=1)
    return results


LEARNS_WITH_MOST = {"programs_programs_10pct": 0.4, "both_programs_10pct": 0.3}
LEARNS_WITH_LESS = LEARNS_WITH_MOST | {"programs_programs_1pct": 0.2}


@pytest.mark.parametrize(
    ("gains", "verdict", "condition"),
    [
        ({}, "does not hold here", ""),
        (LEARNS_WITH_MOST, "holds if", "10 % of the pretraining"),
        (LEARNS_WITH_LESS, "holds if", "1 % of the pretraining"),
        (LEARNS_WITH_LESS | {"programs_standard": 0.1}, "holds", ""),
        (LEARNS_WITH_MOST | {"random_programs_10pct": 0.4}, "does not hold here", ""),
        ({"programs_programs_10pct": 0.06}, "does not hold here", ""),  # not surely above 5 %
    ],
)
def test_the_verdict_follows_from_the_intervals(
    gains: dict[str, float], verdict: str, condition: str
) -> None:
    found = judge(made_up(**gains), SEEDS)
    assert found.verdict == verdict
    assert found.condition.startswith(condition) and bool(found.condition) == bool(condition)


def test_what_is_told_comes_from_the_results() -> None:
    found = judge(made_up(**LEARNS_WITH_LESS, puzzles_programs_1pct=0.02), SEEDS)
    first = found.figures[0]
    assert first.value == pytest.approx(0.4) and first.seeds == SEEDS
    assert "exposure 10 %" in first.what and "programs alone" in first.what
    told = {figure.what: figure.value for figure in (*found.figures, *found.controls)}
    assert told[
        "pass@1 on programs, gained by training on puzzles alone, exposure 1 %"
    ] == pytest.approx(0.02)
    both = "pass@1 on programs, trained on both less programs alone, exposure 10 %"
    assert told[both] == pytest.approx(-0.1)
    runs = len(jobs(SEEDS)) - len(EXPOSURES)
    assert (
        f"Of {1200 * runs} test answers after training, {runs} fit the examples"
        in found.summary
    )
    assert "10 %: 5.0% before, gained 40.0 % (37.5 to 42.5)" in found.summary
    title, head = found.tables[0].title, found.tables[0].header
    assert "both kinds" in title and all(len(row) == len(head) for row in found.tables[0].rows)
    assert len(found.tables[0].rows) == len(EXPOSURES) + 4 + 4 + 2 + 1
    assert [line.label for line in found.charts[0].lines] == [
        "no training",
        "programs alone",
        "puzzles alone",
    ]
    assert found.charts[0].lines[1].points[3] == (3.0, pytest.approx(0.45))
    assert len(found.charts[1].lines) == len(EXPOSURES)


def test_one_seed_decides_nothing_and_says_so() -> None:
    found = judge(made_up(1, **LEARNS_WITH_MOST), 1)
    assert found.verdict == "does not hold here"
    assert isnan(found.figures[0].low) and "One seed" in found.summary


def test_the_jobs_are_told_apart_and_fit_the_time() -> None:
    every = list(with_needs(CLAIM.jobs(5)))
    names = [job.name for job in every]
    assert len(set(names)) == len(names)
    assert {job.name for job in every if job.name.startswith("pretrain/")} == {
        f"pretrain/{exposure.base}" for exposure in EXPOSURES
    }
    own = [job for job in every if job.name != "pretrain/standard"]  # that is everybody's
    assert sum(job.minutes for job in own) / 2 < 42
    assert run(PROGRAMS, NONE, 4) and FEWER < 5
    asked = {job.name: job.settings for job in every}
    for training, share in ((PROGRAMS, 1.0), (BOTH, 0.5), (PUZZLES, 0.0)):
        settings = asked[run(training, MOST, 0).name]["settings"]
        assert f"grpo.program_prompts={share}" in settings and "reward.kind=rule" in settings
    assert "reward.kind=random" in asked[run(RANDOM, MOST, 0).name]["settings"]
    assert NONE.settings == () and MOST.settings == ("corpus.programs=0.1",)


def test_the_page_can_be_written() -> None:
    from minir1.claims.ledger import _told

    found = judge(made_up(**LEARNS_WITH_MOST), SEEDS)
    entry = {"id": "transfer", "letter": "k", "sentence": "s", "source": "s", "experiment": "e"}
    entry |= {"command": "c", "seeds": SEEDS, "jobs": 1, "core_minutes": 1.0, "version": "v"}
    entry |= {"commits": [], "judged_at": "", **_told(found)}
    assert "documents about programs" in render([entry])


def test_a_run_is_made_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step, few problems, from the small base of the tests."""
    backend.use("numpy")
    monkeypatch.setitem(transfer_runs.program_evaluation.SIZES, "test", 4)
    place = tmp_path / "base"
    (place / "checkpoints").mkdir(parents=True)
    (place / "checkpoints" / "base").symlink_to(Path("tests/fixtures/small-base").absolute())
    settings = ["grpo.steps=1", "grpo.prompts=4", "grpo.group=2", "sample.max_tokens=30"]
    settings += ["grpo.program_prompts=1", "evaluation.problems=2", "evaluation.samples=4"]
    settings += ["evaluation.every=0"]
    folder = tmp_path / "run"
    folder.mkdir()
    found = transfer_runs.train(folder, {"pretrain/x": place}, 0, "pretrain/x", settings)
    assert [row["step"] for row in found["curve"]] == [1]
    assert found["programs"]["answers"] == 16 and found["puzzles"]["answers"] == 8
    assert set(found["programs"]["verdict"]) == {"first_example", "second_example"}
