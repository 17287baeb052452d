"""Does the plain PyTorch loop that minir1 is compared with compute the same thing?

Skipped where PyTorch is not installed.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from minir1 import model, rl, rollout
from minir1.backend import from_numpy, to_numpy, use
from minir1.checkpoint import load_checkpoint, save_checkpoint
from minir1.config import RunConfig, SampleConfig
from minir1.model_config import ModelConfig
from minir1.policy import DecoderPolicy
from minir1.rng import generator
from minir1.tokenizer import WordTokenizer

HERE = Path(__file__).parent / "benchmarks"
WORDS = WordTokenizer()
TEXTS = ("<bos> User:", "<bos> User: use 3 7 1 to make 11 . Assistant:", "<bos> make 7 . 5 +")
PROMPTS = [WORDS.encode(text) for text in TEXTS]
SHAPE = ModelConfig(hidden_size=16, intermediate_size=24, num_hidden_layers=2, head_dim=4)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch):
    """The modules of the plain loop, imported as its own scripts do."""
    pytest.importorskip("torch", exc_type=ImportError)
    monkeypatch.setattr(sys, "path", [str(HERE), *sys.path])
    import torch_decoder
    import torch_loop

    return torch_decoder, torch_loop


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    use("numpy")
    params = model.init_params(SHAPE, generator(0, "init"))
    params["model.embed_tokens.weight"] *= 8  # a model that is sure of something
    params["model.embed_tokens.weight"][WORDS.eos_id] *= 3  # and often draws the end token
    return save_checkpoint(tmp_path / "base", params, SHAPE, WORDS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("lean", [False, True])
def test_the_plain_sampler_scores_as_minir1_does(plain, folder: Path, lean: bool) -> None:
    """Padding, the cache and rows that leave the batch must not change a log-probability."""
    torch_decoder, torch_loop = plain
    decoder = torch_decoder.Decoder.load(folder)
    torch_loop.torch.manual_seed(0)
    completions, old = torch_loop.sample(decoder, PROMPTS, 12, 9, lean)
    lengths = {len(row) for row in completions}
    assert max(lengths) == 9 and len(lengths) > 3
    params = from_numpy(load_checkpoint(folder)[0])
    for i, (written, logprobs) in enumerate(zip(completions, old, strict=True)):
        prompt = PROMPTS[i // 12]
        tokens = np.array([prompt + written], np.int32)
        places = np.arange(len(prompt) - 1, tokens.shape[1] - 1, dtype=np.int32)
        ours = to_numpy(model.place_logprobs(params, SHAPE, tokens, places))
        assert np.abs(ours - logprobs).max() < 1e-5
        assert WORDS.eos_id not in written[:-1]


@pytest.mark.filterwarnings("ignore")
def test_the_plain_update_has_the_same_gradient(plain, folder: Path) -> None:
    torch = pytest.importorskip("torch")
    torch_decoder, torch_loop = plain
    params = from_numpy(load_checkpoint(folder)[0])
    config = RunConfig(model=SHAPE, sample=SampleConfig(max_tokens=9), threads=1)
    ids = (WORDS.eos_ids, WORDS.pad_id)
    drawn = rollout.sample(params, SHAPE, PROMPTS, 4, config.sample, (0, "t", 0), *ids, 1)
    good = np.linspace(-1, 1, 8)
    compared = good, np.ones(1), np.ones(1)
    policy = DecoderPolicy(SHAPE)
    ours, _, _ = rl._gradient(params, config, policy, drawn, np.arange(8), compared)

    decoder = torch_decoder.Decoder.load(folder)
    asked = [PROMPTS[i // 4] for i in range(8)]
    written = [drawn.completion(i).tolist() for i in range(8)]
    at = drawn.completion_mask > 0
    old = [drawn.old_logprobs[i][at[i]].tolist() for i in range(8)]
    count = float(sum(map(len, written)))
    advantages = torch.tensor(good, dtype=torch.float32)
    for some in (slice(0, 5), slice(5, 8)):
        rows = torch_loop.batch(asked[some], written[some], old[some])
        torch_loop.backward(decoder, rows, advantages[some], count)
    for name, parameter in decoder.named_parameters():
        grad = to_numpy(ours["model." + name])
        assert np.abs(parameter.grad.numpy() - grad).max() < 1e-5 * max(1, np.abs(grad).max())
