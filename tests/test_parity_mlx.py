"""Do both engines compute the same? numpy against MLX, from one operation to a whole step.

Runs wherever MLX is installed: on Apple silicon with Metal, on Linux with mlx[cpu].
"""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from check import F32, as_arrays, close, draw, grpo_gradients, random_params, reshape

from minir1 import backend, grpo, model, optim, sft
from minir1.backend import from_numpy, to_numpy, xp
from minir1.config import ModelConfig, SampleConfig
from minir1.policy import DecoderPolicy
from minir1.rng import generator
from minir1.rollout import sample

pytest.importorskip("mlx.core")
pytestmark = pytest.mark.mlx


def on(engine: str, fn: Callable[[], Any]) -> Any:
    """What fn computes on an engine, as numpy arrays in the same nest."""
    assert backend.use(engine) == xp.name == engine
    out = fn()
    leaves = xp.tree_map(lambda x: x if isinstance(x, float) else np.array(to_numpy(x)), out)
    backend.use("numpy")
    return leaves


def same(name: str, fn: Callable[[], dict[str, Any]], **tolerance: float) -> dict[str, Any]:
    """Compare every named result of fn on both engines; return numpy's."""
    ours, theirs = on("numpy", fn), on("mlx", fn)
    assert list(ours) == list(theirs)
    for key, value in ours.items():
        close(f"{name}: {key}", theirs[key], value, **(tolerance or F32))
    return ours


def single(name: str, *shape: int) -> np.ndarray:
    return draw(name, *shape).astype(np.float32)


PLACES = np.array([[1], [0], [3]], np.int32)
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "arithmetic": lambda x, y: (2 - x) * y + x / (xp.square(y) + 1) - 0.5,
    "row": lambda x, y: x * y[:1] + x[:, :1],
    "exp, expm1, log": lambda x, y: xp.exp(x) + xp.expm1(y) + xp.log(xp.square(x) + 1),
    "sqrt, abs, sigmoid": lambda x, y: xp.sqrt(xp.abs(x) + 1) + xp.sigmoid(y),
    "minimum": lambda x, y: xp.minimum(x, y),
    "maximum": lambda x, y: xp.maximum(x, y),
    "clip": lambda x, y: xp.clip(x, -0.3, 0.4) * y,
    "where": lambda x, y: xp.where(x > 0, x, y * 2),
    "sum, mean": lambda x, y: xp.sum(x, axis=1, keepdims=True) * xp.mean(y, axis=0),
    "logsumexp": lambda x, y: xp.logsumexp(x, axis=-1) + xp.logsumexp(y),
    "softmax": lambda x, y: xp.softmax(x, axis=-1) * y,
    "matmul": lambda x, y: x @ y.T,
    "linear": lambda x, y: xp.linear(x.reshape(1, 3, 4), y),
    "reshape, transpose": lambda x, y: x.reshape(2, 6) @ y.reshape(2, 6).transpose(1, 0),
    "concatenate": lambda x, y: xp.concatenate([x, y], axis=1),
    "take": lambda x, y: xp.take(x, xp.array(np.array([2, 0, 2], np.int32)), axis=0) * y,
    "take_along_axis": lambda x, y: xp.take_along_axis(x, xp.array(PLACES), axis=-1) * y,
    "slice": lambda x, y: x[1:, ::2] + y[0, None, :2],
    "stop_gradient": lambda x, y: x * xp.stop_gradient(y * x),
    "swiglu": lambda x, y: xp.swiglu(x, y),
    "token_logprobs": lambda x, y: xp.token_logprobs(x * 3, xp.array(PLACES[:, 0])),
    "rms_norm": lambda x, y: xp.fast.rms_norm(x, y[0], 0.1),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_and_their_gradients(name: str) -> None:
    fn = OPERATIONS[name]

    def run() -> dict[str, Any]:
        arguments = [xp.array(single("x", 3, 4)), xp.array(single("y", 3, 4))]
        out = fn(*arguments)
        weights = xp.array(single("weights", *out.shape))
        _, grads = xp.value_and_grad(lambda p: xp.sum(fn(*p) * weights))(arguments)
        return {"value": out, "x": grads[0], "y": grads[1]}

    same(name, run)


def test_the_clipped_objective_agrees_on_its_ties() -> None:
    """At ratio 1 both sides of the minimum are equal: each engine picks a side."""

    def run() -> dict[str, Any]:
        old = np.array([-1.0, -1.0, -1.0, -1.0], np.float32)
        new = old + np.array([0.0, 0.0, 0.5, -0.5], np.float32)
        advantages = xp.array(np.array([1.0, -1.0, 1.0, -1.0], np.float32))
        loss, grad = xp.value_and_grad(
            lambda x: grpo.grpo_loss(x, xp.array(old), advantages, xp.ones((4,)))
        )(xp.array(new))
        return {"loss": loss, "gradient": grad}

    grad = same("ties", run)["gradient"]
    close("not halved", grad[:2], [-1, 1], **F32)


@pytest.mark.parametrize("mask", [None, "causal", "numbers"])
def test_attention_and_rope(mask: str | None) -> None:
    hidden = np.where(single("mask", 2, 1, 1, 70) > 1, -1e9, 0).astype(np.float32)
    shapes = {"q": (2, 4, 70, 8), "k": (2, 2, 70, 8), "v": (2, 2, 70, 8)}

    def run() -> dict[str, Any]:
        given: Any = xp.array(hidden) if mask == "numbers" else mask
        weights = xp.array(single("weights", *shapes["q"]))

        def fn(p: Any) -> Any:
            q, k = (
                xp.fast.rope(p[n], 8, traditional=False, base=50.0, scale=1.0, offset=3)
                for n in "qk"
            )
            return xp.fast.scaled_dot_product_attention(q, k, p["v"], scale=0.4, mask=given)

        arguments = {n: xp.array(single(n, *shape)) for n, shape in shapes.items()}
        _, grads = xp.value_and_grad(lambda p: xp.sum(fn(p) * weights))(arguments)
        return {"value": fn(arguments), **grads}

    same(f"attention, {mask}", run)


