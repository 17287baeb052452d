"""Where else do a run's numbers go? To TensorBoard, W&B or trackio, line by line.

`metrics.jsonl` is the record; these are copies of it for those who watch many runs at once. A
resumed run goes on where it stopped: a step that was sent before is not sent again. A sink
that fails is left out with one warning: it never costs a run.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from minir1.errors import UserError, shorten

if TYPE_CHECKING:
    from minir1.runfolder import RunFolder

PROJECT = "minir1"
PACKAGES = {  # the modules that do, in order of preference; the first is what to install
    "tensorboard": ("tensorboardX", "torch.utils.tensorboard"),
    "wandb": ("wandb",),
    "trackio": ("trackio",),
}


class Sink(Protocol):
    """What takes the numbers of one step, and is closed when the run ends."""

    def log(self, stage: str, step: int, values: Mapping[str, float]) -> None: ...
    def close(self) -> None: ...


class TensorBoard:
    """Event files in RUN/tensorboard: `tensorboard --logdir RUN`."""

    def __init__(self, module: Any, run: RunFolder):
        self._writer = module.SummaryWriter(str(run.path / "tensorboard"))

    def log(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Write one point of every curve."""
        for name, value in values.items():
            self._writer.add_scalar(f"{stage}/{name}", value, step)
        self._writer.flush()

    def close(self) -> None:
        """End the file."""
        self._writer.close()


class WandB:
    """A run of W&B; a resumed run goes on in the same one. WANDB_MODE=offline stays here."""

    def __init__(self, module: Any, run: RunFolder):
        self._run = module.init(
            project=PROJECT,
            name=run.path.resolve().name,
            id=lasting_name(run),
            resume="allow",
            dir=str(run.path),
            config=run.config.to_dict(),
        )

    def log(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Send one point of every curve; each stage has an axis of its own."""
        axis = f"{stage}/step"
        self._run.define_metric(f"{stage}/*", step_metric=axis)
        self._run.log({axis: step, **{f"{stage}/{n}": v for n, v in values.items()}})

    def close(self) -> None:
        """Send what is left and end the run."""
        self._run.finish()


class Trackio:
    """A run of trackio, on this machine: `trackio show --project minir1`."""

    def __init__(self, module: Any, run: RunFolder):
        self._run = module.init(
            project=PROJECT,
            name=lasting_name(run),
            resume="allow",
            config=run.config.to_dict(),
            embed=False,
        )

    def log(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Send one point of every curve."""
        self._run.log({f"{stage}/{n}": v for n, v in values.items()}, step=step)

    def close(self) -> None:
        """Send what is left and end the run."""
        self._run.finish()


KINDS: dict[str, Callable[[Any, RunFolder], Sink]] = {
    "tensorboard": TensorBoard,
    "wandb": WandB,
    "trackio": Trackio,
}


class Reporter:
    """Hands a run's metrics to sinks, each step once."""

    def __init__(self, sinks: Mapping[str, Sink], before: Iterable[Mapping[str, Any]] = ()):
        self._sinks = dict(sinks)
        self._sent: dict[str, int] = {}  # stage -> the last step that went out
        for line in before:
            self._is_new(line)

    def __call__(self, metrics: Mapping[str, Any]) -> None:
        """Take one line of metrics.jsonl."""
        if self._is_new(metrics):
            stage, step = str(metrics["stage"]), int(metrics["step"])
            values = dict(numbers(metrics))
            self._with_each(lambda sink: sink.log(stage, step, values))

    def close(self) -> None:
        """End every sink."""
        self._with_each(lambda sink: sink.close())
        self._sinks.clear()

    def _is_new(self, line: Mapping[str, Any]) -> bool:
        stage, step = str(line["stage"]), int(line["step"])
        if step <= self._sent.get(stage, -1):
            return False
        self._sent[stage] = step
        return True

    def _with_each(self, act: Callable[[Sink], None]) -> None:
        """Let every sink do something; one that fails is left out from there on."""
        for name, sink in list(self._sinks.items()):
            try:
                act(sink)
            except Exception as error:  # network, disk, a service's own faults
                del self._sinks[name]
                why = shorten(error, 160) or type(error).__name__
                print(
                    f"minir1: {name} takes no more metrics ({why}); the run goes on, and "
                    "metrics.jsonl has them all",
                    file=sys.stderr,
                )


def numbers(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """List the numbers of a line; those inside an object are named OBJECT/NUMBER."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from numbers(value, f"{prefix}{name}/")
        elif prefix or name not in ("stage", "step"):
            yield prefix + name, float(value)


def lasting_name(run: RunFolder) -> str:
    """Name a run the same whenever it is resumed, and unlike any other on this machine."""
    path = run.path.resolve()
    made = (path / "config.json").stat().st_mtime_ns
    digest = hashlib.blake2b(f"{path} {made}".encode(), digest_size=4).hexdigest()
    return f"{path.name}-{digest}"


def require(names: Iterable[str]) -> dict[str, Any]:
    """Import what the sinks need, before the run begins.

    Raises: UserError for what is not installed.
    """
    return {name: _module(name) for name in names}


def _module(name: str) -> Any:
    for package in PACKAGES[name]:
        try:
            return importlib.import_module(package)
        except ImportError:
            continue
    raise UserError(f"--report-to {name}: not installed; type: pip install {PACKAGES[name][0]}")


def attach(run: RunFolder, modules: Mapping[str, Any]) -> None:
    """Let sinks listen to a run's metrics.

    Raises: UserError where one refuses to begin: it is the user who asked for it.
    """
    opened: dict[str, Sink] = {}
    for name, module in modules.items():
        try:
            opened[name] = KINDS[name](module, run)
        except Exception as error:
            why = shorten(error, 160) or type(error).__name__
            raise UserError(
                f"--report-to {name}: {why}; put that right, or leave it out"
            ) from error
    if opened:
        run.listeners.append(Reporter(opened, run.metrics()))


@contextmanager
def closed_after(run: RunFolder) -> Iterator[None]:
    """End what listens to a run when the run ends, however it ends."""
    try:
        yield
    finally:
        for listener in run.listeners:
            listener.close()
