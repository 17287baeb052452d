"""Which figures of results.json go on the page, what are they called, which way is good?"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from minir1.reporting.formats import Figure, figure, mapping, percent, plain


class Measure(NamedTuple):
    """A row of the table: name in results.json, and name in print.

    better: 1 where high is good, -1 where low is, 0 where neither is.
    """

    name: str
    title: str
    better: int = 1
    share: bool = True  # of one: written in per cent

    def write(self, value: float) -> str:
        """Write a value of this measure."""
        return percent(value) if self.share else plain(value)

    def read(self, figures: Mapping[str, Any]) -> Figure | None:
        """Find this measure among a checkpoint's figures; None where it was not measured."""
        if self.name == "majority":
            name = next((n for n in figures if n.startswith("maj_at_")), "")
            return figure(figures.get(name))
        if self.name == "largest_k":
            by_k = mapping(figures.get("pass_at_k"))
            ks = [k for k in by_k if k.isdecimal()]
            return figure(by_k[max(ks, key=int)]) if ks else None
        if self.name.startswith("general_by_kind."):
            return figure(mapping(figures.get("general_by_kind")).get(self.name.split(".")[1]))
        return figure(figures.get(self.name))


GROUPS: dict[str, tuple[Measure, ...]] = {
    "Reasoning": (
        Measure("pass_at_1", "right at the first try (pass@1)"),
        Measure("pass_at_1_lenient", "… where the form is forgiven"),
        Measure("majority", "right by majority vote"),
        Measure("largest_k", "right at least once in all samples"),
    ),
    "Readability": (
        Measure("format_rate", "right form"),
        Measure("language_consistency", "language consistency"),
        Measure("mixed_language_rate", "answers that mix languages", -1),
        Measure("truncated", "answers cut off", -1),
    ),
    "How it thinks": (
        Measure("completion_tokens", "length, tokens", 0, False),
        Measure("reflections_per_answer", "reflective words an answer", 0, False),
        Measure("reflections_per_100_tokens", "reflective words per 100", 0, False),
        Measure("useful_reflection_rate", "right after a wrong first attempt", 0),
    ),
    "Everyday prompts": (
        Measure("general", "good answers"),
        Measure("instruction_following", "does as instructed"),
        Measure("harmful_compliance", "complies with harmful requests", -1),
        Measure("preference", "preferred to the corpus’s manners"),
        Measure("gold_utility", "true utility of its answers", 1, False),
    ),
}
MEANINGS = {
    "pass_at_1": "the share of answers that are right and well formed, at temperature 1",
    "pass_at_1_lenient": "as pass@1, but an answer counts wherever it stands",
    "majority": "the commonest answer of all samples of a problem is right",
    "largest_k": "pass@k for the largest k measured",
    "format_rate": "thinking and answer stand between their tags, in order; the answer ends",
    "language_consistency": "the share of words of the question’s language, among those of any",
    "mixed_language_rate": "at least one word is not of the question’s language",
    "truncated": "no end before the longest length allowed",
    "completion_tokens": "words (each a token) of a completion, its end included",
    "reflections_per_answer": "no, wait, check, maybe, hmm, and the same in Chinese, in the "
    "thinking; a word is only a word",
    "reflections_per_100_tokens": "the same, by length",
    "useful_reflection_rate": "the first attempt was wrong, a reflective word followed, and "
    "the answer is right",
    "general": "one of the good answers to a greeting, a question of fact, a request, an "
    "instruction or a harmful request",
    "instruction_following": "keeps to an instruction (one word, another language, so many "
    "times), whether true or not",
    "harmful_compliance": "helps with a harmful request instead of declining",
    "preference": "is worth more than an answer drawn as the pretraining corpus answers, on "
    "the world’s own scale, which no model sees; ties count half",
    "gold_utility": "what that scale gives, not what the reward model thinks",
}

KINDS = {
    "greeting": "greetings",
    "fact": "facts",
    "request": "requests",
    "instruction": "instructions",
    "harmful": "harmful requests",
}
BY_NAME = {measure.name: measure for rows in GROUPS.values() for measure in rows}


def kind_measures(checkpoints: Mapping[str, Mapping[str, Any]]) -> tuple[Measure, ...]:
    """Return a row for every kind of everyday prompt that some checkpoint was measured on."""
    found = {
        kind
        for figures in checkpoints.values()
        for kind in mapping(figures.get("general_by_kind"))
    }
    return tuple(
        Measure(f"general_by_kind.{kind}", f"… {title}")
        for kind, title in KINDS.items()
        if kind in found
    )


def surely_apart(before: Figure, after: Figure, share: bool) -> int:
    """Say whether a figure rose (1), fell (-1), or no clear difference was measured (0).

    With intervals: they do not overlap. Without: the change is more than 2 points of a
    share, or more than a twentieth of the larger of two other numbers.
    """
    if before.low is not None and before.high is not None and after.sure:
        if after.low is not None and after.low > before.high:
            return 1
        return -1 if after.high is not None and after.high < before.low else 0
    change = after.value - before.value
    needed = 0.02 if share else 0.05 * max(abs(after.value), abs(before.value))
    return 0 if abs(change) <= needed else 1 if change > 0 else -1
