"""Are the program problems what they say, told apart, and kept apart?"""

import re
from dataclasses import replace

import numpy as np
import pytest

from minir1 import stack_machine
from minir1.errors import UserError
from minir1.tokenizer import WordTokenizer
from minir1.world.audit import kind_of, program_subjects, rates, subjects
from minir1.world.corpus import corpus_hash, documents
from minir1.world.corpus_config import KINDS, CorpusConfig
from minir1.world.languages import VOCABULARY, translate
from minir1.world.program_questions import (
    PROMPT_TOKENS,
    held_out_programs,
    programs_among,
    read_examples,
    training_programs,
)
from minir1.world.programs import (
    INPUTS,
    all_problems,
    attempts,
    fitting,
    held_out,
    outputs,
    pose,
    programs,
    prompt,
    run,
    split,
)

ALL = CorpusConfig(programs=1.0)
EVERYTHING = list(all_problems())


def write(config: CorpusConfig, blocks: int = 2) -> list[str]:
    return [text for block in range(blocks) for text in documents(0, config, block)]


def test_the_grader_agrees_with_the_makers_of_problems() -> None:
    assert len(programs()) == len(set(programs())) == 30
    for program in programs():
        known = dict(outputs(program))
        theirs = stack_machine.outputs(program.text, INPUTS)
        assert theirs == tuple(known.get(given) for given in INPUTS)


def test_steps_are_written_as_they_are_computed() -> None:
    by_text = {program.text: program for program in programs()}
    assert run(by_text["? 2 * 1 +"], 7) == ("7 * 2 = 14 , 14 + 1 = 15", 15)
    assert run(by_text["? ? * 2 -"], 3) == ("3 * 3 = 9 , 9 - 2 = 7", 7)
    assert run(by_text["? 2 - 2 *"], 1) is None
    assert run(by_text["? ? * 2 *"], 8) is None  # 128


def test_what_is_shown_says_what_is_hidden() -> None:
    for problem in EVERYTHING[::7]:
        known = set(problem.examples + problem.hidden)
        solving = [p for p in programs() if stack_machine.solves(p.text, problem.examples)]
        assert solving and problem.solutions == len(solving)
        assert all(set(outputs(program)) == known for program in solving)
        assert len(problem.examples) == 2 and len(problem.hidden) >= 3
        assert problem.difficulty == max(1, 5 - problem.solutions)


def test_examples_that_do_not_say_what_is_meant_are_no_problem() -> None:
    assert pose(((1, 2), (2, 3))) is not None
    assert pose(((2, 3),)) is None  # x + 1, 2x - 1
    assert len({outputs(program) for program in fitting(((2, 3),))}) > 1
    assert pose(((1, 50), (2, 60))) is None
    assert pose(((40, 50), (41, 60))) is None


def test_about_one_attempt_in_twenty_is_right() -> None:
    rates_of_hits = [p.solutions / len(attempts(p.examples)) for p in EVERYTHING]
    assert 0.04 < sum(rates_of_hits) / len(rates_of_hits) < 0.08


def test_the_parts_are_of_their_sizes_and_apart() -> None:
    dealt = split()
    assert {part: len(problems) for part, problems in dealt.items()} == {
        "train": 1111,
        "validation": 150,
        "test": 300,
    }
    keys = [problem.key for problems in dealt.values() for problem in problems]
    assert len(set(keys)) == len(keys) == len(EVERYTHING)
    assert held_out() == {p.key for part in ("validation", "test") for p in dealt[part]}
    assert dealt["test"][0].examples == ((2, 0), (6, 4))  # the same on every machine


# the corpus


