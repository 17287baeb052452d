"""Does every section show what there is, and nothing where there is nothing?"""

import re
from itertools import pairwise

import pytest
import synthetic_run as synthetic

from minir1.reporting import method as measured
from minir1.reporting.answers import answers_side_by_side
from minir1.reporting.cast import PLAYERS
from minir1.reporting.completions import completion, cut, question
from minir1.reporting.curves import training_curves
from minir1.reporting.difficulty import more_tries, thinking_by_difficulty
from minir1.reporting.gains import gains
from minir1.reporting.html import join
from minir1.reporting.opening import facts, told
from minir1.reporting.rundata import RunData
from minir1.reporting.stage_map import (
    NARROW,
    NARROW_EDGES,
    WIDE,
    WIDE_EDGES,
    rounded,
    stage_map,
)
from minir1.reporting.table import stage_table


def run(names=tuple(synthetic.CHECKPOINTS), stages=(), **more):
    described = {"recipe": "all", "seed": 3, "engine": "numpy", "config": {}}
    return RunData(
        "run",
        described | more,
        synthetic.results(names, stages),
        tuple(line for stage in stages for line in synthetic.metrics(stage)),
        answers=synthetic.answers(names),
    )


@pytest.mark.parametrize(
    "part",
    [
        told,
        gains,
        stage_table,
        training_curves,
        thinking_by_difficulty,
        more_tries,
        answers_side_by_side,
    ],
)
def test_nothing_is_shown_of_nothing(part):
    assert part(RunData("run")) is None


# the map


def test_the_map_holds_every_checkpoint_once_in_both_layouts():
    assert set(WIDE) == set(NARROW) == set(PLAYERS)
    for edges in (WIDE_EDGES, NARROW_EDGES):
        assert [e[:3] for e in edges] == [e[:3] for e in WIDE_EDGES]


@pytest.mark.parametrize(
    ("places", "edges", "card"),
    [(WIDE, WIDE_EDGES, (168, 102)), (NARROW, NARROW_EDGES, (150, 102))],
)
def test_arrows_begin_and_end_at_their_cards(places, edges, card):
    def touches(point, name):
        x, y = point[0] - places[name][0], point[1] - places[name][1]
        inside = 0 <= x <= card[0] and 0 <= y <= card[1]
        return inside and (x in (0, card[0]) or y in (0, card[1]))

    for start, end, _, corners in edges:
        assert touches(corners[0], start) and touches(corners[-1], end), (start, end)
        for (ax, ay), (bx, by) in pairwise(corners):
            assert ax == bx or ay == by, "arrows run straight"


def test_no_two_cards_overlap():
    for places, width in ((WIDE, 168), (NARROW, 150)):
        spots = list(places.values())
        for i, (x, y) in enumerate(spots):
            for a, b in spots[:i]:
                assert abs(x - a) >= width or abs(y - b) >= 102


def test_dev3_gets_weights_of_the_base_and_data_of_dev2():
    kinds = {edge[:2]: edge[2] for edge in WIDE_EDGES}
    assert kinds["base", "dev3"] == "weights" and kinds["dev2", "dev3"] == "data"
    assert kinds["dev3", "distilled"] == "data"


def test_what_is_not_measured_is_outlined():
    drawn = stage_map({"base": synthetic.figures("base")}, ["base", "r1-zero"])
    assert drawn.count("pending") == 2 and drawn.count("not yet") == 4
    assert "base: 16.7\u202f%; R1-Zero: not yet" in drawn
    assert "Dev1" not in drawn


def test_corners_are_rounded_and_short_pieces_survive():
    assert rounded([(0, 0), (20, 0)]) == "M0 0L20 0"
    assert rounded([(0, 0), (20, 0), (20, 40)]) == "M0 0L11 0Q20 0 20 9L20 40"
    assert rounded([(0, 0), (4, 0), (4, 40)]) == "M0 0L2 0Q4 0 4 9L4 40"


# tables and curves


def test_the_table_marks_the_best_and_shows_intervals():
    shown = stage_table(run())
    row = re.search(r'<th scope="row">right at the first try.*?</tr>', shown)[0]
    assert row.count('class="best"') == 4  # R1-Zero, Dev2 and R1 alike; distilled + RL
    assert "<small>85.8 to 88.8</small>" in row
    assert "--low:85.8%;--wide:3.0%" in row
    assert (
        shown.index("good answers") < shown.index("… facts") < shown.index("does as instructed")
    )


def test_a_row_that_nobody_measured_is_left_out():
    shown = stage_table(RunData("run", results={"checkpoints": {"base": {"pass_at_1": 0.5}}}))
    assert "right at the first try" in shown
    assert "language consistency" not in shown and "Everyday" not in shown


def test_gains_show_before_after_and_the_paper():
    shown = gains(run())
    row = re.search(r'<th scope="row">right at the first try.*?</tr>', shown)[0]
    assert "16.7\u202f%" in row and "87.3\u202f%" in row and "+70.6 points" in row
    assert "AIME 2024: 15.6 → 77.9" in row and "as in the paper" in row
    assert "--from:16.7%;--to:87.3%;--low:16.7%;--wide:70.6%" in row
    assert "One run with one seed" in shown


