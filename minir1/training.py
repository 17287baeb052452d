"""How does a stage run so that nothing of it can be lost? Step, record, save, go on.

One stage of any kind under a run folder: it goes on from its last saved step, saves after
every step or every few, and on Ctrl-C saves the last whole one. What a step does is in
`rl.py`, `finetune.py`, `reward_model.py` and `pretrain.py`; which stages there are, in
`pipeline.py`.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minir1 import evaluate, finetune, pretrain, reward_model, rl, timemachine
from minir1.answers import Judge, Solution
from minir1.backend import from_numpy, to_numpy
from minir1.config import RunConfig
from minir1.datasets import Checkpoint, Dataset
from minir1.environment import TinyWorld
from minir1.faults.planted import plant
from minir1.objectives import chosen
from minir1.policy import DecoderPolicy
from minir1.preference import Pair
from minir1.resampling import resampled
from minir1.runfolder import RunFolder
from minir1.stage_config import FineTuneConfig
from minir1.tokenizer import WordTokenizer
from minir1.ui import Dashboard

SAVE_PRETRAINING = 50  # steps between saved states: they are many and short
SAVE_FINE_TUNING = 20


@dataclass(frozen=True)
class Stage:
    """One stage of a run: its name, where it stands in the run, and who watches."""

    run: RunFolder
    name: str
    done: tuple[str, ...]  # the stages before it, all finished
    ui: Dashboard


def reinforce(
    stage: Stage,
    start: Checkpoint,
    config: RunConfig,
    judge: Judge | None = None,
    budget: float | None = None,
) -> rl.Learner:
    """Run one stage of reinforcement learning."""
    run, name = stage.run, stage.name

    def record(learner: rl.Learner, step: rl.Step) -> None:
        last = rl.progress(learner, config, budget) >= 1
        _record(stage, learner, step, start.tokenizer, config, last)
        if config.keep_every and learner.step % config.keep_every == 0:
            keep(run, f"{name}-step{learner.step}", name, learner, start)

    def steps(learner: rl.Learner) -> Iterator[rl.Step]:
        if not learner.step:
            look = timemachine.look(learner.params, config, start.tokenizer, name, 0)
            run.append_samples(look)
        asked = TinyWorld(config, start.tokenizer, name, judge)
        real = resampled(asked, config.grpo.extra_draws), chosen(config.grpo)
        world, objective = plant(run, *real, config, start)
        yield from rl.train(learner, config, world, budget, objective)

    total = config.grpo.steps if budget is None else 0
    return follow(stage, start.params, steps, record, total, config.save_every)


def fine_tune(
    stage: Stage,
    start: Checkpoint,
    config: RunConfig,
    settings: FineTuneConfig,
    data: Dataset,
) -> rl.Learner:
    """Run one stage of supervised fine-tuning; what its data took counts as its own."""

    def steps(learner: rl.Learner) -> Iterator[dict[str, Any]]:
        if not learner.step:
            learner.seconds, learner.flops = data.seconds, data.flops
        policy, pad_id = DecoderPolicy(config.model), start.tokenizer.pad_id
        texts = finetune.as_texts(data.documents, start.tokenizer)
        yield from finetune.train(learner, config, settings, policy, texts, pad_id, stage.name)

    total = finetune.steps_of(settings, len(data.documents))
    return follow(stage, start.params, steps, _show(stage), total, SAVE_FINE_TUNING)


def fit_judge(
    stage: Stage,
    start: Checkpoint,
    config: RunConfig,
    pairs: Sequence[Pair],
    before: float = 0.0,
) -> rl.Learner:
    """Train the reward model; `before` are the seconds that it took to make its pairs."""

    def steps(learner: rl.Learner) -> Iterator[dict[str, Any]]:
        if not learner.step:
            learner.seconds = before
        yield from reward_model.train(learner, config, start.tokenizer, pairs)

    fresh = reward_model.start(start.params, start.config, config.seed)
    total = config.preference.epochs * -(-len(pairs) // config.preference.batch)
    return follow(stage, fresh.params, steps, _show(stage), total, SAVE_FINE_TUNING)


def make_base(stage: Stage, config: RunConfig, tokenizer: WordTokenizer) -> rl.Learner:
    """Pretrain a model from nothing."""

    def steps(learner: rl.Learner) -> Iterator[dict[str, Any]]:
        yield from pretrain.train(learner, config, tokenizer)

    total = config.pretrain.steps
    fresh = pretrain.start(config).params
    return follow(stage, fresh, steps, _show(stage), total, SAVE_PRETRAINING)


def keep(
    run: RunFolder, name: str, stage: str, learner: rl.Learner, start: Checkpoint
) -> Checkpoint:
    """Save the policy as a checkpoint of the run."""
    described = {
        "stage": stage,
        "seed": run.config.seed,
        "step": learner.step,
        "seconds": learner.seconds,
        "flops": learner.flops,
    }
    arrays = {name: to_numpy(value) for name, value in learner.params.items()}
    run.save_checkpoint(name, arrays, start.config, start.tokenizer, metadata=described)
    return replace(start, params=learner.params)


def follow(
    stage: Stage,
    params: dict[str, Any],
    train: Callable[[rl.Learner], Iterable[Any]],
    record: Callable[[rl.Learner, Any], None],
    total: int,
    every: int,
) -> rl.Learner:
    """Run a stage from its last saved step to its end."""
    run, name = stage.run, stage.name
    learner = _restore(run, name, params) or rl.Learner.start(params)
    run.rewind(stage.done, name, learner.step or -1)  # a look at step 0 is taken again
    stage.ui.stage(name, total, [m for m in run.metrics() if m["stage"] == name])
    last = replace(learner)  # parameters are never changed in place, so this is a snapshot
    with _saved_on_interrupt(lambda: _save(run, name, last, params)):
        for step in train(learner):
            record(learner, step)
            last = replace(learner)  # from here on a resumed run begins after this step
            if learner.step % every == 0:
                _save(run, name, learner, params)
        _save(run, name, learner, params)
    return learner


def _show(stage: Stage) -> Callable[[rl.Learner, dict[str, Any]], None]:
    def record(_: rl.Learner, metrics: dict[str, Any]) -> None:
        stage.run.append_metrics(metrics)
        stage.ui.step(metrics)

    return record


def _record(
    stage: Stage,
    learner: rl.Learner,
    step: rl.Step,
    tokenizer: WordTokenizer,
    config: RunConfig,
    last: bool,
) -> None:
    """Write a step to the run's logs and show it."""
    metrics = dict(step.metrics)
    every = config.evaluation.every
    if every and (learner.step % every == 0 or last):
        looked = (learner.params, config, tokenizer, stage.name, learner.step)
        metrics["validation_accuracy"] = evaluate.validation(*looked)
        stage.run.append_samples(timemachine.look(*looked))
    stage.run.append_metrics(metrics)
    stage.ui.step(metrics)
    problems = [i for i, s in enumerate(step.graded.samples) if isinstance(s, Solution)]
    ended = [i for i in problems if step.graded.samples[i].finished]
    shown = (ended or problems)[0]
    s = step.graded.samples[shown]
    stage.ui.sample(
        step.graded.questions[shown // config.grpo.group].prompt,
        s.completion,
        float(step.graded.rewards.reshape(-1)[shown]),
        isinstance(s, Solution) and evaluate.is_right(s),
    )


def _save(run: RunFolder, stage: str, learner: rl.Learner, start: dict[str, Any]) -> None:
    """Save everything that the next step depends on.

    A reference that is still the start of the stage is not saved: it is known.
    """
    groups = {
        "params": learner.params,
        "reference": {} if learner.ref_params is start else learner.ref_params,
        "m": learner.optimiser["m"],
        "v": learner.optimiser["v"],
    }
    arrays = {f"{g}/{n}": to_numpy(a) for g, tree in groups.items() for n, a in tree.items()}
    info = {
        "stage": stage,
        "step": learner.step,
        "updates": learner.optimiser["step"],
        "seconds": learner.seconds,
        "flops": learner.flops,
    }
    run.save_state(arrays, info)


def _restore(run: RunFolder, stage: str, start: dict[str, Any]) -> rl.Learner | None:
    """Return the learner as it was saved, or None if the stage has not begun."""
    state = run.load_state()
    if state is None or state[1]["stage"] != stage:
        return None
    return restored(*state, start)


def restored(
    arrays: Mapping[str, np.ndarray], info: Mapping[str, Any], start: dict[str, Any]
) -> rl.Learner:
    """Return the learner of a saved state; start: the parameters that its stage began with."""
    groups: dict[str, dict[str, Any]] = {}
    for key, value in arrays.items():
        group, _, name = key.partition("/")
        groups.setdefault(group, {})[name] = value
    trees = from_numpy(groups)
    optimiser = {"step": info["updates"], "m": trees["m"], "v": trees["v"]}
    return rl.Learner(
        trees["params"],
        trees.get("reference", start),
        optimiser,
        info["step"],
        info["seconds"],
        info["flops"],
    )


@contextlib.contextmanager
def _saved_on_interrupt(save: Callable[[], None]) -> Iterator[None]:
    """On Ctrl-C, or with nowhere left to print to, save the last whole step and pass it on."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, OSError):
        save()
        raise
