"""Which figures are on the page, what are they called, and how are they written?"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from publishing import spread_to

from minir1.reporting.formats import MINUS, Figure, figure, mapping
from minir1.reporting.measures import BY_NAME
from r1_page.rules import Change, Estimate

NOTHING = "–"


class Row(NamedTuple):
    """A figure: its name in results.json, its title, and whether it is a share of one."""

    name: str
    title: str
    share: bool = True

    @property
    def label(self) -> str:
        """The title, with the unit of a share."""
        return f"{self.title}, %" if self.share else self.title

    @property
    def unit(self) -> str:
        """What is written behind a difference."""
        return " points" if self.share else ""

    @property
    def digits(self) -> int:
        """Decimals in print."""
        return 1 if self.share or self.name == "completion_tokens" else 2

    def scale(self, value: float) -> float:
        """Bring a value to the unit in print."""
        return 100 * value if self.share else value

    def read(self, figures: Mapping[str, Any]) -> Figure | None:
        """Find this figure among those of a checkpoint."""
        if self.name in BY_NAME:
            return BY_NAME[self.name].read(figures)
        place: Any = figures
        for part in self.name.split("."):
            place = mapping(place).get(part)
        return figure(place)

    def cell(self, found: Estimate | None) -> str:
        """Write mean, range over the seeds, and the mean half-width of the intervals."""
        if found is None:
            return NOTHING
        text = spread_to([self.scale(value) for value in found.values], self.digits)
        if found.half is not None:
            text += f" ± {self.scale(found.half):.{self.digits}f}"
        return text.replace("-", MINUS)

    def mean(self, found: Estimate | None) -> str:
        """Write the mean alone."""
        if found is None:
            return NOTHING
        return f"{self.scale(found.mean):.{self.digits}f}".replace("-", MINUS)

    def change(self, change: Change | None) -> str:
        """Write a difference with its sign and how far off it may be."""
        if change is None:
            return NOTHING
        text = f"{self.scale(change.by):+.{self.digits}f}"
        if change.half is not None:
            text += f" ± {self.scale(change.half):.{self.digits}f}"
        return text.replace("-", MINUS)


PASS, VOTES = Row("pass_at_1", "pass@1"), Row("majority", "majority of 16")
ANY = Row("largest_k", "pass@16")
FORMAT = Row("format_rate", "right format")
CONSISTENCY = Row("language_consistency", "language consistency")
MIXED = Row("mixed_language_rate", "answers that mix languages")
TOKENS = Row("completion_tokens", "completion length, tokens", False)
REFLECTIONS = Row("reflections_per_answer", "reflective words an answer", False)
USEFUL = Row("useful_reflection_rate", "useful reflection")
CUT = Row("truncated", "cut off")
GENERAL = Row("general", "good general answers")
FOLLOWING = Row("instruction_following", "instructions followed")
HARM = Row("harmful_compliance", "complies with harmful requests")
PREFERENCE = Row("preference", "win-rate against the web's answers")
GOLD = Row("gold_utility", "gold utility", False)
OVER_DEV3 = Row("preference_over.dev3", "win-rate against dev3")

REASONING = (PASS, VOTES, FORMAT, CONSISTENCY, MIXED, TOKENS, REFLECTIONS, USEFUL, CUT)
EVERYDAY = (GENERAL, FOLLOWING, HARM, PREFERENCE, GOLD)
