"""Does the judge learn what is preferred, at the same bits however it is computed?"""

import dataclasses
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reference
from check import F32, F64, SMALL, as_arrays, check_gradient, check_slopes, close, random_params

from minir1 import backend, model, reward_model, sft
from minir1.backend import to_numpy, xp
from minir1.checkpoint import load_checkpoint, save_checkpoint
from minir1.config import ModelConfig, RunConfig, override, tiny
from minir1.errors import UserError
from minir1.preference import Pair
from minir1.reward_model import RewardModel, pairwise_loss, preference_gradients
from minir1.rl import Learner
from minir1.rng import generator
from minir1.tokenizer import WordTokenizer
from minir1.world.general import general_prompts

TOKENIZER = WordTokenizer()
PROMPTS = general_prompts("train")
SETTINGS = (
    "model.hidden_size=32", "model.intermediate_size=48", "model.num_hidden_layers=1",
    "model.num_attention_heads=2", "model.num_key_value_heads=1", "model.head_dim=16",
    "preference.epochs=4", "preference.batch=32", "preference.learning_rate=0.01",
    "preference.warmup=2", "threads=1",
)  # fmt: skip
# Two pairs of texts, the chosen first, of different lengths.
ROWS = [np.array(r, np.int32) for r in ([1, 4, 5, 2], [1, 9, 2], [1, 7, 3, 9, 6, 2], [1, 3, 2])]


def config_of(*settings: str) -> RunConfig:
    return override(tiny(), (*SETTINGS, *settings))


def scored_params(
    config: ModelConfig = SMALL, dtype: Any = np.float64
) -> dict[str, np.ndarray]:
    """Random parameters of a decoder with a score in place of words."""
    params = random_params(config, dtype=dtype)
    head = generator(0, "tests", "head").standard_normal((1, config.hidden_size))
    return {**params, "score.weight": head.astype(dtype)}


def likes(word: str, count: int, seed: int = 0) -> list[Pair]:
    """Pairs in which the text with the word is preferred, wherever it stands."""
    rng, others = generator(seed, "tests", "likes"), ("dog", "snow", "rice", "fish", "sun")
    pairs = []
    for _ in range(count):
        chosen, rejected = (list(rng.choice(others, int(rng.integers(1, 5)))) for _ in range(2))
        chosen[int(rng.integers(len(chosen)))] = word
        prompt = PROMPTS[int(rng.integers(16))]
        pairs.append(Pair(prompt, " ".join(chosen), " ".join(rejected)))
    return pairs


def fresh(config: RunConfig) -> Learner:
    params = model.init_params(config.model, generator(config.seed, "init"))
    return reward_model.start(params, config.model, config.seed)


def after(config: RunConfig, pairs: Sequence[Pair], learner: Learner | None = None) -> Learner:
    learner = learner or fresh(config)
    for _ in reward_model.train(learner, config, TOKENIZER, pairs):
        pass
    return learner


def arrays(learner: Learner) -> dict[str, np.ndarray]:
    return {name: to_numpy(p) for name, p in learner.params.items()}


@pytest.fixture(scope="module")
def judge() -> RewardModel:
    """A judge that learned to like tea."""
    backend.use("numpy")
    config, pairs = config_of(), likes("tea", 320)
    learner = after(config, pairs)
    return reward_model.standardise(learner.params, config.model, TOKENIZER, pairs)


def test_the_loss_is_the_surprise_at_the_labels() -> None:
    scores = np.array([[1.0, 0.5, 3.0], [0.0, 2.0, 3.0]])
    expected = np.log1p(np.exp([-1.0, 1.5, 0.0])).mean()
    close("loss", pairwise_loss(xp.array(scores)), expected, **F64)
    far = xp.array(np.array([[1000.0, -1000.0], [-1000.0, 1000.0]]))
    close("far apart", pairwise_loss(far), 1000.0, **F64)


def test_the_slope_of_the_loss() -> None:
    """Where both are scored alike too: a half each way."""
    check_gradient("pairwise loss", pairwise_loss, generator(0, "s").standard_normal((2, 5)))
    _, slopes = xp.value_and_grad(pairwise_loss)(xp.array(np.zeros((2, 2))))
    close("at a tie", slopes, [[-0.25, -0.25], [0.25, 0.25]], **F64)


