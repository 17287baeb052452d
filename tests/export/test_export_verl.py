"""Does verl get the run's questions, rewards and settings? It is not run here."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from exports import run_of

from minir1.config import override, tiny
from minir1.errors import UserError
from minir1.export import verl
from minir1.export.engine import Setting
from minir1.export.source import find, settle
from minir1.export.verl import settings, yaml
from minir1.real_config import real
from minir1.tasks import open_task

SMALL = ("grpo.steps=3", "grpo.prompts=2", "grpo.group=4", "prompt.answer=last")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    pytest.importorskip("pyarrow")
    source = find(str(run_of(tmp_path / "run").path))
    folder = tmp_path / "out"
    folder.mkdir()
    verl.export_verl(source, settle(source, None, SMALL), folder, "float32")
    return folder


def rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path).to_pylist()


def test_the_questions_are_in_the_columns_that_verl_reads(out: Path) -> None:
    asked = [
        e
        for step in range(3)
        for e in open_task("arithmetic:small").training(3, "r1-zero", step, 2)
    ]
    read = rows(out / "train.parquet")
    assert [row["reward_model"]["ground_truth"] for row in read] == [e.gold for e in asked]
    assert {row["data_source"] for row in read} == {"arithmetic:small"}
    (message,) = read[0]["prompt"]
    assert message["role"] == "user" and asked[0].question in message["content"]
    held = open_task("arithmetic:small").held_out("validation", 64)
    assert len(rows(out / "validation.parquet")) == len(held)


def test_the_reward_file_pays_text_by_its_length_too(out: Path) -> None:
    spec = importlib.util.spec_from_file_location("reward_of_verl", out / "reward.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    row = rows(out / "train.parquet")[1]
    gold = row["reward_model"]["ground_truth"]

    def paid(text: str) -> dict[str, float]:
        return module.compute_score(
            data_source=row["data_source"],
            solution_str=text,
            ground_truth=gold,
            extra_info=row["extra_info"] | {"num_turns": None},
        )

    right = {"score": 1.1, "accuracy": 1.0, "format": 1.0, "language": 1.0}
    assert paid(f"so {gold}") == pytest.approx(right)
    assert paid(f"so {gold}1")["score"] == pytest.approx(0.1)
    assert paid("x " * 600 + gold)["score"] == 0  # cut off: 512 tokens fit


def test_the_launch_script_is_a_script(out: Path) -> None:
    done = subprocess.run(
        ["bash", "-n", str(out / "launch.sh")], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = (out / "launch.sh").read_text()
    assert "--config-name minir1" in text and '"$@"' in text and "$$" not in text
    assert (out / "minir1.yaml").exists()


def test_settings_are_translated() -> None:
    config = override(
        real("m", "arithmetic"),
        [
            "grpo.prompts=12", "grpo.minibatches=3", "grpo.average=sequence", "grpo.scale=none",
            "grpo.kl_weight=0.001", "grpo.kl_estimator=k3", "grpo.clip_high=0.28",
        ],
    )  # fmt: skip
    said = {setting.name.split(".")[-1]: setting.value for setting in settings(config, 77)}
    wanted = {
        "train_batch_size": "12", "ppo_mini_batch_size": "4", "max_prompt_length": "77",
        "loss_agg_mode": '"seq-mean-token-mean"', "norm_adv_by_std_in_grpo": "false",
        "use_kl_loss": "true", "kl_loss_type": '"k3+"', "clip_ratio_high": "0.28",
        "lr": "1.0e-05", "clip_ratio_c": "1000000000.0", "adv_estimator": '"grpo"',
    }  # fmt: skip
    assert {name: said[name] for name in wanted} == wanted


def test_no_setting_of_grpo_is_forgotten() -> None:
    readme = (Path(__file__).parents[2] / "minir1/export/templates/verl_readme.txt").read_text()
    written = " ".join(s.ours for s in settings(tiny("r1-zero"), 11)) + readme
    left = {name for name in tiny().grpo.to_dict() if f"grpo.{name}" not in written}
    assert left == {"zh_prompts", "program_prompts", "tokens_per_microbatch"}


def test_floats_have_a_dot_which_yaml_wants() -> None:
    mapped = [
        Setting("a.b.c", verl._scalar(1e-5), "x"),
        Setting("a.d", verl._scalar(True), "y"),
    ]
    assert yaml(mapped) == "a:\n  b:\n    c: 1.0e-05  # x\n  d: true  # y"
    assert all(
        re.fullmatch(r"-?\d+\.\d+(e-?\d+)?", verl._scalar(f)) for f in (1e9, 0.1, 3e-6, 1.0)
    )


def test_without_pyarrow_it_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    source = find(str(run_of(tmp_path / "run").path))
    with pytest.raises(UserError, match="pip install pyarrow"):
        verl.export_verl(source, settle(source, None, SMALL), tmp_path / "out", "float32")
    assert not (tmp_path / "out").exists()
