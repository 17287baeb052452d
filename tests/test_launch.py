"""Do processes that mlx.launch starts train as one, and what if one of them dies?

Two ranks on this machine, a ring over loopback. Minutes long: run by hand with -m slow.
"""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("mlx_lm")
pytestmark = [pytest.mark.mlx, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

from talkative_model import QUICK, write_model, write_task  # noqa: E402
from test_distributed import lines, require_equal  # noqa: E402

ROOT = Path(__file__).parents[1]
ENDLESS = ("grpo.steps=5000", "save_every=1000", "evaluation.every=0")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("launch")
    write_model(folder / "model")
    write_task(folder / "task.py")
    return folder


def command(*words: str, settings: tuple[str, ...] = ()) -> str:
    sets = [word for s in (*QUICK, "threads=1", *settings) for word in ("--set", s)]
    return shlex.join([sys.executable, "-m", "minir1", *words, *(sets if settings else [])])


def train(out: str, backend: str = "numpy", settings: tuple[str, ...] = ()) -> str:
    where = "--model", "model", "--task", "task.py", "--recipe", "r1"
    chosen = *where, "--backend", backend, "--out", out
    return command("train", *chosen, settings=settings or ("seed=0",))


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Launched:
    """`mlx.launch` of a shell command; each rank writes down its process."""

    def __init__(self, place: Path, line: str, size: int = 2):
        self.place, self.log = place, place / f"log{time.monotonic_ns()}"
        for rank in (0, 1):
            (place / f"pid{rank}").unlink(missing_ok=True)
        launch = Path(sys.executable).with_name("mlx.launch")
        port = str(free_port())
        script = f"echo $$ > pid$MLX_RANK; exec {line}"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [launch, "-n", str(size), "-p", port, "--", "sh", "-c", script],
                cwd=place,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,  # mlx.launch spins where there is no more input
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def pid(self, rank: int) -> int:
        return int((self.place / f"pid{rank}").read_text())

    def said(self, seconds: float = 300) -> str:
        """Wait for the end; return what all ranks printed."""
        self.process.wait(timeout=seconds)
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.log.read_text()

    def until_step(self, out: str, step: int) -> None:
        until = time.monotonic() + 200
        while time.monotonic() < until and self.process.poll() is None:
            written = (self.place / out / "metrics.jsonl").exists()
            if written and len(lines(self.place / out)) >= step:
                return
            time.sleep(0.1)
        raise AssertionError(f"no step {step}: {self.log.read_text()}")


def alone(place: Path, line: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(shlex.split(line), cwd=place, env=env, check=True, capture_output=True)


@pytest.mark.parametrize("backend", ["numpy", "mlx"])
def test_two_processes_come_to_what_one_does(place: Path, backend: str) -> None:
    """GRPO and fine-tuning, the whole recipe: metrics within 1e-4, weights within F32."""
    alone(place, train(f"{backend}1", backend))
    said = Launched(place, train(f"{backend}2", backend)).said()
    assert "2 ranks" not in said  # plain lines have no title
    assert said.count("the report is") == 1
    require_equal(place / f"{backend}1", place / f"{backend}2")


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_is_killed_ends_the_run(place: Path, rank: int) -> None:
    run = Launched(place, train(f"killed{rank}", settings=ENDLESS))
    run.until_step(f"killed{rank}", 3)
    other = run.pid(1 - rank)
    os.kill(run.pid(rank), signal.SIGKILL)
    killed = time.monotonic()
    said = run.said(60)
    assert time.monotonic() - killed < 30
    with pytest.raises(ProcessLookupError):
        os.kill(other, 0)
    assert "Traceback" not in said and "terminate called" not in said
    assert f"Node with rank {1 - rank} exited with code 2" in said
    if rank == 0:
        assert "minir1: rank 1: rank 0 of 2 has ended\n" in said
        return
    done = len(lines(place / "killed1"))
    expected = f"minir1: stopped: rank 1 of 2 has ended; saved at r1-zero step {done}; go on"
    assert expected in said


def test_what_a_lost_rank_left_is_resumed(place: Path) -> None:
    """By two ranks again; the end is that of a run nobody stopped."""
    steps = ("grpo.steps=12", "save_every=1000")
    alone(place, train("whole", settings=steps))
    run = Launched(place, train("broken", settings=steps))
    run.until_step("broken", 3)
    os.kill(run.pid(1), signal.SIGKILL)
    run.said(60)
    assert len(lines(place / "broken")) < 12
    Launched(place, command("train", "--out", "broken", "--resume")).said()
    require_equal(place / "whole", place / "broken")


def test_a_launch_of_one_is_a_run_of_one(place: Path) -> None:
    said = Launched(place, train("single"), 1).said()
    assert "the report is single/report.html" in said


def test_ranks_that_were_told_different_things_do_not_begin(place: Path) -> None:
    line = train("never").replace("seed=0", '"seed=$MLX_RANK"')
    said = Launched(place, line).said(60)
    assert "minir1: rank 1 has other settings than rank 0: every rank wants" in said
    assert not (place / "never").exists()
