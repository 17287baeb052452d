"""Is an exported folder one that every tool reads, with the same numbers and words?"""

import json
from pathlib import Path

import numpy as np
import pytest
from exports import ENDS, foreign, params, run_of, tokenizer
from small_run import BASE
from tiny_models import gguf_keys, gguf_tensors, shape_of, write_gguf

from minir1 import model
from minir1.checkpoint import load_checkpoint
from minir1.errors import UserError
from minir1.export.hf import new_folder, stored, write_model
from minir1.export.source import find
from minir1.rng import generator
from minir1.storage.shards import find_tensors
from minir1.storage.tensorfile import read_tensors
from minir1.text_tokenizer import TextTokenizer


def exported(place: Path, out: Path, dtype: str = "float32") -> Path:
    write_model(find(str(place)), out, dtype)
    return out


def as_json(path: Path) -> dict:
    return json.loads(path.read_text("utf-8"))


def test_a_tiny_checkpoint_comes_back_as_it_was_without_what_only_we_know(
    tmp_path: Path,
) -> None:
    out = exported(BASE, tmp_path / "out")
    assert {path.name for path in out.iterdir()} == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json", "special_tokens_map.json",
    }  # fmt: skip
    ours, shape_there, words = load_checkpoint(BASE)
    theirs, shape_here, said = load_checkpoint(out)
    assert shape_here == shape_there and said.words == words.words
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("kind", ["ours", "foreign"])
def test_a_text_model_stops_at_every_token_that_ends_a_text(tmp_path: Path, kind: str) -> None:
    place = foreign(tmp_path / "theirs")
    if kind == "ours":
        place = run_of(tmp_path / "run").checkpoint_path("r1-zero")
    out = exported(place, tmp_path / "out")
    wanted = {
        "do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0,
        "eos_token_id": ENDS, "pad_token_id": tokenizer().pad_id,
    }  # fmt: skip
    assert as_json(out / "generation_config.json") == wanted
    assert TextTokenizer.load(out).eos_ids == tuple(ENDS)
    assert TextTokenizer.load(out).files == tokenizer().files
    assert not (out / "minir1.json").exists()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_weights_are_rounded_to_the_type_asked_for(tmp_path: Path, dtype: str) -> None:
    out = exported(foreign(tmp_path / "theirs"), tmp_path / "out", dtype)
    assert as_json(out / "config.json")["dtype"] == dtype
    there = find_tensors(out)
    assert {t.dtype for t in there.values()} == {
        {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}[dtype]
    }
    for name, value in params().items():
        step = {"float32": 0, "float16": 2**-11, "bfloat16": 2**-8}[dtype]
        np.testing.assert_allclose(there[name].read(), value, rtol=step, atol=1e-7)
    assert read_tensors(out / "model.safetensors")[1] == {"format": "pt"}  # the library's view


def test_bfloat16_goes_to_the_nearest_and_halves_to_even() -> None:
    halfway = np.array([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -1 - 2**-9], np.float32)
    read = (stored(halfway, "bfloat16").astype(np.uint32) << 16).view(np.float32)
    assert read.tolist() == [1.0, 1 + 2**-6, 1 + 2**-7, -1.0]


def test_what_float16_cannot_hold_is_refused_by_name(tmp_path: Path) -> None:
    place = foreign(tmp_path / "theirs")
    from safetensors.numpy import save_file

    large = {**params(), "model.norm.weight": np.full(32, 1e6, np.float32)}
    save_file(large, place / "model.safetensors")
    with pytest.raises(UserError, match=r"as float16 model\.norm\.weight holds infinity"):
        exported(place, tmp_path / "out", "float16")


def test_a_gguf_file_becomes_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    small = shape_of("llama")
    drawn = model.init_params(small, generator(0, "gguf"))
    file = write_gguf(tmp_path / "m.gguf", gguf_keys(small), gguf_tensors(drawn, small))
    out = exported(file, tmp_path / "out")
    read = find_tensors(out)
    assert all(np.array_equal(read[name].read(), drawn[name]) for name in read)
    assert TextTokenizer.load(out).encode("the quick fox") == tokenizer().encode(
        "the quick fox"
    )


def test_quantised_folders_are_refused_with_what_to_type(tmp_path: Path) -> None:
    place = foreign(tmp_path / "theirs")
    config = as_json(place / "config.json") | {"quantization": {"bits": 4, "group_size": 32}}
    (place / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"is quantised: .* mlx_lm convert -d"):
        exported(place, tmp_path / "out")


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_folder(tmp_path / "out") as folder:
        (folder / "half").write_text("")
        raise RuntimeError
    assert not any(tmp_path.iterdir())


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with new_folder(tmp_path / "out") as folder:
        (folder / "mine").write_text("")
    assert (tmp_path / "out" / "mine").exists()
    with (
        pytest.raises(UserError, match="holds something already"),
        new_folder(tmp_path / "out"),
    ):
        pass


# other libraries, where they are installed


@pytest.mark.filterwarnings("ignore")
def test_transformers_generates_from_a_text_model(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    out = exported(foreign(tmp_path / "theirs"), tmp_path / "out", "bfloat16")
    words = transformers.AutoTokenizer.from_pretrained(out)
    messages = [{"role": "user", "content": "to be or not to be"}]
    asked = words.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert asked == tokenizer().apply_chat_template(messages)
    assert words(asked)["input_ids"] == tokenizer().encode(asked)
    pipe = transformers.pipeline("text-generation", model=str(out), tokenizer=words)
    settings = pipe.model.generation_config
    assert (settings.eos_token_id, settings.top_k, settings.temperature) == (ENDS, 0, 1.0)
    said = pipe(asked, max_new_tokens=8)[0]["generated_text"]
    assert said.startswith(asked) and str(pipe.model.dtype) == "torch.bfloat16"


@pytest.mark.filterwarnings("ignore")
def test_transformers_generates_from_the_tiny_world(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    out = exported(BASE, tmp_path / "out")
    pipe = transformers.pipeline("text-generation", model=str(out))
    asked = "<bos> User: use 6 1 7 to make 48 . Assistant:"
    said = pipe(asked, max_new_tokens=30)[0]["generated_text"]
    assert said.startswith(asked) and len(said) > len(asked)


@pytest.mark.mlx
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["tiny", "text"])
def test_mlx_lm_generates(tmp_path: Path, kind: str) -> None:
    mlx_lm = pytest.importorskip("mlx_lm")
    place = BASE if kind == "tiny" else foreign(tmp_path / "theirs")
    out = exported(place, tmp_path / "out")
    loaded, words = mlx_lm.load(str(out))
    assert words.eos_token_ids == ({2} if kind == "tiny" else set(ENDS))
    messages = [{"role": "user", "content": "use 6 1 7 to make 48 ."}]
    asked = words.apply_chat_template(messages, add_generation_prompt=True)
    assert isinstance(mlx_lm.generate(loaded, words, asked, max_tokens=8), str)
