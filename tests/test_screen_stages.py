"""Does the map of stages tell where a run is, on every width?"""

import re

import pytest

from minir1.screen.stages import STORY, STUDENTS, place, stage_map
from minir1.storage.resolve import ORDER

STAGES = [name for name in STORY if name not in ("base", "small-base")]
SHARES = {name: 0.1 + 0.07 * i for i, name in enumerate(STORY) if name != "reward-model"}


def measured(*names):
    return {name: {"pass_at_1": {"value": SHARES[name]}, "general": 0.5} for name in names}


def told(now, known, width, most=2):
    lines = stage_map(STAGES, now, "12/30", known, width, most)
    assert len(lines) <= most and all(line.cell_len <= width for line in lines)
    return [line.plain for line in lines]


def test_what_is_done_at_work_and_ahead():
    (line,) = told("dev1", measured("base", "r1-zero"), 250)
    assert line.startswith(
        " base 10 % (general 50 %) → r1-zero 17 % (general 50 %) ✓ → dev1 ● 12/30 → dev2 ○ →"
    )
    assert line.endswith("→ distilled-rl ○")


def test_a_stage_without_figures_is_done_when_the_next_begins():
    (line,) = told("r1", measured("dev3"), 250)
    assert "reward-model ✓ → r1 ● 12/30" in line and "r1-zero ✓" in line
    (line,) = told("r1", measured("dev3", "r1"), 250)
    assert "r1 52 % (general 50 %) ✓ → distilled ○" in line and "●" not in line


def test_what_is_only_measured_stands_before_what_grows_from_it():
    (line,) = told("distilled", measured("r1", "small-base", "base"), 250)
    assert re.findall(r"base|r1-zero|small-base|distilled(?!-)", line) == [
        "base", "r1-zero", "small-base", "distilled"
    ]  # fmt: skip
    assert "small-base 59 % (general 50 %) → distilled ●" in line
    assert "odd 1 %" in stage_map(["r1"], "", "", {"odd": {"pass_at_1": 0.01}}, 99, 1)[0].plain


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (200, "→ small-rl 73 % (general 50 %) ✓"),
        (160, "→ small-rl 73 % (general 50 %) ✓"),
        (100, "→ distilled 66 % ✓ → small-rl 73 % (general 50 %) ✓"),  # the last one only
        (90, "→ small-rl 73 % ✓"),
        (80, "→small-rl 73✓"),
    ],
)
def test_a_whole_recipe_on_two_lines(width, said):
    known = measured(*(name for name in SHARES if name != "distilled-rl"))
    lines = told("distilled-rl", known, width)
    assert len(lines) == 2 and said in " ".join(lines)
    assert all(name in " ".join(lines) for name in STORY)


def test_what_is_long_done_goes_from_a_narrow_map():
    known = measured(*(name for name in SHARES if name != "distilled-rl"))
    (line,) = told("distilled-rl", known, 50, 1)
    assert line.startswith(" …→") and line.endswith("distilled-rl● 12/30")
    assert stage_map(STAGES, "dev1", "1/2", {}, 5, 1)[0].plain == " …→dev1● 1/2"


def test_every_checkpoint_has_its_place():
    assert set(ORDER) == set(STORY) - {"reward-model"}
    assert ORDER[-1] == "r1" and max(map(ORDER.index, STUDENTS)) < ORDER.index("base")
    assert place("base") < place("r1") < place("distilled") < place("r1-zero-step5")
