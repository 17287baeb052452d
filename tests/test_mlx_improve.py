"""Does one step of GRPO on an mlx-lm model do what its settings say, every one of them?

The same questions as in `test_rl.py`, on the other kind of policy: its scores, its precision
and its compiled gradients are its own.
"""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mlx_lm")
pytestmark = [pytest.mark.mlx, pytest.mark.filterwarnings("ignore")]

import mlx.core as mx  # noqa: E402
from mlx_folders import WORDS, make  # noqa: E402

from minir1 import rl  # noqa: E402
from minir1.answers import Graded  # noqa: E402
from minir1.backend import use  # noqa: E402
from minir1.config import GRPOSettings  # noqa: E402
from minir1.mlx_models import open_mlx  # noqa: E402
from minir1.mlx_policy import MLXPolicy  # noqa: E402
from minir1.objectives import chosen  # noqa: E402
from minir1.real_config import RealConfig  # noqa: E402

GROUP = 4
PROMPTS = [WORDS.encode("use 6 1 7 to make 48 ."), WORDS.encode("use 6 1")]
REWARDS = np.array([[1.0, 0.0, 0.1, 0.0], [0.0, 1.1, 1.1, 0.3]])
USUAL = {
    "prompts": len(PROMPTS), "group": GROUP, "minibatches": 1, "inner_steps": 2, "steps": 9,
    "warmup": 0, "learning_rate": 0.001, "kl_weight": 0.3, "average": "token",
}  # fmt: skip
CHANGES = {
    "learning_rate": 0.0011, "warmup": 3, "clip_low": 0.01, "clip_high": 9.0, "scale": "none",
    "average": "sequence", "kl_weight": 0.6, "kl_estimator": "k3", "inner_steps": 3,
    "minibatches": 2, "grad_clip": 0.01, "weight_decay": 0.5, "steps": 1,
    "final_fraction": 0.5, "tokens_per_microbatch": 1, "objective": "gspo",
    "truncated": "left-out",
}  # fmt: skip
ELSEWHERE = {
    "prompts", "group", "reference_refresh", "combine", "extra_draws",
    "overlong",  # not in an update, or tried in test_objectives.py
}  # fmt: skip
ROUNDING = {"tokens_per_microbatch"}  # changes nothing else
Opened = tuple[MLXPolicy, dict[str, Any]]


def settings(**knobs: Any) -> RealConfig:
    temperature = knobs.pop("temperature", 1.0)
    usual = RealConfig()
    return replace(
        usual,
        grpo=replace(usual.grpo, **{**USUAL, **knobs}),
        sample=replace(usual.sample, max_tokens=6, temperature=temperature),
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same random model, whole, in 16 bits and in 4."""
    base = tmp_path_factory.mktemp("models")
    return {
        "float32": make(base / "32"),
        "bfloat16": make(base / "16", dtype="bfloat16"),
        "4 bits": make(base / "4", bits=4),
    }


def opened(folder: Path, **options: Any) -> Opened:
    policy, params, _ = open_mlx(str(folder), **{"tune": "full", **options})
    return policy, params


def graded(model: Opened, config: RealConfig) -> Graded:
    """A rollout, each completion cut to a length of its own."""
    policy, params = model
    ends = WORDS.eos_ids, WORDS.pad_id
    drawn = policy.sample(params, PROMPTS, GROUP, config.sample, (0, "test", 0), *ends)
    start = drawn.prompt_lengths[:, None] - 1
    lengths = 1 + np.arange(len(PROMPTS) * GROUP)[:, None] * 5 % 6
    kept = np.arange(drawn.completion_mask.shape[1]) < start + lengths
    cut = replace(drawn, completion_mask=drawn.completion_mask * kept)
    return Graded(PROMPTS, cut, [], REWARDS)


def improved(model: Opened, **knobs: Any) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The parameters after one rollout, pulled to a reference elsewhere, and the report."""
    policy, params = model
    config = settings(**knobs)
    name = next(name for name in params if "up_proj" in name)
    learner = rl.Learner.start(params)
    learner.ref_params = {**params, name: params[name] * 1.5}
    learner.step = 1
    batch, objective = graded(model, config), chosen(config.grpo)
    metrics = rl.improve(learner, config, policy, batch, objective=objective)
    return {name: np.array(p) for name, p in learner.params.items()}, metrics


def distance(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)


def test_every_setting_has_a_test_here() -> None:
    names = {field.name for field in fields(GRPOSettings)}
    assert names == set(CHANGES) | ELSEWHERE


def test_every_setting_changes_the_step_compiled_or_not(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One policy keeps what it compiled: a setting that is not in the key would be lost."""
    monkeypatch.setattr("mlx.core.compile", lambda of: of)  # the keeping is what is tested
    plain = opened(folders["float32"])
    compiled = opened(folders["float32"], compile=True)
    usual = improved(plain)[0]
    assert distance(usual, improved(compiled)[0]) < 1e-4
    for knob, value in {**CHANGES, "temperature": 1.3}.items():
        changed = improved(plain, **{knob: value})[0]
        moved = distance(usual, changed)
        assert moved < 1e-4 if knob in ROUNDING else moved > 2e-4, (knob, moved)
        assert distance(changed, improved(compiled, **{knob: value})[0]) < 1e-4, knob


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "4 bits"])
def test_before_the_first_update_ratio_is_one_and_nothing_is_clipped(
    folders: dict[str, Path], kind: str
) -> None:
    model = opened(folders[kind], tune="lora")
    metrics = improved(model, inner_steps=1)[1]
    assert metrics["logprob_gap"] < 1e-4
    assert metrics["clip_fraction"] == 0
    assert metrics["grad_norm"] > 1e-3


def test_16_bit_weights_are_scored_in_32(folders: dict[str, Path]) -> None:
    """A softmax in 16 bits would be wrong in the third digit."""
    policy, params = opened(folders["bfloat16"])
    drawn = graded((policy, params), settings()).rollout
    row, column = np.nonzero(drawn.completion_mask)
    places = (row * drawn.tokens.shape[1] + column).astype(np.int32)
    scored = np.array(policy.place_logprobs(params, drawn.tokens, places))
    with policy.holding(params) as model:
        z = np.array(model(mx.array(drawn.tokens)).astype(mx.float32), np.float64)
    z = z.reshape(-1, z.shape[-1])[places]
    target = drawn.tokens.reshape(-1)[places + 1]
    wanted = z[np.arange(len(z)), target] - np.log(np.exp(z).sum(axis=1))
    assert np.abs(scored - wanted).max() < 1e-5


def test_a_step_makes_the_good_likelier_and_the_bad_less_likely(
    folders: dict[str, Path],
) -> None:
    use("mlx")
    policy, params = opened(folders["float32"])
    config = settings(kl_weight=0.0)
    batch = graded((policy, params), config)
    learner = rl.Learner.start(params)
    rl.improve(learner, config, policy, batch)
    mask = batch.rollout.completion_mask > 0
    row, column = np.nonzero(mask)
    places = (row * batch.rollout.tokens.shape[1] + column).astype(np.int32)
    change = np.array(policy.place_logprobs(learner.params, batch.rollout.tokens, places))
    change -= batch.rollout.old_logprobs[mask]
    pushes = (REWARDS - REWARDS.mean(axis=1, keepdims=True)).reshape(-1)
    sums = np.bincount(row, change, len(pushes))
    assert sums @ pushes > 0.1
