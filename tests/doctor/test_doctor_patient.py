"""Does the doctor read any folder, and refuse what is no run in a line?"""

import json
import os
from pathlib import Path

import pytest
from patients import always, course, from_step, nested, sample, write

from minir1 import rl_settings
from minir1.config import tiny
from minir1.doctor import diagnosis, examine, patient, rules
from minir1.doctor.course import OWN, USUAL, Course
from minir1.doctor.patient import read_patient
from minir1.errors import UserError
from minir1.settings import flatten


def test_a_healthy_run_is_healthy(tmp_path: Path) -> None:
    seen = examine(write(tmp_path, course(grpo__steps=25)))
    assert seen.healthy and seen.findings == [] and seen.notes == []
    assert seen.stages["r1-zero"].steps == 25
    first, last = seen.stages["r1-zero"].accuracy or (1, 0)
    assert last > first + 0.3


def test_a_cause_comes_before_what_may_follow(tmp_path: Path) -> None:
    sick = course(always(advantage_level=0.7, truncated=0.9))
    seen = examine(write(tmp_path, sick))
    assert [s.fault for s in seen.findings] == ["batch-baseline"]
    assert [s.fault for s in seen.follows] == ["never-ends"]
    assert seen.findings[0].stage == "r1-zero"
    alone = examine(write(tmp_path / "other", course(always(truncated=0.9))))
    assert [s.fault for s in alone.findings] == ["never-ends"] and not alone.follows


def test_every_stage_is_examined_for_itself(tmp_path: Path) -> None:
    rows = [*course().rows]
    rows += [{**row, "stage": "dev2", "weight_sum": 0.5} for row in course().rows]
    rows += [{"stage": "dev1", "step": 1, "loss": 0.3}]
    seen = examine(write(tmp_path, Course("", {"grpo": {}}, tuple(rows))))
    assert [(s.fault, s.stage) for s in seen.findings] == [("mask-in-place", "dev2")]
    assert set(seen.stages) == {"r1-zero", "dev2"}


def test_what_was_not_recorded_is_said(tmp_path: Path) -> None:
    def old(row: dict[str, object]) -> dict[str, object]:
        return {"weight_sum": None, "eos_trained": "many"}

    seen = examine(write(tmp_path, course(old)))
    assert seen.healthy
    assert any("weight_sum" in n and "mask-in-place" in n for n in seen.notes)
    assert any("eos_trained" in n and "eos-untrained" in n for n in seen.notes)


def test_a_few_steps_are_said_to_be_few(tmp_path: Path) -> None:
    seen = examine(write(tmp_path, course(steps=3)))
    assert seen.healthy and any("3 steps so far" in note for note in seen.notes)


def test_the_last_of_two_lines_of_a_step_counts(tmp_path: Path) -> None:
    folder = write(tmp_path, course())
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    broken = {**json.loads(lines[3]), "advantage_level": 0.9}
    (folder / "metrics.jsonl").write_text("\n".join([json.dumps(broken), *lines]) + "\n")
    assert examine(folder).healthy


