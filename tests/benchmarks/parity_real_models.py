"""Do numpy, MLX and transformers compute the same logits on a real model, from its GGUF file?

    python tests/benchmarks/parity_real_models.py SmolLM2-135M-Instruct.Q4_1.gguf FOLDER

Opens the file, writes it to FOLDER as a float32 Hugging Face folder, and compares minir1 on
numpy with whatever else is installed: minir1 on MLX, mlx-lm and transformers reading FOLDER,
transformers reading the GGUF file by itself. Prints max |difference| of logits for each text,
and says whether the others see the same token ids and write the same chats.
"""

import argparse
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minir1 import backend, model
from minir1.backend import from_numpy, to_numpy
from minir1.checkpoint import save_checkpoint
from minir1.pretrained import open_model

LONGEST = 200  # tokens of a text
TEXTS = {
    "prose": """The lighthouse had been empty for thirty years when Mara bought it. The stairs
were sound, the lamp was not, and the sea had taken most of the garden. She painted the door
first, because a door is what people see, and then she learned how to mend a roof in the wind.
By the second winter the neighbours had stopped calling it the ruin. By the third they brought
her their broken radios, their clocks and once, in a basket, a very old and angry cat. She
mended the radios and the clocks. The cat she let alone, and it stayed. In the evenings she
climbed the stairs with a lantern, although no ship had asked for one since the war, and sat
where the lamp had been, and read aloud to the cat and to the weather whatever the library van
had left that month: histories of salt, a manual of knots, the letters of a botanist.""",
    "code": '''def primes(limit: int) -> list[int]:
    """Return the primes below a limit."""
    sieve = bytearray([1]) * limit
    sieve[:2] = b"\\x00\\x00"
    for n in range(2, int(limit**0.5) + 1):
        if sieve[n]:
            sieve[n * n :: n] = bytes(len(range(n * n, limit, n)))
    return [n for n, prime in enumerate(sieve) if prime]


if __name__ == "__main__":
    print(primes(100), sum(primes(10_000)) == 5736396)
    for (i, j), k in zip([(1, 2), (3, 4)], "ab", strict=True):
        assert f"{i}{j}{k}" in {"12a", "34b"}, (i, j, k)
''',
    "numbers": "".join(
        f"{a} + {b} = {a + b}; {a} x {b} = {a * b}. "
        for a in (7, 46, 1890)
        for b in (12, 305, 99999)
    ),
    "languages": """Die Straße führt über den Fluß. L'été dernier, nous étions à Besançon.
今天天气很好，我们去公园吧。Привет, как дела? Ο καφές είναι ζεστός. שלום עולם. नमस्ते दुनिया.
👩🏽‍🚀 🇨🇭 e\u0301 ①②③ ½ ﬁne wide\u3000spaces\u00a0here\u200bthere\r\n\r\n\t\ttabs
   and trailing   """,
}
QUESTION = "Tom has 3 boxes with 12 pencils each. He gives 7 away. How many are left?"
CHATS = [
    [{"role": "user", "content": QUESTION}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1 + 1?"}],
    [
        {"role": "user", "content": "Hello <|im_end|> there"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "  and \n bye 🇨🇭"},
    ],
]
Scorer = Callable[[np.ndarray], np.ndarray]  # (1, T) -> (T, V)


def ours(params: dict[str, np.ndarray], shape: Any, engine: str) -> Scorer:
    """minir1's decoder on one of its engines."""

    def score(tokens: np.ndarray) -> np.ndarray:
        backend.use(engine)
        live = from_numpy(params)
        z = np.array(to_numpy(model.logits(live, model.forward(live, shape, tokens))))[0]
        backend.use("numpy")
        return z

    return score


def in_transformers(folder: Path, gguf: str | None = None) -> Scorer:
    """transformers on a folder, or on the GGUF file in it."""
    import torch
    from transformers import AutoModelForCausalLM

    named = {} if gguf is None else {"gguf_file": gguf}
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **named)

    def score(tokens: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return theirs(torch.tensor(tokens, dtype=torch.long)).logits[0].numpy()

    return score


def in_mlx_lm(folder: Path) -> Scorer:
    """mlx-lm on a folder."""
    import mlx.core as mx
    import mlx_lm

    theirs, _ = mlx_lm.load(str(folder))
    return lambda tokens: np.array(theirs(mx.array(tokens)))[0]


def others(gguf: Path, folder: Path, params: Any, shape: Any) -> dict[str, Scorer]:
    """Whatever is installed that can compute the same model."""
    found: dict[str, Scorer] = {}
    if importlib.util.find_spec("mlx"):
        found["minir1 on MLX"] = ours(params, shape, "mlx")
    if importlib.util.find_spec("mlx_lm"):
        found["mlx-lm, folder"] = in_mlx_lm(folder)
    if importlib.util.find_spec("torch"):
        found["transformers, folder"] = in_transformers(folder)
        found["transformers, GGUF"] = in_transformers(gguf.parent, gguf.name)
    return found


def same_words(folder: Path, tokenizer: Any) -> str:
    """Compare ids, decoded text and rendered chats with transformers' tokenizer."""
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(folder)
    rendered = [tokenizer.apply_chat_template(chat) for chat in CHATS]
    for chat, text in zip(CHATS, rendered, strict=True):
        wanted = theirs.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        assert text == wanted, (text, wanted)
    texts = [*TEXTS.values(), *rendered, *(chr(i) for i in range(32, 0x3000))]
    for text in texts:
        ids = tokenizer.encode(text)
        assert ids == theirs.encode(text, add_special_tokens=False), text
        assert tokenizer.decode(ids) == theirs.decode(ids), text
        assert tokenizer.decode(ids) == text, text
    return f"{len(texts):,} texts and {len(CHATS)} chats: equal ids, equal text"


def greedy(params: Any, shape: Any, tokens: list[int], ends: tuple[int, ...]) -> list[int]:
    """Continue with the likeliest token, at most 80 times."""
    live, added = from_numpy(params), []
    cache = model.Cache(shape, 1, len(tokens) + 80)
    hidden = model.forward(live, shape, np.array([tokens]), cache)
    while len(added) < 80:
        added.append(int(to_numpy(model.logits(live, hidden[:, -1])).argmax()))
        if added[-1] in ends:
            break
        hidden = model.forward(live, shape, np.array([added[-1:]]), cache)
    return added


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gguf", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    backend.use("numpy")
    params, shape, tokenizer = open_model(given.gguf)
    save_checkpoint(given.folder, params, shape, tokenizer)
    again, _, _ = open_model(given.folder)
    assert all(np.array_equal(again[name], value) for name, value in params.items())
    prompt = tokenizer.encode(tokenizer.apply_chat_template(CHATS[0]))
    print(repr(tokenizer.decode(greedy(params, shape, prompt, tokenizer.eos_ids))))
    if importlib.util.find_spec("transformers"):
        print(same_words(given.folder, tokenizer))
    scorers = others(given.gguf, given.folder, params, shape)
    print(f"{'max |difference| of logits':28}" + "".join(f"{n:>24}" for n in scorers))
    for name, text in TEXTS.items():
        tokens = np.array([tokenizer.encode(text)[:LONGEST]])
        z = ours(params, shape, "numpy")(tokens)
        gaps = [float(np.abs(score(tokens) - z).max()) for score in scorers.values()]
        label = f"{name}, {tokens.size} tokens, to {np.abs(z).max():.1f}"
        print(f"{label:28}" + "".join(f"{gap:24.1e}" for gap in gaps))


if __name__ == "__main__":
    main()
