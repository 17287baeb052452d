"""Is every derivative the derivative? Each operation against central differences, and the tape.

Forward values are compared with numpy, gradients with finite differences; a public
operation that nobody put into a table here fails the first test.
"""

import inspect
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from check import F64, check_gradient, close, draw

from minir1 import autograd as ag

Case = tuple[str, Callable[..., Any], Callable[..., Any], list[np.ndarray]]


def grid(name: str, *shape: int, offset: float = 0.0) -> np.ndarray:
    """Numbers on a grid of 0.2, shifted: two grids never come near a tie or a kink."""
    return np.round(draw(name, *shape) * 5) / 5 + offset


def positive(name: str, *shape: int) -> np.ndarray:
    return 0.5 + np.abs(draw(name, *shape))


X, Y = draw("x", 2, 3, 4), draw("y", 2, 3, 4)
ROW, COLUMN, ONE = draw("row", 4), draw("column", 3, 1), draw("one", 1, 1)

BINARY: list[Case] = []
for op, reference, left, right in (
    (ag.add, np.add, X, Y),
    (ag.subtract, np.subtract, X, Y),
    (ag.multiply, np.multiply, X, Y),
    (ag.divide, np.divide, X, positive("divisor", 2, 3, 4)),
    (ag.minimum, np.minimum, grid("a", 2, 3, 4), grid("b", 2, 3, 4, offset=0.1)),
    (ag.maximum, np.maximum, grid("a", 2, 3, 4), grid("b", 2, 3, 4, offset=0.1)),
):
    name = reference.__name__
    BINARY += [
        (name, op, reference, [left, right]),
        (f"{name}, right row", op, reference, [left, right[0, 0]]),
        (f"{name}, left column", op, reference, [left[0, :, :1], right]),
        (f"{name}, both stretched", op, reference, [left[:, :1], right[0, :, :1]]),
        (f"{name}, single", op, reference, [left, right[:1, :1, :1]]),
        (f"{name}, scalar array", op, reference, [left, right[0, 0, 0]]),
    ]

UNARY: list[Case] = [
    ("negative", ag.negative, np.negative, [X]),
    ("exp", ag.exp, np.exp, [X]),
    ("expm1", ag.expm1, np.expm1, [X]),
    ("log", ag.log, np.log, [positive("log", 3, 4)]),
    ("sqrt", ag.sqrt, np.sqrt, [positive("sqrt", 3, 4)]),
    ("square", ag.square, np.square, [X]),
    ("abs", ag.abs, np.abs, [grid("abs", 3, 4, offset=0.1)]),
    ("sigmoid", ag.sigmoid, lambda x: 1 / (1 + np.exp(-x)), [X]),
]

CONDITION = draw("condition", 2, 3, 4) > 0
OTHER: list[Case] = [
    (
        "clip",
        lambda x: ag.clip(x, -0.5, 0.7),
        lambda x: np.clip(x, -0.5, 0.7),
        [grid("clip", 3, 4)],
    ),
    (
        "clip, limits are arrays",
        ag.clip,
        np.clip,
        [grid("clip", 3, 4), grid("low", 4) / 10 - 0.45, grid("high", 4) / 10 + 0.75],
    ),
    (
        "where",
        lambda a, b: ag.where(CONDITION, a, b),
        lambda a, b: np.where(CONDITION, a, b),
        [X, Y],
    ),
    (
        "where, stretched",
        lambda a, b: ag.where(ag.array(CONDITION), a, b),
        lambda a, b: np.where(CONDITION, a, b),
        [ROW, COLUMN],
    ),
    (
        "where, one side a number",
        lambda a: ag.where(CONDITION, 0.5, a) + ag.where(CONDITION, a, -1.0),
        lambda a: np.where(CONDITION, 0.5, a) + np.where(CONDITION, a, -1.0),
        [COLUMN],
    ),
    ("getitem", lambda x: x[1:, ::2], lambda x: x[1:, ::2], [X]),
    ("getitem, int and None", lambda x: x[0, None, 1:], lambda x: x[0, None, 1:], [X]),
    ("getitem, dots", lambda x: x[..., -1], lambda x: x[..., -1], [X]),
    ("astype", lambda x: x.astype(ag.float64) * 2, lambda x: x * 2, [X]),
    (
        "concatenate",
        lambda a, b, c: ag.concatenate([a, b, c], axis=0),
        lambda a, b, c: np.concatenate([a, b, c], axis=0),
        [draw("c1", 2, 3), draw("c2", 1, 3), draw("c3", 3, 3)],
    ),
    (
        "concatenate, last axis",
        lambda a, b: ag.concatenate([a, b], axis=-1),
        lambda a, b: np.concatenate([a, b], axis=-1),
        [draw("c4", 2, 3), draw("c5", 2, 1)],
    ),
    ("T", lambda x: x.T, lambda x: x.T, [draw("t", 2, 3)]),
    ("T of three axes", lambda x: x.T, lambda x: x.T, [X]),
]

