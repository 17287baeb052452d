"""Which model is meant, and which run did it come from?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from minir1.config import RunConfig, override, tiny
from minir1.errors import UserError
from minir1.hub import REPOSITORY, locate
from minir1.real_config import RealConfig, read_config, real
from minir1.storage.files import read_json
from minir1.storage.resolve import resolve
from minir1.vocabulary import speaks_text
from minir1.weak_rewards import BY_COIN


@dataclass(frozen=True)
class Source:
    """A checkpoint folder or a .gguf file, with the settings of its run if it is of one."""

    name: str  # as it was typed
    place: Path
    config: RunConfig | RealConfig | None

    @property
    def text(self) -> bool:
        """Say whether it reads and writes text: the tiny world has words of its own."""
        return self.place.is_file() or speaks_text(self.place)


def find(name: str) -> Source:
    """Find the model that a name stands for: a checkpoint, a run, a file, or one on the Hub.

    Raises: UserError that guesses what was meant.
    """
    place = _place(name)
    described = place.parent.parent / "config.json"
    if place.parent.name != "checkpoints" or not described.is_file():
        return Source(name, place, None)
    return Source(name, place, read_config(read_json(described).get("config")))


def _place(name: str) -> Path:
    if Path(name).suffix == ".gguf":
        return locate(name)
    try:
        return resolve(name)
    except UserError:
        if not REPOSITORY.fullmatch(name) or Path(name).parent.is_dir():
            raise
        return locate(name)


def settle(source: Source, task: str | None, settings: Iterable[str]) -> RunConfig | RealConfig:
    """Return the settings to export: the run's, or the defaults, with some changed.

    Raises: UserError where nobody said what the model is to be asked.
    """
    config: RunConfig | RealConfig
    if not source.text:
        if task is not None:
            raise UserError("--task: the tiny world asks its own questions; leave it out")
        config = source.config or tiny("r1-zero")
    else:
        given = source.config if isinstance(source.config, RealConfig) else real("", "")
        config = replace(given, task=task or given.task)
        if not config.task:
            raise UserError(f"{source.name} comes from no run: add --task, such as arithmetic")
    config = override(config, settings)
    if (kind := config.reward.kind) in ("random", *BY_COIN):
        raise UserError(
            f"reward.kind={kind} pays by minir1's own coins: export with --set reward.kind=rule"
        )
    return config
