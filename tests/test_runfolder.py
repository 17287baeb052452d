"""Does a run survive a kill, a full disk and damage, and does it say how to go on?"""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minir1 import __version__, machine, runfolder
from minir1.config import ModelConfig, RunConfig, override, tiny
from minir1.errors import UserError
from minir1.model import parameter_shapes
from minir1.runfolder import RunFolder
from minir1.storage import files, jsonlines
from minir1.storage.files import WriteError
from minir1.storage.jsonlines import append_lines, read_lines
from minir1.tokenizer import WordTokenizer

CONFIG = override(tiny("r1-zero", seed=3), ["grpo.group=4"])


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "my run", CONFIG)


def step(number: int, stage: str = "r1-zero", **more: float) -> dict[str, object]:
    return {"stage": stage, "step": number, "reward": 0.5, **more}


def state(value: float = 0.0) -> dict[str, np.ndarray]:
    return {"params/a": np.full((2, 3), value, np.float32), "count": np.array(7, np.int64)}


def info(number: int, stage: str = "r1-zero") -> dict[str, object]:
    return {"stage": stage, "step": number, "note": {"θ": [1, 2.5, None]}}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def steps(run: RunFolder) -> list[tuple[str, int]]:
    return [(line["stage"], line["step"]) for line in run.metrics()]


def no_space(*args: object, **kwargs: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def command(run: RunFolder) -> str:
    return f"minir1 train --tiny --out '{run.path}' --resume"


# the folder


def test_config_json_says_what_decides_the_result(run: RunFolder) -> None:
    said = json.loads((run.path / "config.json").read_text())
    assert said["schema"] == 1 and said["seed"] == 3 and said["recipe"] == "r1-zero"
    assert said["engine"] == "numpy"
    assert said["versions"]["minir1"] == __version__
    assert said["versions"]["numpy"] == np.__version__
    assert {"python", "platform"} < said["versions"].keys() and "mlx" not in said["versions"]
    assert RunConfig.from_dict(said["config"]) == CONFIG


def test_the_version_of_mlx_is_noted_if_it_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "version", lambda name: f"{name} 1.2")
    assert machine.versions("mlx")["mlx"] == "mlx 1.2"


def test_resume_finds_the_configuration(run: RunFolder) -> None:
    again = RunFolder.resume(run.path)
    assert (again.config, again.engine, again.saved) == (CONFIG, "numpy", None)


@pytest.mark.parametrize("name", runfolder.FILES)
def test_a_run_is_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(UserError) as caught:
        RunFolder.create(tmp_path, CONFIG)
    assert f"({name}): go on with minir1 train --tiny --out {tmp_path} --resume" in str(
        caught.value
    )
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_runs_without_a_name_get_the_next_free_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [str(RunFolder.create(None, CONFIG).path) for _ in range(3)]
    assert paths == ["runs/r1-zero-seed3", "runs/r1-zero-seed3-2", "runs/r1-zero-seed3-3"]


def test_a_run_that_is_not_there_is_guessed(run: RunFolder) -> None:
    with pytest.raises(UserError, match=r"there is no run .*my rnu; did you mean .*/my run\?$"):
        RunFolder.resume(run.path.with_name("my rnu"))
    with pytest.raises(UserError, match=r"; leave out --resume to start one$"):
        RunFolder.resume(run.path / "xyzzy")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "config.json is missing"),
        ("{", "config.json is not valid JSON"),
        ('{"model_type": "llama"}', "config.json is not a run's: wanted a run folder"),
        ('{"schema": 2, "config": {}}', "has schema 2, this minir1 writes 1: start a new run"),
        (
            '{"schema": 1, "config": {}}',
            "has no key 'recipe': wanted all of its settings; start",
        ),
        ('{"schema": 1, "config": 3}', "the configuration is 3: wanted an object"),
    ],
)
def test_a_damaged_config_is_named(run: RunFolder, text: str | None, said: str) -> None:
    path = run.path / "config.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(UserError) as caught:
        RunFolder.resume(run.path)
    assert said in str(caught.value) and str(run.path) in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="file/run could not be written: Not a directory"):
        RunFolder.create(tmp_path / "file" / "run", CONFIG)


