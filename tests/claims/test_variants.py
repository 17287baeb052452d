"""Does the study of methods decide by its intervals, and show what runs and code say?"""

from collections.abc import Mapping
from typing import Any

import pytest

from minir1.claims.claim import Finding, Results
from minir1.claims.ledger import choose
from minir1.claims.variants import CLAIM, OTHERS, PAIRS
from minir1.claims.variants_arms import FEWER, METHODS, SETTINGS, runs
from minir1.config import override, tiny
from minir1.objectives import OBJECTIVES

JITTER = (0.0, 0.004, -0.004, 0.002, -0.002)  # of a seed: the same for every arm


def made_up(seeds: int, reached: Mapping[str, Any]) -> Results:
    """Runs that reach 80 %, or what an arm is said to reach: a number, or one a seed."""
    return {job.name: one_run(job.name, reached) for job in CLAIM.jobs(seeds)}


def one_run(name: str, reached: Mapping[str, Any]) -> dict[str, Any]:
    arm, seed = name.removeprefix("r1-zero/variant-").split("/seed")
    found = reached.get(arm, 0.8)
    value = found[int(seed)] if isinstance(found, list) else found + JITTER[int(seed)]
    rows = [
        {
            "step": i,
            "flops": i * 1e11 * (1 + JITTER[int(seed)]),
            "entropy": 1 - i / 40,
            "clip_fraction": 0.02 * i,
            "trained_tokens": 1e5,
            "seconds": 3.0 * i,
            "completion_tokens": 20.0 + i,
            **({"validation_accuracy": value * i / 20} if i % 4 == 0 else {}),
        }
        for i in range(1, 21)
    ]
    done = {"pass_at_1": {"value": value}, "completion_tokens": 90.0, "truncated": 0.05}
    return {"checkpoints": {"r1-zero": done}, "curves": {"r1-zero": rows}}


def judged(seeds: int = 5, **reached: Any) -> Finding:
    named = {name.replace("_", "-"): value for name, value in reached.items()}
    return CLAIM.judge(made_up(seeds, named), seeds)


def test_it_is_a_study_that_the_ledger_knows() -> None:
    assert choose("variants") == [CLAIM] and CLAIM.letter == ""


def test_every_method_is_there_with_all_seeds_and_the_rest_with_fewer() -> None:
    assert set(METHODS) == set(OBJECTIVES) - {"lite-ppo"}
    names = [job.name for job in runs(5)]
    for arm in SETTINGS:
        seeds = sum(f"/variant-{arm}/" in name for name in names)
        assert seeds == (5 if arm in METHODS else FEWER), arm
    assert len(set(names)) == len(names)
    assert sum(job.minutes for job in runs(5)) < 80  # 40 minutes on two cores


def test_the_settings_can_be_set() -> None:
    made = {name: override(tiny(), settings).grpo for name, settings in SETTINGS.items()}
    assert all(made[name].objective == name for name in METHODS)
    assert len(set(map(str, made.values()))) == len(made)
    assert made["gspo-8"].minibatches == 8 and made["gspo-8"].clip_low == 3e-4
    assert made["printed-8"].average == made["gspo-8"].average == "sequence"


def test_methods_that_are_surely_alike_hold() -> None:
    found = judged()
    assert (found.verdict, found.condition) == ("holds", "")
    assert len(found.figures) == 1 + len(OTHERS) and len(found.controls) == len(PAIRS)


def test_one_method_that_is_far_refutes() -> None:
    found = judged(rloo=0.7)
    assert found.verdict == "does not hold here"
    assert "rloo (-10.0)" in found.summary


def test_a_far_mean_with_a_wide_interval_is_left_open() -> None:
    found = judged(rloo=[0.9, 0.5, 0.8, 0.7, 0.6])
    assert found.verdict == "holds if" and "leave open" in found.condition
    assert "left open by these seeds: rloo" in found.summary
    for sign in (-1, 1):  # an interval across one edge of the margin
        across = [0.8 + sign * x for x in (0.08, 0.01, 0.04, 0.02, 0.06)]
        assert "left open by these seeds: rloo" in judged(rloo=across).summary


def test_a_baseline_of_the_batch_is_a_condition_where_the_loss_is_the_same() -> None:
    found = judged(reinforce=0.5)
    assert found.verdict == "holds if" and "same question" in found.condition
    both = judged(**{"reinforce": 0.5, "reinforce++": 0.6})
    assert both.condition == found.condition
    assert judged(**{"reinforce++": 0.6}).verdict == "does not hold here"
    assert judged(reinforce=0.5, dapo=0.6).verdict == "does not hold here"


def test_what_only_many_updates_part_is_a_condition() -> None:
    found = judged(**{"rloo_8": 0.6})
    assert (found.verdict, found.condition) == (
        "holds if",
        "a rollout is used for few updates",
    )


def test_one_seed_decides_nothing() -> None:
    found = judged(1, rloo=0.1)
    assert found.verdict == "holds if" and "nothing here is sure" in found.summary


def test_tables_hold_every_arm_and_their_own_differences() -> None:
    tables = judged(gspo=0.7).tables
    methods = tables[0]
    assert len(methods.rows) == len(METHODS)
    gspo = next(row for row in methods.rows if row[0] == "GSPO")
    assert gspo[1].startswith("70.0 %") and gspo[2].startswith("-10.0 %")
    assert methods.rows[0][2] == "" and all(row[2] for row in methods.rows[1:])
    assert gspo[6:] == ("21.0 %", "2.00", "2.00", "60.0")
    assert all(len(row) == len(table.header) for table in tables for row in table.rows)


def test_the_table_of_tokens_is_computed() -> None:
    tokens = judged().tables[3]
    assert tokens.header[1] == "short, right (10 tokens)"
    rows = {row[0]: row[1:] for row in tokens.rows}
    assert rows["grpo"][2] == rows["grpo"][3] and rows["gspo"][2] != rows["gspo"][3]
    assert rows["grpo, as printed"] == rows["gspo"]
    clips = {row[0]: row[1:] for row in judged().tables[4].rows}
    assert clips["rloo"] == ("1 / 1",) * 7 and clips["grpo"][1] == "0 / 1.25"


@pytest.mark.parametrize("place", range(3))
def test_curves_are_over_compute_with_a_band(place: int) -> None:
    chart = judged().charts[place]
    for line in chart.lines:
        assert [x for x, _ in line.points] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
        assert line.points[-1][1] == pytest.approx(0.8, abs=2e-3)
        assert line.band is not None and line.band[-1][1] < 0.8 < line.band[-1][2]


def test_what_a_chart_tells_is_read_off_its_lines() -> None:
    chart = judged(rloo=0.5).charts[1]
    assert "RLOO 0.100 to 0.500" in chart.told and "REINFORCE 0.160 to 0.800" in chart.told
