"""How does a model learn to answer like written answers? Epochs of SFT over a fixed set.

A generator over steps, like `rl.train` and `pretrain.train`. Only completions are trained:
the prompt is given, not learnt. The order of an epoch is a function of (seed, stage, epoch).
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from minir1 import flops, optim, sft
from minir1.config import RunConfig
from minir1.rl import BETAS, Learner
from minir1.stage_config import FineTuneConfig
from minir1.tokenizer import WordTokenizer

TOKENS_PER_MICROBATCH = 600  # a small batch still gives every core something to do


class Document(NamedTuple):
    """A prompt and how to answer it, <eos> included."""

    prompt: str
    completion: str


def steps_of(settings: FineTuneConfig, documents: int) -> int:
    """Count the updates of a stage."""
    return settings.epochs * -(-documents // settings.batch)


def train(
    learner: Learner,
    config: RunConfig,
    settings: FineTuneConfig,
    tokenizer: WordTokenizer,
    documents: Sequence[Document],
    stage: str,
) -> Iterator[dict[str, Any]]:
    """Improve the learner in place, yielding the metrics of every step."""
    total = steps_of(settings, len(documents))
    rows = [np.array(tokenizer.encode(" ".join(document)), np.int32) for document in documents]
    starts = [len(tokenizer.encode(document.prompt)) for document in documents]
    while learner.step < total:
        started = time.perf_counter()
        chosen = sft.members(config.seed, stage, learner.step, len(rows), settings.batch)
        batch, given = [rows[i] for i in chosen], [starts[i] for i in chosen]
        mask = sft.text_mask(batch, given)
        loss, grads = sft.next_token_gradients(
            learner.params,
            config.model,
            sft.pad(batch, tokenizer.pad_id),
            mask,
            TOKENS_PER_MICROBATCH,
            config.threads,
        )
        shape = settings.warmup, total, settings.final_fraction
        rate = settings.learning_rate * optim.warmup_cosine(learner.step, *shape)
        bounds = settings.grad_clip, BETAS, settings.weight_decay
        learner.params, learner.optimiser, norm = sft.update(
            learner.params, grads, learner.optimiser, rate, *bounds
        )
        learner.step += 1
        read = np.array(given), np.array([len(row) for row in batch]) - given
        learner.flops += flops.update_flops(config.model, *read)
        seconds = time.perf_counter() - started
        learner.seconds += seconds
        yield {
            "stage": stage,
            "step": learner.step,
            "seconds": learner.seconds,
            "loss": loss,
            "grad_norm": norm,
            "learning_rate": rate,
            "trained_tokens": float(mask.sum()),
            "update_tokens_per_second": sum(map(len, batch)) / seconds,
        }
