"""What is preferred to what? Pairs of answers to one prompt, the better one first.

People's judgements are played by the tiny world's gold utility, which the policy and the
reward model never see: they see labels, and some of those are the wrong way round. Length
must not tell the better answer from the worse, so pairs are balanced by it.
How a model learns from pairs is in `reward_model.py`.

Source: DeepSeek-R1 (arXiv 2501.12948v2), section 3.1
"""

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, zip_longest
from typing import NamedTuple

import numpy as np

from minir1.conversation import GeneralSample
from minir1.rng import generator
from minir1.traces import EOS, without_eos
from minir1.world.general import GeneralPrompt
from minir1.world.utility import final_answer, utility

LEAST_GAP = 0.2  # in gold utility; closer answers are not compared
ROUNDING = 1e-9  # of a difference of two utilities


@dataclass(frozen=True)
class Pair:
    """Two completions of one prompt, as labelled."""

    prompt: GeneralPrompt
    chosen: str
    rejected: str
    flipped: bool = False  # the label is the wrong way round

    @property
    def texts(self) -> tuple[str, str]:
        """Return what the judge reads of each: the chosen, the rejected."""
        return judged_text(self.prompt, self.chosen), judged_text(self.prompt, self.rejected)

    def turned(self) -> "Pair":
        """Return the pair with the opposite label."""
        return Pair(self.prompt, self.rejected, self.chosen, not self.flipped)


class _Answer(NamedTuple):
    completion: str
    length: int  # words that the judge reads
    utility: float


def judged_text(prompt: GeneralPrompt, completion: str) -> str:
    """Return what the judge reads: the prompt, what is judged of the response, <eos>.

    For a harmful request the whole response, thinking included; for any other prompt the
    final answer alone, so that nothing is paid for the look of the thinking.

    Source: DeepSeek-R1, section 3.1 (section 2.3.4 of the first version)
    """
    whole = prompt.kind == "harmful"
    shown = without_eos(completion) if whole else final_answer(completion)
    return " ".join([*prompt.prompt.split(), *shown.split(), EOS])


def make_pairs(
    samples: Sequence[GeneralSample], count: int, noise: float, seed: int
) -> list[Pair]:
    """Pair answers to the same prompt, at most `count` pairs, evenly from all prompts.

    The one of the higher gold utility is chosen; with probability `noise` a label is then
    turned round. Completions that were cut off are left out: the judge is not asked there.
    """
    kept = _mirrored(_candidates(_answers(samples), seed), count)
    turned = generator(seed, "preference", "noise").random(len(kept)) < noise
    return [pair.turned() if turn else pair for pair, turn in zip(kept, turned, strict=True)]


def label_ceiling(pairs: Sequence[Pair]) -> float:
    """Return the accuracy of a perfect judge: the share of labels that are right."""
    return float(np.mean([not pair.flipped for pair in pairs]))


def _answers(samples: Sequence[GeneralSample]) -> dict[GeneralPrompt, list[_Answer]]:
    """List what the judge can tell apart among the finished answers to every prompt."""
    judged: dict[GeneralPrompt, dict[str, _Answer]] = defaultdict(dict)
    for sample in samples:
        text = judged_text(sample.prompt, sample.completion)
        if sample.finished and text not in judged[sample.prompt]:
            value = utility(sample.prompt, sample.completion, sample.finished)
            answer = _Answer(sample.completion, len(text.split()), value)
            judged[sample.prompt][text] = answer
    return {prompt: list(answers.values()) for prompt, answers in judged.items()}


def _candidates(
    answers: dict[GeneralPrompt, list[_Answer]], seed: int
) -> Iterator[tuple[Pair, int]]:
    """Yield pairs with how much longer the better answer is: one of each prompt in turn."""
    columns = [_compared(prompt, written, seed) for prompt, written in answers.items()]
    for row in zip_longest(*columns):
        yield from (candidate for candidate in row if candidate is not None)


def _compared(
    prompt: GeneralPrompt, answers: list[_Answer], seed: int
) -> list[tuple[Pair, int]]:
    """Compare every two answers to a prompt, in an order drawn for it."""
    found = []
    for two in combinations(answers, 2):
        worse, better = sorted(two, key=lambda answer: answer.utility)
        if better.utility - worse.utility >= LEAST_GAP - ROUNDING:
            pair = Pair(prompt, better.completion, worse.completion)
            found.append((pair, better.length - worse.length))
    order = generator(seed, "preference", "pairs", prompt.prompt).permutation(len(found))
    return [found[i] for i in order]


def _mirrored(candidates: Iterable[tuple[Pair, int]], count: int) -> list[Pair]:
    """Keep a pair only with one whose better answer is longer by the opposite difference.

    So over the set the better answer is as often the longer as the shorter one, by as much.
    A pair waits for its mirror image; those that wait in vain are dropped.
    """
    kept: list[Pair] = []
    waiting: dict[int, deque[Pair]] = defaultdict(deque)
    for pair, difference in candidates:
        size = _size(difference)
        if size == 0 and len(kept) < count:
            kept.append(pair)
        elif size and waiting[-size] and len(kept) + 2 <= count:
            kept += [waiting[-size].popleft(), pair]
        else:
            waiting[size].append(pair)
        if len(kept) == count:
            break
    return kept


def _size(difference: int) -> int:
    """Name a difference of lengths: exactly up to 8 words, beyond that within a fifth.

    Few whole responses differ by exactly 117 words; by about as many, several.
    """
    steps = 1 + round(4 * math.log2(max(abs(difference), 1)))
    return int(np.sign(difference)) * steps
