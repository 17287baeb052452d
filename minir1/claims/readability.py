"""How readable are answers, as far as counting tells? Switches of language, and mixing.

A switch is a word of one language after a word of the other, words of none left out. An answer
thinks if it writes an attempt; answers that only state a result have no words to mix.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from minir1.behaviour import Sample, speaks_another
from minir1.claims.job import Job
from minir1.traces import read_attempts, thinking
from minir1.world.languages import language_of

PROBLEMS, SAMPLES = 250, 4


def readability(seed: int, name: str, run: Job, checkpoints: Sequence[str]) -> Job:
    """Count in the answers of a run's checkpoints."""
    asked = {"seed": seed, "origin": run.name, "checkpoints": list(checkpoints)}
    minutes = 0.2 * len(checkpoints)
    function = f"{__name__}:count"
    return Job(f"readability/{name}/seed{seed}", function, asked, (run,), minutes)


def count(
    folder: Path, needs: dict[str, Path], seed: int, origin: str, checkpoints: Sequence[str]
) -> dict[str, Any]:
    """Let checkpoints answer test problems; return what was counted, by checkpoint."""
    from minir1 import backend
    from minir1.answers import ask
    from minir1.checkpoint import load_checkpoint
    from minir1.config import RunConfig
    from minir1.world.questions import held_out_questions

    backend.use("numpy")
    questions, address = held_out_questions("test", PROBLEMS), (seed, "readability", 0)
    found = {}
    for name in checkpoints:
        params, model, tokenizer = load_checkpoint(needs[origin] / "checkpoints" / name)
        config = RunConfig(seed=seed, model=model, threads=1)
        params = backend.from_numpy(params)
        _, samples = ask(params, config, tokenizer, questions, SAMPLES, address)
        found[name] = describe(samples)
    return {"checkpoints": found}


def describe(samples: Sequence[Sample]) -> dict[str, Any]:
    """Sum up the switches, and the mixing of answers that think and of long ones.

    Raises: ValueError for no samples, or none that thinks.
    """
    thinks = [bool(read_attempts(thinking(s.completion))) for s in samples]
    if not any(thinks):
        raise ValueError("wanted at least one answer that thinks")
    switched = np.array([switches(s.completion) for s in samples])
    tokens = np.array([s.completion_tokens for s in samples])
    mixed = np.array([speaks_another(s.completion, s.language) for s in samples])
    return {
        "switches": float(switched.mean()),
        "switches_per_100_tokens": float(100 * switched.sum() / tokens.sum()),
        "mixed_of_thinking": float(mixed[np.array(thinks)].mean()),
        "thinking": float(np.mean(thinks)),
    }


def switches(completion: str) -> int:
    """Count the changes from one language to the other, word after word."""
    spoken = [language for w in completion.split() if (language := language_of(w)) is not None]
    return sum(before != after for before, after in pairwise(spoken))
