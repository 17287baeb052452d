"""Is every number on the screen, whatever the screen's size and the run's state?"""

import re

import pytest
from example_run import GOOD, HOSTILE, LONG, PROMPT, RUN, SUMMARY, metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from minir1.screen.panels import CURVES, HEALTH, View, frame
from minir1.screen.plots import BLOCKS
from minir1.screen.terminal import Sample


def view(history=RUN, **changes):
    known = {"title": "R1-Zero · seed 0", "done": len(history), "total": 30, "elapsed": 65.0}
    return View(**known | {"history": history, "left": 30.0} | changes)


def drawn(shown, width, height):
    lines = frame(shown, width, height)
    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)
    return "\n".join(line.plain for line in lines)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 15), (120, 40), (100, 30)])
def test_every_number_is_there(width, height):
    sample = Sample(PROMPT, GOOD, 1.1, True)
    screen = drawn(view(sample=sample), width, height)
    for wanted in (
        "minir1 · R1-Zero · seed 0",
        "step 20/30   1:05",
        "0.190 → 0.760",  # accuracy
        "35.0 → 111",  # completion_tokens
        "2.50 → 12.0",  # reflections
        "0.130 → 0.510",  # mixed_language_rate
        "0.230 → 0.800",  # reward
        "0.930 → 0.740",  # language_consistency
        "0.650 → 0.840",  # format_rate
        "25.1k tokens/s",
        "8012 tokens/s",
        "(60%)",
        "entropy 0.294",
        "use 3 7 1 to make 11 .",
        "try 3 * 1 = 3 no",
        "( 7 + 1 ) + 3",
        "✓ right · reward 1.10",
    ):
        assert " ".join(wanted.split()) in re.sub(" +", " ", screen), wanted
    for name in CURVES.keys() & RUN[0].keys():
        assert name.replace("_", " ") in screen


def test_a_normal_terminal_has_plots_validation_points_and_the_time_left():
    screen = drawn(view(), 80, 24)
    assert any("\u2800" < character <= "\u28ff" for character in screen)
    assert "● validation" in screen and screen.count("●") == 5
    assert "about 0:30 left" in screen
    for name, short in HEALTH.items():
        assert short in screen and name.replace("_", " ") in drawn(view(), 120, 40)


def test_a_small_terminal_has_sparklines_instead():
    screen = drawn(view(), 60, 15)
    assert not any("\u2800" < character <= "\u28ff" for character in screen)
    assert BLOCKS[-1] in screen


def test_panels_go_one_by_one_as_the_terminal_shrinks():
    sample = Sample(PROMPT, GOOD, 1.1, True)
    shown = [drawn(view(sample=sample), 80, height) for height in range(25)]
    assert shown[0] == "" and "minir1" in shown[1] and "20/30" in shown[2]
    assert "accuracy" in shown[3] and "format rate" in shown[9]
    assert "✓" not in shown[12] and "✓ right" in shown[13] and "entropy" in shown[14]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_run_and_no_terminal_makes_it_raise(data):
    odd = st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=5), st.booleans())
    names = st.sampled_from([*RUN[4], "loss", "unknown"])
    history = data.draw(st.lists(st.dictionaries(names, odd), max_size=6))
    sample = Sample(data.draw(st.text()), data.draw(st.text()), data.draw(st.floats()), True)
    shown = view(history, total=data.draw(st.integers(-1, 9)), sample=sample, note="n")
    drawn(shown, data.draw(st.integers(1, 200)), data.draw(st.integers(0, 50)))


def test_a_number_that_is_not_finite_is_marked():
    assert "grad nan!" in drawn(view([metrics(1, grad_norm=float("nan"))]), 80, 24)


def test_a_stage_without_rollouts_shows_its_loss_and_one_speed():
    rows = [{"step": i, "loss": 3.0 / i, "update_tokens_per_second": 9e3} for i in (1, 2, 3)]
    screen = drawn(view(rows), 80, 24)
    assert "loss  3.00 → 1.00 ▼" in screen and "update 9000 tokens/s" in screen
    assert "rollout" not in screen and "accuracy" not in screen
    assert len(screen.splitlines()) > 18  # the curve takes the room that no sample needs


def test_before_the_first_step_it_says_so():
    assert "waiting for the first step" in drawn(view([]), 80, 24)


def test_a_long_thought_loses_its_middle_and_keeps_its_answer():
    screen = drawn(view(sample=Sample(PROMPT, LONG, 0.0, False)), 80, 24)
    for wanted in ("thinking  first try", "…", "last", "answer    42", "✗ wrong"):
        assert wanted in screen
    assert len(screen.splitlines()) == 24


def test_hostile_text_stays_inert_on_the_screen():
    sample = Sample(HOSTILE, f"<think> {HOSTILE} </think>", 0.0, False, HOSTILE)
    screen = drawn(view(sample=sample, title=HOSTILE, note=HOSTILE), 120, 40)
    assert not set("\x1b\x9b\x07\x08\r\u202e\ud800") & set(screen)
    assert "[bold red]markup[/]" in screen


# many stages

NINE = ("r1-zero", "dev1", "dev2", "dev3", "reward-model", "r1", "distilled", "small-rl")
ALIGNING = [
    metrics(i, preference_reward=0.1 * i, gold_utility=0.5, general_good=0.7 if i % 2 else None)
    for i in range(1, 9)
]


def test_the_last_stage_of_r1_shows_what_people_would_prefer():
    sample = Sample(PROMPT, SUMMARY, 1.0, True)
    screen = drawn(view(ALIGNING, stages=NINE, stage="r1", sample=sample, note="n"), 80, 24)
    for wanted in (
        "→ r1 ● 8/30", " r1 ▰", "preference reward  0.100 → 0.800 ▲", "general good",
        "gold utility           0.500 → 0.500  =", "summary   7 + 1 = 8", "answer    ( 7 + 1 )",
    ):  # fmt: skip
        assert wanted in screen, wanted
    assert "format rate" not in screen  # the last curve gave way to the sample


def test_a_reward_model_shows_its_loss_and_what_it_gets_right():
    rows = [{"step": i, "loss": 0.7 / i, "pair_accuracy": 0.5 + i / 10} for i in (1, 2, 3)]
    screen = drawn(view(rows, stages=NINE, stage="reward-model"), 80, 24)
    assert "loss  0.700 → 0.233 ▼" in screen and "pair accuracy  0.600 → 0.800 ▲" in screen


def test_the_map_goes_before_the_progress_does():
    shown = view(stages=NINE, stage="dev1")
    assert [len(re.findall("[✓●○]", drawn(shown, 120, h).split("▰")[0])) for h in (7, 8)] == [
        0, 8
    ]  # fmt: skip
    assert "dev1 ▰" in drawn(shown, 80, 3)
