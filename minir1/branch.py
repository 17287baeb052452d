"""What can a new run take over from an old one? Every stage that its settings leave as it is.

An experiment that changes one stage needs the stages before it only once: with the same
base, seed and settings they would come out the same. So they are copied, with their lines,
data and figures; the first stage that differs, and all that need it, are made anew.
"""

from pathlib import Path
from typing import Any

from minir1 import reward_model
from minir1.checkpoint import read_ours
from minir1.config import RunConfig, changed
from minir1.errors import UserError
from minir1.faults.planted import FILE as INJECTED
from minir1.pipeline import RECIPES, STUDENT
from minir1.runfolder import RunFolder
from minir1.storage.files import read_json
from minir1.storage.jsonlines import read_lines
from minir1.storage.resolve import WEIGHTS
from minir1.storage.tensorfile import digest, read_tensors

# What each stage depends on: stages, and the section of settings that is its own.
NEEDS: dict[str, tuple[tuple[str, ...], str]] = {
    "r1-zero": ((), "grpo"),
    "dev1": (("r1-zero",), "dev1"),
    "dev2": (("dev1",), "dev2"),
    "dev3": (("dev2",), "dev3"),
    reward_model.STAGE: (("dev3",), "preference"),
    "r1": ((reward_model.STAGE,), "r1"),
    "distilled": (("dev3",), "distilled"),
    "small-rl": (("distilled",), "small"),
    "distilled-rl": (("distilled",), "small"),
}
EVERYWHERE = ("seed", "backend", "model", "sample", "reward", "grpo")  # settings of every stage


def require_same_base(origin: str | Path, base: Path) -> None:
    """Refuse a run that cannot be read, is broken, measured nothing, or has another base.

    Raises: UserError.
    """
    old = Path(origin)
    _config(old)
    read_json(old / "results.json")
    if (old / INJECTED).exists():
        raise UserError(f"--from {origin}: a fault was planted in that run; leave out --from")
    if _digest(base) != _digest(old / "checkpoints" / "base"):
        raise UserError(f"--from {origin}: that run began from another base; leave out --from")


def take_over(run: RunFolder, origin: str | Path) -> list[str]:
    """Copy the stages that the new run would make alike; return their names.

    The folder that says that a stage is done comes last: a kill before it costs the stage,
    not its lines.
    """
    old, wanted = Path(origin), RECIPES[run.config.recipe]
    taken = [
        name
        for name in unchanged(run.config, _config(old))
        if name in wanted and _folder(old, name).is_dir()
    ]
    for name in {"dev1", "dev3"} & set(taken):
        run.write(f"data/{name}.json", read_json(old / "data" / f"{name}.json"))
    _copy_lines(run, old, taken)
    _copy_figures(run, old, taken)
    for name in taken:
        run.copy_folder(_folder(old, name), _folder(run.path, name))
    return taken


def _digest(base: Path) -> str:
    """Name the weights of a base, whoever wrote it."""
    return str(read_ours(base).get("digest") or digest(read_tensors(base / WEIGHTS)[0]))


def _config(old: Path) -> RunConfig:
    """Read the settings of a run that may have been made by another version."""
    described = read_json(old / "config.json")
    try:
        return RunConfig.from_dict(described.get("config"))
    except UserError as error:
        raise UserError(
            f"--from {old}: {error}; that run is of another version, start without --from"
        ) from error


def unchanged(new: RunConfig, old: RunConfig) -> list[str]:
    """Name the stages that would come out alike under both configurations."""
    touched = {key.split(".")[0] for key in changed(new, old)}
    alike: list[str] = []
    for name, (needs, section) in NEEDS.items():
        if touched.isdisjoint({*EVERYWHERE, section}) and set(needs) <= set(alike):
            alike.append(name)
    return alike


def _folder(run: Path, name: str) -> Path:
    return run / name if name == reward_model.STAGE else run / "checkpoints" / name


def _copy_lines(run: RunFolder, old: Path, taken: list[str]) -> None:
    """Copy what the stages logged."""
    for name in ("metrics.jsonl", "samples.jsonl"):
        lines = [line for line in read_lines(old / name) if line["stage"] in taken]
        run.append(name, lines)


def _copy_figures(run: RunFolder, old: Path, taken: list[str]) -> None:
    """Copy how the checkpoints were measured, where both runs measure alike."""
    results = read_json(old / "results.json")
    known = {"base", STUDENT, *taken} if "distilled" in taken else {"base", *taken}
    kept: dict[str, Any] = {
        "taken_over": taken,
        "seconds": {name: s for name, s in results["seconds"].items() if name in taken},
        "compute": {name: c for name, c in results["compute"].items() if name in taken},
    }
    kept["seconds"]["evaluation"] = 0.0
    if reward_model.STAGE in taken:
        kept["reward_model"] = results["reward_model"]
    theirs = _config(old)
    if all(
        getattr(theirs, section) == getattr(run.config, section)
        for section in ("seed", "sample", "evaluation")
    ):
        figures = results["checkpoints"]
        kept["checkpoints"] = {name: figures[name] for name in figures if name in known}
        answers = read_json(old / "answers.json")
        run.write(
            "answers.json",
            {**answers, "answers": {n: a for n, a in answers["answers"].items() if n in known}},
        )
    run.write("results.json", kept)
