"""How long does the same GRPO step take in plain PyTorch, float32, on the same threads?

As one usually writes it: the prompts of a group are read together, padded on the left; rows
that have finished stay in the batch until all have; the update goes through micro-batches of
32 rows, each cut to its longest row, with attention's own causal kernel, and logits for
completion tokens only. Old log-probabilities are those of the sampler, as in minir1.
With --lean it also leaves out what minir1 leaves out: a prompt is read once a group, finished
rows leave the batch, groups without spread are not trained, rows are sorted by length.
"""

import time

import numpy as np
import shared
import torch
from torch import Tensor
from torch_decoder import Cache, Decoder

from minir1 import grpo
from minir1.rl import BETAS
from minir1.tokenizer import WordTokenizer

CLIP = 0.2
WORDS = WordTokenizer()


@torch.inference_mode()
def sample(
    model: Decoder, prompts: list[list[int]], group: int, cap: int, lean: bool
) -> tuple[list[list[int]], list[list[float]]]:
    """Draw `group` completions of each prompt; return their tokens and log-probabilities."""
    tokens, seen = pad_left(prompts if lean else [p for p in prompts for _ in range(group)])
    width = tokens.shape[1]
    cache = Cache(model.config, len(tokens), width + cap)
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    mask = (causal & seen[:, None, :]) | torch.eye(width, dtype=torch.bool)  # (B, T, T)
    scores = model.score(model(tokens, cache, mask[:, None])[:, -1])
    if lean:
        members = torch.arange(len(prompts)).repeat_interleave(group)
        cache.select(members)
        seen, scores = seen[members], scores[members]
    drawn = torch.full((len(seen), cap), WORDS.pad_id)
    logprobs = torch.zeros(len(seen), cap)
    alive, finished = torch.arange(len(seen)), torch.zeros(len(seen), dtype=torch.bool)
    for t in range(cap):
        logp = scores.log_softmax(dim=-1)
        chosen = torch.multinomial(logp.exp(), 1)
        drawn[alive, t] = torch.where(finished, WORDS.pad_id, chosen[:, 0])
        logprobs[alive, t] = logp.gather(1, chosen)[:, 0]
        finished |= chosen[:, 0] == WORDS.eos_id
        if finished.all():
            break
        if lean and finished.float().mean() > 0.15:
            kept = (~finished).nonzero()[:, 0]
            cache.select(kept)
            alive, seen, chosen, finished = (
                alive[kept],
                seen[kept],
                chosen[kept],
                finished[kept],
            )
        seen = torch.cat((seen, torch.ones(len(seen), 1, dtype=torch.bool)), dim=1)
        scores = model.score(model(chosen, cache, seen[:, None, None])[:, 0])
    lengths = (drawn != WORDS.pad_id).sum(1).tolist()
    ids, old = drawn.tolist(), logprobs.tolist()
    return [r[:n] for r, n in zip(ids, lengths, strict=True)], [
        r[:n] for r, n in zip(old, lengths, strict=True)
    ]


def pad_left(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Lay rows side by side, ends together. Shapes: -> tokens (B, T), True where not padding"""
    width = max(map(len, rows))
    tokens = torch.tensor([[WORDS.pad_id] * (width - len(r)) + r for r in rows])
    return tokens, tokens != WORDS.pad_id


def batch(
    prompts: list[list[int]], completions: list[list[int]], old: list[list[float]]
) -> tuple[Tensor, Tensor, Tensor]:
    """Lay whole rows side by side, padded on the right.

    Shapes: -> tokens (B, T); mask, old log-probabilities (B, T-1), of the token at t + 1
    """
    rows = [p + c for p, c in zip(prompts, completions, strict=True)]
    width = max(map(len, rows))
    tokens = torch.tensor([r + [WORDS.pad_id] * (width - len(r)) for r in rows])
    mask, before = torch.zeros(2, len(rows), width - 1)
    for i, (prompt, logp) in enumerate(zip(prompts, old, strict=True)):
        start = len(prompt) - 1
        mask[i, start : start + len(logp)] = 1
        before[i, start : start + len(logp)] = torch.tensor(logp)
    return tokens, mask, before


def backward(
    model: Decoder, rows: tuple[Tensor, Tensor, Tensor], good: Tensor, count: float
) -> None:
    """Add the gradient of the GRPO loss of some rows; `count` tokens are in the average."""
    tokens, mask, before = rows
    hidden = model(tokens[:, :-1])
    at = mask.bool()
    logp = model.score(hidden[at]).log_softmax(dim=-1)  # (N, V)
    logp = logp.gather(1, tokens[:, 1:][at][:, None])[:, 0]
    ratio = (logp - before[at]).exp()
    advantage = good[:, None].expand_as(mask)[at]
    limited = ratio.clamp(1 - CLIP, 1 + CLIP)
    (-torch.minimum(ratio * advantage, limited * advantage).sum() / count).backward()


def learn(
    model: Decoder,
    optimiser: torch.optim.Optimizer,
    prompts: list[list[int]],
    completions: list[list[int]],
    old: list[list[float]],
    rewards: np.ndarray,
    options: shared.Options,
) -> None:
    """Update the policy: group advantages, minibatches of whole groups, micro-batches."""
    advantages = torch.tensor(grpo.group_advantages(rewards).reshape(-1), dtype=torch.float32)
    groups = np.arange(len(rewards))
    if options.lean:
        groups = np.flatnonzero(~grpo.flat_groups(rewards))
    for part in np.array_split(groups, options.minibatches):
        chosen = [int(g) * options.group + i for g in part for i in range(options.group)]
        if options.lean:
            chosen.sort(key=lambda i: -len(prompts[i]) - len(completions[i]))
        count = float(sum(len(completions[i]) for i in chosen))
        optimiser.zero_grad()
        for at in range(0, len(chosen), options.micro_batch):
            some = chosen[at : at + options.micro_batch]
            rows = batch(*([x[i] for i in some] for x in (prompts, completions, old)))
            backward(model, rows, advantages[some], count)
        if chosen:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()


def main() -> None:
    options = shared.Options.read(__doc__)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = Decoder.load(options.checkpoint)
    config = options.config(shared.ModelConfig())
    # A learning rate of zero: the whole update is computed and the weights stay the same.
    optimiser = torch.optim.AdamW(model.parameters(), 0.0, BETAS, weight_decay=0.0)
    steps = []
    for step in range(options.warm + options.steps):
        started = time.perf_counter()
        questions = options.questions(step)
        prompts = [WORDS.encode(question.prompt) for question in questions]
        completions, old = sample(model, prompts, options.group, options.cap, options.lean)
        sampled = time.perf_counter()
        answered = shared.samples(questions, completions, options.group)
        rewards = shared.grade(answered, config)
        graded = time.perf_counter()
        repeated = [prompt for prompt in prompts for _ in range(options.group)]
        learn(model, optimiser, repeated, completions, old, rewards, options)
        ended = time.perf_counter()
        steps.append(
            shared.row(ended - started, sampled - started, ended - graded, answered, rewards)
        )
    shared.report(options, steps, torch=torch.__version__)


if __name__ == "__main__":
    main()
