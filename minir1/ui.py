"""What does a person at the terminal see of a run?

The dashboard that lives while a model trains, plain lines where there is no terminal, the
table of results, the picture for a page. What goes on the screen is drawn by
`screen.panels`, made harmless by `screen.terminal`. No metric is computed here.
"""

import io
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from itertools import zip_longest
from pathlib import Path
from typing import TextIO

from rich.console import Console, ConsoleOptions, Group
from rich.live import Live
from rich.segment import Segment
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from minir1.screen.panels import View, frame
from minir1.screen.plots import is_number
from minir1.screen.tables import results_table
from minir1.screen.terminal import Sample, clean, make_console, print_completion, theme

__all__ = [
    "Dashboard",
    "Sample",
    "dashboard_svg",
    "make_console",
    "print_completion",
    "results_table",
]

REFRESHES_PER_SECOND = 4
LONGEST_HISTORY = 512  # rows kept for the curves, more than a screen has dots
STEPS_FOR_ESTIMATE = 8  # the time left is told from the last steps, as they grow longer

_SVG_TEMPLATE = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas,
  "Noto Sans Mono CJK SC", monospace;
  font-size: {char_height}px; line-height: {line_height}px; white-space: pre; }}
.{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})"
  clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_SVG_THEME = TerminalTheme((30, 30, 30), (212, 212, 212), [(0, 0, 0)] * 8)


class Dashboard:
    """Show a run while it trains: `with Dashboard(...) as ui`, then `ui.step(metrics)`.

    On a terminal it draws a full screen, and leaves its last picture behind; elsewhere it
    prints a line a step, of name=value; with `quiet` nothing but the summary. `history` are the
    metrics of steps done before, when a run is resumed. While the screen is up, what others
    print is kept as notes and printed afterwards. The terminal is restored however it ends.
    """

    def __init__(
        self,
        title: str,
        total_steps: int,
        console: Console | None = None,
        quiet: bool = False,
        history: Sequence[Mapping[str, object]] = (),
    ) -> None:
        self.title, self.total_steps, self.quiet = title, total_steps, quiet
        self.console = make_console() if console is None else console
        self.live = (
            not quiet
            and self.console.is_interactive
            and not self.console.is_dumb_terminal
            and self.console.encoding.startswith("utf")
        )
        self._history: list[Mapping[str, object]] = list(history)
        self._done = len(self._history)
        past = self._history[-1].get("seconds") if self._history else None
        self._before = float(past) if is_number(past) else 0.0
        self._sample: Sample | None = None
        self._notes: deque[str] = deque(maxlen=200)
        self._ticks: deque[float] = deque(maxlen=STEPS_FOR_ESTIMATE + 1)
        self._screen = ExitStack()  # what must be undone to leave the full screen
        self._theme = ExitStack()
        self._start = time.monotonic()

    def __enter__(self) -> "Dashboard":
        self._start = time.monotonic()
        self._ticks.append(self._start)
        self._theme.enter_context(self.console.use_theme(theme(self.console.color_system)))
        if self.live:
            out, err = _Overheard(self.note, sys.stdout), _Overheard(self.note, sys.stderr)
            self._screen.callback(out.end)
            self._screen.callback(err.end)
            self._screen.enter_context(redirect_stdout(out))
            self._screen.enter_context(redirect_stderr(err))
            self._screen.enter_context(self._live()).refresh()
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

    def step(self, metrics: Mapping[str, object]) -> None:
        """Take the metrics of one step; those that are missing are not shown."""
        self._done += 1
        self._ticks.append(time.monotonic())
        if self.live:
            self._history.append(metrics)
            while len(self._history) > LONGEST_HISTORY:
                self._history = _thinned(self._history)
        elif not self.quiet:
            self._print(_plain(metrics))

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
            hint="Ctrl-C saves and stops" if running else "",
        )

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


class _Pieces:
    """Lines whose words and signs are placed one by one, so that fonts cannot move them."""

    def __init__(self, lines: Sequence[Text]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> Iterator[Segment]:
        for line in self._lines:
            for segment in line.render(console):
                for piece in re.finditer(r"[!-~]+|\s+|(.)\1*", segment.text):
                    yield Segment(piece[0], segment.style)
            yield Segment.line()


def dashboard_svg(
    metrics: Sequence[Mapping[str, object]],
    sample: Sample | None,
    path: str | Path,
    title: str,
    width: int = 100,
    height: int = 30,
) -> None:
    """Write the dashboard of a finished run as an SVG picture that needs no other file."""
    seconds = metrics[-1].get("seconds") if metrics else None
    elapsed = float(seconds) if is_number(seconds) else 0.0
    view = View(title, len(metrics), len(metrics), metrics, elapsed, sample=sample)
    console = Console(
        record=True,
        width=width,
        file=io.StringIO(),
        color_system="truecolor",
        force_terminal=True,
        legacy_windows=False,
        _environ={},
    )
    with console.use_theme(theme("truecolor")):
        console.print(_Pieces(frame(view, width, height)))
    picture = console.export_svg(
        title=f"minir1 · {clean(title)}", theme=_SVG_THEME, code_format=_SVG_TEMPLATE
    )
    Path(path).write_text(picture, encoding="utf-8")


def _plain(metrics: Mapping[str, object], between: str = " ") -> str:
    """Metrics as name=value, whole numbers whole, others with four digits."""
    return between.join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={_word(value)}"
        for name, value in metrics.items()
    )


def _word(value: object) -> str:
    return "_".join(clean(value).split())