def test_no_words_are_new_and_the_default_corpus_is_as_before() -> None:
    assert len(VOCABULARY) == 256
    assert CorpusConfig().programs == 0
    assert "program" not in CorpusConfig().shares()
    assert corpus_hash(0, CorpusConfig(), range(2))[:16] == "699812c1874afeae"
    words = set(WordTokenizer().vocab)
    assert all(word in words for text in write(ALL) for word in text.split())


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 1.0])
def test_the_share_is_that_of_the_documents_and_the_others_keep_theirs(share: float) -> None:
    config = CorpusConfig(programs=share)
    shares, usual = config.shares(), CorpusConfig().shares()
    assert shares["program"] == share
    assert sum(shares.values()) == pytest.approx(1)
    for kind in KINDS:
        assert shares[kind] == pytest.approx(usual[kind] * (1 - share))
    blocks = 2 if share > 0.01 else 20
    measured = rates(write(config, blocks))["share"]["program"]
    spread = 4 * (share * (1 - share) / (1000 * blocks)) ** 0.5
    assert measured == pytest.approx(share, abs=spread)


def test_no_document_is_about_a_held_out_problem() -> None:
    texts = write(ALL, blocks=10)
    seen = [subject for text in texts for subject in program_subjects(text)]
    assert len(seen) == len(texts)
    assert not set(seen) & held_out()
    train = {problem.key for problem in split()["train"]}
    assert len(set(seen) & train) > 0.95 * len(train)
    assert all(kind_of(text) == "program" and not subjects(text) for text in texts)


def test_a_leak_would_be_seen() -> None:
    leaked = split()["test"][0]
    for language in ("en", "zh"):
        text = f"{prompt(leaked, language)} <answer> ? 1 - 1 - </answer> <eos>"
        assert program_subjects(text) == [leaked.key] and leaked.key in held_out()


def test_documents_have_the_forms_and_the_rates_of_the_puzzles() -> None:
    texts = write(ALL, blocks=5)
    traces = [text for text in texts if "<think>" in text]
    direct = [text for text in texts if "<answer>" in text and "<think>" not in text]
    shares = ALL.program_shares()
    assert len(traces) / len(texts) == pytest.approx(shares["think"], abs=0.02)
    assert len(direct) / len(texts) == pytest.approx(shares["direct"], abs=0.02)
    right = [ends_right(text) for text in direct]
    assert sum(right) / len(right) == pytest.approx(
        0.15, abs=0.03
    )  # .1 on purpose, .05 by luck
    right = [ends_right(text) for text in traces]
    assert 0.4 < sum(right) / len(right) < 0.6


def ends_right(text: str) -> bool:
    answer = re.search(r"<answer> (.*) </answer>", text)
    (key,) = program_subjects(text)
    assert answer
    return stack_machine.solves(answer[1], key)


def test_every_run_is_true_every_verdict_just_and_every_answer_the_last_attempt() -> None:
    for text in write(replace(ALL, slip=0.0)):
        wanted = dict(program_subjects(text)[0])
        english = translate(text, "en")
        runs = re.findall(
            r"(\d+) ([-+*]) (\d+) = (\d+) , (\d+) ([-+*]) (\d+) = (\d+) (\w+)", english
        )
        for x, first, a, partial, left, second, b, value, verdict in runs:
            assert partial == left
            assert eval_step(int(x), first, int(a)) == int(partial)
            assert eval_step(int(left), second, int(b)) == int(value)
            assert verdict == ("yes" if wanted[int(x)] == int(value) else "no"), text
        if "so" in english.split() and runs:
            x, first, a, _, _, second, b, _, verdict = runs[-1]
            said = re.search(r"\? \S+ [-+*] \S+ [-+*]", english)
            steps = {
                f"? {operand} {first} {b} {second}" for operand in (a, "?" if a == x else a)
            }
            assert said and said[0] in steps, text
            solved = stack_machine.solves(said[0], tuple(wanted.items()))
            assert solved == (verdict == "yes"), text


def eval_step(left: int, operator: str, right: int) -> int:
    return {"+": left + right, "-": left - right, "*": left * right}[operator]


