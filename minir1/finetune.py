"""How does a model learn to answer like written answers? Epochs of SFT over a fixed set.

A generator over steps, like `rl.train` and `pretrain.train`. Only completions are trained:
the prompt is given, not learnt. The order of an epoch is a function of (seed, stage, epoch).
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from minir1 import optim, sft
from minir1.config import TrainConfig
from minir1.policy import Policy
from minir1.rl import BETAS, Learner
from minir1.stage_config import FineTuneConfig
from minir1.tokenizer import WordTokenizer

TOKENS_PER_MICROBATCH = 600  # a small batch still gives every core something to do


class Document(NamedTuple):
    """A prompt and how to answer it, <eos> included."""

    prompt: str
    completion: str


class Text(NamedTuple):
    """A document as tokens; the first `given` are the prompt's."""

    tokens: np.ndarray
    given: int


def as_texts(documents: Sequence[Document], tokenizer: WordTokenizer) -> list[Text]:
    """Turn documents of the tiny world into tokens."""
    return [
        Text(
            np.array(tokenizer.encode(" ".join(document)), np.int32),
            len(tokenizer.encode(document.prompt)),
        )
        for document in documents
    ]


def steps_of(settings: FineTuneConfig, documents: int) -> int:
    """Count the updates of a stage."""
    return settings.epochs * -(-documents // settings.batch)


def train(
    learner: Learner,
    config: TrainConfig,
    settings: FineTuneConfig,
    policy: Policy,
    texts: Sequence[Text],
    pad_id: int,
    stage: str,
) -> Iterator[dict[str, Any]]:
    """Improve the learner in place, yielding the metrics of every step."""
    total = steps_of(settings, len(texts))
    while learner.step < total:
        started = time.perf_counter()
        chosen = sft.members(config.seed, stage, learner.step, len(texts), settings.batch)
        batch, given = [texts[i].tokens for i in chosen], [texts[i].given for i in chosen]
        mask = sft.text_mask(batch, given)
        loss, grads = sft.next_token_gradients(
            learner.params,
            policy,
            sft.pad(batch, pad_id),
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
        learner.flops += policy.update_flops(*read)
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