AXES: list[Case] = []
for axis in (None, 0, 1, -1, (0, 2)):
    for keepdims in (False, True):
        options: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
        name = f"axis={axis}, keepdims={keepdims}"
        AXES += [
            (
                f"sum, {name}",
                lambda x, options=options: ag.sum(x, **options),
                lambda x, options=options: np.sum(x, **options),
                [X],
            ),
            (
                f"mean, {name}",
                lambda x, options=options: ag.mean(x, **options),
                lambda x, options=options: np.mean(x, **options),
                [X],
            ),
            (
                f"logsumexp, {name}",
                lambda x, options=options: ag.logsumexp(x, **options),
                lambda x, options=options: np.log(np.sum(np.exp(x), **options)),
                [X],
            ),
        ]
for axis in (0, 1, -1):
    AXES.append(
        (
            f"softmax, axis={axis}",
            lambda x, axis=axis: ag.softmax(x, axis=axis),
            lambda x, axis=axis: np.exp(x) / np.exp(x).sum(axis, keepdims=True),
            [X],
        )
    )

PRODUCTS: list[Case] = [
    (f"matmul {a} @ {b}", ag.matmul, np.matmul, [draw("left", *a), draw("right", *b)])
    for a, b in (
        ((3, 4), (4, 2)),
        ((2, 3, 4), (4, 5)),
        ((2, 2, 3, 4), (4, 5)),
        ((2, 3, 4), (2, 4, 5)),
        ((2, 1, 3, 4), (1, 3, 4, 2)),
        ((3, 4), (2, 4, 5)),
    )
]

SHAPES: list[Case] = [
    ("reshape", lambda x: ag.reshape(x, (4, 6)), lambda x: x.reshape(4, 6), [X]),
    ("reshape, method", lambda x: x.reshape(2, -1), lambda x: x.reshape(2, -1), [X]),
    *(
        (
            f"transpose {axes}",
            lambda x, axes=axes: ag.transpose(x, axes),
            lambda x, axes=axes: np.transpose(x, axes),
            [X],
        )
        for axes in (None, (1, 0, 2), (2, 0, 1), (1, 2, 0), (0, -1, 1), (-1, 0, 1))
    ),
    (
        "transpose, method",
        lambda x: x.transpose(2, 0, 1),
        lambda x: x.transpose(2, 0, 1),
        [X],
    ),
]

