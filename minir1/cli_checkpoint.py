"""What can be typed to ask a checkpoint? What the verbs do is in `checkpoint_commands.py`."""

from typing import Any

import click

from minir1.cli_options import (
    NAMES,
    backend_option,
    seed_option,
    settings_option,
    split_words,
    temperature_option,
)


@click.command("eval", short_help="Measure a checkpoint on held-out problems.", epilog=NAMES)
@click.argument("checkpoint")
@click.option(
    "--split", type=click.Choice(["test", "validation"]), default="test", show_default=True
)
@click.option("--problems", type=click.IntRange(1, 500), help="how many  [default: all]")
@click.option(
    "--samples",
    type=click.IntRange(1, 256),
    default=16,
    show_default=True,
    help="answers to each problem",
)
@seed_option
@backend_option
@click.option("--task", help="what a real model is asked  [default: that of its run]")
@settings_option
@click.option("--json", "json_file", type=click.Path(), help="write the figures to a file")
def evaluate(**options: Any) -> None:
    """Measure CHECKPOINT: accuracy with intervals, votes, length, reflection, languages."""
    from minir1 import checkpoint_commands

    checkpoint_commands.evaluate_checkpoint(**options)


@click.command(short_help="Read what a checkpoint writes.", epilog=NAMES)
@click.argument("words", nargs=-1, metavar="CHECKPOINT [PROMPT]")
@click.option("--prompt", help="the question; another way to give it")
@click.option(
    "--compare", is_flag=True, help="several CHECKPOINTs answer the same question, side by side"
)
@click.option(
    "-n", "count", type=click.IntRange(1, 256), default=1, show_default=True, help="how often"
)
@temperature_option
@seed_option
@backend_option
@settings_option
def sample(words: tuple[str, ...], prompt: str | None, compare: bool, **options: Any) -> None:
    """Read what CHECKPOINT writes.

    \b
    minir1 sample r1 "use 3 7 1 to make 11"
    minir1 sample --compare base r1-zero r1
    minir1 sample --compare base r1 --prompt "what colour is the sky ?"

    Without a PROMPT it answers a validation problem.
    """
    names, prompt = split_words(words, prompt, compare)
    from minir1 import checkpoint_commands

    if compare:
        del options["settings"]
        checkpoint_commands.compare(names, prompt, **options)
    else:
        checkpoint_commands.sample(names[0], prompt, **options)


@click.command(short_help="Talk with a checkpoint and watch it think.", epilog=NAMES)
@click.argument("checkpoint")
@temperature_option
@seed_option
@backend_option
def chat(**options: Any) -> None:
    """Talk with CHECKPOINT, a question at a time; it remembers none.

    Piped, it answers line by line: echo "use 3 7 1 to make 11" | minir1 chat r1
    """
    from minir1 import checkpoint_commands

    checkpoint_commands.chat(**options)


@click.command(short_help="Measure the speed of this machine.")
@click.argument("checkpoint", default="base")
@click.option("--threads", type=click.IntRange(0, 256), default=0, help="0: all cores")
@click.option("--json", "json_file", type=click.Path(), help="write the figures to a file")
def bench(**options: Any) -> None:
    """Measure rollout and update speed, and their share of this machine's matmul peak."""
    from minir1 import checkpoint_commands

    checkpoint_commands.bench(**options)


VERBS = (evaluate, sample, chat, bench)
