"""Is the page on the exact world filled, the same each time, and the one that is committed?"""

import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent / "docs" / "results"
sys.path.append(str(HERE))

import publishing  # noqa: E402
import summarise_exact  # noqa: E402


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summarise_exact, "WORLDS", 2)
    monkeypatch.setattr(summarise_exact, "DRAWS", 200)


def test_every_place_of_the_page_is_filled(quick: None) -> None:
    page = publishing.fill(HERE / "exact.template.md", summarise_exact.tables())
    assert "{{" not in page and "nan" not in page
    for heading in ("KL estimators", "Baselines", "Division by std", "Length", "Group size"):
        assert f"## {heading}" in page


def test_one_world_or_many_the_first_is_shown(quick: None) -> None:
    assert summarise_exact.degrees([1.0, 0.5, 2.0]) == "1.0° (0.5 to 2.0)"
    assert summarise_exact.degrees([float("nan"), 1.0]) == "no direction"
    assert summarise_exact.over_worlds(lambda seed: [float(seed), 5.0]) == [[0, 1], [5, 5]]


def test_the_committed_tables_are_those_that_are_computed() -> None:
    """The quick ones; the whole page is compared by the slow test."""
    page = (HERE / "exact.md").read_text(encoding="utf-8")
    for made in ("value_table", "stale_table", "baseline_table", "difficulty_table"):
        assert getattr(summarise_exact, made)() in page, made


@pytest.mark.slow
def test_the_whole_page_comes_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(sys, "argv", ["summarise_exact.py", "--out", str(tmp_path)])
    summarise_exact.main()
    for name in ("exact.md", "exact.svg"):
        assert (tmp_path / name).read_bytes() == (HERE / name).read_bytes(), name
    json.loads((tmp_path / "exact.json").read_text(encoding="utf-8"))
