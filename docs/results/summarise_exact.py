"""Compute the exact world's results: exact.json, exact.md and exact.svg. It takes seconds.

python docs/results/summarise_exact.py
"""

import argparse
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import exact_figure as figure
import numpy as np
from publishing import fill, lay_out

from minir1 import exact
from minir1.exact import stale, tape
from minir1.exact.divergence import Divergences
from minir1.exact.estimate import Estimate, climb
from minir1.exact.group import Group
from minir1.exact.world import World
from minir1.rng import generator

HERE = Path(__file__).parent
WORLDS = 20  # drawn at random, to say how much a figure depends on the one that is shown
DRAWS = 20_000  # groups of the Monte Carlo check


def degrees(found: Sequence[float]) -> str:
    """Write the angle of the world that is shown, and the range over all worlds."""
    if any(math.isnan(angle) for angle in found):
        return "no direction"
    return f"{found[0]:.1f}° ({min(found):.1f} to {max(found):.1f})"


def over_worlds(measure: Callable[[int], list[float]]) -> list[list[float]]:
    """Measure the world of each seed; 0 is the one that is shown. Returns a list a measure."""
    return np.array([measure(seed) for seed in range(WORLDS)]).T.tolist()


def agreement_table() -> str:
    """Lay out how far the tape and the written-out gradients are apart."""
    worlds = [tape.disagreement(exact.example(seed)) for seed in range(WORLDS)]
    rows = [[name, f"{max(found[name] for found in worlds):.0e}"] for name in worlds[0]]
    return lay_out(["gradient of", "greatest difference in any entry, of 20 worlds"], rows)


def monte_carlo_table() -> str:
    """Lay out sampled group gradients beside the exact ones, in standard errors."""
    one, rows = figure.ONE, []
    for group in (
        Group(4, "none"), Group(4, "group mean"), Group(4, "leave one out"), Group(4, "std"),
        Group(4, "std", "token"), Group(4, "std", "sequence"),
    ):  # fmt: skip
        off = monte_carlo(one, group)
        rows.append([group.name, str(off.size), f"{np.abs(off).max():.1f}"])
    return lay_out(["estimator", "entries", "greatest distance, standard errors"], rows)


def monte_carlo(world: World, group: Group) -> np.ndarray:
    """Sample groups; say how far their mean is from the exact one, in standard errors."""
    rng = generator(0, "exact", "monte carlo", group.name)
    drawn = world.draw(0, DRAWS * group.size, rng).reshape(DRAWS, group.size)
    longest = world.tokens.shape[1]
    each = np.stack(
        [
            group.pushes(world.rewards[:, m], world.lengths[None, m], longest)[0]
            @ world.scores[0, m]
            for m in drawn
        ]
    )
    error = each.std(axis=0) / math.sqrt(DRAWS)
    seen = error > 0
    return (each.mean(axis=0) - group.estimate(world).mean)[seen] / error[seen]


def value_table() -> str:
    """Lay out the KL estimators as numbers, far from the reference and near it."""
    rows = []
    for share in (0.0, 0.8):
        world = figure.WORLD.toward_reference(share)
        known = Divergences.of(world).kl
        for v in exact.kl_values(world):
            bias = v.mean - known
            rows.append(
                [
                    f"{known:.3f}", v.name, f"{v.mean:.3f}",
                    "none" if abs(bias) < 1e-12 else f"{100 * bias / known:+.1f} %",
                    f"{v.deviation:.3f}",
                ]
            )  # fmt: skip
    return lay_out(["KL, nats", "estimator", "mean", "bias", "standard deviation"], rows)


def loss_table() -> str:
    """Lay out where the KL estimators lead as losses, in one token and in a sequence."""

    def angles(seed: int) -> list[float]:
        single, world = exact.example(seed, longest=1), exact.example(seed)
        known = Divergences.of(world)
        pairs = (
            (single, Divergences.of(single).gradient),
            (world, known.gradient),
            (world, known.own),
        )
        return [e.angle(true) for this, true in pairs for e in exact.kl_losses(this)]

    found = over_worlds(angles)
    losses = exact.kl_losses(figure.WORLD)
    noise = [e.noise(Divergences.of(figure.WORLD).gradient) for e in losses]
    rows = [
        [
            loss.name, *(degrees(found[i + k * len(losses)]) for k in range(3)),
            "–" if math.isinf(noise[i]) else f"{noise[i]:.1f}",
        ]
        for i, loss in enumerate(losses)
    ]  # fmt: skip
    heads = ["loss, summed over tokens", "completions of one token", "of four: the whole KL"]
    return lay_out([*heads, "of four: each token's own KL", "noise / signal"], rows)


def stale_table() -> str:
    """Lay out bias and noise of the ratios at three distances from the sampler."""
    path = list(climb(figure.WORLD, 16))
    heads, columns = ["ratio"], []
    for steps in (4, 8, 16):
        world = path[steps]
        true = exact.policy_gradient(world)
        heads.append(f"KL(π_old‖π) = {stale.distance(world, figure.WORLD):.2f}")
        columns.append(
            [(e.name, _bias(e, true)) for e in exact.stale_gradients(world, figure.WORLD)]
        )
    rows = [[cells[0][0], *(text for _, text in cells)] for cells in zip(*columns, strict=True)]
    return lay_out(heads, rows)


