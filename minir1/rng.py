"""Where does every random number come from? From its address.

A number is a function of (seed, path…), for example (seed, "r1-zero", step, prompt,
sample, position), through numpy's counter-based Philox generator. Nothing is carried
from one step to the next, so a resume, another thread count or another split of the
batch draws the same numbers, and both engines see the same ones.
"""

import hashlib

import numpy as np


def _key(seed: int, path: tuple[object, ...]) -> np.ndarray:
    """Hash an address into Philox's 128-bit key; equal text means equal key."""
    address = "/".join([str(int(seed)), *(str(part) for part in path)])
    digest = hashlib.blake2b(address.encode(), digest_size=16).digest()
    return np.frombuffer(digest, dtype=np.uint64)


def generator(seed: int, *path: object) -> np.random.Generator:
    """Return the generator that lives at an address of ints and strings."""
    return np.random.Generator(np.random.Philox(key=_key(seed, path)))


def uniforms(
    seed: int, stage: str, step: int, rows: list[tuple[int, int]], n: int
) -> np.ndarray:
    """Return n uniforms in [0, 1) for each row, named by its (prompt, sample).

    The row is Philox's counter and the position is the place in its stream: a row draws
    the same numbers whichever rows it is batched with.

    Shapes: rows [B pairs] -> (B, n) float32
    """
    key = _key(seed, (stage, step))
    u = np.empty((len(rows), n), dtype=np.float32)  # (B, n)
    for i, (prompt, sample) in enumerate(rows):
        stream = np.random.Philox(key=key, counter=[0, 0, prompt, sample])
        u[i] = np.random.Generator(stream).random(n, dtype=np.float32)
    return u
