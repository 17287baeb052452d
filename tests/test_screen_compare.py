"""Do the answers of several checkpoints stand side by side, or below each other?"""

import pytest
from example_run import GOOD, HOSTILE, LONG, PROMPT, SUMMARY, pipe

from minir1.screen.compare import Answer, comparison
from minir1.screen.terminal import Sample

ANSWERS = [
    Answer("base", Sample(PROMPT, "<answer> 3 * 7 </answer> <eos>", None, False), 6),
    Answer("r1-zero", Sample(PROMPT, GOOD, None, True), 21),
    Answer("r1", Sample(PROMPT, SUMMARY, None, True), 40),
]


def shown(width, answers=ANSWERS):
    console = pipe(width=width)
    for table in comparison(answers, width):
        console.print(table)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert all(len(line) <= width for line in lines)
    return lines


@pytest.mark.parametrize("width", [100, 120, 200])
def test_side_by_side_like_stands_beside_like(width):
    lines = shown(width)
    assert lines[0].split() == ["base", "r1-zero", "r1"]
    (answers,) = [line for line in lines if line.startswith("answer")]
    assert answers.split("  ")[0] == "answer" and answers.count("( 7 + 1 ) + 3") == 2
    assert lines[-2].split() == ["verdict", "✗", "wrong", "✓", "right", "✓", "right"]
    assert lines[-1].split() == ["length", "6", "tokens", "21", "tokens", "40", "tokens"]
    (summary,) = [line for line in lines if line.startswith("summary")]
    assert summary.split("  ")[-1].strip().startswith("7 + 1 = 8 , 8 + 3 =")


def test_one_below_the_other_where_it_is_narrow():
    lines = shown(80)
    heads = [i for i, line in enumerate(lines) if line.strip() in ("base", "r1-zero", "r1")]
    assert len(heads) == 3 and heads[0] == 0
    assert "summary   7 + 1 = 8 , 8 + 3 = 11" in lines[heads[2] :]
    assert not any(line.startswith("summary") for line in lines[: heads[2]])


def test_odd_and_hostile_answers_do_no_harm():
    odd = [
        Answer(HOSTILE, Sample(HOSTILE, f"<think> {HOSTILE} {LONG}", None, None, HOSTILE), 0),
        Answer("b", Sample("", "", None, False), 0),
    ]
    text = "\n".join(shown(60, odd) + shown(90, odd))
    assert not set("\x1b\x9b\x07\x08\r\u202e\ud800") & set(text)
    assert "✗ no answer" in text
