"""What are the recipes? R1-Zero here: a base model, a verifiable reward, and nothing else.

A recipe is a plain function over a run folder: it improves parameters stage by stage, saves
after every step, measures at the end. Whatever stops it, the same call goes on from the
last saved step and ends with the same bits.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minir1 import evaluate, pretrain, rl
from minir1.backend import from_numpy, to_numpy, xp
from minir1.model_config import ModelConfig
from minir1.runfolder import RunFolder
from minir1.tokenizer import WordTokenizer
from minir1.ui import Dashboard

R1_ZERO = "r1-zero"
SAVE_PRETRAINING = 50  # steps between saved states: they are many and short
WATCHED = 8  # validation questions whose answers are kept all along: the time machine


@dataclass(frozen=True)
class Checkpoint:
    """A model that can be asked."""

    params: dict[str, Any]
    config: ModelConfig
    tokenizer: WordTokenizer


def r1_zero(run: RunFolder, base: Checkpoint, ui: Dashboard) -> dict[str, Any]:
    """Train R1-Zero from a base by pure reinforcement learning, then measure both.

    Returns the contents of results.json.
    """
    learner = reinforce(run, base, R1_ZERO, ui)
    trained = replace(base, params=learner.params)
    _keep(run, R1_ZERO, R1_ZERO, learner, base)
    seconds = {R1_ZERO: learner.seconds}
    results = measure(run, {"base": base, R1_ZERO: trained}, seconds, ui)
    run.write_results(results)
    return results


def reinforce(run: RunFolder, start: Checkpoint, stage: str, ui: Dashboard) -> rl.Learner:
    """Run one stage of reinforcement learning in a run folder, from its last saved step."""
    config = run.config
    learner = _restore(run, stage) or rl.Learner.start(start.params)
    run.truncate_after(stage if learner.step else None, learner.step)
    last = replace(learner)  # parameters are never changed in place, so this is a snapshot
    with _saved_on_interrupt(run, stage, lambda: last):
        for step in rl.train(learner, config, start.tokenizer, stage):
            _record(run, learner, step, start.tokenizer, ui)
            if config.keep_every and learner.step % config.keep_every == 0:
                _keep(run, f"{stage}-step{learner.step}", stage, learner, start)
            last = replace(learner)  # from here on a resumed run begins after this step
            if learner.step % config.save_every == 0 or learner.step == config.grpo.steps:
                _save(run, stage, learner)
    return learner


def _record(
    run: RunFolder, learner: rl.Learner, step: rl.Step, tokenizer: WordTokenizer, ui: Dashboard
) -> None:
    """Write a step to the run's logs and show it."""
    config, metrics = run.config, dict(step.metrics)
    every = config.evaluation.every
    if every and (learner.step % every == 0 or learner.step == config.grpo.steps):
        accuracy, answers = evaluate.validation(learner.params, config, tokenizer, learner.step)
        metrics["validation_accuracy"] = accuracy
        kept = answers[: WATCHED * config.evaluation.validation_samples]
        named = {"stage": metrics["stage"], "step": learner.step}
        run.append_samples([named | answer for answer in kept])
    run.append_metrics(metrics)
    ui.step(metrics)
    shown = int(np.argmax([s.finished for s in step.graded.samples]))
    s = step.graded.samples[shown]
    group = step.graded.rewards.shape[1]
    ui.sample(
        step.graded.questions[shown // group].prompt,
        s.completion,
        float(step.graded.rewards.reshape(-1)[shown]),
        evaluate.is_right(s),
    )


def pretrain_base(run: RunFolder, ui: Dashboard) -> dict[str, Any]:
    """Make the base from nothing, then measure it. Returns the contents of results.json."""
    config, tokenizer = run.config, WordTokenizer()
    learner = _restore(run, pretrain.STAGE) or pretrain.start(config)
    run.truncate_after(pretrain.STAGE if learner.step else None, learner.step)
    last = replace(learner)
    with _saved_on_interrupt(run, pretrain.STAGE, lambda: last):
        for metrics in pretrain.train(learner, config, tokenizer):
            run.append_metrics(metrics)
            ui.step(metrics)
            last = replace(learner)
            if learner.step % SAVE_PRETRAINING == 0 or learner.step == config.pretrain.steps:
                _save(run, pretrain.STAGE, learner)
    run.save_checkpoint(
        "base",
        _arrays(learner.params),
        config.model,
        tokenizer,
        dtype="float16",
        metadata=pretrain.provenance(config, learner),
    )
    made = Checkpoint(learner.params, config.model, tokenizer)
    results = measure(run, {"base": made}, {pretrain.STAGE: learner.seconds}, ui)
    run.write_results(results)
    return results


def measure(
    run: RunFolder, checkpoints: dict[str, Checkpoint], seconds: dict[str, float], ui: Dashboard
) -> dict[str, Any]:
    """Put every checkpoint to the test problems; return the contents of results.json."""
    figures, started = {}, time.perf_counter()
    for name, checkpoint in checkpoints.items():
        problems, samples = run.config.evaluation.problems, run.config.evaluation.samples
        ui.note(f"{name}: answering {problems} test problems, {samples} times each")
        figures[name], _ = evaluate.held_out_figures(
            checkpoint.params, run.config, checkpoint.tokenizer
        )
    seconds = {**seconds, "evaluation": time.perf_counter() - started}
    return {
        "schema": 1,
        "seed": run.config.seed,
        "engine": xp.name,
        "seconds": {**seconds, "total": sum(seconds.values())},
        "checkpoints": figures,
    }


def _arrays(params: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: to_numpy(value) for name, value in params.items()}


def _keep(
    run: RunFolder, name: str, stage: str, learner: rl.Learner, start: Checkpoint
) -> None:
    """Save the policy as a checkpoint of the run."""
    described = {"stage": stage, "seed": run.config.seed, "step": learner.step}
    run.save_checkpoint(
        name, _arrays(learner.params), start.config, start.tokenizer, metadata=described
    )


def _save(run: RunFolder, stage: str, learner: rl.Learner) -> None:
    """Save everything that the next step depends on."""
    groups = {
        "params": learner.params,
        "reference": learner.ref_params,
        "m": learner.optimiser["m"],
        "v": learner.optimiser["v"],
    }
    arrays = {f"{g}/{n}": to_numpy(a) for g, tree in groups.items() for n, a in tree.items()}
    info = {
        "stage": stage,
        "step": learner.step,
        "updates": learner.optimiser["step"],
        "seconds": learner.seconds,
    }
    run.save_state(arrays, info)


def _restore(run: RunFolder, stage: str) -> rl.Learner | None:
    """Return the learner as it was saved, or None if the stage has not begun."""
    state = run.load_state()
    if state is None or state[1]["stage"] != stage:
        return None
    arrays, info = state
    groups: dict[str, dict[str, Any]] = {}
    for key, value in arrays.items():
        group, _, name = key.partition("/")
        groups.setdefault(group, {})[name] = value
    trees = from_numpy(groups)
    optimiser = {"step": info["updates"], "m": trees["m"], "v": trees["v"]}
    return rl.Learner(
        trees["params"], trees["reference"], optimiser, info["step"], info["seconds"]
    )


@contextlib.contextmanager
def _saved_on_interrupt(run: RunFolder, stage: str, last: Any) -> Iterator[None]:
    """On Ctrl-C, or with nowhere left to print to, save the last whole step and pass it on."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, OSError):
        _save(run, stage, last())
        raise
