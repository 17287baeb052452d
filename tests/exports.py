"""Small things to export, and a policy that says what others have said."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tiny_models import END, shape_of, tokenizer_files, vocabulary, write_folder

from minir1 import model
from minir1.checkpoint import save_checkpoint
from minir1.exercises import TaskWorld
from minir1.model_config import ModelConfig
from minir1.real_config import RealConfig, real
from minir1.rng import generator
from minir1.rollout import Rollout, assemble
from minir1.runfolder import RunFolder
from minir1.text_tokenizer import TextTokenizer

ENDS = [vocabulary()[0].index(END), *range(40, 110)]  # many, so that random models stop


def shape() -> ModelConfig:
    return shape_of("qwen3", max_position_embeddings=512, tie_word_embeddings=True)


def params() -> dict[str, np.ndarray]:
    return model.init_params(shape(), generator(0, "exports"))


def foreign(folder: Path) -> Path:
    """A folder as another tool writes it, which stops at any of many tokens."""
    write_folder(folder, params(), shape())
    ends = json.dumps({"eos_token_id": ENDS})
    (folder / "generation_config.json").write_text(ends)
    return folder


def tokenizer() -> TextTokenizer:
    return TextTokenizer(tokenizer_files(), "here", ENDS)


def run_of(folder: Path, task: str = "arithmetic:small", *changes: Any) -> RunFolder:
    """A run of a real model with one checkpoint."""
    config = real("somewhere", task, 3)
    for change in changes:
        config = change(config)
    run = RunFolder.create(folder, config)
    save_checkpoint(run.checkpoint_path("r1-zero"), params(), shape(), tokenizer())
    return run


class Parrot:
    """A policy that gives completions that are known already."""

    def __init__(self, completions: Sequence[Sequence[int]]):
        self.completions = completions

    def sample(
        self, params: Any, prompts: Any, group: int, settings: Any, address: Any,
        eos_ids: Any, pad_id: int, threads: int = 0,
    ) -> Rollout:  # fmt: skip
        """Return the completions, whatever is asked."""
        rows = [(np.array(c), np.zeros(len(c)), np.zeros(len(c))) for c in self.completions]
        repeated = [prompt for prompt in prompts for _ in range(group)]
        return assemble(repeated, rows, eos_ids, pad_id)


def paid_by_us(
    config: RealConfig, words: TextTokenizer, task: Any, exercises: Sequence[Any],
    completions: Sequence[Sequence[int]],
) -> tuple[np.ndarray, Rollout]:  # fmt: skip
    """What a run pays for completions, a group to each exercise."""
    policy: Any = Parrot(completions)
    world = TaskWorld(config, policy, words, task, "r1-zero")
    address = (config.seed, "r1-zero", 0)
    group = len(completions) // len(exercises)
    rollout, attempts = world.ask({}, exercises, group, address)
    return world.paid(exercises, rollout, attempts, address).rewards.reshape(-1), rollout
