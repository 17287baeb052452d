"""What would stop the run of a real model, or spoil it, hours after it began?

Whatever can be known beforehand is asked here, before there is a run folder: whether there
are exercises to measure on, whether the model can be asked as the settings say, whether
prompt and completion fit what it was made for, whether the files to learn from can be read.
"""

from minir1.errors import UserError
from minir1.exercises import TaskWorld
from minir1.real_data import read_own

LOOKED_AT = 16  # the longest questions, whose prompts are counted in tokens


def require_runnable(world: TaskWorld, context: int | None) -> None:
    """Raise for what would stop a run later; context: the tokens that the model can take.

    Raises: UserError with what to set instead.
    """
    _require_template(world)
    questions = _questions(world)
    longest = sorted(questions, key=len)[-LOOKED_AT:]
    lengths = [len(world.encode(world.prompt(question))) for question in longest]
    if not min(lengths):
        raise UserError("the prompt has no tokens: try --set prompt.template=plain")
    _require_room(world, max(lengths), context)
    for section in (world.config.dev1, world.config.dev3):
        read_own(section.file, world)


def _require_template(world: TaskWorld) -> None:
    chats = world.config.prompt.template == "chat"
    if chats and world.tokenizer.chat_template is None:
        raise UserError(
            "the model has no chat template: ask it plainly with --set prompt.template=plain"
        )


def _questions(world: TaskWorld) -> list[str]:
    """List what a run asks, as far as its first step."""
    task, config = world.task, world.config
    asked = task.training(config.seed, world.stage, 0, config.grpo.prompts)
    for part in ("validation", "test"):
        held_out = task.held_out(part, config.evaluation.problems)
        if not held_out:
            raise UserError(
                f"--task {task.name} has no {part} exercises: a run measures itself on some"
            )
        asked = [*asked, *held_out]
    return [exercise.question for exercise in asked]


def _require_room(world: TaskWorld, prompt: int, context: int | None) -> None:
    cap = world.config.sample.max_tokens
    if context is None or prompt + cap <= context:
        return
    if prompt >= context:
        raise UserError(
            f"a prompt of --task {world.task.name} has {prompt:,} tokens and the model takes "
            f"{context:,}: wanted shorter questions, or another model"
        )
    raise UserError(
        f"sample.max_tokens={cap}: with a prompt of {prompt:,} tokens that is more than the "
        f"{context:,} that the model takes; try --set sample.max_tokens={context - prompt}"
    )
