"""What does `minir1 export` do? It writes a checkpoint for another tool."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from minir1.config import RunConfig
from minir1.errors import UserError
from minir1.export.hf import new_folder, write_model
from minir1.export.source import Source, find, settle
from minir1.real_config import RealConfig
from minir1.ui import make_console

Write = Callable[[Source, RunConfig | RealConfig, Path, str], None]
NEXT = {
    "hf": "transformers, mlx-lm and vLLM read it",
    "trl": "README.md says how to start it: python train.py",
    "verl": "README.md says how to start it: bash launch.sh",
}


def export(
    checkpoint: str, to: str, out: str, task: str | None, dtype: str, settings: Iterable[str]
) -> None:
    """Write a checkpoint as a folder for transformers, TRL or verl.

    Raises: UserError for what cannot be exported.
    """
    source = find(checkpoint)
    if to == "hf":
        if task is not None or list(settings):
            raise UserError("--task and --set are for --to trl and --to verl: leave them out")
        with new_folder(out) as folder:
            write_model(source, folder, dtype)
    else:
        config = settle(source, task, settings)
        with new_folder(out) as folder:
            write = _trl() if to == "trl" else _verl()
            write(source, config, folder, dtype)
    make_console().print(f"{out}: {NEXT[to]}", markup=False, soft_wrap=True)


def _trl() -> Write:
    from minir1.export.trl import export_trl

    return export_trl


def _verl() -> Write:
    from minir1.export.verl import export_verl

    return export_verl
