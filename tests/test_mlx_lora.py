"""Do adapters start at the base, leave it alone, and come back from the disk the same?"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mlx_lm")
pytestmark = [pytest.mark.mlx, pytest.mark.filterwarnings("ignore")]

import mlx.core as mx  # noqa: E402
import mlx_lm  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402
from mlx_folders import WORDS, make  # noqa: E402

from minir1.errors import UserError  # noqa: E402
from minir1.mlx_models import open_mlx  # noqa: E402
from minir1.mlx_policy import MLXPolicy  # noqa: E402
from minir1.rng import generator  # noqa: E402

TOKENS = mx.array([WORDS.encode("use 6 1 7 to make 48 . use 6 1")])


def logits(policy: MLXPolicy, params: dict[str, Any]) -> np.ndarray:
    with policy.holding(params) as model:
        return np.array(model(TOKENS).astype(mx.float32))


def loaded(folder: Path, adapters: Path | None = None) -> np.ndarray:
    model, _ = mlx_lm.load(str(folder), adapter_path=str(adapters) if adapters else None)
    return np.array(model(TOKENS).astype(mx.float32))


def moved(params: dict[str, Any]) -> dict[str, Any]:
    rng = generator(0, "tests", "moved")
    return {
        name: p + mx.array((0.02 * rng.standard_normal(p.shape)).astype("float32"))
        for name, p in params.items()
    }


@pytest.mark.parametrize("bits", [0, 4])
def test_the_first_policy_and_the_reference_are_the_base_bit_for_bit(
    tmp_path: Path, bits: int
) -> None:
    folder = make(tmp_path, bits=bits)
    policy, params, _ = open_mlx(str(folder))
    base = loaded(folder)
    assert np.array_equal(logits(policy, params), base)
    later = moved(params)
    assert not np.array_equal(logits(policy, later), base)
    assert np.array_equal(logits(policy, policy.reference(later)), base)


@pytest.mark.parametrize("kind", ["llama", "qwen3", "qwen3_moe", "lfm2"])
@pytest.mark.parametrize("bits", [0, 4])
def test_adapters_reload_to_the_same_logits(tmp_path: Path, kind: str, bits: int) -> None:
    folder = make(tmp_path / "base", kind, bits=bits)
    policy, params, _ = open_mlx(str(folder), rank=4, scale=3.0)
    params = moved(params)
    saved = policy.save_adapters(tmp_path / "adapters", params)
    assert np.array_equal(loaded(folder, saved), logits(policy, params))


def test_adapters_of_chosen_layers_and_names_reload_too(tmp_path: Path) -> None:
    folder = make(tmp_path / "base")
    keys = ["self_attn.q_proj", "self_attn.v_proj"]
    policy, params, _ = open_mlx(str(folder), layers=1, keys=keys)
    assert sorted(params) == [
        f"model.layers.1.{key}.lora_{which}" for key in keys for which in "ab"
    ]
    params = moved(params)
    saved = policy.save_adapters(tmp_path / "adapters", params)
    assert np.array_equal(loaded(folder, saved), logits(policy, params))


@pytest.mark.parametrize(
    ("kind", "bits", "dequantize", "near"),
    [("qwen3", 0, False, 2e-5), ("qwen3", 4, True, 2e-5), ("qwen3_moe", 0, False, 2e-5)],
)
def test_the_fused_folder_has_the_logits_of_the_live_policy(
    tmp_path: Path, kind: str, bits: int, dequantize: bool, near: float
) -> None:
    policy, params, _ = open_mlx(str(make(tmp_path / "base", kind, bits=bits)))
    params = moved(params)
    before = logits(policy, params)
    fused = policy.save_fused(tmp_path / "fused", params, dequantize=dequantize)
    assert np.abs(loaded(fused) - before).max() < near * np.abs(before).max()
    assert np.array_equal(logits(policy, params), before)  # and it can go on
    assert ("quantization" in json.loads((fused / "config.json").read_text())) is False


def test_a_quantised_fused_folder_is_quantised_and_close(tmp_path: Path) -> None:
    folder = make(tmp_path / "base", bits=8)
    policy, params, _ = open_mlx(str(folder))
    params = moved(params)
    before = logits(policy, params)
    fused = policy.save_fused(tmp_path / "fused", params)
    assert json.loads((fused / "config.json").read_text())["quantization"]["bits"] == 8
    error = np.abs(loaded(fused) - before).max()
    assert error < np.abs(loaded(folder) - before).max() / 3


def test_every_weight_trained_is_saved_whole(tmp_path: Path) -> None:
    policy, params, _ = open_mlx(str(make(tmp_path / "base")), tune="full")
    params = moved(params)
    fused = policy.save_fused(tmp_path / "fused", params)
    assert np.array_equal(loaded(fused), logits(policy, params))
    with pytest.raises(UserError, match="no adapters"):
        policy.save_adapters(tmp_path / "adapters", params)


def test_mlx_lm_generates_from_the_fused_folder(tmp_path: Path) -> None:
    policy, params, _ = open_mlx(str(make(tmp_path / "base", bits=4)))
    fused = policy.save_fused(tmp_path / "fused", moved(params))
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        assert (fused / name).read_bytes() == (tmp_path / "base" / name).read_bytes()
    command = ["generate", "--prompt", "7", "--max-tokens", "3", "--model"]
    said = subprocess.run(
        [sys.executable, "-m", "mlx_lm", *command, str(fused)], capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    assert "Generation: " in said.stdout


def test_the_base_is_bit_for_bit_the_same_after_a_call(tmp_path: Path) -> None:
    folder = make(tmp_path, bits=4)
    policy, params, _ = open_mlx(str(folder))
    logits(policy, moved(params))
    base, _ = mlx_lm.load(str(folder))
    now = dict(tree_flatten(policy.model.parameters()))
    for name, value in tree_flatten(base.parameters()):
        stem, _, leaf = name.rpartition(".")
        mine = now[name] if name in now else now[f"{stem}.linear.{leaf}"]
        assert np.array_equal(np.array(mine), np.array(value)), name


def test_adapters_are_a_function_of_the_seed(tmp_path: Path) -> None:
    folder = str(make(tmp_path))
    (_, a, _), (_, b, _), (_, c, _) = (open_mlx(folder, seed=seed) for seed in (1, 1, 2))
    name = next(name for name in a if name.endswith("lora_a"))
    assert np.array_equal(np.array(a[name]), np.array(b[name]))
    assert not np.array_equal(np.array(a[name]), np.array(c[name]))
    inputs = a[name].shape[0]
    assert 0.9 < np.abs(np.array(a[name])).max() * inputs**0.5 <= 1


def test_a_key_or_a_count_that_the_model_has_not_is_refused(tmp_path: Path) -> None:
    folder = str(make(tmp_path))
    with pytest.raises(UserError, match=r"did you mean self_attn\.q_proj"):
        open_mlx(folder, keys=["self_attn.qproj"])
    for wrong in ({"layers": 0}, {"layers": 3}, {"rank": 0}, {"tune": "none"}):
        with pytest.raises(UserError, match="wanted"):
            open_mlx(folder, **wrong)
