"""How does the exact world look? The curves behind exact.md, and their picture."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from publishing import BLUE, GREEN, GREY, ORANGE, PINK, pyplot, save

from minir1 import exact
from minir1.exact import stale
from minir1.exact.divergence import Divergences
from minir1.exact.estimate import climb
from minir1.exact.group import Group

Curves = dict[str, list[float]]
WORLD = exact.example()
ONE = WORLD.only(1)  # where one prompt is enough; it asks for 4, which six answers make
BLACK = "black"
STYLES = {
    "k1": (GREY, "-"), "k2": (ORANGE, "-"), "k3": (BLUE, "-"), "k3 · ratio": (GREEN, "--"),
    "k1 in the reward": (BLACK, ":"), "none": (GREY, "-"), "token": (ORANGE, "-"),
    "sequence": (BLUE, "-"),
    "geometric": (PINK, "-"), "leave one out": (BLUE, "-"),
    "batch mean": (GREEN, "--"), "std": (PINK, "-"), "constant": (GREEN, "-"),
    "none, rewards −1 and 1": (GREY, ":"), "without std, G = 8": (GREEN, "-"),
}  # fmt: skip


def kl_values() -> Curves:
    """Standard deviation of each estimator, and the bias of k2, as shares of the KL."""
    found: Curves = {"x": [], "k1": [], "k2": [], "k3": [], "bias of k2": []}
    for share in np.linspace(0.95, 0, 20):
        world = WORLD.toward_reference(float(share))
        known = Divergences.of(world).kl
        found["x"].append(known)
        for value in exact.kl_values(world):
            found[value.name].append(value.deviation / known)
            if value.name == "k2":
                found["bias of k2"].append((value.mean - known) / known)
    return found


def kl_losses() -> Curves:
    """Degrees between each loss's mean gradient and that of the KL of a completion."""
    found: Curves = {"x": []}
    for share in np.linspace(0.95, 0, 20):
        world = WORLD.toward_reference(float(share))
        known = Divergences.of(world)
        found["x"].append(known.kl)
        for loss in exact.kl_losses(world)[1:]:  # k1 has no direction
            found.setdefault(loss.name, []).append(loss.angle(known.gradient))
    return found


def stale_samples() -> tuple[Curves, Curves]:
    """Degrees and noise of each ratio as the policy climbs away from its sampler."""
    angles: Curves = {"x": []}
    noises: Curves = {"x": []}
    for world in list(climb(WORLD, 16))[1:]:
        true = exact.policy_gradient(world)
        for found in (angles, noises):
            found["x"].append(stale.distance(world, WORLD))
        for estimate in exact.stale_gradients(world, WORLD):
            if "clip" in estimate.name:  # it points back on purpose: see the table
                continue
            angles.setdefault(estimate.name, []).append(estimate.angle(true))
            noises.setdefault(estimate.name, []).append(estimate.noise(true))
    return angles, noises


def baselines() -> Curves:
    """Noise of a group of 8 where ever more answers are right: digits that reach a sum."""
    found: Curves = {"x": [], "none": [], "none, rewards −1 and 1": []}
    sums = ONE.tokens.sum(axis=1)
    for least in range(10, 0, -1):
        world = replace(ONE, rewards=(sums >= least)[None].astype(float))
        true = exact.policy_gradient(world)
        found["x"].append(float(world.expected_rewards[0]))
        for scale in ("none", "leave one out", "std"):
            found.setdefault(scale, []).append(Group(8, scale).estimate(world).noise(true))
        signed = Group(8, "none").estimate(replace(world, rewards=2 * world.rewards - 1))
        found["none, rewards −1 and 1"].append(signed.noise(2 * true))
    return found


def difficulty() -> Curves:
    """The effective weight of a prompt, by its success rate and the size of the group."""
    rates = np.linspace(0.005, 0.995, 100)
    found: Curves = {"x": rates.tolist()}
    for size in (2, 4, 8, 16, 64):
        found[f"G = {size}"] = [exact.effective_weight(float(p), size) for p in rates]
    found["G → ∞"] = (1 / np.sqrt(rates * (1 - rates))).tolist()
    found["without std, G = 8"] = [
        exact.effective_weight(float(p), 8, "group mean") for p in rates
    ]
    return found


def lengths() -> Curves:
    """Degrees between the mean gradient and the true one, by normaliser and group size."""
    true = exact.policy_gradient(ONE)
    found: Curves = {"x": [float(size) for size in range(2, 9)]}
    for average in ("sequence", "token", "constant"):
        found[average] = [
            Group(size, "group mean", average).estimate(ONE).angle(true) for size in range(2, 9)
        ]
    return found


def draw(path: Path) -> None:
    """Draw all of them."""
    figure, axes = pyplot().subplots(2, 3, figsize=(12.5, 7))
    angles, _ = stale_samples()
    _lines(axes[0, 0], kl_values(), "KL estimators as numbers", "KL(π‖ref), nats")
    axes[0, 0].set_ylabel("standard deviation / KL  (dashed: bias of k2)")
    axes[0, 0].set_ylim(-0.2, 6)
    _lines(axes[0, 1], kl_losses(), "KL estimators as losses", "KL(π‖ref), nats")
    _lines(axes[0, 2], angles, "ratios, off-policy", "KL(π_old‖π), nats")
    _lines(axes[1, 0], baselines(), "baselines, G = 8", "success rate p")
    axes[1, 0].set_ylabel("noise / signal")
    axes[1, 0].set_ylim(0, 8)
    _lines(axes[1, 1], difficulty(), "std: what a prompt counts", "success rate p")
    axes[1, 1].set_ylabel("E[Â | right] − E[Â | wrong]")
    axes[1, 1].set_ylim(0, 8)
    _lines(axes[1, 2], lengths(), "length normalisers, one group a batch", "group size G")
    for axis in (axes[0, 1], axes[0, 2], axes[1, 2]):
        axis.set_ylabel("degrees off the true gradient")
        axis.set_ylim(bottom=-0.5)
    figure.tight_layout()
    save(figure, path)


def _lines(axis: Any, curves: Curves, title: str, below: str) -> None:
    ramp: Callable[[float], Any] = pyplot().get_cmap("Blues")
    sizes = [name for name in curves if name.startswith("G =")]
    for name, values in curves.items():
        if name == "x":
            continue
        colour, line = STYLES.get(name, (BLACK, "--"))
        if name in sizes:
            colour, line = ramp(0.35 + 0.6 * sizes.index(name) / len(sizes)), "-"
        axis.plot(curves["x"], values, line, color=colour, label=name)
    axis.set_title(title, loc="left", fontsize=10)
    axis.set_xlabel(below)
    axis.legend(frameon=False, fontsize=7)
