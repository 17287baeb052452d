"""What do the checkpoints of a run come to, side by side?

The table of results.json. How the figures and their intervals were measured is the matter of
`minir1.evaluate`, `minir1.conversation` and `minir1.statistics`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from minir1.screen.plots import clock, figure_value, is_number, number
from minir1.screen.stages import STUDENTS, place
from minir1.screen.terminal import clean

FEW = 3  # checkpoints, beside which there is room for the details
UNBOUNDED = 10_000  # cells


class Row(NamedTuple):
    """One line of the table: a key of results.json, and how it is shown."""

    key: str
    label: str
    share: bool = True  # shown in percent
    detail: bool = False  # left out where many checkpoints stand side by side


ROWS = (
    Row("pass_at_1", "pass@1"),
    Row("pass_at_1_lenient", "pass@1, lenient", detail=True),
    Row("maj_at_k", "majority of {}"),
    Row("pass_at_k", "pass@{}"),
    Row("format_rate", "format kept"),
    Row("truncated", "cut off"),
    Row("completion_tokens", "completion tokens", share=False),
    Row("length_difficulty_correlation", "length ~ difficulty", share=False, detail=True),
    Row("attempts_per_answer", "attempts", share=False),
    Row("reflections_per_answer", "reflections", share=False),
    Row("reflections_per_100_tokens", "reflections / 100 tokens", share=False, detail=True),
    Row("useful_reflection_rate", "useful reflections"),
    Row("language_consistency", "language consistency"),
    Row("mixed_language_rate", "mixed languages"),
    Row("general", "good general answers"),
    Row("instruction_following", "instructions followed"),
    Row("harmful_compliance", "harmful compliance"),
    Row("preference", "wins over the web"),
    Row("gold_utility", "gold utility", share=False),
)


def results_table(results: Mapping[str, Any]) -> "ResultsTable":
    """Lay out results.json: a row a metric, a column a checkpoint, intervals under the values.

    Where the columns do not fit, the students get a table of their own. Of pass_at_k the
    largest k is shown; checkpoints without metrics are left out.
    """
    return ResultsTable(results)


class ResultsTable:
    """The checkpoints in as few tables as the terminal has room for."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        self.results = results
        self.found = {name: found for name, found in results["checkpoints"].items() if found}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        tables = list(self._tables(sorted(self.found, key=place), console, options))
        for table in tables:
            yield table
            yield Text()
        yield Text(clean("\n".join(_facts(self.results))), "baseline")

    def _tables(
        self, names: Sequence[str], console: Console, options: ConsoleOptions
    ) -> Iterator[Table]:
        """One table if it fits, else two: R1's line and the students, or two halves."""
        room = options.update(width=UNBOUNDED)
        for gap in (1, 0):
            table = _table(names, self.found, gap)
            wanted = console.measure(table, options=room).maximum
            if len(names) < 2 or wanted <= options.max_width:
                yield table
                return
        students = [name for name in names if name in STUDENTS]
        cut = len(names) - len(students) if 0 < len(students) < len(names) else len(names) // 2
        yield from self._tables(names[:cut], console, options)
        yield from self._tables(names[cut:], console, options)


def _table(names: Sequence[str], found: Mapping[str, Mapping[str, Any]], gap: int) -> Table:
    cells = {name: _cells(found[name], len(found) <= FEW) for name in names}
    table = Table(box=box.SIMPLE_HEAD, padding=(0, gap, 0, 0), show_edge=False)
    table.add_column("", overflow="fold")
    for name in names:
        table.add_column(Text(clean(name), "title"), justify="right", no_wrap=True)
    for label in _labels(cells.values()):
        row = [column.get(label, Text("–", "baseline")) for column in cells.values()]
        table.add_row(Text(clean(label)), *row)
    return table


def _labels(columns: Any) -> list[str]:
    """The labels of all columns: each column's order kept, a new one after its forerunner."""
    labels: list[str] = []
    for column in columns:
        last = -1
        for label in column:
            if label not in labels:
                labels.insert(last + 1, label)
            last = labels.index(label)
    return labels


def _cells(metrics: Mapping[str, Any], details: bool) -> dict[str, Text]:
    """The cells of one checkpoint by the label of their row."""
    cells: dict[str, Text] = {}
    for row in ROWS:
        label, figure = _find(row, metrics)
        if figure_value(figure) is not None and (details or not row.detail):
            cells.setdefault(f"{label}, %" if row.share else label, _cell(figure, row.share))
    for other, figure in (metrics.get("preference_over") or {}).items():
        if figure_value(figure) is not None:
            cells[f"wins over {other}, %"] = _cell(figure, True)
    return cells


def _find(row: Row, metrics: Mapping[str, Any]) -> tuple[str, Any]:
    """The label and the figure of a row; majorities and pass@k name their k themselves."""
    if row.key == "maj_at_k":
        votes = next((name for name in metrics if name.startswith("maj_at_")), "")
        return row.label.format(votes.rpartition("_")[2]), metrics.get(votes)
    figure = metrics.get(row.key)
    if row.key == "pass_at_k" and figure:
        most = max(figure, key=int)
        return row.label.format(most), figure[most]
    return row.label, figure


def _cell(figure: Any, share: bool) -> Text:
    """A value, and under it the interval if it has one."""
    bounds = (figure.get("low"), figure.get("high")) if isinstance(figure, Mapping) else ()
    value, *ends = [figure_value(part) for part in (figure, *bounds)]
    cell = Text(_percent(value, 1) if share else number(value))
    if ends and None not in ends:
        low, high = (_percent(end, 0) if share else _short(end) for end in ends)
        cell.append(f"\n{low}–{high}", "baseline")
    return cell


def _percent(value: float | None, digits: int) -> str:
    return f"{100 * (value or 0):.{digits}f}"


def _short(value: float | None) -> str:
    """A number in four characters or less: .41, 1.3, 95."""
    if value is None or abs(value) >= 10:
        return number(value)
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.1f}"


def _facts(results: Mapping[str, Any]) -> list[str]:
    """What is said under the last table."""
    facts = [f"seed {results.get('seed')}", str(results.get("engine"))]
    seconds = (results.get("seconds") or {}).get("total")
    facts += [f"{clock(seconds)} in all"] if is_number(seconds) else []
    lines = [" · ".join([*facts, "under a value: its 95 % interval"])]
    judge = results.get("reward_model") or {}
    right, ceiling = (figure_value(judge.get(n)) for n in ("pair_accuracy", "label_ceiling"))
    if right is not None:
        most = "" if ceiling is None else f"; its labels allow {100 * ceiling:.1f} %"
        lines.append(f"the reward model is right about {100 * right:.1f} % of new pairs{most}")
    compute = results.get("compute") or {}
    spent = [f"{name} {compute[name]:.2g}" for name in STUDENTS if is_number(compute.get(name))]
    if spent:
        lines.append(f"training compute in FLOP: {', '.join(spent)}")
    return lines
