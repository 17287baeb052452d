"""Is a figure what it says, on the problems it says, and the same whenever it is measured?"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import BASE, train

from minir1 import backend, behaviour, environment, evaluate
from minir1.answers import ask
from minir1.checkpoint import load_checkpoint
from minir1.config import EvalConfig, RunConfig, SampleConfig
from minir1.errors import UserError
from minir1.tokenizer import WordTokenizer
from minir1.world.problems import Problem, split
from minir1.world.questions import Question

PROBLEM = Problem((1, 3, 7), 11, 2)
RIGHT = (
    "<think> try 1 + 3 = 4 , 4 + 7 = 11 yes so </think> <answer> ( 1 + 3 ) + 7 </answer> <eos>"
)
SAME = RIGHT.replace("( 1 + 3 ) + 7 </answer>", "7 + ( 3 + 1 ) </answer>")
WRONG = RIGHT.replace("( 1 + 3 ) + 7 </answer>", "( 1 + 3 ) - 7 </answer>")
ODD = RIGHT.replace("( 1 + 3 ) + 7 </answer>", "( 7 + 3 ) - 1 </answer>")
NEARLY = RIGHT.replace(" </answer>", "")  # no closing tag: right for the lenient eye only
NOTHING = "<think> hmm </think> <eos>"

Loaded = tuple[dict[str, Any], RunConfig, WordTokenizer]


def written(completion: str, finished: bool = True) -> behaviour.Sample:
    text = completion if finished else completion.removesuffix(" <eos>")
    return behaviour.Sample(PROBLEM, "en", text, len(text.split()), finished)


def scored(*rows: list[behaviour.Sample]) -> dict[str, Any]:
    return evaluate.score([s for row in rows for s in row], len(rows[0]), seed=0)


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    backend.use("numpy")
    params, model, tokenizer = load_checkpoint(BASE)
    config = RunConfig(
        model=model,
        sample=SampleConfig(max_tokens=40, rows_per_chunk=8),
        evaluation=EvalConfig(
            problems=8, samples=4, validation_problems=6, validation_samples=2
        ),
        threads=1,
    )
    return backend.from_numpy(params), config, tokenizer


# what is counted


def test_an_answer_that_was_cut_off_is_not_right() -> None:
    assert evaluate.is_right(written(RIGHT))
    assert not evaluate.is_right(written(RIGHT, finished=False))
    figures = scored([written(RIGHT, finished=False)] * 2, [written(RIGHT)] * 2)
    assert figures["pass_at_1"]["value"] == figures["maj_at_2"]["value"] == 0.5


def test_pass_at_1_is_the_mean_over_problems() -> None:
    figures = scored(
        [written(RIGHT), written(WRONG), written(WRONG), written(NOTHING)],
        [written(RIGHT), written(SAME), written(WRONG), written(RIGHT)],
    )
    told = figures["pass_at_1"]
    assert told["value"] == pytest.approx((1 / 4 + 3 / 4) / 2)
    assert (told["problems"], told["samples"]) == (2, 4)
    assert figures["pass_at_k"] == pytest.approx({"1": 0.5, "2": (1 / 2 + 1) / 2, "4": 1})


def test_the_majority_is_of_answers_not_of_texts() -> None:
    """3 + 7 in two orders is one answer; two wrong answers do not add up."""
    won = scored([written(RIGHT), written(SAME), written(WRONG), written(ODD)])
    lost = scored([written(RIGHT), written(WRONG), written(WRONG), written(NOTHING)])
    tied = scored([written(RIGHT), written(WRONG), written(NOTHING), written(NOTHING)])
    told = [figures["maj_at_4"]["value"] for figures in (won, lost, tied)]
    assert told == pytest.approx([1, 0, 0.5])


def test_the_lenient_score_is_kept_apart() -> None:
    figures = scored([written(NEARLY), written(WRONG)])
    assert figures["pass_at_1"]["value"] == 0
    assert figures["pass_at_1_lenient"]["value"] == 0.5


def test_samples_of_one_problem_do_not_narrow_the_interval() -> None:
    once = [[written(text)] for text in (RIGHT, WRONG, WRONG, RIGHT, WRONG, WRONG)]
    often = [row * 16 for row in once]
    for name in ("pass_at_1", "pass_at_1_lenient"):
        few, many = scored(*once)[name], scored(*often)[name]
        assert (few["low"], few["high"]) == (many["low"], many["high"])
        assert few["high"] - few["low"] > 0.4


# which problems are asked


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_checkpoint_is_measured_on_the_split_it_is_asked_for(
    part: str, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = overheard(monkeypatch)
    evaluate.held_out_figures(*loaded, part)
    ((stage, questions),) = asked
    assert stage == f"evaluate/{part}"
    assert [q.problem for q in questions] == list(split()[part][:8])


def test_training_looks_at_validation_and_nobody_at_test_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All questions of a whole run, by what they were asked for."""
    asked = overheard(monkeypatch)
    train(tmp_path / "run", "evaluation.every=1")
    used = {part: {p.key for p in problems} for part, problems in split().items()}
    looks = ["r1-zero", "r1-zero/validation"] * 4
    measured = ["evaluate/test", "evaluate/general"]
    assert [stage for stage, _ in asked] == [*measured, *looks, *measured]
    part_of = {"r1-zero": "train", "r1-zero/validation": "validation", "evaluate/test": "test"}
    asked = [(stage, questions) for stage, questions in asked if stage in part_of]
    for stage, questions in asked:
        assert {q.problem.key for q in questions} <= used[part_of[stage]]


