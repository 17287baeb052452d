"""Are jobs done once, in order, side by side, and what happens when one fails or all stop?"""

import subprocess
import time
from pathlib import Path

import pytest

from minir1.claims import job as job_module
from minir1.claims.job import Job, with_needs
from minir1.claims.schedule import Progress, Schedule
from minir1.errors import UserError

WORK = "tests.claims.work"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processes find the functions of the tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def job(name: str, number: int, *needs: Job) -> Job:
    return Job(name, f"{WORK}:add", {"number": number}, needs)


def run(work: Path, *jobs: Job, workers: int = 2) -> list[str]:
    said: list[str] = []
    Schedule(work, workers, lambda progress, line: said.append(line)).run(jobs)
    return said


def test_jobs_are_done_after_what_they_need_and_only_once(tmp_path: Path) -> None:
    one, two = job("a/one", 1), job("two", 2)
    both = job("both", 10, one, two)
    run(tmp_path, both, two)
    assert both.result(tmp_path) == {"sum": 13}
    assert run(tmp_path, both) == []
    assert (tmp_path / "a" / "one" / "count").read_text() == "x"


def test_other_settings_are_other_work(tmp_path: Path) -> None:
    run(tmp_path, job("one", 1))
    changed = job("one", 2)
    assert changed.result(tmp_path) is None
    with pytest.raises(UserError, match="holds work with other settings: delete it"):
        run(tmp_path, changed)


def test_what_is_needed_tells_jobs_apart() -> None:
    assert job("x", 1, job("a", 1)).fingerprint != job("x", 1, job("a", 2)).fingerprint
    with pytest.raises(ValueError, match="two jobs are called a"):
        list(with_needs([job("x", 1, job("a", 1)), job("a", 2)]))


def test_a_failure_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    bad = Job("bad", f"{WORK}:refuse")
    after, other = job("after", 1, bad), job("other", 2)
    with pytest.raises(UserError, match=r"1 of the jobs failed \(bad\): see .*job.log"):
        run(tmp_path, bad, after, other, workers=1)
    assert "minir1: there is no such base" in (tmp_path / "bad" / "job.log").read_text()
    assert other.result(tmp_path) == {"sum": 2}
    assert after.result(tmp_path) is None


def test_jobs_run_side_by_side_but_no_more_than_allowed(tmp_path: Path) -> None:
    seen: list[int] = []

    def watch(progress: Progress, line: str) -> None:
        seen.append(len(progress.running))

    jobs = [job(str(i), i) for i in range(5)]
    Schedule(tmp_path, 2, watch).run(jobs)
    assert max(seen) == 1  # beside the one that just ended
    assert [j.result(tmp_path) for j in jobs] == [{"sum": i} for i in range(5)]


def test_a_stop_lets_running_jobs_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, sleep, stopped = Job("waiting", f"{WORK}:wait"), time.sleep, []

    def stop(seconds: float) -> None:
        if (tmp_path / "waiting" / "begun").exists() and not stopped:
            stopped.append(True)
            raise KeyboardInterrupt
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", stop)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, waiting)
    assert (tmp_path / "waiting" / "saved").exists()
    assert waiting.result(tmp_path) is None


def test_a_result_names_its_commit_and_whether_files_differ_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    source = tmp_path / "minir1" / "claims" / "job.py"
    source.parent.mkdir(parents=True)
    source.write_text("")
    monkeypatch.setattr(job_module, "__file__", str(source))
    commit = job_module.commit.__wrapped__
    assert commit() == ""
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    clean = commit()
    assert len(clean) == 12
    source.write_text("changed")
    assert commit() == f"{clean}+"


def test_the_time_left_follows_the_pace(tmp_path: Path) -> None:
    schedule = Schedule(tmp_path, 2, lambda *_: None)
    jobs = [Job("a", "m:f", minutes=3), Job("b", "m:f", minutes=1)]
    assert schedule.left(jobs) == 120
    schedule.spent, schedule.planned = 30.0, 60.0  # twice as fast as planned
    assert schedule.left(jobs) == 60
