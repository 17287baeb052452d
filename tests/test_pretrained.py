"""Do other people's models compute here what they compute elsewhere, and is every fault named?

The golden logits are transformers' (golden_models.py wrote them): tied and untied heads,
shared keys and values, biases, normalised queries, stretched rotary waves.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models as tiny

from minir1 import backend, machine, model, pretrained
from minir1.backend import from_numpy, to_numpy
from minir1.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from minir1.errors import UserError
from minir1.model import init_params, parameter_shapes
from minir1.model_config import ModelConfig, ScaledConfig
from minir1.pretrained import open_model
from minir1.rng import generator

TOLERANCE = 1e-4  # of logits near 3, in float32
ENGINES = ["numpy", pytest.param("mlx", marks=pytest.mark.mlx)]


def refusal(path: Any) -> str:
    with pytest.raises(UserError) as caught:
        open_model(path)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 300
    return text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shape = tiny.shape_of()
    params = init_params(shape, generator(0, "tests", "pretrained"))
    return tiny.write_folder(tmp_path / "model", params, shape)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def logits(params: dict[str, np.ndarray], shape: ModelConfig, tokens: np.ndarray) -> np.ndarray:
    live = from_numpy(params)
    return np.array(to_numpy(model.logits(live, model.forward(live, shape, tokens))))


# the numbers


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("label", tiny.LABELS)
def test_logits_are_those_of_transformers(label: str, engine: str) -> None:
    if engine == "mlx":
        pytest.importorskip("mlx.core")
    params, shape = tiny.drawn(label)
    case = tiny.golden()[label]
    backend.use(engine)
    z = logits(params, shape, np.array([case["tokens"]]))[0]
    gap = np.abs(z - np.array(case["logits"])).max()
    assert gap < TOLERANCE, gap
    assert np.abs(z).max() > 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("label", ["llama, llama3 rope", "llama, linear rope"])
def test_stretched_waves_agree_with_a_cache(label: str, engine: str) -> None:
    if engine == "mlx":
        pytest.importorskip("mlx.core")
    params, shape = tiny.drawn(label)
    tokens = np.array([tiny.golden()[label]["tokens"]])
    backend.use(engine)
    live = from_numpy(params)
    cache = model.Cache(shape, 1, tokens.shape[1])
    hidden = model.forward(live, shape, tokens[:, :5], cache)
    for t in range(5, tokens.shape[1]):
        hidden = model.forward(live, shape, tokens[:, t : t + 1], cache)
    z = np.array(to_numpy(model.logits(live, hidden[:, -1])))[0]
    assert np.abs(z - np.array(tiny.golden()[label]["logits"][-1])).max() < TOLERANCE


def test_llama3_keeps_short_waves_and_stretches_long_ones() -> None:
    shape = ScaledConfig(head_dim=64, rope_theta=5e5, factor=32.0)
    plain = 5e5 ** (np.arange(32) / 32)
    ratio = np.array(shape.rope_periods) / plain
    assert ratio[0] == 1 and ratio[-1] == pytest.approx(32)
    assert np.all(np.diff(ratio) >= 0)


@pytest.mark.parametrize("label", ["llama, llama3 rope", "llama, linear rope"])
def test_stretched_shapes_survive_both_ways_of_writing_them(label: str) -> None:
    shape = tiny.drawn(label)[1]
    written = json.loads(json.dumps(shape.to_hf(0, 1, 2)))
    assert ModelConfig.from_hf(written).rope_periods == shape.rope_periods
    old = {k: v for k, v in written.items() if k != "rope_parameters"}
    assert ModelConfig.from_hf(old).rope_periods == shape.rope_periods
    assert ModelConfig.from_dict(json.loads(json.dumps(shape.to_dict()))) == shape


# folders


def test_a_folder_opens(folder: Path) -> None:
    params, shape, tokenizer = open_model(folder)
    assert shape == tiny.shape_of()
    wanted = init_params(shape, generator(0, "tests", "pretrained"))
    assert all(np.array_equal(params[n], v) for n, v in wanted.items())
    assert all(v.dtype == np.float32 for v in params.values())
    assert tokenizer.decode(tokenizer.encode("the fox")) == "the fox"
    assert tokenizer.eos_ids == (tiny.vocabulary()[0].index(tiny.END),)


def as_bfloat16(folder: Path, params: dict[str, np.ndarray]) -> None:
    """Write a safetensors file by hand: numpy has no bfloat16."""
    header, body = {}, b""
    for name, value in params.items():
        half = (value.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        span = [len(body), len(body) + len(half)]
        header[name] = {"dtype": "BF16", "shape": list(value.shape), "data_offsets": span}
        body += half
    text = json.dumps(header).encode()
    data = len(text).to_bytes(8, "little") + text + body
    (folder / "model.safetensors").write_bytes(data)


def test_half_precision_becomes_float32_exactly(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    params = load_file(folder / "model.safetensors")
    as_bfloat16(folder, params)
    for name, value in open_model(folder)[0].items():
        cut = (params[name].view(np.uint32) & 0xFFFF0000).view(np.float32)
        assert value.dtype == np.float32 and np.array_equal(value, cut)
    save_file(
        {n: v.astype(np.float16) for n, v in params.items()}, folder / "model.safetensors"
    )
    for name, value in open_model(folder)[0].items():
        assert np.array_equal(value, params[name].astype(np.float16).astype(np.float32))


def cut_in_two(folder: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file, save_file

    params = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    parts = {f"model-0000{i + 1}-of-00002.safetensors": list(params)[i::2] for i in (0, 1)}
    for part, names in parts.items():
        save_file({name: params[name] for name in names}, folder / part)
    index = {"weight_map": {name: part for part, names in parts.items() for name in names}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return params


def test_weights_in_pieces(folder: Path) -> None:
    params = cut_in_two(folder)
    opened, shape, _ = open_model(folder)
    assert list(opened) == list(parameter_shapes(shape)) and opened.keys() == params.keys()
    assert all(np.array_equal(opened[n], v) for n, v in params.items())
    one, two = sorted(folder.glob("model-*.safetensors"))
    two.write_bytes(one.read_bytes())
    assert "is in two files" in refusal(folder)
    two.unlink()
    assert "model-00002-of-00002.safetensors could not be read (it is missing)" in refusal(
        folder
    )
    edit(folder / "model.safetensors.index.json", weight_map={"a": "../elsewhere"})
    assert "names no files of this folder" in refusal(folder)


def test_what_other_tools_write_twice_is_dropped(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    params = load_file(folder / "model.safetensors")
    twice = {**params, "lm_head.weight": params["model.embed_tokens.weight"].copy()}
    save_file(twice, folder / "model.safetensors")
    assert open_model(folder)[0].keys() == params.keys()


FAULTS = [
    (
        {"model_type": "gpt2"},
        "model_type is 'gpt2': minir1 computes llama, qwen2, qwen3; --",
    ),
    ({"quantization": {"bits": 4}}, "--backend mlx runs whatever mlx-lm does"),
    ({"rope_scaling": {"rope_type": "yarn"}, "rope_parameters": None}, "rope_type is 'yarn'"),
    ({"hidden_size": 40}, "has shape"),
    ({"num_hidden_layers": 3}, "lacks tensor model.layers.2."),
    ({"vocab_size": 9}, "config.json a vocab_size of 9"),
]


@pytest.mark.parametrize(("changes", "said"), FAULTS)
def test_faults_of_the_configuration(folder: Path, changes: dict, said: str) -> None:
    edit(folder / "config.json", **changes)
    assert said in refusal(folder)


def test_faults_of_the_files(folder: Path) -> None:
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-10])
    assert "could not be read" in refusal(folder)
    weights.write_bytes(b"\xff" * 100)
    assert "could not be read" in refusal(folder)
    weights.unlink()
    assert "holds no weights: wanted model.safetensors or a .gguf file" in refusal(folder)
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    assert "pytorch_model.bin holds pickles" in refusal(folder)
    (folder / "tokenizer.json").unlink()
    assert "tokenizer.json is missing" in refusal(folder)
    (folder / "config.json").unlink()
    assert "has no config.json: wanted a model's" in refusal(folder)
    (folder / "adapter_config.json").write_text("{}")
    assert "holds adapters alone" in refusal(folder)
    (folder / "big.gguf").write_bytes(b"")
    assert f"give the file, {folder / 'big.gguf'}" in refusal(folder)


def test_whole_numbers_are_no_weights(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    params = load_file(folder / "model.safetensors")
    params["model.norm.weight"] = np.ones(32, np.int8)
    save_file(params, folder / "model.safetensors")
    assert "model.norm.weight has type I8" in refusal(folder)


def test_broken_numbers_are_refused(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    params = load_file(folder / "model.safetensors")
    params["model.norm.weight"][3] = np.nan
    save_file(params, folder / "model.safetensors")
    assert "model.norm.weight holds NaN (1 of 32 values)" in refusal(folder)


def test_what_does_not_fit_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available_memory", lambda: 1000)
    monkeypatch.setattr(pretrained.Path, "read_bytes", None)  # nothing large is touched
    monkeypatch.setattr(pretrained.TextTokenizer, "load", lambda folder: tiny.text_tokenizer())
    assert "needs about 0.0 GB of memory, 0.0 GB are free" in refusal(folder)
    monkeypatch.setattr(machine, "available_memory", lambda: None)
    machine.require_memory(10**15, "anything")


def test_this_machine_says_how_much_memory_is_free() -> None:
    assert machine.available_memory() is None or 10**7 < machine.available_memory() < 10**14


# our own


def test_a_checkpoint_keeps_its_tokenizer_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    params, shape, tokenizer = open_model(folder)
    saved = save_checkpoint(tmp_path / "saved", params, shape, tokenizer)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (saved / name).read_bytes() == (folder / name).read_bytes()
    for read in (read_checkpoint, open_model):
        again, same_shape, same = read(saved)
        assert same_shape == shape and same.fingerprint() == tokenizer.fingerprint()
        assert all(np.array_equal(again[n], v) for n, v in params.items())
    with pytest.raises(UserError, match="type minir1 train --model"):
        load_checkpoint(saved)
    (saved / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    edit(saved / "minir1.json", digest="0" * 32)
    assert "is not what was saved" in refusal(saved)


def test_every_end_is_written_down(folder: Path, tmp_path: Path) -> None:
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [5, 1, True]}))
    params, shape, tokenizer = open_model(folder)
    assert tokenizer.eos_ids == (1, 5)
    saved = save_checkpoint(tmp_path / "saved", params, shape, tokenizer)
    said = json.loads((saved / "generation_config.json").read_text())
    assert said["eos_token_id"] == [1, 5] and said["top_k"] == 0 and said["do_sample"] is True
    assert json.loads((saved / "config.json").read_text())["eos_token_id"] == 1
    assert open_model(saved)[2].eos_ids == (1, 5)


def test_the_tiny_world_has_its_own_command() -> None:
    base = Path(pretrained.__file__).parent / "assets" / "base"
    assert refusal(base).endswith(f"type minir1 train --tiny --base {base}")


# the Hub


def test_no_model_of_that_name(folder: Path) -> None:
    assert refusal("nowhere") == (
        "there is no model nowhere; wanted a folder, a .gguf file or OWNER/NAME"
    )
    assert refusal(folder.parent / "modell") == (
        f"there is no model {folder.parent / 'modell'}; did you mean {folder}?"
    )
    assert "there is no model a/b/c" in refusal("a/b/c")
    assert "there is no model a/b.gguf" in refusal("a/b.gguf")


def test_the_hub_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert refusal("owner/name").endswith("pip install huggingface_hub")


class Hub:
    """A stand-in for huggingface_hub that answers in one way."""

    class errors:
        GatedRepoError = type("GatedRepoError", (Exception,), {})
        RepositoryNotFoundError = type("RepositoryNotFoundError", (Exception,), {})
        LocalEntryNotFoundError = type("LocalEntryNotFoundError", (Exception,), {})

    def __init__(self, kept: Path | None, answer: Exception | Path):
        self.kept, self.answer, self.asked = kept, answer, 0

    def snapshot_download(self, repo: str, local_files_only: bool = False, **_: Any) -> str:
        self.asked += not local_files_only
        answer = self.kept if local_files_only else self.answer
        if isinstance(answer, Path):
            return str(answer)
        raise answer or self.errors.LocalEntryNotFoundError()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("GatedRepoError", "owner/name is gated on the Hugging Face Hub"),
        ("RepositoryNotFoundError", "no public repository of that name"),
        ("LocalEntryNotFoundError", "did not give it (no network?)"),
    ],
)
def test_refusals_of_the_hub(monkeypatch: pytest.MonkeyPatch, error: str, said: str) -> None:
    stand_in = Hub(None, getattr(Hub.errors, error)("words\nof theirs"))
    monkeypatch.setitem(sys.modules, "huggingface_hub", stand_in)
    assert said in refusal("owner/name")


def test_what_was_downloaded_before_needs_no_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = Hub(folder, OSError("no network"))
    monkeypatch.setitem(sys.modules, "huggingface_hub", stand_in)
    assert open_model("owner/name")[1] == tiny.shape_of() and stand_in.asked == 0
    (folder / "model.safetensors").unlink()  # half a download: ask again
    assert "(no network)" in refusal("owner/name") and stand_in.asked == 1