def _bias(estimate: Estimate, true: np.ndarray) -> str:
    angle, noise = estimate.angle(true), estimate.noise(true)
    return f"{angle:.1f}° · {estimate.factor(true):.2f} · {noise:.1f}"


def baseline_table() -> str:
    """Lay out the baselines: the factor that is left, and the noise by group size."""
    true = exact.policy_gradient(figure.WORLD)
    rows = []
    for scale in ("none", "group mean", "leave one out", "batch mean", "std"):
        found = [Group(size, scale).estimate(figure.WORLD) for size in (2, 4, 8)]
        cells = [
            f"{e.factor(true):.3f} · {e.angle(true):.1f}° · {e.noise(true):.1f}" for e in found
        ]
        rows.append([scale, *cells])
    return lay_out(["Â = r less …", "G = 2", "G = 4", "G = 8"], rows)


def length_table() -> str:
    """Lay out the normalisers: degrees off by group size, over all worlds."""
    averages, sizes = ("sequence", "token", "constant"), (2, 4, 8)

    def angles(seed: int) -> list[float]:
        one = exact.example(seed).only(1)
        true = exact.policy_gradient(one)
        return [
            Group(size, "group mean", average).estimate(one).angle(true)
            for average in averages
            for size in sizes
        ]

    found = iter(over_worlds(angles))
    rows = [[average, *(degrees(next(found)) for _ in sizes)] for average in averages]
    return lay_out(["average", *(f"G = {size}" for size in sizes)], rows)


def difficulty_table() -> str:
    """Lay out what a prompt counts, by its success rate."""
    rates, rows = (0.02, 0.1, 0.25, 0.5, 0.9), []
    for size in (2, 4, 8, 16, 64):
        weights = [exact.effective_weight(p, size) for p in rates]
        quotient = exact.effective_weight(0.1, size) / exact.effective_weight(0.5, size)
        rows.append([str(size), *(f"{w:.2f}" for w in weights), f"{quotient:.2f}"])
    heads = ["G", *(f"p = {p}" for p in rates), "p = 0.1 against p = 0.5"]
    return lay_out(heads, rows)


def group_table() -> str:
    """Lay out what a group's size does: what it wastes, and what a completion is worth."""
    world, true = figure.ONE, exact.policy_gradient(figure.ONE)
    p, rows = float(world.expected_rewards[0]), []
    for size in (2, 4, 8, 16, 32):
        estimate = Group(size, "group mean").estimate(world)
        flat = p**size + (1 - p) ** size
        rows.append(
            [
                str(size), f"{(size - 1) / size:.3f}", f"{flat:.3f}",
                f"{estimate.noise(true):.2f}",
                f"{estimate.noise(true) * math.sqrt(size / 32):.2f}",
            ]
        )  # fmt: skip
    heads = ["G", "factor (G-1)/G", f"flat groups at p = {p:.2f}", "noise of one group"]
    return lay_out([*heads, "noise of 32 completions"], rows)


def tables() -> dict[str, str]:
    """Make every generated part of the page."""
    world = figure.WORLD
    rates = ", ".join(f"{p:.3f}" for p in world.expected_rewards)
    return {
        "size": f"{len(world.tokens)}",
        "rates": rates,
        "worlds": str(WORLDS),
        "draws": f"{DRAWS:,}",
        "agreement": agreement_table(),
        "sampled": monte_carlo_table(),
        "values": value_table(),
        "losses": loss_table(),
        "stale": stale_table(),
        "baselines": baseline_table(),
        "difficulty": difficulty_table(),
        "lengths": length_table(),
        "groups": group_table(),
    }


def record() -> dict[str, Any]:
    """Collect the numbers of the figure."""
    angles, noises = figure.stale_samples()
    return {
        "schema": 1,
        "kl_values": figure.kl_values(),
        "kl_losses": figure.kl_losses(),
        "stale_angles": angles,
        "stale_noises": noises,
        "baselines": figure.baselines(),
        "difficulty": figure.difficulty(),
        "lengths": figure.lengths(),
    }


def rounded(curves: Any) -> Any:
    """Keep five digits of every number."""
    if isinstance(curves, dict):
        return {name: rounded(inner) for name, inner in curves.items()}
    if isinstance(curves, list):
        return [rounded(inner) for inner in curves]
    return float(f"{curves:.5g}") if isinstance(curves, float) else curves


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE)
    args = parser.parse_args()
    page = fill(HERE / "exact.template.md", tables())
    (args.out / "exact.md").write_text(page, encoding="utf-8")
    text = json.dumps(rounded(record()), ensure_ascii=False)
    (args.out / "exact.json").write_text(text + "\n", encoding="utf-8")
    figure.draw(args.out / "exact.svg")


if __name__ == "__main__":
    main()