def test_a_text_is_scored_at_its_last_token(config: ModelConfig) -> None:
    """Against scalar loops, whatever the padding beside it."""
    params = scored_params(config)
    listed = {name: p.tolist() for name, p in params.items()}
    listed["lm_head.weight"] = listed["score.weight"]
    expected = [reference.forward(listed, config, row.tolist())[-1][0] for row in ROWS]
    for budget in (1, 100):
        batches = reward_model.cut(ROWS, 0, budget)
        scores = reward_model._scores(as_arrays(params), config, batches, 1)
        close("scores", scores, expected, **F64)


def test_the_gradient_of_every_parameter() -> None:
    params = scored_params()
    loss, scores, grads = preference_gradients(as_arrays(params), SMALL, ROWS, 0, 100, 1)
    gaps = scores[1] - scores[0]
    close("loss", loss, np.log1p(np.exp(gaps)).mean(), **F64)
    assert set(grads) == set(params)
    for name in params:

        def value(moved: np.ndarray, name: str = name) -> float:
            changed = as_arrays({**params, name: moved})
            return preference_gradients(changed, SMALL, ROWS, 0, 100, 1)[0]

        check_slopes(name, value, params[name], grads[name], at_most=2, h=1e-3)


@pytest.mark.parametrize(("budget", "threads"), [(1, 1), (9, 2), (9, 3)])
def test_the_cut_changes_nothing(budget: int, threads: int) -> None:
    """Not even where a pair is torn apart."""
    params = as_arrays(scored_params())
    whole = preference_gradients(params, SMALL, ROWS, 0, 100, 1)
    part = preference_gradients(params, SMALL, ROWS, 0, budget, threads)
    close("loss", part[0], whole[0], **F64)
    for name, g in whole[2].items():
        close(name, part[2][name], g, **F64)


def test_the_number_of_threads_changes_no_bit() -> None:
    params = as_arrays(scored_params(dtype=np.float32))
    alone = preference_gradients(params, SMALL, ROWS, 0, 6, 1)
    shared = preference_gradients(params, SMALL, ROWS, 0, 6, 3)
    assert alone[0] == shared[0]
    assert all(np.array_equal(to_numpy(shared[2][n]), to_numpy(g)) for n, g in alone[2].items())


@pytest.mark.mlx
def test_both_engines_compute_the_same(config: ModelConfig) -> None:
    pytest.importorskip("mlx.core")
    found = {}
    for engine in ("numpy", "mlx"):
        backend.use(engine)
        params = as_arrays(scored_params(config, np.float32))
        loss, scores, grads = preference_gradients(params, config, ROWS, 0, 9, 1)
        found[engine] = (
            loss,
            scores,
            {name: np.array(to_numpy(g)) for name, g in grads.items()},
        )
    backend.use("numpy")
    ours, theirs = found["numpy"], found["mlx"]
    close("loss", theirs[0], ours[0], **F32)
    close("scores", theirs[1], ours[1], **F32)
    for name, g in ours[2].items():
        close(name, theirs[2][name], g, **F32)


def test_it_starts_as_the_policy_with_a_small_head(tmp_path: Path) -> None:
    config = override(tiny(), (*SETTINGS, "model.tie_word_embeddings=false")).model
    policy = model.init_params(config, generator(0, "init"))
    learner = reward_model.start(policy, config, 0)
    assert set(learner.params) == {*policy, "score.weight"} - {"lm_head.weight"}
    assert all(np.array_equal(p, policy[n]) for n, p in arrays(learner).items() if n in policy)
    head = arrays(learner)["score.weight"]
    assert head.shape == (1, 32) and head.dtype == np.float32
    assert 0.01 < head.std() < 0.04
    other = arrays(reward_model.start(policy, config, 1))["score.weight"]
    assert not np.array_equal(head, other)
    saved = RewardModel(learner.params, config, TOKENIZER, 0.0, 1.0)
    assert set(reward_model.load(reward_model.save(tmp_path / "judge", saved)).params) == {
        *learner.params
    }


def test_it_learns_which_word_is_preferred(judge: RewardModel) -> None:
    held_out = likes("tea", 200, seed=1)
    right = reward_model.pair_accuracy(judge, held_out)
    assert set(right) <= {0.0, 1.0} and right.shape == (200,)
    assert right.mean() > 0.95
    wrong = reward_model.pair_accuracy(judge, [pair.turned() for pair in held_out])
    assert np.array_equal(wrong, 1 - right)
    untrained = fresh(config_of())
    blind = dataclasses.replace(judge, params=untrained.params)
    assert 0.3 < reward_model.pair_accuracy(blind, held_out).mean() < 0.7


