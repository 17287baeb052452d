"""What does a person at the terminal see of a run?

The dashboard that lives while a model trains, and plain lines where there is no terminal.
What goes on the screen is drawn by `screen.panels`, made harmless by `screen.terminal`. No
metric is computed here.
"""

import io
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from itertools import zip_longest
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from minir1.screen.panels import View, frame
from minir1.screen.picture import dashboard_svg
from minir1.screen.plots import clock, figure_value
from minir1.screen.tables import results_table
from minir1.screen.terminal import Sample, clean, make_console, print_completion, theme

__all__ = [
    "Dashboard",
    "Sample",
    "View",
    "dashboard_svg",
    "make_console",
    "print_completion",
    "results_table",
]

REFRESHES_PER_SECOND = 4
LONGEST_HISTORY = 512  # rows kept for the curves, more than a screen has dots
STEPS_FOR_ESTIMATE = 8  # the time left is told from the last steps, as they grow longer
TOLD = 8  # numbers of a plain line, the first of these that the step has
TELLING = (
    "seconds",
    "accuracy",
    "validation_accuracy",
    "loss",
    "pair_accuracy",
    "preference_reward",
    "gold_utility",
    "reward",
    "completion_tokens",
    "reflections",
    "general_good",
    "language_consistency",
    "format_rate",
    "entropy",
    "grad_norm",
    "learning_rate",
)


