"""What does each verb do? It reads its inputs, calls one function, and shows the result."""

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from minir1 import backend, evaluate, pipeline
from minir1.backend import from_numpy, xp
from minir1.checkpoint import load_checkpoint, require_same_tokenizer, resolve
from minir1.config import RunConfig, SampleConfig, override, tiny
from minir1.errors import UserError
from minir1.rewards import accuracy
from minir1.rng import generator
from minir1.rollout import sample as draw
from minir1.runfolder import RunFolder
from minir1.storage.files import replace_file, to_json
from minir1.tokenizer import WordTokenizer
from minir1.ui import Dashboard, make_console, print_completion, results_table
from minir1.world.questions import held_out_questions, read_prompt


def load(name: str) -> pipeline.Checkpoint:
    """Read a checkpoint of the tiny world by name or path.

    Raises: UserError if it cannot be read or speaks other words.
    """
    folder = resolve(name)
    params, config, tokenizer = load_checkpoint(folder)
    require_same_tokenizer(tokenizer, WordTokenizer(), str(folder), "the tiny world")
    return pipeline.Checkpoint(from_numpy(params), config, tokenizer)


def train(
    recipe: str,
    seed: int,
    base: str,
    out: str | None,
    backend: str,
    resume: bool,
    settings: Iterable[str],
    quiet: bool,
) -> None:
    """Run a recipe of reinforcement learning, or go on with one."""
    if resume:
        run = _reopen(out, recipe, settings)
        engine = _use(run.config.backend)
        start = load(str(run.checkpoint_path("base")))
    else:
        engine = _use(backend)
        start = load(base)
        config = replace(tiny(recipe, seed), model=start.config)
        config = override(config, [f"backend={engine}", *settings])
        if config.model != start.config:
            raise UserError(f"--set model.…: the shape of the model is that of the base {base}")
        run = RunFolder.create(out, config, engine)
        run.keep_base(resolve(base))
    title = f"R1-Zero · seed {run.config.seed} · {_engine_line(run.config)}"
    with Dashboard(
        title, run.config.grpo.steps, quiet=quiet, history=run.history("r1-zero")
    ) as ui:
        results = _interruptible(run, lambda: pipeline.r1_zero(run, start, ui))
        ui.finish(f"the run is in {run.path}")
    make_console().print(results_table(results))


def pretrain(
    seed: int,
    out: str | None,
    backend: str,
    resume: bool,
    settings: Iterable[str],
    quiet: bool,
) -> None:
    """Make a base from nothing, or go on making one."""
    if resume:
        run = _reopen(out, "pretrain", settings)
        engine = _use(run.config.backend)
    else:
        engine = _use(backend)
        config = override(tiny("pretrain", seed), [f"backend={engine}", *settings])
        run = RunFolder.create(out, config, engine)
    title = f"pretraining · seed {run.config.seed} · {_engine_line(run.config)}"
    with Dashboard(
        title, run.config.pretrain.steps, quiet=quiet, history=run.history("pretrain")
    ) as ui:
        results = _interruptible(run, lambda: pipeline.pretrain_base(run, ui))
        ui.finish(f"the base is in {run.checkpoint_path('base')}")
    make_console().print(results_table(results))


def evaluate_checkpoint(
    checkpoint: str,
    split: str,
    problems: int | None,
    samples: int,
    seed: int,
    backend: str,
    json_file: str | None,
) -> None:
    """Measure a checkpoint on held-out problems."""
    _use(backend)
    loaded = load(checkpoint)
    config = override(
        replace(tiny(seed=seed), model=loaded.config),
        [
            f"evaluation.problems={problems or evaluate.SIZES[split]}",
            f"evaluation.samples={samples}",
        ],
    )
    figures, _ = evaluate.held_out_figures(loaded.params, config, loaded.tokenizer, split)
    results = {
        "schema": 1,
        "seed": seed,
        "engine": xp.name,
        "split": split,
        "checkpoints": {checkpoint: figures},
    }
    console = make_console()
    console.print(results_table(results))
    for place, said in figures["verdict"].items():
        console.print(
            f"verdict, {place.replace('_', ' ')}: P(yes | hit) {said['yes_given_hit']:.2f}, "
            f"P(yes | near miss) {said['yes_given_miss']:.2f}"
        )
    _write_json(json_file, results)


def sample(
    checkpoint: str,
    prompt: str | None,
    count: int,
    temperature: float,
    seed: int,
    backend: str,
) -> None:
    """Print what a checkpoint writes, thinking apart from the answer."""
    _use(backend)
    loaded = load(checkpoint)
    if prompt is None:
        questions = held_out_questions("validation", 250)
        prompt = questions[int(generator(seed, "sample").integers(len(questions)))].prompt
    text, problem = read_prompt(prompt)
    settings = SampleConfig(temperature=temperature)
    tokenizer = loaded.tokenizer
    rollout = draw(
        loaded.params,
        loaded.config,
        [tokenizer.encode(text)],
        count,
        settings,
        (seed, "sample", 0),
        tokenizer.eos_id,
        tokenizer.pad_id,
    )
    console = make_console()
    for i in range(count):
        if i:
            console.print()
        completion, finished = (
            tokenizer.decode(rollout.completion(i)),
            bool(rollout.finished[i]),
        )
        right = None if problem is None else accuracy(problem, completion, finished) > 0
        print_completion(
            console, text, completion, right, "" if finished else "cut off before its end"
        )


def bench(checkpoint: str, threads: int, json_file: str | None) -> None:
    """Measure speed."""
    from minir1 import bench as measured

    figures = measured.run(checkpoint, threads=threads)
    make_console().print(measured.table(figures))
    _write_json(json_file, figures)


def _use(name: str) -> str:
    return backend.use(name)


def _engine_line(config: RunConfig) -> str:
    threads = config.threads or backend.cores()
    return f"{xp.name} · {threads} threads" if xp.name == "numpy" else xp.name


def _reopen(out: str | None, recipe: str, settings: Iterable[str]) -> RunFolder:
    """Open a run to go on with: the one named, or the last of this recipe."""
    if list(settings):
        raise UserError("--resume goes on with the settings of the run: leave --set out")
    if out is None:
        runs = sorted(Path("runs").glob(f"{recipe}-seed*"), key=lambda p: p.stat().st_mtime)
        if not runs:
            raise UserError("there is no run in runs/ to resume; give its folder with --out")
        out = str(runs[-1])
    run = RunFolder.resume(out)
    if run.config.recipe != recipe:
        verb = "pretrain" if run.config.recipe == "pretrain" else "train"
        raise UserError(
            f"{out} is a run of {run.config.recipe}; type: minir1 {verb} --tiny --out {out} "
            "--resume"
        )
    return run


def _interruptible(run: RunFolder, work: Any) -> Any:
    """Do the work of a run; on Ctrl-C say what is saved and how to go on."""
    try:
        return work()
    except KeyboardInterrupt:
        print(
            f"minir1: stopped; saved at {run.saved or 'the start'}; go on with: "
            f"{run.resume_command}",
            file=sys.stderr,
        )
        raise


def _write_json(path: str | None, value: dict[str, Any]) -> None:
    if path is not None:
        replace_file(Path(path), (to_json(value, indent=2) + "\n").encode())
