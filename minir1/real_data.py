"""What does a real model learn from in the stages of R1? Right answers, as they were sampled.

A teacher answers training exercises; kept is what is right, ended, stands where it should
and stays in the question's script. Token ids are kept as drawn, so nothing is encoded
anew. Texts of a person's own come from a JSONL file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minir1.errors import UserError
from minir1.exercises import Attempt, TaskWorld
from minir1.finetune import Text
from minir1.rollout import Rollout

CONSISTENT = 0.95  # of the letters in the question's script, for an answer to be kept


def teach(
    world: TaskWorld, params: dict[str, Any], exercises: int, samples: int
) -> tuple[Rollout | None, list[Attempt]]:
    """Let a teacher answer training exercises, `samples` times each."""
    if not exercises:
        return None, []
    address = (world.config.seed, f"{world.stage}/answers", 0)
    asked = world.task.training(*address, exercises)
    return world.ask(params, asked, samples, address)


def good_rows(attempts: Sequence[Attempt]) -> list[int]:
    """List the attempts that are right, well formed and in one script."""
    return [
        i
        for i, a in enumerate(attempts)
        if a.right and a.well_formed and a.consistency >= CONSISTENT
    ]


def one_each(attempts: Sequence[Attempt], count: int) -> list[int]:
    """Choose the shortest good attempt at each exercise, for the first `count` of them."""
    shortest: dict[str, int] = {}
    for i in good_rows(attempts):
        known = shortest.get(attempts[i].prompt)
        if known is None or attempts[i].completion_tokens < attempts[known].completion_tokens:
            shortest[attempts[i].prompt] = i
    return list(shortest.values())[:count]


def all_different(attempts: Sequence[Attempt], count: int) -> list[int]:
    """Choose good attempts of which no two say the same."""
    first = {(attempts[i].prompt, attempts[i].completion): i for i in good_rows(attempts)[::-1]}
    return sorted(first.values())[:count]


def as_texts(rollout: Rollout | None, rows: Sequence[int]) -> list[Text]:
    """Cut rows out of a rollout, prompt and completion together."""
    if rollout is None:
        return []
    ends = rollout.prompt_lengths + rollout.completion_lengths
    return [
        Text(rollout.tokens[i, : ends[i]].astype(np.int32), int(rollout.prompt_lengths[i]))
        for i in rows
    ]


def read_own(path: str, world: TaskWorld) -> list[Text]:
    """Read texts of a person's own, each a question and how to answer it.

    Raises: UserError for a file that is not there, or a line that lacks one of them.
    """
    if not path:
        return []
    if not Path(path).is_file():
        raise UserError(f"{path} is no file: wanted JSONL with a question and a completion")
    tokenizer, texts = world.tokenizer, []
    for number, line in enumerate(Path(path).read_bytes().splitlines(), start=1):
        question, completion = _pair(line, f"{path}, line {number}")
        given = world.encode(world.prompt(question))
        learnt = [*tokenizer.encode(completion), tokenizer.eos_id]
        texts.append(Text(np.array(given + learnt, np.int32), len(given)))
    return texts


def _pair(line: bytes, where: str) -> tuple[str, str]:
    try:
        value = json.loads(line)
        question, completion = value["question"], value["completion"]
    except (ValueError, RecursionError, KeyError, TypeError):
        question = completion = None
    if not (isinstance(question, str) and isinstance(completion, str)):
        raise UserError(f'{where}: wanted {{"question": "…", "completion": "…"}}')
    return question, completion
