"""What did reinforcement do to every word? The time machine.

GRPO moves a sampled word's own logit in proportion to its push: the completion's advantage
times one minus the word's probability. Written here as it stands without a script; with one,
`script.js` draws any look of any stage in the same way.
"""

import math
from collections.abc import Sequence

from minir1.reporting.completions import question, verdict
from minir1.reporting.formats import count as how_many
from minir1.reporting.formats import number, plain, signed
from minir1.reporting.html import Markup, section, spoken, tag
from minir1.reporting.looks import Watched, shown_words, watched, word_logprobs
from minir1.reporting.rundata import Line, RunData

FULL_PUSH = 1.2  # what has the full colour; more looks the same
FAINTEST = 0.04  # share of the full colour below which a word stays plain


def push(advantage: float, logprob: float) -> float:
    """Return advantage · (1 − p): where GRPO moves a sampled word's own logit."""
    return advantage * (1 - math.exp(min(logprob, 0.0)))


def time_machine(run: RunData) -> Markup | None:
    """Show the groups of completions of a watched prompt, word by word."""
    found = watched(run.samples)
    looks = _first_and_last(found)
    if not looks:
        return None
    told = any(line.get("logprobs") for line in run.samples[:64])
    lead = (
        "The same validation problems, asked again and again during training; nothing is "
        "trained on them, but this is what training on them would do. GRPO compares the "
        "answers of a group: one that is better than the mean of its group has a positive "
        "advantage, and all of its words are pushed up; the words of one that is worse are "
        "pushed down."
    )
    return section(
        "machine",
        "The time machine",
        lead,
        _legend() if told else _no_legend(),
        tag("div", hidden=True, class_="controls", id="machine-controls"),
        tag("div", looks, id="machine-view"),
    )


def _legend() -> Markup:
    """Explain the colours."""
    return tag(
        "div",
        tag(
            "div",
            tag("span", f"▼ {signed(-FULL_PUSH)} and below", class_="low"),
            tag("span", class_="ramp", aria_hidden="true"),
            tag("span", f"{signed(FULL_PUSH)} and above ▲", class_="high"),
            class_="scale",
        ),
        tag(
            "p",
            "Colour is the push on a word, ",
            tag("em", "advantage × (1 − probability)"),
            ": up, with a line under the word; down, with dots. A word that the model was sure "
            "of is hardly moved either way, however good the answer was. Point at a word, or "
            "go through an answer with the arrow keys, to read its probability.",
        ),
        class_="legend",
    )


def _no_legend() -> Markup:
    return tag(
        "p",
        "This run kept no probabilities of the words, so they are not coloured.",
        class_="caption",
    )


def _first_and_last(found: Watched) -> list[Markup]:
    """Write the first prompt's first and last look in the first stage."""
    for stage in found.values():
        for prompt, by_step in stage.items():
            steps = sorted(by_step)
            heading = tag("h3", spoken(question(prompt)), tag("small", "validation problem"))
            chosen = dict.fromkeys((steps[0], steps[-1]))
            return [heading, *(_look(step, by_step[step]) for step in chosen)]
    return []


def _look(step: int, group: Sequence[Line]) -> Markup:
    right = sum(line.get("right") is True for line in group)
    heading = tag("h4", f"step {step}: {right} of {how_many(len(group), 'answer')} right")
    return tag(
        "div", heading, tag("div", map(_completion, group), class_="group"), class_="look"
    )


def _completion(line: Line) -> Markup:
    """Write one completion with its verdict and its words coloured."""
    words, count = shown_words(line)
    advantage, logprobs = number(line.get("advantage")), word_logprobs(line, count)
    if advantage is None or not logprobs:
        written = [_word(word, 0.0) for word in words]
    else:
        written = [
            _word(word, push(advantage, p)) for word, p in zip(words, logprobs, strict=False)
        ]
    more = f" … ({count - len(words)} more)" if count > len(words) else None
    return tag("div", _head(line), tag("p", written, more, class_="words"), class_="completion")


def _head(line: Line) -> Markup:
    """Say what the completion earned."""
    reward, advantage = number(line.get("reward")), number(line.get("advantage"))
    said = [verdict(line.get("right"))]
    if reward is not None:
        said.append(tag("span", f"reward {plain(reward)}"))
    if advantage is not None:
        sign = "▲" if advantage > 0.005 else "▼" if advantage < -0.005 else "–"
        said.append(tag("span", f"advantage {sign} {signed(advantage)}"))
    return tag("div", said, class_="completion-head")


def _word(word: str, moved: float) -> list[Markup]:
    """Write a word with its colour, and the space after it."""
    share = min(abs(moved) / FULL_PUSH, 1.0)
    lang = "zh" if any("\u3400" <= c <= "\u9fff" for c in word) else None
    if share < FAINTEST:
        return [tag("span", word, lang=lang), Markup(" ")]
    class_ = "up" if moved > 0 else "down"
    style = f"--push:{100 * share:.0f}%"
    return [tag("span", word, class_=class_, style=style, lang=lang), Markup(" ")]
