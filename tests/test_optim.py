"""Is a step of AdamW the step that its paper writes down? Compared with a loop over scalars."""

import itertools
import math

import numpy as np
import pytest
from check import F32, F64, close, draw

from minir1 import autograd as ag
from minir1 import optim


def scalar_adamw(
    p: float, grads: list[float], rate: float, b1: float, b2: float, decay: float, eps: float
) -> float:
    """One parameter through several steps, in Python floats."""
    m = v = 0.0
    for t, g in enumerate(grads, start=1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        corrected = (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + eps)
        p = p - rate * (corrected + decay * p)
    return p


SETTINGS = {"rate": 0.03, "b1": 0.8, "b2": 0.95, "decay": 0.2, "eps": 1e-3}


def trained(dtype: type = np.float64, **changes: float) -> dict[str, np.ndarray]:
    """A matrix and a vector after five steps."""
    s = {**SETTINGS, **changes}
    params = {n: ag.array(draw(n, *shape).astype(dtype)) for n, shape in SHAPES.items()}
    state = optim.adamw_init(params)
    for t in range(5):
        grads = {n: ag.array(gradient(n, t).astype(dtype)) for n in params}
        params, state = optim.adamw(
            params, grads, state, s["rate"], (s["b1"], s["b2"]), s["decay"], s["eps"]
        )
    assert state["step"] == 5
    return {name: np.asarray(p) for name, p in params.items()}


SHAPES = {"matrix": (3, 4), "vector": (5,)}


def gradient(name: str, step: int) -> np.ndarray:
    return draw(f"{name} gradient {step}", *SHAPES[name], scale=10.0 ** -(step % 3))


def test_five_steps_equal_the_loop_and_only_matrices_decay() -> None:
    ours = trained()
    for name, shape in SHAPES.items():
        decay = SETTINGS["decay"] if len(shape) > 1 else 0.0
        start = draw(name, *shape)
        theirs = np.empty(shape)
        for at in np.ndindex(shape):
            grads = [float(gradient(name, t)[at]) for t in range(5)]
            theirs[at] = scalar_adamw(float(start[at]), grads, **{**SETTINGS, "decay": decay})
        close(name, ours[name], theirs, **F64)
    for name, p in trained(np.float32).items():
        close(f"{name}, float32", p, ours[name], **F32)


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_matters(setting: str) -> None:
    usual, changed = trained(), trained(**{setting: SETTINGS[setting] * 1.05})
    assert np.abs(usual["matrix"] - changed["matrix"]).max() > 1e-6
    assert (np.abs(usual["vector"] - changed["vector"]).max() > 1e-6) == (setting != "decay")


def test_the_decay_is_apart_from_the_gradient() -> None:
    """With no gradient a matrix shrinks by 1 - rate·decay, whatever its size."""
    p = {"w": ag.array(np.full((2, 2), 1000.0))}
    moved, _ = optim.adamw(
        p, {"w": ag.zeros((2, 2))}, optim.adamw_init(p), 0.1, (0.9, 0.9), 0.5
    )
    close("decayed", moved["w"], np.full((2, 2), 950.0), **F64)


def test_the_first_step_has_the_size_of_the_rate() -> None:
    p = {"b": ag.array(np.zeros(3))}
    grads = {"b": ag.array(np.array([1e-3, -5.0, 2.0]))}
    moved, _ = optim.adamw(p, grads, optim.adamw_init(p), 0.1)
    close("step", moved["b"], [-0.1, 0.1, -0.1], rtol=1e-4, atol=0)


def test_nothing_that_was_given_is_changed() -> None:
    p, g = {"w": ag.array(draw("w", 2, 2))}, {"w": ag.array(draw("g", 2, 2))}
    state = optim.adamw_init(p)
    _, state = optim.adamw(p, g, state, 0.1)
    held = [x.data.copy() for x in (p["w"], g["w"], state["m"]["w"], state["v"]["w"])]
    optim.adamw(p, g, state, 0.1, weight_decay=0.1)
    now = [p["w"], g["w"], state["m"]["w"], state["v"]["w"]]
    assert all(np.array_equal(a, b.data) for a, b in zip(held, now, strict=True))
    assert state["step"] == 1


def test_the_norm_is_over_all_gradients_together() -> None:
    grads = {"a": ag.array([3.0, 0.0]), "b": ag.array([[0.0, 4.0], [12.0, 0.0]])}
    close("norm", optim.global_norm(grads), 13.0, **F64)


def test_a_long_gradient_is_shortened_as_a_whole_and_a_short_one_kept() -> None:
    grads = {"a": ag.array([3.0, 0.0]), "b": ag.array([[0.0, 4.0], [12.0, 0.0]])}
    clipped, norm = optim.clip_by_global_norm(grads, 1.3)
    close("norm before", norm, 13.0, **F64)
    close("a", clipped["a"], [0.3, 0], **F32)
    close("b", clipped["b"], [[0, 0.4], [1.2, 0]], **F32)
    kept, _ = optim.clip_by_global_norm(grads, 14.0)
    assert kept["a"].tolist() == [3, 0]
    assert grads["a"].tolist() == [3, 0]


def test_the_schedules() -> None:
    assert [optim.warmup(t, 4) for t in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert optim.warmup(0, 0) == optim.warmup(0, 1) == 1
    values = [optim.warmup_cosine(t, 2, 12, 0.1) for t in range(15)]
    close("rise", values[:3], [0.5, 1.0, 1.0], **F64)
    close("half way", values[7], 0.55, **F64)
    close("end", values[12:], [0.1, 0.1, 0.1], **F64)
    assert all(a >= b for a, b in itertools.pairwise(values[1:]))
    close("cosine", values[4], 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 0.2)), **F64)


def test_the_linear_schedule_ends_at_its_last_step() -> None:
    values = [optim.warmup_linear(t, 2, 11, 0.2) for t in range(13)]
    close("rise", values[:3], [0.5, 1.0, 1.0], **F64)
    close("half way", values[6], 0.6, **F64)
    close("end", values[10:], [0.2, 0.2, 0.2], **F64)
    assert [optim.warmup_linear(t, 0, 5, 1.0) for t in range(5)] == [1.0] * 5
    assert optim.warmup_linear(0, 0, 1, 0.2) == 1.0
