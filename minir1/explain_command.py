"""What does `minir1 explain` do? It finds a step, takes it on a copy, and tells it."""

from pathlib import Path

from minir1 import backend
from minir1.errors import UserError
from minir1.explain import explain
from minir1.explain_source import find_moment
from minir1.real_commands import is_real
from minir1.screen.explained import Explained
from minir1.storage.files import replace_file, to_json
from minir1.ui import make_console


def explain_step(
    checkpoint: str, step: int | None, prompt: int | None, json_file: str | None
) -> None:
    """Tell one step of a run of the tiny world.

    Raises: UserError for what is no run, no step of it, or a real model.
    """
    if json_file is not None and not Path(json_file).absolute().parent.is_dir():
        raise UserError(f"--json {json_file}: wanted a file in a folder that exists")
    if is_real(checkpoint):
        raise UserError(f"{checkpoint} is a real model: explain tells steps of the tiny world")
    backend.use("auto")
    moment = find_moment(checkpoint, step)
    told = explain(
        moment.learner,
        moment.config,
        moment.world,
        moment.tokenizer,
        prompt,
        moment.steps,
        moment.objective,
    )
    make_console().print(Explained(told, moment.where, moment.notes))
    if json_file is not None:
        replace_file(Path(json_file), (to_json(told.to_dict(), indent=2) + "\n").encode())
