"""A run that never was: its metrics, prompts and completions, for the tests of the screen."""

import io

from rich.console import Console

from minir1.screen.terminal import make_console

GOOD = "<think> try 3 * 1 = 3 no </think> <answer> ( 7 + 1 ) + 3 </answer> <eos>"
SUMMARY = (
    "<think> try 7 + 1 = 8 , 8 + 3 = 11 yes so </think> 7 + 1 = 8 , 8 + 3 = 11 "
    "<answer> ( 7 + 1 ) + 3 </answer> <eos>"
)
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07[bold red]markup[/] \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"
    "\x9b31m\u202edesrever \ud800 \x07\x08\r:smile: [/think] [link=http://x]y[/link]"
)
PROMPT = "<bos> User: use 3 7 1 to make 11 . Assistant:"
LONG = f"<think> first {'try 1 + 1 = 2 no ' * 60} last </think> <answer> 42 </answer> <eos>"


def metrics(step, **changes):
    row = {
        "stage": "r1-zero",
        "step": step,
        "seconds": 2.5 * step,
        "reward": 0.2 + 0.03 * step,
        "accuracy": 0.16 + 0.03 * step,
        "format_rate": 0.64 + 0.01 * step,
        "completion_tokens": 31.0 + 4 * step,
        "reflections": 2.0 + 0.5 * step,
        "language_consistency": 0.94 - 0.01 * step,
        "mixed_language_rate": 0.11 + 0.02 * step,
        "entropy": 0.294,
        "kl": 0.011,
        "clip_fraction": 0.012,
        "flat_groups": 0.375,
        "truncated": 0.043,
        "grad_norm": 0.812,
        "rollout_seconds": 1.5,
        "update_seconds": 1.0,
        "rollout_tokens_per_second": 25_123.0,
        "update_tokens_per_second": 8012.0,
    }
    return row | ({"validation_accuracy": 0.5} if step % 5 == 0 else {}) | changes


RUN = [metrics(step) for step in range(1, 21)]


def terminal(width=80, height=24, **options) -> Console:
    """A console that takes itself for a terminal and writes into a string."""
    asked = {"force_terminal": True, "force_interactive": True, "_environ": {"TERM": "xterm"}}
    return make_console(file=io.StringIO(), width=width, height=height, **(asked | options))


def pipe(width=80, **options) -> Console:
    """A console that writes into a string and knows that it is no terminal."""
    return make_console(file=io.StringIO(), width=width, **({"_environ": {}} | options))