TWICE = np.array([[2, 0, 2], [1, 2, 0]])  # rows named more than once
PLACES = np.array([[[1]], [[0]]])
GATHERS: list[Case] = [
    *(
        (
            f"take {index.shape} along {axis}",
            lambda x, index=index, axis=axis: ag.take(x, index, axis=axis),
            lambda x, index=index, axis=axis: np.take(x, index, axis=axis),
            [X],
        )
        for index, axis in (
            (TWICE % 2, 0),
            (TWICE, 1),
            (TWICE, 2),
            (np.array([2, 2, 2]), 1),
            (np.array([1, -1]), 0),
            (np.array(1), 2),
        )
    ),
    (
        "take_along_axis, last",
        lambda x: ag.take_along_axis(x, np.array([[[3], [0], [1]]] * 2), axis=-1),
        lambda x: np.take_along_axis(x, np.array([[[3], [0], [1]]] * 2), axis=-1),
        [X],
    ),
    (
        "take_along_axis, first",
        lambda x: ag.take_along_axis(x, ag.array(TWICE[None, :1, :3] % 2), axis=0),
        lambda x: np.take_along_axis(x, TWICE[None, :1, :3] % 2, axis=0),
        [draw("along", 2, 1, 3)],
    ),
]

CASES = [*BINARY, *UNARY, *OTHER, *AXES, *PRODUCTS, *SHAPES, *GATHERS]

NO_GRADIENT = {"max", "argmax", "cumsum", "repeat", "stop_gradient"}
NO_ARRAYS = {"zeros", "ones", "arange", "eval", "tree_map", "value_and_grad"}
IN_TEST_FUSED = {"linear", "swiglu", "token_logprobs"}


def test_every_public_operation_is_in_a_table() -> None:
    public = {
        name
        for name, value in vars(ag).items()
        if callable(value) and not name.startswith("_") and not inspect.isclass(value)
    }
    public -= {"Any", "Callable"} | NO_GRADIENT | NO_ARRAYS | IN_TEST_FUSED
    tested = {case[0].split(",")[0].split(" ")[0] for case in CASES}
    assert public <= tested


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_value_and_gradient_of_every_operation(case: Case) -> None:
    name, ours, theirs, inputs = case
    out = ours(*map(ag.array, inputs))
    close(name, out, theirs(*inputs), **F64)
    assert out.dtype == np.float64
    check_gradient(name, ours, *inputs)


def test_operators_are_the_operations() -> None:
    a, b = draw("left", 3, 3), draw("right", 3, 3)
    x, y = ag.array(a), ag.array(b)
    expected = {
        "x + y": a + b, "x - y": a - b, "x * y": a * b, "x / y": a / b, "x @ y": a @ b,
        "-x": -a, "2 + x": 2 + a, "2 - x": 2 - a, "2 * x": 2 * a, "2 / x": 2 / a,
        "x < y": a < b, "x <= y": a <= b, "x > y": a > b, "x >= y": a >= b, "x < 0": a < 0,
    }  # fmt: skip
    for text, value in expected.items():
        close(text, eval(text, {"x": x, "y": y}), value, **F64)
    for name, fn in (
        ("radd", lambda v: 2 + v),
        ("rsub", lambda v: 2 - v),
        ("rtruediv", lambda v: 2 / v),
        ("rmul by numpy", lambda v: b * v),
        ("neg", lambda v: -v),
        ("sum", lambda v: v.sum(axis=0, keepdims=True)),
    ):
        check_gradient(name, fn, a + 5)


def test_what_carries_no_gradient_gives_zeros_and_the_right_value() -> None:
    x = grid("constant", 3, 4) + np.arange(12).reshape(3, 4) / 100
    for name, fn, expected in (
        ("max", lambda v: ag.max(v, axis=1, keepdims=True), x.max(1, keepdims=True)),
        ("argmax", lambda v: ag.argmax(v, axis=1), x.argmax(1)),
        ("cumsum", lambda v: ag.cumsum(v, axis=1), x.cumsum(1)),
        ("repeat", lambda v: ag.repeat(v, 2, 0), x.repeat(2, 0)),
        ("stop_gradient", ag.stop_gradient, x),
    ):
        close(name, fn(ag.array(x)), expected, **F64)
        _, grad = ag.value_and_grad(lambda v, fn=fn: ag.sum(fn(v) * 1.0))(x)
        assert not np.asarray(grad).any(), name


