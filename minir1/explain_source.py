"""Which step of which run is to be explained? A name, and from it all that the step needs.

A run's last saved state holds the policy and the optimiser; a kept checkpoint holds the
policy alone; a base, or any other checkpoint that reinforcement learning starts from, stands
before its first step. Nothing is written, and a run that is training is not disturbed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minir1 import reward_model, rl, rl_settings
from minir1.backend import from_numpy
from minir1.checkpoint import load_checkpoint, read_metadata, require_same_tokenizer, resolve
from minir1.config import RunConfig, tiny
from minir1.datasets import Checkpoint
from minir1.environment import Environment, TinyWorld
from minir1.errors import UserError, shorten
from minir1.faults.catalogue import find
from minir1.faults.fault import BrokenWorld, Fault
from minir1.faults.planted import FILE
from minir1.objective import Objective
from minir1.objectives import chosen
from minir1.real_config import read_config
from minir1.resampling import resampled
from minir1.rl_settings import STARTS
from minir1.storage.files import read_json
from minir1.storage.jsonlines import read_lines
from minir1.storage.resolve import checkpoints_in, is_run
from minir1.storage.state import read_info, read_state
from minir1.tokenizer import WordTokenizer
from minir1.training import restored

FRESH = (
    "a checkpoint keeps no optimiser: Adam's averages begin anew here, so all is as it was in "
    "the run up to the first gradient, and the update is not"
)
BEYOND = "the stage ends after {} steps: this is the one that would come next"


@dataclass(frozen=True, eq=False)
class Moment:
    """A learner before a step, and whom it asks; steps: over how many its rate falls."""

    learner: rl.Learner
    config: RunConfig
    world: Environment
    objective: Objective
    tokenizer: WordTokenizer
    steps: float | None
    where: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Place:
    """A stage of a run, or of no run, and how many of its steps are done."""

    run: Path | None
    config: RunConfig  # of the run
    stage: str
    done: int
    start: Path  # the checkpoint that the stage began from


def find_moment(name: str, step: int | None) -> Moment:
    """Find the step that a name and a number mean; by default the one after the last saved.

    Raises: UserError for what is no run, was fine-tuned, or has not kept that step.
    """
    place = _of_run(Path(name)) if is_run(Path(name)) else _of_checkpoint(resolve(name))
    if step is not None:
        last = _last_step(place)
        if step > last + 1:
            raise UserError(
                f"--step {step}: {place.stage} of {name} has {last} steps; "
                f"wanted 1 to {last + 1}"
            )
        place = replace(place, done=step - 1)
    return _moment(place, name)


def _of_run(run: Path) -> _Place:
    """The stage and the step of a run's last saved state."""
    config, path = _config(run), run / "state" / "state.safetensors"
    if not path.exists():
        return _Place(run, config, "r1-zero", 0, run / "checkpoints" / "base")
    info = read_info(path)
    stage = str(info["stage"])
    if stage not in STARTS:
        raise UserError(
            f"{run} was last in {stage}, which learns from text and not by rewards; name a "
            f"checkpoint, for example {run}/r1-zero"
        )
    return _Place(run, config, stage, int(info["step"]), _start(run, stage))


def _of_checkpoint(folder: Path) -> _Place:
    """The stage that made a checkpoint and its step, or the stage that begins from it."""
    inside = (
        folder.parent.name == "checkpoints" and (folder.parents[1] / "config.json").exists()
    )
    run = folder.parents[1] if inside else None
    config, known = _config(run) if run else tiny("r1-zero"), read_metadata(folder)
    stage = str(known.get("stage"))
    if run and stage in STARTS:
        return _Place(run, config, stage, int(known["step"]), _start(run, stage))
    begun = {start: stage for stage, start in STARTS.items()}
    return _Place(
        run, config, begun.get(folder.name, "r1-zero") if run else "r1-zero", 0, folder
    )


def _config(run: Path) -> RunConfig:
    """Read a run's settings. Raises: UserError for a real model's."""
    described = read_json(run / "config.json")
    if "config" not in described:
        raise UserError(f"{run / 'config.json'} is not a run's: wanted a run folder")
    try:
        config = read_config(described["config"])
    except UserError as error:
        raise UserError(
            f"{run / 'config.json'}: {error}; explain it with the version that made it"
        ) from error
    if not isinstance(config, RunConfig):
        raise UserError(
            f"{run} trains a real model: explain tells steps of the tiny world only"
        )
    return config


