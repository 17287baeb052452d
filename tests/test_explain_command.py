"""What if `minir1 explain` is mistyped? One line, exit code 2, never a traceback."""

import json
from pathlib import Path

import pytest
import small_run

from minir1 import explain_command


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuch",), "there is no checkpoint nosuch"),
        (("base", "--step", "0"), "'--step': 0 is not in the range"),
        (("base", "--step", "3"), "--step 3: r1-zero of base has 0 steps; wanted 1 to 1"),
        (("base", "--prompt", "0"), "'--prompt': 0 is not in the range"),
        (("base", "--json", "nosuch/file.json"), "wanted a file in a folder that exists"),
        (("model.gguf",), "is a real model"),
        ((), "Missing argument 'RUN_OR_CHECKPOINT'"),
    ],
)
def test_a_mistake_is_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = small_run.minir1("explain", *words, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert said in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    done = small_run.minir1("explain", str(tmp_path))
    assert done.returncode == 2 and "is no checkpoint and no run" in done.stderr


def test_it_tells_and_writes_the_same_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    file = tmp_path / "step.json"
    explain_command.explain_step(str(small_run.BASE), 1, 2, str(file))
    out = capsys.readouterr().out
    found = json.loads(file.read_text("utf-8"))
    assert found["schema"] == 1 and found["group"]["number"] == 2
    assert found["step"] == 1 and found["stage"] == "r1-zero"
    assert f"mean = ({found['group']['answers'][0]['reward']:.2f}" in out
    assert len(found["group"]["answers"]) == 8
    assert f"{found['batch']['moved']:.3f}" in out


def test_help_says_what_to_type() -> None:
    done = small_run.minir1("explain", "--help")
    assert done.returncode == 0 and "minir1 explain base" in done.stdout
