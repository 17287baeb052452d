"""How good is every checkpoint on the way from the base to R1?"""

from publishing import lay_out

from r1_page.rows import EVERYDAY, REASONING, Row
from r1_page.runs import CHECKPOINTS, Runs


def stage_table(runs: Runs) -> str:
    """Lay out all figures of the checkpoints of R1's line."""
    return figure_table(runs, (*REASONING, *EVERYDAY), CHECKPOINTS)


def figure_table(runs: Runs, rows: tuple[Row, ...], checkpoints: tuple[str, ...]) -> str:
    """Lay out figures by checkpoint."""
    lines = [
        [row.label, *(row.cell(runs.estimate(row, name)) for name in checkpoints)]
        for row in rows
    ]
    return lay_out(["", *checkpoints], lines)
