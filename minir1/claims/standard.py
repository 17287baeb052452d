"""Which runs do several claims share? Named here only, so that none is made twice."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minir1.claims.job import Job
from minir1.storage.files import read_json
from minir1.storage.jsonlines import read_lines

# Enough for an arm; the stories are measured on all 500 problems with 16 samples each.
MEASURED = ("evaluation.problems=250", "evaluation.samples=8", "evaluation.every=0")
SHORT = 1500  # steps of a short pretraining; the shipped base had 5000
Settings = Sequence[str]


def story(seed: int) -> Job:
    """Tell the whole story: `minir1 train --tiny`."""
    asked = {"recipe": "all", "seed": seed, "settings": []}
    return Job(f"story/seed{seed}", f"{__name__}:train", asked, minutes=13)


def r1_zero(
    seed: int,
    arm: str,
    base: str = "base",
    settings: Settings = (),
    steps: int = 25,
    needs: tuple[Job, ...] = (),
) -> Job:
    """Run R1-Zero from a base; "pretrain/NAME" is the base of that job, which is in needs."""
    chosen = [f"grpo.steps={steps}", *MEASURED, *settings]
    asked = {"recipe": "r1-zero", "seed": seed, "base": base, "settings": chosen}
    minutes = 0.035 * steps + 0.4
    return Job(f"r1-zero/{arm}/seed{seed}", f"{__name__}:train", asked, needs, minutes)


def branch(seed: int, arm: str, recipe: str, settings: Settings) -> Job:
    """Tell the story again from the first stage that changed settings touch."""
    asked = {"recipe": recipe, "seed": seed, "settings": list(settings)}
    asked["origin"] = (start := story(seed)).name
    return Job(f"{arm}/seed{seed}", f"{__name__}:train", asked, (start,), minutes=4)


def short_base(name: str, settings: Settings = ()) -> Job:
    """Make a base from nothing in fewer steps than the shipped one."""
    asked = {"settings": [f"pretrain.steps={SHORT}", *settings]}
    return Job(f"pretrain/{name}", f"{__name__}:pretrain", asked, minutes=9)


# what the jobs do


def train(
    folder: Path,
    needs: dict[str, Path],
    recipe: str,
    seed: int,
    settings: Settings,
    base: str = "base",
    origin: str | None = None,
) -> dict[str, Any]:
    """Train as `minir1 train --tiny` does, or go on; return results.json and the curves."""
    from minir1 import commands

    going_on = can_go_on(folder)
    commands.train(
        recipe,
        seed,
        str(needs[base] / "checkpoints" / "base") if base in needs else base,
        str(folder),
        "numpy",
        going_on,
        [*settings, "threads=1"],
        True,
        str(needs[origin]) if origin in needs and not going_on else None,
    )
    return read_run(folder)


def pretrain(folder: Path, needs: dict[str, Path], settings: Settings) -> dict[str, Any]:
    """Pretrain as `minir1 pretrain --tiny` does, or go on; return results.json."""
    from minir1 import commands

    going_on = can_go_on(folder)
    chosen = [*settings, "threads=1"]
    commands.pretrain(0, str(folder), "numpy", going_on, chosen, True)
    return read_run(folder)


def read_run(folder: Path) -> dict[str, Any]:
    """Return the results of a run, and the rows of metrics.jsonl under each stage's name."""
    curves: dict[str, list[dict[str, Any]]] = {}
    for row in read_lines(folder / "metrics.jsonl"):
        curves.setdefault(row["stage"], []).append(row)
    return {**read_json(folder / "results.json"), "curves": curves}


def can_go_on(folder: Path) -> bool:
    """Say whether a stopped attempt can go on; clear away what is too young for that."""
    begun = (folder / "config.json").exists()
    whole = (folder / "state").exists() or (folder / "checkpoints").exists()
    if begun and not whole:
        for path in folder.iterdir():
            if path.name not in ("job.json", "job.log"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return begun and whole
