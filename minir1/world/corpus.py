"""What is the base model pretrained on?

A corpus is an endless row of blocks of 1000 documents. A block is a pure function of (seed,
config, block), so nothing is stored, and any part of the corpus can be written again. What a
document looks like is in `documents`, how often each kind comes in `corpus_config`.
"""

import hashlib
from bisect import bisect
from collections.abc import Iterable, Iterator
from itertools import accumulate

import numpy as np

from minir1.rng import generator
from minir1.tokenizer import WordTokenizer
from minir1.world.corpus_config import CorpusConfig
from minir1.world.documents import document

BLOCK = 1000  # documents in a block
_DRAWS = 8192  # uniforms asked of the generator at a time


def documents(seed: int, config: CorpusConfig, block: int) -> list[str]:
    """Write one block of 1000 documents; the same arguments give the same block."""
    shares = config.shares()
    kinds = tuple(shares)
    edges = list(accumulate(shares.values()))[:-1]
    draw = _uniforms(generator(seed, "corpus", block)).__next__
    return [
        document(
            draw,
            config,
            kinds[bisect(edges, draw())],
            "zh" if draw() < config.zh_prompts else "en",
        )
        for _ in range(BLOCK)
    ]


def encode_block(seed: int, config: CorpusConfig, block: int) -> list[np.ndarray]:
    """Give one block as token ids, an array of uint8 for each document."""
    tokenizer = WordTokenizer()
    return [
        np.array(tokenizer.encode(text), dtype=np.uint8)
        for text in documents(seed, config, block)
    ]


def token_stream(seed: int, config: CorpusConfig, blocks: Iterable[int]) -> np.ndarray:
    """Put the documents of some blocks end to end, each from its <bos> to its <eos>.

    Shapes: -> (tokens of all documents,) uint8
    """
    return np.concatenate(
        [ids for block in blocks for ids in encode_block(seed, config, block)]
    )


def corpus_hash(seed: int, config: CorpusConfig, blocks: Iterable[int]) -> str:
    """Fingerprint the token ids of some blocks, in their order: sha256, in hex."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(token_stream(seed, config, [block]).tobytes())
    return digest.hexdigest()


def _uniforms(rng: np.random.Generator) -> Iterator[float]:
    """Hand out the generator's uniforms one at a time; asking for many at once is faster."""
    while True:
        yield from rng.random(_DRAWS).tolist()