def test_a_sheet_repeats_no_attempt_and_some_of_it_hits() -> None:
    only = replace(ALL, line=0.0, direct=0.0, think=0.0)
    firsts, verdicts = 0, []
    for text in write(only, blocks=1):
        english = translate(text, "en")
        tried = re.findall(r"(\d+ [^a-z]+?) (yes|no)", english.split(" . ")[1])
        (x, _), _ = program_subjects(text)[0]
        mine = [run for run, _ in tried if run.startswith(f"{x} ")]
        firsts += len(mine)
        verdicts += [verdict == "yes" for _, verdict in tried]
        assert text.count("<") == 2 and "try" not in english
    assert firsts / 1000 == pytest.approx(8, abs=0.3)  # 2 to 14 attempts
    assert 0.2 < np.mean(verdicts) < 0.5


def test_slips_and_checks_are_as_in_the_puzzles() -> None:
    slippery = replace(
        ALL, slip=0.5, check_rate=1.0, long_think=1.0, direct=0.0, line=0.0, sheet=0.0
    )
    texts = write(slippery, blocks=1)
    seconds = re.findall(r", (\d+) ([-+*]) (\d+) = (\d+)", " ".join(texts))
    false = [eval_step(int(a), o, int(b)) != int(value) for a, o, b, value in seconds]
    assert 0.3 < sum(false) / len(false) < 0.55
    assert any(re.search(r"check [^a-z]* no ", text) for text in texts)


def test_without_reflection_a_trace_has_one_attempt() -> None:
    single = replace(ALL, reflect=False, check_rate=0.0, line=0.0, sheet=0.0, direct=0.0)
    for text in write(single, blocks=1):
        english = translate(text, "en").split()
        assert english.count("try") == 1
        assert not {"wait", "maybe", "hmm"} & set(english)


def test_programs_without_a_form_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"corpus.programs=0.1: wanted 0, or one of line, sheet"
    ):
        CorpusConfig(programs=0.1, line=0.0, sheet=0.0, direct=0.0, think=0.0)


# questions


def test_training_questions_are_train_problems_none_twice_the_same_each_time() -> None:
    train = {problem.key for problem in split()["train"]}
    asked = training_programs(0, "r1-zero", 3, 40, 0.35)
    assert asked == training_programs(0, "r1-zero", 3, 40, 0.35)
    assert asked != training_programs(0, "r1-zero", 4, 40, 0.35)
    keys = [question.problem.key for question in asked]
    assert len(set(keys)) == 40 and set(keys) <= train
    assert training_programs(0, "r1-zero", 3, 0, 0.35) == []
    assert {q.language for q in training_programs(0, "r1-zero", 3, 9, 1.0)} == {"zh"}


def test_held_out_questions_are_always_the_same_and_none_is_trained() -> None:
    test, validation = held_out_programs("test", 300), held_out_programs("validation", 150)
    train = {problem.key for problem in split()["train"]}
    assert not {q.problem.key for q in test + validation} & train
    assert held_out_programs("test", 5) == test[:5]
    for question in test:
        assert len(question.prompt.split()) == PROMPT_TOKENS


@pytest.mark.parametrize(
    ("count", "share", "about_programs"), [(32, 0, 0), (32, 1, 32), (32, 0.5, 16), (10, 0.3, 3)]
)
def test_programs_are_spread_evenly(count: int, share: float, about_programs: int) -> None:
    kinds = programs_among(count, share)
    assert (len(kinds), sum(kinds)) == (count, about_programs)
    assert abs(sum(kinds[: count // 2]) - about_programs / 2) <= 1


def test_what_a_person_types_is_found_again() -> None:
    wanted = split()["test"][0]  # 2 = 0 , 6 = 4
    for typed in ("make 2 = 0 , 6 = 4", "make 6 = 4 , 2 = 0 .", "凑 2 = 0 , 6 = 4 。"):
        found = read_examples(f"<bos> User: {typed} Assistant:")
        assert found is not None and found[1] == wanted
        assert found[0] == prompt(wanted, "zh" if "凑" in typed else "en")
    unclear = read_examples("<bos> User: make 1 = 90 , 2 = 3 Assistant:")
    assert unclear is not None and unclear[1].hidden == () and unclear[1].solutions == 0
    assert read_examples("<bos> User: make 27 . Assistant:") is None
