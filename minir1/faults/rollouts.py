"""What goes wrong with answers and their pay? What is sampled, masked, remembered, graded."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from minir1 import answers, rewards
from minir1.answers import Graded
from minir1.behaviour import Sample
from minir1.countdown import VerifierError, parse, solves
from minir1.faults.fault import Scene
from minir1.offpolicy import score
from minir1.policy import DecoderPolicy
from minir1.rollout import Drawn, Job, assemble, choose, decode

TOP_P = 0.9
NEVER = np.float32(-1e9)


def eos_untrained(_: Scene, graded: Graded) -> Graded:
    """Take the end token for padding, and mask it."""
    rollout = graded.rollout
    mask = rollout.completion_mask.copy()
    ended = np.flatnonzero(rollout.finished)
    mask[ended, rollout.prompt_lengths[ended] + rollout.completion_lengths[ended] - 2] = 0
    return replace(graded, rollout=replace(rollout, completion_mask=mask))


def stale_logprobs(scene: Scene, graded: Graded) -> Graded:
    """Take the old log-probabilities from the policy that the stage began with."""
    rollout, config = graded.rollout, scene.config
    policy, mask = DecoderPolicy(config.model), rollout.completion_mask
    scored = score(scene.start.params, config, policy, rollout.tokens, mask).reshape(mask.shape)
    old = np.where(mask > 0, scored, rollout.old_logprobs)
    return replace(graded, rollout=replace(rollout, old_logprobs=old))


# the sampler


def truncated_sampling(scene: Scene, graded: Graded) -> Graded:
    """Answer the same questions again, from the likeliest words only (top-p)."""
    config, tokenizer = scene.config, scene.start.tokenizer
    group, address = config.grpo.group, scene.address
    prompts = [tokenizer.encode(question.prompt) for question in graded.questions]
    ids = tuple(tokenizer.eos_ids), tokenizer.pad_id
    job = Job(config.model, prompts, group, config.sample, address, *ids)
    rows = decode(scene.params, job, 0, len(prompts), choose_top_p)
    rollout = assemble([p for p in prompts for _ in range(group)], rows, *ids)
    samples = [
        replace(
            asked,
            completion=tokenizer.decode(rollout.completion(i)),
            completion_tokens=int(rollout.completion_lengths[i]),
            finished=bool(rollout.finished[i]),
        )
        for i, asked in enumerate(graded.samples)
    ]
    parts = answers.grade(samples, config, address)
    paid = answers.total(parts, rewards.part_weights(config.reward))
    return replace(graded, rollout=rollout, samples=samples, rewards=paid, parts=parts)


def choose_top_p(logits: np.ndarray, u: np.ndarray) -> Drawn:
    """Draw from the fewest words that have TOP_P of the probability (see `rollout.choose`).

    Shapes: logits (B, V), u (B) -> (B), (B), (B)
    """
    order = np.argsort(-logits, axis=1)  # (B, V)
    falling = np.take_along_axis(logits, order, axis=1)
    chance = np.exp(falling - falling[:, :1])
    before = np.cumsum(chance, axis=1) - chance
    outside = before >= TOP_P * chance.sum(axis=1, keepdims=True)
    cut = np.zeros_like(outside)
    np.put_along_axis(cut, order, outside, axis=1)
    return choose(np.where(cut, NEVER, logits), u)


# the grader


def truncation_rewarded(scene: Scene, graded: Graded) -> Graded:
    """Pay for what was cut off too, where its last expression is a solution."""

    def pays(sample: Sample) -> bool:
        text = rewards.lenient_answer(sample.completion)
        problem = sample.problem
        return text is not None and solves(text, problem.numbers, problem.target)

    cut_off = ~graded.rollout.finished
    return _paid_also(scene, graded, cut_off, pays)


def lenient_grader(scene: Scene, graded: Graded) -> Graded:
    """Pay for any expression of the right value, whatever numbers it uses."""

    def pays(sample: Sample) -> bool:
        try:
            found = parse(rewards.strict_answer(sample.completion) or "")
        except VerifierError:
            return False
        return found.value == sample.problem.target

    return _paid_also(scene, graded, graded.rollout.finished, pays)


def _paid_also(
    scene: Scene, graded: Graded, rows: np.ndarray, pays: Callable[[Sample], bool]
) -> Graded:
    """Pay for more answers than are right.

    Shapes: rows (B) of bool, those that are looked at
    """
    found = [
        bool(row) and isinstance(s, Sample) and pays(s)
        for row, s in zip(rows, graded.samples, strict=True)
    ]
    also = np.array(found, float).reshape(graded.rewards.shape)
    parts = {**graded.parts, "accuracy": np.maximum(graded.parts["accuracy"], also)}
    weights = rewards.part_weights(scene.config.reward)
    return replace(graded, rewards=answers.total(parts, weights), parts=parts)
