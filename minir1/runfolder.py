"""What does a run leave on the disk, and how does it go on after it was stopped?

    config.json     the resolved configuration, seed, engine, versions
    metrics.jsonl   one object a step; samples.jsonl: full completions of a few prompts
    checkpoints/    one Hugging Face folder a checkpoint; reward-model/ is one more
    data/           what stages learn from; answers.json: each checkpoint's answers
    state/          what resume needs: parameters, optimiser, step
    results.json    the measured checkpoints

The state is the truth: whatever the other files say beyond it is dropped on resume, and
computed again. Full disk, kill or crash at any moment: the last saved state stays whole.
"""

from __future__ import annotations

import math
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minir1.config import RunConfig
from minir1.errors import UserError, shorten
from minir1.machine import versions
from minir1.real_config import RealConfig, read_config
from minir1.storage.files import (
    WriteError,
    encode,
    flush_tree,
    lock_folder,
    read_json,
    replace_file,
    replace_folder,
    to_json,
    writing,
)
from minir1.storage.jsonlines import append_lines, flush_lines, read_lines
from minir1.storage.resolve import neighbour
from minir1.storage.state import first_not_finite, read_info, read_state, write_state

SCHEMA = 1
LINES = ("metrics.jsonl", "samples.jsonl")
FOLDERS = ("checkpoints", "reward-model", "data", "state")
FILES = ("config.json", *LINES, *FOLDERS, "results.json", "answers.json")


