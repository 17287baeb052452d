"""Do the results of all checkpoints stand side by side, with their intervals?"""

import json

import pytest
from example_run import pipe

from minir1.screen.stages import STORY
from minir1.screen.tables import results_table

NAMES = [name for name in STORY if name != "reward-model"]
STUDENTS = ["small-base", "distilled", "small-rl", "distilled-rl"]


def interval(value, low, high):
    return {"value": value, "low": low, "high": high, "problems": 500, "samples": 16}


RESULTS = {
    "schema": 1,
    "seed": 0,
    "engine": "numpy",
    "seconds": {"r1-zero": 61.0, "total": 75.0},
    "checkpoints": {
        "base": {
            "pass_at_1": interval(0.19, 0.16, 0.23),
            "pass_at_k": {"1": 0.19, "2": 0.33, "16": 0.91},
            "completion_tokens": 31.2,
            "completion_tokens_by_difficulty": {"1": 24.0},
            "harmful_compliance": None,
        },
        "r1-zero": {
            "pass_at_1": interval(0.784, 0.75, 1.0),
            "maj_at_16": interval(0.984, 0.97, 0.99),
            "completion_tokens": 116.9,
            "language_consistency": 0.67,
        },
        "dev1": {},
    },
}
FULL = {
    "pass_at_1": interval(0.19, 0.16, 0.23),
    "pass_at_1_lenient": interval(0.2, 0.17, 0.24),
    "completion_tokens": 116.9,
    "language_consistency": 1.0,
    "general": interval(0.713, 0.6, 0.8),
    "instruction_following": interval(0.4, 0.3, 0.5),
    "harmful_compliance": interval(0.31, 0.2, 0.4),
    "preference": interval(0.66, 0.6, 0.7),
    "gold_utility": interval(0.443, 0.41, 1.27),
}


def table_text(results, width=80):
    console = pipe(width=width)
    console.print(results_table(results))
    text = console.file.getvalue()
    assert all(len(line) <= width for line in text.splitlines())
    return text


def whole(names=NAMES, **more):
    found = {name: dict(FULL) for name in names}
    if "r1" in found:
        found["r1"]["preference_over"] = {"dev3": interval(0.71, 0.6, 0.8)}
    return {"checkpoints": found, "seed": 0, "engine": "mlx"} | more


def heads(text):
    """The checkpoints above each table."""
    lines = text.splitlines()
    return [lines[i - 1].split() for i, line in enumerate(lines) if line.startswith("──")]


def test_results_table_has_checkpoints_for_columns_and_intervals():
    text = table_text(json.loads(json.dumps(RESULTS)))
    rows = [line.split() for line in text.splitlines()]
    assert ["base", "r1-zero"] in rows and "dev1" not in text
    where = rows.index(["pass@1,", "%", "19.0", "78.4"])
    assert rows[where + 1] == ["16–23", "75–100"]
    assert ["majority", "of", "16,", "%", "–", "98.4"] in rows
    assert ["pass@16,", "%", "91.0", "–"] in rows
    assert ["completion", "tokens", "31.2", "117"] in rows
    assert ["language", "consistency,", "%", "–", "67.0"] in rows
    assert "difficulty" not in text and "harmful" not in text
    assert "seed 0 · numpy · 1:15 in all · under a value: its 95 % interval" in text


@pytest.mark.parametrize("width", [120, 160, 200])
def test_ten_checkpoints_stand_side_by_side_where_they_fit(width):
    text = table_text(whole(), width)
    assert heads(text) == [NAMES]
    assert text.count("19.0") == 10 and text.count("16–23") == 10 and "…" not in text


@pytest.mark.parametrize("width", [80, 100])
def test_the_students_have_a_table_of_their_own_where_they_do_not(width):
    text = table_text(whole(), width)
    assert heads(text) == [NAMES[:6], STUDENTS]
    assert text.count("19.0") == 10 and text.count("16–23") == 10 and "…" not in text
    first, second, facts = text.split("\n\n")
    assert "wins over dev3, %" in first and "dev3" not in second
    assert facts.startswith("seed 0 · mlx · under a value")


def test_a_narrow_terminal_gets_more_tables():
    text = table_text(whole(), 50)
    assert [name for head in heads(text) for name in head] == NAMES and len(heads(text)) > 2
    assert text.count("19.0") == 10 and "…" not in text


def test_shares_are_in_percent_and_the_rest_is_not():
    rows = [line.split() for line in table_text(whole(["r1"])).splitlines()]
    for row, interval_row in (
        ("good general answers, % 71.3", "60–80"),
        ("instructions followed, % 40.0", "30–50"),
        ("harmful compliance, % 31.0", "20–40"),
        ("wins over the web, % 66.0", "60–70"),
        ("wins over dev3, % 71.0", "60–80"),
        ("gold utility 0.443", ".41–1.3"),
    ):
        assert rows[rows.index(row.split()) + 1] == [interval_row]
    assert ["language", "consistency,", "%", "100.0"] in rows
    assert ["completion", "tokens", "117"] in rows


def test_details_are_shown_where_few_stand_side_by_side():
    assert "lenient" in table_text(whole(["base", "r1-zero"]))
    assert "lenient" not in table_text(whole(["base", "r1-zero", "dev1", "dev2"]))


def test_checkpoints_stand_in_the_order_of_the_story():
    found = dict.fromkeys(["odd", "r1", "distilled", "base"], FULL)
    text = table_text({"checkpoints": found}, 100)
    assert heads(text) == [["base", "r1", "distilled", "odd"]]


def test_the_judge_and_the_compute_are_told_below():
    judge = {"pair_accuracy": interval(0.83, 0.8, 0.86), "label_ceiling": 0.9, "pairs": 4000}
    compute = {"dev1": 1e12, "distilled": 1.234e12, "small-rl": 1.24e12}
    text = table_text(whole(reward_model=judge, compute=compute))
    assert "right about 83.0 % of new pairs; its labels allow 90.0 %" in text
    assert "training compute in FLOP: distilled 1.2e+12, small-rl 1.2e+12" in text


def test_results_table_of_nothing():
    assert "None" not in table_text({"checkpoints": {}, "seed": 3, "engine": "mlx"})