class Dashboard:
    """Show a run while it trains: `with Dashboard(...) as ui`, then `ui.step(metrics)`.

    On a terminal it draws a full screen, and leaves its last picture behind; elsewhere it
    prints a line a step, of name=value; with `quiet` nothing but the summary. `history` are the
    metrics of steps done before, when a run is resumed. A recipe of many stages names them in
    `stages`, calls `ui.stage` where one begins and `ui.measured` where a checkpoint has its
    figures. While the screen is up, what others print is kept as notes and printed
    afterwards. The terminal is restored however it ends.
    """

    def __init__(
        self,
        title: str,
        total_steps: int = 0,
        console: Console | None = None,
        quiet: bool = False,
        history: Sequence[Mapping[str, object]] = (),
        stages: Sequence[str] = (),
    ) -> None:
        self.title, self.quiet = title, quiet
        self._stages, self._stage = tuple(stages), ""
        self._measured: dict[str, Mapping[str, object]] = {}
        self.console = make_console() if console is None else console
        self.live = (
            not quiet
            and self.console.is_interactive
            and not self.console.is_dumb_terminal
            and self.console.encoding.startswith("utf")
        )
        self._notes: deque[str] = deque(maxlen=200)
        self._screen = ExitStack()  # what must be undone to leave the full screen
        self._theme = ExitStack()
        self._begun = time.monotonic()
        self._begin(total_steps, history)

    def _begin(self, total_steps: int, history: Sequence[Mapping[str, object]]) -> None:
        """Start the curves, the clock and the estimate anew."""
        self.total_steps, self._done = total_steps, len(history)
        self._history = list(history)
        self._before = figure_value(history[-1].get("seconds")) or 0.0 if history else 0.0
        self._sample: Sample | None = None
        self._start = time.monotonic()
        self._ticks = deque([self._start], maxlen=STEPS_FOR_ESTIMATE + 1)

    def __enter__(self) -> "Dashboard":
        self._begun = self._start = time.monotonic()
        self._ticks[0] = self._start
        self._theme.enter_context(self.console.use_theme(theme(self.console.color_system)))
        if self.live:
            out, err = _Overheard(self.note, sys.stdout), _Overheard(self.note, sys.stderr)
            self._screen.callback(out.end)
            self._screen.callback(err.end)
            with ExitStack() as undone:  # a fault in here must not leave stderr silent
                undone.push(self._screen)
                self._screen.enter_context(redirect_stdout(out))
                self._screen.enter_context(redirect_stderr(err))
                self._screen.enter_context(self._live()).refresh()
                undone.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._leave_screen()
        self._theme.close()

    def note(self, text: str) -> None:
        """Say one line: below the curves while the screen is up, printed as it is elsewhere."""
        if self.live:
            self._notes.append(clean(text))
        elif not self.quiet:
            self._print(clean(text))

    def stage(
        self, name: str, total_steps: int, history: Sequence[Mapping[str, object]] = ()
    ) -> None:
        """Begin a stage of the recipe, or go on with it after the steps of its history.

        total_steps is 0 where nobody knows yet.
        """
        self._begin(total_steps, history)
        self._stage = name
        if not self.live and not self.quiet:
            how = f"goes on after step {len(history)}" if history else "begins"
            steps = f": {total_steps} steps" if total_steps else ""
            self._print(f"{clean(name)} {how}{steps}")

    def measured(self, name: str, figures: Mapping[str, object]) -> None:
        """Take the figures of a checkpoint, as in results.json, for the map of stages."""
        self._measured = {**self._measured, name: figures}
        self.note(_summary(name, figures))

    def step(self, metrics: Mapping[str, object]) -> None:
        """Take the metrics of one step; those that are missing are not shown."""
        self._done += 1
        self._ticks.append(time.monotonic())
        if self.live:
            self._history.append(metrics)
            while len(self._history) > LONGEST_HISTORY:
                self._history = _thinned(self._history)
        elif not self.quiet:
            self._print(_plain(_telling(metrics)))

    def sample(
        self, prompt: str, completion: str, reward: float, right: bool, reason: str = ""
    ) -> None:
        """Show a fresh completion on the screen; plain lines leave it to samples.jsonl."""
        self._sample = Sample(prompt, completion, reward, right, reason)

    def finish(self, summary: str | Mapping[str, object]) -> None:
        """Leave the screen and print the summary, which even a quiet run does."""
        self._leave_screen()
        said = summary if isinstance(summary, str) else _plain(summary, "\n")
        self._print(clean(said))

    def _live(self) -> Live:
        return Live(
            get_renderable=lambda: Group(*frame(self._view(), *self.console.size)),
            console=self.console,
            screen=True,
            refresh_per_second=REFRESHES_PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def _view(self, running: bool = True) -> View:
        now, ticks = time.monotonic(), list(self._ticks)
        left = None
        if running and len(ticks) > 1:
            pace = (ticks[-1] - ticks[0]) / (len(ticks) - 1)
            left = max(pace * (self.total_steps - self._done) - (now - ticks[-1]), 0.0)
        return View(
            title=self.title,
            done=self._done,
            total=self.total_steps,
            history=list(self._history),
            elapsed=self._before + now - self._start,
            left=left,
            sample=self._sample,
            note=self._notes[-1] if running and self._notes else "",
            hint=self._hint(now) if running else "",
            stages=self._stages,
            stage=self._stage,
            measured=self._measured,
        )

    def _hint(self, now: float) -> str:
        in_all = f"{clock(now - self._begun)} in all · " if self._stages else ""
        return f"{in_all}Ctrl-C saves and stops"

    def _leave_screen(self) -> None:
        """Restore the terminal, then leave the last picture and the notes on it, once."""
        if not self.live:
            return
        self._screen.close()
        self.live = False
        width, height = self.console.size
        if self._history:
            self.console.print(Group(*frame(self._view(running=False), width, height - 2)))
        for text in self._notes:
            self._print(text)

    def _print(self, text: str) -> None:
        self.console.print(Text(text), soft_wrap=True)


def _thinned(history: list[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Every second row, with what only the row after it had: a rare validation survives."""
    nothing: Mapping[str, object] = {}
    pairs = zip_longest(history[::2], history[1::2], fillvalue=nothing)
    return [{**odd, **even} for even, odd in pairs]


class _Overheard(io.TextIOBase):
    """A stand-in for stdout or stderr that hands each whole line to the notes."""

    def __init__(self, note: Callable[[str], None], stream: TextIO) -> None:
        self.rich_proxied_file = stream  # where rich goes on writing
        self._note = note
        self._line = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if line.strip():
                self._note(line)
        return len(text)

    def end(self) -> None:
        """Hand over a last line that nobody ended."""
        self.write("\n")


def _telling(metrics: Mapping[str, object]) -> dict[str, object]:
    """The numbers of a step that tell most; metrics.jsonl has them all."""
    found = [name for name in TELLING if metrics.get(name) is not None][:TOLD]
    return {name: metrics[name] for name in ("stage", "step", *found) if name in metrics}


def _summary(name: str, figures: Mapping[str, object]) -> str:
    """Say in one line what a checkpoint is worth."""
    said = []
    for figure, label in (("pass_at_1", "pass@1"), ("general", "good general answers")):
        value = figure_value(figures.get(figure))
        if value is not None:
            said.append(f"{label} {100 * value:.1f} %")
    return f"{clean(name)} measured: {', '.join(said)}" if said else f"{clean(name)} measured"


def _plain(metrics: Mapping[str, object], between: str = " ") -> str:
    """Metrics as name=value, whole numbers whole, others with four digits."""
    return between.join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={_word(value)}"
        for name, value in metrics.items()
    )


def _word(value: object) -> str:
    return "_".join(clean(value).split())
