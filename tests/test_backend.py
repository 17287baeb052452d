"""Is the right engine in use, and does side-by-side work come back in order?"""

import ast
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from minir1 import autograd, backend
from minir1.backend import from_numpy, parallel_map, to_numpy, use, xp
from minir1.errors import UserError


def test_numpy_is_our_own_tape() -> None:
    assert use("numpy") == xp.name == "numpy"
    assert isinstance(xp.ones((2,)), autograd.array)
    assert xp.exp is autograd.exp


def test_another_engine_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="backend=torch: wanted auto, numpy or mlx"):
        use("torch")
    assert xp.name == "numpy"


def test_mlx_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install"):
        use("mlx")


@pytest.mark.parametrize(
    ("system", "machine", "installed", "expected"),
    [
        ("Darwin", "arm64", True, "mlx"),
        ("Darwin", "arm64", False, "numpy"),
        ("Darwin", "x86_64", True, "numpy"),
        ("Linux", "aarch64", True, "numpy"),
    ],
)
def test_auto_is_mlx_on_apple_silicon_only(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, installed: bool, expected: str
) -> None:
    monkeypatch.setattr(backend.platform, "system", lambda: system)
    monkeypatch.setattr(backend.platform, "machine", lambda: machine)
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: installed or None)
    monkeypatch.setattr(backend, "_mlx_engine", dict)
    assert use("auto") == xp.name == expected


def test_arrays_cross_over_and_back() -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    tree = from_numpy({"a": x, "b": [x + 1]})
    assert isinstance(tree["b"][0], autograd.array)
    assert np.array_equal(to_numpy(tree["a"]), x)
    assert type(to_numpy(tree["a"])) is np.ndarray


def test_nothing_of_the_other_engine_stays_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(backend, "_mlx_engine", lambda: {"only": 1, "_private": 2})
    use("mlx")
    assert xp.only == 1
    for name in ("exp", "_private"):
        with pytest.raises(AttributeError, match="mlx has no"):
            getattr(xp, name)


def test_the_first_touch_chooses_and_a_missing_name_is_missed() -> None:
    fresh = type(xp)()
    assert fresh.name == ""
    with pytest.raises(AttributeError, match="numpy has no convolve"):
        xp.convolve  # noqa: B018
    xp.__dict__ = {}
    assert xp.exp(xp.zeros((1,))).tolist() == [1] and xp.name


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads: int) -> None:
    def slow_first(i: int) -> int:
        time.sleep(0.002 * (5 - i))
        return i * i

    assert list(parallel_map(slow_first, range(6), threads)) == [0, 1, 4, 9, 16, 25]


def test_work_is_done_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=10)
    list(parallel_map(lambda _: meeting.wait(), range(2), threads=2))


def test_one_thread_is_no_thread() -> None:
    here = threading.get_ident()
    assert list(parallel_map(lambda _: threading.get_ident(), range(3), 1)) == [here] * 3


def test_an_error_comes_through() -> None:
    def broken(i: int) -> int:
        return 1 // (i - 2)

    with pytest.raises(ZeroDivisionError):
        list(parallel_map(broken, range(4), threads=2))


def test_nobody_else_asks_which_engine_is_in_use() -> None:
    """Their imports say so; what is about MLX alone has it in its name, but for `team.py`."""
    for path in Path(backend.__file__).parent.rglob("*.py"):
        imported = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
        known = path.name in ("backend.py", "team.py") or path.name.startswith("mlx_")
        assert "mlx" not in imported or known, path.name
