"""What does `minir1 doctor` print, write and return?"""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from patients import always, course, write
from small_run import command, environment, train

from minir1.cli import cli
from minir1.doctor import command as verb
from minir1.errors import UserError

SICK = always(kl_loss=-0.2)
KL = {"grpo__kl_weight": 0.05}


def visit(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["doctor", str(folder), *words], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.return_value, done.output


def test_a_healthy_run_is_said_to_be(tmp_path: Path) -> None:
    code, said = visit(write(tmp_path / "good", course()))
    assert code == 0 and "✓ nothing is wrong that can be seen" in said
    assert "25 steps, accuracy 0." in said


def test_a_fault_is_told_with_evidence_and_mend(tmp_path: Path) -> None:
    code, said = visit(write(tmp_path / "bad", course(SICK, **KL)))
    assert code == 1
    flat = " ".join(said.split())
    assert "✗ kl-sign · in r1-zero · certain" in flat
    for label in ("seen at steps", "mend Subtract the KL", "known TinyZero"):
        assert label in flat
    assert max(map(len, said.splitlines())) <= 80


def test_what_may_follow_is_named_briefly(tmp_path: Path) -> None:
    sick = course(always(weight_sum=0.5, truncated=0.9))
    _, said = visit(write(tmp_path / "bad", sick))
    assert said.count("✗") == 1 and "never-ends in r1-zero" in " ".join(said.split())


def test_the_diagnosis_goes_to_a_file(tmp_path: Path) -> None:
    out = tmp_path / "diagnosis.json"
    visit(write(tmp_path / "bad", course(SICK, **KL)), "--json", str(out))
    told = json.loads(out.read_text())
    assert told["healthy"] is False and told["findings"][0]["fault"] == "kl-sign"
    with pytest.raises(UserError, match="could not be written"):
        visit(tmp_path / "bad", "--json", str(tmp_path / "no" / "file.json"))


def test_the_last_run_is_meant_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no run in runs"):
        verb.last_run()
    write(tmp_path / "runs" / "one", course())
    assert verb.last_run() == Path("runs/one")


def test_who_asks_about_no_run_gets_a_line(tmp_path: Path) -> None:
    done = subprocess.run(
        command("doctor", str(tmp_path)), env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "wanted a run" in done.stderr


def test_a_real_run_is_healthy_until_its_end_token_is_left_out(tmp_path: Path) -> None:
    folder = train(tmp_path / "run")
    code, said = visit(folder)
    assert code == 0 and "4 steps so far" in " ".join(said.split())
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        row["eos_trained"] = 0.0
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert visit(folder)[0] == 1