def test_lines_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    folder = write(tmp_path, course(from_step(20, weight_sum=0.5)))
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    (folder / "metrics.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    assert "steps 20 to 25" in examine(folder).findings[0].evidence


def test_what_is_looked_for_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    for rule in rules.ALL:
        assert f"| `{rule.fault}` |" in page, rule.fault


# what cannot be read


@pytest.mark.parametrize("name", ["none", "file", "empty"])
def test_what_is_no_run_is_refused_in_a_line(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    if name == "file":
        folder.write_text("{}")
    if name == "empty":
        folder.mkdir()
    with pytest.raises(UserError) as error:
        examine(folder)
    assert "\n" not in str(error.value) and "wanted a run" in str(error.value)


@pytest.mark.parametrize(
    "config", ["", "{", "[]", "7", '{"a": 1}', '{"config": []}', "[" * 100_000, "\x00\xff"]
)
def test_a_damaged_config_is_noted(tmp_path: Path, config: str) -> None:
    folder = write(tmp_path, course(always(eos_trained=0.0)))
    (folder / "config.json").write_bytes(config.encode("latin-1"))
    seen = examine(folder)
    assert [s.fault for s in seen.findings] == ["eos-untrained"]
    assert any("config.json" in note and "usual" in note for note in seen.notes)


def test_damaged_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = write(tmp_path, course())
    whole = (folder / "metrics.jsonl").read_text()
    bad = '{"a"\n[1]\n7\n\x00\n' + "[" * 5000 + '\n{"stage": 7, "step": 1}\n{"step": {}}\n'
    (folder / "metrics.jsonl").write_text(bad + whole + '{"stage": "r1-zero", "st')
    seen = examine(folder)
    assert seen.healthy and seen.stages["r1-zero"].steps == 25
    assert any("5 lines could not be read (line 1)" in note for note in seen.notes)


@pytest.mark.parametrize("value", [None, "x", [], {}, True, 10**400, "1e999", -1e308, 1e308])
def test_no_value_of_a_metric_stops_the_doctor(tmp_path: Path, value: object) -> None:
    for name in course().rows[4]:
        if name not in ("stage", "step"):
            sick = course(always(**{name: value}), grpo__kl_weight=0.1)
            examine(write(tmp_path / name, sick))


@pytest.mark.parametrize("value", [None, "x", [], {}, True, 0, -1, 1e300, 10**400])
def test_no_value_of_a_setting_stops_the_doctor(value: object) -> None:
    for key in USUAL:
        sick = course(always(kl_loss=-1.0), **{key.replace(".", "__"): value})
        diagnosis.diagnose(patient.Patient("x", (sick,)))


def test_no_line_of_samples_stops_the_doctor(tmp_path: Path) -> None:
    odd = [None, "x", [], {}, True, 10**400, -1.0]
    lines = [{**sample("<answer>", 0.1), k: v} for k in sample("", 0.0) for v in odd]
    assert examine(write(tmp_path, course(samples=tuple(lines)))).stages


def test_large_files_are_read_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, course())
    size = (folder / "metrics.jsonl").stat().st_size
    monkeypatch.setattr(patient, "LARGEST_FILE", size // 2)
    assert any("only the first" in note for note in examine(folder).notes)
    monkeypatch.setattr(patient, "LONGEST_LINE", 50)
    assert "could not be read" in " ".join(examine(folder).notes)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    folder = write(tmp_path, course())
    (folder / "samples.jsonl").unlink()
    os.mkfifo(folder / "samples.jsonl")
    assert any("samples.jsonl" in note for note in examine(folder).notes)


def test_names_that_a_terminal_obeys_are_made_harmless(tmp_path: Path) -> None:
    rows = tuple({**row, "stage": "\x1b[31mred"} for row in course().rows)
    seen = read_patient(write(tmp_path, Course("", {"a": {}}, rows)))
    assert seen.courses[0].stage == "red"


def test_pretraining_has_nothing_to_look_at(tmp_path: Path) -> None:
    rows = ({"stage": "pretrain", "step": 1, "loss": 2.0},)
    seen = examine(write(tmp_path, Course("", {"a": {}}, rows)))
    assert seen.healthy and "nothing to look at" in seen.notes[-1]


# settings


def test_the_usual_settings_are_those_of_the_program() -> None:
    known = flatten(tiny("r1-zero"))
    assert {key: known.get(key) for key in USUAL} == USUAL


@pytest.mark.parametrize("stage", rl_settings.SETTINGS)
def test_a_stage_has_the_settings_that_it_was_trained_with(stage: str) -> None:
    config = tiny("all")
    trained = flatten(rl_settings.SETTINGS[stage](config))
    seen = Course(stage, config.to_dict(), ())
    for key in USUAL:
        assert seen.setting(key) == trained[key], key
    assert set(OWN) == set(rl_settings.SETTINGS) - {"r1-zero"}


def test_a_setting_of_the_wrong_kind_has_its_usual_value() -> None:
    odd = nested({"grpo__steps": "many", "reward__kind": 7, "grpo__average": None})
    seen = Course("r1-zero", odd, ())
    assert seen.setting("grpo.steps") == 40 and seen.setting("reward.kind") == "rule"
