"""What does `minir1 reproduce` do? The jobs of the claims, then a judge, then the page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from minir1.backend import cores
from minir1.claims import ledger, page
from minir1.claims.claim import Claim
from minir1.claims.job import Job
from minir1.claims.schedule import Progress, Schedule
from minir1.errors import UserError
from minir1.ui import make_console


def reproduce(
    wanted: str | None, seeds: int, work: str, out: str, workers: int, listing: bool
) -> None:
    """Test claims and write down what was found."""
    claims = ledger.choose(wanted)
    jobs = ledger.all_jobs(claims, seeds)
    console = make_console(stderr=True)
    schedule = Schedule(Path(work), workers or cores(), lambda p, said: tell(console, p, said))
    waiting = [job for job in jobs if job.result(schedule.work) is None]
    console.print(plan(jobs, waiting, schedule), markup=False)
    if listing:
        for job in jobs:
            state = "to do" if job in waiting else "done"
            print(f"{job.name}\t{job.minutes:.1f}\t{state}")
        return
    try:
        schedule.run(jobs)
    except KeyboardInterrupt:
        console.print("stopped; what was done is kept: type the same command to go on")
        raise
    except UserError:
        whole = [claim for claim in claims if _complete(claim, seeds, schedule.work)]
        _judge(whole, seeds, schedule.work, Path(out), console)
        raise
    _judge(claims, seeds, schedule.work, Path(out), console)


def plan(jobs: Sequence[Job], waiting: Sequence[Job], schedule: Schedule) -> str:
    """Say how much there is to do."""
    each = f"{schedule.workers} at a time" if schedule.workers > 1 else "one at a time"
    took = duration(schedule.left(waiting))
    rest = f"{len(waiting)} to do, {each}, about {took}" if waiting else "all done"
    return f"{len(jobs)} jobs, {rest}; work in {schedule.work}"


def tell(console: Console, progress: Progress, said: str) -> None:
    """Print a line a job that ended: how far it is, and how long the rest takes."""
    where = f"{progress.done:>4} of {progress.total}"
    left = f"about {duration(progress.seconds_left)} left" if progress.seconds_left else "done"
    console.print(f"{where} · {said} · {left}", markup=False, highlight=False)


def duration(seconds: float) -> str:
    """Write a time: "40 s", "12 min", "1 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _complete(claim: Claim, seeds: int, work: Path) -> bool:
    return all(job.result(work) is not None for job in ledger.all_jobs([claim], seeds))


def _judge(
    claims: Sequence[Claim], seeds: int, work: Path, out: Path, console: Console
) -> None:
    """Judge claims whose jobs are done, write the ledger, and print the verdicts."""
    entries = [ledger.entry(claim, seeds, work) for claim in claims]
    written = page.write_pages(ledger.record(entries, out), out)
    shown: Console = make_console()
    for one in entries:
        shown.print(_line(one), soft_wrap=True, markup=False, highlight=False)
    console.print(f"the page is {written}", soft_wrap=True, markup=False)


def _line(entry: dict[str, Any]) -> str:
    """Write an entry as one line of the terminal."""
    first = f" · {entry['figures'][0]['what']}: {page.written(entry['figures'][0])}"
    name = f"({entry['letter']}) {entry['id']}" if entry["letter"] else entry["id"]
    told = f"{entry['verdict']}{page.said(entry['condition'])}"
    return f"{name}: {told}{first if entry['figures'] else ''}"