def test_stop_gradient_makes_a_constant_of_one_use_only() -> None:
    x = draw("stop", 5)
    _, grad = ag.value_and_grad(lambda v: ag.sum(v * ag.stop_gradient(v)))(x)
    close("x · stop(x)", grad, x, **F64)


def test_a_value_used_many_times_gets_every_part() -> None:
    def fn(x: Any) -> Any:
        y = ag.exp(x)
        z = y * y + y / x
        return z * y + ag.sum(y) - z

    check_gradient("reuse", fn, positive("reuse", 3))
    _, grad = ag.value_and_grad(lambda v: ag.sum(v + v + v))(draw("same", 3))
    close("x + x + x", grad, np.full(3, 3.0), **F64)


def test_a_long_chain_needs_no_recursion() -> None:
    def fn(x: Any) -> Any:
        for _ in range(5000):
            x = x * 1.0001
        return ag.sum(x)

    _, grad = ag.value_and_grad(fn)(np.ones(2))
    close("chain", grad, np.full(2, 1.0001**5000), **F64)


def test_a_node_is_visited_after_all_its_uses() -> None:
    def fn(x: Any) -> Any:
        early = x * 2
        late = early
        for _ in range(4):
            late = late * x + early  # early is older than everything that uses it
        return late

    check_gradient("order", fn, draw("order", 3))


def test_threads_differentiate_side_by_side() -> None:
    def work(i: int) -> Any:
        x, w = draw(f"thread {i}", 20, 20), draw(f"weight {i}", 20, 20)
        return ag.value_and_grad(lambda v: ag.sum(ag.softmax(v @ w) * w))(x)

    alone = [np.asarray(work(i)[1]) for i in range(8)]
    together: dict[int, list[np.ndarray]] = {i: [] for i in range(8)}

    def run(i: int) -> None:
        together[i] += [np.asarray(work(i)[1]) for _ in range(20)]

    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        assert len(together[i]) == 20
        assert all(np.array_equal(grad, alone[i]) for grad in together[i])


def test_writing_into_a_tracked_array_is_refused() -> None:
    def fn(x: Any) -> Any:
        y = x * 2
        y[0] = 1.0
        return ag.sum(y)

    with pytest.raises(TypeError, match="in place"):
        ag.value_and_grad(fn)(np.ones(3))

    def leaf(x: Any) -> Any:
        x[0] = 1.0
        return ag.sum(x)

    with pytest.raises(TypeError, match="in place"):
        ag.value_and_grad(leaf)(np.ones(3))
    constant = ag.zeros((2, 2))
    constant[0] = ag.array([1.0, 2.0])
    assert constant.tolist() == [[1, 2], [0, 0]]


def test_results_beyond_the_loss_come_back_as_they_are() -> None:
    def fn(x: Any) -> Any:
        return ag.sum(x * x), x * 3, "a note"

    x = draw("tuple", 3)
    (loss, triple, note), grad = ag.value_and_grad(fn)(x)
    close("loss", loss, np.sum(x * x), **F64)
    close("second result", triple, 3 * x, **F64)
    assert note == "a note"
    close("gradient of the first alone", grad, 2 * x, **F64)


def test_argnums_chooses_the_argument() -> None:
    x, y = draw("first", 3), draw("second", 3)
    for argnums, expected in ((0, 2 * x * y), (1, x * x)):
        _, grad = ag.value_and_grad(lambda a, b: ag.sum(a * a * b), argnums)(
            ag.array(x), ag.array(y)
        )
        close(f"argument {argnums}", grad, expected, **F64)


