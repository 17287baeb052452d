"""Which options do several verbs share, and what does a verb make of odd words?

The parts that `cli.py` builds its verbs from.
"""

import os
from typing import Any

import click

from minir1.errors import UserError, did_you_mean, shorten

SETTINGS = "change a setting, for example --set grpo.learning_rate=3e-4 (may be repeated)"
NAMES = """
    CHECKPOINT is `base`, `base-no-reflection`, a run folder, RUN/NAME, a checkpoint folder, or
    the bare name of a checkpoint (r1-zero, dev1, r1, distilled, …) in the last run that has it.
"""
seed_option = click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="every random number follows from it",
)
backend_option = click.option(
    "--backend",
    type=click.Choice(["auto", "numpy", "mlx"]),
    default="auto",
    show_default=True,
    help="the engine; auto: MLX on Apple silicon, else numpy",
)


temperature_option = click.option(
    "--temperature",
    type=click.FloatRange(0, 10, min_open=True),
    default=1.0,
    show_default=True,
    help="1: as in training; lower: surer",
)


settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="for real models: how they are asked, for example --set prompt.template=plain",
)


report_option = click.option(
    "--report-to",
    multiple=True,
    type=click.Choice(["tensorboard", "wandb", "trackio"]),
    help="send the metrics there as well (may be repeated)",
)


class Verbs(click.Group):
    """A group of commands that guesses what a mistyped one was meant to be."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if self.get_command(ctx, args[0]) is None:
            verbs = self.list_commands(ctx)
            hint = did_you_mean(args[0], verbs) or f"; there are {', '.join(verbs)}"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


def run_options(command: Any) -> Any:
    """Add the options of a verb that fills a run folder."""
    options = (
        backend_option,
        click.option(
            "--resume", is_flag=True, help="go on with the run in --out, or with the last"
        ),
        click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=SETTINGS),
        click.option("--quiet", is_flag=True, help="print the closing table only"),
    )
    for option in reversed(options):
        command = option(command)
    return command


def split_words(
    words: tuple[str, ...], prompt: str | None, compare: bool
) -> tuple[tuple[str, ...], str | None]:
    """Tell checkpoints from the prompt among the arguments of `sample`.

    With --compare all are checkpoints, but for a last one with blanks in it that is no folder.
    """
    context = click.get_current_context()
    if not words:
        raise click.MissingParameter(
            ctx=context, param_type="argument", param_hint="'CHECKPOINT'"
        )
    names = words if compare else words[:1]
    if compare and prompt is None and " " in words[-1] and not os.path.exists(words[-1]):
        names = words[:-1]
    rest = words[len(names) :]
    if len(rest) > (prompt is None):
        hint = "" if compare or prompt else "; for several checkpoints add --compare"
        raise click.UsageError(f"Got unexpected extra argument ({rest[-1]}){hint}", context)
    return names, rest[0] if rest else prompt


def refuse_with_resume(*names: str) -> None:
    """Refuse options that a resumed run would ignore: it goes on as it began."""
    context = click.get_current_context()
    if not context.params["resume"]:
        return
    typed = click.core.ParameterSource.COMMANDLINE
    options = {option.name: option.opts[0] for option in context.command.params}
    given = [options[n] for n in names if context.get_parameter_source(n) is typed]
    if given:
        raise UserError(
            f"--resume goes on with the settings of the run: leave out {', '.join(given)}"
        )


def which_model(
    tiny: bool, model: str | None, task: str | None, resume: bool
) -> tuple[str, str] | None:
    """Return the real model and the task to train; None for the tiny world or an old run."""
    if tiny and (model or task):
        raise UserError("--tiny trains the tiny world: leave out --model and --task, or --tiny")
    if bool(model) != bool(task):
        given, wanted = (
            ("--model", "--task arithmetic") if model else ("--task", "--model PATH")
        )
        raise UserError(f"{given} was given without its other half: add {wanted}")
    if model and task:
        return model, task
    if not tiny and not resume:
        raise UserError(
            "nothing to train was named; type: minir1 train --tiny, or give --model and --task"
        )
    return None


def refuse_with_model(*names: str) -> None:
    """Refuse options that mean something in the tiny world only."""
    context = click.get_current_context()
    typed = click.core.ParameterSource.COMMANDLINE
    options = {option.name: option.opts[0] for option in context.command.params}
    given = [options[n] for n in names if context.get_parameter_source(n) is typed]
    if given:
        raise UserError(f"{given[0]} belongs to the tiny world: leave it out with --model")


def refuse_inject(
    fault: str | None, model: str | None, recipe: str | None, origin: str | None
) -> None:
    """Refuse to plant a fault anywhere but in a new R1-Zero of the tiny world."""
    if fault is not None and (model or origin or recipe != "r1-zero"):
        raise UserError(
            "--inject plants its fault in R1-Zero alone; type: minir1 train --tiny "
            f"--recipe r1-zero --inject {shorten(fault)}"
        )
