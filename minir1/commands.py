"""What does each verb do? It reads its inputs, calls one function, and shows the result."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from minir1 import backend, evaluate, pipeline
from minir1.backend import from_numpy, xp
from minir1.checkpoint import load_checkpoint, require_same_tokenizer, resolve
from minir1.config import (
    EvalConfig,
    ModelConfig,
    RunConfig,
    SampleConfig,
    override,
    tiny,
)
from minir1.errors import UserError
from minir1.pretrain import STAGE
from minir1.rewards import accuracy
from minir1.rng import generator
from minir1.rollout import sample as draw
from minir1.runfolder import RunFolder
from minir1.storage.files import replace_file, to_json
from minir1.tokenizer import WordTokenizer
from minir1.ui import Dashboard, make_console, print_completion, results_table
from minir1.world.questions import PROMPT_TOKENS, held_out_questions, read_prompt

NO_OUTPUT = (OSError, SystemExit)  # the latter is rich's word for a pipe that nobody reads


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
        run = _reopen(out, recipe)
        _use(run.config.backend)
        start = load(str(_kept_base(run)))
    else:
        engine = _use(backend)
        start = load(base)
        config = _settle(replace(tiny(recipe, seed), model=start.config), engine, settings)
        if config.model != start.config:
            raise UserError(f"--set model.…: the shape of the model is that of the base {base}")
        run = RunFolder.create(out, config, engine)
        run.keep_base(resolve(base))
    _show(
        run,
        "R1-Zero",
        run.config.recipe,
        run.config.grpo.steps,
        lambda ui: pipeline.run_recipe(run, start, ui),
        f"the run is in {run.path}",
        quiet,
    )


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
        run = _reopen(out, "pretrain")
        _use(run.config.backend)
    else:
        engine = _use(backend)
        config = _settle(tiny("pretrain", seed), engine, settings)
        run = RunFolder.create(out, config, engine)
    _show(
        run,
        "pretraining",
        STAGE,
        run.config.pretrain.steps,
        lambda ui: pipeline.pretrain_base(run, ui),
        f"the base is in {run.checkpoint_path('base')}",
        quiet,
    )


def _show(
    run: RunFolder,
    label: str,
    stage: str,
    steps: int,
    recipe: Callable[[Dashboard], dict[str, Any]],
    ending: str,
    quiet: bool,
) -> None:
    """Run a recipe under the dashboard, then print its table."""
    title = f"{label} · seed {run.config.seed} · {_engine_line(run.config)}"
    with Dashboard(title, steps, quiet=quiet) as ui:
        results = _interruptible(run, lambda: recipe(ui))
        ui.finish(ending)
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
    there_are = evaluate.SIZES[split]
    if problems and problems > there_are:
        raise UserError(f"--problems {problems}: the {split} split has {there_are}")
    _require_place(json_file)
    _use(backend)
    loaded = load(checkpoint)
    config = replace(
        tiny(seed=seed),
        model=loaded.config,
        sample=_room(loaded.config, PROMPT_TOKENS),
        evaluation=EvalConfig(problems=problems or there_are, samples=samples),
    )
    make_console(stderr=True).print(
        f"answering {config.evaluation.problems} {split} problems, {samples} times each",
        style="baseline",
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
    tokenizer = loaded.tokenizer
    tokens = tokenizer.encode(text)
    rollout = draw(
        loaded.params,
        loaded.config,
        [tokens],
        count,
        _room(loaded.config, len(tokens), temperature),
        (seed, "sample", 0),
        tokenizer.eos_id,
        tokenizer.pad_id,
    )
    console = make_console()
    for i in range(count):
        if i:
            console.print()
        completion = tokenizer.decode(rollout.completion(i))
        finished = bool(rollout.finished[i])
        right = None if problem is None else accuracy(problem, completion, finished) > 0
        print_completion(
            console, text, completion, right, "" if finished else "cut off before its end"
        )


def bench(checkpoint: str, threads: int, json_file: str | None) -> None:
    """Measure speed."""
    from minir1 import bench as measured

    _require_place(json_file)
    figures = measured.run(checkpoint, threads=threads)
    make_console().print(measured.table(figures))
    _write_json(json_file, figures)


def _use(name: str) -> str:
    return backend.use(name)


def _engine_line(config: RunConfig) -> str:
    threads = config.threads or backend.cores()
    return (
        f"{xp.name} · {threads} thread{'s' * (threads > 1)}" if xp.name == "numpy" else xp.name
    )


def _settle(start: RunConfig, engine: str, settings: Iterable[str]) -> RunConfig:
    """Apply --set to a run's configuration, but for what the verb itself decides."""
    start = override(start, [f"backend={engine}"])
    config = override(start, settings)
    if config.recipe != start.recipe:
        raise UserError(f"--set recipe={config.recipe}: this verb runs {start.recipe}")
    if config.backend != start.backend:
        raise UserError(f"--set backend={config.backend}: type --backend {config.backend}")
    return config


def _room(config: ModelConfig, prompt_tokens: int, temperature: float = 1.0) -> SampleConfig:
    """Let a completion be as long as in training, within what the model can read."""
    left = config.max_position_embeddings - prompt_tokens
    if left < 1:
        raise UserError(
            f"the prompt has {prompt_tokens} words with its frame, and this model reads "
            f"{config.max_position_embeddings}: write a shorter one"
        )
    return SampleConfig(
        max_tokens=min(SampleConfig().max_tokens, left), temperature=temperature
    )


def _reopen(out: str | None, recipe: str) -> RunFolder:
    """Open a run to go on with: the one named, or the last of this recipe."""
    if out is None:
        runs = sorted(Path("runs").glob(f"{recipe}-seed*"), key=lambda p: p.stat().st_mtime)
        if not runs:
            raise UserError("there is no run in runs/ to resume; give its folder with --out")
        out = str(runs[-1])
    run = RunFolder.resume(out)
    if run.config.recipe != recipe:
        raise UserError(f"{out} is a run of {run.config.recipe}; type: {run.resume_command}")
    return run


def _kept_base(run: RunFolder) -> Path:
    """Return the copy of the base that a run trains from."""
    base = run.checkpoint_path("base")
    if run.saved is None and not base.exists():
        raise UserError(
            f"{run.path} was stopped before it had copied its base: delete it and start again "
            "without --resume"
        )
    return base


def _interruptible(run: RunFolder, work: Any) -> Any:
    """Do the work of a run; where it is stopped say what is saved and how to go on."""
    try:
        return work()
    except (KeyboardInterrupt, *NO_OUTPUT) as error:
        said = f"saved at {run.saved or 'the start'}; go on with: {run.resume_command}"
        if isinstance(error, NO_OUTPUT):
            why = getattr(error, "strerror", None) or "nobody reads the output"
            raise UserError(f"stopped: {why}; {said}") from error
        print(f"minir1: stopped; {said}", file=sys.stderr)
        raise


def _require_place(path: str | None) -> None:
    """Refuse a file that cannot be written, before the work that it is to hold."""
    if path is not None and (Path(path).is_dir() or not Path(path).absolute().parent.is_dir()):
        raise UserError(f"--json {path}: wanted a file in a folder that exists")


def _write_json(path: str | None, value: dict[str, Any]) -> None:
    if path is not None:
        replace_file(Path(path), (to_json(value, indent=2) + "\n").encode())
