"""Does the time machine keep what fits, and colour what GRPO pushes?"""

import json
import math

import pytest
import synthetic_run as synthetic

from minir1.reporting import looks
from minir1.reporting.machine import push, time_machine
from minir1.reporting.rundata import RunData

LINE = {
    "stage": "r1-zero",
    "step": 5,
    "prompt": "<bos> User: use 3 7 1 to make 11 . Assistant:",
    "completion": "<think> wait </think> <eos>",
    "right": True,
    "reward": 1.1,
    "advantage": 0.8344,
    "logprobs": [-0.01, -1.204, -3.0, 0.0],
}


@pytest.mark.parametrize(
    ("advantage", "logprob", "wanted"),
    [
        (2.0, math.log(0.25), 1.5),
        (-1.0, math.log(0.5), -0.5),
        (3.0, 0.0, 0.0),
        (1.0, -99.0, 1.0),
    ],
)
def test_the_push_on_a_word(advantage, logprob, wanted):
    assert push(advantage, logprob) == pytest.approx(wanted)


def test_a_completion_is_packed_and_can_be_unpacked():
    packed = looks.pack(looks.watched([LINE]))
    (stage,) = packed["stages"]
    (prompt,) = stage["prompts"]
    (look,) = prompt["looks"]
    (one,) = look["group"]
    assert stage["title"] == "R1-Zero" and prompt["asked"] == "use 3 7 1 to make 11 ."
    assert look["step"] == 5
    assert [packed["words"][i] for i in one["w"]] == LINE["completion"].split()
    assert one["l"] == [1, 120, 300, 0]
    assert (one["a"], one["r"], one["ok"]) == (0.834, 1.1, 1) and "cut" not in one


@pytest.mark.parametrize(
    "logprobs", [None, [], [-1.0], [-1.0] * 5, [-1.0, None, -1.0, -1.0], ["x"] * 4]
)
def test_probabilities_that_do_not_fit_the_words_are_left_out(logprobs):
    packed = looks.pack(looks.watched([LINE | {"logprobs": logprobs}]))
    assert "l" not in packed["stages"][0]["prompts"][0]["looks"][0]["group"][0]


def test_a_long_completion_is_cut_and_says_so():
    line = LINE | {"completion": "a " * 1000, "logprobs": [-1.0] * 1000}
    one = looks.pack(looks.watched([line]))["stages"][0]["prompts"][0]["looks"][0]["group"][0]
    assert len(one["w"]) == len(one["l"]) == looks.MOST_WORDS
    assert one["cut"] == 1000 - looks.MOST_WORDS


def test_words_are_bounded_and_harmless():
    words, count = looks.shown_words({"completion": f"\x1b[2J {'x' * 999} \u2028 a"})
    assert words == ["·", f"{'x' * looks.LONGEST_WORD}…", "·", "a"] and count == 4


def test_the_packed_looks_keep_to_their_bytes():
    samples = [line for stage in synthetic.RL_STAGES for line in synthetic.samples(stage, 6)]
    found = looks.watched(samples)
    whole = looks.pack(found)
    assert len(json.dumps(whole)) <= looks.MOST_BYTES
    small = looks.pack(found, most_bytes=60_000)
    assert len(json.dumps(small)) <= 60_000
    for stage in small["stages"]:
        (prompt,) = stage["prompts"]
        steps = [look["step"] for look in prompt["looks"]]
        assert steps[0] == 0 and steps[-1] in (20, 25, 30, 40)


def test_looks_are_chosen_evenly_with_both_ends():
    assert looks.evenly(range(0, 41, 5), 3) == [0, 20, 40]
    assert looks.evenly([1, 2], 25) == [1, 2]


def test_prompts_with_most_to_learn_come_first():
    lines = [LINE | {"prompt": "easy", "right": True}, LINE | {"prompt": "easy", "right": True}]
    lines += [LINE | {"prompt": "mixed"}, LINE | {"prompt": "mixed", "right": False}]
    assert list(looks.watched(lines)["r1-zero"]) == ["mixed", "easy"]


def test_a_group_is_bounded():
    assert len(looks.watched([LINE] * 99)["r1-zero"][LINE["prompt"]][5]) == looks.GROUP


def machine(*lines):
    return str(time_machine(RunData("run", samples=lines)))


def test_words_are_coloured_by_their_push():
    shown = machine(LINE | {"advantage": 1.2, "logprobs": [0.0, math.log(0.5), -9.0, -0.001]})
    assert '<span>&lt;think&gt;</span> <span class="up" style="--push:50%">wait</span>' in shown
    assert '<span class="up" style="--push:100%">&lt;/think&gt;</span>' in shown
    assert "<span>&lt;eos&gt;</span>" in shown
    assert "advantage ▲ +1.20" in shown and "reward 1.10" in shown


def test_a_bad_completion_is_pushed_down():
    shown = machine(LINE | {"advantage": -1.2, "right": False})
    assert 'class="down"' in shown and 'class="up"' not in shown
    assert "advantage ▼ −1.20" in shown and "✗" in shown and "wrong" in shown


def test_a_group_alike_has_no_colour():
    shown = machine(LINE | {"advantage": 0.0})
    assert "advantage – 0.00" in shown and 'class="up"' not in shown


def test_the_first_and_the_last_look_stand_on_the_page():
    shown = machine(*(LINE | {"step": step, "right": step > 5} for step in (0, 5, 10)))
    assert "step 0: 0 of 1 answer right" in shown and "step 10: 1 of 1 answer right" in shown
    assert "step 5" not in shown


def test_chinese_words_are_marked():
    shown = machine(LINE | {"completion": "等等 a", "logprobs": [-3.0, 0.0]})
    assert ' lang="zh">等等</span> <span>a</span>' in shown


def test_without_samples_there_is_no_machine():
    assert time_machine(RunData("run")) is None
    assert time_machine(RunData("run", samples=({"stage": "x", "step": None},))) is None
