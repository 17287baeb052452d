"""Where do completions come from? From the policy, token by token, exactly as it is.

The only sampler. Each prompt is read once and its cache copied to its group; rows that
have finished are dropped from the batch; every uniform number belongs to a (prompt,
sample, position), so a row's tokens do not depend on the rows beside it. Log-probability and
entropy are recorded as sampled: nothing is cut off (no top-k, no top-p) and nothing is
re-encoded from text, so what the loss scores is what was drawn. The end token is sampled
and trained like any other.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from minir1 import model
from minir1.backend import cores, from_numpy, parallel_map, to_numpy, xp
from minir1.config import SampleConfig
from minir1.model_config import ModelConfig
from minir1.rng import uniforms
from minir1.storage.tensorfile import pack, unpack
from minir1.workers import share_out

# From here on products are so large that threads share them well, and parameters so large
# that handing them to another process would cost more than it gains.
LARGE = 16_000_000

# The score of a word that may not be written: its probability is exactly zero, and zero
# times its finite score is zero in the entropy, as it should be.
NEVER = -1e30


@dataclass(frozen=True)
class Rollout:
    """G completions of each of P prompts, as sampled; B = P·G rows, a group side by side.

    Arrays of width T-1 speak at column t of the token at t + 1, as the scorer does.

    Shapes: tokens (B, T) padded on the right; completion_mask, old_logprobs, entropy
    (B, T-1); prompt_lengths, completion_lengths (B) with the end token counted; finished (B)
    says that the end token came before the cap.
    """

    tokens: np.ndarray
    completion_mask: np.ndarray
    old_logprobs: np.ndarray
    entropy: np.ndarray
    prompt_lengths: np.ndarray
    completion_lengths: np.ndarray
    finished: np.ndarray

    def completion(self, row: int) -> np.ndarray:
        """The tokens that the policy wrote in one row, the end token included."""
        start = int(self.prompt_lengths[row])
        return self.tokens[row, start : start + int(self.completion_lengths[row])]


Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]  # tokens, log-probabilities, entropy


def choose(logits: np.ndarray, u: np.ndarray) -> Drawn:
    """Draw a token from each row by inverting its distribution at u.

    Returns tokens, their log-probabilities, and the entropy of each row.

    Shapes: logits (B, V), u (B) -> (B), (B), (B)
    """
    z = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1)
    edges = np.cumsum(e, axis=1)  # (B, V)
    # Rounding must never reach past the last word that has any probability.
    mark = np.minimum(u * edges[:, -1], np.nextafter(edges[:, -1], np.float32(0)))
    tokens = np.argmax(edges > mark[:, None], axis=1)
    log_total = np.log(total)
    entropy = log_total - np.einsum("bv,bv->b", e, z) / total
    return tokens.astype(np.int32), z[np.arange(len(z)), tokens] - log_total, entropy


def without(logits: np.ndarray, forbidden: Sequence[int]) -> np.ndarray:
    """Take every chance from the forbidden words; with none, return the logits themselves.

    Shapes: logits (B, V) -> (B, V)
    """
    if not forbidden:
        return logits
    left = logits.copy()
    left[:, list(forbidden)] = NEVER
    return left


@dataclass(frozen=True)
class Job:
    """Everything but the parameters that decides what is sampled."""

    config: ModelConfig
    prompts: list[list[int]]
    group: int
    settings: SampleConfig
    address: tuple[int, str, int]  # seed, stage, step
    eos_ids: tuple[int, ...]
    pad_id: int
    first_prompt: int = 0  # the number of the first prompt in its random numbers' names
    forbidden: tuple[int, ...] = ()  # words that may not be written; for evaluation only


def sample(
    params: model.Params,
    config: ModelConfig,
    prompts: list[list[int]],
    group: int,
    settings: SampleConfig,
    address: tuple[int, str, int],
    eos_ids: Sequence[int],
    pad_id: int,
    threads: int = 0,
    first_prompt: int = 0,
    forbidden: Sequence[int] = (),
) -> Rollout:
    """Sample `group` completions of each prompt; address is (seed, stage, step).

    Where these prompts are a part of more, `first_prompt` counts those before them: a prompt
    draws the same numbers whoever samples it.

    Forbidden words have probability zero: log-probabilities and entropy are those of the
    distribution over the other words, so such a rollout is for evaluation, not for training.

    The rows are cut into chunks of settings.rows_per_chunk that decode together; the cut
    follows from the settings, so the number of cores at work changes no bit.

    Shapes: prompts [P lists] -> Rollout with B = P·group rows
    """
    ids = tuple(eos_ids), pad_id, first_prompt, tuple(forbidden)
    job = Job(config, prompts, group, settings, address, *ids)
    per_chunk = max(1, settings.rows_per_chunk // group)
    firsts = list(range(0, len(prompts), per_chunk))
    lanes = min(threads or cores(), len(firsts)) if xp.name == "numpy" else 1
    small = sum(value.size for value in params.values()) < LARGE
    if lanes > 1 and small:
        rows = _decode_side_by_side(params, job, firsts, per_chunk, lanes)
    else:
        chunks = parallel_map(lambda at: decode(params, job, at, per_chunk), firsts, lanes)
        rows = [row for chunk in chunks for row in chunk]
    repeated = [prompt for prompt in prompts for _ in range(group)]
    return assemble(repeated, rows, eos_ids, pad_id)


def _decode_side_by_side(
    params: model.Params, job: Job, firsts: list[int], per_chunk: int, lanes: int
) -> list["Row"]:
    """Deal the chunks to this process and its helpers; return all rows in order."""
    arrays = {name: to_numpy(value) for name, value in params.items()}
    dealt = [firsts[lane::lanes] for lane in range(lanes)]
    described = asdict(job)
    requests = [
        pack(arrays, "job", json.dumps({**described, "firsts": mine, "chunk": per_chunk}))
        for mine in dealt
    ]
    answers = [unpack(answer, "job")[0] for answer in share_out(requests[:1], requests[1:])]
    chunks: dict[int, list[Row]] = {}
    for mine, answer in zip(dealt, answers, strict=True):
        rows = _unpack(answer)
        for first in mine:
            size = min(per_chunk, len(job.prompts) - first) * job.group
            chunks[first], rows = rows[:size], rows[size:]
    return [row for first in firsts for row in chunks[first]]


def answer_request(request: bytes) -> bytes:
    """Decode the chunks that a request names: what a helper process does."""
    arrays, text = unpack(request, "job")
    said = json.loads(text)
    job = Job(
        ModelConfig(**said["config"]),
        said["prompts"],
        said["group"],
        SampleConfig(**said["settings"]),
        tuple(said["address"]),
        tuple(said["eos_ids"]),
        said["pad_id"],
        said["first_prompt"],
        tuple(said["forbidden"]),
    )
    params = from_numpy(arrays)
    rows = [
        row for first in said["firsts"] for row in decode(params, job, first, said["chunk"])
    ]
    columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
    lengths = np.array([len(row[0]) for row in rows], np.int32)
    names = ("tokens", "logprobs", "entropy")
    return pack({**dict(zip(names, columns, strict=True)), "lengths": lengths}, "job", "done")


def _unpack(answer: dict[str, np.ndarray]) -> list["Row"]:
    cuts = np.cumsum(answer["lengths"])[:-1]
    columns = [np.split(answer[name], cuts) for name in ("tokens", "logprobs", "entropy")]
    return list(zip(*columns, strict=True))


Row = tuple[np.ndarray, np.ndarray, np.ndarray]  # tokens, log-probabilities, entropy


def decode(
    params: model.Params,
    job: Job,
    first: int,
    count: int,
    draw: Callable[[np.ndarray, np.ndarray], Drawn] | None = None,
) -> list[Row]:
    """Decode one chunk of rows together until all have ended or reached the cap.

    draw: how a token is drawn, by default `choose`.
    """
    draw = draw or choose
    prompts = job.prompts[first : first + count]
    start = job.first_prompt + first
    places = range(start, start + len(prompts))
    names = [(prompt, member) for prompt in places for member in range(job.group)]
    u = uniforms(*job.address, names, job.settings.max_tokens)  # (b, cap)
    temperature = job.settings.temperature
    rows, cap = u.shape
    tokens = np.full((rows, cap), job.pad_id, np.int32)
    logprobs, entropy = np.zeros((rows, cap), np.float32), np.zeros((rows, cap), np.float32)
    lengths = np.full(rows, cap)
    cache, scores = _read_prompts(params, job, prompts)
    alive = np.arange(rows)  # the row that each line of the cache belongs to
    ended = np.zeros(rows, bool)
    for t in range(cap):
        z = to_numpy(scores) if temperature == 1.0 else to_numpy(scores) / temperature
        drawn, logp, h = draw(without(z, job.forbidden), u[alive, t])
        tokens[alive, t], logprobs[alive, t], entropy[alive, t] = drawn, logp, h
        newly = np.isin(drawn, job.eos_ids) & ~ended
        lengths[alive[newly]] = t + 1
        ended |= newly
        if ended.all() or t + 1 == cap:
            break
        if cache.full or ended.mean() > 0.15:
            kept = np.flatnonzero(~ended)
            cache.select(kept)
            alive, drawn, ended = alive[kept], drawn[kept], ended[kept]
        hidden = model.forward(params, job.config, drawn[:, None], cache)
        scores = model.logits(params, hidden[:, 0])
    return [(tokens[i, :n], logprobs[i, :n], entropy[i, :n]) for i, n in enumerate(lengths)]


def _read_prompts(
    params: model.Params, job: Job, prompts: list[list[int]]
) -> tuple[model.Cache, Any]:
    """Read each prompt once, then hand its cache and last scores to its whole group."""
    width = max(map(len, prompts))
    padding = np.array([width - len(prompt) for prompt in prompts])
    tokens = np.array([[job.pad_id] * (width - len(p)) + p for p in prompts], np.int32)
    cache = model.Cache(job.config, len(prompts), width, padding)
    hidden = model.forward(params, job.config, tokens, cache)
    members = np.repeat(np.arange(len(prompts)), job.group)
    cache.select(members)
    scores = model.logits(params, hidden[:, -1])
    return cache, xp.take(scores, xp.array(members.astype(np.int32)), axis=0)


def assemble(
    prompts: list[list[int]], rows: list[Row], eos_ids: Sequence[int], pad_id: int
) -> Rollout:
    """Lay prompt and completion of each row side by side, padded on the right."""
    prompt_lengths = np.array([len(prompt) for prompt in prompts])
    lengths = np.array([len(row[0]) for row in rows])
    B, T = len(rows), int((prompt_lengths + lengths).max())
    tokens = np.full((B, T), pad_id, np.int32)
    mask, logprobs, entropy = np.zeros((3, B, T - 1), np.float32)
    for i, (drawn, logp, h) in enumerate(rows):
        start, end = prompt_lengths[i], prompt_lengths[i] + lengths[i]
        tokens[i, :start], tokens[i, start:end] = prompts[i], drawn
        mask[i, start - 1 : end - 1] = 1
        logprobs[i, start - 1 : end - 1], entropy[i, start - 1 : end - 1] = logp, h
    finished = np.array([row[0][-1] in eos_ids for row in rows])
    return Rollout(tokens, mask, logprobs, entropy, prompt_lengths, lengths, finished)
