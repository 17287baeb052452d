"""Does a GGUF file give back the model and the words it was made of, and no surprises?"""

import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models as tiny
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minir1.errors import UserError
from minir1.gguf_model import hf_name
from minir1.gguf_tokenizer import READ
from minir1.model import init_params, parameter_shapes
from minir1.model_config import ModelConfig
from minir1.pretrained import open_model
from minir1.rng import generator

pytest.importorskip("gguf")

SHAPES = {
    "llama, tied": tiny.shape_of("llama"),
    "llama, untied": tiny.shape_of("llama", tie_word_embeddings=False, num_key_value_heads=4),
    "qwen2": tiny.shape_of("qwen2"),
    "qwen3": tiny.shape_of("qwen3", head_dim=16, tie_word_embeddings=False),
}


def parameters(shape: ModelConfig) -> dict[str, np.ndarray]:
    rng = generator(0, "tests", "gguf")
    return {
        name: value + 0.1 * rng.standard_normal(value.shape).astype(np.float32)
        for name, value in init_params(shape, rng).items()
    }


def written(path: Path, shape: ModelConfig, kind: str = "F32", **keys: Any) -> Path:
    """Write a small model; a key given as None is left out."""
    named = tiny.gguf_keys(shape) | {name.replace("__", "."): v for name, v in keys.items()}
    given = {name: value for name, value in named.items() if value is not None}
    tensors = tiny.gguf_tensors(parameters(shape), shape)
    return tiny.write_gguf(path / "tiny.gguf", given, tensors, kind)


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        open_model(path)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 400
    return text


@pytest.mark.parametrize("label", SHAPES)
def test_parameters_and_shape_come_back(tmp_path: Path, label: str) -> None:
    shape = SHAPES[label]
    params, read, _ = open_model(written(tmp_path, shape))
    assert replace(read, rms_norm_eps=shape.rms_norm_eps) == shape
    assert read.rms_norm_eps == pytest.approx(shape.rms_norm_eps)  # a float32 in the file
    wanted = parameters(shape)
    assert list(params) == list(parameter_shapes(shape)) and params.keys() == wanted.keys()
    for name, value in wanted.items():
        assert params[name].dtype == np.float32 and np.array_equal(params[name], value), name


@pytest.mark.parametrize(("kind", "worst"), [("F16", 1e-3), ("BF16", 1e-2), ("Q8_0", 2e-2)])
def test_quantised_numbers_are_near(tmp_path: Path, kind: str, worst: float) -> None:
    shape = SHAPES["llama, tied"]
    params, _, _ = open_model(written(tmp_path, shape, kind))
    for name, value in parameters(shape).items():
        gap = np.abs(params[name] - value).max()
        assert gap < worst * max(np.abs(value).max(), 1)
        assert (gap > 0) == (value.ndim == 2)


def test_the_order_of_rows_is_undone_by_hand() -> None:
    """Row i of the second half stands at 2i + 1 in the file."""
    from minir1.gguf_model import _halves

    rows = np.array([0, 4, 1, 5, 2, 6, 3, 7, 10, 14, 11, 15, 12, 16, 13, 17])
    assert _halves(rows, 8).tolist() == [*range(8), *range(10, 18)]


def test_names() -> None:
    assert hf_name("blk.12.attn_q.bias") == "model.layers.12.self_attn.q_proj.bias"
    assert hf_name("output.weight") == "lm_head.weight"
    assert hf_name("blk.0.ffn_gate_inp.weight") == "blk.0.ffn_gate_inp.weight"


# what is refused

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"general__architecture": "gemma3"}, "model_type is 'gemma3': minir1 computes llama"),
    ({"llama__embedding_length": None}, "hidden_size is missing"),
    ({"llama__embedding_length": 48}, "has shape"),
    ({"llama__block_count": 3}, "lacks tensor model.layers.2."),
    ({"llama__block_count": 1}, "has surplus tensor model.layers.1."),
    ({"llama__attention__head_count": "four"}, "num_attention_heads is 'four'"),
    ({"llama__rope__scaling__type": "yarn"}, "rope_type is 'yarn'"),
    ({"llama__rope__dimension_count": 4}, "rope.dimension_count is 4"),
    ({"llama__expert_count": 8}, "expert_count is 8"),
    ({"tokenizer__ggml__model": "llama"}, "its tokenizer is llama, smollm: minir1 reads gpt2"),
    ({"tokenizer__ggml__pre": "tekken"}, "its tokenizer is gpt2, tekken"),
    ({"tokenizer__ggml__pre": None}, "its tokenizer is gpt2, None"),
    ({"tokenizer__ggml__tokens": ["a", "b"]}, "its tokenizer is damaged"),
    ({"tokenizer__ggml__tokens": "abc"}, "its tokenizer is damaged"),
    ({"tokenizer__ggml__merges": ["no-space"]}, "its tokenizer is damaged"),
    ({"tokenizer__ggml__merges": None}, "its tokenizer is damaged"),
    ({"tokenizer__ggml__token_type": [1, 2]}, "its tokenizer is damaged"),
    ({"tokenizer__ggml__eos_token_id": None}, "names no token that ends a text"),
    ({"tokenizer__ggml__eos_token_id": 10**6}, "names no token that ends a text"),
]


