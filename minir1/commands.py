"""What does each verb that fills a run folder do? train, pretrain, report."""

import contextlib
import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from minir1 import __version__, backend, memory, pipeline, sinks
from minir1.backend import xp
from minir1.branch import require_same_base, take_over
from minir1.checkpoint import resolve
from minir1.checkpoint_commands import load
from minir1.config import RunConfig, override, tiny
from minir1.errors import UserError
from minir1.faults.catalogue import find
from minir1.faults.fault import Fault
from minir1.faults.planted import fault_of, keep_fault
from minir1.real_config import RealConfig, real
from minir1.real_models import Prepared, heading, prepare, where, where_task
from minir1.real_run import RECIPES, run_real
from minir1.real_stages import RealStage
from minir1.runfolder import RunFolder
from minir1.shared_run import joined, open_run
from minir1.storage.files import read_json
from minir1.storage.resolve import RUNS, is_run, neighbour
from minir1.team import ALONE, Team, open_team, require_alone
from minir1.ui import Dashboard, make_console, results_table

C = TypeVar("C", RunConfig, RealConfig)
NO_OUTPUT = (OSError, SystemExit)  # the latter is rich's word for a pipe that nobody reads
LABELS = {"r1-zero": "R1-Zero", "r1": "R1", "all": "R1 and its students"}


def train(
    recipe: str,
    seed: int,
    base: str,
    out: str | None,
    backend: str,
    resume: bool,
    settings: Iterable[str],
    quiet: bool,
    origin: str | None = None,
    report_to: Sequence[str] = (),
    inject: str | None = None,
) -> None:
    """Run a recipe, or go on with one; then write its report. inject: see `faults/`."""
    modules = sinks.require(report_to)
    if resume:
        with open_team() as team:
            run = open_run(team, partial(_reopen, out, LABELS))
            _use(run.config.backend)
            if isinstance(run.config, RealConfig):
                train_real(run, quiet, None, team, modules)
                return
        require_alone()
        start = load(str(_kept_base(run)))
    else:
        require_alone()
        fault = None if inject is None else find(inject)
        engine = _use(backend)
        _require_run(origin)
        start = load(base)
        chosen = (*fault.settings, *settings) if fault else settings
        config = _settle(replace(tiny(recipe, seed), model=start.config), engine, chosen)
        if config.model != start.config:
            raise UserError(f"--set model.…: the shape of the model is that of the base {base}")
        if origin is not None:
            require_same_base(origin, resolve(base))
        run = RunFolder.create(out, config, engine, base)
        _furnish(run, base, origin, fault)
    _say_fault(run)
    sinks.attach(run, modules)
    _show(
        run,
        LABELS[run.config.recipe],
        pipeline.RECIPES[run.config.recipe],
        lambda ui: pipeline.run_recipe(run, start, ui),
        lambda: f"the run is in {run.path}",
        quiet,
    )
    report(str(run.path))


def _furnish(run: RunFolder, base: str, origin: str | None, fault: Fault | None) -> None:
    """Put into a new run what its stages need: its fault, its base, what it takes over."""
    if fault:
        keep_fault(run, fault)
    run.keep_base(resolve(base))
    if origin is not None:
        taken = ", ".join(take_over(run, origin)) or "nothing: its settings differ"
        make_console(stderr=True).print(f"taken over from {origin}: {taken}", markup=False)


def _say_fault(run: RunFolder) -> None:
    if fault := fault_of(run):
        print(f"minir1: {fault.told}", file=sys.stderr)


def start_real(
    model: str,
    task: str,
    recipe: str,
    seed: int,
    tune: str,
    out: str | None,
    backend: str,
    settings: Iterable[str],
    quiet: bool,
    report_to: Sequence[str] = (),
) -> None:
    """Train a real model on a task, in a new run; with all ranks that mlx.launch started."""
    modules = sinks.require(report_to)
    engine = _use(backend)
    start = real(where(model), where_task(task), seed, tune, recipe)
    config = _settle(start, engine, settings)
    for name in ("model", "task", "tune"):
        if getattr(config, name) != getattr(start, name):
            raise UserError(f"--set {name}=…: type --{name} instead")
    with open_team() as team:
        team.require_same("settings", json.dumps([__version__, config.to_dict()]))
        made = prepare(config)
        created = partial(RunFolder.create, out, config, engine, model)
        train_real(open_run(team, created), quiet, made, team, modules)


