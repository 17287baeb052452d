"""What can be typed after `minir1 explain`? What it does is in `explain_command.py`."""

from typing import Any

import click

from minir1.cli_options import NAMES


@click.command(short_help="Walk through one step of GRPO, number by number.", epilog=NAMES)
@click.argument("checkpoint", metavar="RUN_OR_CHECKPOINT")
@click.option(
    "--step", type=click.IntRange(1), help="which step  [default: the one after what was saved]"
)
@click.option(
    "--prompt",
    type=click.IntRange(1),
    help="which prompt of it  [default: the first in English with right and wrong answers]",
)
@click.option("--json", "json_file", type=click.Path(), help="write all numbers to a file")
def explain(**options: Any) -> None:
    """Take one step of reinforcement learning, and tell it from one of its prompts.

    \b
    minir1 explain base              the first step of R1-Zero
    minir1 explain RUN               the step after the run's last saved state
    minir1 explain RUN/r1-zero-step10 --prompt 3

    The step is computed as training computes it, and nothing is saved.
    """
    from minir1 import explain_command

    explain_command.explain_step(**options)
