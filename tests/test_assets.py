"""The shipped bases are what they say, and know a hit when they see one."""

from dataclasses import replace

import pytest

from minir1 import backend, evaluate
from minir1.answers import ask
from minir1.checkpoint import load_checkpoint, read_metadata, resolve
from minir1.config import CorpusConfig, override, tiny
from minir1.tokenizer import WordTokenizer
from minir1.verdict import FIRST, FOURTH, verdicts
from minir1.world.corpus import corpus_hash
from minir1.world.questions import held_out_questions

BASES = ("base", "base-no-reflection", "small-base")


@pytest.fixture(params=BASES)
def shipped(request):
    backend.use("numpy")
    params, config, tokenizer = load_checkpoint(resolve(request.param))
    return request.param, backend.from_numpy(params), config, tokenizer


def test_a_base_is_small_and_speaks_the_world(shipped):
    name, params, _config, tokenizer = shipped
    low, high = (1e5, 1.2e5) if name == "small-base" else (4e5, 1e6)
    assert low < sum(p.size for p in params.values()) < high
    assert tokenizer.fingerprint() == WordTokenizer().fingerprint()
    assert sum(f.stat().st_size for f in resolve(name).iterdir()) < 1.5e6


def test_a_base_names_its_recipe_seed_and_corpus(shipped):
    name, *_ = shipped
    made = read_metadata(resolve(name))
    corpus = CorpusConfig.from_dict(made["corpus"])
    assert corpus.reflect == (name != "base-no-reflection")
    assert corpus.think <= 0.12 and corpus.think * corpus.long_think <= 0.02
    assert made["recipe"] == "pretrain" and made["steps"] == made["pretrain"]["steps"]
    assert len(made["corpus_sha256"]) == 64
    assert len(corpus_hash(made["seed"], corpus, range(1))) == 64


def test_all_bases_had_the_same_budget():
    first, *others = (read_metadata(resolve(name)) for name in BASES)
    for other in others:
        assert first["pretrain"] == other["pretrain"]
        assert abs(first["tokens"] - other["tokens"]) < 1e-3 * first["tokens"]


def test_the_students_base_read_the_same_texts_with_a_quarter_of_the_parameters():
    big, small = (read_metadata(resolve(name)) for name in ("base", "small-base"))
    for key in ("seed", "corpus", "corpus_sha256", "tokens", "documents"):
        assert big[key] == small[key]
    sizes = [
        sum(p.size for p in load_checkpoint(resolve(name))[0].values())
        for name in ("base", "small-base")
    ]
    assert sizes[1] <= sizes[0] / 4


def test_the_students_base_has_the_shape_that_its_recipe_says():
    """What to type to make it: the settings are those of a run, and give this shape."""
    typed = ("hidden_size=64", "intermediate_size=112", "head_dim=16")
    config = override(tiny("pretrain"), [f"model.{setting}" for setting in typed])
    assert load_checkpoint(resolve("small-base"))[1] == config.model
    made = read_metadata(resolve("small-base"))
    assert made["corpus"] == config.corpus.to_dict()
    assert made["pretrain"] == config.pretrain.to_dict()


@pytest.mark.slow
@pytest.mark.parametrize("name", BASES)
def test_the_corpus_of_a_base_can_be_made_again(name):
    made = read_metadata(resolve(name))
    corpus, blocks = CorpusConfig.from_dict(made["corpus"]), range(made["corpus_blocks"])
    assert corpus_hash(made["seed"], corpus, blocks) == made["corpus_sha256"]


@pytest.mark.parametrize("name", ["base", "small-base"])
def test_a_base_tells_hits_from_near_misses_at_the_first_and_fourth_attempt(name):
    """The condition for reinforcement learning to work at all."""
    backend.use("numpy")
    params, config, tokenizer = load_checkpoint(resolve(name))
    questions = held_out_questions("validation", 100)
    for place in (FIRST, FOURTH):
        said = verdicts(backend.from_numpy(params), config, tokenizer, questions, place)
        assert said["yes_given_hit"] > 0.9, (place, said)
        assert said["yes_given_miss"] < 0.1, (place, said)


@pytest.mark.parametrize("name", ["base", "small-base"])
def test_a_base_solves_some_problems_and_rarely_thinks_long(name):
    backend.use("numpy")
    params, config, tokenizer = load_checkpoint(resolve(name))
    questions = held_out_questions("validation", 250)
    settings = replace(tiny(), model=config)
    _, samples = ask(
        backend.from_numpy(params), settings, tokenizer, questions, 4, (0, "test", 0)
    )
    figures = evaluate.score(samples, 4, 0)
    assert 0.10 < figures["pass_at_1"]["value"] < 0.22
    assert sum(s.completion_tokens for s in samples) / len(samples) < 30
