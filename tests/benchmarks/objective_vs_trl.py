"""Are minir1's loss and its gradients those of TRL, variant by variant, on the same numbers?

    python tests/benchmarks/objective_vs_trl.py --torch PYTHON [--golden FILE] [--engines mlx]

PYTHON is an interpreter with PyTorch and TRL (requirements.txt); this one has minir1 and, for
its column, MLX. For each variant: the difference of the loss, and the greatest differences of
the gradient by log-probability and by logit, divided by the greatest entry of TRL's.
Everything is float32; 1e-5 passes. Exits with 1 if anything does not.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from objective_cases import AVERAGES, BETA, CAP, Variant, numbers, variants

from minir1 import grpo
from minir1.backend import to_numpy, use, xp

HERE = Path(__file__).parent
LIMIT = 1e-5
QUANTITIES = ("loss", "by_logprob", "by_logit")
Arrays = dict[str, np.ndarray]


def settings(variant: Variant) -> dict[str, Any]:
    """The same variant in minir1's words: arguments of `grpo.grpo_loss`."""
    options = {"clip_low": 0.2, "clip_high": variant.epsilon_high}
    if variant.kl == "k3 ratio":
        options |= {"kl_weight": BETA, "kl_estimator": "k3"}
    return options


def token_weights(variant: Variant, mask: np.ndarray) -> np.ndarray:
    """What each token counts. Shapes: mask (B, T) -> (B, T)

    minir1 counts the completions with a trained token, TRL all of them, also the truncated
    ones whose tokens it masks.
    """
    weights = grpo.token_weights(mask, AVERAGES[variant.loss_type], CAP)
    if variant.loss_type in ("grpo", "dr_grpo"):
        weights = weights * mask.any(1).mean()
    return weights.astype(np.float32)


def objective(variant: Variant, logprobs: Any, given: Arrays) -> Any:
    """minir1's loss of a variant, on the engine in use.

    Shapes: logprobs (N), given: old, reference, advantages and weights (N)
    """
    old, reference, pushes, weights = (
        xp.array(given[name]) for name in ("old", "reference", "advantages", "weights")
    )
    loss = grpo.grpo_loss(
        logprobs, old, pushes, weights, ref_logprobs=reference, **settings(variant)
    )
    if variant.kl == "k3":  # no option of minir1: its gradient is that of the reversed KL
        loss = loss + BETA * xp.sum(weights * grpo.kl_k3(logprobs, reference))
    return loss


def trained(variant: Variant, theirs: Arrays) -> tuple[np.ndarray, Arrays]:
    """The trained places along (B, T) laid flat, and what the loss needs at them.

    The advantages are TRL's: theirs divide by a standard deviation over G - 1.
    """
    mask = theirs["mask"].astype(np.float32)
    places = np.flatnonzero(mask)
    zeros = np.zeros_like(mask)
    every = {
        "logprobs": theirs["logprobs"],
        "old": theirs.get("old_per_token_logps", theirs["logprobs"]),
        "reference": theirs.get("ref_per_token_logps", zeros),
        "advantages": zeros + theirs["advantages"][:, None],
        "weights": token_weights(variant, mask),
    }
    return places, {name: value.reshape(-1)[places] for name, value in every.items()}


def from_logprobs(variant: Variant, theirs: Arrays) -> Arrays:
    """Our loss and gradient from TRL's log-probabilities."""
    places, given = trained(variant, theirs)
    loss, slope = xp.value_and_grad(lambda x: objective(variant, x, given))(
        xp.array(given["logprobs"])
    )
    spread = np.zeros_like(theirs["logprobs"])
    spread.reshape(-1)[places] = to_numpy(slope)
    return {"loss": to_numpy(loss), "by_logprob": spread}


def from_logits(variant: Variant, theirs: Arrays, data: Arrays) -> np.ndarray:
    """Our gradient by the logits that TRL was given. Shapes: -> (B, T, V)"""
    places, given = trained(variant, theirs)
    tokens = data["tokens"].reshape(-1)[places].astype(np.int32)

    def loss(logits: Any) -> Any:
        return objective(variant, xp.token_logprobs(logits, tokens), given)

    logits = data["new"].reshape(-1, data["new"].shape[-1])
    spread = np.zeros_like(logits)
    spread[places] = to_numpy(xp.value_and_grad(loss)(xp.array(logits[places]))[1])
    return spread.reshape(data["new"].shape)


def gap(mine: np.ndarray, theirs: np.ndarray) -> float:
    """The greatest difference, in units of the greatest entry of theirs."""
    return float(np.abs(mine - theirs).max() / np.abs(theirs).max())


def gaps(variant: Variant, theirs: Arrays, data: Arrays) -> tuple[float, float, float]:
    """How far we are from TRL: the loss, its gradient by log-probability and by logit.

    The loss is compared as it is: where every ratio is one, it is zero but for rounding.
    """
    mine = from_logprobs(variant, theirs)
    return (
        abs(float(mine["loss"]) - float(theirs["loss"])),
        gap(mine["by_logprob"], theirs["by_logprob"]),
        gap(from_logits(variant, theirs, data), theirs["by_logit"]),
    )


