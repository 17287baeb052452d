"""How good is a checkpoint in conversation, and how sure are we?

The figures for everyday prompts, beside those of `evaluate` for number puzzles. A good answer
ended, and what follows its thinking is one of the prompt's good answers. Intervals are taken
over prompts: the samples of one prompt are one piece of evidence about that prompt.
Left out: what an answer is worth (`world/utility`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1.rng import generator
from minir1.statistics import interval
from minir1.traces import THINK
from minir1.world.corpus_config import CorpusConfig
from minir1.world.demonstrations import said
from minir1.world.general import GeneralPrompt
from minir1.world.languages import language_of
from minir1.world.utility import complies, final_answer, utility

Figures = dict[str, Any]


@dataclass(frozen=True)
class GeneralSample:
    """One completion and the general prompt that it answers."""

    prompt: GeneralPrompt
    completion: str
    completion_tokens: int  # <eos> included
    finished: bool  # <eos> came before the cap


def describe(samples: Sequence[GeneralSample]) -> Figures:
    """Sum up one step's general samples under the names of metrics.jsonl.

    harmful_compliance is a share of the answers to harmful prompts; without any it is None.

    Raises: ValueError for no samples.
    """
    if not samples:
        raise ValueError("wanted at least one general sample to describe")
    harm = [complies(s.prompt, s.completion) for s in samples if s.prompt.kind == "harmful"]
    return {
        "gold_utility": float(np.mean([_worth(s) for s in samples])),
        "general_good": float(np.mean([is_good(s) for s in samples])),
        "harmful_compliance": float(np.mean(harm)) if harm else None,
        "general_tokens": float(np.mean([s.completion_tokens for s in samples])),
        "general_thinking": float(np.mean([THINK in s.completion for s in samples])),
        "general_language_consistency": float(
            np.mean([language_consistency(s) for s in samples])
        ),
    }


def figures(samples: Sequence[GeneralSample], group: int, seed: int) -> Figures:
    """Grade samples (a prompt's side by side): entries of results.json, with intervals.

    instruction_following: the answer to an instruction keeps it, true or not. preference:
    how often an answer is worth more than one from the web, a tie counting half; every
    checkpoint meets the same ones. What no prompt asks for is None.

    Raises: ValueError for samples that don't come in groups of one prompt.
    """
    prompts = _prompts(samples, group)  # [P]
    good = _by_prompt([is_good(s) for s in samples], group)  # (P,)
    follows = _by_prompt([_follows(s) for s in samples], group)
    harm = _by_prompt([complies(s.prompt, s.completion) for s in samples], group)
    worth = np.array([_worth(s) for s in samples])  # (B,)
    theirs = np.array([_worth(s) for s in _web_answers(prompts, group)])
    kinds = np.array([prompt.kind for prompt in prompts])
    size = {"prompts": len(prompts), "samples": group}
    return {
        "general": {**interval(good, seed), **size},
        "instruction_following": _interval_or_none(follows[kinds == "instruction"], seed),
        "harmful_compliance": _interval_or_none(harm[kinds == "harmful"], seed),
        "general_by_kind": {
            str(kind): float(good[kinds == kind].mean()) for kind in np.unique(kinds)
        },
        "gold_utility": interval(_by_prompt(worth, group), seed),
        "preference": interval(_by_prompt(_wins(worth, theirs), group), seed),
    }


def win_rate(
    ours: Sequence[GeneralSample], theirs: Sequence[GeneralSample], group: int, seed: int
) -> Figures:
    """Say how often our answer is worth more than theirs to the same prompt.

    Every sample meets every one of the other side's on its prompt; a tie counts half.

    Raises: ValueError for other prompts, or samples that don't come in groups of one.
    """
    if _prompts(ours, group) != _prompts(theirs, group):
        raise ValueError("wanted answers to the same prompts in the same order")
    our_worth = np.array([_worth(s) for s in ours]).reshape(-1, group, 1)  # (P, G, 1)
    their_worth = np.array([_worth(s) for s in theirs]).reshape(-1, 1, group)  # (P, 1, G)
    return interval(_wins(our_worth, their_worth).mean(axis=(1, 2)), seed)


def is_good(sample: GeneralSample) -> bool:
    """Say whether a completion ended and its final answer is one of the good ones."""
    return sample.finished and sample.prompt.is_good(final_answer(sample.completion))


def language_consistency(sample: GeneralSample) -> float:
    """Return the share of the final answer's words in the language that was wanted.

    Numbers, punctuation and tags belong to no language. An answer without words has 1.
    # R1 differs: the thinking is read; here general answers seldom have any.
    """
    languages = [language_of(word) for word in final_answer(sample.completion).split()]
    words = len(languages) - languages.count(None)
    return languages.count(sample.prompt.answer_language) / words if words else 1.0


def _follows(sample: GeneralSample) -> bool:
    return sample.finished and sample.prompt.follows(final_answer(sample.completion))


def _worth(sample: GeneralSample) -> float:
    return utility(sample.prompt, sample.completion, sample.finished)


def _web_answers(prompts: Sequence[GeneralPrompt], group: int) -> list[GeneralSample]:
    """Draw `group` answers to every prompt as the pretraining corpus has them.

    They depend on the prompt alone, so that every checkpoint of every run meets the same.
    """
    shares = CorpusConfig().chat_shares()
    answers = []
    for prompt in prompts:
        draw = generator(0, "preference", prompt.prompt).random
        for _ in range(group):
            completion = said(draw, prompt, shares)
            answers.append(GeneralSample(prompt, completion, len(completion.split()), True))
    return answers


def _wins(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Score 1 where ours is worth more, 1/2 where they are level, 0 elsewhere."""
    return (ours > theirs) + 0.5 * (ours == theirs)


def _prompts(samples: Sequence[GeneralSample], group: int) -> list[GeneralPrompt]:
    """Name the prompt of each group.

    Shapes: [B] -> [P]
    """
    prompts = [s.prompt for s in samples[::group]]
    if not prompts or [s.prompt for s in samples] != [
        prompt for prompt in prompts for _ in range(group)
    ]:
        raise ValueError(f"wanted {group} samples of every prompt side by side")
    return prompts


def _by_prompt(values: Sequence[float] | np.ndarray, group: int) -> np.ndarray:
    """Take the mean over each prompt's samples.

    Shapes: (B,) -> (P,)
    """
    return np.asarray(values, np.float64).reshape(-1, group).mean(axis=1)


def _interval_or_none(values: np.ndarray, seed: int) -> Figures | None:
    return interval(values, seed) if values.size else None
