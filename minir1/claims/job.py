"""What is one piece of work of an experiment? A function, its arguments, and a folder.

A job is done once, whoever needs it: its folder then has a result.json with the fingerprint
of what was asked. Run as a module it does the job of a folder, in a process of its own.
"""

import hashlib
import importlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from minir1 import __version__
from minir1.errors import UserError
from minir1.storage.files import read_json, replace_file, to_json

RESULT, ASKED, LOG = "result.json", "job.json", "job.log"


@dataclass(frozen=True, eq=False)
class Job:
    """A piece of work that ends in a folder with result.json.

    function: "minir1.claims.standard:train", called with the folder, the folders of the jobs
    that it needs, and the settings; it returns what JSON can hold.
    """

    name: str  # unique, and its folder below the work folder
    function: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple["Job", ...] = ()  # finished before it
    minutes: float = 1.0  # on one core, roughly: for the time left

    @cached_property
    def fingerprint(self) -> str:
        """Name what is asked, the jobs that it needs included, in 16 hex digits."""
        words = [self.name, self.function, dict(self.settings)]
        words += [job.fingerprint for job in self.needs]
        return hashlib.sha256(to_json(words).encode()).hexdigest()[:16]

    def folder(self, work: Path) -> Path:
        """Return where the job is done."""
        return work / self.name

    def result(self, work: Path) -> dict[str, Any] | None:
        """Return the result of a finished job, None if it is still to be done."""
        path = self.folder(work) / RESULT
        if not path.exists():
            return None
        found = read_json(path)
        return found["result"] if found.get("fingerprint") == self.fingerprint else None

    def prepare(self, work: Path) -> Path:
        """Write down what is to be done; return the folder.

        Raises: UserError where the folder holds another job's work.
        """
        folder = self.folder(work)
        folder.mkdir(parents=True, exist_ok=True)
        asked = folder / ASKED
        if asked.exists() and read_json(asked).get("fingerprint") != self.fingerprint:
            raise UserError(
                f"{folder} holds work with other settings: delete it, or give another --work"
            )
        described = {
            "fingerprint": self.fingerprint,
            "function": self.function,
            "settings": dict(self.settings),
            "needs": {job.name: str(job.folder(work)) for job in self.needs},
        }
        replace_file(asked, to_json(described).encode())
        return folder


def with_needs(jobs: Iterable[Job]) -> Iterator[Job]:
    """Go through jobs and all that they need, each once, what is needed first.

    Raises: ValueError where two jobs of one name differ.
    """
    seen: dict[str, str] = {}

    def visit(job: Job) -> Iterator[Job]:
        if job.name in seen:
            if seen[job.name] != job.fingerprint:
                raise ValueError(f"two jobs are called {job.name}")
            return
        for needed in job.needs:
            yield from visit(needed)
        seen[job.name] = job.fingerprint
        yield job

    for job in jobs:
        yield from visit(job)


@cache
def commit() -> str:
    """Name the commit of the source tree, with a "+" where files differ from it.

    "" where this is no checkout.
    """
    head = _git("rev-parse", "--short=12", "HEAD")
    return f"{head}+" if head and _git("status", "--porcelain", "--", ".") else head


def _git(*words: str) -> str:
    """Ask git about the folder of this package; "" if it has no answer."""
    package = str(Path(__file__).parents[1])
    try:
        said = subprocess.run(
            ["git", "-C", package, *words], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""


def do(folder: Path) -> None:
    """Do the job of a folder and write its result."""
    asked, started = read_json(folder / ASKED), time.perf_counter()
    module, _, name = asked["function"].partition(":")
    function = getattr(importlib.import_module(module), name)
    needs = {job: Path(path) for job, path in asked["needs"].items()}
    result = function(folder, needs, **asked["settings"])
    described = {
        "fingerprint": asked["fingerprint"],
        "version": __version__,
        "commit": commit(),
        "seconds": time.perf_counter() - started,
        "result": result,
    }
    replace_file(folder / RESULT, to_json(described).encode())


def _interrupt(*_: object) -> None:
    """Stop at a polite kill as at Ctrl-C: what was done so far is saved."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        do(Path(sys.argv[1]))
    except UserError as error:
        sys.exit(f"minir1: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
