"""Is the page on R1's stages true of its runs? Rules, verdicts, commands, what is missing."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic_run as synthetic

from minir1.config import override, tiny
from minir1.reporting.formats import Figure

HERE = Path(__file__).parent.parent / "docs" / "results"
sys.path.append(str(HERE))

import publishing  # noqa: E402
import summarise  # noqa: E402
import summarise_r1  # noqa: E402
from r1_page import arms, method, paper, rows, rules, students, targets  # noqa: E402
from r1_page.runs import NORMAL, Run, Runs, flat  # noqa: E402

ZERO_TO_DEV1 = "r1-zero → dev1"


def estimate(*values, half=None):
    """A figure in the runs of seeds 0, 1, …"""
    return rules.Estimate(
        {
            seed: Figure(v) if half is None else Figure(v, v - half, v + half)
            for seed, v in enumerate(values)
        }
    )


def three(value):
    """The same figure in three runs, each unsure."""
    return estimate(value, value, value, half=0.1)


def run(seed=0, checkpoints=None, steps=(), settings=(), recipe="all", **results):
    """A run in memory: made-up figures, and any that a test wants otherwise."""
    figures = {name: synthetic.figures(name) for name in synthetic.CHECKPOINTS}
    for name, changed in (checkpoints or {}).items():
        figures[name] = {**figures[name], **changed}
    config = override(tiny(recipe, seed), settings)
    found = {"checkpoints": figures, "compute": {}, "seconds": {}, **results}
    return Run(seed, dict(flat(config.to_dict())), found, list(steps), {})


def runs_of(*normal, **by_arm):
    """Runs in memory, by arm (reasoning_only for reasoning-only)."""
    found = {arm: {} for arm in (NORMAL, *arms.ARMS)}
    found[NORMAL] = {r.seed: r for r in normal}
    for arm, several in by_arm.items():
        found[arm.replace("_", "-")] = {r.seed: r for r in several}
    return Runs(found, [])


# the rule


def test_a_difference_has_three_sources_of_doubt() -> None:
    change = rules.compare(
        estimate(0.1, 0.2, 0.3, half=0.03), estimate(0.2, 0.4, 0.3, half=0.04)
    )
    assert change is not None
    of_seeds = 4.30 * 0.1 / 3**0.5  # differences .1, .2, 0: their deviation is .1
    assert change.by == pytest.approx(0.1)
    assert change.of_seeds == pytest.approx(of_seeds)
    assert change.half == pytest.approx((of_seeds**2 + 0.03**2 + 0.04**2) ** 0.5)
    assert change.word == "undecided"


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (estimate(0.5, half=0.02), estimate(0.6, half=0.02), "higher"),
        (estimate(0.6, half=0.02), estimate(0.5, half=0.02), "lower"),
        (estimate(0.5, half=0.1), estimate(0.6, half=0.1), "undecided"),
        (estimate(0.5), estimate(0.9), "undecided"),  # one run, no interval: nothing is sure
        (estimate(0.5, 0.5), estimate(0.9, 0.9), "higher"),
        (estimate(0.5, 0.5, 0.5), estimate(0.5, 0.5, 0.5), "undecided"),
        (three(0.5), three(0.6), "higher on these questions"),
        (three(0.6), three(0.5), "lower on these questions"),
        (estimate(0.5, 0.5, half=0.1), estimate(0.6, 0.6, half=0.1), "undecided"),
    ],
)  # fmt: skip
def test_what_is_called_a_difference(before, after, word) -> None:
    assert rules.compare(before, after).word == word


def test_only_runs_of_the_same_seed_are_compared() -> None:
    before = estimate(0.1, 0.2, 0.3)
    after = rules.Estimate({2: Figure(0.9), 7: Figure(0.0)})
    change = rules.compare(before, after)
    assert (change.by, change.seeds) == (pytest.approx(0.6), 1)
    assert rules.compare(before, rules.Estimate({7: Figure(0.0)})) is None
    assert rules.compare(None, before) is None


def test_one_run_without_an_interval_leaves_the_mean_without() -> None:
    mixed = rules.Estimate({0: Figure(0.5, 0.4, 0.6), 1: Figure(0.5)})
    assert mixed.half is None
    assert estimate(0.5, 0.7, half=0.1).half == pytest.approx(0.1)


# how figures are written


def test_cells() -> None:
    assert rows.PASS.cell(estimate(0.861, 0.883, half=0.016)) == "87.2 (86.1 to 88.3) ± 1.6"
    assert rows.PASS.cell(estimate(0.5)) == "50.0"
    assert rows.GOLD.cell(estimate(-0.25, half=0.1)) == "−0.25 ± 0.10"
    assert rows.PASS.cell(None) == "–"
    assert rows.PASS.change(rules.Change(-0.012, 0.02, None, 1)) == "−1.2 ± 2.0"
    assert rows.PASS.change(rules.Change(0.012, None, None, 1)) == "+1.2"


def test_every_row_finds_its_figure() -> None:
    figures = synthetic.figures("r1")
    for row in (*rows.REASONING, *rows.EVERYDAY, rows.ANY, rows.OVER_DEV3):
        assert row.read(figures) is not None, row
        assert row.read({}) is None


# beside the paper


@pytest.mark.parametrize(
    ("there", "by", "said"),
    [
        (1, 0.1, paper.AGREES),
        (-1, -0.1, paper.AGREES),
        (1, -0.1, paper.OTHER_WAY),
        (-1, 0.1, paper.OTHER_WAY),
        (1, 0.01, paper.OPEN),
        (0, 0.01, "no sure change here, level there"),
        (0, 0.1, "higher here, level there"),
        (0, -0.1, "lower here, level there"),
    ],
)
def test_verdicts_on_directions(there, by, said) -> None:
    assert paper.verdict(there, rules.Change(by, 0.05, None, 1)) == said


def test_the_papers_directions() -> None:
    assert paper.published_direction(77.9, 59.0) == -1
    assert paper.published_direction(59.0, 74.0) == 1
    assert paper.published_direction(78.1, 79.8) == 0  # 1.7 points: level
    assert paper.verdict(1, None) == "not measured"


def test_a_sentence_for_every_row_of_the_paper() -> None:
    said = paper.sentences(runs_of(run())).splitlines()
    assert len(said) == len(paper.PUBLISHED)
    assert "3 changes there; here 2 agree, 0 the other way, 1 undecided" in said[0]
    assert f"{ZERO_TO_DEV1} agrees (−26.9 ± 2.1, −18.9 there)" in said[0]


def test_what_goes_the_other_way_is_listed() -> None:
    better = {"pass_at_1": synthetic.interval(0.95)}
    other, undecided = paper.differences(runs_of(run(checkpoints={"dev1": better})))
    (line,) = [text for text in other if text.startswith(f"* {ZERO_TO_DEV1}, pass@1")]
    assert "higher, by +7.7 ± 2.1 points. Paper: AIME 2024" in line
    assert not [text for text in undecided if f"{ZERO_TO_DEV1}, pass@1" in text]
    other, undecided = paper.differences(runs_of(run()))
    assert not [text for text in other if f"{ZERO_TO_DEV1}, pass@1" in text]
    same = {"pass_at_1": synthetic.interval(0.874)}
    _, undecided = paper.differences(runs_of(run(checkpoints={"dev1": same})))
    assert [text for text in undecided if f"{ZERO_TO_DEV1}, pass@1" in text]


# the aims


def outcome(title, *runs):
    (found,) = [o for t, o in targets.outcomes(runs_of(*runs)) if t.startswith(title)]
    return found


def test_an_aim_for_two_checkpoints() -> None:
    found = outcome("dev1 reasons worse", run())
    assert found.verdict == "met, by 26.9 ± 2.1 points"
    better = run(checkpoints={"dev1": {"pass_at_1": synthetic.interval(0.95)}})
    found = outcome("dev1 reasons worse", better)
    assert (found.met, found.verdict) == (False, "missed, by 7.7 ± 2.1 points")


def test_an_aim_with_slack_says_what_is_within_the_uncertainty() -> None:
    worse = run(checkpoints={"r1": {"pass_at_1": synthetic.interval(0.853)}})
    found = outcome("r1 at least R1-Zero", worse)
    assert found.verdict == "met, by 1.0 ± 2.1 points; within the uncertainty"


def test_an_aim_with_a_limit() -> None:
    assert outcome("r1 mixes", run()).verdict == "met, by 4.0 points"
    mixing = run(checkpoints={"r1": {"mixed_language_rate": 0.07}})
    assert outcome("r1 mixes", mixing).verdict == "missed, by 2.0 points"
    assert outcome("r1 well-formed", run()).verdict == "missed, by 3.0 points"


def test_intervals_must_not_overlap() -> None:
    found = outcome("good general answers", run())
    assert found.verdict == "met, by 53.0 points"  # .81 - .03 against .22 + .03
    near = run(1, checkpoints={"dev3": {"general": synthetic.interval(0.27, 0.03)}})
    found = outcome("good general answers", near)
    assert found.verdict == "missed, by 1.0 points"
    assert "apart in 0 of 1 seeds" in found.shown
    assert "apart in 1 of 2 seeds" in outcome("good general answers", run(0), near).shown


def test_preference_needs_its_interval_above_one_half() -> None:
    assert outcome("r1 preferred", run()).verdict == "met, by 18.0 points"
    even = {"preference_over": {"dev3": synthetic.interval(0.52, 0.03)}}
    assert outcome("r1 preferred", run(checkpoints={"r1": even})).met is False


def test_the_judge_is_measured_against_its_ceiling() -> None:
    about = {"pair_accuracy": synthetic.interval(0.81, 0.03), "label_ceiling": 0.9}
    found = outcome("reward model", run(reward_model=about))
    assert (found.shown, found.verdict) == ("90.0 ± 3.3", "met, by 5.0 points")


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    empty = runs_of()
    assert {o.verdict for _, o in targets.outcomes(empty)} == {"not measured"}
    assert targets.tally(empty) == "0 of 15 aims met, 0 missed, 15 not measured."


# runs


def test_missing_and_unfinished_runs_are_named(tmp_path: Path) -> None:
    write(tmp_path / "seed0", run())
    write(tmp_path / "long-1", run(1, settings=["r1.steps=60", "r1.general_steps=50"]))
    stopped = run(2)
    del stopped.checkpoints["r1"]
    write(tmp_path / "seed2", stopped)
    found = Runs.read(tmp_path)
    assert sorted(found.normal) == [0, 2]
    assert sorted(found.by_arm["long"]) == [1]
    assert {"seed1", "long-0", "normalise-2", "seed2 (r1 not measured)"} <= set(found.missing)
    assert not {"seed0", "long-1"} & set(found.missing)
    assert "normalise-2" in method.missing(found)


def write(folder: Path, made: Run) -> None:
    """Write a run in memory as a run folder."""
    folder.mkdir(parents=True)
    settings = [f"{k}={v}" for k, v in made.settings.items() if k.startswith("r1.")]
    config = override(tiny("all", made.seed), settings).to_dict()
    synthetic.write_lines(folder / "config.json", [{"config": config}])
    synthetic.write_lines(folder / "results.json", [made.results])
    synthetic.write_lines(folder / "metrics.jsonl", made.steps)


def test_commands_come_from_the_settings() -> None:
    reasoning = ["dev3.general=0", "r1.steps=0", "r1.general_steps=0"]
    branches = [run(s, settings=reasoning, recipe="r1", taken_over=["dev2"]) for s in (0, 1)]
    found = method.commands(runs_of(run(0), run(1), reasoning_only=branches)).splitlines()
    assert found == [
        "for seed in 0 1; do minir1 train --tiny --seed $seed --out RUNS/seed$seed; done",
        "for seed in 0 1; do minir1 train --tiny --seed $seed --recipe r1 "
        "--from RUNS/seed$seed --set dev3.general=0 --set r1.steps=0 "
        "--set r1.general_steps=0 --out RUNS/reasoning-only-$seed; done",
    ]


def test_what_a_stage_cost_is_told_of_the_runs_that_finished_it() -> None:
    steps = [{"stage": "dev2", "step": i} for i in range(1, 26)]
    done = run(0, steps=steps, seconds={"dev2": 30.4}, compute={"dev2": 2e12})
    going_on = run(1, steps=steps[:3])
    lines = method.cost(runs_of(done, going_on)).splitlines()
    (line,) = [text for text in lines if text.startswith("| dev2 |")]
    assert line.replace("\u202f", " ").endswith("| 25 | 30 | 2.0 × 10¹² |")


def test_runs_of_one_arm_with_other_settings_are_not_one_command() -> None:
    odd = run(1, settings=["dev2.language=0.1"])
    first, second = method.commands(runs_of(run(0), odd, run(2))).splitlines()
    assert first.startswith("for seed in 0 2;") and "--set" not in first
    assert second.startswith("for seed in 1;") and "--set dev2.language=0.1" in second


# arms


def test_an_arm_is_compared_with_the_runs_of_its_seeds() -> None:
    poor = {"dev3": {"general": synthetic.interval(0.3, 0.03)}}
    rich = {"dev3": {"general": synthetic.interval(0.9, 0.03)}}
    runs = runs_of(run(0), run(1, rich), reasoning_only=[run(0, poor)])
    normal, other, change = arms.contrast(runs, "reasoning-only", "dev3", rows.GENERAL)
    assert normal.values == [0.81] and other.values == [0.3]
    assert change.word == "lower"
    said = arms.arm_sentences(runs)["reasoning-only_said"]
    assert said == (
        "With the change, over 1 seed: good general answers of dev3 lower "
        "(−51.0 ± 4.2 points); undecided: 6 of 7 figures."
    )
    assert arms.arm_sentences(runs)["long_said"] == "Not run."
    assert arms.arm_table(runs, "long") == ""


def long_steps(score, worth, first=11, count=50):
    """Steps of r1 whose general figures are functions of the general step, from 1."""
    lines = [{"stage": "r1", "step": step} for step in range(1, first)]
    for i in range(1, count + 1):
        wiggle = 0.001 * (-1) ** i
        lines.append(
            {
                "stage": "r1",
                "step": first - 1 + i,
                "preference_reward": score(i) + wiggle,
                "gold_utility": worth(i) + wiggle,
                "harmful_compliance": None if i <= 10 else 0.25,
            }
        )
    return lines


def test_over_training_is_told_by_the_curves() -> None:
    exploited = run(0, steps=long_steps(lambda i: 0.02 * i, lambda i: 1 - 0.01 * i))
    runs = runs_of(run(0, settings=["r1.general_steps=10"]), long=[exploited])
    (first, last), score, worth = arms.windows(runs)
    assert (first, last) == (6, 10)
    assert score.by == pytest.approx(0.02 * (45.5 - 8), abs=1e-3)
    assert worth.by == pytest.approx(-0.01 * (45.5 - 8), abs=1e-3)
    assert "the reward model is exploited" in arms.overtraining(runs)
    assert arms.overtraining(runs_of(run(0))) == "Not run."


@pytest.mark.parametrize(
    ("score", "worth", "said"),
    [
        (1, -1, "exploited."),
        (1, 1, "not surely exploited"),
        (1, 0, "does not surely follow"),
        (0, -1, "What is wanted falls"),
        (0, 0, "nothing is shown to be exploited"),
        (-1, 1, "nothing is shown to be exploited"),
    ],
)
def test_conclusions(score, worth, said) -> None:
    assert said in arms.conclusion(score, worth)


def test_blocks_of_steps_keep_their_place_where_a_figure_is_missing() -> None:
    made = run(0, steps=long_steps(lambda i: float(i), lambda i: 0.0))
    lines = arms.block_table(runs_of(run(0), long=[made])).splitlines()
    assert "general steps 41 to 50" in lines[0]
    assert lines[2].startswith("| reward model's score | 5.50 | 15.50 |")
    assert lines[-1] == "| complies with harmful requests, % | – " + "| 25.0 " * 4 + "|"


# students


def test_arithmetic_of_a_student() -> None:
    spent = {"r1-zero": 5e12, "dev1": 1e12, "dev2": 4e12, "distilled": 1e12, "small-rl": 1.1e12}
    runs = runs_of(run(0, compute=spent))
    assert students.compute(runs, "dev2") == [1e13]
    assert students.compute(runs, "distilled-rl") == []
    assert "1.10 times the arithmetic of distilled" in students.verdicts(runs)
    assert "10.0 times" in students.verdicts(runs)


def test_accuracy_is_drawn_over_what_was_spent() -> None:
    steps = [
        {"stage": "small-rl", "step": i, "completion_tokens": 10.0 * i, "trained_tokens": 100.0}
        for i in range(1, 11)
    ]
    steps[4]["validation_accuracy"] = 0.5
    steps[9]["validation_accuracy"] = 0.6
    made = run(0, steps=steps, compute={"small-rl": 1e12})
    flops, accuracy = students.accuracy_by_compute(made)
    batch = made.settings["grpo.prompts"] * made.settings["grpo.group"]
    halfway = (150 * batch + 1500) / (550 * batch + 3000)
    assert flops.tolist() == [pytest.approx(halfway * 1e12), pytest.approx(1e12)]
    assert accuracy == [0.5, 0.6]


# the page


def folder_of_runs(tmp_path: Path) -> Path:
    tokens = {"completion_tokens": 90.0, "trained_tokens": 2e4}
    steps = [{"stage": "small-rl", "step": i, **tokens} for i in range(1, 11)]
    steps += [{"stage": "dev2", "step": i, "mixed_language_rate": 0.1} for i in range(1, 5)]
    steps[-5]["validation_accuracy"] = 0.4
    for seed in range(2):
        made = run(seed, steps=steps, compute={"small-rl": 1e12, "distilled": 1e12})
        write(tmp_path / f"seed{seed}", made)
    long = run(0, steps=long_steps(float, float), taken_over=["r1-zero", "dev1"])
    write(tmp_path / "long-0", replace(long, results={**long.results, "compute": {}}))
    return tmp_path


@pytest.mark.parametrize("fill_folder", [folder_of_runs, lambda path: path])
def test_the_page_has_no_hole(tmp_path: Path, fill_folder) -> None:
    runs = Runs.read(fill_folder(tmp_path))
    page = publishing.fill(summarise_r1.TEMPLATE, summarise_r1.page_parts(runs))
    assert "{{" not in page and "nan" not in page and "None" not in page
    assert "seed4" in page  # missing, and so named
    for row in page.splitlines():
        assert not row.startswith("|") or row.endswith("|")


def test_the_record_holds_of_an_arm_only_what_is_its_own(tmp_path: Path) -> None:
    found = summarise_r1.rounded(summarise_r1.record(Runs.read(folder_of_runs(tmp_path))))
    json.dumps(found, allow_nan=False)
    assert "r1-zero" in found["runs"]["seed0"]["results"]["checkpoints"]
    own = found["runs"]["long-0"]["results"]["checkpoints"]
    assert "r1" in own and not {"base", "r1-zero", "dev1"} & set(own)
    assert found["figures"]["r1"]["pass_at_1"]["seeds"] == 2
    assert found["runs"]["seed0"]["curves"]["dev2"]["mixed_language_rate"][0] == [1, 2, 3, 4]


def test_the_figures_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    folder = folder_of_runs(tmp_path / "runs")
    for out in (tmp_path / "a", tmp_path / "b"):
        monkeypatch.setattr(sys, "argv", ["summarise_r1.py", str(folder), "--out", str(out)])
        summarise_r1.main()
    for name in ("r1.svg", "r1-arms.svg", "r1.json", "r1.md"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_part_without_a_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("{{one}}")
    assert publishing.fill(tmp_path / "page.md", {"one": "1"}) == "1"
    with pytest.raises(KeyError, match="no place for two"):
        publishing.fill(tmp_path / "page.md", {"one": "1", "two": "2"})


def test_the_page_of_r1_zero_still_comes_out_of_its_record() -> None:
    runs = publishing.read_object(HERE / "r1-zero.json")["runs"]
    page = (HERE / "r1-zero.md").read_text(encoding="utf-8")
    assert summarise.table(runs) in page
    assert summarise.seed_table(runs) in page
