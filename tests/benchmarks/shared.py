"""What do the compared programs have in common? Questions, rewards, and how they report.

Every program takes the same steps from the same weights: step i asks the questions of step i,
and nothing is carried over to step i + 1, so every step measures the same state. The first
steps warm up and are not reported.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minir1 import answers, behaviour, grpo, rewards
from minir1.config import GRPOConfig, RunConfig, SampleConfig
from minir1.model_config import ModelConfig
from minir1.tokenizer import WordTokenizer
from minir1.world.questions import Question, training_questions

STAGE = "benchmark"


@dataclass(frozen=True)
class Options:
    """What a program is asked to do; one prompt is answered `group` times."""

    checkpoint: str
    steps: int
    warm: int
    threads: int
    prompts: int
    group: int
    cap: int
    minibatches: int
    micro_batch: int
    lean: bool

    @classmethod
    def read(cls, description: str) -> "Options":
        """Read the command line that all programs share."""
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("checkpoint", help="a Hugging Face folder that minir1 wrote")
        parser.add_argument("--steps", type=int, default=3, help="steps that are reported")
        parser.add_argument("--warm", type=int, default=1, help="steps before them")
        parser.add_argument("--threads", type=int, default=2)
        parser.add_argument("--prompts", type=int, default=32)
        parser.add_argument("--group", type=int, default=8)
        parser.add_argument("--cap", type=int, default=300, help="tokens of a completion")
        parser.add_argument("--minibatches", type=int, default=2, help="updates a step")
        parser.add_argument("--micro-batch", type=int, default=32, help="rows a backward pass")
        parser.add_argument("--lean", action="store_true", help="torch: drop what minir1 drops")
        options = cls(**vars(parser.parse_args()))
        if WordTokenizer.load(options.checkpoint).words != WordTokenizer().words:
            raise SystemExit(f"{options.checkpoint}: its words are not those of this minir1")
        return options

    def config(self, shape: ModelConfig) -> RunConfig:
        """Return minir1's configuration of the same step."""
        return RunConfig(
            threads=self.threads,
            model=shape,
            sample=SampleConfig(max_tokens=self.cap),
            grpo=GRPOConfig(
                prompts=self.prompts, group=self.group, minibatches=self.minibatches
            ),
        )

    def questions(self, step: int) -> list[Question]:
        """Return the questions of a step, the same for every program."""
        return training_questions(0, STAGE, step, self.prompts, GRPOConfig().zh_prompts)


def samples(
    questions: Sequence[Question], rows: Sequence[Sequence[int]], group: int
) -> list[behaviour.Sample]:
    """Turn completions, as token ids with the end token, into what minir1 grades."""
    words = WordTokenizer()
    return [
        behaviour.Sample(
            problem=questions[i // group].problem,
            language=questions[i // group].language,
            completion=words.decode(row),
            completion_tokens=len(row),
            finished=len(row) > 0 and row[-1] == words.eos_id,
        )
        for i, row in enumerate(rows)
    ]


def grade(graded: list[behaviour.Sample], config: RunConfig) -> np.ndarray:
    """Pay the completions as minir1 does. Shapes: samples [B] -> (P, G)"""
    parts = answers.grade(graded, config, (0, STAGE, 0))
    return answers.total(parts, rewards.part_weights(config.reward))


def row(
    seconds: float,
    rollout: float,
    update: float,
    answered: list[behaviour.Sample],
    paid: np.ndarray,
) -> dict[str, float]:
    """Describe one step: its seconds, and what was sampled in it."""
    return {
        "seconds": seconds,
        "rollout_seconds": rollout,
        "update_seconds": update,
        "completion_tokens": float(np.mean([s.completion_tokens for s in answered])),
        "longest": max(s.completion_tokens for s in answered),
        "reward": float(paid.mean()),
        "flat_groups": float(grpo.flat_groups(paid).mean()),
    }


def report(options: Options, steps: list[dict[str, float]], **versions: str) -> None:
    """Print the reported steps as one line of JSON, the last of the program."""
    result = {"steps": steps[options.warm :], "versions": versions}
    print(json.dumps(result), flush=True)
    sys.exit(0)
