"""What do the checkpoints of a run come to, side by side?

The table of results.json. How the figures and their intervals were measured is the matter of
`minir1.evaluate` and `minir1.statistics`.
"""

from collections.abc import Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from minir1.screen.plots import clock, is_number, number
from minir1.screen.terminal import clean

# What the table shows, in this order; everything else is in results.json.
SHOWN = (
    "pass_at_1",
    "pass_at_1_lenient",
    "maj_at_k",
    "pass_at_k",
    "format_rate",
    "completion_tokens",
    "length_difficulty_correlation",
    "attempts_per_answer",
    "reflections_per_answer",
    "reflections_per_100_tokens",
    "useful_reflection_rate",
    "language_consistency",
    "mixed_language_rate",
    "general",
    "preference",
    "truncated",
)


def results_table(results: Mapping) -> Table:
    """Lay out results.json: a row a metric, a column a checkpoint, intervals under the values.

    Of pass_at_k the largest k is shown; checkpoints without metrics are left out.
    """
    found = {name: metrics for name, metrics in results["checkpoints"].items() if metrics}
    cells = {name: _cells(metrics) for name, metrics in found.items()}
    gap = 1 if len(found) < 7 else 0  # beside the one cell between columns
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, gap, 0, 0), show_edge=False, caption_style="baseline"
    )
    table.add_column("", overflow="fold")
    for name in found:
        table.add_column(Text(clean(name), "title"), justify="right", no_wrap=True)
    for metric in dict.fromkeys(metric for column in cells.values() for metric in column):
        row = [column.get(metric, Text("–", "baseline")) for column in cells.values()]
        table.add_row(Text(metric), *row)
    seconds = (results.get("seconds") or {}).get("total")
    facts = [f"seed {results.get('seed')}", str(results.get("engine"))]
    facts += [f"{clock(seconds)} in all"] if is_number(seconds) else []
    table.caption = Text(clean(" · ".join([*facts, "under a value: its interval"])))
    return table


def _cells(metrics: Mapping) -> dict[str, Text]:
    """The cells of one checkpoint by the name of their row."""
    cells: dict[str, Text] = {}
    votes = next((name for name in metrics if name.startswith("maj_at_")), "")
    for shown in SHOWN:
        name = votes if shown == "maj_at_k" else shown
        value = metrics.get(name)
        if value is None:
            continue
        if isinstance(value, Mapping) and "value" in value:
            cell = Text(number(value["value"]))
            if is_number(value.get("low")) and is_number(value.get("high")):
                cell.append(f"\n{_short(value['low'])}–{_short(value['high'])}", "baseline")
        elif name == "pass_at_k" and value:
            k = max(value, key=int)
            name, cell = f"pass_at_{k}", Text(number(value[k]))
        elif isinstance(value, Mapping):
            continue
        else:
            cell = Text(number(value))
        cells.setdefault(name.replace("_at_", "@").replace("_", " "), cell)
    return cells


def _short(share: float) -> str:
    return f"{share:.2f}".removeprefix("0") if 0 <= share < 1 else number(share)