class RunFolder:
    """One run's folder; make it with `create` or `resume`."""

    def __init__(self, path: Path, config: Any, engine: str):
        self.path, self.engine = path, engine
        self.config: Any = config  # a RunConfig, or the RealConfig of a real model
        self.saved: str | None = None  # where the saved state is, for example: r1-zero step 12
        self.listeners: list[Any] = []  # called with every line of metrics: see sinks.py
        lock_folder(path)

    @classmethod
    def create(
        cls,
        path: str | Path | None,
        config: RunConfig | RealConfig,
        engine: str = "numpy",
        base: str | None = None,
    ) -> RunFolder:
        """Start a run in a new folder; without a path, in the next free one of runs/.

        base: what the user called the model that the run begins from.

        Raises: UserError if a run is there already; WriteError if the disk says no.
        """
        folder = Path(path) if path is not None else next_free(config)
        for name in FILES:
            if os.path.lexists(folder / name):
                raise UserError(
                    f"{folder} holds a run or a checkpoint already ({name}): go on with "
                    f"{resume_command(folder, config.verb)}, or give another with --out"
                )
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        run = cls(folder, config, engine)
        described = {
            "schema": SCHEMA,
            "recipe": config.recipe,
            "seed": config.seed,
            "engine": engine,
            "versions": versions(engine),
            **({"base": base} if base else {}),
            "config": config.to_dict(),
        }
        run.write("config.json", described)
        return run

    @classmethod
    def resume(cls, path: str | Path) -> RunFolder:
        """Open the folder of a run that was stopped, with the configuration it had.

        Raises: UserError if there is no run, or if its config.json is damaged.
        """
        folder = Path(path)
        if not os.path.isdir(folder):
            near = neighbour(folder)
            hint = f"did you mean {near}?" if near else "leave out --resume to start one"
            raise UserError(f"there is no run {shorten(folder, 200)}; {hint}")
        described = read_json(folder / "config.json")
        if "schema" not in described or "config" not in described:
            raise UserError(f"{folder / 'config.json'} is not a run's: wanted a run folder")
        if described["schema"] != SCHEMA:
            raise UserError(
                f"{folder} has schema {described['schema']}, this minir1 writes {SCHEMA}: "
                "start a new run, or use the version that made it"
            )
        try:
            config = read_config(described["config"])
        except UserError as error:
            raise UserError(
                f"{folder / 'config.json'}: {error}; start a new run, or use the version that "
                "made it"
            ) from error
        run = cls(folder, config, str(described.get("engine", "numpy")))
        if run.state_path.exists():
            run.saved = _place(read_info(run.state_path))
        return run

    @property
    def state_path(self) -> Path:
        """Return the file of the saved state."""
        return self.path / "state" / "state.safetensors"

    @property
    def resume_command(self) -> str:
        """Return what to type to go on with this run."""
        return resume_command(self.path, self.config.verb)

    def checkpoint_path(self, name: str) -> Path:
        """Return where a checkpoint of this run lives."""
        return self.path / "checkpoints" / name

    # lines

    def append_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Add one step's numbers to metrics.jsonl; "stage" alone is a word.

        Raises: UserError for NaN or infinity; TypeError for what is no number.
        """
        for name, value in metrics.items():
            if name != "stage" and not _is_finite(name, value):
                where = _place(metrics)
                raise UserError(f"{name} is {value} at {where}: {self._broke_down()}")
        self.append("metrics.jsonl", [metrics])
        for listen in self.listeners:
            listen(metrics)

    def append_samples(self, samples: Sequence[Mapping[str, Any]]) -> None:
        """Add completions, each with its stage and step, to samples.jsonl."""
        self.append("samples.jsonl", samples)

    def append(self, name: str, lines: Sequence[Mapping[str, Any]]) -> None:
        """Add lines to a file of the run."""
        with self._guard():
            append_lines(self.path / name, lines)

    def metrics(self) -> list[dict[str, Any]]:
        """Return the lines of metrics.jsonl."""
        return read_lines(self.path / "metrics.jsonl")

    def samples(self) -> list[dict[str, Any]]:
        """Return the lines of samples.jsonl."""
        return read_lines(self.path / "samples.jsonl")

    def rewind(self, done: Sequence[str], stage: str, step: int) -> None:
        """Drop the lines of a stage beyond a step, and of all stages but those done."""
        for name in LINES:
            path = self.path / name
            if path.exists():
                kept = [
                    line
                    for line in read_lines(path)
                    if line["stage"] in done
                    or (line["stage"] == stage and line["step"] <= step)
                ]
                data = encode("".join(to_json(line) + "\n" for line in kept))
                with self._guard():
                    replace_file(path, data)

    # state

    def save_state(self, arrays: Mapping[str, np.ndarray], info: Mapping[str, Any]) -> None:
        """Replace the saved state; `info` names at least its stage and step.

        The lines so far are forced onto the disk first, so that a state never knows more
        steps than metrics.jsonl.

        Raises: UserError for NaN in the arrays (the old state stays); WriteError.
        """
        bad = first_not_finite(arrays)
        if bad:
            raise UserError(
                f"{bad} holds NaN or infinity at {_place(info)}: {self._broke_down()}"
            )
        with self._guard():
            for name in LINES:
                flush_lines(self.path / name)
            write_state(self.state_path, arrays, info)
        self.saved = _place(info)

    def load_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Return the saved arrays and info, or None if the run saved none yet.

        Raises: UserError if the file is damaged.
        """
        return read_state(self.state_path) if self.state_path.exists() else None

    # the rest

    def save_checkpoint(
        self, name: str, params: Mapping[str, np.ndarray], *rest: Any, **more: Any
    ) -> Path:
        """Save a checkpoint under checkpoints/ (see `checkpoint.save_checkpoint`)."""
        from minir1.checkpoint import save_checkpoint

        with self._guard():
            return save_checkpoint(self.checkpoint_path(name), params, *rest, **more)

    def keep_base(self, folder: Path, name: str = "base") -> None:
        """Copy a checkpoint that the run starts from, so that the run needs no other file."""
        self.copy_folder(folder, self.checkpoint_path(name))

    def copy_folder(self, folder: Path, kept: Path) -> None:
        """Copy a folder into the run, whole or not at all."""
        new = kept.with_name(f".{kept.name}.new")
        with self._guard(), writing(kept):
            shutil.rmtree(new, ignore_errors=True)  # what a kill left
            shutil.copytree(folder, new)
            flush_tree(new)
            replace_folder(new, kept)

    def read(self, name: str) -> dict[str, Any]:
        """Return the object in a JSON file of the run, {} if there is none."""
        path = self.path / name
        return read_json(path) if path.exists() else {}

    def write(self, name: str, value: Mapping[str, Any]) -> None:
        """Replace a JSON file of the run. Raises: ValueError for NaN; WriteError."""
        data, path = encode(to_json(value, indent=2) + "\n"), self.path / name
        with self._guard(), writing(path):
            path.parent.mkdir(exist_ok=True)
            replace_file(path, data)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Add to a refusal of the disk what is safe and how to go on."""
        try:
            yield
        except WriteError as error:
            raise WriteError(f"{error}; {self._safe()}; then {self.resume_command}") from error

    def _safe(self) -> str:
        if self.saved is None:
            return "no state was saved yet: put that right"
        return f"the saved state ({self.saved}) is intact: put that right"

    def _broke_down(self) -> str:
        kept = f"the state of {self.saved} is kept" if self.saved else "no state was saved yet"
        return f"the run broke down; {kept}; try a smaller learning_rate in a new run"


def _place(named: Mapping[str, Any]) -> str:
    """Say where in the recipe a state or a line of metrics belongs."""
    return f"{named.get('stage')} step {named.get('step')}"


def _is_finite(name: str, value: object) -> bool:
    """Say whether a metric is a finite number, looking into an object of numbers."""
    if isinstance(value, Mapping):
        return all(_is_finite(f"{name}.{key}", part) for key, part in value.items())
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"metric {name} is {value!r}: wanted a number")
    return math.isfinite(value)


def next_free(config: RunConfig | RealConfig) -> Path:
    """Return runs/TITLE-seedN, or with -2, -3, … the first that does not exist."""
    first = Path("runs") / f"{config.title}-seed{config.seed}"
    folder, count = first, 1
    while os.path.lexists(folder):
        count += 1
        folder = first.with_name(f"{first.name}-{count}")
    return folder


def resume_command(folder: Path, verb: str) -> str:
    """Return what to type to go on with a run."""
    return f"minir1 {verb} --out {shlex.quote(str(folder))} --resume"
