"""Does `minir1 export` write what was asked for, and answer mistakes in one line?"""

from pathlib import Path

import pytest
from exports import run_of
from small_run import BASE, minir1

from minir1 import export_command
from minir1.errors import UserError


def export(name: object, to: str, out: Path, **more: object) -> None:
    usual: dict = {"task": None, "dtype": "float32", "settings": ()}
    export_command.export(str(name), to, str(out), **(usual | more))


def test_a_run_stands_for_its_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path / "run")
    export(run.path, "hf", tmp_path / "model")
    assert (tmp_path / "model" / "model.safetensors").exists()
    assert "transformers, mlx-lm" in capsys.readouterr().out
    export(run.path, "trl", tmp_path / "trl", settings=["grpo.steps=1"])
    assert (tmp_path / "trl" / "model" / "model.safetensors").exists()


def test_what_a_model_folder_has_no_use_for_is_refused(tmp_path: Path) -> None:
    for more in ({"task": "arithmetic"}, {"settings": ["grpo.steps=1"]}):
        with pytest.raises(UserError, match="leave them out"):
            export(BASE, "hf", tmp_path / "out", **more)


def test_a_mistake_leaves_nothing_behind(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    with pytest.raises(UserError):
        export(run.path, "trl", tmp_path / "out", settings=["grpo.minibatches=3"])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_verb_can_be_typed(tmp_path: Path) -> None:
    done = minir1("export", str(BASE), "--to", "hf", "--out", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and (tmp_path / "out").is_dir()
    done = minir1("export", str(BASE), "--to", "hf", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
