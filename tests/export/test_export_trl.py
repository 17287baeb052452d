"""Does TRL get the run's own settings, questions and rewards, and train with them?

The last tests run TRL, where it is installed: pytest -m slow.
"""

import ast
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from exports import paid_by_us, run_of
from small_run import BASE

from minir1 import rewards
from minir1.config import override, tiny
from minir1.errors import UserError
from minir1.export.source import find, settle
from minir1.export.trl import export_trl, settings
from minir1.real_config import RealConfig, real
from minir1.tasks import Exercise, open_task
from minir1.text_tokenizer import TextTokenizer
from minir1.tokenizer import WordTokenizer
from minir1.world.problems import Problem

SMALL = ("grpo.steps=3", "grpo.prompts=2", "grpo.group=4", "grpo.minibatches=2")


def exported(name: Path, out: Path, *changes: str) -> Any:
    source = find(str(name))
    config = settle(source, None, (*SMALL, *changes))
    out.mkdir()
    export_trl(source, config, out, "float32")
    return config


def lines(out: Path) -> list[dict]:
    text = (out / "prompts.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def values(config: Any) -> dict[str, str]:
    return {setting.name: setting.value for setting in settings(config)}


def test_every_setting_is_translated() -> None:
    config = override(
        real("m", "arithmetic", 7),
        [
            "grpo.steps=10", "grpo.prompts=12", "grpo.group=6", "grpo.minibatches=3",
            "grpo.inner_steps=2", "grpo.warmup=2", "grpo.clip_low=0.1", "grpo.clip_high=0.3",
            "grpo.scale=none", "grpo.average=constant", "grpo.combine=normalise",
            "grpo.kl_weight=0.01", "grpo.reference_refresh=5", "grpo.weight_decay=0.1",
            "grpo.grad_clip=0.5", "sample.temperature=0.7", "sample.max_tokens=99",
        ],
    )  # fmt: skip
    said = values(config)
    wanted = {
        "max_steps": "60", "num_generations": "6", "steps_per_generation": "12 // WORLD",
        "gradient_accumulation_steps": "4 // WORLD", "num_iterations": "2",
        "warmup_steps": "12", "epsilon": "0.1", "epsilon_high": "0.3",
        "scale_rewards": "'none'", "loss_type": "'dr_grpo'", "beta": "0.01",
        "multi_objective_aggregation": "'normalize_then_sum'", "weight_decay": "0.1",
        "max_grad_norm": "0.5", "temperature": "0.7", "max_completion_length": "99",
        "sync_ref_model": "True", "ref_model_sync_steps": "30", "seed": "7",
        "reward_weights": "[1.0, 0.1]", "learning_rate": "1e-05", "top_p": "1.0",
        "top_k": "0",
    }  # fmt: skip
    assert {name: said[name] for name in wanted} == wanted
    assert ast.literal_eval(said["lr_scheduler_kwargs"])["num_decay_steps"] == 48


def test_no_setting_of_grpo_is_forgotten() -> None:
    """Each is translated, or said to have no counterpart."""
    readme = (Path(__file__).parents[2] / "minir1/export/templates/trl_readme.txt").read_text()
    written = " ".join(setting.ours for setting in settings(tiny("r1-zero"))) + readme
    refresh = override(tiny(), ["grpo.reference_refresh=1", "grpo.kl_weight=0.1"])
    written += " ".join(setting.ours for setting in settings(refresh))
    left = [name for name in tiny().grpo.to_dict() if name not in written]
    assert left == ["zh_prompts", "program_prompts"]  # which is in the questions


def test_the_folder_has_the_questions_of_the_run_in_order(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    config = exported(run.path, tmp_path / "out", "prompt.answer=last")
    asked = [
        e for step in range(3) for e in open_task(config.task).training(3, "r1-zero", step, 2)
    ]
    rows = lines(tmp_path / "out")
    assert [row["gold"] for row in rows] == [e.gold for e in asked]
    read = [Exercise(**json.loads(row["exercise"])) for row in rows]
    assert read == asked
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "README.md", "export.json", "model", "prompts.jsonl", "reward.py", "train.py",
    }  # fmt: skip
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "| `num_generations` | `4` | grpo.group |" in readme and "$" not in readme


def test_a_strange_name_cannot_leave_its_comment(tmp_path: Path) -> None:
    run = run_of(tmp_path / 'r"""\nimport os #')
    exported(run.path, tmp_path / "out", "prompt.answer=last")
    tree = ast.parse((tmp_path / "out" / "train.py").read_text())
    names = [a.name for node in tree.body if isinstance(node, ast.Import) for a in node.names]
    assert names == ["json", "os", "sys", "reward", "torch"]
    assert "r_import_os_" in (ast.get_docstring(tree) or "")


@pytest.mark.parametrize(
    "change",
    [
        "grpo.objective=gspo",
        "grpo.overlong=0.1",
        "grpo.extra_draws=1",
        "grpo.truncated=left-out",
    ],
)
def test_what_only_we_do_is_refused(tmp_path: Path, change: str) -> None:
    with pytest.raises(UserError, match=f"^{change}: wanted .* for an export"):
        exported(BASE, tmp_path / "out", change, "grpo.steps=1")
    assert not list((tmp_path / "out").iterdir())


def test_unequal_parts_are_refused() -> None:
    with pytest.raises(UserError, match=r"minibatches=3.*divisor of grpo\.prompts=16"):
        settings(override(real("m", "arithmetic"), ["grpo.minibatches=3"]))


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import a file of the exported folder, as train.py does."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, tmp_path / "out" / f"{name}.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    yield load


def test_the_reward_file_pays_what_we_pay(tmp_path: Path, imported: Any) -> None:
    run = run_of(tmp_path / "run")
    config = exported(run.path, tmp_path / "out", "prompt.answer=last")
    rows = lines(tmp_path / "out")[:2]
    reward = imported("reward")
    words = reward.payment.wording.tokenizer
    said = [
        [*words.encode(text), words.eos_ids[last]]
        for row in rows
        for last, text in enumerate(["no", row["gold"], "0", f"so {row['gold']}"])
    ]
    exercise = [row["exercise"] for row in rows for _ in range(4)]
    asked = [Exercise(**json.loads(row["exercise"])) for row in rows]
    ours, _ = paid_by_us(config, words, open_task(config.task), asked, said)
    accuracy, form = (
        np.array(kind(completion_ids=said, exercise=exercise, prompts=None))
        for kind in (reward.accuracy, reward.format)
    )
    np.testing.assert_allclose(accuracy + 0.1 * form, ours)
    assert accuracy.tolist() == [0, 1, 0, 1] * 2


# TRL itself


@pytest.fixture
def trained(tmp_path: Path, imported: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run train.py for real; return what was logged and what each batch was paid for."""
    pytest.importorskip("trl")
    import transformers

    logged: list[dict] = []
    monkeypatch.setattr(
        transformers.Trainer, "log", lambda self, logs, *_: logged.append(dict(logs))
    )

    def run(*words: str) -> tuple[list[dict], list[tuple[list, list]]]:
        reward, batches = imported("reward"), []
        measure = reward.parts

        def parts(kind: str, completion_ids: list, exercise: list) -> list[float]:
            if kind == "accuracy":
                batches.append((completion_ids, exercise))
            return measure(kind, completion_ids, exercise)

        reward.parts = parts
        monkeypatch.setattr(sys, "argv", ["train.py", "use_cpu=true", *words])
        imported("train").main()
        return [log for log in logged if "reward" in log], batches

    return run


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_trl_trains_a_text_model_and_logs_our_rewards(tmp_path: Path, trained: Any) -> None:
    run = run_of(tmp_path / "run")
    settings = ("prompt.answer=last", "grpo.minibatches=1", "sample.max_tokens=24")
    config: RealConfig = exported(
        run.path, tmp_path / "out", *settings, "grpo.group=16", "grpo.kl_weight=0.01"
    )
    logs, batches = trained()
    assert len(logs) == len(batches) == 3
    task, words = open_task(config.task), TextTokenizer.load(tmp_path / "out" / "model")
    paid = 0.0
    for step, (log, (said, exercise)) in enumerate(zip(logs, batches, strict=True)):
        asked = task.training(3, "r1-zero", step, 2)
        assert [json.loads(e)["question"] for e in exercise[::16]] == [
            e.question for e in asked
        ]
        ours, rollout = paid_by_us(config, words, task, asked, said)
        assert float(log["reward"]) == pytest.approx(ours.mean(), abs=1e-4)
        cut = float(log["completions/clipped_ratio"])
        assert cut == pytest.approx(1 - rollout.finished.mean(), abs=1e-4)
        assert all(len(ids) <= 24 for ids in said)
        paid += ours.sum()
    assert paid > 0, "no completion earned anything: the test shows nothing"
    assert (tmp_path / "out" / "trained" / "model.safetensors").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_trl_trains_the_tiny_world_and_logs_our_rewards(tmp_path: Path, trained: Any) -> None:
    config = exported(BASE, tmp_path / "out", "sample.max_tokens=40")
    logs, batches = trained("max_steps=4")
    words, total = WordTokenizer(), 0.0
    assert len(logs) == len(batches) == 2  # two updates a rollout
    for log, (said, exercise) in zip(logs, batches, strict=True):
        ours = [
            rewards.reward(
                problem_of(asked), words.decode(ids), ids[-1] == words.eos_id,
                json.loads(asked)["language"], config.reward,
            )[0]
            for ids, asked in zip(said, exercise, strict=True)
        ]  # fmt: skip
        assert float(log["reward"]) == pytest.approx(np.mean(ours), abs=1e-4)
        total += sum(ours)
    assert total > 0


def problem_of(exercise: str) -> Any:
    said = json.loads(exercise)
    return Problem(tuple(said["numbers"]), said["target"], said["solutions"])
