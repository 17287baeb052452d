"""Do the results of all checkpoints stand side by side, with their intervals?"""

import json

from example_run import pipe

from minir1.screen.tables import results_table


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
        },
        "r1-zero": {
            "pass_at_1": interval(0.784, 0.75, 1.0),
            "completion_tokens": 116.9,
            "language_consistency": 0.67,
        },
        "dev1": {},
    },
}


def table_text(results, width=80):
    console = pipe(width=width)
    console.print(results_table(results))
    return console.file.getvalue()


def test_results_table_has_checkpoints_for_columns_and_intervals():
    text = table_text(json.loads(json.dumps(RESULTS)))
    rows = [line.split() for line in text.splitlines()]
    assert ["base", "r1-zero"] in rows and "dev1" not in text
    where = rows.index(["pass@1", "0.190", "0.784"])
    assert rows[where + 1] == [".16–.23", ".75–1.00"]
    assert ["pass@16", "0.910", "–"] in rows
    assert ["completion", "tokens", "31.2", "117"] in rows
    assert ["language", "consistency", "–", "0.670"] in rows
    assert "difficulty" not in text and "seed 0 · numpy · 1:15 in all" in text


def test_results_table_of_eight_checkpoints_fits_eighty_cells():
    names = ("base", "r1-zero", "dev1", "dev2", "dev3", "r1", "distilled", "small-rl")
    full = RESULTS["checkpoints"]["base"] | {"reflections_per_100_tokens": 9.5}
    text = table_text(RESULTS | {"checkpoints": dict.fromkeys(names, full)})
    assert all(text.count(f" {name} ") for name in names[:-1]) and "small-rl" in text
    assert text.count("0.190") == 8 and text.count(".16–.23") == 8 and "…" not in text


def test_results_table_of_nothing():
    assert "None" not in table_text({"checkpoints": {}, "seed": 3, "engine": "mlx"})
