"""The shipped bases are what they say, and know a hit when they see one."""

import pytest

from minir1 import backend, evaluate
from minir1.answers import ask
from minir1.checkpoint import load_checkpoint, read_metadata, resolve
from minir1.config import CorpusConfig, tiny
from minir1.tokenizer import WordTokenizer
from minir1.verdict import FIRST, FOURTH, verdicts
from minir1.world.corpus import corpus_hash
from minir1.world.questions import held_out_questions

BASES = ("base", "base-no-reflection")


@pytest.fixture(params=BASES)
def shipped(request):
    backend.use("numpy")
    params, config, tokenizer = load_checkpoint(resolve(request.param))
    return request.param, backend.from_numpy(params), config, tokenizer


def test_a_base_is_small_and_speaks_the_world(shipped):
    name, params, _config, tokenizer = shipped
    assert 0.4e6 < sum(p.size for p in params.values()) < 1e6
    assert tokenizer.fingerprint() == WordTokenizer().fingerprint()
    assert sum(f.stat().st_size for f in resolve(name).iterdir()) < 1.5e6


def test_a_base_names_its_recipe_seed_and_corpus(shipped):
    name, *_ = shipped
    made = read_metadata(resolve(name))
    corpus = CorpusConfig.from_dict(made["corpus"])
    assert corpus.reflect == (name == "base")
    assert corpus.think <= 0.12 and corpus.think * corpus.long_think <= 0.02
    assert made["recipe"] == "pretrain" and made["steps"] == made["pretrain"]["steps"]
    assert len(made["corpus_sha256"]) == 64
    assert len(corpus_hash(made["seed"], corpus, range(1))) == 64


def test_both_bases_had_the_same_budget():
    first, second = (read_metadata(resolve(name)) for name in BASES)
    assert first["pretrain"] == second["pretrain"]
    assert abs(first["tokens"] - second["tokens"]) < 1e-3 * first["tokens"]


def test_the_base_tells_hits_from_near_misses_at_the_first_and_fourth_attempt():
    """The condition for reinforcement learning to work at all."""
    backend.use("numpy")
    params, config, tokenizer = load_checkpoint(resolve("base"))
    questions = held_out_questions("validation", 100)
    for place in (FIRST, FOURTH):
        said = verdicts(backend.from_numpy(params), config, tokenizer, questions, place)
        assert said["yes_given_hit"] > 0.9, (place, said)
        assert said["yes_given_miss"] < 0.1, (place, said)


def test_the_base_solves_some_problems_and_rarely_thinks_long():
    backend.use("numpy")
    params, _config, tokenizer = load_checkpoint(resolve("base"))
    questions = held_out_questions("validation", 250)
    settings = tiny()
    _, samples = ask(
        backend.from_numpy(params), settings, tokenizer, questions, 4, (0, "test", 0)
    )
    figures = evaluate.score(samples, 4, 0)
    assert 0.10 < figures["pass_at_1"]["value"] < 0.22
    assert sum(s.completion_tokens for s in samples) / len(samples) < 30
