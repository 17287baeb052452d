"""Which tasks are there? Verifiable ones, each in a file of its own; open one by its name.

    arithmetic, arithmetic:KIND     sums, differences and products of small whole numbers
    countdown, countdown:SIZE       an expression that makes a target from given numbers
    FILE.jsonl, gsm8k:FILE          questions and answers in a file
    rg:NAME, rg:NAME?OPTION=VALUE   a dataset of reasoning-gym
    FILE.py                         a task of one's own: two functions

`base.py` says what a task is. What each one asks and how to write one's own:
`docs/tasks.md`.
"""

from pathlib import Path

from minir1.errors import UserError, did_you_mean, shorten
from minir1.tasks.base import Exercise, Task

__all__ = ["Exercise", "Task", "open_task"]

NAMED = ("arithmetic", "countdown")


def open_task(name: str) -> Task:
    """Open a task by its name.

    Raises: UserError for a task that does not exist or cannot be used.
    """
    family, _, option = name.partition(":")
    if family == "rg":
        from minir1.tasks.gym import open_gym

        return open_gym(option)
    if family == "gsm8k" or name.endswith(".jsonl"):
        from minir1.tasks.gsm8k import open_questions

        return open_questions(Path(option if family == "gsm8k" else name))
    if name.endswith(".py"):
        from minir1.tasks.own import open_own

        return open_own(Path(name))
    if family == "arithmetic":
        from minir1.tasks.arithmetic import open_arithmetic

        return open_arithmetic(option or "mixed")
    if family == "countdown":
        from minir1.tasks.countdown import open_countdown

        return open_countdown(option or "mixed")
    raise UserError(
        f"--task {shorten(name)}: no such task{did_you_mean(family, NAMED) or '.'} There are "
        f"{', '.join(NAMED)}, FILE.jsonl, rg:NAME (reasoning-gym) and FILE.py (your own)"
    )
