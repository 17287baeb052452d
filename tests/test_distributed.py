"""Do several ranks come to what one process comes to, and to the same bits as each other?"""

import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from check import F32, SMALL, as_arrays, close, random_params, reshape
from talkative_model import QUICK, write_model, write_task
from teams import together

from minir1 import commands, finetune, microbatch
from minir1.backend import to_numpy, xp
from minir1.config import SampleConfig, tiny
from minir1.distributed import DistributedPolicy, share_of
from minir1.errors import UserError
from minir1.finetune import Text
from minir1.heartbeat import RankLost
from minir1.policy import DecoderPolicy
from minir1.pretrained import open_model
from minir1.real_models import RealModel
from minir1.rl import Learner
from minir1.rng import generator
from minir1.rollout import Rollout
from minir1.runfolder import RunFolder
from minir1.shared_run import joined, open_run
from minir1.team import ALONE, Team, flattened, open_team, unflattened

SHAPE = reshape(SMALL, tie_word_embeddings=False)
PLAIN = DecoderPolicy(SHAPE)
PROMPTS = [[3, 4, 5], [6, 2], [7, 8, 9, 10, 2, 2], [3, 4, 5], [9], [4, 4], [2, 3]]
GROUP = 3


def params() -> dict[str, Any]:
    return as_arrays(random_params(SHAPE, dtype=np.float32))


def drawn(policy: Any, prompts: list[list[int]] = PROMPTS, rows_per_chunk: int = 6) -> Rollout:
    settings = SampleConfig(max_tokens=12, rows_per_chunk=rows_per_chunk)
    return policy.sample(params(), prompts, GROUP, settings, (0, "test", 0), (1,), 0, threads=1)


# sampling


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [0, 1, 4, 7, 16, 33])
@pytest.mark.parametrize("chunk", [1, 4])
def test_shares_are_neighbours_and_leave_nobody_out(size: int, count: int, chunk: int) -> None:
    def mine(team: Team) -> range:
        return share_of(count, chunk, team)

    shares = together(size, mine)
    assert [i for share in shares for i in share] == list(range(count))
    sizes = [len(share) for share in shares]
    if count >= chunk * size:
        assert all(share.start % chunk == 0 for share in shares if share)
        assert max(sizes) - min(sizes) <= 2 * chunk
    else:
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("size", [2, 3])
def test_every_rank_holds_the_rollout_of_one_process(size: int) -> None:
    """Chunks stay whole, so not a bit differs."""
    alone = drawn(PLAIN)
    assert alone.completion_mask.sum() > 100
    for rollout in together(size, lambda team: drawn(DistributedPolicy(PLAIN, team))):
        for name, value in vars(alone).items():
            assert np.array_equal(getattr(rollout, name), value), name


@pytest.mark.parametrize("count", [1, 2, 7])
def test_chunks_cut_finer_change_rounding_alone(count: int) -> None:
    """One chunk in one process; up to one prompt a rank here, or none."""
    alone = drawn(PLAIN, PROMPTS[:count], 64)
    for rollout in together(
        3, lambda team: drawn(DistributedPolicy(PLAIN, team), PROMPTS[:count], 64)
    ):
        assert np.array_equal(rollout.tokens, alone.tokens)
        assert np.array_equal(rollout.completion_lengths, alone.completion_lengths)
        close("log-probabilities", rollout.old_logprobs, alone.old_logprobs, **F32)
        close("entropy", rollout.entropy, alone.entropy, **F32)


# gradients


def differentiated(policy: Any, budget: int) -> tuple[list[Any], dict[str, Any]]:
    rollout = drawn(PLAIN)
    weights = rollout.completion_mask.reshape(-1) / rollout.completion_mask.sum()

    def loss(p: dict[str, Any], batch: microbatch.MicroBatch) -> tuple[Any, Any]:
        logprobs = policy.place_logprobs(p, batch.tokens, batch.places)
        scale = xp.array(weights[batch.source].astype(np.float32))
        return -xp.sum(logprobs * scale), logprobs

    batches = microbatch.split(rollout.completion_mask, rollout.tokens, budget)
    return policy.gradients(loss, params(), batches, 1)