def overheard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Question]]]:
    """Record every question that is put to a model, and under which stage."""
    asked: list[tuple[str, list[Question]]] = []

    def recording(*args: Any) -> Any:
        _, _, _, questions, _, address = args
        asked.append((address[1], questions))
        return ask(*args)

    monkeypatch.setattr(environment, "ask", recording)
    monkeypatch.setattr(evaluate, "ask", recording)
    return asked


def test_validation_is_the_share_of_right_answers_at_a_step_of_a_stage(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[list[behaviour.Sample]] = []

    def recording(*args: Any) -> Any:
        rollout, samples = ask(*args)
        given.append(samples)
        return rollout, samples

    monkeypatch.setattr(evaluate, "ask", recording)
    moments = [("dev2", 3), ("dev2", 3), ("dev2", 4), ("r1", 3)]
    shares = [evaluate.validation(*loaded, stage, step) for stage, step in moments]
    for share, samples in zip(shares, given, strict=True):
        assert len(samples) == 6 * 2
        assert share == np.mean([evaluate.is_right(s) for s in samples])
        assert [s.problem for s in samples] == [s.problem for s in given[0]]
    texts = [[s.completion for s in samples] for samples in given]
    assert texts[0] == texts[1] and texts[0] != texts[2] != texts[3] != texts[0]


# words that may not be written


def test_no_answer_holds_a_forbidden_word(loaded: Loaded) -> None:
    _, usual = evaluate.held_out_figures(*loaded)
    assert evaluate.answers_without(*loaded, ()) == usual
    often = ["try", "="]
    assert all(word in " ".join(s.completion for s in usual).split() for word in often)
    for sample in evaluate.answers_without(*loaded, often):
        assert not {*often} & {*sample.completion.split()}
    with pytest.raises(UserError, match="no word 'wiat'"):
        evaluate.answers_without(*loaded, ["wiat"])


# when it is measured


def test_a_measurement_is_the_same_twice_and_changes_nothing(loaded: Loaded) -> None:
    params, config, tokenizer = loaded
    before = {name: backend.to_numpy(p).copy() for name, p in params.items()}
    one = evaluate.held_out_figures(*loaded)
    assert evaluate.held_out_figures(*loaded) == one
    shared = dataclasses.replace(config, threads=2)
    assert evaluate.held_out_figures(params, shared, tokenizer) == one
    for name, p in params.items():
        assert np.array_equal(backend.to_numpy(p), before[name])


def test_another_seed_draws_other_answers_to_the_same_questions(loaded: Loaded) -> None:
    params, config, tokenizer = loaded
    _, one = evaluate.held_out_figures(*loaded)
    reseeded = dataclasses.replace(config, seed=1)
    _, other = evaluate.held_out_figures(params, reseeded, tokenizer)
    assert [s.problem for s in one] == [s.problem for s in other]
    assert [s.completion for s in one] != [s.completion for s in other]


def test_fewer_problems_are_the_first_of_more(loaded: Loaded) -> None:
    """A figure on 3 problems is a part of the figure on 8, answer by answer."""
    params, config, tokenizer = loaded
    few = dataclasses.replace(
        config, evaluation=dataclasses.replace(config.evaluation, problems=3)
    )
    _, some = evaluate.held_out_figures(params, few, tokenizer)
    _, all_of_them = evaluate.held_out_figures(*loaded)
    assert [s.completion for s in some] == [s.completion for s in all_of_them[: 3 * 4]]


def test_one_problem_answered_once_is_enough(loaded: Loaded) -> None:
    params, config, tokenizer = loaded
    least = dataclasses.replace(config, evaluation=EvalConfig(problems=1, samples=1))
    figures, samples = evaluate.held_out_figures(params, least, tokenizer)
    assert len(samples) == 1
    assert figures["pass_at_k"].keys() == {"1"} and "maj_at_1" in figures


def test_figures_are_json_and_say_nothing_twice(loaded: Loaded) -> None:
    figures, samples = evaluate.held_out_figures(*loaded)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert not {"samples", "accuracy"} & figures.keys()
    right = np.mean([evaluate.is_right(s) for s in samples])
    assert figures["pass_at_1"]["value"] == pytest.approx(right)
    for told in figures["verdict"].values():
        assert 0 < told["yes_given_hit"] < 1 and 0 < told["yes_given_miss"] < 1
    assert figures["verdict"].keys() == {"first_attempt", "fourth_attempt"}
