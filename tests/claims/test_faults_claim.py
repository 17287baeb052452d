"""Is the doctor judged fairly: by the faults that harm, and by the healthy that it accuses?"""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from minir1.claims import faults_arms
from minir1.claims.faults import CLAIM
from minir1.claims.faults_arms import (
    EXAMINED,
    PLAIN,
    broken,
    control,
    controls,
    healthy,
    healthy_runs,
)
from minir1.claims.faults_judge import CURVES, GROUPS, HEADER, judge
from minir1.claims.job import with_needs
from minir1.claims.standard import r1_zero
from minir1.faults.catalogue import FAULTS

SEEDS = 3
HARMS = {"kl-sign": 0.3, "clip-side": 0.5}  # what the others lose is nothing
SAID = {"fault": "", "evidence": "a number", "mend": "a setting"}


def made_up(seeds: int = SEEDS) -> dict[str, Any]:
    """Two faults harm, and the doctor is right about all."""
    results: dict[str, Any] = {EXAMINED: {}}
    for job in faults_arms.runs(seeds):
        name = job.settings.get("fault", "")
        seed = job.settings["seed"]
        right = 0.8 + 0.01 * seed - HARMS.get(name, 0.001 * (seed - 1))
        rows = [{"step": step, **dict.fromkeys(CURVES, right * step / 2)} for step in (1, 2)]
        results[job.name] = {
            "checkpoints": {"r1-zero": {"pass_at_1": {"value": right}}},
            "curves": {"r1-zero": rows},
        }
        found = [{**SAID, "fault": name}] if name in HARMS else []
        results[EXAMINED][job.name] = found
    return results


def row(results: dict[str, Any], fault: str) -> dict[str, str]:
    table = judge(results, SEEDS).tables[0]
    (cells,) = (cells for cells in table.rows if cells[0] == fault)
    return dict(zip(HEADER, cells, strict=True))


def test_every_harmful_fault_is_named_and_nobody_is_accused() -> None:
    found = judge(made_up(), SEEDS)
    assert found.verdict == "holds"
    assert "2 harm" in found.summary and "accused 0 of" in found.summary
    assert "kl-sign, clip-side" in found.summary
    assert [table.title for table in found.tables][-1] != "False alarms"
    assert {r[0] for r in found.tables[1].rows} == set(HARMS)


def test_one_seed_that_is_missed_refutes_it() -> None:
    results = made_up()
    results[EXAMINED][broken("kl-sign", 2).name] = [{**SAID, "fault": "clip-side"}]
    found = judge(results, SEEDS)
    assert found.verdict == "does not hold here"
    assert "but kl-sign" in found.summary
    assert row(results, "kl-sign")[HEADER[-1]] == "2 of 3"


def test_a_false_alarm_refutes_it_and_is_shown() -> None:
    for job in (healthy(PLAIN, 1), healthy("plain inner_steps=4", 0)):
        results = made_up()
        results[EXAMINED][job.name] = [{**SAID, "fault": "k1-loss"}]
        found = judge(results, SEEDS)
        assert found.verdict == "does not hold here"
        assert found.tables[-1].rows == ((job.name, "k1-loss", "a number"),)


def test_who_does_no_harm_need_not_be_named() -> None:
    results = made_up()
    assert row(results, "k1-loss")["harms"] == "not shown"
    assert row(results, "kl-sign")["harms"] == "yes"
    for seed in range(SEEDS):
        results[EXAMINED][broken("k1-loss", seed).name] = [{**SAID, "fault": "k1-loss"}]
    found = judge(results, SEEDS)
    assert found.verdict == "holds" and "of the harmless k1-loss." in found.summary


def test_harm_is_an_interval_not_a_mean() -> None:
    results = made_up()
    for seed, right in enumerate((0.2, 0.9, 0.8)):  # a lower mean, and no more than that
        ended = results[broken("k1-loss", seed).name]["checkpoints"]["r1-zero"]
        ended["pass_at_1"] = {"value": right}
    assert row(results, "k1-loss")["harms"] == "not shown"


def test_every_fault_has_a_control_with_its_settings_and_a_chart() -> None:
    jobs = {job.name: job for job in with_needs(CLAIM.jobs(5))}
    for name, fault in FAULTS.items():
        beside = jobs[healthy(control(fault), 0).name]
        chosen = set(beside.settings["settings"]) - set(jobs[broken(name, 0).name].settings[
            "settings"
        ])  # fmt: skip
        assert chosen == (set() if name == "learning-rate-high" else set(fault.settings))
    assert sorted(n for names in GROUPS.values() for n in names) == sorted(FAULTS)
    charts = judge(made_up(), SEEDS).charts
    assert len({chart.name for chart in charts}) == len(charts) == len(GROUPS) * len(CURVES)
    shown = {line.label for chart in charts for line in chart.lines}
    assert shown == {"healthy", *FAULTS}


def test_seeds_and_shared_runs() -> None:
    names = [job.name for job in CLAIM.jobs(5)]
    assert sum(name.startswith("fault/") for name in names) == 3 * len(FAULTS)
    assert [job.name for job in healthy_runs(5)] == [
        name for name in names if name.startswith("r1-zero/")
    ]
    assert len(healthy_runs(5)) == 5 + 3 * (len(controls()) - 1)
    shared = healthy(PLAIN, 0)
    assert shared.fingerprint == r1_zero(0, "plain").fingerprint
    assert len(CLAIM.jobs(1)) == len(FAULTS) + len(controls()) + 1


def test_one_seed_has_no_interval_and_no_harm() -> None:
    found = judge(made_up(1), 1)
    assert "0 harm" in found.summary


def test_a_job_trains_with_its_fault_and_goes_on_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minir1 import commands

    asked = []
    monkeypatch.setattr(commands, "train", lambda *words, inject: asked.append((words, inject)))
    monkeypatch.setattr(faults_arms, "read_run", lambda folder: {"folder": str(folder)})
    job = broken("kl-sign", 2)
    made = faults_arms.train(tmp_path, {}, **job.settings)
    assert made == {"folder": str(tmp_path)}
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "state").mkdir()
    faults_arms.train(tmp_path, {}, **job.settings)
    (first, fault), (again, none) = asked
    assert (first[0], first[1], first[5], fault) == ("r1-zero", 2, False, "kl-sign")
    assert (again[5], none) == (True, None)
    assert "grpo.steps=25" in first[6] and "threads=1" in first[6]


def test_what_is_examined_is_told_by_the_name_of_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minir1 import doctor

    @dataclasses.dataclass
    class Found:
        fault: str
        evidence: str = "a number"
        mend: str = "a setting"

    @dataclasses.dataclass
    class Said:
        findings: list[Found]

    def examine(run: Path) -> Said:
        return Said([Found(run.name)] if run.name == "sick" else [])

    monkeypatch.setattr(doctor, "examine", examine)
    told = faults_arms.examined(tmp_path, {"a": tmp_path / "sick", "b": tmp_path / "well"})
    assert told == {"a": [{**SAID, "fault": "sick"}], "b": []}