HOLD = """
import sys, time
from minir1.runfolder import RunFolder
RunFolder.resume(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_two_processes_do_not_write_one_run(tmp_path: Path, run: RunFolder) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_bytes((run.path / "config.json").read_bytes())
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, other], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="other is in use by another process"):
            RunFolder.resume(other)
        process.kill()
        process.wait()
    assert RunFolder.resume(other).config == CONFIG  # the kill freed it


# lines


def test_metrics_are_one_object_a_line(run: RunFolder) -> None:
    run.append_metrics(step(1, kl=np.float32(0.5), by_difficulty={"1": 2}))
    run.append_metrics(step(2))
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]
    assert run.metrics()[0] == step(1, kl=0.5, by_difficulty={"1": 2})


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), np.float32("nan"), {"a": -np.inf}]
)
def test_nan_is_refused_by_name_and_step(run: RunFolder, value: float) -> None:
    with pytest.raises(UserError) as caught:
        run.append_metrics(step(4, grad_norm=value))
    text = str(caught.value)
    assert (
        text.startswith("grad_norm is ") and " at r1-zero step 4: the run broke down; " in text
    )
    assert text.endswith("no state was saved yet; try a smaller learning_rate in a new run")
    assert run.metrics() == []


@pytest.mark.parametrize("value", [True, "0.5", None, [1.0], 1j])
def test_a_metric_is_a_number(run: RunFolder, value: object) -> None:
    with pytest.raises(TypeError, match="metric kl is"):
        run.append_metrics(step(1, kl=value))  # type: ignore[arg-type]


def test_samples_may_hold_any_text(run: RunFolder) -> None:
    text = "等等\u2028 \n <think> \ud800 \x00"
    run.append_samples(
        [{"stage": "r1-zero", "step": 1, "completion": text, "rewards": np.ones(2)}]
    )
    assert run.samples()[0]["completion"] == text
    assert run.samples()[0]["rewards"] == [1.0, 1.0]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_half_a_last_line_is_left_out_and_then_replaced(run: RunFolder, cut: int) -> None:
    run.append_metrics(step(1))
    run.append_metrics(step(2))
    path = run.path / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    assert steps(run) == [("r1-zero", 1)]
    run.append_metrics(step(2))
    assert steps(run) == [("r1-zero", 1), ("r1-zero", 2)]


def test_a_first_line_cut_off_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"{" + b"a" * 200_000)
    assert read_lines(path) == []
    append_lines(path, [{"a": 1}])
    assert path.read_bytes() == b'{"a": 1}\n'


@pytest.mark.parametrize("line", ["{", "[1]", "", "\x00"])
def test_damage_in_the_middle_is_named(run: RunFolder, line: str) -> None:
    path = run.path / "metrics.jsonl"
    path.write_text(f'{{"step": 1}}\n{line}\n{{"step": 2}}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl line 2 is .*: delete that line$"):
        run.metrics()


def test_lines_beyond_the_saved_state_are_dropped(run: RunFolder) -> None:
    for stage in ("r1-zero", "dev1", "dev2"):
        for number in (1, 2, 3):
            run.append_metrics(step(number, stage))
            run.append_samples([{"stage": stage, "step": number, "completion": "so"}] * 2)
    done = [("r1-zero", n) for n in (1, 2, 3)]
    run.rewind(["r1-zero"], "dev1", 2)
    assert steps(run) == [*done, ("dev1", 1), ("dev1", 2)]
    assert len(run.samples()) == 10
    run.rewind(["r1-zero"], "dev1", 0)
    assert steps(run) == done
    run.rewind(["r1-zero", "dev1"], "dev2", 0)
    assert steps(run) == done
    run.rewind([], "r1-zero", 0)
    assert run.metrics() == run.samples() == []


def test_a_stage_that_begins_again_drops_its_look_before_the_first_step(
    run: RunFolder,
) -> None:
    run.append_samples([{"stage": "r1-zero", "step": 0}, {"stage": "dev2", "step": 0}])
    run.rewind(["r1-zero"], "dev2", 0)
    assert len(run.samples()) == 2
    run.rewind(["r1-zero"], "dev2", -1)
    assert run.samples() == [{"stage": "r1-zero", "step": 0}]


def test_a_kill_while_lines_are_dropped_leaves_all_of_them(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        run.append_metrics(step(number))
    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(WriteError, match="metrics"):
        run.rewind([], "r1-zero", 1)
    assert len(steps(run)) == 3


def test_there_is_nothing_to_drop_before_the_first_step(run: RunFolder) -> None:
    run.rewind([], "r1-zero", 1)
    assert not (run.path / "metrics.jsonl").exists()


class FullFile:
    """A file on a disk that has room for the first half of what is written."""

    def __init__(self, file):
        self.file = file

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def write(self, data):
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        no_space()


def test_a_full_disk_adds_no_half_line(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    run.append_metrics(step(1))
    run.save_state(state(), info(1))
    whole = (run.path / "metrics.jsonl").read_bytes()
    files_open = open
    monkeypatch.setattr(jsonlines, "open", lambda *a: FullFile(files_open(*a)), raising=False)
    with pytest.raises(WriteError) as caught:
        run.append_metrics(step(2))
    assert str(caught.value) == (
        f"{run.path / 'metrics.jsonl'} could not be written: No space left on device; the "
        f"saved state (r1-zero step 1) is intact: put that right; then {command(run)}"
    )
    assert (run.path / "metrics.jsonl").read_bytes() == whole


# state


def test_a_state_comes_back_bit_for_bit(run: RunFolder) -> None:
    assert run.load_state() is None
    run.save_state(state(0.1), info(5))
    arrays, said = RunFolder.resume(run.path).load_state() or ({}, {})
    assert same(arrays, state(0.1)) and said == info(5)
    assert arrays["count"].dtype == np.int64 and arrays["count"].shape == ()
    assert RunFolder.resume(run.path).saved == run.saved == "r1-zero step 5"


def test_equal_states_are_equal_bytes(run: RunFolder) -> None:
    run.save_state(state(1), info(1))
    first = run.state_path.read_bytes()
    run.save_state(dict(reversed(state(1).items())), info(1))
    assert run.state_path.read_bytes() == first


def test_nan_in_a_state_keeps_the_old_one(run: RunFolder) -> None:
    run.save_state(state(1), info(1))
    with pytest.raises(UserError) as caught:
        run.save_state(state(np.nan), info(2))
    assert str(caught.value) == (
        "params/a holds NaN or infinity at r1-zero step 2: the run broke down; the state of "
        "r1-zero step 1 is kept; try a smaller learning_rate in a new run"
    )
    assert same((run.load_state() or ({}, {}))[0], state(1))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_state(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    run.save_state(state(1), info(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, call, no_space)
        with pytest.raises(WriteError) as caught:
            run.save_state(state(2), info(2))
    text = str(caught.value)
    assert text.startswith(f"{run.state_path} could not be written: No space left on device")
    assert text.endswith(f"(r1-zero step 1) is intact: put that right; then {command(run)}")
    assert same((run.load_state() or ({}, {}))[0], state(1))
    assert [path.name for path in run.state_path.parent.iterdir()] == ["state.safetensors"]
    assert run.saved == "r1-zero step 1"


def test_a_full_disk_before_any_state_says_so(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(WriteError, match="no state was saved yet: put that right; then minir1"):
        run.save_state(state(), info(1))


def test_an_interrupt_while_saving_keeps_the_old_state(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.save_state(state(1), info(1))

    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run.save_state(state(2), info(2))
    assert same((run.load_state() or ({}, {}))[0], state(1))


def test_what_a_kill_left_beside_the_state_does_not_matter(run: RunFolder) -> None:
    run.save_state(state(1), info(1))
    (run.state_path.parent / ".state.safetensors.new").write_bytes(b"half")
    assert same((RunFolder.resume(run.path).load_state() or ({}, {}))[0], state(1))
    run.save_state(state(2), info(2))
    assert len(list(run.state_path.parent.iterdir())) == 1


def test_the_lines_reach_the_disk_before_the_state(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(runfolder, "flush_lines", lambda path: order.append(path.name))
    monkeypatch.setattr(runfolder, "write_state", lambda path, *rest: order.append(path.name))
    run.save_state(state(), info(1))
    assert order == ["metrics.jsonl", "samples.jsonl", "state.safetensors"]


@pytest.mark.parametrize("kept", [0, 9, 100, -1])
def test_a_truncated_state_is_named(run: RunFolder, kept: int) -> None:
    run.save_state(state(), info(1))
    run.state_path.write_bytes(run.state_path.read_bytes()[:kept])
    for read in (run.load_state, lambda: RunFolder.resume(run.path)):
        with pytest.raises(UserError) as caught:
            read()
        assert str(caught.value).startswith(f"{run.state_path} is truncated or corrupt")
        assert "start a new run with another --out" in str(caught.value)


def test_a_flipped_bit_in_a_state_is_named(run: RunFolder) -> None:
    run.save_state(state(1), info(1))
    whole = run.state_path.read_bytes()
    run.state_path.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
    with pytest.raises(UserError, match="is damaged: not the bits that were saved"):
        run.load_state()


def test_a_file_that_is_no_state_is_named(run: RunFolder) -> None:
    run.state_path.parent.mkdir()
    run.state_path.write_bytes(files.encode("\x02" + "\0" * 7 + "{}"))
    with pytest.raises(UserError, match="is not a run's state"):
        run.load_state()


# the rest


def test_results_are_replaced_whole(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {"base": {"pass_at_1": np.float64(0.25)}}
    run.write("results.json", {"schema": 1, "checkpoints": figures})
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.write("results.json", {"pass_at_1": float("nan")})
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", no_space)
        with pytest.raises(WriteError, match=r"results\.json could not be written: No space"):
            run.write("results.json", {})
    kept = run.read("results.json")
    assert kept == json.loads((run.path / "results.json").read_text())
    assert kept["checkpoints"]["base"]["pass_at_1"] == 0.25


def test_a_checkpoint_is_saved_inside(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = ModelConfig(vocab_size=256, hidden_size=4, num_hidden_layers=1)
    params = {k: np.ones(size, np.float32) for k, size in parameter_shapes(shape).items()}
    made = run.save_checkpoint("r1-zero", params, shape, WordTokenizer())
    assert made == run.path / "checkpoints" / "r1-zero" == run.checkpoint_path("r1-zero")
    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(WriteError) as caught:
        run.save_checkpoint("r1-zero", params, shape, WordTokenizer())
    assert str(made) in str(caught.value) and command(run) in str(caught.value)


def test_the_base_is_copied_whole_even_after_a_kill(tmp_path: Path, run: RunFolder) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text("{}")
    (run.path / "checkpoints" / ".base.new").mkdir(parents=True)
    (run.path / "checkpoints" / ".base.new" / "half").write_text("")
    run.keep_base(tmp_path / "base")
    assert [path.name for path in run.checkpoint_path("base").iterdir()] == ["config.json"]
    assert [path.name for path in (run.path / "checkpoints").iterdir()] == ["base"]


def test_a_pretraining_run_goes_on_with_its_own_verb(tmp_path: Path) -> None:
    made = RunFolder.create(tmp_path / "p", tiny("pretrain"))
    assert made.resume_command == f"minir1 pretrain --tiny --out {tmp_path / 'p'} --resume"


def test_what_json_cannot_hold_is_a_fault_of_the_program(run: RunFolder) -> None:
    with pytest.raises(TypeError, match="JSON cannot hold"):
        run.append_samples([{"stage": "r1-zero", "step": 1, "completion": object()}])
    assert run.samples() == []
