"""Do transformers and mlx-lm read our folders, and see the same model and the same words?

Skipped where those libraries are not installed. The tolerance is of logits in float32.
"""

from pathlib import Path

import numpy as np
import pytest

from minir1 import model
from minir1.backend import from_numpy, to_numpy, use
from minir1.checkpoint import save_checkpoint
from minir1.model_config import ModelConfig
from minir1.rng import generator
from minir1.tokenizer import WordTokenizer
from minir1.world.questions import held_out_questions

TOLERANCE = 1e-4
WORDS = WordTokenizer()
PROMPTS = [question.prompt for question in held_out_questions("test", 12)]

pytestmark = pytest.mark.filterwarnings("ignore")  # of the other libraries


def checkpoint(folder: Path, kind: str, tied: bool) -> tuple[Path, dict, ModelConfig]:
    """Save a random model in which no bias is 0 and no norm is 1."""
    shape = ModelConfig.from_dict(
        ModelConfig().to_dict() | {"model_type": kind, "tie_word_embeddings": tied}
    )
    rng = generator(0, "interop", kind)
    params = {
        name: (value + 0.3 * rng.standard_normal(value.shape)).astype(np.float32)
        if value.ndim == 1
        else value
        for name, value in model.init_params(shape, rng).items()
    }
    return save_checkpoint(folder / kind, params, shape, WORDS), params, shape


def padded() -> np.ndarray:
    rows = [WORDS.encode(prompt) for prompt in PROMPTS]
    tokens = np.full((len(rows), max(map(len, rows))), WORDS.pad_id, np.int32)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = row
    return tokens  # (B, T)


def ours(params: dict, shape: ModelConfig, tokens: np.ndarray) -> np.ndarray:
    use("numpy")
    live = from_numpy(params)
    return to_numpy(model.logits(live, model.forward(live, shape, tokens)))


def gap(a: np.ndarray, b: np.ndarray) -> float:
    assert a.shape == b.shape
    assert np.abs(b).max() > 0.1
    return float(np.abs(a - b).max())


ARCHITECTURES = pytest.mark.parametrize(
    ("kind", "tied"), [("llama", True), ("qwen2", False), ("qwen3", True)]
)


@ARCHITECTURES
def test_transformers_computes_the_same_logits(tmp_path: Path, kind: str, tied: bool) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder, params, shape = checkpoint(tmp_path, kind, tied)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert type(theirs).__name__ == ModelConfig.ARCHITECTURES[kind]
    assert theirs.dtype == torch.float32
    tokens = padded()
    with torch.no_grad():
        z = theirs(torch.tensor(tokens, dtype=torch.long)).logits.numpy()
    assert gap(ours(params, shape, tokens), z) < TOLERANCE


def test_transformers_reads_the_same_words(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    folder, _, _ = checkpoint(tmp_path, "llama", True)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    for prompt in PROMPTS:
        assert theirs(prompt)["input_ids"] == WORDS.encode(prompt)
        assert theirs.decode(WORDS.encode(prompt)) == prompt
    special = (theirs.pad_token_id, theirs.bos_token_id, theirs.eos_token_id)
    assert special == (WORDS.pad_id, WORDS.bos_id, WORDS.eos_id)


@ARCHITECTURES
def test_mlx_lm_computes_the_same_logits(tmp_path: Path, kind: str, tied: bool) -> None:
    mx = pytest.importorskip("mlx.core")
    mlx_lm = pytest.importorskip("mlx_lm")
    folder, params, shape = checkpoint(tmp_path, kind, tied)
    theirs, tokenizer = mlx_lm.load(str(folder))
    tokens = padded()
    z = np.array(theirs(mx.array(tokens)))
    assert gap(ours(params, shape, tokens), z) < TOLERANCE
    assert tokenizer.eos_token_ids == {WORDS.eos_id}
    if kind != "qwen2":  # transformers 5 gives every qwen2 folder Qwen's own tokenizer
        theirs_read = [tokenizer.encode(prompt) for prompt in PROMPTS]
        assert theirs_read == [WORDS.encode(prompt) for prompt in PROMPTS]
