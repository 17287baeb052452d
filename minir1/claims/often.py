"""How often is each problem solved in very many tries, and what would a vote say?

Every problem is asked hundreds of times; kept are the right answers of each problem, so that
pass@k can be estimated without bias up to the number of tries, and the majority votes of k.
"""

from pathlib import Path
from typing import Any

import numpy as np

from minir1.claims.job import Job
from minir1.config import RunConfig
from minir1.rng import generator
from minir1.statistics import maj_at_k, pass_at_k

PROBLEMS, TRIES = 100, 256
PASS = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # the k of pass@k
VOTES = (1, 2, 4, 8, 16, 32, 64)  # the k of majority votes


def often(
    seed: int, arm: str, source: Job | None, checkpoint: str, minutes: float = 3.0
) -> Job:
    """Ask a checkpoint of a run, or a shipped model, the first test problems very often."""
    asked = {"seed": seed, "origin": source.name if source else None, "checkpoint": checkpoint}
    needs = (source,) if source else ()
    return Job(f"often/{arm}/seed{seed}", f"{__name__}:ask_often", asked, needs, minutes)


def ask_often(
    folder: Path,
    needs: dict[str, Path],
    seed: int,
    origin: str | None,
    checkpoint: str,
    part: str = "test",
    problems: int = PROBLEMS,
    tries: int = TRIES,
) -> dict[str, Any]:
    """Ask and grade; return what each problem came to, in the order of the problems.

    "right": right answers of each problem; "pass_at_k" and "maj_at_k": k -> one value a
    problem.
    """
    from minir1 import backend
    from minir1.answers import ask
    from minir1.evaluate import is_right, untempered
    from minir1.rewards import vote
    from minir1.world.questions import held_out_questions

    backend.use("numpy")
    params, model, tokenizer = _open(needs[origin] if origin else None, checkpoint)
    config = untempered(RunConfig(seed=seed, model=model, threads=1))
    questions = held_out_questions(part, problems)
    address = (seed, f"often/{part}", 0)
    _, samples = ask(params, config, tokenizer, questions, tries, address)
    right = np.array([is_right(s) for s in samples]).reshape(-1, tries)  # (P, n)
    votes = [vote(s.completion, s.finished) for s in samples]
    ballots = [votes[i : i + tries] for i in range(0, len(votes), tries)]
    solved, rng = right.sum(axis=1), generator(seed, "often", "votes")
    return {
        "tries": tries,
        "difficulty": [q.problem.difficulty for q in questions],
        "right": solved.tolist(),
        "tokens": float(np.mean([s.completion_tokens for s in samples])),
        "pass_at_k": {str(k): pass_at_k(tries, solved, k).tolist() for k in PASS if k <= tries},
        "maj_at_k": {
            str(k): maj_at_k(ballots, right, k, rng).tolist() for k in VOTES if k <= tries
        },
    }


def _open(folder: Path | None, name: str) -> Any:
    """Open a checkpoint of a run folder, or a shipped model by its name."""
    from minir1 import backend
    from minir1.checkpoint import load_checkpoint
    from minir1.storage.resolve import ASSETS

    path = folder / "checkpoints" / name if folder else ASSETS / name
    params, model, tokenizer = load_checkpoint(path)
    return backend.from_numpy(params), model, tokenizer