@pytest.mark.parametrize(("keys", "said"), REFUSED)
def test_a_file_that_is_not_ours_is_refused_by_name(
    tmp_path: Path, keys: dict, said: str
) -> None:
    assert said in refusal(written(tmp_path, SHAPES["llama, tied"], **keys))


def test_linear_stretching_is_read(tmp_path: Path) -> None:
    keys = {"llama__rope__scaling__type": "linear", "llama__rope__scaling__factor": 2.0}
    shape = open_model(written(tmp_path, SHAPES["llama, tied"], **keys))[1]
    assert shape.rope_periods is not None and shape.rope_periods[0] == pytest.approx(2)


def llama3_factors(shape: ModelConfig, factor: float) -> np.ndarray:
    """What llama.cpp's converter writes as rope_freqs for Llama 3.1 (wavelengths in tokens)."""
    factors = []
    for i in range(shape.head_dim // 2):
        wave = 2 * np.pi * shape.rope_theta ** (2 * i / shape.head_dim)
        smooth = (8192 / wave - 1) / (4 - 1)
        if wave < 8192 / 4:
            factors.append(1.0)
        elif wave > 8192 / 1:
            factors.append(factor)
        else:
            factors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, np.float32)


def test_llama3_stretching_is_known_by_its_factors(tmp_path: Path) -> None:
    shape = tiny.shape_of("llama", rope_theta=500000.0)
    factors = llama3_factors(shape, 32.0)
    tensors = tiny.gguf_tensors(parameters(shape), shape)
    path = tiny.write_gguf(
        tmp_path / "a.gguf", tiny.gguf_keys(shape), {**tensors, "rope_freqs.weight": factors}
    )
    read = open_model(path)[1]
    plain = 500000.0 ** (np.arange(4) / 4)
    np.testing.assert_allclose(np.array(read.rope_periods) / plain, factors, rtol=1e-6)
    path = tiny.write_gguf(
        tmp_path / "b.gguf",
        tiny.gguf_keys(shape),
        {**tensors, "rope_freqs.weight": factors[::-1].copy()},
    )
    assert "rope_freqs.weight" in refusal(path)


# damage


def test_files_that_are_no_gguf(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    for data, said in [
        (b"", "it ends within its header, at byte 0"),
        (b"GGML" * 10, "it does not begin with GGUF"),
        (b"GGUF" + struct.pack("<I", 1) + bytes(40), "its version is 1"),
        (b"GGUF" + struct.pack(">I", 3) + bytes(40), "little-endian"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "it ends within its header"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "it ends within its header"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**63), "it ends within its header"),
    ]:
        path.write_bytes(data)
        assert said in refusal(path)
    path.unlink()
    path.mkdir()
    assert "has no config.json" in refusal(path)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (struct.pack("<IIQ", 9, 8, 2**61), "an array of 2,305,843,009,213,693,952 values"),
        (struct.pack("<IIQ", 9, 4, 2**61), "it ends within its header"),
        (struct.pack("<IIQ", 9, 9, 1), "an array of 1 values of type 9"),
        (struct.pack("<I", 13), "a value of unknown type 13"),
    ],
)
def test_absurd_values(tmp_path: Path, value: bytes, said: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + value)
    assert said in refusal(path)


