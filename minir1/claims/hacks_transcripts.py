"""What does a policy write that a weak grader pays for? Picked by a rule, never by hand.

The base, the policy that the rules trained and the one that the grader trained answer the
same validation questions. Overpaid is an answer that is wrong and yet earns, beside its form,
half a right answer or more. Of the last policy's answers those are shown that are paid most
beyond what the rules would pay; of equals the shortest; each of another question, and beside
each the base's answer.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minir1 import backend
from minir1.answers import ask, grade, total
from minir1.backend import from_numpy
from minir1.behaviour import Sample
from minir1.checkpoint import load_checkpoint
from minir1.claims.hacks_course import BASE, PLAIN, TRAINED, WHO, run
from minir1.config import RunConfig, override, tiny
from minir1.evaluate import is_right
from minir1.rewards import part_weights
from minir1.world.questions import Question, held_out_questions

QUESTIONS, GROUP = 100, 4
SHOWN = 3
OVERPAID = 0.5  # beside the form


@dataclass(frozen=True)
class Look:
    """A checkpoint's answers, what they are paid and what the rules would pay.

    Shapes: samples [B], paid (B), due (B)
    """

    samples: list[Sample]
    paid: np.ndarray
    due: np.ndarray

    @property
    def overpaid(self) -> float:
        """The share of answers that are wrong and yet earn half a right one or more."""
        wrong = np.array([not is_right(s) for s in self.samples])
        return float(np.mean(wrong & (self.paid - self.due >= OVERPAID - 1e-9)))


def transcripts(folder: Path, needs: dict[str, Path], kind: str, seed: int) -> dict[str, Any]:
    """Let three policies answer; say how often each is overpaid, and pick."""
    backend.use("numpy")
    weak, rules = (needs[run(name, seed).name] / "checkpoints" for name in (kind, PLAIN))
    questions = held_out_questions("validation", QUESTIONS)
    settings = [f"reward.kind={kind}", "threads=1", f"grpo.group={GROUP}"]
    config = override(tiny("r1-zero", seed), settings)
    places = (weak / "base", rules / "r1-zero", weak / "r1-zero")
    looks = {
        who: look(place, config, questions) for who, place in zip(WHO, places, strict=True)
    }
    return {
        "overpaid": {who: one.overpaid for who, one in looks.items()},
        "picked": pick(questions, looks[BASE], looks[TRAINED]),
    }


def look(checkpoint: Path, config: RunConfig, questions: list[Question]) -> Look:
    """Let a checkpoint answer, and pay by the weak grader and by the rules."""
    arrays, model, tokenizer = load_checkpoint(checkpoint)
    address = config.seed, "hacks", 0
    config = replace(config, model=model)
    _, samples = ask(from_numpy(arrays), config, tokenizer, questions, GROUP, address)
    rules = replace(config, reward=replace(config.reward, kind="rule"))
    paid, due = (
        total(grade(samples, each, address), part_weights(each.reward)).reshape(-1)
        for each in (config, rules)
    )
    return Look(samples, paid, due)


def pick(questions: list[Question], base: Look, trained: Look) -> list[dict[str, Any]]:
    """Choose by the rule of this module."""
    beyond = np.round(trained.paid - trained.due, 6)
    order = sorted(
        range(len(trained.samples)),
        key=lambda i: (-beyond[i], trained.samples[i].completion_tokens, i),
    )
    chosen: dict[int, int] = {}  # question -> completion
    for i in order:
        chosen.setdefault(i // GROUP, i)
    return [
        {
            "question": questions[p].prompt,
            "before": base.samples[i].completion,
            "after": trained.samples[i].completion,
            "paid": float(trained.paid[i]),
            "due": float(trained.due[i]),
        }
        for p, i in list(chosen.items())[:SHOWN]
    ]