def test_curves_of_every_stage_share_their_scales():
    shown = training_curves(run(stages=synthetic.STAGES))
    for heading in ("R1-Zero", "Dev2", "small RL", "distilled + RL", "Fine-tuning"):
        assert f"<h3>{heading}</h3>" in shown
    for heading in ("preferences", "Dev1: loss", "reward model: pairs ordered right"):
        assert f"<b>{heading}</b>" in shown
    scales = re.findall(r'aria-label="length, tokens by step.*?data-plot="(.*?)"', shown)
    assert len(scales) == 5 and len({scale.split()[7] for scale in scales}) == 1


def test_validation_is_marked_and_training_is_a_line():
    shown = training_curves(run(stages=("r1-zero",)))
    chart = re.search(r'aria-label="problems solved.*?</svg>', shown)[0]
    assert chart.count('class="mark"') == 8  # steps 5 to 40
    assert chart.count('class="line loose"') == 1 and chart.count('class="line"') == 1


def test_difficulty_and_tries_have_a_chart_a_size():
    for part in (thinking_by_difficulty(run()), more_tries(run())):
        assert "students" in part and "The numbers" in part
    assert "in 16 tries, the base solves" in more_tries(run())
    assert "students" not in more_tries(run(names=("base", "r1-zero")))


# answers


def test_thinking_is_folded_and_summary_and_answer_are_not():
    text = "<think> try 1 wait </think> 1 + 1 = 2 <answer> 1 + 1 </answer> <eos>"
    assert join(completion(text)) == (
        '<details class="thinking"><summary>thinking, 3 words</summary>'
        "<p>try 1 wait</p></details>"
        '<p class="said">1 + 1 = 2</p><p class="answer">1 + 1</p>'
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think> no end", "cut off before its end"),
        ("", "(nothing)"),
        (None, "(nothing)"),
        ("hello . <eos>", "hello ."),
        ("y" * 9000, "6\u202f000 characters left out"),
    ],
)
def test_odd_completions_are_shown_for_what_they_are(text, said):
    assert said in join(completion(text))


def test_a_question_is_shown_without_its_frame():
    assert question("<bos> User: use 3 7 1 to make 11 . Assistant:") == "use 3 7 1 to make 11 ."
    assert question(None) == ""
    assert cut("abc", 3) == "abc"


def test_every_checkpoint_answers_every_question_with_a_word_for_its_verdict():
    shown = answers_side_by_side(run())
    assert shown.count("<article") == 16 and shown.count('class="answer-card') == 160
    assert shown.count("verdict-mark") == 160
    for word in ("right", "wrong", "good answer", "not a good answer"):
        assert f"</span>{word}</span>" in shown
    assert shown.count("<option") == 16 and shown.count("<optgroup") == 6


def test_answers_too_many_are_cut_off_by_question(monkeypatch):
    monkeypatch.setattr("minir1.reporting.answers.MOST_BYTES", 9000)
    shown = answers_side_by_side(run())
    assert 1 <= shown.count("<article") < 16
    assert "of 16; the others are in answers.json" in shown


# how it was measured


def test_the_command_names_what_was_changed():
    config = {
        "grpo": {"steps": 12, "learning_rate": 5e-4},
        "dev2": {"language": 0.1},
        "threads": 7,
    }
    config |= {"small": {"matched": False}, "unknown": {"x": 1}, "model": {"hidden_size": 9}}
    assert measured.command(run(config=config)) == (
        "minir1 train --tiny --recipe all --seed 3 --backend numpy --set grpo.steps=12 "
        "--set dev2.language=0.1 --set small.matched=false"
    )
    other = run(config=config, base="base-no-reflection")
    assert "--backend numpy --base base-no-reflection --set" in measured.command(other)
    assert measured.command(run(recipe="pretrain")).startswith(
        "minir1 pretrain --tiny --seed 3"
    )


def test_a_reward_that_is_not_the_rules_is_named():
    weak = {"config": {"reward": {"kind": "drafts"}}}
    assert "reward.kind=drafts" in facts(run(**weak))
    shown = measured.method(run(**weak))
    assert "training paid for every right expression in the text" in shown
    for usual in ({}, {"config": {"reward": {"kind": "rule"}}}):
        assert "reward.kind" not in facts(run(**usual))
        assert "training paid for" not in measured.method(run(**usual))
    for kind in ("random", "format"):
        paid = run(config={"reward": {"kind": kind}})
        assert f"reward.kind={kind}: training paid for" in measured.method(paid)


def test_the_method_says_how_sure_and_how_dear():
    shown = measured.method(run(stages=("r1-zero",))).replace("\u202f", " ")
    assert "500 test problems, 16 answers to each" in shown
    assert "87.1 % of held-out pairs" in shown and "4 000 pairs" in shown
    assert "distilled 2.1 × 10¹³ FLOP" in shown
    assert "R1-Zero 20 s, evaluation 2 min 20 s; 2 min 40 s in all" in shown
