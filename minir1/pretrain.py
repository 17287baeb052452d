"""Where does the base come from? From nothing: next-token training on the tiny corpus.

Documents are read whole, each from its own <bos>, in the order of the corpus; a step takes
as many as fill its token budget. A generator over steps, like `rl.train`.
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from minir1 import model, optim, sft
from minir1.backend import from_numpy
from minir1.config import RunConfig
from minir1.policy import DecoderPolicy
from minir1.rl import Learner
from minir1.rng import generator
from minir1.tokenizer import WordTokenizer
from minir1.world.corpus import BLOCK, corpus_hash, encode_block
from minir1.world.corpus_config import CorpusConfig

STAGE = "pretrain"


def batches(
    seed: int, corpus: CorpusConfig, tokens_per_step: int
) -> Iterator[list[np.ndarray]]:
    """Read the corpus from its beginning, in batches of at least so many tokens."""
    rows: list[np.ndarray] = []
    size = 0
    for block in itertools.count():
        for document in encode_block(seed, corpus, block):
            rows.append(document)
            size += len(document)
            if size >= tokens_per_step:
                yield rows
                rows, size = [], 0


def provenance(config: RunConfig, learner: Learner) -> dict[str, Any]:
    """Describe how a base was made, so that it can be made again: settings and corpus hash."""
    stream = batches(config.seed, config.corpus, config.pretrain.tokens_per_step)
    documents = tokens = 0
    for rows in itertools.islice(stream, learner.step):
        documents += len(rows)
        tokens += sum(map(len, rows))
    blocks = range(-(-documents // BLOCK))
    return {
        "recipe": "pretrain",
        "seed": config.seed,
        "steps": learner.step,
        "seconds": learner.seconds,
        "documents": documents,
        "tokens": tokens,
        "corpus_blocks": len(blocks),
        "corpus_sha256": corpus_hash(config.seed, config.corpus, blocks),
        "corpus": asdict(config.corpus),
        "pretrain": asdict(config.pretrain),
    }


def start(config: RunConfig) -> Learner:
    """Draw a fresh model."""
    params = model.init_params(config.model, generator(config.seed, "init"))
    return Learner.start(from_numpy(params))


def train(
    learner: Learner, config: RunConfig, tokenizer: WordTokenizer
) -> Iterator[dict[str, Any]]:
    """Improve the learner in place, yielding the metrics of every step."""
    settings = config.pretrain
    stream = batches(config.seed, config.corpus, settings.tokens_per_step)
    for rows in itertools.islice(stream, learner.step, settings.steps):
        started = time.perf_counter()
        tokens, mask = sft.pad(rows, tokenizer.pad_id), sft.text_mask(rows)
        loss, grads = sft.next_token_gradients(
            learner.params,
            DecoderPolicy(config.model),
            tokens,
            mask,
            settings.tokens_per_microbatch,
            config.threads,
        )
        rate = settings.learning_rate * optim.warmup_cosine(
            learner.step, settings.warmup, settings.steps, settings.final_fraction
        )
        learner.params, learner.optimiser, norm = sft.update(
            learner.params,
            grads,
            learner.optimiser,
            rate,
            settings.grad_clip,
            (settings.beta1, settings.beta2),
            settings.weight_decay,
        )
        learner.step += 1
        seconds = time.perf_counter() - started
        learner.seconds += seconds
        yield {
            "stage": STAGE,
            "step": learner.step,
            "seconds": learner.seconds,
            "loss": loss,
            "grad_norm": norm,
            "learning_rate": rate,
            "update_tokens_per_second": sum(map(len, rows)) / seconds,
        }
