"""How does the dashboard of a finished run become a picture for a page?

An SVG that needs no other file: its words are text, so they can be searched and copied.
"""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from minir1.screen.panels import View, frame
from minir1.screen.terminal import clean, theme

_TEMPLATE = """\
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
_COLOURS = TerminalTheme((30, 30, 30), (212, 212, 212), [(0, 0, 0)] * 8)


def dashboard_svg(view: View, path: str | Path, width: int = 100, height: int = 30) -> None:
    """Write the dashboard as it stands as an SVG picture that needs no other file."""
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
        title=f"minir1 · {clean(view.title)}", theme=_COLOURS, code_format=_TEMPLATE
    )
    Path(path).write_text(picture, encoding="utf-8")


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
