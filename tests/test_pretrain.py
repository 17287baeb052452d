"""Is the corpus read once, in order and whole, and does every setting of pretraining matter?"""

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from small_run import PRETRAINING

from minir1 import pretrain
from minir1.backend import to_numpy
from minir1.config import PretrainConfig, RunConfig, override, tiny
from minir1.tokenizer import WordTokenizer
from minir1.world.corpus import corpus_hash, encode_block
from minir1.world.corpus_config import CorpusConfig

TOKENIZER = WordTokenizer()
CORPUS = CorpusConfig()
USUAL = (*PRETRAINING, "pretrain.steps=3", "pretrain.learning_rate=0.02", "pretrain.warmup=1")
CHANGES = (
    "steps=9", "tokens_per_step=500", "learning_rate=0.03", "warmup=2", "final_fraction=0.9",
    "weight_decay=0.9", "grad_clip=0.01", "beta1=0.5", "beta2=0.5",
)  # fmt: skip


def config_of(*settings: str) -> RunConfig:
    return override(tiny("pretrain"), (*USUAL, *settings))


def after(*settings: str, steps: int | None = 3) -> dict[str, np.ndarray]:
    config = config_of(*settings)
    learner = pretrain.start(config)
    for _ in itertools.islice(pretrain.train(learner, config, TOKENIZER), steps):
        pass
    return {name: to_numpy(p) for name, p in learner.params.items()}


def apart(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)


@pytest.fixture(scope="module")
def usual() -> dict[str, np.ndarray]:
    return after()


def test_every_document_is_read_once_in_the_order_of_the_corpus() -> None:
    """Across the border between two blocks, and whatever the size of a batch."""
    written = [*encode_block(5, CORPUS, 0), *encode_block(5, CORPUS, 1)]
    for size in (3000, 20_000):
        read: list[np.ndarray] = []
        for rows in pretrain.batches(5, CORPUS, size):
            assert sum(map(len, rows)) >= size > sum(map(len, rows[:-1]))
            read += rows
            if len(read) > 1500:
                break
        for ours, theirs in zip(read, written, strict=False):
            assert np.array_equal(ours, theirs)


def test_another_seed_reads_another_corpus() -> None:
    first, second = (next(pretrain.batches(seed, CORPUS, 500)) for seed in (0, 1))
    assert [r.tolist() for r in first] != [r.tolist() for r in second]


def test_a_fresh_model_follows_from_the_seed() -> None:
    one, again, other = (
        {n: to_numpy(p) for n, p in pretrain.start(config_of(f"seed={s}")).params.items()}
        for s in (0, 0, 1)
    )
    assert apart(one, again) == 0 and apart(one, other) > 0.01
    assert all(p.dtype == np.float32 for p in one.values())


def test_it_goes_on_from_a_learner_as_if_never_stopped(usual: dict[str, np.ndarray]) -> None:
    config = config_of()
    learner = pretrain.start(config)
    (first,) = itertools.islice(pretrain.train(learner, config, TOKENIZER), 1)
    resumed = dataclasses.replace(learner)
    rest = list(pretrain.train(resumed, config, TOKENIZER))
    assert [first["step"], *(row["step"] for row in rest)] == [1, 2, 3]
    assert resumed.seconds > learner.seconds
    assert apart(usual, {n: to_numpy(p) for n, p in resumed.params.items()}) == 0
    assert list(pretrain.train(resumed, config, TOKENIZER)) == []


def test_it_learns(usual: dict[str, np.ndarray]) -> None:
    config = config_of("pretrain.steps=40")
    learner = pretrain.start(config)
    losses = [row["loss"] for row in pretrain.train(learner, config, TOKENIZER)]
    assert losses[0] == pytest.approx(np.log(256), abs=0.1)
    assert np.mean(losses[-5:]) < 4.0


def test_the_rate_rises_and_falls() -> None:
    config = config_of("pretrain.steps=12", "pretrain.warmup=4", "pretrain.final_fraction=0.1")
    rows = list(pretrain.train(pretrain.start(config), config, TOKENIZER))
    rates = [row["learning_rate"] for row in rows]
    assert rates[:4] == pytest.approx([0.005, 0.01, 0.015, 0.02])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert 0.1 * 0.02 <= rates[-1] < 0.2 * 0.02


def test_every_setting_is_here() -> None:
    names = {field.name for field in dataclasses.fields(PretrainConfig)}
    assert {c.partition("=")[0] for c in CHANGES} | {"tokens_per_microbatch"} == names


@pytest.mark.parametrize("setting", CHANGES)
def test_every_setting_changes_where_it_leads(
    setting: str, usual: dict[str, np.ndarray]
) -> None:
    assert apart(usual, after(f"pretrain.{setting}")) > 1e-5


@pytest.mark.parametrize("setting", ["corpus.think=0", "corpus.reflect=false", "seed=1"])
def test_the_corpus_changes_where_it_leads(setting: str, usual: dict[str, np.ndarray]) -> None:
    assert apart(usual, after(setting)) > 1e-5


def test_the_micro_batch_changes_rounding_only(usual: dict[str, np.ndarray]) -> None:
    """After one step, and as a mean: AdamW divides rounding by rounding."""
    ours, theirs = after(steps=1), after("pretrain.tokens_per_microbatch=70", steps=1)
    gaps = np.concatenate([np.abs(ours[n] - theirs[n]).ravel() for n in ours])
    assert gaps.mean() < 1e-6 and np.quantile(gaps, 0.99) < 1e-5


def test_what_is_told_of_a_base_is_what_was_read() -> None:
    """Enough steps for a second block; the hash is of whole blocks."""
    config = config_of("pretrain.tokens_per_step=9000")
    learner = dataclasses.replace(pretrain.start(config), step=5, seconds=1.5)
    told: dict[str, Any] = pretrain.provenance(config, learner)
    rows = [r for b in itertools.islice(pretrain.batches(0, CORPUS, 9000), 5) for r in b]
    assert (told["steps"], told["seconds"], told["seed"]) == (5, 1.5, 0)
    assert (told["documents"], told["tokens"]) == (len(rows), sum(map(len, rows)))
    assert len(rows) > 1000 and told["corpus_blocks"] == 2
    assert told["corpus_sha256"] == corpus_hash(0, CORPUS, range(2))
    assert (told["corpus"], told["pretrain"]) == (CORPUS.to_dict(), config.pretrain.to_dict())
