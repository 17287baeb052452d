"""Is our GRPO objective still TRL's, in loss and gradient, variant by variant?

TRL's numbers were written down by `benchmarks/objective_vs_trl.py --golden`, which runs
TRL's own trainer on given logits; here they are compared with, without TRL.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent / "benchmarks"))

from objective_cases import LONGEST, Variant
from objective_vs_trl import from_logprobs, gap

from minir1 import grpo
from minir1.backend import use

GOLDEN = json.loads((Path(__file__).parent / "fixtures" / "objective_trl.json").read_text())
CASES = {Variant(**case["variant"]).name: case for case in GOLDEN["cases"]}


def stored(name: str) -> tuple[Variant, dict[str, np.ndarray]]:
    """A variant, and what TRL was given and answered, as arrays of (B, T) or (B)."""
    case = CASES[name]
    variant = Variant(**case["variant"])
    lengths = np.array(case["lengths"])
    given = {**GOLDEN["given"], "by_logprob": case["by_logprob"]}
    if variant.num_iterations == 1:  # the sampler was the policy
        del given["old_per_token_logps"]
    theirs = {
        key: np.array(value, np.float32).reshape(-1, LONGEST) for key, value in given.items()
    }
    theirs["mask"] = np.arange(LONGEST) < lengths[:, None]
    theirs["advantages"] = np.array(case["advantages"], np.float32)
    theirs["loss"] = np.array(case["loss"])
    return variant, theirs


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("engine", ["numpy", pytest.param("mlx", marks=pytest.mark.mlx)])
def test_loss_and_gradient_are_those_of_trl(engine: str, name: str) -> None:
    if engine == "mlx":
        pytest.importorskip("mlx")
    use(engine)
    variant, theirs = stored(name)
    mine = from_logprobs(variant, theirs)
    assert abs(float(mine["loss"]) - float(theirs["loss"])) < 1e-5
    assert gap(mine["by_logprob"], theirs["by_logprob"]) < 1e-5


def test_no_two_variants_are_the_same() -> None:
    """Else a wrong one would not be seen. TRL's bnpo is its dapo in a single micro-batch."""
    seen: dict[str, Any] = {}
    for name, case in CASES.items():
        key = json.dumps([round(x, 6) for x in case["by_logprob"]])
        assert seen.setdefault(key, name).replace("bnpo", "dapo") == name.replace(
            "bnpo", "dapo"
        )
    assert len(seen) == len(CASES) * 3 // 4


@pytest.mark.parametrize(("scale", "theirs"), [("std", "group"), ("none", "none")])
def test_advantages_are_those_of_trl_but_for_g_minus_1(scale: str, theirs: str) -> None:
    rewards = np.array(GOLDEN["rewards"])
    case = next(c for c in CASES.values() if c["variant"]["scale_rewards"] == theirs)
    wanted = np.reshape(case["advantages"], rewards.shape)
    mine = grpo.group_advantages(rewards, scale)
    if scale == "std":
        ours, other = (rewards.std(axis=1, ddof=n, keepdims=True) + 1e-4 for n in (0, 1))
        mine = mine * ours / other
    assert np.abs(mine - wanted).max() < 1e-5
