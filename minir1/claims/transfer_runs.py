"""What is done for the claim about other domains? Train, and measure on both."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from minir1 import backend, evaluate, program_evaluation
from minir1.checkpoint_commands import load
from minir1.claims import standard
from minir1.config import EvalConfig, tiny

CURVES = ("step", "accuracy", "completion_tokens", "program_accuracy", "puzzle_accuracy")


def train(
    folder: Path, needs: dict[str, Path], seed: int, base: str, settings: Sequence[str]
) -> dict[str, Any]:
    """Run R1-Zero from a base; return how its last policy does on test problems."""
    run = standard.train(folder, needs, "r1-zero", seed, settings, base)
    rows = [
        {name: row[name] for name in CURVES if name in row} for row in run["curves"]["r1-zero"]
    ]
    return {
        "programs": programs(folder / "checkpoints" / "r1-zero", seed, samples=4),
        "puzzles": brief(run["checkpoints"]["r1-zero"]),
        "curve": rows,
    }


def measure(folder: Path, needs: dict[str, Path], base: str) -> dict[str, Any]:
    """Measure a base on the test problems of both kinds."""
    checkpoint = needs[base] / "checkpoints" / "base"
    pretrained = standard.read_run(needs[base])["checkpoints"]["base"]
    return {"programs": programs(checkpoint, 0, samples=16), "puzzles": brief(pretrained)}


def programs(checkpoint: Path, seed: int, samples: int) -> dict[str, Any]:
    """Measure a checkpoint on all test program problems."""
    backend.use("numpy")
    model = load(str(checkpoint))
    config = replace(
        tiny(seed=seed),
        model=model.config,
        threads=1,
        evaluation=EvalConfig(problems=program_evaluation.SIZES["test"], samples=samples),
    )
    figures, _ = program_evaluation.held_out_figures(model.params, config, model.tokenizer)
    return {**brief(figures), "shown_not_hidden": figures["shown_not_hidden"]}


def brief(figures: evaluate.Figures) -> dict[str, Any]:
    """Keep the figures of a checkpoint that the claim rests on."""
    return {
        "pass_at_1": figures["pass_at_1"]["value"],
        "answers": figures["pass_at_1"]["problems"] * figures["pass_at_1"]["samples"],
        "pass_at_4": figures["pass_at_k"]["4"],
        "format_rate": figures["format_rate"],
        "completion_tokens": figures["completion_tokens"],
        "attempts": figures["attempts_per_answer"],
        "verdict": figures["verdict"],
    }
