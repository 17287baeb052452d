"""What of a run does each rank of a team see? The first all of it; the others a copy of notes.

The first rank alone writes the run folder, saves and reads checkpoints, and talks to the
person. The others do the same steps on a temporary folder that holds no parameters, so every
decision that rests on the folder (what is done, where to go on) is the same at every rank.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minir1.backend import from_numpy, to_numpy
from minir1.distributed import KEY, DistributedPolicy
from minir1.policy import Params
from minir1.real_models import RealModel
from minir1.runfolder import FILES, RunFolder
from minir1.storage.tensorfile import digest, pack, unpack
from minir1.team import Team


class FollowerFolder(RunFolder):
    """What a rank but the first takes for the run's folder: a temporary one, without states.

    The first rank alone writes the run.
    """

    def save_state(self, arrays: Mapping[str, np.ndarray], info: Mapping[str, Any]) -> None:
        """Leave it to the first rank."""


def open_run(team: Team, opened: Callable[[], RunFolder]) -> RunFolder:
    """Open the run at the first rank; the others get copies of what is in it so far.

    Of checkpoints they get the names alone: their parameters are shared when they are loaded.
    """
    if team.rank == 0:
        run = opened()
        folders, files = _listed(run.path)
        team.share(json.dumps([folders, files]).encode())
        for name in files:
            team.share((run.path / name).read_bytes())
        return run
    place = Path(tempfile.mkdtemp(prefix="minir1-rank-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    folders, files = json.loads(team.share(b""))
    for name in folders:
        (place / name).mkdir(parents=True, exist_ok=True)
    for name in files:
        (place / name).write_bytes(team.share(b""))
    return FollowerFolder.resume(place)


def _listed(path: Path) -> tuple[list[str], list[str]]:
    """List the folders of a run and the files outside of its checkpoints."""
    folders, files = [], []
    for found in sorted(path.rglob("*")):
        name = found.relative_to(path)
        if name.parts[0] not in FILES:
            continue
        if found.is_dir():
            folders.append(name.as_posix())
        elif name.parts[0] != "checkpoints":
            files.append(name.as_posix())
    return folders, files


def joined(team: Team, model: RealModel) -> RealModel:
    """Let a team train a model: the first rank reads and writes it, all compute.

    Raises: UserError if the ranks do not begin with the same parameters.
    """
    if team.size == 1:
        return model
    team.require_same("parameters", digest(_plain(model.params)))
    policy = DistributedPolicy(model.policy, team)

    def load(folder: Path) -> Params:
        arrays: dict[str, np.ndarray] = {}
        if team.rank == 0:
            arrays = _plain(model.load(folder))
        shared = team.share(pack(arrays, KEY, "") if team.rank == 0 else b"")
        return from_numpy(unpack(shared, KEY)[0])

    def save(folder: Path, params: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)  # its name is enough to go on

    return replace(model, policy=policy, load=load, save=save if team.rank else model.save)


def _plain(params: Params) -> dict[str, np.ndarray]:
    return {name: to_numpy(value) for name, value in params.items()}
