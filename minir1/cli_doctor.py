"""What can be typed after `minir1 doctor`? What it looks for is in `doctor/`."""

from pathlib import Path

import click


@click.command(short_help="Say in words why a run is flat or broken.")
@click.argument("run", required=False)
@click.option("--json", "json_file", type=click.Path(), help="write the diagnosis to a file")
def doctor(run: str | None, json_file: str | None) -> int:
    """Examine RUN: what is wrong, by which numbers, and what mends it.

    \b
    minir1 doctor runs/r1-zero-seed0
    minir1 doctor                        the last run in runs/

    It reads config.json, metrics.jsonl and samples.jsonl, whatever state they are in.
    Exit code 0: nothing wrong was found; 1: a fault; 2: RUN is not a run.
    """
    from minir1.doctor.command import visit

    return visit(None if run is None else Path(run), json_file)
