"""What does `minir1 doctor` do? It examines a run, tells, and says it by its exit code."""

from pathlib import Path

from minir1.doctor.diagnosis import examine
from minir1.doctor.show import show
from minir1.errors import UserError
from minir1.screen.terminal import make_console
from minir1.storage.files import encode, to_json, write_flushed, writing
from minir1.storage.resolve import RUNS, is_run

FOUND = 1  # the exit code of a check that says no


def visit(run: Path | None, json_file: str | None = None) -> int:
    """Examine a run, by default the last in runs/; return the exit code.

    Raises: UserError if there is no run; WriteError if the file cannot be written.
    """
    diagnosis = examine(last_run() if run is None else run)
    show(make_console(), diagnosis)
    if json_file is not None:
        path = Path(json_file)
        with writing(path):
            write_flushed(path, encode(to_json(diagnosis.to_dict(), indent=2) + "\n"))
    return 0 if diagnosis.healthy else FOUND


def last_run() -> Path:
    """Return the run of runs/ that was last written to.

    Raises: UserError if there is none.
    """
    runs = [path for path in RUNS.glob("*") if is_run(path)]
    if not runs:
        raise UserError(
            f"there is no run in {RUNS}/: give a run folder, or begin with minir1 train --tiny"
        )
    return max(runs, key=lambda path: path.stat().st_mtime)
