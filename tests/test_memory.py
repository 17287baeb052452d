"""Is the memory that a run will need foretold well enough to refuse one that cannot fit?"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minir1 import memory, optim, sft
from minir1.backend import use
from minir1.config import ModelConfig
from minir1.errors import UserError
from minir1.memory import Plan, Shape, Workload

SHAPE = Shape.of(ModelConfig().to_dict())
LOAD = Workload(rows=16, length=300, tokens=1280, trained=475_000, everything=True)


def test_the_shape_is_read_under_any_name() -> None:
    assert Shape(3, 128, 256, 4, 2, 32, 256) == SHAPE
    gpt2 = {"n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257}
    assert Shape.of(gpt2) == Shape(12, 768, 3072, 12, 12, 64, 50257)
    seeing = {"model_type": "a model that sees", "text_config": ModelConfig().to_dict()}
    assert Shape.of(seeing) == SHAPE
    experts = {"num_experts_per_tok": 3, "moe_intermediate_size": 100}
    assert Shape.of({**ModelConfig().to_dict(), **experts}).inner == 300


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("cache", {"rows": 17}),
        ("rollout", {"rows": 17}),
        ("cache", {"length": 600}),
        ("activations", {"length": 600}),
        ("activations", {"tokens": 2000}),
        ("logits", {"tokens": 2000}),
        ("training", {"trained": 500_000}),
        ("gradient", {"trained": 500_000}),
        ("step", {"trained": 500_000}),
        ("training", {"everything": False}),
        ("cache", {"width": 2}),
        ("activations", {"checkpoint": True}),
    ],
)
def test_everything_counts(part: str, changed: dict[str, Any]) -> None:
    before, after = (
        getattr(memory.plan(SHAPE, load, 10), part) for load in (LOAD, replace(LOAD, **changed))
    )
    less = {"everything": False, "width": 2, "checkpoint": True}
    assert (after < before) == (changed.items() <= less.items())
    assert after != before


def test_the_total_is_what_is_always_held_and_the_hungriest_phase() -> None:
    plan = Plan(weights=1, training=2, cache=30, rollout=4, activations=10, logits=9,
                gradient=8, step=20, saving=5)  # fmt: skip
    assert plan.total == 3 + 34
    assert replace(plan, cache=0).total == 3 + 27
    assert replace(plan, cache=0, step=50).total == 3 + 50
    assert replace(plan, cache=0, saving=60).total == 3 + 60
    assert replace(plan, slack=2.0).total == 2 * (3 + 34)


@pytest.mark.parametrize(
    ("part", "advice"),
    [
        ("weights", "quantised"),
        ("training", "--tune lora"),
        ("cache", r"sample\.rows_per_chunk"),
        ("activations", r"grpo\.tokens_per_microbatch"),
    ],
)
def test_a_run_that_cannot_fit_is_refused_with_what_to_change(part: str, advice: str) -> None:
    small = Plan(*[10**8] * 9)
    plan = replace(small, **{part: 20 * 10**9})
    memory.require(plan, plan.total)
    with pytest.raises(UserError, match=advice) as caught:
        memory.require(plan, 12 * 10**9)
    assert "needs about 20." in str(caught.value) and "12.0 GB are free" in str(caught.value)
    assert "\n" not in str(caught.value) + plan.describe()


def test_the_machine_says_what_is_free_and_what_was_held() -> None:
    assert 10**8 < memory.free_memory() < 10**14
    assert 10**7 < memory.peak() < 10**13
    assert memory.gigabytes(1.64e9) == "1.6 GB"
    assert memory.gigabytes(3.4e8) == "340 MB"


@pytest.mark.mlx
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("tune", "checkpoint", "dtype"),
    [
        ("full", False, "float32"),
        ("full", True, "float32"),
        ("lora", False, "float32"),
        ("lora", True, "float32"),
        ("lora", False, "bfloat16"),
    ],
)
def test_the_plan_is_near_what_mlx_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tune: str, checkpoint: bool, dtype: str
) -> None:
    pytest.importorskip("mlx_lm")
    import mlx.core as mx
    import mlx_folders
    from test_mlx_models import Loss, opened, split

    from minir1.mlx_folder import read_config
    from minir1.rollout import assemble

    wide = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 4}
    monkeypatch.setattr(mlx_folders, "PLAIN", mlx_folders.PLAIN | wide)
    folder = mlx_folders.make(tmp_path, dtype=dtype)
    policy, params = opened(folder, tune=tune, grad_checkpoint=checkpoint)
    said = np.ones(120, np.int32), np.full(120, -5.0, np.float32), np.ones(120, np.float32)
    rollout = assemble([[5, 6, 7]] * 4, [said] * 4, [], 0)
    batches = split(rollout.completion_mask, rollout.tokens, 512)
    state = optim.adamw_init(params)
    mx.eval(state)
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    _, grads = policy.gradients(Loss(policy, rollout), params, batches)
    update = mx.get_peak_memory() - before
    sft.update(params, grads, state, 1e-4, 1.0, (0.9, 0.95), 0.0)
    most = mx.get_peak_memory() - before
    load = Workload(
        rows=4,
        length=rollout.tokens.shape[1],
        tokens=batches[0].tokens.size,
        trained=sum(p.size for p in params.values()),
        everything=tune == "full",
        width=4 if dtype == "float32" else 2,
        checkpoint=checkpoint,
    )
    plan = memory.plan(Shape.of(read_config(folder)), load, 0)
    assert 0.7 < (plan.activations + plan.logits + plan.gradient) / update < 1.5
    assert plan.total - plan.weights - plan.training > 0.7 * most
    use("mlx")
    assert memory.peak() >= most
