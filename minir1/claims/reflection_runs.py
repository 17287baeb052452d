"""What is done for the claim about reflection? Audit corpora; take words away and ask again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from minir1 import backend
from minir1.behaviour import REEVALUATIVE
from minir1.checkpoint_commands import load
from minir1.claims.reflection_measures import (
    after_a_miss,
    beside_the_others,
    cut_short,
    figures,
)
from minir1.config import RunConfig, override, tiny
from minir1.datasets import Checkpoint
from minir1.evaluate import answers_without
from minir1.traces import CHECK, NO
from minir1.world.audit import rates
from minir1.world.corpus import documents
from minir1.world.languages import CONNECTIVES, GENERAL_PAIRS, REFLECTIVE
from minir1.world.questions import held_out_questions

BLOCKS = 50  # of 1000 documents
NEUTRAL = [word for pair in GENERAL_PAIRS[: len(REFLECTIVE) // 2] for word in pair]

# What is forbidden under each name; nothing is the reference.
BANS = {
    "nothing": [],
    "reflective": sorted(REFLECTIVE),
    "starting again": sorted(REEVALUATIVE),
    "no": sorted(NO),
    "check": sorted(CHECK),
    "try": [words["try"] for words in CONNECTIVES.values()],
    "neutral": NEUTRAL,
}


def corpus(folder: Path, needs: dict[str, Path], settings: list[str]) -> dict[str, Any]:
    """Measure how rare traces with a second attempt are in a corpus, from its texts."""
    config = override(tiny("pretrain"), settings).corpus
    found = rates([text for block in range(BLOCKS) for text in documents(0, config, block)])
    thinking_aloud, traces = found["share"]["think"], found["traces"]
    return {
        "documents": found["documents"],
        "reflecting": thinking_aloud * traces["several_attempts"],
        "thinking": thinking_aloud,
        "attempts": traces["attempts"],
        "reflective_words": traces["reflective_words"],
    }


def forbid(
    folder: Path,
    needs: dict[str, Path],
    seed: int,
    origin: str,
    part: str = "test",
    problems: int = 250,
    samples: int = 4,
) -> dict[str, Any]:
    """Ask R1-Zero with words forbidden, with its thoughts cut short, and as it is.

    The cut leaves thoughts as long as those without reflective words are on average. The
    base, as it is, is asked the same.
    """
    backend.use("numpy")
    checkpoints = needs[origin] / "checkpoints"
    base, model = load(str(checkpoints / "base")), load(str(checkpoints / "r1-zero"))
    sizes = [f"evaluation.problems={problems}", f"evaluation.samples={samples}", "threads=1"]
    config = replace(override(tiny(seed=seed), sizes), model=model.config)
    answers = {name: _answers(model, config, ban, part) for name, ban in BANS.items()}
    found = {name: figures(said) for name, said in answers.items()}
    left = round(found["reflective"]["completion_tokens"] or 0)
    questions = held_out_questions(part, problems)
    shorter = cut_short(model, config, questions, answers["nothing"], left, seed)
    before = _answers(base, config, [], part)
    return {
        "bans": {**found, "cut short": figures(shorter)},
        "cut_at": left,
        "base": {**figures(before), **after_a_miss(before)},
        "r1-zero": {
            **found["nothing"],
            **after_a_miss(answers["nothing"]),
            **beside_the_others(answers["nothing"], samples),
        },
    }


def _answers(model: Checkpoint, config: RunConfig, ban: list[str], part: str) -> list[Any]:
    return answers_without(model.params, config, model.tokenizer, ban, part)
