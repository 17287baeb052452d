"""Does a checkpoint survive everything but real damage, and is every damage named?"""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from minir1 import checkpoint
from minir1.checkpoint import (
    load_checkpoint,
    read_metadata,
    require_same_tokenizer,
    save_checkpoint,
)
from minir1.config import ModelConfig
from minir1.errors import UserError
from minir1.model import parameter_shapes
from minir1.storage import files, resolve
from minir1.storage.files import WriteError, kept_aside
from minir1.storage.tensorfile import digest, pack, read_tensors
from minir1.tokenizer import WordTokenizer

TOKENIZER = WordTokenizer()
SHAPE = ModelConfig(
    vocab_size=len(TOKENIZER),
    hidden_size=8,
    intermediate_size=12,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=4,
)


def make_params(shape: ModelConfig = SHAPE, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        name: rng.standard_normal(size).astype(np.float32)
        for name, size in parameter_shapes(shape).items()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_checkpoint(tmp_path / "base", make_params(), SHAPE, TOKENIZER)


def fault(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_checkpoint(folder)
    text = str(caught.value)
    assert "\n" not in text
    return text


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def rewrite(folder: Path, params: dict[str, np.ndarray]) -> None:
    """Replace the weights as another tool would, which knows no digest."""
    (folder / "model.safetensors").write_bytes(pack(params, "format", "pt"))
    (folder / "minir1.json").unlink(missing_ok=True)


# there and back


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_checkpoint_comes_back_bit_for_bit(tmp_path: Path, kind: str, tied: bool) -> None:
    shape = ModelConfig(**{**SHAPE.to_dict(), "model_type": kind, "tie_word_embeddings": tied})
    params = make_params(shape)
    written = save_checkpoint(tmp_path / "deep" / "r1", params, shape, TOKENIZER)
    again, shape_again, tokenizer = load_checkpoint(written)
    assert same(again, params) and shape_again == shape
    assert tokenizer.fingerprint() == TOKENIZER.fingerprint()
    assert all(value.dtype == np.float32 and value.flags.writeable for value in again.values())


def test_float16_is_read_as_float32(tmp_path: Path) -> None:
    params = make_params()
    written = save_checkpoint(tmp_path / "half", params, SHAPE, TOKENIZER, dtype="float16")
    again, _, _ = load_checkpoint(written)
    assert all(value.dtype == np.float32 for value in again.values())
    assert same(again, {k: v.astype(np.float16).astype(np.float32) for k, v in params.items()})
    assert json.loads((written / "config.json").read_text())["dtype"] == "float16"


def test_bfloat16_is_read_exactly(tmp_path: Path) -> None:
    values = np.array([1.0, -2.5, 0.15625], np.float32)
    header = b'{"x":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]}}'
    data = (values.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    assert np.array_equal(read_tensors(path)[0]["x"], values)


def test_equal_parameters_give_equal_bytes(tmp_path: Path, folder: Path) -> None:
    twin = save_checkpoint(
        tmp_path / "twin", dict(reversed(make_params().items())), SHAPE, TOKENIZER
    )
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in twin.iterdir())
    for name in names:
        assert (folder / name).read_bytes() == (twin / name).read_bytes()


def test_other_tools_are_told_to_sample_without_cuts(folder: Path) -> None:
    said = json.loads((folder / "generation_config.json").read_text())
    assert (said["do_sample"], said["temperature"], said["top_k"], said["top_p"]) == (
        True,
        1,
        0,
        1,
    )
    assert said["eos_token_id"] == TOKENIZER.eos_id


def test_metadata_is_kept(tmp_path: Path) -> None:
    said = {"stage": "r1-zero", "step": 40}
    save_checkpoint(tmp_path / "a", make_params(), SHAPE, TOKENIZER, metadata=said)
    assert read_metadata(tmp_path / "a") == said


def test_a_folder_of_another_tool_is_read(folder: Path) -> None:
    params = make_params()
    copies = {
        "lm_head.weight": params["model.embed_tokens.weight"],
        "model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(2, np.float32),
    }
    rewrite(folder, {**params, **copies})
    assert same(load_checkpoint(folder)[0], params)
    assert read_metadata(folder) == {}


def test_a_tied_model_with_another_output_layer_is_refused(folder: Path) -> None:
    params = make_params()
    rewrite(folder, {**params, "lm_head.weight": params["model.embed_tokens.weight"] + 1})
    assert "the file has surplus tensor lm_head.weight" in fault(folder)


# damage


def test_a_missing_folder_guesses_its_neighbour(folder: Path) -> None:
    text = fault(folder.with_name("bsae"))
    assert text.startswith("there is no checkpoint ") and text.endswith(
        f"did you mean {folder}?"
    )


def test_a_file_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    assert fault(tmp_path / "x") == f"{tmp_path / 'x'} is a file: wanted a checkpoint folder"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert fault(folder).startswith(str(folder / name))


def test_weights_in_pieces_are_named(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.safetensors.index.json")
    assert "is in pieces" in fault(folder)


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 100, 1000, -1])
def test_truncated_weights_are_named(folder: Path, kept: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    text = fault(folder)
    assert text.startswith(f"{path} is truncated or corrupt (")
    assert text.endswith("copy the folder again, or use an earlier checkpoint")


def test_no_flipped_bit_changes_a_parameter_unnoticed(folder: Path) -> None:
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    params = make_params()
    caught = 0
    places = [*range(0, 400, 13), *range(400, len(whole), len(whole) // 40), len(whole) - 1]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            assert same(load_checkpoint(folder)[0], params)
        except UserError as error:
            caught += 1
            assert str(path) in str(error)
    assert caught >= len(places) - 3  # the unused word "pt" may change


def test_a_flipped_bit_in_a_weight_is_called_that(folder: Path) -> None:
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
    assert fault(folder).startswith(f"{path} is not what was saved: its digest differs")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not valid JSON"),
        ("", "is not valid JSON"),
        ("[1]", "holds [1]: wanted a JSON object"),
        ("[" * 10**5, "is not valid JSON"),
        ("{}", "model_type is None: minir1 computes llama, qwen2, qwen3"),
        ('{"model_type": "mamba"}', "model_type is 'mamba'"),
        ('{"model_type": "llama"}', "vocab_size is missing"),
    ],
)
def test_a_broken_config_is_named(folder: Path, text: str, said: str) -> None:
    (folder / "config.json").write_text(text)
    assert fault(folder).startswith(f"{folder / 'config.json'}") and said in fault(folder)


def test_bytes_that_are_no_text_are_named(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe{}")
    assert "config.json is not valid JSON" in fault(folder)


def test_a_huge_config_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_JSON", 10)
    assert "bytes: wanted a small JSON file" in fault(folder)


@pytest.mark.parametrize("text", ["{", "{}", '{"model": {"vocab": {"a": 3}}}', '{"model": 3}'])
def test_a_broken_tokenizer_is_named(folder: Path, text: str) -> None:
    (folder / "tokenizer.json").write_text(text)
    assert str(folder / "tokenizer.json") in fault(folder)


def test_a_broken_note_is_named(folder: Path) -> None:
    (folder / "minir1.json").write_text("{")
    assert fault(folder).startswith(f"{folder / 'minir1.json'} is not valid JSON")


def test_a_wrong_shape_is_named(folder: Path) -> None:
    edit(folder / "config.json", intermediate_size=16)
    text = fault(folder)
    assert (
        "model.layers.0.mlp.gate_proj.weight has shape (12, 8); config.json wants (16, 8)"
        in text
    )


def test_a_missing_layer_is_named(folder: Path) -> None:
    edit(folder / "config.json", num_hidden_layers=3)
    text = fault(folder)
    assert "lacks tensor model.layers.2.input_layernorm.weight and 8 more" in text


def test_a_surplus_layer_is_named(folder: Path) -> None:
    edit(folder / "config.json", num_hidden_layers=1)
    assert "has surplus tensor model.layers.1." in fault(folder)


def test_a_billion_layers_cost_nothing(folder: Path) -> None:
    edit(folder / "config.json", num_hidden_layers=10**9)
    assert "config.json says 1000000000 layers, the file hold" in fault(folder)


def test_parameters_that_are_no_floats_are_named(folder: Path) -> None:
    rewrite(folder, {**make_params(), "model.norm.weight": np.ones(8, np.int64)})
    assert "model.norm.weight has type int64; wanted floats" in fault(folder)


@pytest.mark.parametrize(("value", "said"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_nan_is_named_on_the_way_in(folder: Path, value: float, said: str) -> None:
    params = make_params()
    params["model.norm.weight"][3] = value
    rewrite(folder, params)
    wanted = f"model.norm.weight holds {said} (1 of 8 values); go back to an earlier checkpoint"
    assert fault(folder) == f"{folder / 'model.safetensors'}: {wanted}"


def test_a_vocabulary_larger_than_the_embedding_is_refused(folder: Path) -> None:
    edit(folder / "config.json", vocab_size=100)
    assert (
        f"tokenizer.json has {len(TOKENIZER)} words, config.json a vocab_size of 100"
        in fault(folder)
    )


def test_a_tokenizer_that_was_swapped_is_refused(folder: Path) -> None:
    words = list(TOKENIZER.words)
    words[-1], words[-2] = words[-2], words[-1]
    WordTokenizer(words).save(folder)
    assert "tokenizer.json is not the one it was saved with" in fault(folder)


def test_checkpoints_of_two_tokenizers_do_not_mix() -> None:
    words = [*TOKENIZER.words, "surplus"]
    require_same_tokenizer(TOKENIZER, WordTokenizer())
    with pytest.raises(UserError, match="a/base and b/r1 have different tokenizers"):
        require_same_tokenizer(TOKENIZER, WordTokenizer(words), "a/base", "b/r1")


# saving


@pytest.mark.parametrize(("value", "said"), [(np.nan, "NaN"), (-np.inf, "infinity")])
def test_a_broken_model_never_replaces_a_good_one(
    folder: Path, value: float, said: str
) -> None:
    broken = make_params(seed=1)
    broken["model.layers.1.mlp.up_proj.weight"][0, 0] = value
    with pytest.raises(UserError, match=f"not saved; .*up_proj.weight holds {said}"):
        save_checkpoint(folder, broken, SHAPE, TOKENIZER)
    assert same(load_checkpoint(folder)[0], make_params())


def test_what_float16_cannot_hold_is_refused(tmp_path: Path) -> None:
    large = make_params()
    large["model.norm.weight"][0] = 1e5
    with pytest.raises(UserError, match=r"as float16 model\.norm\.weight holds infinity"):
        save_checkpoint(tmp_path / "a", large, SHAPE, TOKENIZER, dtype="float16")


def test_parameters_of_another_shape_are_not_saved(tmp_path: Path) -> None:
    params = make_params()
    del params["model.norm.weight"]
    with pytest.raises(
        UserError, match=r"lacks tensor model\.norm\.weight; wanted the 20 tensors"
    ):
        save_checkpoint(tmp_path / "a", params, SHAPE, TOKENIZER)
    small = ModelConfig(**{**SHAPE.to_dict(), "vocab_size": 50})
    with pytest.raises(UserError, match=r"config\.json a vocab_size of 50"):
        save_checkpoint(tmp_path / "a", make_params(small), small, TOKENIZER)
    assert not list(tmp_path.iterdir())


def test_a_new_checkpoint_replaces_the_old(folder: Path) -> None:
    save_checkpoint(folder, make_params(seed=1), SHAPE, TOKENIZER)
    assert same(load_checkpoint(folder)[0], make_params(seed=1))
    assert [path.name for path in folder.parent.iterdir()] == ["base"]


def test_a_folder_with_other_files_is_not_replaced(folder: Path) -> None:
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"holds other files \(thesis.tex\): not replaced"):
        save_checkpoint(folder, make_params(seed=1), SHAPE, TOKENIZER)
    assert (folder / "thesis.tex").exists() and same(load_checkpoint(folder)[0], make_params())


def no_space(*args: object, **kwargs: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_checkpoint(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, call, no_space)
        with pytest.raises(WriteError) as caught:
            save_checkpoint(folder, make_params(seed=1), SHAPE, TOKENIZER)
    assert str(caught.value) == f"{folder} could not be written: No space left on device"
    assert same(load_checkpoint(folder)[0], make_params())
    assert [path.name for path in folder.parent.iterdir()] == ["base"]


def test_every_byte_is_on_the_disk_before_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: set[int] = set()
    unsafe: list[str] = []
    fsync, rename = os.fsync, os.replace

    def noted_fsync(handle: int) -> None:
        flushed.add(os.fstat(handle).st_ino)
        fsync(handle)

    def noted_rename(source: Path, target: Path) -> None:
        places = [Path(source), *Path(source).iterdir()]
        unsafe.extend(place.name for place in places if place.stat().st_ino not in flushed)
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_rename)
    made = save_checkpoint(tmp_path / "base", make_params(), SHAPE, TOKENIZER)
    assert unsafe == [] and len(flushed) > len(list(made.iterdir()))


def test_a_tokenizer_that_does_not_fit_on_the_disk_is_a_full_disk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: WordTokenizer, folder: Path) -> None:
        raise Exception("No space left on device (os error 28)")

    monkeypatch.setattr(WordTokenizer, "save", full)
    with pytest.raises(WriteError, match="could not be written: No space left on device"):
        save_checkpoint(folder, make_params(seed=1), SHAPE, TOKENIZER)


def test_a_failed_second_rename_puts_the_old_one_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, calls = os.replace, []

    def second_fails(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 2:
            no_space()
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", second_fails)
        with pytest.raises(WriteError):
            save_checkpoint(folder, make_params(seed=1), SHAPE, TOKENIZER)
    assert folder.is_dir() and same(load_checkpoint(folder)[0], make_params())


def test_a_kill_between_the_renames_loses_nothing(folder: Path) -> None:
    os.replace(folder, kept_aside(folder))  # the moment of the kill
    assert same(load_checkpoint(folder)[0], make_params())
    assert resolve.resolve(folder) == folder
    save_checkpoint(folder, make_params(seed=1), SHAPE, TOKENIZER)
    assert same(load_checkpoint(folder)[0], make_params(seed=1))
    assert [path.name for path in folder.parent.iterdir()] == ["base"]


def test_what_a_kill_left_behind_is_cleared(folder: Path) -> None:
    (folder.parent / ".base.new").mkdir()
    (folder.parent / ".base.new" / "model.safetensors").write_bytes(b"half")
    shutil.copytree(folder, kept_aside(folder))
    save_checkpoint(folder, make_params(seed=1), SHAPE, TOKENIZER)
    assert [path.name for path in folder.parent.iterdir()] == ["base"]


def test_a_digest_sees_every_part() -> None:
    one = {"a": np.zeros((2, 3), np.float32)}
    others = [
        {"b": np.zeros((2, 3), np.float32)},
        {"a": np.zeros((3, 2), np.float32)},
        {"a": np.zeros((2, 3), np.int32)},
        {"a": np.full((2, 3), -0.0, np.float32)},
    ]
    assert digest(one) == digest({"a": np.zeros((3, 2), np.float32).T})
    assert all(digest(one) != digest(other) for other in others)


# names


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for name in ("base", "r1-zero", "dev1"):
        save_checkpoint(
            tmp_path / "run" / "checkpoints" / name, make_params(), SHAPE, TOKENIZER
        )
    return tmp_path / "run"


def refused(name: object) -> str:
    with pytest.raises(UserError) as caught:
        checkpoint.resolve(str(name))
    return str(caught.value)


def test_a_run_stands_for_its_checkpoint_furthest_along(run: Path) -> None:
    assert checkpoint.resolve(run).name == "dev1"
    os.rename(run / "checkpoints" / "base", run / "checkpoints" / "r1")
    assert checkpoint.resolve(run).name == "r1"


def test_a_checkpoint_of_a_run_has_a_short_name(run: Path) -> None:
    whole = run / "checkpoints" / "r1-zero"
    assert checkpoint.resolve(run / "r1-zero") == whole == checkpoint.resolve(whole)
    assert refused(run / "r1-zreo").endswith(f"did you mean {run / 'r1-zero'}?")


def test_a_shipped_name_comes_first(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = run / "checkpoints"
    monkeypatch.setattr(resolve, "ASSETS", shipped)
    monkeypatch.chdir(shipped)
    assert checkpoint.resolve("base") == shipped / "base"
    assert checkpoint.resolve("./base") == Path("base")
    monkeypatch.chdir(run)
    assert refused("r1zero") == "there is no checkpoint r1zero; did you mean r1-zero?"
    assert refused("xyzzy").endswith("; wanted a folder, a run or base or dev1 or r1-zero")


def test_a_name_that_is_nothing_says_so(tmp_path: Path, run: Path) -> None:
    assert refused(tmp_path / "rnu").endswith(f"did you mean {run}?")
    assert "is no checkpoint and no run" in refused(tmp_path)
    shutil.rmtree(run / "checkpoints")
    (run / "metrics.jsonl").touch()
    assert "is a run without a checkpoint yet" in refused(run)


@pytest.mark.parametrize("name", ["", ".", "/", "..", "x" * 5000, "a/" * 3000, "\0", "a b"])
def test_odd_names_are_only_mistakes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(refused(name)) < 400
