"""Does the corpus hold what it says, at the rates that it says, and no held-out problem?"""

import re
from dataclasses import replace

import numpy as np
import pytest

from minir1.countdown import parse
from minir1.errors import UserError
from minir1.tokenizer import WordTokenizer
from minir1.world.audit import kind_of, rates, subjects
from minir1.world.corpus import BLOCK, corpus_hash, documents, encode_block, token_stream
from minir1.world.corpus_config import KINDS, CorpusConfig
from minir1.world.problems import held_out, split

DEFAULT = CorpusConfig()
EVERY_KIND = CorpusConfig(play=0.1)

EXAMPLES = {
    "fact": ("<bos> 1 + 10 = 11 , 63 - 8 = 55 , 74 - 8 = 66 <eos>", []),
    "chat": ("<bos> User: hello . Assistant: hello , friend . <eos>", []),
    "chain": ("<bos> 凑 45 。 7 + 8 = 15 , 15 * 3 = 45 对 <eos>", [((3, 7, 8), 45)]),
    "line": (
        "<bos> use 4 3 3 to make 4 . 4 - 3 = 1 , 1 + 3 = 4 yes so ( 4 - 3 ) + 3 <eos>",
        [((3, 3, 4), 4)],
    ),
    "sheet": (
        "<bos> make 27 . 32 - 5 = 27 yes 28 - 7 = 21 no 44 + 5 = 49 no "
        "2 + 2 = 4 , 4 + 4 = 8 no 3 - 1 = 2 , 9 - 2 = 7 no <eos>",
        [((2, 2, 4), 27), ((1, 3, 9), 27)],
    ),
    "play": (
        "<bos> use 5 7 10 . 7 * 10 = 70 , 70 - 5 = 65 . 5 + 10 = 15 , 15 - 7 = 8 . <eos>",
        [],
    ),
    "direct": (
        "<bos> User: 用 6 10 8 来 凑 8 。 Assistant: <answer> ( 6 * 10 ) - 8 </answer> <eos>",
        [((6, 8, 10), 8)],
    ),
    "think": (
        "<bos> User: use 4 4 4 to make 4 . Assistant: <think> try 4 * 4 = 16 , 16 + 4 = 20 no "
        "wait 4 - 4 = 0 , 0 * 4 = 0 no so </think> <answer> ( 4 - 4 ) * 4 </answer> <eos>",
        [((4, 4, 4), 4)],
    ),
}


def write(config, blocks=3):
    return [text for block in range(blocks) for text in documents(0, config, block)]


def of_kind(kind, config, blocks=3):
    return [text for text in write(config, blocks) if kind_of(text) == kind]


def only(kind, **rates_of_traces):
    return CorpusConfig(**dict.fromkeys(KINDS, 0.0) | {kind: 1.0} | rates_of_traces)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_and_subjects_are_read_back(kind):
    text, about = EXAMPLES[kind]
    assert kind_of(text) == kind
    assert subjects(text) == about


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_its_own_is_recognised(kind):
    texts = write(only(kind), blocks=1)
    assert {kind_of(text) for text in texts} == {kind}


def test_no_document_is_about_a_held_out_problem():
    seen = {subject for text in write(EVERY_KIND, blocks=20) for subject in subjects(text)}
    assert not seen & held_out()
    train = {problem.key for problem in split()["train"]}
    assert len(seen & train) > 0.9 * len(train)


def test_a_leak_would_be_seen():
    leaked = split()["test"][0]
    (a, b, c), goal = leaked.numbers, leaked.target
    for text in (
        f"<bos> make {goal} . {c} + {b} = {b + c} , {b + c} + {a} = {a + b + c} no <eos>",
        f"<bos> User: 用 {c} {a} {b} 来 凑 {goal} 。 Assistant: <answer> 1 </answer> <eos>",
    ):
        assert set(subjects(text)) & held_out()


def test_every_sum_is_true_and_every_verdict_is_just():
    for text in write(replace(EVERY_KIND, slip=0.0)):
        for left, right in re.findall(r"(\d+ [-+*] \d+) = (\d+)", text):
            assert parse(left).value == int(right), text
        goal = re.search(r"(?:make|凑) (\d+) [.。]", text)
        for value, verdict in re.findall(r"= (\d+) (yes|no|对|不) ", text):
            assert (verdict in ("yes", "对")) == (value == goal[1]), text


def test_a_block_is_a_pure_function_of_its_arguments():
    first = documents(0, DEFAULT, 0)
    assert len(first) == BLOCK
    documents(1, EVERY_KIND, 5)
    assert documents(0, DEFAULT, 0) == first
    assert documents(0, DEFAULT, 1) != first
    assert documents(1, DEFAULT, 0) != first


