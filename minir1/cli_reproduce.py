"""What can be typed after `minir1 reproduce`? What it does is in `claims/command.py`."""

from typing import Any

import click


@click.command(short_help="Test what is said of R1: every claim, with its control.")
@click.argument("claim", required=False)
@click.option(
    "--seeds",
    type=click.IntRange(1, 100),
    default=5,
    show_default=True,
    help="trainings an arm",
)
@click.option(
    "--work",
    type=click.Path(file_okay=False),
    default="runs/reproduce",
    show_default=True,
    help="where runs are kept; what is there is not made again",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False),
    default="docs/results",
    show_default=True,
    help="where claims.json and the page go",
)
@click.option(
    "--jobs", "workers", type=click.IntRange(0, 256), default=0, help="at a time; 0: all cores"
)
@click.option("--list", "listing", is_flag=True, help="print the jobs and do nothing")
def reproduce(claim: str | None, **options: Any) -> None:
    """Test the claims about R1, or one CLAIM: by its name or its letter.

    \b
    minir1 reproduce                  all claims; hours
    minir1 reproduce length           one of them
    minir1 reproduce variants         a study beside them: variants, faults, hacks
    minir1 reproduce a --seeds 1      a first look; one seed has no interval

    Stopped, it goes on where it was: type the same command again.
    """
    from minir1.claims.command import reproduce as run

    run(claim, **options)
