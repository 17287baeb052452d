"""What does a reader want of the ledger? One table of verdicts, and a page a claim.

Markdown that is generated from claims.json and from nothing else; charts lie beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any

from minir1.claims.claim import Chart, Figure, Line
from minir1.claims.drawing import draw
from minir1.claims.figures import text
from minir1.storage.files import replace_file

PAGE = "claims.md"
PICTURES = "claims"  # the folder of the charts
INTRODUCTION = """\
# What is said of R1, tested in miniature

Written by `minir1 reproduce` from `claims.json`; do not edit. Every figure is a mean over seeds
of training with its 95 % interval (Student's t; on the same test problems), and every claim has
its control. A verdict is about this world of 0.5 million parameters: it shows whether a
mechanism works in a place where everything can be looked at, not what a large model does.
"""


def write_pages(entries: Sequence[Mapping[str, Any]], out: Path) -> Path:
    """Write the page of the ledger and its charts; return the page."""
    (out / PICTURES).mkdir(parents=True, exist_ok=True)
    for entry in entries:
        for chart in entry["charts"]:
            path = out / PICTURES / _picture(entry, chart)
            replace_file(path, draw(_chart(chart)).encode())
    page = out / PAGE
    replace_file(page, render(entries).encode())
    return page


def render(entries: Sequence[Mapping[str, Any]]) -> str:
    """Write the page: the verdicts first, then each claim."""
    claims = [entry for entry in entries if entry["letter"]]
    studies = [entry for entry in entries if not entry["letter"]]
    parts = [INTRODUCTION]
    if claims:
        parts.append(_verdicts(claims))
    parts += [_section(entry) for entry in [*claims, *studies]]
    return "\n".join(parts)


def _verdicts(claims: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            f"[({one['letter']})](#{_anchor(one)}) {one['sentence']}",
            verdict(one),
            written(one["figures"][0]) if one["figures"] else "",
            str(one["seeds"]),
        )
        for one in claims
    ]
    return table(("claim", "verdict", "first figure", "seeds"), rows)


def verdict(entry: Mapping[str, Any]) -> str:
    """Write a verdict with its condition."""
    return f"**{entry['verdict']}**{said(entry['condition'])}"


def said(condition: str) -> str:
    """Put a condition behind its verdict."""
    return f" {condition}" if condition else ""


def _section(entry: Mapping[str, Any]) -> str:
    made = ", ".join(entry["commits"]) or "unknown"
    lines = [
        f"\n## {_heading(entry)}\n",
        f"> {entry['sentence']}  \n> {entry['source']}\n",
        f"{verdict(entry)}. {entry['summary']}\n",
        f"*The experiment.* {entry['experiment']}\n",
        _figures("figure", entry["figures"]),
        _figures("control", entry["controls"]),
        *(f"**{t['title']}**\n\n{table(t['header'], t['rows'])}" for t in entry["tables"]),
        *(
            f"![{chart['told']}]({PICTURES}/{_picture(entry, chart)})\n\n*{chart['title']}*\n"
            for chart in entry["charts"]
        ),
        f"`{entry['command']}` · {entry['jobs']} jobs, {entry['core_minutes']:.0f} minutes of "
        f"a core · runs made at {made}\n",
    ]
    return "\n".join(line for line in lines if line)


def _heading(entry: Mapping[str, Any]) -> str:
    name = str(entry["id"]).replace("-", " ")
    return f"({entry['letter']}) {name}" if entry["letter"] else name


def _anchor(entry: Mapping[str, Any]) -> str:
    return f"{entry['letter']}-{entry['id']}"


def _figures(kind: str, figures: Sequence[Mapping[str, Any]]) -> str:
    rows = [(str(one["what"]), written(one), str(one["seeds"])) for one in figures]
    return table((kind, "mean (95 % interval)", "seeds"), rows) if rows else ""


def written(figure: Mapping[str, Any]) -> str:
    """Write a figure of the ledger with its interval."""
    known: dict[str, Any] = {k: nan if v is None else v for k, v in figure.items()}
    return text(Figure(**known))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table of Markdown; a bar in a cell is escaped."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in cells), ""])


def _picture(entry: Mapping[str, Any], chart: Mapping[str, Any]) -> str:
    return f"{entry['id']}-{chart['name']}.svg"


def _chart(told: Mapping[str, Any]) -> Chart:
    lines = tuple(Line(one["label"], one["points"], one["band"]) for one in told["lines"])
    return Chart(**{**told, "lines": lines})