def in_trl(python: str, data: Arrays) -> tuple[dict[str, Arrays], dict[str, str]]:
    """TRL's answer to every variant, from a process of its own, and the versions."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "numbers.npz"), Path(folder, "answers.npz")
        np.savez(source, **data)
        command = [python, str(HERE / "objective_in_trl.py"), str(source), str(target)]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"TRL failed:\n{done.stderr[-3000:]}")
        found = dict(np.load(target))
    answers: dict[str, Arrays] = {variant.name: {} for variant in variants()}
    for key, value in found.items():
        if "/" in key:
            name, what = key.split("/")
            answers[name][what] = value
    return answers, {name: str(found[name]) for name in ("trl", "torch")}


def compare(answers: dict[str, Arrays], data: Arrays, engine: str) -> bool:
    """Print both tables of one engine; say whether all that should be equal is."""
    use(engine)
    print(f"\n{engine:66}" + "".join(f"{name:>12}" for name in QUANTITIES))
    good, worst = True, {}
    for variant in variants():
        found = gaps(variant, answers[variant.name], data)
        equal = max(found) < LIMIT
        good &= equal == variant.comparable
        verdict = "equal" if equal else "differs"
        verdict += "" if variant.comparable else " on purpose"
        print(f"{variant.name:66}" + "".join(f"{g:12.1e}" for g in found) + f"  {verdict}")
        if variant.comparable:
            kind = variant.loss_type, variant.kl
            worst[kind] = np.maximum(worst.get(kind, 0), found)
    print(
        f"\n| {engine}: loss_type | KL | {' | '.join(QUANTITIES)} |\n|---|---|---:|---:|---:|"
    )
    for kind, found in worst.items():
        print(f"| {' | '.join([*kind, *(f'{g:.0e}' for g in found)])} |")
    return good


def compare_advantages(answers: dict[str, Arrays], data: Arrays) -> bool:
    """Print how our advantages differ from TRL's as they are, and once both divide alike."""
    rewards, good = data["rewards"], True
    group = rewards.shape[1]
    for scale, trl in (("std", "group"), ("none", "none")):
        theirs = answers[Variant("grpo", trl).name]["advantages"].reshape(rewards.shape)
        mine = grpo.group_advantages(rewards, scale)
        spread = rewards.std(axis=1, keepdims=True)
        wider = spread * np.sqrt(group / (group - 1))
        alike = mine * (spread + grpo.EPS) / (wider + grpo.EPS) if scale == "std" else mine
        gaps = gap(mine, theirs), gap(alike, theirs)
        good &= gaps[1] < LIMIT
        print(f"advantages, scale {scale}: as they are {gaps[0]:.1e}, std alike {gaps[1]:.1e}")
    return good


def golden(answers: dict[str, Arrays], data: Arrays, versions: dict[str, str]) -> str:
    """What the default tests compare with, as JSON: a part of the variants, (B, T) flat."""
    kept = [v for v in variants() if v.scale_rewards == "group" and v.epsilon_high != 0.2]
    kept += [v for v in variants() if v.mask_truncated_completions]
    kept += [Variant(loss, "none", num_iterations=1) for loss in AVERAGES]

    def short(values: np.ndarray) -> list[float]:
        return [float(f"{x:.9g}") for x in values.reshape(-1)]

    whole = answers[kept[1].name]  # with a KL, so nothing is left out
    shared = ("logprobs", "old_per_token_logps", "ref_per_token_logps")
    said = {
        "from": "TRL, by tests/benchmarks/objective_vs_trl.py --golden",
        **versions,
        "rewards": data["rewards"].tolist(),
        "given": {name: short(whole[name] * whole["mask"]) for name in shared},
        "cases": [
            {
                "variant": vars(variant),
                "lengths": answers[variant.name]["mask"].sum(1).tolist(),
                "advantages": short(answers[variant.name]["advantages"]),
                "loss": float(answers[variant.name]["loss"]),
                "by_logprob": short(answers[variant.name]["by_logprob"]),
            }
            for variant in kept
        ],
    }
    return json.dumps(said).replace('{"variant"', '\n{"variant"') + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", required=True, help="an interpreter with PyTorch and TRL")
    parser.add_argument("--golden", type=Path, help="also write what the tests compare with")
    parser.add_argument("--engines", nargs="+", default=["numpy", "mlx"])
    chosen = parser.parse_args()
    data = numbers()
    answers, versions = in_trl(chosen.torch, data)
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    good = compare_advantages(answers, data)
    for engine in chosen.engines:
        good &= compare(answers, data, engine)
    if chosen.golden:
        chosen.golden.write_text(golden(answers, data, versions), encoding="utf-8")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