def test_every_step_tells_how_it_goes() -> None:
    config = config_of("preference.epochs=2", "preference.final_fraction=0.5")
    rows = list(reward_model.train(fresh(config), config, TOKENIZER, likes("tea", 100)))
    assert [row["step"] for row in rows] == list(
        range(1, 9)
    )  # the last of an epoch has 4 pairs
    names = (
        "stage", "step", "seconds", "loss", "pair_accuracy", "grad_norm", "learning_rate",
        "update_tokens_per_second",
    )  # fmt: skip
    assert all(tuple(row) == names and row["stage"] == "reward-model" for row in rows)
    assert rows[0]["loss"] == pytest.approx(np.log(2), abs=0.05)
    assert 0.2 < rows[0]["pair_accuracy"] < 0.8 < rows[-1]["pair_accuracy"] <= 1
    rates = [row["learning_rate"] for row in rows]
    assert rates[:2] == pytest.approx([0.005, 0.01])
    assert rates[2:] == sorted(rates[2:], reverse=True) and rates[-1] > 0.005
    assert rows[-1]["seconds"] > rows[0]["seconds"] > 0
    assert all(row["grad_norm"] > 0 < row["update_tokens_per_second"] for row in rows)


def test_an_epoch_reads_every_pair_once_in_an_order_of_its_own() -> None:
    steps = [sft.members(0, reward_model.STAGE, step, 100, 32) for step in range(8)]
    epochs = [steps[:4], steps[4:]]
    orders = [np.concatenate(epoch).tolist() for epoch in epochs]
    assert [len(part) for part in epochs[0]] == [32, 32, 32, 4]
    assert all(sorted(order) == list(range(100)) for order in orders)
    assert orders[0] != orders[1]
    assert not np.array_equal(sft.members(1, reward_model.STAGE, 0, 100, 32), epochs[0][0])


