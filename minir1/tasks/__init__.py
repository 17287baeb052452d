"""Which tasks are there? Verifiable ones, each in a file of its own; open one by its name.

    arithmetic, arithmetic:KIND   sums, differences and products of small whole numbers

`base.py` says what a task is. What each one asks and how to write one's own:
`docs/tasks.md`.
"""

from minir1.errors import UserError, did_you_mean, shorten
from minir1.tasks.base import Exercise, Task

__all__ = ["Exercise", "Task", "open_task"]

NAMED = ("arithmetic",)


def open_task(name: str) -> Task:
    """Open a task by its name.

    Raises: UserError for a task that does not exist.
    """
    family, _, option = name.partition(":")
    if family == "arithmetic":
        from minir1.tasks.arithmetic import open_arithmetic

        return open_arithmetic(option or "mixed")
    raise UserError(
        f"--task {shorten(name)}: no such task{did_you_mean(name, NAMED)} "
        f"There are {', '.join(NAMED)}"
    )
