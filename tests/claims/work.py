"""Jobs that the tests of the claims do."""

import time
from pathlib import Path
from typing import Any

from minir1.errors import UserError


def add(folder: Path, needs: dict[str, Path], number: int) -> dict[str, Any]:
    """Add a number to what the needed jobs found; count how often this was done."""
    count = folder / "count"
    count.write_text(count.read_text() + "x" if count.exists() else "x")
    found = [int((path / "sum").read_text()) for path in needs.values()]
    (folder / "sum").write_text(str(number + sum(found)))
    return {"sum": number + sum(found)}


def refuse(folder: Path, needs: dict[str, Path]) -> dict[str, Any]:
    """Fail as a user's mistake does."""
    raise UserError("there is no such base")


def wait(folder: Path, needs: dict[str, Path]) -> dict[str, Any]:
    """Say that it has begun; when asked to stop, say so too."""
    (folder / "begun").touch()
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        (folder / "saved").touch()
        raise
    return {}
