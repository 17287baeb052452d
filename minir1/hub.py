"""Where on this machine is the model that a name stands for?

A folder or a file stands for itself. "owner/name" may stand for a repository of the Hugging
Face Hub: what was downloaded before is taken without the network; otherwise it is downloaded
by `huggingface_hub`, if that is installed. Nothing waits for a silent network for long.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from minir1.errors import UserError, shorten
from minir1.storage.resolve import neighbour

PATIENCE = 10  # seconds that the Hub may stay silent
WANTED = ["*.json", "*.safetensors", "*.jinja", "merges.txt"]
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def locate(path_or_repo: str | Path) -> Path:
    """Return the file or folder of a model, downloaded if need be.

    Raises: UserError if there is none, or the Hub does not give it.
    """
    name, path = str(path_or_repo), Path(path_or_repo)
    if path.exists():
        return path
    if not REPOSITORY.fullmatch(name) or name.endswith(".gguf") or path.parent.is_dir():
        near = neighbour(path)
        hint = (
            f"did you mean {near}?" if near else "wanted a folder, a .gguf file or OWNER/NAME"
        )
        raise UserError(f"there is no model {shorten(name, 200)}; {hint}")
    return _from_hub(name)


def _from_hub(repo: str) -> Path:
    """Return the folder of a repository in the Hub's cache on this machine."""
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", str(PATIENCE))
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", str(PATIENCE))
    try:
        from huggingface_hub import errors, snapshot_download
    except ImportError as error:
        raise UserError(
            f"there is no folder {repo}; to take it from the Hugging Face Hub: "
            "pip install huggingface_hub"
        ) from error
    with suppress(Exception):  # not there yet, whatever it says: ask the Hub
        kept = Path(snapshot_download(repo, allow_patterns=WANTED, local_files_only=True))
        if (kept / "config.json").is_file() and any(kept.glob("*.safetensors")):
            return kept
    try:
        return Path(snapshot_download(repo, allow_patterns=WANTED, etag_timeout=PATIENCE))
    except errors.GatedRepoError as error:
        why = "its owner wants you to accept a licence there first, then hf auth login"
        raise UserError(f"{repo} is gated on the Hugging Face Hub: {why}") from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"there is no folder {repo}, and no public repository of that name on the "
            "Hugging Face Hub"
        ) from error
    except Exception as error:  # no network, no disk, a server's fault
        unreached = isinstance(error, errors.LocalEntryNotFoundError)
        why = "no network?" if unreached else shorten(error) or type(error).__name__
        raise UserError(
            f"there is no folder {repo}, and the Hugging Face Hub did not give it ({why}): "
            "download it where there is a network, and give its folder"
        ) from error
