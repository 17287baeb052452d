"""What do several checkpoints answer to the same question, side by side?

A column a checkpoint where the terminal is wide enough, else one below the other.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from minir1.screen.terminal import ROLE_CELLS, Sample, clean, segments, verdict

COLUMN_CELLS = 30  # of one checkpoint's answer, at least
ROLES = ("outside", "thinking", "summary", "answer")


class Answer(NamedTuple):
    """What one checkpoint wrote, and in how many tokens."""

    name: str
    sample: Sample
    tokens: int


def comparison(answers: Sequence[Answer], width: int) -> Iterator[Table]:
    """Lay out answers to one question: one table where they fit side by side, else one each."""
    if ROLE_CELLS + COLUMN_CELLS * len(answers) <= width:
        yield _table(answers)
    else:
        yield from (_table([answer]) for answer in answers)


def _table(answers: Sequence[Answer]) -> Table:
    """A row a part of the answers, so that like stands beside like."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=True, expand=True)
    table.add_column(width=ROLE_CELLS - 2, style="baseline")
    for _ in answers:
        table.add_column(ratio=1, overflow="fold")
    table.add_row("", *(Text(clean(answer.name), "title") for answer in answers))
    for role in ROLES:
        cells = [_part(answer.sample.completion, role) for answer in answers]
        if any(cells):
            table.add_row("" if role == "outside" else role, *cells)
    table.add_row("verdict", *(verdict(answer.sample) for answer in answers))
    table.add_row("length", *(Text(f"{answer.tokens} tokens") for answer in answers))
    return table


def _part(completion: str, role: str) -> Text:
    said = " … ".join(text for part, text in segments(completion) if part == role)
    return Text(said, role if role in ("thinking", "answer") else "none")
