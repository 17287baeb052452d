"""How do many jobs share a few cores? One process a core, one thread a process.

What is done is not done again; what was stopped goes on where it was saved. A job that fails
is named with its log, and the others are still done.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from minir1.claims.job import LOG, Job, with_needs
from minir1.errors import UserError

TICK = 0.2  # seconds between looks at the processes
PATIENCE = 20.0  # seconds that a stopped job has to save its state
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass
class Progress:
    """What is done, what runs, and how long the rest may take."""

    total: int
    done: int = 0
    running: list[str] = field(default_factory=list)
    seconds_left: float = 0.0


@dataclass
class Schedule:
    """Jobs on their way; `watch` is told after every start and end."""

    work: Path
    workers: int
    watch: Callable[[Progress, str], None]
    spent: float = 0.0  # seconds of the jobs that ended under our eyes
    planned: float = 0.0  # seconds that they were expected to take
    finished: set[str] = field(default_factory=set)  # names of jobs

    def run(self, jobs: Sequence[Job]) -> None:
        """Do all jobs and what they need.

        Raises: UserError that names the jobs that failed, when all others are done.
        """
        every = list(with_needs(jobs))
        self.finished = {job.name for job in every if job.result(self.work) is not None}
        waiting = [job for job in every if job.name not in self.finished]
        running: dict[Job, tuple[subprocess.Popen[bytes], float]] = {}
        failed: list[Job] = []
        try:
            while waiting or running:
                self._start(waiting, running)
                self._collect(running, failed, waiting, len(every))
                if waiting and not running and not self._ready(waiting):
                    break  # the rest needs what failed
                time.sleep(TICK)
        finally:
            _stop([process for process, _ in running.values()])
        if failed:
            named = ", ".join(job.name for job in failed)
            log = failed[0].folder(self.work) / LOG
            raise UserError(f"{len(failed)} of the jobs failed ({named}): see {log}")

    def _ready(self, waiting: Sequence[Job]) -> Job | None:
        """Return the first job that needs nothing that is still to be done."""
        done = self.finished
        return next((job for job in waiting if done >= {n.name for n in job.needs}), None)

    def _start(
        self, waiting: list[Job], running: dict[Job, tuple[subprocess.Popen[bytes], float]]
    ) -> None:
        while len(running) < self.workers and (job := self._ready(waiting)) is not None:
            waiting.remove(job)
            running[job] = _launch(job, self.work), time.perf_counter()

    def _collect(
        self,
        running: dict[Job, tuple[subprocess.Popen[bytes], float]],
        failed: list[Job],
        waiting: Sequence[Job],
        total: int,
    ) -> None:
        for job, (process, started) in list(running.items()):
            code = process.poll()
            if code is None:
                continue
            del running[job]
            seconds = time.perf_counter() - started
            said = f"{job.name}: {seconds:.0f} s"
            if code or job.result(self.work) is None:
                failed.append(job)
                said = f"{job.name} failed: see {job.folder(self.work) / LOG}"
            else:
                self.finished.add(job.name)
            self.spent += seconds
            self.planned += 60 * job.minutes
            left = [*waiting, *running]
            names = [other.name for other in running]
            progress = Progress(total, total - len(left) - len(failed), names, self.left(left))
            self.watch(progress, said)

    def left(self, jobs: Sequence[Job]) -> float:
        """Estimate the seconds that jobs take, as fast as those before them went."""
        pace = self.spent / self.planned if self.planned else 1.0
        return pace * sum(60 * job.minutes for job in jobs) / self.workers


def _launch(job: Job, work: Path) -> subprocess.Popen[bytes]:
    """Start a job in a process of its own, with one thread of linear algebra."""
    folder = job.prepare(work)
    with open(folder / LOG, "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "minir1.claims.job", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **dict.fromkeys(THREADS, "1")},
        )


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask processes to save and end; after a while end them."""
    for process in processes:
        with suppress(OSError):
            process.terminate()
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
