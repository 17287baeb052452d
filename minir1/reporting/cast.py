"""Who plays in the story? Checkpoints and stages: their order, names, and what made them.

The names are the paper's (DeepSeek-R1, arXiv 2501.12948v2, section 3); R1-Zero, Dev1, Dev2,
Dev3 and R1 are of one size, the students of a quarter of it.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Player(NamedTuple):
    """A checkpoint: how it is called, what made it in three words, and in one sentence."""

    title: str
    made: str
    told: str
    small: bool = False


PLAYERS = {
    "base": Player(
        "base",
        "pretraining only",
        "The model as pretraining left it: nobody taught it to answer.",
    ),
    "r1-zero": Player(
        "R1-Zero",
        "reinforcement only",
        "The base answers problems in groups of eight; what led to a right answer becomes "
        "likelier, what did not, less likely. No example of thinking is shown to it.",
    ),
    "dev1": Player(
        "Dev1",
        "cold start",
        "The base, fine-tuned on right answers of R1-Zero, rewritten to be readable: one "
        "language, a summary at the end.",
    ),
    "dev2": Player(
        "Dev2",
        "reasoning RL",
        "Dev1, reinforced on problems again, and also paid for staying in the language of the "
        "question.",
    ),
    "dev3": Player(
        "Dev3",
        "rejection sampling",
        "The base once more, fine-tuned on the right answers of Dev2, and on good answers to "
        "everyday prompts.",
    ),
    "r1": Player(
        "R1",
        "RL, all scenarios",
        "Dev3, reinforced on problems, and towards the end on everyday prompts too, where a "
        "reward model says what people would prefer.",
    ),
    "small-base": Player(
        "small base",
        "pretraining only",
        "A student of a quarter of the size, pretrained.",
        True,
    ),
    "small-rl": Player(
        "small RL",
        "reinforcement only",
        "The student, reinforced on problems alone, as R1-Zero was.",
        True,
    ),
    "distilled": Player(
        "distilled",
        "taught by Dev3’s data",
        "The student, fine-tuned on what made Dev3: it is shown, it does not search.",
        True,
    ),
    "distilled-rl": Player(
        "distilled + RL",
        "RL after it",
        "The taught student, reinforced afterwards.",
        True,
    ),
}

OTHER_STAGES = {"pretrain": "pretraining", "reward-model": "reward model"}
PLAIN_RECIPE = ("base", "r1-zero")
R1_RECIPE = ("base", "r1-zero", "dev1", "dev2", "dev3", "r1")
RECIPES = {
    "pretrain": ("base",),
    "r1-zero": PLAIN_RECIPE,
    "r1": R1_RECIPE,
    "all": tuple(PLAYERS),
}


def title(name: str) -> str:
    """Return how a checkpoint or a stage is called in print."""
    return PLAYERS[name].title if name in PLAYERS else OTHER_STAGES.get(name, name)


def look(name: str) -> str:
    """Return the class of the style sheet that gives a checkpoint its colour and its dashes."""
    return f"of-{name}" if name in PLAYERS else "of-other"


def in_order(names: Iterable[str]) -> list[str]:
    """Sort names as the story tells them, unknown ones last."""
    order = list(PLAYERS)
    return sorted(set(names), key=lambda n: (order.index(n) if n in order else len(order), n))


def is_small(name: str) -> bool:
    """Say whether a checkpoint is one of the students."""
    return name in PLAYERS and PLAYERS[name].small