def _start(run: Path, stage: str) -> Path:
    return run / "checkpoints" / STARTS[stage]


def _last_step(place: _Place) -> int:
    """How many steps of a stage its run has made."""
    path = place.run / "metrics.jsonl" if place.run else None
    if path is None or not path.exists():
        return 0
    return max(
        (int(m["step"]) for m in read_lines(path) if m["stage"] == place.stage), default=0
    )


def _moment(place: _Place, name: str) -> Moment:
    params, model, tokenizer = load_checkpoint(place.start)
    require_same_tokenizer(tokenizer, WordTokenizer(), str(place.start), "the tiny world")
    start = Checkpoint(from_numpy(params), model, tokenizer)
    config = rl_settings.SETTINGS[place.stage](replace(place.config, model=model))
    learner, notes = _learner(place, start, config, name)
    world, objective = _asked(place, config, start)
    budget = _budget(place)
    done = rl.progress(learner, config, budget)
    if done >= 1:
        notes = (*notes, BEYOND.format(learner.step))
    fault = _fault(place.run)
    if fault is not None:
        notes = (*notes, fault.told)
    return Moment(
        learner=learner,
        config=config,
        world=world,
        objective=objective,
        tokenizer=tokenizer,
        steps=learner.step / done if budget and done else None,
        where=shorten(name),
        notes=notes,
    )


def _learner(
    place: _Place, start: Checkpoint, config: RunConfig, name: str
) -> tuple[rl.Learner, tuple[str, ...]]:
    """Return the learner as it stood before the step, and what is not as it was."""
    if not place.done:
        return rl.Learner.start(start.params), ()
    state = place.run / "state" / "state.safetensors" if place.run else None
    if state and state.exists() and _at(read_info(state)) == (place.stage, place.done):
        return restored(*read_state(state), start.params), ()
    for done, folder in _kept(place):
        if done == place.done:
            learner = rl.Learner.start(from_numpy(load_checkpoint(folder)[0]))
            known = read_metadata(folder)
            learner.step, learner.flops = done, float(known.get("flops", 0.0))
            if not config.grpo.reference_refresh:
                learner.ref_params = start.params
            return learner, (FRESH,)
    kept = sorted({1, *(done + 1 for done, _ in _kept(place))})
    raise UserError(
        f"--step {place.done + 1}: {name} kept no policy from before it; there are steps "
        f"{', '.join(map(str, kept))}; a run with --set keep_every=1 keeps all"
    )


def _at(info: dict[str, Any]) -> tuple[str, int]:
    return str(info.get("stage")), int(info.get("step", 0))


def _kept(place: _Place) -> Iterator[tuple[int, Path]]:
    """List the checkpoints of a stage, and how many steps each has behind it."""
    if place.run is None:
        return
    for name in checkpoints_in(place.run / "checkpoints"):
        stage, step = _at(read_metadata(place.run / "checkpoints" / name))
        if stage == place.stage:
            yield step, place.run / "checkpoints" / name


def _asked(
    place: _Place, config: RunConfig, start: Checkpoint
) -> tuple[Environment, Objective]:
    """Return the environment and the algorithm that the stage trains with (`training.py`)."""
    judge = None
    if place.stage == "r1" and place.run:
        judge = reward_model.load(place.run / reward_model.STAGE)
    world = resampled(
        TinyWorld(config, start.tokenizer, place.stage, judge), config.grpo.extra_draws
    )
    objective = chosen(config.grpo)
    fault = _fault(place.run)
    if fault is None:
        return world, objective
    return BrokenWorld(fault, world, config, start), fault.objective(objective)


def _fault(run: Path | None) -> Fault | None:
    """Return the bug that was planted in a run (`faults/`), None for a healthy one."""
    if run is None or not (run / FILE).exists():
        return None
    return find(str(read_json(run / FILE)["fault"]))


def _budget(place: _Place) -> float | None:
    """The FLOPs that a stage may use, None where it counts steps."""
    if place.stage != "small-rl" or not place.config.small.matched or place.run is None:
        return None
    return float(read_json(place.run / "results.json")["compute"]["distilled"])
