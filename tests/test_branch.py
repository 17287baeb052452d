"""Does a run take over just the stages that its settings leave as they are?"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from full_run import SETTINGS, told
from small_run import BASE, lines

from minir1 import commands
from minir1.branch import NEEDS, require_same_base, unchanged
from minir1.checkpoint import resolve
from minir1.config import RunConfig, override, tiny
from minir1.errors import UserError
from minir1.pipeline import RECIPES
from minir1.storage.resolve import ASSETS

AFTER_DEV2 = ["r1-zero", "dev1", "dev2"]


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody stopped."""
    return told(tmp_path_factory) / "run"


def go_on(origin: Path, out: Path, *settings: str, recipe: str = "all") -> dict[str, Any]:
    commands.train(
        recipe, 0, "base", str(out), "numpy", False, [*SETTINGS, *settings], True, str(origin)
    )
    return json.loads((out / "results.json").read_text())


def test_the_table_of_needs_names_every_stage_after_what_it_needs() -> None:
    assert tuple(NEEDS) == RECIPES["all"]
    for place, (needs, section) in enumerate(NEEDS.values()):
        assert set(needs) <= set(list(NEEDS)[:place])
        assert hasattr(tiny(), section)


@pytest.mark.parametrize(
    ("setting", "kept"),
    [
        ("save_every=3", list(NEEDS)),
        ("evaluation.problems=7", list(NEEDS)),
        ("seed=1", []),
        ("backend=numpy", []),
        ("reward.format=0.2", []),
        ("dev1.epochs=1", ["r1-zero"]),
        ("dev2.language=0", ["r1-zero", "dev1"]),
        ("dev3.general=0", AFTER_DEV2),
        ("preference.noise=0", [*AFTER_DEV2, "dev3", "distilled", "small-rl", "distilled-rl"]),
        ("r1.combine=normalise", [name for name in NEEDS if name != "r1"]),
        ("distilled.epochs=1", list(NEEDS)[:6]),
        ("small.steps=2", [n for n in NEEDS if not n.endswith("-rl")]),
    ],
)
def test_a_setting_undoes_its_stage_and_what_follows(setting: str, kept: list[str]) -> None:
    assert unchanged(override(tiny(), [setting]), tiny()) == kept


def test_what_is_taken_over_is_not_made_again(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    maker = commands.pipeline.MAKERS["dev3"]

    def spy(story: Any, stage: Any) -> Any:
        made.append(stage.name)
        return maker(story, stage)

    for name in commands.pipeline.MAKERS:
        monkeypatch.setitem(
            commands.pipeline.MAKERS,
            name,
            spy if name == "dev3" else lambda story, stage: pytest.fail(stage.name),
        )
    with pytest.raises(pytest.fail.Exception, match="r1"):
        go_on(origin, tmp_path / "new", "dev3.general=10", recipe="r1")
    assert made == ["dev3"]
    old, new = (
        json.loads((p / "results.json").read_text()) for p in (origin, tmp_path / "new")
    )
    assert new["taken_over"] == AFTER_DEV2
    for name in ("base", *AFTER_DEV2):
        assert new["checkpoints"][name] == old["checkpoints"][name]
        weights = f"checkpoints/{name}/model.safetensors"
        assert (tmp_path / "new" / weights).read_bytes() == (origin / weights).read_bytes()
    assert "small-base" not in new["checkpoints"]
    assert {name: new["seconds"][name] for name in AFTER_DEV2} == {
        name: old["seconds"][name] for name in AFTER_DEV2
    }
    before = [m for m in lines(origin / "metrics.jsonl") if m["stage"] in AFTER_DEV2]
    after = lines(tmp_path / "new" / "metrics.jsonl")
    assert [m for m in after if m["stage"] in AFTER_DEV2] == before


def test_with_nothing_changed_everything_is_as_it_was(origin: Path, tmp_path: Path) -> None:
    new = go_on(origin, tmp_path / "new")
    old = json.loads((origin / "results.json").read_text())
    for key in ("checkpoints", "compute", "reward_model"):
        assert new[key] == old[key]
    assert new["taken_over"] == list(NEEDS)


def test_what_comes_later_and_stays_keeps_its_lines(origin: Path, tmp_path: Path) -> None:
    new = go_on(origin, tmp_path / "new", "r1.learning_rate=1e-4")
    assert new["taken_over"] == [name for name in NEEDS if name != "r1"]
    for log in ("metrics.jsonl", "samples.jsonl"):
        before, after = (lines(run / log) for run in (origin, tmp_path / "new"))
        for stage in NEEDS:
            told, tells = ([x for x in log if x["stage"] == stage] for log in (before, after))
            assert len(told) == len(tells) and (stage == "r1" or told == tells)
    assert {"schema", "seed", "engine"} < new.keys() and new["seconds"]["total"] > 0


def test_another_seed_is_measured_anew(origin: Path, tmp_path: Path) -> None:
    settings = [*SETTINGS, "grpo.steps=0"]
    out = str(tmp_path / "new")
    commands.train("r1-zero", 1, "base", out, "numpy", False, settings, True, str(origin))
    new = json.loads((tmp_path / "new" / "results.json").read_text())
    old = json.loads((origin / "results.json").read_text())
    assert new["taken_over"] == [] and new["seed"] == 1
    assert new["checkpoints"]["base"] != old["checkpoints"]["base"]


def test_a_base_of_another_tool_is_told_by_its_weights(origin: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(resolve("base"), bare)
    (bare / "minir1.json").unlink()
    require_same_base(origin, bare)
    shutil.copytree(resolve("base-no-reflection"), bare, dirs_exist_ok=True)
    (bare / "minir1.json").unlink()
    with pytest.raises(UserError, match="another base"):
        require_same_base(origin, bare)


def test_another_way_to_measure_measures_again(origin: Path, tmp_path: Path) -> None:
    new = go_on(origin, tmp_path / "new", "evaluation.problems=5", recipe="r1-zero")
    assert new["taken_over"] == ["r1-zero"]
    assert new["checkpoints"]["r1-zero"]["pass_at_1"]["problems"] == 5


def test_another_base_is_refused_before_there_is_a_folder(origin: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another base; leave out --from"):
        commands.train(
            "r1", 0, str(BASE), str(tmp_path / "new"), "numpy", False, (), True, str(origin)
        )
    assert not (tmp_path / "new").exists()
    require_same_base(origin, resolve("base"))
    assert resolve("base") == ASSETS / "base"


def test_a_run_of_another_version_is_named(origin: Path, tmp_path: Path) -> None:
    described = json.loads((origin / "config.json").read_text())
    del described["config"]["dev3"]["general"]
    (tmp_path / "config.json").write_text(json.dumps(described))
    with pytest.raises(UserError, match=r"--from .*no key 'general'.*another version"):
        require_same_base(tmp_path, resolve("base"))
    assert RunConfig.from_dict(json.loads((origin / "config.json").read_text())["config"])
