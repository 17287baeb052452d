"""How does a gradient come out of numpy? By a tape that is walked backwards.

Every operation (they are in `autograd.py`) returns an `array` that remembers its inputs and
one function, the vjp, that turns the gradient of its output into the gradients of its
inputs. `value_and_grad` runs a function, then walks those memories from the loss to the
variables. There is no global state: threads may differentiate side by side.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

_clock = itertools.count()


class array:
    """A numpy array that remembers how it was made."""

    __array_priority__ = 1000.0  # numpy arrays defer to ours in mixed arithmetic
    __slots__ = ("data", "order", "parents", "turned", "vjp")
    data: Any

    def __init__(self, data: Any, dtype: Any = None) -> None:
        if isinstance(data, array):
            data = data.data
        elif dtype is None and not isinstance(data, np.ndarray | np.generic):
            data = np.asarray(data)
            dtype = {"d": np.float32, "l": np.int32}.get(data.dtype.char)  # MLX's defaults
        self.data = np.asarray(data, dtype=dtype)
        self.parents: tuple[array, ...] = ()
        self.vjp: Callable[..., Any] | None = None
        self.order = -1  # -1: no gradient flows through here
        self.turned: np.ndarray | None = None  # a constant's transpose, laid out anew

    shape = property(lambda self: self.data.shape)
    dtype = property(lambda self: self.data.dtype)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    T = property(lambda self: _operations.transpose(self))

    def item(self) -> Any:
        return self.data.item()

    def tolist(self) -> Any:
        return self.data.tolist()

    def astype(self, dtype: Any) -> "array":
        source = self.data.dtype
        return _node(self.data.astype(dtype), (self,), lambda g: (g.astype(source),))

    def reshape(self, *shape: int) -> "array":
        return _operations.reshape(self, shape)

    def transpose(self, *axes: int) -> "array":
        return _operations.transpose(self, axes)

    def sum(self, axis: Any = None, keepdims: bool = False) -> "array":
        return _operations.sum(self, axis, keepdims)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.data, dtype=dtype)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return repr(self.data)

    def __getitem__(self, index: Any) -> "array":
        """Slice; indices may be ints, slices and None (use `take` to gather)."""
        if self.order < 0:
            return _wrap(self.data[index])
        shape, dtype = self.shape, self.dtype

        def vjp(g: np.ndarray) -> tuple[np.ndarray]:
            full = np.zeros(shape, dtype)
            full[index] = g
            return (full,)

        return _node(self.data[index], (self,), vjp)

    def __setitem__(self, index: Any, value: Any) -> None:
        """Write in place; for caches, so never inside a differentiated function."""
        if self.order >= 0:
            raise TypeError("an array that carries a gradient can't be written in place")
        self.data[index], self.turned = _raw(value), None

    def __iadd__(self, other: Any) -> "array":
        """Add in place where that is safe: a constant that owns its memory."""
        if self.order >= 0 or not self.data.flags.writeable:
            return _operations.add(self, other)
        np.add(self.data, _raw(other), out=self.data)
        self.turned = None
        return self

    __add__ = lambda a, b: _operations.add(a, b)
    __radd__ = lambda a, b: _operations.add(b, a)
    __sub__ = lambda a, b: _operations.subtract(a, b)
    __rsub__ = lambda a, b: _operations.subtract(b, a)
    __mul__ = lambda a, b: _operations.multiply(a, b)
    __rmul__ = lambda a, b: _operations.multiply(b, a)
    __truediv__ = lambda a, b: _operations.divide(a, b)
    __rtruediv__ = lambda a, b: _operations.divide(b, a)
    __matmul__ = lambda a, b: _operations.matmul(a, b)
    __neg__ = lambda a: _operations.negative(a)
    __lt__ = lambda a, b: array(a.data < _raw(b))
    __le__ = lambda a, b: array(a.data <= _raw(b))
    __gt__ = lambda a, b: array(a.data > _raw(b))
    __ge__ = lambda a, b: array(a.data >= _raw(b))


def _raw(x: Any) -> Any:
    """The numpy side of an array; numbers and numpy arrays pass through."""
    return x.data if type(x) is array else x


def _wrap(data: Any) -> array:
    """Make a constant of what is a numpy array already: the constructor's checks cost time."""
    out = array.__new__(array)
    out.data = data if type(data) is np.ndarray else np.asarray(data)
    out.parents, out.vjp, out.order, out.turned = (), None, -1, None
    return out


def _node(data: Any, parents: tuple[Any, ...], vjp: Callable[..., Any]) -> array:
    """Wrap a result; remember how it was made only if a gradient can flow through it."""
    out = _wrap(data)
    for parent in parents:
        if type(parent) is array and parent.order >= 0:
            out.parents, out.vjp, out.order = parents, vjp, next(_clock)
            break
    return out


def tree_map(fn: Callable[..., Any], tree: Any) -> Any:
    """Apply a function to every leaf of nested dicts, lists and tuples."""
    if isinstance(tree, dict):
        return {key: tree_map(fn, value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(tree_map(fn, value) for value in tree)
    return fn(tree)


def _backward(loss: array) -> dict[int, np.ndarray]:
    """Walk the tape from the loss to the leaves, newest operation first."""
    pending, seen, nodes = [loss], {id(loss)}, []
    while pending:
        node = pending.pop()
        nodes.append(node)
        for parent in node.parents:
            if isinstance(parent, array) and parent.order >= 0 and id(parent) not in seen:
                seen.add(id(parent))
                pending.append(parent)
    nodes.sort(key=lambda node: -node.order)
    grads = {id(loss): np.ones_like(loss.data)}
    for node in nodes:
        if node.vjp is None:
            continue
        g = grads.pop(id(node))
        for parent, part in zip(node.parents, node.vjp(g), strict=True):
            if part is not None and isinstance(parent, array) and parent.order >= 0:
                known = grads.get(id(parent))
                grads[id(parent)] = part if known is None else known + part
    return grads


def value_and_grad(fn: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """Return a function that computes fn and the gradient of its first result.

    fn returns a scalar loss, or a tuple that begins with it. The gradient has the
    structure of the argument numbered argnums. What comes back remembers nothing: the
    tape is freed.
    """

    def wrapped(*args: Any) -> tuple[Any, Any]:
        def variable(leaf: array) -> array:
            leaf = array(leaf)
            leaf.order = next(_clock)
            return leaf

        variables = tree_map(variable, args[argnums])
        out = fn(*args[:argnums], variables, *args[argnums + 1 :])
        loss = out[0] if isinstance(out, tuple) else out
        grads = _backward(loss) if loss.order >= 0 else {}

        def gradient(leaf: array) -> array:
            return array(grads.get(id(leaf), np.zeros_like(leaf.data)))

        def forgetful(leaf: Any) -> Any:
            return _wrap(leaf.data) if isinstance(leaf, array) else leaf

        return tree_map(forgetful, out), tree_map(gradient, variables)

    return wrapped


# Operators on arrays are the operations, and those are made of arrays.
from minir1 import autograd as _operations  # noqa: E402
