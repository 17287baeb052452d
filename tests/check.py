"""How close is close enough, and what exactly differs? Helpers that the numeric tests share.

Tolerances are named once, here. `close` says which tensor, which entry, ours, theirs.
Derivatives are compared with central differences of fourth order in float64, whose own
error is near 1e-12, so that a wrong digit in a gradient can't hide behind the method.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minir1 import autograd as ag
from minir1 import grpo, microbatch, model
from minir1.backend import to_numpy, xp
from minir1.config import ModelConfig
from minir1.rng import generator

F64 = {"rtol": 1e-9, "atol": 1e-11}
F32 = {"rtol": 2e-4, "atol": 2e-5}
GRADIENT = 1e-6  # relative error of a gradient against finite differences

SMALL = ModelConfig(
    model_type="llama",
    vocab_size=11,
    hidden_size=8,
    intermediate_size=12,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=4,
    rms_norm_eps=0.03,  # large and odd, so that a wrong one shows
    rope_theta=30.0,
)


def reshape(base: ModelConfig, **changes: Any) -> ModelConfig:
    """The same decoder with some settings changed."""
    return ModelConfig(**{**base.to_dict(), **changes})


def close(name: str, ours: Any, theirs: Any, rtol: float, atol: float) -> None:
    """Fail with the worst entry named unless |ours - theirs| <= atol + rtol |theirs|."""
    a, b = np.asarray(to_numpy(ours), float), np.asarray(to_numpy(theirs), float)
    assert a.shape == b.shape, f"{name}: our shape {a.shape}, theirs {b.shape}"
    error = np.abs(a - b)
    bad = ~(error <= atol + rtol * np.abs(b))  # NaN is bad
    if bad.any():
        at = np.unravel_index(
            np.argmax(np.where(bad, np.nan_to_num(error, nan=np.inf), -1)), a.shape
        )
        raise AssertionError(
            f"{name}{list(map(int, at))}: ours {a[at]:.9g}, theirs {b[at]:.9g}, "
            f"difference {error[at]:.3g}; {bad.sum()} of {a.size} entries differ"
        )


def draw(name: str, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Normal numbers in float64 that belong to a name."""
    return scale * generator(0, "tests", name).standard_normal(shape)


def slope(fn: Callable[[np.ndarray], float], x: np.ndarray, at: tuple, h: float) -> float:
    """The derivative of fn at x along one coordinate, from four values around it."""

    def moved(step: float) -> float:
        y = x.copy()
        y[at] += step
        return fn(y)

    return (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)


def coordinates(name: str, shape: tuple[int, ...], at_most: int) -> list[tuple]:
    """All places of an array, or that many drawn at random."""
    size = int(np.prod(shape))
    places = np.arange(size)
    if size > at_most:
        places = generator(0, "coordinates", name).choice(size, at_most, replace=False)
    return [tuple(map(int, np.unravel_index(place, shape))) for place in places]


def check_slopes(
    name: str,
    fn: Callable[[np.ndarray], float],
    x: np.ndarray,
    grad: Any,
    at_most: int,
    h: float,
) -> None:
    """Compare one argument's gradient with finite differences, entry by entry."""
    grad = np.asarray(to_numpy(grad))
    assert grad.shape == x.shape, f"{name}: gradient {grad.shape} of an argument {x.shape}"
    places = coordinates(name, x.shape, at_most)
    expected = np.array([slope(fn, x, at, h) for at in places])
    ours = np.array([grad[at] for at in places])
    floor = GRADIENT * 1e-3 * max(np.abs(expected).max(initial=0), 1e-6)
    close(f"{name}: gradient", ours, expected, rtol=GRADIENT, atol=floor)


def check_gradient(
    name: str,
    fn: Callable[..., Any],
    *arguments: np.ndarray,
    at_most: int = 80,
    h: float = 1e-3,
) -> None:
    """Compare our derivative of fn, in every argument, with finite differences.

    The output is weighted by random numbers and summed, so every entry's part is seen.
    """
    arguments = tuple(np.array(a, float) for a in arguments)
    weights = draw(name + " weights", *np.shape(ag._raw(fn(*map(ag.array, arguments)))))

    def loss(values: list[Any]) -> Any:
        return ag.sum(fn(*values) * weights)

    before = [a.copy() for a in arguments]
    _, grads = ag.value_and_grad(loss)(list(arguments))
    for i, x in enumerate(arguments):
        assert np.array_equal(x, before[i]), f"{name}: argument {i} was changed"

        def value(moved: np.ndarray, i: int = i) -> float:
            return float(loss([*arguments[:i], moved, *arguments[i + 1 :]]).item())

        check_slopes(f"{name}, argument {i}", value, x, grads[i], at_most, h)


def random_params(config: ModelConfig, name: str = "params", dtype: Any = np.float64) -> dict:
    """Parameters with nothing at its neutral value: norms are not 1, biases not 0."""
    rng = generator(0, "tests", name, config.model_type)
    params = {}
    for key, shape in model.parameter_shapes(config).items():
        x = rng.standard_normal(shape)
        if key.endswith("norm.weight"):
            x = 1 + 0.3 * x
        elif key.endswith("bias"):
            x = 0.5 * x
        elif "embed" not in key:
            x = x * shape[1] ** -0.5
        params[key] = x.astype(dtype)
    return params


def as_arrays(params: dict) -> dict:
    """Numpy parameters as arrays of the engine in use."""
    return {name: xp.array(p) for name, p in params.items()}


def grpo_gradients(
    params: dict,
    config: ModelConfig,
    tokens: np.ndarray,
    mask: np.ndarray,
    arrays: dict[str, np.ndarray],
    budget: int = 64,
    threads: int = 1,
    temperature: float = 1.0,
    **knobs: Any,
) -> tuple[float, dict]:
    """One GRPO gradient of a batch, assembled from the engine's public parts.

    arrays holds weights, advantages, old_logprobs (and ref_logprobs), each (B, T-1).
    """
    flat = {name: np.ascontiguousarray(x).reshape(-1) for name, x in arrays.items()}

    def loss(p: dict, batch: microbatch.MicroBatch) -> tuple[Any]:
        at = {name: xp.array(x[batch.source]) for name, x in flat.items()}
        logprobs = model.place_logprobs(p, config, batch.tokens, batch.places, temperature)
        return (grpo.grpo_loss(logprobs, **at, **knobs),)

    batches = microbatch.split(mask, tokens, budget)
    results, grads = microbatch.gradients(loss, params, batches, threads)
    return float(np.sum([out[0].item() for out in results])), grads