def table(*rows: tuple[bytes, tuple[int, ...], int, int]) -> bytes:
    """A file without keys that ends after its table of tensors."""
    data = b"GGUF" + struct.pack("<IQQ", 3, len(rows), 0)
    for name, shape, kind, offset in rows:
        data += struct.pack("<Q", len(name)) + name + struct.pack("<I", len(shape))
        data += struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", kind, offset)
    return data


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(b"a", (2**40, 2**40), 0, 0)], "a ends at byte"),
        ([(b"a", (4,), 0, 2**63)], "a ends at byte"),
        ([(b"a", (0,), 0, 0)], "a has shape (0,)"),
        ([(b"a", (33,), 2, 0)], "a has shape (33,)"),
        ([(b"a", (4,), 999, 0)], "a has unknown type 999"),
        ([(b"a", (1, 1, 1, 1, 1), 0, 0)], "a tensor of 5 dimensions"),
        ([(b"a", (1,), 0, 0), (b"a", (1,), 0, 0)], "two tensors are called a"),
    ],
)
def test_absurd_tensors(tmp_path: Path, rows: list, said: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(table(*rows))
    assert said in refusal(path)


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, SHAPES["llama, tied"])
    whole = path.read_bytes()
    for length in [*range(0, 400, 7), *range(400, len(whole), len(whole) // 40)]:
        path.write_bytes(whole[:length])
        assert "no whole GGUF file" in refusal(path), length


@settings(max_examples=150, deadline=None)
@example(at=307, noise=b"\x01")  # a head's width that the tensors do not have
@given(st.integers(0, 9000), st.binary(min_size=1, max_size=9))
def test_damage_is_a_sentence_or_harmless(tmp_path_factory: Any, at: int, noise: bytes) -> None:
    """Whatever stands in the header, opening it ends with a model or with one line."""
    path = tmp_path_factory.getbasetemp() / "whole" / "tiny.gguf"
    if not path.exists():
        path.parent.mkdir()
        written(path.parent, SHAPES["llama, tied"])
    data = bytearray(path.read_bytes())
    data[at : at + len(noise)] = noise
    broken = path.with_name("broken.gguf")
    broken.write_bytes(data)
    try:
        open_model(broken)
    except UserError as error:
        assert "\n" not in str(error)


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, SHAPES["llama, tied"])
    monkeypatch.setitem(sys.modules, "gguf", None)
    assert "pip install 'minir1[gguf]'" in refusal(path)


# words


@pytest.mark.parametrize("pre", READ)
def test_words(tmp_path: Path, pre: str) -> None:
    path = written(tmp_path, SHAPES["llama, tied"], tokenizer__ggml__pre=pre)
    tokenizer = open_model(path)[2]
    words = tiny.vocabulary()[0]
    assert tokenizer.eos_ids == (words.index(tiny.END),)
    assert tokenizer.pad_id == words.index(tiny.PAD) and tokenizer.bos_id is None
    assert len(tokenizer) == len(words)
    assert tokenizer.chat_template == tiny.TEMPLATE
    for text in (
        "the quick fox",
        "it's 2024!\n\n  x1",
        "naïve 日本 🦊\t",
        "a<tool>b<|im_end|>",
    ):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        special = [words[i] for i in ids if words[i] in (tiny.TOOL, tiny.END)]
        assert special == [w for w in (tiny.TOOL, tiny.END) if w in text]


def pieces(path: Path, text: str) -> list[str]:
    cutter = open_model(path)[2].tokenizer.pre_tokenizer
    return [text[a:b] for _, (a, b) in cutter.pre_tokenize_str(text)]


CUTS = {
    "gpt-2": ["it", "'s", " 1234", "\n", "\n", "Yes", "!!", " x"],
    "smollm": ["it", "'s", " ", "1", "2", "3", "4", "\n", "\n", "Yes", "!!", " x"],
    "qwen2": ["it", "'s", " ", "1", "2", "3", "4", "\n\n", "Yes", "!!", " x"],
    "llama-bpe": ["it", "'s", " ", "123", "4", "\n\n", "Yes", "!!", " x"],
}


@pytest.mark.parametrize("pre", CUTS)
def test_text_is_cut_as_the_model_learnt(tmp_path: Path, pre: str) -> None:
    path = written(tmp_path, SHAPES["llama, tied"], tokenizer__ggml__pre=pre)
    assert pieces(path, "it's 1234\n\nYes!! x") == CUTS[pre]


def test_qwen_composes_characters_and_the_others_do_not(tmp_path: Path) -> None:
    for pre, same in (("qwen2", True), ("smollm", False)):
        path = written(tmp_path, SHAPES["llama, tied"], tokenizer__ggml__pre=pre)
        tokenizer = open_model(path)[2]
        assert (tokenizer.encode("e\u0301") == tokenizer.encode("\u00e9")) is same


def test_several_ends(tmp_path: Path) -> None:
    keys = {"tokenizer__ggml__eot_token_id": 0, "tokenizer__ggml__eom_token_id": 1}
    assert open_model(written(tmp_path, SHAPES["llama, tied"], **keys))[2].eos_ids == (1, 0)


def test_a_whole_word_needs_no_merges_in_llama_3(tmp_path: Path) -> None:
    words, merges = tiny.vocabulary()
    few = {"tokenizer__ggml__merges": [" ".join(merges[0])]}
    for pre, whole in (("llama-bpe", True), ("gpt-2", False)):
        path = written(tmp_path, SHAPES["llama, tied"], tokenizer__ggml__pre=pre, **few)
        ids = open_model(path)[2].encode("the")
        assert (ids == [words.index("the")]) is whole


def test_other_tools_are_told_of_the_first_token(tmp_path: Path) -> None:
    keys = {"tokenizer__ggml__bos_token_id": 0, "tokenizer__ggml__add_bos_token": True}
    tokenizer = open_model(written(tmp_path, SHAPES["llama, tied"], **keys))[2]
    plain = tokenizer.encode("the fox")
    assert tokenizer.bos_id == 0 and 0 not in plain
    assert tokenizer.tokenizer.encode("the fox").ids == [0, *plain]
