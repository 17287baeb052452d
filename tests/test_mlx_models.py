"""Does a model of mlx-lm, of whatever architecture, sample what it scores and learn from it?"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mlx_lm")
pytestmark = [pytest.mark.mlx, pytest.mark.filterwarnings("ignore")]

from mlx_folders import KINDS, WORDS, make  # noqa: E402

from minir1.backend import xp  # noqa: E402
from minir1.config import SampleConfig  # noqa: E402
from minir1.mlx_models import MLXPolicy, open_mlx  # noqa: E402
from minir1.rollout import Rollout  # noqa: E402

PROMPTS = [WORDS.encode("use 6 1 7 to make 48 ."), WORDS.encode("use 6 1"), [5]]
GROUP = 3


def opened(folder: Path, **options: Any) -> tuple[MLXPolicy, dict[str, Any]]:
    policy, params, _ = open_mlx(str(folder), **options)
    return policy, params


def answered(
    policy: MLXPolicy,
    params: dict[str, Any],
    cap: int = 12,
    prompts: Any = None,
    **settings: Any,
) -> Rollout:
    return policy.sample(
        params,
        prompts or PROMPTS,
        GROUP,
        SampleConfig(max_tokens=cap, **settings),
        (0, "test", 0),
        WORDS.eos_ids,
        WORDS.pad_id,
    )


def places(rollout: Rollout) -> np.ndarray:
    row, column = np.nonzero(rollout.completion_mask)
    return (row * rollout.tokens.shape[1] + column).astype(np.int32)


def gap(
    policy: MLXPolicy, params: dict[str, Any], rollout: Rollout, temperature: float = 1.0
) -> float:
    scored = policy.place_logprobs(params, rollout.tokens, places(rollout), temperature)
    sampled = rollout.old_logprobs[rollout.completion_mask > 0]
    return float(np.abs(np.array(scored) - sampled).max())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_architecture_scores_what_it_samples(tmp_path: Path, kind: str) -> None:
    policy, params = opened(make(tmp_path, kind))
    rollout = answered(policy, params)
    assert policy.exact and policy.tolerance == 1e-4
    assert gap(policy, params, rollout) < 1e-5


def test_a_quantised_model_with_adapters_has_ratio_one_before_its_first_update(
    tmp_path: Path,
) -> None:
    policy, params = opened(make(tmp_path, "qwen3", bits=4))
    rollout = answered(policy, params)
    assert not policy.exact
    assert set(params) and all(".lora_" in name for name in params)
    assert np.expm1(gap(policy, params, rollout)) < 1e-4


def test_the_prompt_is_part_of_what_is_scored(tmp_path: Path) -> None:
    policy, params = opened(make(tmp_path))
    rollout = answered(policy, params, prompts=[PROMPTS[0]])
    where = places(rollout)
    before = np.array(policy.place_logprobs(params, rollout.tokens, where))
    other = rollout.tokens.copy()
    other[:, 0] += 1
    after = np.array(policy.place_logprobs(params, other, where))
    assert np.abs(after - before).max() > 1e-3


def test_every_adapter_has_a_gradient_and_the_base_has_none(tmp_path: Path) -> None:
    policy, params = opened(make(tmp_path))
    rollout = answered(policy, params)

    def loss(p: dict[str, Any]) -> tuple[Any]:
        return (-xp.sum(policy.place_logprobs(p, rollout.tokens, places(rollout))),)

    _, grads = xp.value_and_grad(loss)(params)
    assert set(grads) == set(params)
    for name, g in grads.items():  # with B = 0, A cannot move yet
        assert bool(xp.any(g != 0).item()) == name.endswith("lora_b"), name