def test_a_step_reads_the_chosen_texts_and_then_the_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, pairs = config_of("preference.epochs=1"), likes("tea", 70)
    chosen, rejected = [], []

    def spy(*given: Any, **more: Any) -> Any:
        texts = [TOKENIZER.decode(row) for row in given[2]]
        chosen.extend(texts[: len(texts) // 2])
        rejected.extend(texts[len(texts) // 2 :])
        return preference_gradients(*given, **more)

    monkeypatch.setattr(reward_model, "preference_gradients", spy)
    after(config, pairs)
    seen = list(zip(chosen, rejected, strict=True))
    assert sorted(seen) == sorted(pair.texts for pair in pairs)


def test_it_goes_on_from_a_learner_as_if_never_stopped() -> None:
    config, pairs = config_of("preference.epochs=2"), likes("tea", 80)
    whole = after(config, pairs)
    for steps in (1, 4):  # in the middle of an epoch, and in the next
        learner = fresh(config)
        stream = reward_model.train(learner, config, TOKENIZER, pairs)
        assert len(list(itertools.islice(stream, steps))) == steps
        resumed = after(config, pairs, dataclasses.replace(learner))
        assert resumed.step == whole.step == 6
        for name, p in arrays(whole).items():
            assert np.array_equal(arrays(resumed)[name], p), name
    assert list(reward_model.train(whole, config, TOKENIZER, pairs)) == []


@pytest.mark.parametrize(
    "setting",
    ["preference.epochs=1", "preference.batch=16", "preference.learning_rate=0.001",
     "preference.warmup=1", "preference.final_fraction=0.9", "preference.grad_clip=0.01",
     "preference.weight_decay=0.5", "seed=1"],
)  # fmt: skip
def test_every_setting_changes_where_it_leads(setting: str) -> None:
    pairs, usual = likes("tea", 40), config_of("preference.epochs=2")
    ours = after(usual, pairs)
    theirs = after(override(usual, [setting]), pairs, fresh(usual))
    gaps = [np.abs(p - arrays(theirs)[name]).max() for name, p in arrays(ours).items()]
    assert max(gaps) > 1e-4


def test_nothing_to_learn_from_is_named() -> None:
    config = config_of()
    with pytest.raises(UserError, match=r"--set preference\.samples=96"):
        next(reward_model.train(fresh(config), config, TOKENIZER, []))


def test_a_reward_is_counted_in_deviations_from_the_mean(judge: RewardModel) -> None:
    pairs = likes("tea", 320)
    prompts = [pair.prompt for pair in pairs for _ in range(2)]
    completions = [text for pair in pairs for text in (pair.chosen, pair.rejected)]
    ended = [True] * len(prompts)
    rewards = judge.reward(prompts, completions, ended)
    assert rewards.shape == (640,)
    assert rewards.mean() == pytest.approx(0, abs=1e-3)
    assert rewards.std() == pytest.approx(1, abs=1e-3)
    assert rewards[::2].mean() - rewards[1::2].mean() > 1
    thought = [f"<think> so </think> {text} <eos>" for text in completions]
    assert np.array_equal(judge.reward(prompts, thought, ended), rewards)  # it is not seen
    assert judge.reward([], [], []).shape == (0,)


def test_nothing_earns_less_than_to_be_cut_off(judge: RewardModel) -> None:
    prompts, completions = list(PROMPTS[:3]), ["tea", "tea", "dog"]
    rewards = judge.reward(prompts, completions, [True, False, True])
    assert rewards[1] == -3.0 and rewards[0] > 0 > rewards[2] > -3
    strict = dataclasses.replace(judge, mean=judge.mean + 100)
    assert strict.reward(prompts, completions, [True] * 3).tolist() == [-3.0] * 3


def test_a_judge_is_a_hugging_face_folder(judge: RewardModel, tmp_path: Path) -> None:
    folder = reward_model.save(tmp_path / "judge", judge, {"seed": 7})
    again = reward_model.load(folder)
    texts = [text for pair in likes("tea", 20) for text in pair.texts]
    scores = [
        reward_model.score(j.params, j.config, j.tokenizer, texts) for j in (judge, again)
    ]
    assert np.array_equal(*scores)
    assert (again.mean, again.std, again.config) == (judge.mean, judge.std, judge.config)
    described = json.loads((folder / "config.json").read_text())
    assert described["architectures"] == ["LlamaForSequenceClassification"]
    assert described["num_labels"] == 1
    assert json.loads((folder / "minir1.json").read_text())["metadata"]["seed"] == 7
    assert not (folder / "generation_config.json").exists()


def test_a_judge_is_no_policy_and_a_policy_no_judge(judge: RewardModel, tmp_path: Path) -> None:
    folder = reward_model.save(tmp_path / "judge", judge)
    with pytest.raises(UserError, match=r"surplus tensor score\.weight"):
        load_checkpoint(folder)
    params = model.init_params(judge.config, generator(0, "init"))
    policy = save_checkpoint(tmp_path / "policy", params, judge.config, TOKENIZER)
    with pytest.raises(UserError, match=r"lacks tensor score\.weight"):
        reward_model.load(policy)


@pytest.mark.parametrize("scale", [{}, {"mean": 0.1}, {"mean": 0.1, "std": 0.0}])
def test_a_judge_without_its_scale_is_refused(
    judge: RewardModel, tmp_path: Path, scale: dict[str, float]
) -> None:
    folder = save_checkpoint(
        tmp_path / "judge",
        {name: to_numpy(p) for name, p in judge.params.items()},
        judge.config, TOKENIZER, metadata=scale, head="SequenceClassification",
    )  # fmt: skip
    with pytest.raises(UserError, match="lacks the mean and the std") as caught:
        reward_model.load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")  # of the other libraries
@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("tied", [True, False])
def test_transformers_gives_the_same_scores(tmp_path: Path, kind: str, tied: bool) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = override(
        tiny(), (*SETTINGS, f"model.model_type={kind}", f"model.tie_word_embeddings={tied}")
    ).model
    rng = generator(0, "tests", "interop", kind)
    params = {
        name: (value + 0.3 * rng.standard_normal(value.shape)).astype(np.float32)
        for name, value in model.init_params(config, rng).items()
    }
    learner = reward_model.start(params, config, 0)
    learner.params["score.weight"] = xp.array(params["model.embed_tokens.weight"][:1])
    ours = RewardModel(learner.params, config, TOKENIZER, 0.5, 2.0)
    folder = reward_model.save(tmp_path / kind, ours)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    assert type(theirs).__name__ == config.ARCHITECTURES[kind].replace(
        "CausalLM", "SequenceClassification"
    )
    texts = [text for pair in likes("tea", 8) for text in pair.texts]
    rows = [TOKENIZER.encode(text) for text in texts]
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [TOKENIZER.pad_id] * (longest - len(row)) for row in rows])
    with torch.no_grad():
        scores = theirs(tokens).logits.numpy()
    assert scores.shape == (16, 1) and scores.std() > 0.1
    close(
        "scores", reward_model.score(ours.params, config, TOKENIZER, texts), scores[:, 0], **F32
    )
