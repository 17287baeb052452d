"""How does a model learn what is preferred? It ends in one number, and that number is compared.

    loss = - mean log σ( r(chosen) - r(rejected) )

The policy's decoder with a head of one row in place of words, named as in Hugging Face's
LlamaForSequenceClassification. It reads the score at the last token, <eos>, of what
`preference.judged_text` shows of an answer. The score has no zero and no unit of its own, so
it is reported in standard deviations from the mean over the training texts.
# R1 differs: two models, and the one for harmlessness learns from single labelled answers.

Source: DeepSeek-R1 (arXiv 2501.12948v2), section 3.1; Bradley and Terry 1952
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minir1 import microbatch, model, optim, sft
from minir1.backend import from_numpy, parallel_map, to_numpy, xp
from minir1.checkpoint import load_checkpoint, read_metadata, save_checkpoint
from minir1.config import RunConfig
from minir1.errors import UserError
from minir1.model_config import ModelConfig
from minir1.preference import Pair, judged_text
from minir1.rl import BETAS, Learner
from minir1.rng import generator
from minir1.tokenizer import WordTokenizer
from minir1.world.general import GeneralPrompt

STAGE = "reward-model"
HEAD = "score.weight"  # (1, C)
HEAD_STD = 0.02  # of its first draw: every score begins near zero
CUT_OFF = -3.0  # the reward of a completion without <eos>; no other is lower
TOKENS_PER_MICROBATCH = 300  # texts are short: every core gets some of a batch


def start(params: Mapping[str, Any], config: ModelConfig, seed: int) -> Learner:
    """Put a small random head on a policy's decoder."""
    rng = generator(seed, STAGE, "head")
    head = (HEAD_STD * rng.standard_normal((1, config.hidden_size))).astype(np.float32)
    decoder = {name: value for name, value in params.items() if name != "lm_head.weight"}
    return Learner.start(from_numpy({**decoder, HEAD: head}))


def pairwise_loss(scores: Any) -> Any:
    """The mean surprise at the labels: -log σ(a - b) = log(e^a + e^b) - a, without overflow.

    Shapes: scores (2, B), the chosen first -> scalar
    """
    return xp.mean(xp.logsumexp(scores, axis=0) - scores[0])


def last_scores(params: model.Params, config: ModelConfig, batch: microbatch.MicroBatch) -> Any:
    """Score every text of a micro-batch at its last token.

    Shapes: tokens (b, T) -> (b)
    """
    hidden = model.forward(params, config, batch.tokens)
    ends = xp.array(batch.places + 1)  # a place predicts the token after it
    last = xp.take(hidden.reshape(-1, config.hidden_size), ends, axis=0)  # (b, C)
    return xp.linear(last, params[HEAD]).reshape(-1)


def cut(rows: list[np.ndarray], pad_id: int, budget: int) -> list[microbatch.MicroBatch]:
    """Cut texts into micro-batches, each with the place of its last token."""
    mask = sft.text_mask(rows, [len(row) - 1 for row in rows])  # (B, T-1)
    return microbatch.split(mask, sft.pad(rows, pad_id), budget)


def preference_gradients(
    params: model.Params,
    config: ModelConfig,
    rows: list[np.ndarray],
    pad_id: int,
    budget: int = TOKENS_PER_MICROBATCH,
    threads: int = 0,
) -> tuple[float, np.ndarray, dict[str, Any]]:
    """Return the loss of B pairs, their scores, and the gradient.

    Scored first, all of them: then what a text's score counts for in the loss is a number,
    and the gradient is that of a weighted sum of scores, however the texts are cut.

    Shapes: rows [2B texts], the chosen first -> scalar, (2, B), gradient
    """
    batches = cut(rows, pad_id, budget)
    scores = _scores(params, config, batches, threads).reshape(2, -1)
    loss, slopes = xp.value_and_grad(pairwise_loss)(xp.array(scores))
    weights = to_numpy(slopes).reshape(-1)  # (2B)

    def weighted(p: model.Params, batch: microbatch.MicroBatch) -> tuple[Any]:
        return (xp.sum(last_scores(p, config, batch) * xp.array(weights[batch.rows])),)

    _, grads = microbatch.gradients(weighted, params, batches, threads)
    return float(loss.item()), scores, grads


def _scores(
    params: model.Params,
    config: ModelConfig,
    batches: list[microbatch.MicroBatch],
    threads: int,
) -> np.ndarray:
    """Score texts that are already cut, and put the scores back in the order of the texts."""

    def one(batch: microbatch.MicroBatch) -> np.ndarray:
        return to_numpy(last_scores(params, config, batch))

    found = np.concatenate(list(parallel_map(one, batches, threads)))
    order = np.concatenate([batch.rows for batch in batches])
    return found[np.argsort(order)]


def score(
    params: model.Params,
    config: ModelConfig,
    tokenizer: WordTokenizer,
    texts: Sequence[str],
    threads: int = 0,
) -> np.ndarray:
    """Score judged texts.

    Shapes: texts [B] -> (B)
    """
    if not texts:
        return np.zeros(0, np.float32)
    batches = cut(_encoded(tokenizer, texts), tokenizer.pad_id, TOKENS_PER_MICROBATCH)
    return _scores(params, config, batches, threads)


