"""How is the state of a run kept, so that there is always a whole one?

One safetensors file with all arrays (parameters, optimiser); what is no array (stage, step)
is JSON in its metadata. The new file replaces the old one in one instant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minir1.errors import UserError
from minir1.storage.files import flush_folder, replace_file, to_json, writing
from minir1.storage.tensorfile import digest, pack, read_metadata, read_tensors

INSTEAD = "start a new run with another --out, or copy the run folder again"


def first_not_finite(arrays: Mapping[str, np.ndarray]) -> str | None:
    """Return the name of the first array that holds NaN or infinity."""
    for name, value in arrays.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            return name
    return None


def write_state(path: Path, arrays: Mapping[str, np.ndarray], info: Mapping[str, Any]) -> None:
    """Replace a state file; until that is done the old one stays whole.

    Raises: WriteError.
    """
    described = to_json({"digest": digest(arrays), "info": info})
    with writing(path):
        if not path.parent.exists():
            path.parent.mkdir()
            flush_folder(path.parent.parent)
    replace_file(path, pack(arrays, "minir1", described))


def read_state(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what write_state wrote, bit for bit.

    Raises: UserError if the file is damaged.
    """
    try:
        arrays, metadata = read_tensors(path)
    except UserError as error:
        raise UserError(f"{error}; {INSTEAD}") from error
    described = _described(path, metadata)
    if described["digest"] != digest(arrays):
        raise UserError(f"{path} is damaged: not the bits that were saved; {INSTEAD}")
    return arrays, described["info"]


def read_info(path: Path) -> dict[str, Any]:
    """Read what a state says about itself, without its arrays.

    Raises: UserError if the file is damaged.
    """
    try:
        metadata = read_metadata(path)
    except UserError as error:
        raise UserError(f"{error}; {INSTEAD}") from error
    return _described(path, metadata)["info"]


def _described(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return the digest and the info that a state carries."""
    try:
        described = json.loads(metadata["minir1"])
        return {"digest": described["digest"], "info": dict(described["info"])}
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a run's state; {INSTEAD}") from error
