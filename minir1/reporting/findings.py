"""What did each stage buy, and did it go as in the paper? Said only as far as it was measured.

A finding compares one figure of two checkpoints. It is called a difference only where the
intervals do not overlap (`measures.surely_apart`). The paper's figures: DeepSeek-R1, arXiv
2501.12948v2, tables 3, 6, 8 and 12; it measured other tasks, so only directions compare.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minir1.reporting.formats import Figure, figure, mapping, percent
from minir1.reporting.measures import BY_NAME, Measure, surely_apart

AS_THERE, NOT_AS_THERE, UNCLEAR = (
    "as in the paper",
    "not as in the paper",
    "no clear difference",
)
NOT_THERE = "not in the paper"


@dataclass(frozen=True)
class Expectation:
    """What the paper found of one figure of two checkpoints.

    expected: what would be like the paper, 1 a rise, -1 a fall; 0 where it found it kept or a
    little better, None where it has nothing to compare with. `paper` says what it measured.
    """

    before: str
    after: str
    measure: str
    expected: int | None
    paper: str = ""


@dataclass(frozen=True)
class Finding:
    """What was measured, and how it compares with the paper."""

    expectation: Expectation
    measure: Measure
    before: Figure
    after: Figure
    change: int  # 1, -1, or 0: no clear difference

    @property
    def verdict(self) -> str:
        """Say how this compares with the paper."""
        expected = self.expectation.expected
        if expected is None:
            return NOT_THERE
        if self.change == 0:
            return UNCLEAR
        alike = self.change > 0 if expected == 0 else self.change == expected
        return AS_THERE if alike else NOT_AS_THERE


E_ = Expectation
ROSE, FELL, HELD, UNTOLD = 1, -1, 0, None
EXPECTATIONS = (
    E_("base", "r1-zero", "pass_at_1", ROSE, "AIME 2024: 15.6 → 77.9\u202f%"),
    E_("base", "r1-zero", "majority", ROSE, "AIME 2024, majority of 16: 86.7\u202f%"),
    E_("base", "r1-zero", "completion_tokens", ROSE, "about 500 → 9,500 tokens (a plot)"),
    E_("base", "r1-zero", "reflections_per_answer", ROSE, "5 to 7 times as many, in all"),
    E_("base", "r1-zero", "reflections_per_100_tokens", UNTOLD),
    E_("base", "r1-zero", "language_consistency", FELL, "“language mixing”, no figure"),
    E_("r1-zero", "dev1", "pass_at_1", FELL, "AIME 2024: 77.9 → 59.0\u202f%"),
    E_("r1-zero", "dev1", "language_consistency", ROSE, "“readability”, no figure"),
    E_("r1-zero", "dev1", "instruction_following", ROSE, "IF-Eval: 46.6 → 71.7\u202f%"),
    E_("r1-zero", "dev1", "preference", ROSE, "AlpacaEval 2: 24.7 → 50.1\u202f%"),
    E_("dev1", "dev2", "pass_at_1", ROSE, "AIME 2024: 59.0 → 74.0\u202f%"),
    E_("r1-zero", "dev2", "language_consistency", ROSE, "stays high where it is rewarded"),
    E_("dev1", "dev2", "instruction_following", HELD, "IF-Eval: 71.7 → 72.0\u202f%"),
    E_("dev2", "dev3", "pass_at_1", ROSE, "AIME 2024: 74.0 → 78.1\u202f%"),
    E_("dev2", "dev3", "general", ROSE, "AlpacaEval 2: 55.8 → 62.1\u202f%"),
    E_("dev2", "dev3", "instruction_following", ROSE, "IF-Eval: 72.0 → 78.1\u202f%"),
    E_("dev3", "r1", "preference", ROSE, "AlpacaEval 2: 62.1 → 87.6\u202f%"),
    E_("dev3", "r1", "pass_at_1", HELD, "AIME 2024: 78.1 → 79.8\u202f%"),
    E_("dev3", "r1", "instruction_following", ROSE, "IF-Eval: 78.1 → 83.3\u202f%"),
    E_("dev3", "r1", "harmful_compliance", FELL, "safety is an aim of this stage"),
    E_("r1-zero", "r1", "pass_at_1", HELD, "AIME 2024: 77.9 → 79.8\u202f%"),
    E_("r1-zero", "r1", "language_consistency", ROSE, "R1 is the readable one, no figure"),
    E_("small-base", "small-rl", "pass_at_1", ROSE, "AIME 2024: 47.0\u202f% (Qwen 32B)"),
    E_("small-base", "distilled", "pass_at_1", ROSE, "AIME 2024: 72.6\u202f% (Qwen 32B)"),
    E_("small-rl", "distilled", "pass_at_1", ROSE, "AIME 2024: 47.0 against 72.6\u202f%"),
    E_("small-rl", "distilled", "largest_k", UNTOLD),
    E_("distilled", "distilled-rl", "pass_at_1", ROSE, "“significant further gains”"),
)  # fmt: skip


def findings(checkpoints: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """Compare what was measured, in the order of the story; the rest is left out."""
    found = []
    for expectation in EXPECTATIONS:
        measure = BY_NAME[expectation.measure]
        before = measure.read(checkpoints.get(expectation.before, {}))
        after = measure.read(checkpoints.get(expectation.after, {}))
        if before is not None and after is not None:
            change = surely_apart(before, after, measure.share)
            found.append(Finding(expectation, measure, before, after, change))
    return found


def summary(checkpoints: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Tell the run in a few sentences, each made of figures that exist."""
    said = [
        _about_zero(checkpoints),
        _about_languages(checkpoints),
        _about_r1(checkpoints),
        _about_manners(checkpoints),
        _about_students(checkpoints),
    ]
    return [sentence for sentence in said if sentence]