def _encoded(tokenizer: WordTokenizer, texts: Sequence[str]) -> list[np.ndarray]:
    return [np.array(tokenizer.encode(text), np.int32) for text in texts]


def train(
    learner: Learner, config: RunConfig, tokenizer: WordTokenizer, pairs: Sequence[Pair]
) -> Iterator[dict[str, Any]]:
    """Improve the learner in place, yielding the metrics of every step.

    Raises: UserError for no pairs.
    """
    if not pairs:
        raise UserError(
            "there are no two answers of different worth to learn from: wanted more answers "
            f"a prompt; try --set preference.samples={2 * config.preference.samples}"
        )
    settings = config.preference
    total = settings.epochs * -(-len(pairs) // settings.batch)
    texts = [_encoded(tokenizer, side) for side in zip(*(p.texts for p in pairs), strict=True)]
    while learner.step < total:
        started = time.perf_counter()
        members = sft.members(config.seed, STAGE, learner.step, len(pairs), settings.batch)
        rows = [side[i] for side in texts for i in members]  # the chosen first
        loss, scores, grads = preference_gradients(
            learner.params, config.model, rows, tokenizer.pad_id, threads=config.threads
        )
        rate = settings.learning_rate * optim.warmup_cosine(
            learner.step, settings.warmup, total, settings.final_fraction
        )
        learner.params, learner.optimiser, norm = sft.update(
            learner.params,
            grads,
            learner.optimiser,
            rate,
            settings.grad_clip,
            BETAS,
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
            "pair_accuracy": float(np.mean(scores[0] > scores[1])),
            "grad_norm": norm,
            "learning_rate": rate,
            "update_tokens_per_second": sum(map(len, rows)) / seconds,
        }


@dataclass(frozen=True)
class RewardModel:
    """A trained judge, with the mean and the spread of its scores over the training texts."""

    params: dict[str, Any]
    config: ModelConfig
    tokenizer: WordTokenizer
    mean: float
    std: float

    def reward(
        self,
        prompts: Sequence[GeneralPrompt],
        completions: Sequence[str],
        finished: Sequence[bool],
        threads: int = 0,
    ) -> np.ndarray:
        """Return (score - mean) / std, or CUT_OFF for a completion without <eos>.

        Shapes: all [B] -> (B)
        """
        texts = [judged_text(p, c) for p, c in zip(prompts, completions, strict=True)]
        scores = score(self.params, self.config, self.tokenizer, texts, threads)
        rewards = np.maximum((scores - self.mean) / self.std, CUT_OFF)
        return np.where(np.asarray(finished, bool), rewards, CUT_OFF)


def standardise(
    params: model.Params,
    config: ModelConfig,
    tokenizer: WordTokenizer,
    pairs: Sequence[Pair],
    threads: int = 0,
) -> RewardModel:
    """Make a judge of trained parameters by measuring its scores over the training texts."""
    texts = [text for pair in pairs for text in pair.texts]
    scores = score(params, config, tokenizer, texts, threads).astype(np.float64)
    return RewardModel(params, config, tokenizer, float(scores.mean()), float(scores.std()))


def pair_accuracy(judge: RewardModel, pairs: Sequence[Pair], threads: int = 0) -> np.ndarray:
    """Say for every pair whether the chosen text gets the higher score: 1 or 0.

    Shapes: pairs [B] -> (B)
    """
    texts = [text for pair in pairs for text in pair.texts]
    scores = score(judge.params, judge.config, judge.tokenizer, texts, threads).reshape(-1, 2)
    return (scores[:, 0] > scores[:, 1]).astype(np.float64)


def save(
    folder: str | Path, judge: RewardModel, metadata: Mapping[str, Any] | None = None
) -> Path:
    """Write a Hugging Face folder; the mean and the spread of the scores go to minir1.json.

    Raises: UserError for bad parameters; WriteError if the disk says no.
    """
    return save_checkpoint(
        folder,
        {name: to_numpy(value) for name, value in judge.params.items()},
        judge.config,
        judge.tokenizer,
        metadata={**(metadata or {}), "mean": judge.mean, "std": judge.std},
        head="SequenceClassification",
    )


def load(folder: str | Path) -> RewardModel:
    """Read what `save` wrote.

    Raises: UserError that names the file, what is wrong with it and what to do.
    """
    params, config, tokenizer = load_checkpoint(folder, head="SequenceClassification")
    metadata = read_metadata(folder)
    mean, std = metadata.get("mean"), metadata.get("std")
    if not isinstance(mean, float) or not isinstance(std, float) or not std > 0:
        raise UserError(
            f"{folder}: minir1.json lacks the mean and the std of the scores: wanted a reward "
            "model that minir1 saved; copy the folder again"
        )
    return RewardModel(from_numpy(params), config, tokenizer, mean, std)
