"""Which checkpoint does a bare name stand for, and which one does a run?"""

import os
from pathlib import Path

import pytest

from minir1.errors import UserError
from minir1.storage import resolve
from minir1.storage.resolve import in_runs


def made(run: Path, *names: str, at: float = 0.0) -> Path:
    """A run folder with what looks like checkpoints, which last gained one at a time."""
    for name in names:
        folder = run / "checkpoints" / name
        folder.mkdir(parents=True)
        (folder / "model.safetensors").touch()
    os.utime(run / "checkpoints", (at, at))
    return run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("runs")


def test_a_bare_name_is_that_of_the_last_run_that_has_it(runs: Path) -> None:
    old = made(runs / "r1-zero-seed0", "base", "r1-zero", at=1e9)
    new = made(runs / "all-seed0", "r1-zero", "dev1", "r1", at=2e9)
    made(runs / "r1-seed1", "dev1", at=3e9)
    assert resolve.resolve("r1-zero") == new / "checkpoints" / "r1-zero"
    assert resolve.resolve("r1") == new / "checkpoints" / "r1"
    assert resolve.resolve("dev1") == runs / "r1-seed1" / "checkpoints" / "dev1"
    os.utime(old / "checkpoints", (4e9, 4e9))
    assert resolve.resolve("r1-zero") == old / "checkpoints" / "r1-zero"
    assert in_runs("dev2") is None
    assert in_runs(str((new / "checkpoints" / "r1").absolute())) is None  # that is no name


def test_what_is_shipped_or_here_goes_before_a_run(runs: Path) -> None:
    made(runs / "all-seed0", "base", "r1")
    assert resolve.resolve("base").parent == resolve.ASSETS
    (Path("r1")).mkdir()
    (Path("r1") / "model.safetensors").touch()
    assert resolve.resolve("r1") == Path("r1")


def test_a_name_that_no_run_has_gets_a_guess(runs: Path) -> None:
    made(runs / "all-seed0", "r1-zero", "distilled")
    with pytest.raises(UserError, match=r"did you mean distilled\?"):
        resolve.resolve("distiled")


@pytest.mark.parametrize(
    ("names", "stands"),
    [
        (("base", "r1-zero", "small-base", "distilled", "distilled-rl", "small-rl"), "r1-zero"),
        (("base", "r1-zero", "dev1", "dev2", "dev3", "r1", "distilled", "small-base"), "r1"),
        (("small-base", "distilled", "small-rl"), "distilled"),
        (("base", "small-base", "distilled"), "base"),
        (("r1-zero", "r1-zero-step5", "x"), "r1-zero"),
    ],
)
def test_no_student_stands_for_a_run_with_a_teacher(
    names: tuple[str, ...], stands: str, runs: Path
) -> None:
    assert resolve.resolve(made(runs / "run", *names)).name == stands
