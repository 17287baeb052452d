"""What can be typed? The verbs and their options; what they do is in `commands.py`.

Nothing heavy is imported until a verb needs it. A mistake of the user is one line on
stderr and exit code 2; an interrupt is 130; a check that says no is 1.
"""

import contextlib
import os
import signal
import sys
from typing import Any

import click

from minir1 import __version__
from minir1.errors import UserError, did_you_mean

SETTINGS = "change a setting, for example --set grpo.learning_rate=3e-4 (may be repeated)"
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


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="minir1")
@click.pass_context
def cli(context: click.Context) -> None:
    """DeepSeek-R1, whole, on the machine that you have.

    Begin with: minir1 train --tiny
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command(short_help="Train R1-Zero; begin here.")
@click.option("--tiny", is_flag=True, help="the tiny world: minutes on any CPU")
@click.option(
    "--recipe",
    type=click.Choice(["r1-zero"]),
    default="r1-zero",
    show_default=True,
    help="which story",
)
@seed_option
@click.option("--base", default="base", show_default=True, help="where training starts from")
@click.option("--out", type=click.Path(), help="the run folder  [default: runs/RECIPE-seedN]")
@run_options
def train(tiny: bool, **options: Any) -> None:
    """Train R1-Zero: a base model, a reward that can be checked, and nothing else."""
    if not tiny:
        raise UserError(
            "minir1 train trains the tiny world only so far; type: minir1 train --tiny"
        )
    refuse_with_resume("seed", "base", "backend", "settings")
    from minir1 import commands

    commands.train(**options)


@cli.command()
@click.option("--tiny", is_flag=True, help="the tiny world: minutes on any CPU")
@seed_option
@click.option("--out", type=click.Path(), help="the run folder  [default: runs/pretrain-seedN]")
@run_options
def pretrain(tiny: bool, **options: Any) -> None:
    """Make the base model from nothing."""
    if not tiny:
        raise UserError("minir1 pretrain makes the tiny base; type: minir1 pretrain --tiny")
    refuse_with_resume("seed", "backend", "settings")
    from minir1 import commands

    commands.pretrain(**options)


@cli.command("eval", short_help="Measure a checkpoint on held-out problems.")
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
@click.option("--json", "json_file", type=click.Path(), help="write the figures to a file")
def evaluate(**options: Any) -> None:
    """Measure CHECKPOINT: accuracy with intervals, votes, length, reflection, languages.

    CHECKPOINT is `base`, `base-no-reflection`, a run folder, RUN/NAME or a checkpoint folder.
    """
    from minir1 import commands

    commands.evaluate_checkpoint(**options)


@cli.command(short_help="Read what a checkpoint writes.")
@click.argument("checkpoint")
@click.argument("prompt", required=False)
@click.option(
    "-n", "count", type=click.IntRange(1, 256), default=1, show_default=True, help="how often"
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 10, min_open=True),
    default=1.0,
    show_default=True,
    help="1: as in training; lower: surer",
)
@seed_option
@backend_option
def sample(**options: Any) -> None:
    """Read what CHECKPOINT writes, for example: minir1 sample base "use 3 7 1 to make 11".

    Without a PROMPT it answers a validation problem.
    """
    from minir1 import commands

    commands.sample(**options)


@cli.command(short_help="Measure the speed of this machine.")
@click.argument("checkpoint", default="base")
@click.option("--threads", type=click.IntRange(0, 256), default=0, help="0: all cores")
@click.option("--json", "json_file", type=click.Path(), help="write the figures to a file")
def bench(**options: Any) -> None:
    """Measure rollout and update speed, and their share of this machine's matmul peak."""
    from minir1 import commands

    commands.bench(**options)


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


def main() -> None:
    """Run a verb; turn every user's mistake into one line and an exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    code = 0
    try:
        said = cli(prog_name="minir1", standalone_mode=False)
        code = said if isinstance(said, int) else 0
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "minir1"
        message = " ".join(error.format_message().split()).rstrip(".")
        code = fail(f"{message}{'' if message.endswith('?') else ';'} type: {where} --help")
    except UserError as error:
        code = fail(str(error))
    except (KeyboardInterrupt, click.Abort):
        code = 130
    except (BrokenPipeError, SystemExit):
        pass  # who read our output has read enough; rich says so with a SystemExit
    except OSError as error:
        code = fail(f"{error.filename or 'the output'}: {error.strerror or error}")
    leave(code)


def _interrupt(*_: object) -> None:
    """Stop at a polite kill as at Ctrl-C: save, restore the terminal, leave."""
    raise KeyboardInterrupt


def fail(message: str) -> int:
    """Print one line; return the exit code of bad usage or bad input."""
    with contextlib.suppress(OSError):
        print(f"minir1: {message}", file=sys.stderr)
    return 2


def leave(code: int) -> None:
    """Exit; what nobody takes is thrown away instead of ending in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
