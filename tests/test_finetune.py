"""Does fine-tuning learn completions, and each of them as often as the epochs say?"""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from check import F64, as_arrays, close, random_params

from minir1 import backend, finetune, flops, optim, sft
from minir1.config import ModelConfig, RunConfig
from minir1.finetune import Document
from minir1.policy import DecoderPolicy
from minir1.rl import Learner
from minir1.stage_config import FineTuneConfig
from minir1.tokenizer import WordTokenizer

WORDS = WordTokenizer()
MODEL = ModelConfig(
    vocab_size=len(WORDS),
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=8,
)
CONFIG = RunConfig(model=MODEL, threads=1)
SETTINGS = FineTuneConfig(epochs=3, batch=4, learning_rate=1e-2, warmup=2)
DOCUMENTS = [
    Document(
        f"<bos> User: say {n} times . Assistant:", " ".join(["tea"] * (n % 4 + 1)) + " <eos>"
    )
    for n in range(10)
]
STEPS = 3 * 3  # 10 documents are three batches


def learner() -> Learner:
    return Learner.start(as_arrays(random_params(MODEL, "student", np.float32)))


def trained(
    one: Learner,
    settings: FineTuneConfig = SETTINGS,
    documents: list[Document] = DOCUMENTS,
    stage: str = "dev1",
    steps: int | None = None,
    config: RunConfig = CONFIG,
) -> list[dict[str, Any]]:
    texts = finetune.as_texts(documents, WORDS)
    policy = DecoderPolicy(config.model)
    run = finetune.train(one, config, settings, policy, texts, WORDS.pad_id, stage)
    return list(itertools.islice(run, steps))


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """Every batch that is trained: its tokens (B, T) and its mask (B, T-1)."""
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    gradients = sft.next_token_gradients

    def watched(params: Any, config: Any, tokens: Any, mask: Any, *rest: Any) -> Any:
        seen.append((tokens.copy(), mask.copy()))
        return gradients(params, config, tokens, mask, *rest)

    monkeypatch.setattr(sft, "next_token_gradients", watched)
    return seen


def read(batch: tuple[np.ndarray, np.ndarray]) -> list[tuple[str, str]]:
    """What is given and what is learnt in every row of a batch, in words."""
    found = []
    for tokens, mask in zip(*batch, strict=True):
        used = [i for i, token in enumerate(tokens) if token != WORDS.pad_id]
        learnt = [i for i in used if i and mask[i - 1] > 0]
        given = [i for i in used if i not in learnt]
        assert given + learnt == used  # the completion follows the prompt, without a gap
        found.append((WORDS.decode(tokens[given]), WORDS.decode(tokens[learnt])))
    return found


def test_completions_are_learnt_and_prompts_are_given(batches: list) -> None:
    """Every token of a completion, its <eos> included, and nothing else."""
    rows = trained(learner())
    for row, batch in zip(rows, batches, strict=True):
        assert set(read(batch)) <= set(DOCUMENTS)
        assert row["trained_tokens"] == sum(len(c.split()) for _, c in read(batch))


def test_every_epoch_sees_every_document_once_in_an_order_of_its_own(batches: list) -> None:
    trained(learner())
    assert len(batches) == STEPS
    epochs = [[d for batch in batches[i : i + 3] for d in read(batch)] for i in (0, 3, 6)]
    for epoch in epochs:
        assert sorted(epoch) == sorted(DOCUMENTS)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert [len(batch[0]) for batch in batches[:3]] == [4, 4, 2]


def test_another_stage_and_another_seed_have_another_order(batches: list) -> None:
    trained(learner(), steps=1)
    trained(learner(), steps=1, stage="dev3")
    trained(learner(), steps=1, config=dataclasses.replace(CONFIG, seed=1))
    trained(learner(), steps=1)
    one, stage, seed, again = map(read, batches)
    assert one == again and one != stage != seed != one


def test_the_learning_rate_rises_and_falls_along_a_cosine() -> None:
    rates = [row["learning_rate"] for row in trained(learner())]
    assert rates[:2] == pytest.approx([0.5e-2, 1e-2])
    waves = [0.1 + 0.9 * (1 + np.cos(np.pi * k / 7)) / 2 for k in range(7)]
    assert rates[2:] == pytest.approx([1e-2 * wave for wave in waves])


def test_a_step_is_the_gradient_of_the_mean_surprise_and_adamw(batches: list) -> None:
    one = learner()
    (row,) = trained(one, steps=1)
    tokens, mask = batches[0]
    before = learner()
    loss, grads = sft.next_token_gradients(
        before.params, DecoderPolicy(MODEL), tokens, mask, 10**6, 1
    )
    close("loss", row["loss"], loss, rtol=1e-5, atol=0)
    grads, norm = optim.clip_by_global_norm(grads, 1.0)
    close("norm", row["grad_norm"], norm, rtol=1e-4, atol=0)
    after, _ = optim.adamw(before.params, grads, before.optimiser, 0.5e-2, (0.9, 0.95), 0.0)
    for name in after:
        gap = np.abs(np.asarray(one.params[name]) - np.asarray(after[name]))
        assert np.quantile(gap, 0.99) < 1e-5, name  # AdamW blows up rounding near zero


@pytest.mark.parametrize("stop", range(1, STEPS))
def test_stopped_after_any_step_it_goes_on_with_the_same_bits(stop: int) -> None:
    whole, part = learner(), learner()
    rows = trained(whole)
    first = trained(part, steps=stop)
    resumed = Learner(
        part.params, part.ref_params, part.optimiser, part.step, part.seconds, part.flops
    )
    again = first + trained(resumed)
    for one, other in zip(rows, again, strict=True):
        for name in ("step", "loss", "grad_norm", "learning_rate", "trained_tokens"):
            assert one[name] == other[name], (one["step"], name)
    assert resumed.flops == whole.flops and resumed.step == whole.step == STEPS
    for name, value in whole.params.items():
        assert np.array_equal(backend.to_numpy(value), backend.to_numpy(resumed.params[name]))


def test_what_is_shown_often_is_learnt() -> None:
    rows = trained(learner(), dataclasses.replace(SETTINGS, epochs=20))
    assert rows[0]["loss"] > 3 and rows[-1]["loss"] < 0.7


def test_the_compute_is_counted_document_by_document() -> None:
    one = learner()
    trained(one)
    spent = 0
    for document in DOCUMENTS:
        asked, said = (np.array([len(text.split())]) for text in document)
        spent += 3 * flops.update_flops(MODEL, asked, said)
    close("flops", one.flops, spent, **F64)


def test_without_documents_nothing_is_learnt() -> None:
    one = learner()
    assert trained(one, documents=[]) == [] and one.step == 0


CHANGES = (
    {"batch": 5}, {"learning_rate": 2e-2}, {"warmup": 3}, {"final_fraction": 0.9},
    {"grad_clip": 0.1}, {"weight_decay": 0.5}, {"epochs": 4},
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_every_setting_changes_where_it_leads(change: dict[str, Any]) -> None:
    usual, moved = learner(), learner()
    trained(usual, steps=4)
    trained(moved, dataclasses.replace(SETTINGS, **change), steps=4)
    gaps = [
        np.abs(np.asarray(p) - np.asarray(moved.params[n])).max()
        for n, p in usual.params.items()
    ]
    assert max(gaps) > 1e-6


def test_every_setting_is_here() -> None:
    names = {field.name for field in dataclasses.fields(FineTuneConfig)}
    assert {name for change in CHANGES for name in change} == names