def _read(
    checkpoints: Mapping[str, Mapping[str, Any]], name: str, measure: str
) -> Figure | None:
    return BY_NAME[measure].read(checkpoints.get(name, {}))


def _written(measure: str, value: Figure) -> str:
    return BY_NAME[measure].write(value.value)


def _sure(share: Figure) -> str:
    """Write a share with its interval."""
    written = percent(share.value)
    if share.low is None or share.high is None:
        return written
    return f"{written} (interval {100 * share.low:.1f} to {100 * share.high:.1f})"


def _about_zero(checkpoints: Mapping[str, Mapping[str, Any]]) -> str:
    base = _read(checkpoints, "base", "pass_at_1")
    zero = _read(checkpoints, "r1-zero", "pass_at_1")
    if base is None:
        return ""
    solved = _written("pass_at_1", base)
    said = f"At its first try the base solves {solved} of problems that it never trained on"
    if zero is None:
        return f"{said}."
    change = surely_apart(base, zero, True)
    paid = "After reinforcement learning by reward alone"
    after = _written("pass_at_1", zero)
    if change == 0:
        return f"{said}. {paid} R1-Zero solves {after}: no clear difference."
    text = f"{said}. {paid} R1-Zero solves {'' if change > 0 else 'only '}{after}"
    return f"{text}{_and_longer(checkpoints)}."


def _and_longer(checkpoints: Mapping[str, Mapping[str, Any]]) -> str:
    before, after = (
        _read(checkpoints, name, "completion_tokens") for name in ("base", "r1-zero")
    )
    if before is None or after is None:
        return ""
    change = surely_apart(before, after, False)
    words = {1: "longer", -1: "shorter", 0: "about as long"}[change]
    lengths = f"{before.value:.0f} tokens before, {after.value:.0f} now"
    return f"; its answers are {words} ({lengths})"


def _about_languages(checkpoints: Mapping[str, Mapping[str, Any]]) -> str:
    base, zero = (_read(checkpoints, n, "mixed_language_rate") for n in ("base", "r1-zero"))
    if base is None or zero is None:
        return ""
    change = surely_apart(base, zero, True)
    first, then = (_written("mixed_language_rate", figure) for figure in (base, zero))
    shares = f"{first} of the base’s answers, {then} of R1-Zero’s"
    if change > 0:
        return f"The price is readability: English and Chinese are mixed in {shares}."
    if change < 0:
        return f"Unlike the paper’s it mixes its languages less: in {shares}."
    return f"Languages are mixed about as often as before: in {shares}."


def _about_r1(checkpoints: Mapping[str, Mapping[str, Any]]) -> str:
    zero, last = (_read(checkpoints, name, "pass_at_1") for name in ("r1-zero", "r1"))
    if last is None:
        return ""
    said = f"R1, made in four more stages, solves {_written('pass_at_1', last)}"
    if zero is not None:
        change = surely_apart(zero, last, True)
        said += {1: ", more than R1-Zero", -1: ", less than R1-Zero", 0: ""}[change]
        said += "" if change else ", no clear difference from R1-Zero"
    mixed = _read(checkpoints, "r1", "mixed_language_rate")
    if mixed is not None:
        said += (
            f", and mixes languages in {_written('mixed_language_rate', mixed)} of its answers"
        )
    return f"{said}."


def _about_manners(checkpoints: Mapping[str, Mapping[str, Any]]) -> str:
    """Tell what the stages did to everyday prompts, and R1 against Dev3 face to face."""
    parts = []
    for name, text in (
        ("general", "good answers to everyday prompts"),
        ("harmful_compliance", "compliance with harmful requests"),
    ):
        zero, last = _read(checkpoints, "r1-zero", name), _read(checkpoints, "r1", name)
        if zero is not None and last is not None:
            parts.append(
                f"{text}: {_written(name, zero)} of R1-Zero’s, {_written(name, last)} of R1’s"
            )
    over = figure(mapping(mapping(checkpoints.get("r1")).get("preference_over")).get("dev3"))
    if over is not None:
        parts.append(f"against Dev3, R1 is preferred in {_sure(over)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _about_students(checkpoints: Mapping[str, Mapping[str, Any]]) -> str:
    taught, alone = (_read(checkpoints, n, "pass_at_1") for n in ("distilled", "small-rl"))
    if taught is None:
        return ""
    solved = _written("pass_at_1", taught)
    said = f"A student of a quarter of the size, taught what Dev3 was, solves {solved}"
    if alone is None:
        return f"{said}."
    change = surely_apart(alone, taught, True)
    alone_text = _written("pass_at_1", alone)
    if change == 0:
        return f"{said}; reinforced on its own, {alone_text}: no clear difference."
    than = "more than" if change > 0 else "less than"
    return f"{said}, {than} the {alone_text} of the same student reinforced on its own."