def train_real(
    run: RunFolder,
    quiet: bool,
    made: Prepared | None = None,
    team: Team = ALONE,
    modules: Mapping[str, Any] | None = None,
) -> None:
    """Carry a real model's run to its end; then write its report."""
    model, task = made or prepare(run.config)
    model = joined(team, model)
    if team.rank:
        silent = Dashboard("", quiet=True)
        run_real(RealStage(run, model, task, silent, run.config))
        return
    sinks.attach(run, modules or {})
    for line in heading(run.config, model, task):
        if not quiet:
            make_console(stderr=True).print(line, markup=False, highlight=False)
    _show(
        run,
        f"{LABELS[run.config.recipe]} · {run.config.title}{team}",
        RECIPES[run.config.recipe],
        lambda ui: run_real(RealStage(run, model, task, ui, run.config)),
        lambda: f"the run is in {run.path}; it held {memory.gigabytes(memory.peak())} at most",
        quiet,
    )
    report(str(run.path))


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
        run = _reopen(out, ["pretrain"])
        _use(run.config.backend)
    else:
        engine = _use(backend)
        config = _settle(tiny("pretrain", seed), engine, settings)
        run = RunFolder.create(out, config, engine)
    _show(
        run,
        "pretraining",
        (),
        lambda ui: pipeline.pretrain_base(run, ui),
        lambda: f"the base is in {run.checkpoint_path('base')}",
        quiet,
    )


def report(run: str | None) -> None:
    """Write what a run did on one page, and say where it is."""
    from minir1.report import write_report

    _require_run(run)
    folder = Path(run) if run is not None else _last(RUNS.glob("*"))
    if folder is None:
        raise UserError("there is no run in runs/ to report on; give its folder")
    make_console().print(f"the report is {write_report(folder)}", soft_wrap=True, markup=False)


def _require_run(path: str | None) -> None:
    """Refuse what is no run's folder, and guess which one was meant."""
    if path is not None and not is_run(Path(path)):
        near = neighbour(Path(path))
        raise UserError(f"{path} is no run{f'; did you mean {near}?' if near else ''}")


def _show(
    run: RunFolder,
    label: str,
    stages: tuple[str, ...],
    recipe: Callable[[Dashboard], dict[str, Any]],
    ending: Callable[[], str],
    quiet: bool,
) -> None:
    """Run a recipe under the dashboard, then print its table."""
    title = f"{label} · seed {run.config.seed} · {_engine_line(run.config)}"
    kind = run.config.reward.kind
    title += "" if kind == "rule" else f" · reward.kind={kind}"
    with sinks.closed_after(run), Dashboard(title, quiet=quiet, stages=stages) as ui:
        results = _interruptible(run, lambda: recipe(ui))
        ui.finish(ending())
    make_console().print(results_table(results))


def _use(name: str) -> str:
    return backend.use(name)


def _engine_line(config: RunConfig | RealConfig) -> str:
    threads = config.threads or backend.cores()
    return (
        f"{xp.name} · {threads} thread{'s' * (threads > 1)}" if xp.name == "numpy" else xp.name
    )


def _settle(start: C, engine: str, settings: Iterable[str]) -> C:
    """Apply --set to a run's configuration, but for what the verb itself decides."""
    start = override(start, [f"backend={engine}"])
    config = override(start, settings)
    if config.recipe != start.recipe:
        raise UserError(f"--set recipe={config.recipe}: this verb runs {start.recipe}")
    if config.backend != start.backend:
        raise UserError(f"--set backend={config.backend}: type --backend {config.backend}")
    return config


def _reopen(out: str | None, recipes: Collection[str]) -> RunFolder:
    """Open a run to go on with: the one named, or the last of these recipes."""
    if out is None:
        last = _last(folder for folder in RUNS.glob("*") if _recipe(folder) in recipes)
        if last is None:
            raise UserError("there is no run in runs/ to resume; give its folder with --out")
        out = str(last)
    run = RunFolder.resume(out)
    if run.config.recipe not in recipes:
        raise UserError(f"{out} is a run of {run.config.recipe}; type: {run.resume_command}")
    return run


def _recipe(folder: Path) -> str:
    """Return the recipe of a run, "" if this is none that can be read."""
    with contextlib.suppress(UserError):
        return str(read_json(folder / "config.json").get("recipe"))
    return ""


def _last(folders: Iterable[Path]) -> Path | None:
    """Return the run that was written to last."""
    runs = [folder for folder in folders if is_run(folder)]
    return max(runs, key=lambda run: run.stat().st_mtime, default=None)


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
