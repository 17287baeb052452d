"""What does an exported folder hold, whatever the engine? Model, questions, pay, description.

The rest, how the engine is told to train, is in `trl.py` and `verl.py`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any

from minir1 import __version__
from minir1.config import GRPOConfig, RunConfig
from minir1.errors import UserError
from minir1.export.hf import write_model
from minir1.export.source import Source
from minir1.export.wording import DESCRIPTION, MODEL, Wording, task_files, weights_of, wording
from minir1.real_config import RealConfig
from minir1.storage.files import to_json, writing

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Setting:
    """One setting of an engine: its name there, its value as it is written, ours."""

    name: str
    value: str
    ours: str


def require_grpo(config: RunConfig | RealConfig) -> None:
    """Refuse what only we know how to do. Raises: UserError."""
    grpo = config.grpo
    if grpo.objective not in ("grpo", "dr-grpo", "lite-ppo"):
        grpo.refuse("objective", "grpo, dr-grpo or lite-ppo for an export")
    for name, usual in (("extra_draws", 0), ("overlong", 0.0), ("truncated", "taught")):
        if getattr(grpo, name) != usual:
            grpo.refuse(name, f"{usual} for an export")
    if isinstance(grpo, GRPOConfig) and grpo.program_prompts:
        grpo.refuse("program_prompts", "0 for an export: its graders read number puzzles only")


def write_common(
    source: Source, config: RunConfig | RealConfig, folder: Path, dtype: str
) -> Wording:
    """Write the model, the task's files and the description; return how it is asked.

    Raises: UserError for what cannot be exported.
    """
    require_grpo(config)
    words = wording(config, write_model(source, folder / MODEL, dtype))
    portable = config
    if isinstance(config, RealConfig):
        portable = replace(config, model=MODEL, task=_with_files(config.task, folder))
    described = {
        "schema": 1,
        "minir1": __version__,
        "source": source.name,
        "config": portable.to_dict(),
    }
    write_text(folder / DESCRIPTION, to_json(described, indent=2) + "\n")
    return words


def _with_files(task: str, folder: Path) -> str:
    """Copy the files of a task into the folder; return the task's name there."""
    family, files = task_files(task)
    if not files:
        return task
    place = folder / "task"
    with writing(place):
        place.mkdir()
        for file in files:
            shutil.copyfile(file, place / file.name)
    return f"{family}{Path('task') / files[0].name}"


def fill(name: str, **words: Any) -> str:
    """Return a template with its $words filled in."""
    return Template((TEMPLATES / name).read_text(encoding="utf-8")).substitute(words)


def write_text(path: Path, text: str) -> None:
    """Write a file of the folder. Raises: WriteError."""
    with writing(path):
        path.write_text(text, encoding="utf-8")


def table(settings: Sequence[Setting], theirs: str) -> str:
    """Return the settings as a table of a README."""
    head = f"| {theirs} | value | from |\n|---|---|---|\n"
    return head + "\n".join(f"| `{s.name}` | `{s.value}` | {s.ours} |" for s in settings)


def reward_lines(config: RunConfig | RealConfig) -> str:
    """Say what is paid, in one line."""
    return ", ".join(f"{kind} × {weight:g}" for kind, weight in weights_of(config).items())


def what(config: RunConfig | RealConfig) -> str:
    """Name what the model is asked."""
    return plain(config.task) if isinstance(config, RealConfig) else "the tiny world"


def plain(name: str) -> str:
    """Return a name that can stand in a script's comment or docstring, whatever it holds."""
    return re.sub(r"[^\w./:?=-]+", "_", name)


def updates(config: RunConfig | RealConfig) -> int:
    """Count the optimiser updates of one rollout.

    Raises: UserError where the rollout cannot be cut into equal parts.
    """
    grpo = config.grpo
    if grpo.prompts % grpo.minibatches:
        raise UserError(
            f"grpo.minibatches={grpo.minibatches}: other engines want equal parts; add --set "
            f"grpo.minibatches=… with a divisor of grpo.prompts={grpo.prompts}"
        )
    return grpo.minibatches * grpo.inner_steps
