"""What can be set in the stages that make R1 out of a real model's R1-Zero?

The stages are those of the tiny world (`stage_config.py`), with what a task offers in place
of what the world knows: right answers are kept as they were written, nobody rewrites them,
and what a person wants to add comes from a file. "R1:" is the published value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from minir1.settings import Count, Positive, Section, Weight, Whole
from minir1.stage_config import FineTuneConfig


@dataclass(frozen=True)
class RealColdStartConfig(FineTuneConfig):
    """dev1: the base, fine-tuned on a few hundred right and readable answers of R1-Zero."""

    section: ClassVar[str] = "dev1"

    learning_rate: Positive = 1e-5  # at its peak; R1: 5e-5
    exercises: Whole = 256  # train exercises that R1-Zero is asked
    samples: Count = 4  # answers to each
    texts: Count = 256  # right ones kept, one an exercise, at most; R1: thousands
    file: str = ""  # JSONL of {"question", "completion"} to learn from as well


@dataclass(frozen=True)
class RealReasoningConfig(Section):
    """dev2: reinforcement learning on the task, with a reward for one language."""

    section: ClassVar[str] = "dev2"

    steps: Whole = 40
    learning_rate: Positive = 5e-6  # R1: 3e-6
    language: Weight = 0.1  # of the share of letters in the question's script; R1: 1


@dataclass(frozen=True)
class RealRejectionConfig(FineTuneConfig):
    """dev3: the base again, fine-tuned on dev2's right answers."""

    section: ClassVar[str] = "dev3"

    learning_rate: Positive = 1e-5  # at its peak; R1: 5e-5
    exercises: Whole = 512  # train exercises that dev2 is asked
    samples: Count = 4  # answers to each
    texts: Count = 2000  # right ones kept, no two alike, at most; R1: 600,000
    file: str = ""  # JSONL of general answers to mix in; R1: 200,000


@dataclass(frozen=True)
class RealAlignmentConfig(Section):
    """r1: reinforcement learning once more, from dev3.

    # R1 differs: no reward model, as a task has no preferences to fit one to.
    """

    section: ClassVar[str] = "r1"

    steps: Whole = 20
    learning_rate: Positive = 5e-6
    language: Weight = 0.1
