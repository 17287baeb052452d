"""What can be typed after `minir1 export`? What it does is in `export_command.py`."""

from typing import Any

import click

from minir1.cli_options import NAMES, SETTINGS


@click.command(
    short_help="Write a checkpoint for other tools and larger machines.", epilog=NAMES
)
@click.argument("checkpoint")
@click.option(
    "--to",
    type=click.Choice(["hf", "trl", "verl"]),
    required=True,
    help="hf: a model folder; trl, verl: with questions, rewards and a launch script",
)
@click.option("--out", type=click.Path(), required=True, help="the new folder")
@click.option("--task", help="what the model is asked  [default: what its run asked]")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "bfloat16"]),
    default="float32",
    show_default=True,
    help="the type of the weights",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=SETTINGS)
def export(**options: Any) -> None:
    """Write CHECKPOINT as transformers, mlx-lm, TRL or verl read it.

    \b
    minir1 export r1 --to hf --out r1-hf
    minir1 export RUN --to trl --out cluster
    minir1 export model.gguf --to verl --task gsm8k:train.jsonl --out cluster
    """
    from minir1 import export_command

    export_command.export(**options)