def test_ids_are_the_texts():
    tokenizer = WordTokenizer()
    texts, ids = documents(3, EVERY_KIND, 7), encode_block(3, EVERY_KIND, 7)
    assert [tokenizer.decode(array) for array in ids] == texts
    assert all(array.dtype == np.uint8 for array in ids)
    stream = token_stream(3, EVERY_KIND, [7, 8])
    assert stream.dtype == np.uint8
    assert np.array_equal(stream[: sum(map(len, ids))], np.concatenate(ids))
    assert (stream == tokenizer.bos_id).sum() == (stream == tokenizer.eos_id).sum() == 2 * BLOCK


def test_the_hash_names_the_corpus():
    fingerprint = corpus_hash(0, DEFAULT, range(2))
    assert fingerprint == corpus_hash(0, CorpusConfig(), [0, 1])
    others = [
        (1, DEFAULT, [0, 1]),
        (0, DEFAULT, [1, 0]),
        (0, replace(DEFAULT, slip=0.5), [0, 1]),
    ]
    assert all(corpus_hash(*other) != fingerprint for other in others)
    # The default corpus is the same on every machine; changing a default changes this line.
    assert fingerprint[:16] == "699812c1874afeae"


def test_the_default_rates_are_the_measured_ones():
    measured = rates(write(DEFAULT, blocks=20))
    for kind, share in DEFAULT.shares().items():
        assert measured["share"][kind] == pytest.approx(share, abs=0.01)
    assert measured["zh"] == pytest.approx(0.35, abs=0.015)
    assert measured["long_traces"] < 0.015
    assert measured["share_of_tokens"]["think"] == pytest.approx(0.18, abs=0.02)
    assert measured["direct_right"] == pytest.approx(0.17, abs=0.02)
    traces = measured["traces"]
    assert traces["right"] == pytest.approx(0.42, abs=0.03)
    assert traces["mixed"] == pytest.approx(0.17, abs=0.03)
    assert traces["mixed_long"] > traces["mixed_short"] + 0.1
    assert traces["tokens_mean"] == pytest.approx(38, abs=2)
    assert traces["tokens_percentiles"]["50"] == 26
    assert traces["tokens_percentiles"]["90"] == pytest.approx(65, abs=7)


def test_rates_of_a_corpus_written_by_hand():
    mixed = EXAMPLES["think"][0].replace(" wait ", " 等等 ").replace("no so", "no check 不 so")
    solved = (
        "<bos> User: 用 1 2 3 来 凑 6 。 Assistant: <think> 试 1 + 2 = 3 , 3 + 3 = 6 对 所以 "
    )
    solved += "</think> <answer> ( 1 + 2 ) + 3 </answer> <eos>"
    measured = rates([EXAMPLES["fact"][0], EXAMPLES["direct"][0], mixed, solved])
    assert measured["share"]["think"] == 0.5
    assert measured["direct_right"] == 0
    assert measured["zh"] == pytest.approx(2 / 3)
    traces = measured["traces"]
    assert traces["mixed"] == traces["check"] == traces["right"] == traces["gave_up"] == 0.5
    assert traces["reflective_words"] == 2.5  # no, 等等, no, check, 不
    assert rates([EXAMPLES["fact"][0]])["traces"] is None


def test_without_reflection_a_trace_has_one_attempt():
    traces = rates(of_kind("think", only("think", reflect=False)))["traces"]
    assert traces["attempts"] == 1
    assert traces["several_attempts"] == 0


def test_a_trace_repeats_no_attempt_and_stops_in_time():
    tireless = only(
        "think", give_up_short=0.0, give_up_long=0.0, max_attempts=6, check_rate=0.0
    )
    lengths = []
    for text in write(tireless, blocks=1):
        tried = re.findall(r"\d+ . \d+ = \d+ , \d+ . \d+ =", text)
        assert len(set(tried)) == len(tried)
        lengths.append(len(tried))
    assert max(lengths) == 6


def test_slips_make_false_steps_and_checks_find_them():
    slippery = only("think", slip=0.5, check_rate=1.0, long_think=1.0)
    texts = write(slippery, blocks=1)
    seconds = [re.findall(r", (\d+ . \d+) = (\d+)", text) for text in texts]
    false = sum(parse(left).value != int(right) for pairs in seconds for left, right in pairs)
    assert 0.3 < false / sum(map(len, seconds)) < 0.5  # checks are always true
    assert any(re.search(r"yes check [^a-z]* no ", text) for text in texts)


def test_a_play_is_as_long_as_asked():
    texts = write(only("play", play_low=12, play_high=12), blocks=1)
    assert max(text.count(",") for text in texts) == 12
    assert np.mean([text.count(",") for text in texts]) > 11  # few triples have fewer attempts


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sheet_low": 15}, r"corpus.sheet_low=15: wanted at most corpus.sheet_high=14"),
        (dict.fromkeys(KINDS, 0.0), r"corpus.think=0.0: wanted one of fact, chat"),
        ({"slip": 1.5}, r"corpus.slip=1.5: wanted a number from 0 to 1"),
    ],
)
def test_a_corpus_that_cannot_be_is_refused(wrong, message):
    with pytest.raises(UserError, match=message):
        CorpusConfig(**wrong)
