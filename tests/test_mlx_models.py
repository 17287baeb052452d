"""Does a model of mlx-lm, of whatever architecture, sample what it scores and learn from it?"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mlx_lm")
pytestmark = [pytest.mark.mlx, pytest.mark.filterwarnings("ignore")]

from mlx.utils import tree_flatten  # noqa: E402
from mlx_folders import KINDS, WORDS, make  # noqa: E402

from minir1 import grpo, mlx_rollout, optim  # noqa: E402
from minir1.backend import use, xp  # noqa: E402
from minir1.config import SampleConfig  # noqa: E402
from minir1.errors import UserError  # noqa: E402
from minir1.microbatch import MicroBatch, split  # noqa: E402
from minir1.mlx_compile import padded  # noqa: E402
from minir1.mlx_models import open_mlx  # noqa: E402
from minir1.mlx_policy import MLXPolicy  # noqa: E402
from minir1.rng import generator  # noqa: E402
from minir1.rollout import Rollout  # noqa: E402
from minir1.rollout import choose as rollout_choose  # noqa: E402

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
    assert policy.importance_cap is None and policy.tolerance == 1e-4
    assert gap(policy, params, rollout) < 1e-5


def test_an_output_layer_of_another_name_is_scored_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path, "llama")
    plain, params = opened(folder)
    monkeypatch.setattr("minir1.mlx_layers.HEADS", ())
    policy, _ = opened(folder)
    tokens = np.array([[127, 15, 10, 5]], np.int32)
    for chosen in ([1], [2, 0, 1, 1]):  # as many places as tokens, and fewer
        where = np.array(chosen, np.int32)
        ours = [np.array(p.place_logprobs(params, tokens, where)) for p in (plain, policy)]
        assert np.allclose(*ours, atol=1e-5)
    assert plain.window.used and not policy.window.used


def test_a_quantised_model_with_adapters_has_ratio_one_before_its_first_update(
    tmp_path: Path,
) -> None:
    policy, params = opened(make(tmp_path, "qwen3", bits=4))
    rollout = answered(policy, params)
    assert policy.importance_cap == 2
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


@dataclass(frozen=True)
class Loss:
    """The GRPO loss of some rollout, as a function of log-probabilities."""

    policy: MLXPolicy
    rollout: Rollout
    kl_weight: float = 0.0
    clip: float = 0.2
    temperature: float = 1.0

    @property
    def key(self) -> Any:
        return self.kl_weight, self.clip, self.temperature

    def numbers(self, batch: MicroBatch) -> dict[str, np.ndarray]:
        old = self.rollout.old_logprobs.reshape(-1)[batch.source]
        pushes = generator(0, "tests", "pushes").standard_normal(len(self.rollout.tokens))
        pushed = pushes[batch.source // (self.rollout.tokens.shape[1] - 1)]
        weights = np.full(len(old), 0.01)
        found = {"old": old, "advantages": pushed, "weights": weights, "reference": old}
        return {name: value.astype(np.float32) for name, value in found.items()}

    def value(self, logprobs: Any, numbers: dict[str, Any]) -> tuple[Any, ...]:
        value = grpo.grpo_loss(
            logprobs,
            numbers["old"],
            numbers["advantages"],
            numbers["weights"],
            self.clip,
            self.clip,
            numbers["reference"],
            self.kl_weight,
        )
        return value, logprobs

    def __call__(self, params: dict[str, Any], batch: MicroBatch) -> tuple[Any, ...]:
        scored = self.policy.place_logprobs(
            params, batch.tokens, batch.places, self.temperature
        )
        numbers = {name: xp.array(value) for name, value in self.numbers(batch).items()}
        return self.value(scored, numbers)


def differentiated(
    policy: MLXPolicy, params: dict[str, Any], budget: int = 60, **options: Any
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the log-probabilities and the gradient that a policy gives of one rollout."""
    rollout = answered(policy, params)
    batches = split(rollout.completion_mask, rollout.tokens, budget)
    results, grads = policy.gradients(Loss(policy, rollout, **options), params, batches)
    logprobs = np.concatenate([np.array(out[1]) for out in results])
    old = rollout.old_logprobs.reshape(-1)
    assert np.abs(logprobs - old[np.concatenate([b.source for b in batches])]).max() < 1e-5
    return logprobs, {name: np.array(g) for name, g in grads.items()}


