"""Does the bench count the arithmetic that is needed, and report what it timed?"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from minir1 import answers, bench, flops, grpo, machine, rl, rollout
from minir1.checkpoint import save_checkpoint
from minir1.errors import UserError
from minir1.model import init_params
from minir1.model_config import ModelConfig
from minir1.rng import generator
from minir1.tokenizer import WordTokenizer

SHAPE = ModelConfig(
    vocab_size=256,
    hidden_size=8,
    intermediate_size=12,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=4,
)
SIZES = bench.Sizes(prompts=3, group=2, cap=6, full=4, matmul=16, least=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    params = init_params(SHAPE, generator(0, "init"))
    return save_checkpoint(
        tmp_path_factory.mktemp("b") / "base", params, SHAPE, WordTokenizer()
    )


@pytest.fixture(scope="module")
def result(folder: Path) -> dict:
    return bench.run(folder, 1, 0.0, folder.parent / "bench.json", SIZES)


def test_an_update_is_counted_as_by_hand() -> None:
    # A layer: q 8x8, k and v 4x8, o 8x8, gate, up and down 12x8: 480; two layers: 960.
    # A prompt of 2 and a completion of 3 are read up to the last but one: 4 tokens.
    matrices = 6 * 960 * 4
    attention = 12 * 2 * (2 * 4) * (1 + 2 + 3 + 4)  # 12 L H D, keys seen
    logits = 6 * 8 * 256 * 3
    counted = flops.update_flops(SHAPE, np.array([2]), np.array([3]))
    assert counted == matrices + attention + logits == 61_824


def test_a_rollout_is_counted_token_by_token() -> None:
    """A loop that adds up every product: a prompt once a group, then a token at a time."""
    prompts, completions = np.array([5, 5, 3, 3]), np.array([1, 4, 2, 6])
    needed = 0

    def read(position: int) -> int:
        scores = values = 2 * (2 * 4) * (position + 1)
        return 2 * (2 * 480 + scores + values)  # two layers

    for row, (asked, written) in enumerate(zip(prompts, completions, strict=True)):
        if row % 2 == 0:
            needed += sum(read(t) for t in range(asked)) + 2 * 8 * 256
        for t in range(asked, asked + written - 1):
            needed += read(t) + 2 * 8 * 256
    assert flops.rollout_flops(SHAPE, prompts, completions, 2) == needed


def test_biases_and_norms_are_no_products() -> None:
    lengths = np.array([7])
    plain = flops.update_flops(SHAPE, lengths, lengths)
    for kind in ("qwen2", "qwen3"):
        other = ModelConfig.from_dict({**SHAPE.to_dict(), "model_type": kind})
        assert flops.update_flops(other, lengths, lengths) == plain


def test_every_part_is_reported_and_adds_up(result: dict) -> None:
    peak = result["peak"]
    assert peak["gflops"] == (peak["before"]["median"] + peak["after"]["median"]) / 2 > 0
    for name in ("rollout", "decode", "update"):
        part = result[name]
        assert part["seconds"]["repeats"] == 1
        rate = part["tokens"] / part["seconds"]["median"]
        assert part["tokens_per_second"]["median"] == pytest.approx(rate)
        done = part["flops"] / part["seconds"]["median"] / 1e9
        assert part["share_of_peak"] == pytest.approx(done / peak["gflops"])
    step = {name: value["median"] for name, value in result["step"].items()}
    parts = step["rollout_seconds"] + step["rewards_seconds"] + step["update_seconds"]
    assert step["seconds"] == pytest.approx(parts)
    assert min(step["rollout_seconds"], step["rewards_seconds"]) > 0


def test_lengths_are_the_models_own_or_full(result: dict) -> None:
    rows = SIZES.prompts * SIZES.group
    assert result["decode"]["tokens"] == rows * SIZES.full
    assert rows <= result["rollout"]["tokens"] <= rows * SIZES.cap
    assert result["update"]["tokens"] == result["rollout"]["tokens"]
    assert result["parameters"] == 960 + 256 * 8 + 5 * 8


def test_the_file_holds_what_was_returned(result: dict, folder: Path) -> None:
    assert json.loads((folder.parent / "bench.json").read_text()) == result


def test_the_table_shows_every_part(result: dict) -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(bench.table(result))
    text = console.export_text()
    for said in (
        "rollout",
        "decode",
        "update",
        "matrix products",
        "GRPO step",
        "rewards",
    ):
        assert said in text
    assert f"{result['update']['share_of_peak']:.0%}" in text
    assert "…" not in text  # nothing is cut off at 80 columns
    assert result["machine"]["cpu"].split()[0] in text
    assert result["machine"]["engine"] in text


def test_no_group_of_the_update_is_flat(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flat group is left out of an update: then tokens would be counted and not trained."""
    seen = []
    improve = rl.improve

    def spy(
        learner: rl.Learner, config: object, policy: object, graded: answers.Graded, *rest: Any
    ) -> dict:
        changes = improve(learner, config, policy, graded, *rest)
        seen.append((graded.rewards, changes))
        return changes

    monkeypatch.setattr(rl, "improve", spy)
    measured = bench.run(folder, 1, 0.0, None, SIZES)
    trained = [changes["trained_tokens"] for rewards, changes in seen]
    assert measured["update"]["tokens"] in trained
    assert not grpo.flat_groups(seen[0][0]).any()


def test_decoding_at_full_length_never_ends(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that always ends at once still writes every token of the decoding part."""
    eos, lengths = WordTokenizer().eos_id, []
    sample = rollout.sample

    def always_end(logits: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, ...]:
        z = logits[:, eos] - np.log(np.exp(logits).sum(axis=1))
        return np.full(len(u), eos, np.int32), z, np.zeros_like(z)

    def spy(*args: object) -> rollout.Rollout:
        lengths.append(set((out := sample(*args)).completion_lengths))
        return out

    monkeypatch.setattr(rollout, "choose", always_end)
    monkeypatch.setattr(rollout, "sample", spy)
    measured = bench.run(folder, 1, 0.0, None, SIZES)
    assert measured["rollout"]["completion_tokens"] == 1
    assert lengths == [{1}, {SIZES.full}] * 2  # warmed up, then timed


def test_parts_take_turns_until_the_time_is_up() -> None:
    called = []
    parts = {"a": lambda: called.append("a"), "b": lambda: called.append("b")}
    assert {name: len(out) for name, out in bench._in_turns(parts, 0.0, 2).items()} == {
        "a": 2,
        "b": 2,
    }
    assert called == ["a", "b"] * 3  # the first round warms up and does not count


def test_the_summary_is_the_median_and_the_extremes() -> None:
    assert bench._summary([3.0, 1.0, 2.0]) == {"median": 2, "min": 1, "max": 3, "repeats": 3}


def test_the_machine_has_a_name() -> None:
    assert machine.cpu_name()
    assert machine.machine(2)["threads"] == 2


def test_a_checkpoint_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="no checkpoint"):
        bench.run("nowhere/at-all")