def test_the_gradient_has_the_structure_of_the_argument() -> None:
    x = draw("leaf", 2)
    tree = {"a": [x, x + 1], "b": (x + 2, {"c": x + 3}), "unused": np.ones((2, 2))}

    def fn(t: Any) -> Any:
        return ag.sum(t["a"][0] * 1 + t["a"][1] * 2 + t["b"][0] * 3 + t["b"][1]["c"] * 4)

    _, grads = ag.value_and_grad(fn)(tree)
    assert list(grads) == ["a", "b", "unused"]
    assert isinstance(grads["a"], list) and isinstance(grads["b"], tuple)
    leaves = (grads["a"][0], grads["a"][1], grads["b"][0], grads["b"][1]["c"])
    for factor, grad in enumerate(leaves, start=1):
        close(f"leaf {factor}", grad, np.full(2, float(factor)), **F64)
    close("unused", grads["unused"], np.zeros((2, 2)), **F64)


def test_a_constant_loss_has_a_zero_gradient() -> None:
    loss, grad = ag.value_and_grad(lambda x: ag.array(7.0))(np.ones(3))
    assert loss.item() == 7
    assert not np.asarray(grad).any()


def test_no_result_keeps_the_tape_alive() -> None:
    """Else every micro-batch's activations stay in memory until the last one is done."""
    out, grad = ag.value_and_grad(lambda x: (ag.sum(ag.exp(x)), ag.exp(x)))(np.ones(3))
    assert all(not x.parents and x.vjp is None for x in (*out, grad))


def test_arguments_are_not_changed() -> None:
    x = {"w": ag.array(draw("kept", 3, 3))}
    before = x["w"].data.copy()
    ag.value_and_grad(lambda p: ag.sum(ag.softmax(p["w"] @ p["w"].T)))(x)
    assert np.array_equal(x["w"].data, before)
    assert x["w"].order == -1


def test_types_follow_mlx() -> None:
    assert ag.array([1.0, 2.0]).dtype == np.float32
    assert ag.array(3).dtype == np.int32
    assert ag.array(np.ones(2)).dtype == np.float64
    assert ag.array([1, 2], dtype=ag.float32).dtype == np.float32
    assert ag.arange(3).dtype == np.int32
    assert ag.zeros((2, 3)).dtype == ag.ones(2).dtype == np.float32
    assert ag.zeros((2, 3)).shape == (2, 3)
    x = ag.array([1.0, 2.0])
    for value in (x * 0.5, 1 - x, x / 3, ag.mean(x), ag.clip(x, 0.1, 0.9), ag.exp(x) + 1):
        assert value.dtype == np.float32
    _, grad = ag.value_and_grad(lambda v: ag.mean(ag.sqrt(v) * 0.3))(x)
    assert grad.dtype == np.float32
    _, grad = ag.value_and_grad(lambda v: ag.sum(v.astype(ag.float64) * 2))(x)
    assert grad.dtype == np.float32


def test_numpy_on_the_left_still_gives_a_tracked_array() -> None:
    x = draw("priority", 3)
    out, grad = ag.value_and_grad(lambda v: (np.full(3, 2.0) * v + np.ones(3)).sum())(x)
    assert isinstance(out, ag.array)
    close("gradient", grad, np.full(3, 2.0), **F64)


def test_large_scores_do_not_overflow() -> None:
    x = np.array([[1e4, 0.0, -1e4]], np.float32)
    close("softmax", ag.softmax(ag.array(x)), [[1, 0, 0]], **F64)
    close("logsumexp", ag.logsumexp(ag.array(x), axis=-1), [1e4], **F64)
    close("sigmoid", ag.sigmoid(ag.array(x)), [[1, 0.5, 0]], **F64)


def test_adding_in_place_spares_what_must_not_change() -> None:
    constant, view = ag.array(np.ones(3)), ag.array(np.broadcast_to(np.float64(1), (3,)))
    memory = constant.data
    constant += ag.array(np.arange(3.0))
    assert constant.data is memory and constant.tolist() == [1, 2, 3]
    view += constant
    assert view.tolist() == [2, 3, 4]

    def square_plus_itself(x: Any) -> Any:
        y = x * x
        y += x
        return ag.sum(y)

    _, slope = ag.value_and_grad(square_plus_itself)(ag.array(np.array([1.0, 3.0])))
    assert slope.tolist() == [3, 7]
