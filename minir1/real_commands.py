"""What does each verb that asks a checkpoint do with a real model? eval, sample, chat.

A checkpoint of a run is asked as its run asked it: the run's config.json says how. Any other
model is asked through its chat template, or as --set prompt.… says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from minir1.backend import xp
from minir1.config import override
from minir1.errors import UserError
from minir1.exercises import Attempt, TaskWorld
from minir1.real_config import RealConfig, read_config, real
from minir1.real_models import RealModel, open_real, where
from minir1.real_run import figures
from minir1.storage.files import read_json
from minir1.storage.resolve import resolve
from minir1.tasks import Exercise, open_task
from minir1.tasks.base import HELD_OUT
from minir1.ui import make_console, print_completion, results_table
from minir1.vocabulary import speaks_text

NO_GOLD = "asked"  # the task of a question of one's own: nobody knows its answer


def is_real(name: str) -> bool:
    """Say whether a name means a model whose tokenizer reads any text."""
    if Path(name).suffix == ".gguf":
        return True
    try:
        return speaks_text(resolve(name))
    except UserError:  # a folder of shards, or a name on the Hub
        return speaks_text(Path(name)) or (name.count("/") == 1 and not Path(name).exists())


def evaluate_real(
    checkpoint: str,
    task: str | None,
    split: str,
    problems: int | None,
    samples: int,
    seed: int,
    settings: Iterable[str],
) -> dict[str, Any]:
    """Measure a model on held-out exercises of a task; return results as of results.json."""
    config = settled(checkpoint, task, seed, settings)
    if not config.task:
        raise UserError(f"{checkpoint} comes from no run: add --task, for example arithmetic")
    chosen = open_task(config.task)
    asked = chosen.held_out(split, problems or HELD_OUT[split])
    model = open_real(config)
    make_console(stderr=True).print(
        f"answering {len(asked)} {split} exercises of {chosen.name}, {samples} times each",
        style="baseline",
    )
    world = TaskWorld(config, model.policy, model.tokenizer, chosen, "evaluate")
    _, attempts = world.ask(model.params, asked, samples, (seed, f"evaluate/{split}", 0))
    results = {
        "schema": 1,
        "seed": seed,
        "engine": xp.name,
        "split": split,
        "task": {"name": chosen.name, "dropped": chosen.dropped},
        "checkpoints": {checkpoint: figures(attempts, samples, seed)},
    }
    make_console().print(results_table(results))
    return results


def sample_real(
    checkpoint: str,
    prompt: str | None,
    count: int,
    temperature: float,
    seed: int,
    settings: Iterable[str],
) -> None:
    """Print what a model writes: to a question, or to a validation exercise of its run."""
    config = _at(settled(checkpoint, None, seed, settings), temperature)
    model, exercise = open_real(config), Exercise(prompt or "", "")
    if prompt is None:
        if not config.task:
            raise UserError(f"{checkpoint} comes from no run: give a PROMPT")
        exercise = open_task(config.task).held_out("validation", 1 + seed)[-1]
    console = make_console()
    for index, attempt in enumerate(_answers(config, model, exercise, count)):
        if index:
            console.print()
        right = attempt.right if exercise.gold else None
        print_completion(console, attempt.prompt, attempt.completion, right)


def chat_real(checkpoint: str, temperature: float, seed: int, lines: Iterable[str]) -> None:
    """Answer questions, a line at a time; none is remembered."""
    config, console = _at(settled(checkpoint, None, seed, ()), temperature), make_console()
    model = open_real(config)
    for number, line in enumerate(lines):
        if line.strip():
            config = replace(config, seed=seed + number)
            (attempt,) = _answers(config, model, Exercise(line.strip(), ""), 1)
            print_completion(console, line.strip(), attempt.completion)


def settled(
    checkpoint: str, task: str | None, seed: int, settings: Iterable[str]
) -> RealConfig:
    """Return how a model is asked: as its run asked it, or as by default."""
    try:
        folder = resolve(checkpoint)
    except UserError:
        folder = Path(checkpoint)
    described = folder.parents[1] / "config.json" if len(folder.parents) > 1 else folder
    config: Any = real(checkpoint, task or "")
    if task is None:  # a question of one's own is put as it is typed
        config = replace(config, prompt=replace(config.prompt, answer="last"))
    if folder.parent.name == "checkpoints" and described.is_file():
        config = read_config(read_json(described).get("config"))
    if not isinstance(config, RealConfig):
        raise UserError(f"{checkpoint} belongs to a run of the tiny world: leave out --task")
    named: dict[str, Any] = {"model": where(str(folder)), "tune": "full", "backend": xp.name}
    config = replace(config, **named, seed=seed, task=task or config.task)
    return override(config, settings)


def _at(config: RealConfig, temperature: float) -> RealConfig:
    return replace(config, sample=replace(config.sample, temperature=temperature))


def _answers(
    config: RealConfig, model: RealModel, exercise: Exercise, count: int
) -> Sequence[Attempt]:
    """Draw answers to one exercise; a question of one's own is not scored."""
    task = open_task(config.task) if exercise.gold else Unscored()
    world = TaskWorld(config, model.policy, model.tokenizer, task, "sample")
    _, attempts = world.ask(model.params, [exercise], count, (config.seed, "sample", 0))
    return attempts


class Unscored:
    """Questions of one's own: asked, not scored."""

    name, dropped = NO_GOLD, 0

    def training(self, seed: int, stage: str, step: int, count: int) -> list[Exercise]:
        """Return nothing: there is nothing to train on."""
        return []

    def held_out(self, part: str, count: int) -> list[Exercise]:
        """Return nothing."""
        return []

    def score(self, exercise: Exercise, answer: str) -> float:
        """Pay nothing."""
        return 0.0