@pytest.mark.parametrize("budget", [30, 100, 10_000])
@pytest.mark.parametrize("size", [2, 3])
def test_gradients_add_up_to_those_of_one_process(size: int, budget: int) -> None:
    """With the largest budget there is one micro-batch, and ranks that have none."""
    results, grads = differentiated(PLAIN, budget)
    found = together(size, lambda team: differentiated(DistributedPolicy(PLAIN, team), budget))
    for others, summed in found:
        assert len(others) == len(results)
        for ours, theirs in zip(others, results, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                assert np.array_equal(to_numpy(a), to_numpy(b))
        assert summed.keys() == grads.keys()
        for name, value in grads.items():
            close(name, summed[name], value, **F32)
            assert np.array_equal(to_numpy(summed[name]), to_numpy(found[0][1][name])), name


def test_arrays_add_up_by_name_whatever_their_order() -> None:
    """A file of tensors is read in any order, another one at every rank."""
    given = {"b": np.full((2, 2), 3, np.float32), "a": np.arange(3, dtype=np.float32)}

    def work(team: Team) -> dict[str, np.ndarray]:
        names = list(given)[:: 1 - 2 * team.rank]
        return team.total({name: given[name] for name in names})

    for summed in together(2, work):
        for name, value in given.items():
            assert np.array_equal(summed[name], 2 * value)
    flat, names = flattened(given)
    assert names == ["a", "b"]
    assert np.array_equal(unflattened(flat, names, given)["b"], given["b"])


def test_fine_tuning_by_two_learns_what_one_learns() -> None:
    config, rng = tiny("r1-zero"), generator(0, "texts")
    texts = [
        Text(rng.integers(2, SHAPE.vocab_size, 5 + i % 7).astype(np.int32), 1 + i % 3)
        for i in range(40)
    ]

    def learnt(policy: Any) -> tuple[Learner, list[float]]:
        learner = Learner.start(params())
        steps = finetune.train(learner, config, config.dev1, policy, texts, 0, "dev1")
        return learner, [step["loss"] for step in itertools.islice(steps, 3)]

    alone, losses = learnt(PLAIN)
    (one, here), (two, there) = together(2, lambda team: learnt(DistributedPolicy(PLAIN, team)))
    assert here == there
    assert np.allclose(here, losses, rtol=1e-5)
    for name, value in alone.params.items():
        assert not np.array_equal(to_numpy(value), to_numpy(params()[name])), name
        close(name, one.params[name], value, **F32)
        assert np.array_equal(to_numpy(one.params[name]), to_numpy(two.params[name])), name


# what ranks must agree on


def test_ranks_that_differ_are_told_apart() -> None:
    def work(team: Team) -> None:
        team.require_same("settings", "same" if team.rank < 2 else "different")

    with pytest.raises(UserError, match="rank 2 has other settings than rank 0"):
        together(3, work)
    ALONE.require_same("settings", "whatever")


def model_of(value: float, **parts: Any) -> RealModel:
    """A model of three numbers, with only those parts that a test needs."""
    unused = dict.fromkeys(field.name for field in fields(RealModel))
    start = {"w": np.full(3, value, np.float32)}
    return RealModel(**{**unused, "policy": PLAIN, "params": start, **parts})  # type: ignore


def test_ranks_begin_with_the_same_parameters() -> None:
    def work(team: Team) -> None:
        joined(team, model_of(1 + 1e-7 * team.rank))

    with pytest.raises(UserError, match="rank 1 has other parameters"):
        together(2, work)


def test_the_first_rank_alone_saves_and_loads(tmp_path: Path) -> None:
    """What it reads reaches the others; that there is a checkpoint, they know by its name."""
    saved: list[Path] = []

    def work(team: Team) -> Any:
        def load(folder: Path) -> dict[str, Any]:
            assert team.rank == 0
            return {"w": np.full(3, 5, np.float32), "v": np.arange(4, dtype=np.float32)}

        def save(folder: Path, params: Any, metadata: Any) -> None:
            saved.append(folder)

        model = joined(team, model_of(1, load=load, save=save))
        place = tmp_path / str(team.rank) / "checkpoints" / "dev1"
        model.save(place, model.params, {})
        return model.load(place), place

    found = together(2, work)
    for loaded, _ in found:
        assert loaded["w"].tolist() == [5, 5, 5]
        assert loaded["v"].tolist() == [0, 1, 2, 3]
    assert saved == [found[0][1]]
    assert found[1][1].is_dir()
    assert not list(found[1][1].iterdir())


# a run


def settings_of(place: Path) -> dict[str, Any]:
    return {
        "model": str(place / "model"),
        "task": str(place / "task.py"),
        "recipe": "r1",
        "seed": 0,
        "tune": "full",
        "backend": "numpy",
        "settings": (*QUICK, "threads=1", "save_every=1"),
        "quiet": True,
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, a task, and the run of one process."""
    folder = tmp_path_factory.mktemp("distributed")
    write_model(folder / "model")
    write_task(folder / "task.py")
    commands.start_real(**settings_of(folder), out=str(folder / "one"))
    return folder


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Commands that find, in a rank's thread, that rank's team."""
    local = threading.local()
    monkeypatch.setattr(commands, "open_team", lambda: local.team)

    def run(work: Any, size: int = 2) -> list[Any]:
        def one(team: Team) -> Any:
            local.team = team
            return work(team)

        return together(size, one)

    yield run


def lines(run: Path) -> list[dict[str, Any]]:
    """The steps of a run without what the clock says."""
    found = [json.loads(text) for text in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if "second" not in k} for line in found]


def require_equal(one: Path, other: Path) -> None:
    """All stages, fine-tuning among them, must come to the same."""
    assert len(lines(one)) == len(lines(other)) > 8
    for ours, theirs in zip(lines(one), lines(other), strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            assert value == theirs[name] or np.isclose(
                value, theirs[name], rtol=1e-4, atol=1e-5
            ), name
    for name in ("r1-zero", "dev1", "dev2", "dev3", "r1"):
        ours, theirs = (open_model(run / "checkpoints" / name)[0] for run in (one, other))
        for tensor, value in ours.items():
            close(f"{name} {tensor}", value, theirs[tensor], **F32)
    results = [json.loads((run / "results.json").read_text()) for run in (one, other)]
    assert results[0]["checkpoints"] == results[1]["checkpoints"]


def test_a_run_of_two_is_the_run_of_one(
    place: Path, in_threads: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole recipe, written by the first rank alone."""
    before = set(place.iterdir())
    in_threads(lambda _: commands.start_real(**settings_of(place), out=str(place / "two")))
    require_equal(place / "one", place / "two")
    assert set(place.iterdir()) - before == {place / "two"}
    said = capsys.readouterr().out
    assert said.count("the run is in") == said.count("the report is") == 1


def test_a_run_goes_on_with_another_number_of_ranks(
    place: Path, in_threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By two into dev2, by three into r1, by one to the end: states and checkpoints shared."""
    out, stopped = str(place / "three"), {"dev2": 2, "r1": 2}
    append = RunFolder.append_metrics

    def breaking(run: RunFolder, metrics: Any) -> None:
        append(run, metrics)
        if run.path.name == "three" and stopped.get(metrics["stage"]) == metrics["step"]:
            del stopped[metrics["stage"]]
            raise RankLost("a rank went")

    monkeypatch.setattr(RunFolder, "append_metrics", breaking)
    with pytest.raises(UserError, match=r"a rank went; saved at dev2 step 1; go on with: .*"):
        in_threads(lambda _: commands.start_real(**settings_of(place), out=out))
    resume = ("r1-zero", 0, "base", out, "numpy", True, (), True)
    with pytest.raises(UserError, match="a rank went; saved at r1 step 1"):
        in_threads(lambda _: commands.train(*resume), 3)
    assert not stopped
    monkeypatch.setattr(commands, "open_team", lambda: ALONE)
    commands.train(*resume)
    require_equal(place / "one", place / "three")


def test_the_other_ranks_get_the_notes_of_a_run_and_no_parameters(place: Path) -> None:
    def work(team: Team) -> tuple[Path, list[str], bool]:
        run = open_run(team, lambda: RunFolder.resume(place / "one"))
        if team.rank:
            run.save_state({}, {"stage": "r1", "step": 1})
        files = [str(p.relative_to(run.path)) for p in run.path.rglob("*") if p.is_file()]
        return run.path, files, run.checkpoint_path("dev2").is_dir()

    (first, _, _), (second, files, named) = together(2, work)
    assert first == place / "one" != second
    assert named
    state = Path("state", "state.safetensors")
    assert (first / state).read_bytes() == (second / state).read_bytes()
    assert {"config.json", "results.json", "metrics.jsonl"} <= set(files)
    assert not [name for name in files if "checkpoints" in name]


def test_one_that_mlx_launch_started_alone_is_a_team_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("\n")
    monkeypatch.setenv("MLX_RANK", "0")
    monkeypatch.setenv("MLX_HOSTFILE", str(hosts))
    with open_team() as team:
        assert (team.rank, team.size, str(team)) == (0, 1, "")
        assert team.gather(b"me") == [b"me"]


def test_the_tiny_world_is_refused_under_mlx_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLX_RANK", "1")
    with pytest.raises(UserError, match="add --model and --task"):
        commands.train("r1-zero", 0, "no such base", None, "numpy", False, (), True)
