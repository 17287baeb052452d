"""What did the same few prompts get at every look during training? The time machine's data.

Packed for the page: every different word once, a completion as places in that list, its
log-probabilities as whole hundredths. How much fits is decided by bytes, and what is left out
is left out from the end: the first prompts stay, and the first and last looks of a stage.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from minir1.reporting import cast
from minir1.reporting.completions import question
from minir1.reporting.formats import listing, number
from minir1.reporting.rundata import Line
from minir1.screen.terminal import clean

MOST_BYTES = 620_000
MOST_WORDS = 400  # of a completion
LONGEST_WORD = 40  # characters
GROUP = 16  # completions of a prompt at one look
SIZES = ((25, 8), (25, 4), (25, 2), (25, 1), (13, 1), (7, 1), (3, 1), (2, 1))  # looks, prompts
LEAST_LOGPROB = -99.0

# stage -> prompt -> step -> completions
Watched = dict[str, dict[str, dict[int, list[Line]]]]


def watched(samples: Sequence[Line]) -> Watched:
    """Sort the lines of samples.jsonl by stage, prompt and step.

    First the prompts whose answers were most often partly right: there is most to learn.
    """
    found: Watched = {}
    for line in samples:
        step = number(line.get("step"))
        if step is None or not isinstance(line.get("completion"), str):
            continue
        stage = found.setdefault(str(line.get("stage")), {})
        group = stage.setdefault(str(line.get("prompt")), {}).setdefault(int(step), [])
        if len(group) < GROUP:
            group.append(line)
    return {
        name: dict(sorted(stage.items(), key=lambda item: -_partly_right(item[1])))
        for name, stage in found.items()
    }


def _partly_right(by_step: Mapping[int, Sequence[Line]]) -> int:
    """Count the looks at which some answers were right and some wrong."""
    return sum(len({line.get("right") for line in group}) > 1 for group in by_step.values())


def pack(found: Watched, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Pack as many prompts and looks as fit; the smallest choice is kept in any case."""
    packed: dict[str, Any] = {}
    for looks, prompts in SIZES:
        packed = _pack(found, looks, prompts)
        if len(json.dumps(packed)) <= most_bytes:
            break
    return packed


def _pack(found: Watched, looks: int, prompts: int) -> dict[str, Any]:
    words: dict[str, int] = {}
    stages = [
        {
            "title": cast.title(name),
            "prompts": [
                {
                    "asked": question(prompt),
                    "looks": [
                        {
                            "step": step,
                            "group": [_completion(line, words) for line in by_step[step]],
                        }
                        for step in evenly(sorted(by_step), looks)
                    ],
                }
                for prompt, by_step in list(stage.items())[:prompts]
            ],
        }
        for name, stage in found.items()
    ]
    return {"words": list(words), "stages": stages}


def evenly(steps: Sequence[int], most: int) -> list[int]:
    """Choose at most `most` steps, evenly, the first and the last among them."""
    if len(steps) <= most:
        return list(steps)
    return [steps[round(i * (len(steps) - 1) / (most - 1))] for i in range(most)]


def _completion(line: Line, words: dict[str, int]) -> dict[str, Any]:
    """Pack a completion: w words, l hundredths of -log p, a advantage, r reward, ok right.

    Log-probabilities are used only if there is one for every word.
    """
    kept, count = shown_words(line)
    packed: dict[str, Any] = {"w": [words.setdefault(word, len(words)) for word in kept]}
    logprobs = word_logprobs(line, count)
    if logprobs:
        packed["l"] = [round(-100 * max(p, LEAST_LOGPROB)) for p in logprobs[: len(kept)]]
    for short, name in (("a", "advantage"), ("r", "reward")):
        value = number(line.get(name))
        if value is not None:
            packed[short] = round(value, 3)
    if isinstance(line.get("right"), bool):
        packed["ok"] = int(line["right"])
    if count > len(kept):
        packed["cut"] = count - len(kept)
    return packed


def shown_words(line: Mapping[str, Any]) -> tuple[list[str], int]:
    """Return the first words of a completion, harmless and of bounded length, and how many
    there are in all.

    A blank parts words and nothing else does, so that each keeps its log-probability.
    """
    words = [word for word in str(line.get("completion", "")).split(" ") if word]
    return [_short(word) for word in words[:MOST_WORDS]], len(words)


def _short(word: str) -> str:
    shown = clean(word[: 4 * LONGEST_WORD]).strip() or "·"
    return shown if len(shown) <= LONGEST_WORD else f"{shown[:LONGEST_WORD]}…"


def word_logprobs(line: Mapping[str, Any], words: int) -> list[float]:
    """Return a log-probability for every word, or none at all."""
    found = [number(value) for value in listing(line.get("logprobs"))]
    if len(found) != words or None in found:
        return []
    return [min(value, 0.0) for value in found if value is not None]
