"""A tiny model that writes digits and ends now and then, and a task that some of them solve."""

from pathlib import Path

import numpy as np
import tiny_models

from minir1.model import init_params
from minir1.rng import generator

TASK = """
def exercises(part):
    start = {"train": 0, "validation": 100, "test": 200}[part]
    for n in range(start, start + 40):
        yield {"question": f"say {n}", "gold": "7"}


def score(exercise, answer):
    return float(answer.endswith(("1", "3", "5", "7", "9")))
"""
ASKED = ("prompt.template=plain", "prompt.answer=last", "sample.max_tokens=10")
QUICK = (
    *ASKED,
    "grpo.steps=2",
    "grpo.prompts=4",
    "grpo.group=4",
    "grpo.learning_rate=1e-3",
    "evaluation.problems=6",
    "evaluation.samples=2",
    "evaluation.validation_problems=4",
    "evaluation.every=2",
    "dev1.exercises=16",
    "dev2.steps=2",
    "dev3.exercises=16",
    "dev3.epochs=1",
    "r1.steps=2",
)


def write_model(folder: Path) -> Path:
    """Write a folder as other tools do: digits are likely, and so is the end."""
    shape = tiny_models.shape_of(tie_word_embeddings=False, max_position_embeddings=128)
    params, rng = init_params(shape, generator(0, "talkative")), generator(0, "head")
    tokenizer = tiny_models.text_tokenizer()
    params["model.embed_tokens.weight"][:, 0] = 3  # the same in every position
    head = 0.05 * rng.standard_normal(params["lm_head.weight"].shape)
    head[tokenizer.eos_id, 0] += 1.2
    for digit in "0123456789":
        head[tokenizer.encode(digit)[0], 0] += 1.0
    params["lm_head.weight"] = head.astype(np.float32)
    return tiny_models.write_folder(folder, params, shape)


def write_task(path: Path) -> str:
    """Write the task as a user would."""
    path.write_text(TASK, encoding="utf-8")
    return str(path)