def distance(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    """The greatest difference between two gradients, relative to the greatest entry."""
    assert set(a) == set(b)
    largest = max(float(np.abs(g).max()) for g in a.values())
    assert largest > 1e-6
    return max(float(np.abs(a[name] - b[name]).max()) for name in a) / largest


@pytest.mark.parametrize("tune", ["full", "lora"])
def test_recomputed_gradients_are_the_same(tmp_path: Path, tune: str) -> None:
    folder = make(tmp_path)
    plain = differentiated(*opened(folder, tune=tune))
    other = differentiated(*opened(folder, tune=tune, grad_checkpoint=True))
    assert np.allclose(plain[0], other[0], atol=1e-5)
    assert distance(plain[1], other[1]) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("tune", ["full", "lora"])
def test_compiled_gradients_are_the_same(tmp_path: Path, tune: str) -> None:
    folder = make(tmp_path)
    plain = differentiated(*opened(folder, tune=tune))
    policy, params = opened(folder, tune=tune, compile=True)
    for _ in range(2):
        other = differentiated(policy, params)
        assert np.allclose(plain[0], other[0], atol=1e-5)
        assert distance(plain[1], other[1]) < 1e-4
    assert policy.compiled is not None and len(policy.compiled.made) == 1


def test_recomputing_touches_the_layers_of_one_model_only(tmp_path: Path) -> None:
    folder = make(tmp_path)
    plain, _ = opened(folder)
    kind = type(plain.model.layers[0])
    call = kind.__call__
    recomputing, _ = opened(folder, grad_checkpoint=True)
    assert type(plain.model.layers[0]) is kind
    assert kind.__call__ is call
    assert type(recomputing.model.layers[0]).__call__ is not call


def test_few_shapes_are_compiled_and_padding_weighs_nothing(tmp_path: Path) -> None:
    policy, params = opened(make(tmp_path))
    rollout = answered(policy, params)
    loss, shapes = Loss(policy, rollout), set()
    for budget in range(20, 40):
        for batch in split(rollout.completion_mask, rollout.tokens, budget):
            tokens, places, numbers = padded(batch, loss.numbers(batch))
            shapes.add((tokens.shape, places.shape))
            scored = policy.place_logprobs(params, tokens, places)
            value, _ = loss.value(scored, numbers)
            assert abs(value.item() - loss(params, batch)[0].item()) < 1e-5
    assert len(shapes) <= 4


def test_a_compiled_policy_compiles_a_loss_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced: list[Any] = []
    monkeypatch.setattr("mlx.core.compile", lambda of: traced.append(of) or of)
    policy, params = opened(make(tmp_path), compile=True)
    plain = differentiated(*opened(tmp_path))
    for _ in range(2):
        other = differentiated(policy, params)
        assert distance(plain[1], other[1]) < 1e-4
    assert len(traced) == 1
    differentiated(policy, params, clip=0.1)
    assert len(traced) == 2


def test_the_cut_into_micro_batches_changes_rounding_only(tmp_path: Path) -> None:
    policy, params = opened(make(tmp_path))
    small, large = (differentiated(policy, params, budget)[1] for budget in (15, 1000))
    assert distance(small, large) < 1e-4


def test_the_kl_has_no_slope_at_the_reference(tmp_path: Path) -> None:
    policy, params = opened(make(tmp_path))
    without = differentiated(policy, params)[1]
    with_kl = differentiated(policy, params, kl_weight=1.0)[1]
    assert distance(without, with_kl) < 1e-4


def test_an_update_follows_the_gradient_and_leaves_the_base_alone(tmp_path: Path) -> None:
    policy, params = opened(make(tmp_path, bits=4))
    rollout = answered(policy, params)
    loss, batches = Loss(policy, rollout), split(rollout.completion_mask, rollout.tokens, 99)
    frozen = {n: np.array(v) for n, v in tree_flatten(policy.model.parameters()) if v.size}
    state, values = optim.adamw_init(params), []
    for _ in range(4):
        results, grads = policy.gradients(loss, params, batches)
        values.append(sum(out[0].item() for out in results))
        params, state = optim.adamw(params, grads, state, 1e-3)
    assert values == sorted(values, reverse=True)
    assert all(value.dtype == xp.float32 for value in params.values())
    after = {n: np.array(v) for n, v in tree_flatten(policy.model.parameters()) if v.size}
    assert frozen.keys() == after.keys()
    for name, value in frozen.items():
        assert np.array_equal(value, after[name]), name
    assert gap(policy, params, answered(policy, params)) < 1e-5  # it samples what it became


def test_small_steps_on_bfloat16_weights_are_not_lost(tmp_path: Path) -> None:
    policy, params = opened(make(tmp_path, dtype="bfloat16"), tune="full")
    name = "model.layers.0.mlp.up_proj.weight"
    moved = params
    for _ in range(10):
        moved = {**moved, name: moved[name] * (1 + 1e-4)}
    assert not np.array_equal(np.array(moved[name]), np.array(params[name]))
    rollout = answered(policy, params)
    with policy.holding(params) as model:
        assert dict(tree_flatten(model.parameters()))[name].dtype == xp.bfloat16
    assert gap(policy, params, rollout) < 0.05


def test_neighbours_and_chunks_change_rounding_only(tmp_path: Path) -> None:
    policy, params = opened(make(tmp_path))
    whole = answered(policy, params)
    chunked = answered(policy, params, rows_per_chunk=GROUP)
    alone = answered(policy, params, prompts=PROMPTS[:1])
    assert [list(whole.completion(i)) for i in range(9)] == [
        list(chunked.completion(i)) for i in range(9)
    ]
    for i in range(GROUP):
        assert list(alone.completion(i)) == list(whole.completion(i))
    assert np.abs(chunked.old_logprobs - whole.old_logprobs).max() < 1e-5


def test_decoding_alone_gives_the_same_as_together(tmp_path: Path) -> None:
    policy, params = opened(make(tmp_path))
    assert policy.together
    together, alone = (
        answered(policy, params),
        answered(replace(policy, together=False), params),
    )
    assert np.array_equal(together.tokens, alone.tokens)
    assert np.array_equal(together.completion_mask, alone.completion_mask)
    assert np.abs(together.old_logprobs - alone.old_logprobs).max() < 1e-5
    assert np.abs(together.entropy - alone.entropy).max() < 1e-4


def test_an_architecture_that_cannot_be_batched_is_found(tmp_path: Path) -> None:
    assert not opened(make(tmp_path / "2", "gemma2"))[0].together
    assert opened(make(tmp_path / "3", "gemma3_text"))[0].together


def test_the_draw_is_that_of_our_own_sampler() -> None:
    use("mlx")
    rng = generator(0, "tests", "draw")
    logits = (3 * rng.standard_normal((50, 37))).astype(np.float32)
    logits[:, 5] = -np.inf
    u = rng.random(50, dtype=np.float32)
    u[:2] = 0, np.nextafter(np.float32(1), np.float32(0))
    ours = rollout_choose(logits, u)
    theirs = [np.array(x) for x in mlx_rollout.choose(xp.array(logits), xp.array(u))]
    assert np.array_equal(ours[0], theirs[0])
    assert np.allclose(ours[1], theirs[1], atol=1e-5)


def test_the_end_token_is_sampled_kept_and_trained(tmp_path: Path) -> None:
    policy, params = opened(make(tmp_path))
    rollout = answered(policy, params, cap=60)
    assert 0 < rollout.finished.sum() < len(rollout.finished)
    for i, finished in enumerate(rollout.finished):
        said = rollout.completion(i)
        assert (said[-1] == WORDS.eos_id) == finished
        assert WORDS.eos_id not in said[:-1]
        assert rollout.completion_mask[i].sum() == len(said)
    assert gap(policy, params, rollout) < 1e-5


def test_temperature_changes_what_is_sampled_and_is_scored_with(tmp_path: Path) -> None:
    policy, params = opened(make(tmp_path))
    warm = answered(policy, params, temperature=1.5)
    assert gap(policy, params, warm, 1.5) < 1e-5
    assert gap(policy, params, warm, 1.0) > 1e-2


@pytest.mark.parametrize(
    "changed",
    [{"seed": 1}, {"rank": 2}, {"scale": 1.0}, {"layers": 1}, {"keys": ["mlp.up_proj"]}],
)
def test_every_option_of_lora_changes_the_gradient(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    folder = make(tmp_path)
    before, after = (differentiated(*opened(folder, **o))[1] for o in ({}, changed))
    same = before.keys() == after.keys() and all(
        before[name].shape == after[name].shape and np.array_equal(before[name], after[name])
        for name in before
    )
    assert not same


def test_the_work_is_counted(tmp_path: Path) -> None:
    policy, _ = opened(make(tmp_path))
    inside = 2 * (64 * (64 + 32 + 32 + 64) + 3 * 64 * 64)
    assert policy.matrix_parameters == inside + 64 * len(WORDS)  # tied: once, as the output
    prompts, said = np.array([5, 5, 7, 7]), np.array([1, 2, 3, 4])
    assert policy.rollout_flops(prompts, said, 2) == 2 * policy.matrix_parameters * 22
    assert policy.update_flops(prompts, said) == 4 * policy.matrix_parameters * 34


def test_what_cannot_be_trained_is_said_in_one_line(tmp_path: Path) -> None:
    config = make(tmp_path / "a") / "config.json"
    said = json.loads(config.read_text())
    config.write_text(json.dumps({**said, "model_type": "nosuch"}))
    (tmp_path / "empty").mkdir()
    broken = make(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"not weights")
    strange = make(tmp_path / "strange")
    half = json.loads((strange / "config.json").read_text())
    (strange / "config.json").write_text(json.dumps({**half, "hidden_size": 32}))
    endless = make(tmp_path / "endless")
    for name in ("config.json", "generation_config.json"):
        kept = json.loads((endless / name).read_text())
        kept.pop("eos_token_id")
        (endless / name).write_text(json.dumps(kept))
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        kept = json.loads((endless / name).read_text())
        kept.pop("eos_token")
        (endless / name).write_text(json.dumps(kept))
    for name, why in [
        ("a", "nosuch"),
        ("empty", "no weights"),
        ("broken", "mlx-lm cannot run it"),
        ("strange", "mlx-lm cannot run it"),
        ("endless", "no token that ends"),
        ("nowhere/there", "nowhere"),
        ("owner/nothing", "Hub"),
    ]:
        local = (tmp_path / name).exists() or name.startswith("nowhere")
        with pytest.raises(UserError, match=why) as caught:
            open_mlx(str(tmp_path / name) if local else name)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="quantised: train adapters"):
        open_mlx(str(make(tmp_path / "q", bits=4)), tune="full")
