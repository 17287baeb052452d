"""Which engine computes? `xp` is MLX on Apple silicon, or our numpy tape with MLX's names.

Everything above this file is written once, in terms of `xp`; there is no other place that
asks which engine is in use. `use("numpy")` and `use("mlx")` switch while running, which is
how the tests compare both.
"""

import importlib.util
import os
import platform
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from minir1.errors import UserError

A = TypeVar("A")
B = TypeVar("B")


class _Engine:
    """The engine in use: its functions are attributes, filled in by `use`."""

    name: str = ""

    def __getattr__(self, attribute: str) -> Any:
        if self.name:
            raise AttributeError(f"{self.name} has no {attribute}")
        use("auto")
        return getattr(self, attribute)


xp: Any = _Engine()


def _numpy_engine() -> dict[str, Any]:
    """Our own tape. BLAS gets one thread: minir1's own threads share out the work."""
    from minir1 import autograd

    threadpool_limits(1, user_api="blas")
    return vars(autograd)


def _mlx_engine() -> dict[str, Any]:
    """mlx.core, with the fused primitives of ours composed from its operations."""
    import mlx.core as mx
    from mlx.utils import tree_map

    def linear(x: Any, weight: Any) -> Any:
        return x @ weight.T

    def swiglu(gate: Any, up: Any) -> Any:
        return gate * mx.sigmoid(gate) * up

    def token_logprobs(logits: Any, targets: Any) -> Any:
        taken = mx.take_along_axis(logits, mx.array(targets)[:, None], axis=-1)[:, 0]
        return taken - mx.logsumexp(logits, axis=-1)

    ours = {
        "linear": linear,
        "swiglu": swiglu,
        "token_logprobs": token_logprobs,
        "tree_map": tree_map,
    }
    return {name: getattr(mx, name) for name in dir(mx)} | ours


def use(name: str = "auto") -> str:
    """Choose the engine: "numpy", "mlx", or "auto" (MLX where there is an Apple GPU).

    Raises: UserError for another name, or if MLX is asked for and not installed.
    """
    if name == "auto":
        apple = platform.system() == "Darwin" and platform.machine() == "arm64"
        name = "mlx" if apple and importlib.util.find_spec("mlx") else "numpy"
    if name not in ("numpy", "mlx"):
        raise UserError(f"backend={name}: wanted auto, numpy or mlx")
    if name == "mlx" and not importlib.util.find_spec("mlx"):
        raise UserError("backend mlx is not installed; type: pip install 'minir1[mlx]'")
    if xp.name != name:
        functions = _mlx_engine() if name == "mlx" else _numpy_engine()
        public = {k: v for k, v in functions.items() if not k.startswith("_")}
        xp.__dict__ = {**public, "name": name}  # at once: no thread sees half an engine
    return name


def to_numpy(x: Any) -> np.ndarray:
    """Return an engine's array as a numpy array."""
    return np.array(x, copy=None)


def from_numpy(tree: Any) -> Any:
    """Return nested dicts of numpy arrays as the engine's arrays."""
    return xp.tree_map(xp.array, tree)


def cores() -> int:
    """Count the cores that this process may use."""
    return (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )


def parallel_map(fn: Callable[[A], B], items: Iterable[A], threads: int = 0) -> Iterator[B]:
    """Yield fn(item) for every item, in order, computed side by side.

    threads=0 takes all cores. Only a few results wait to be taken, as each may be large.
    MLX schedules its own work, so there it is a plain map.
    """
    threads = threads or cores()
    if threads == 1 or xp.name == "mlx":
        yield from map(fn, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        begun: deque[Future[B]] = deque()
        for item in items:
            if len(begun) > 2 * threads:
                yield begun.popleft().result()
            begun.append(pool.submit(fn, item))
        while begun:
            yield begun.popleft().result()