TOKENS = generator(0, "tests", "parity").integers(0, 11, (4, 9)).astype(np.int32)
MASK = (np.arange(8) >= np.array([[2], [4], [1], [3]])).astype(np.float32)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_logits(config: ModelConfig, tied: bool) -> None:
    config = reshape(config, tie_word_embeddings=tied)

    def run() -> dict[str, Any]:
        params = as_arrays(random_params(config, dtype=np.float32))
        return {"logits": model.logits(params, model.forward(params, config, TOKENS))}

    same(config.model_type, run)


def test_decoding_with_a_cache(config: ModelConfig) -> None:
    def run() -> dict[str, Any]:
        params = as_arrays(random_params(config, dtype=np.float32))
        cache = model.Cache(config, 4, 5, np.array([0, 2, 1, 3]))
        model.forward(params, config, TOKENS[:, :5], cache)
        cache.select(np.array([1, 0, 3]))
        chosen = TOKENS[[1, 0, 3]]
        steps = [model.forward(params, config, chosen[:, t : t + 1], cache) for t in (5, 6, 7)]
        return {"hidden": xp.concatenate(steps, axis=1)}

    same(config.model_type, run)


def grpo_step(config: ModelConfig) -> dict[str, Any]:
    params = as_arrays(random_params(config, dtype=np.float32))
    old = single("old", 4, 8) * 0.5 - 2.4
    arrays = {
        "weights": grpo.token_weights(MASK, "sequence"),
        "advantages": np.repeat(single("advantages", 4, 1), 8, axis=1),
        "old_logprobs": old,
        "ref_logprobs": old + single("ref", 4, 8) * 0.2,
    }
    loss, grads = grpo_gradients(
        params, config, TOKENS, MASK, arrays, 18, 1, 0.8,
        clip_low=0.2, clip_high=0.3, kl_weight=0.1, kl_estimator="k3",
    )  # fmt: skip
    return {"loss": loss, **grads}


def test_the_grpo_loss_and_all_its_gradients(config: ModelConfig) -> None:
    grads = same(config.model_type, lambda: grpo_step(config))
    assert set(grads) == {"loss", *model.parameter_shapes(config)}
    assert all(np.abs(g).max() > 1e-6 for g in grads.values())


def test_the_supervised_loss_and_all_its_gradients(config: ModelConfig) -> None:
    def run() -> dict[str, Any]:
        params = as_arrays(random_params(config, dtype=np.float32))
        loss, grads = sft.next_token_gradients(
            params, DecoderPolicy(config), TOKENS, MASK, 18, 1
        )
        return {"loss": loss, **grads}

    same(config.model_type, run)


def test_five_steps_of_adamw(config: ModelConfig) -> None:
    """Steps of 1e-2: an entry whose gradient is rounding alone may still go either way."""

    def run() -> dict[str, Any]:
        params = as_arrays(random_params(config, dtype=np.float32))
        state, losses = optim.adamw_init(params), {}
        for step in range(5):
            loss, grads = sft.next_token_gradients(
                params, DecoderPolicy(config), TOKENS, MASK, 18, 1
            )
            losses[f"loss {step}"] = loss
            params, state, norm = sft.update(
                params, grads, state, 1e-2 * optim.warmup(step, 3), 1.0, (0.9, 0.95), 0.1
            )
            losses[f"norm {step}"] = norm
        return {**losses, **params, **{f"m {n}": m for n, m in state["m"].items()}}

    same(config.model_type, run, rtol=1e-3, atol=2e-4)


def test_a_sampled_rollout_has_the_same_tokens(config: ModelConfig) -> None:
    config = reshape(config, tie_word_embeddings=False)

    def run() -> dict[str, Any]:
        params = as_arrays(random_params(config, dtype=np.float32))
        rollout = sample(
            params, config, [[3, 4, 5, 2], [6, 2]], 4,
            SampleConfig(max_tokens=20, rows_per_chunk=8), (0, "parity", 0), (1,), 0,
        )  # fmt: skip
        names = ("tokens", "completion_mask", "old_logprobs", "entropy", "finished")
        return {name: getattr(rollout, name) for name in names}

    rollout = same(config.model_type, run, rtol=1e-4, atol=1e-4)
    assert len(rollout["tokens"]) == 8
    assert rollout["completion_mask"].sum() > 40


def test_nested_parameters_come_from_numpy() -> None:
    tree = {"a": [np.ones(2, np.float32)], "b": np.zeros((1, 2), np.float32)}
    for engine in ("numpy", "mlx"):
        backend.use(engine)
        out = from_numpy(tree)
        assert type(out["b"]).__name__ == "array"
        close("leaf", out["a"][0], tree["a"][0], **F32)


def test_both_engines_know_every_name_that_minir1_uses() -> None:
    used = set()
    for path in Path(model.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used |= {node.attr} if node.value.id == "xp" else set()
    assert {"matmul", "fast", "take"} & used and "value_and_grad" in used
    for engine in ("numpy", "mlx"):
        backend.use(engine)
        for name in used - {"_engine"}:
            assert getattr(xp, name) is not None, (engine, name)
