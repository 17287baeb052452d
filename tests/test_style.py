"""Is the package as plain as it claims? Sizes, docstrings, names, and what it never does."""

import ast
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import minir1

PACKAGE = Path(minir1.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
SOURCES = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: str(path.relative_to(PACKAGE))
)
LONGEST_FILE, LONGEST_FUNCTION = 300, 50

# Words of other code bases for things that have a name here.
FORBIDDEN = {
    "num_generations", "num_answer_per_question", "n_embd", "n_head", "input_ids",
    "action_mask", "loss_mask", "target_masks", "adv", "advs", "normalized_reward",
    "per_token_logps", "b_logprobs", "newlogprob", "coef_1", "coef_2", "pi_ratio",
    "clip_coef", "clip_ratio", "clipfrac", "approx_kl", "num_iterations", "update_epochs",
    "frac_reward_zero_std", "ref_model", "old_logps", "tmp", "foo", "bar",
}  # fmt: skip


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def identifiers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or ""
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def test_there_is_something_to_look_at() -> None:
    assert {"grpo.py", "model.py", "rollout.py"} <= {path.name for path in FILES}


@SOURCES
def test_a_file_fits_the_eye(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= LONGEST_FILE
    for function in functions(ast.parse(path.read_text())):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= LONGEST_FUNCTION, f"{function.name} has {length} lines"


@SOURCES
def test_what_is_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text())
    if path.name != "__main__.py":
        assert ast.get_docstring(tree), "the module has no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@SOURCES
def test_names_are_those_of_the_project(path: Path) -> None:
    assert not FORBIDDEN & set(identifiers(ast.parse(path.read_text())))


@SOURCES
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text()
    for word in ("TODO", "FIXME", "XXX"):
        assert word not in text, word
    paths = set(re.findall(r"(?<![\w.:/])/[a-z]+/\w+", text))
    system = {"/proc/cpuinfo", "/proc/meminfo", "/sys/fs"}
    assert paths <= system, "a path of somebody's machine"


@SOURCES
def test_nothing_runs_or_unpickles_text(path: Path) -> None:
    """MLX's `eval` computes lazy arrays; ours of the same name does nothing."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "compile", "__import__"), node.lineno
        imported = []
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        for name in imported:
            root = name.split(".")[0]
            assert root not in ("pickle", "marshal", "shelve", "dill", "joblib"), node.lineno
            assert root not in ("torch", "tensorflow", "jax"), node.lineno
    assert "allow_pickle=True" not in path.read_text()


@SOURCES
def test_randomness_comes_from_rng_alone(path: Path) -> None:
    """No global state, no seeds from the clock."""
    text = path.read_text()
    for use in ("np.random.seed", "default_rng(", "np.random.rand", "RandomState"):
        assert use not in text, use
    imported = {
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not imported & {"random", "secrets"}
    if path.name != "rng.py":
        assert "np.random.Philox" not in text


def seconds_and_modules(code: str) -> tuple[float, set[str]]:
    """How long a fresh interpreter takes over some code, and what it imported."""
    script = f"import sys\n{code}\nprint('\\n' + ' '.join(sys.modules))"
    started = time.perf_counter()
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True,
        cwd=PACKAGE.parent,
    )  # fmt: skip
    return time.perf_counter() - started, set(out.stdout.splitlines()[-1].split())


HEAVY = {"numpy", "mlx", "torch", "tokenizers", "safetensors", "rich"}
HELP = """
sys.argv = ["minir1", "--help"]
from minir1.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.mark.parametrize("code", ["import minir1", HELP], ids=["import", "help"])
def test_importing_and_helping_stay_light(code: str) -> None:
    bare = min(seconds_and_modules("pass")[0] for _ in range(2))
    took, modules = min(
        (seconds_and_modules(code) for _ in range(6)), key=lambda measured: measured[0]
    )
    assert not HEAVY & modules
    assert took - bare < 0.5


def test_the_tests_themselves_run_offline() -> None:
    with pytest.raises(OSError, match="offline"):
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    with socket.socket() as s, pytest.raises(OSError, match="offline"):
        s.connect(("127.0.0.1", 9))
    with pytest.raises(OSError, match="offline"):
        socket.getaddrinfo("example.org", 80)
