"""Which checkpoint folder does a name on the command line stand for?

A shipped name, a checkpoint folder, a run folder, RUN/NAME, or the NAME of a checkpoint that a
run in runs/ has made. Anything else gets a guess.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from minir1.errors import UserError, closest, did_you_mean, shorten
from minir1.storage.files import kept_aside

RUNS = Path("runs")  # where runs go that were not told where
ASSETS = Path(__file__).parents[1] / "assets"
WEIGHTS = "model.safetensors"
# Which checkpoint stands for a run: the last of this list that it has. Students come first, so
# that a run which distils its R1 still stands for R1.
ORDER = (
    "small-base",
    "small-rl",
    "distilled",
    "distilled-rl",
    "base",
    "r1-zero",
    "dev1",
    "dev2",
    "dev3",
    "r1",
)


def is_checkpoint(folder: Path) -> bool:
    """Say whether a folder looks like a checkpoint."""
    names = (WEIGHTS, f"{WEIGHTS}.index.json", "tokenizer.json")
    return any(os.path.exists(folder / name) for name in names)


def is_run(folder: Path) -> bool:
    """Say whether a folder looks like a run."""
    return any(os.path.exists(folder / name) for name in ("checkpoints", "metrics.jsonl"))


def checkpoints_in(folder: Path) -> list[str]:
    """Return the names of the checkpoints in a folder, in alphabetical order."""
    with suppress(OSError):
        return sorted(p.name for p in folder.iterdir() if p.name[0] != "." and is_checkpoint(p))
    return []


def resolve(name_or_path: str | Path) -> Path:
    """Return the checkpoint folder that a name stands for.

    In this order: a shipped name (`base`; write `./base` for a folder), a checkpoint folder,
    RUN/NAME for RUN/checkpoints/NAME, a run folder (its checkpoint furthest along the recipe),
    the name of a checkpoint in runs/ (the youngest of them).

    Raises: UserError that guesses what was meant.
    """
    name, path = str(name_or_path), Path(name_or_path)
    if name in checkpoints_in(ASSETS):
        return ASSETS / name
    inside = path.parent / "checkpoints" / path.name
    for folder in (path, inside):
        if is_checkpoint(folder) or is_checkpoint(kept_aside(folder)):
            return folder
    if is_run(path):
        names = checkpoints_in(path / "checkpoints")
        if not names:
            raise UserError(f"{path} is a run without a checkpoint yet: wanted one to read")
        rank = {known: place for place, known in enumerate(ORDER, start=1)}
        return path / "checkpoints" / max(names, key=lambda n: rank.get(n, 0))
    made = in_runs(name)
    if made:
        return made
    if os.path.exists(path):
        raise UserError(f"{path} is no checkpoint and no run: wanted a folder with {WEIGHTS}")
    raise UserError(f"there is no checkpoint {shorten(name, 200)}{guess(path)}")


def in_runs(name: str) -> Path | None:
    """Return the checkpoint of this name in the run that last gained one, or None."""
    if Path(name).name != name:
        return None
    found = [p for p in RUNS.glob("*/checkpoints") if is_checkpoint(p / name)]
    return max(found, key=lambda p: p.stat().st_mtime) / name if found else None


def neighbour(path: Path) -> str:
    """Return the folder beside a missing one whose name looks most like it, or ""."""
    with suppress(OSError):
        beside = [p.name for p in path.parent.iterdir() if p.is_dir() and p.name[0] != "."]
        near = closest(path.name, beside)
        return str(path.parent / near) if near else ""
    return ""


def guess(path: Path) -> str:
    """Return what a checkpoint that does not exist may have been, or what there is."""
    shipped = checkpoints_in(ASSETS)
    near = closest(path.name, checkpoints_in(path.parent / "checkpoints"))
    if near or neighbour(path):
        return f"; did you mean {path.parent / near if near else neighbour(path)}?"
    if str(path) == path.name:
        made = [name for p in RUNS.glob("*/checkpoints") for name in checkpoints_in(p)]
        hint = did_you_mean(path.name, [*shipped, *made])
        if hint:
            return hint
    return f"; wanted a folder, a run{''.join(f' or {n}' for n in shipped)}"
