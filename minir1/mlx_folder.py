"""What is wrong with a model folder that mlx-lm is to load, in one line?

mlx-lm takes a folder for what it says it is, and raises whatever comes. Here what is missing
is named before, and the rest is put into one line.
"""

import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minir1.errors import UserError, shorten
from minir1.hub import locate


def find_folder(path_or_repo: str) -> Path:
    """Return the folder of a model, downloaded if it is a repository of the Hub.

    Raises: UserError if there is none, or it lacks what a model folder has.
    """
    folder = locate(path_or_repo)
    if not folder.is_dir():
        raise UserError(
            f"{shorten(folder, 200)} is a file: mlx-lm trains folders; "
            "minir1 train --backend numpy takes a .gguf file"
        )
    if not any(folder.glob("model*.safetensors")):
        raise UserError(f"{shorten(folder, 200)} holds no model*.safetensors: no weights")
    kind = read_config(folder).get("model_type")
    if not isinstance(kind, str):
        raise UserError(f"{shorten(folder, 200)}: its config.json names no model_type")
    return folder


def read_config(folder: Path) -> dict[str, Any]:
    """Read config.json. Raises: UserError if it is not there, or not an object."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise UserError(f"{shorten(path, 200)} cannot be read: {shorten(fault)}") from None
    if not isinstance(config, dict):
        raise UserError(f"{shorten(path, 200)} is not a JSON object")
    return config


def require_mlx_lm() -> None:
    """Raises: UserError if mlx-lm is not installed."""
    if not (importlib.util.find_spec("mlx") and importlib.util.find_spec("mlx_lm")):
        raise UserError("mlx-lm is not installed; type: pip install 'minir1[mlx]'")


@contextmanager
def said_in_one_line(name: str) -> Iterator[None]:
    """Turn what mlx and mlx-lm raise at a model they cannot compute into one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as fault:  # a model folder is somebody else's: anything may be wrong
        why = shorten(fault, 160) or type(fault).__name__
        raise UserError(f"{shorten(name, 200)}: mlx-lm cannot run it: {why}") from fault
