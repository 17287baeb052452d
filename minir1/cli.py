"""What can be typed? The verbs that fill a run folder; others are in `cli_*.py`.

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
from minir1.cli_checkpoint import VERBS as CHECKPOINT_VERBS
from minir1.cli_doctor import doctor
from minir1.cli_explain import explain
from minir1.cli_export import export
from minir1.cli_options import (
    Verbs,
    refuse_inject,
    refuse_with_model,
    refuse_with_resume,
    report_option,
    run_options,
    seed_option,
    which_model,
)
from minir1.cli_reproduce import reproduce
from minir1.errors import UserError


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


@cli.command(short_help="Train R1-Zero, R1 and its students; begin here.")
@click.option("--tiny", is_flag=True, help="the tiny world: minutes on any CPU")
@click.option("--model", help="a real model: a folder, a .gguf file or a name on the Hub")
@click.option("--task", help="what a real model is asked, for example arithmetic:small")
@click.option(
    "--tune",
    type=click.Choice(["full", "lora"]),
    default="full",
    help="what of --model is trained",
)
@click.option(
    "--recipe",
    type=click.Choice(["r1-zero", "r1", "all"]),
    help="how much of the story: r1-zero alone, up to r1, or with the tiny world's students as "
    "well  [default: all; with --model r1-zero]",
)
@seed_option
@click.option("--base", default="base", show_default=True, help="where training starts from")
@click.option("--out", type=click.Path(), help="the run folder  [default: runs/RECIPE-seedN]")
@click.option(
    "--from",
    "origin",
    metavar="RUN",
    help="take over the stages of RUN that the changed settings leave as they are",
)
@click.option(
    "--inject", metavar="FAULT", help="plant a known bug in R1-Zero, to see what it does"
)
@report_option
@run_options
def train(tiny: bool, model: str | None, task: str | None, **options: Any) -> None:
    """Train DeepSeek-R1 stage by stage, and distil it.

    \b
    r1-zero       pure reinforcement learning from a base model
    dev1          cold start: the base learns from R1-Zero's answers, rewritten
    dev2          reinforcement learning with a reward for one language
    dev3          the base again, with dev2's right answers and general ones
    r1            reinforcement learning for all scenarios, with a reward model
    distilled     a smaller model learns from dev3's data
    small-rl      the smaller model by reinforcement learning alone
    distilled-rl  and by both
    """
    named = ("recipe", "seed", "base", "backend", "settings", "origin", "model", "task", "tune")
    refuse_with_resume(*named, "inject")
    whole_model = which_model(tiny, model, task, options["resume"])
    refuse_inject(options["inject"], model, options["recipe"], options["origin"])
    from minir1 import commands

    recipe, tune = options.pop("recipe"), options.pop("tune")
    if whole_model is None:
        commands.train(recipe or "all", **options)
        return
    refuse_with_model("base", "origin")
    for name in ("base", "origin", "resume", "inject"):
        del options[name]
    commands.start_real(*whole_model, recipe=recipe or "r1-zero", tune=tune, **options)


@cli.command(short_help="Write what a run did on one page.")
@click.argument("run", required=False)
def report(run: str | None) -> None:
    """Write RUN/report.html: one file, no network, readable anywhere.

    Without a RUN it reports on the last run in runs/.
    """
    from minir1 import commands

    commands.report(run)


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


@cli.command(
    short_help="Compare a mathematical answer with the right one.",
    context_settings={"ignore_unknown_options": True},  # an answer may begin with a minus
)
@click.argument("gold")
@click.argument("answer")
def verify(gold: str, answer: str) -> int:
    """Say whether ANSWER is equivalent to GOLD.

    \b
    minir1 verify 1/2 '\\frac{2}{4}'
    minir1 verify '(2, \\infty)' 'x > 2'

    Exit code 0: it is; 1: it is not; 2: GOLD cannot be verified. Of a whole completion the
    last \\boxed{…} counts, else what follows the last ####.
    """
    from minir1.verify_command import verify_answer

    return verify_answer(gold, answer)


for verb in (*CHECKPOINT_VERBS, doctor, explain, export, reproduce):
    cli.add_command(verb)


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
    """Stop at a polite kill as at Ctrl-C: save, restore the terminal, leave.

    The argument tells it from the key, which ends a chat's answer and not the chat.
    """
    raise KeyboardInterrupt("asked to end")


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
