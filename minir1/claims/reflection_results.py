"""Where in the results of its jobs does the claim about reflection find its figures?"""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from minir1.claims.claim import Figure, Results
from minir1.claims.figures import difference, over_seeds
from minir1.claims.reflection_arms import ARMS, LONGER, RAREST, from_corpus, longer
from minir1.claims.standard import r1_zero

RISING = {
    "attempts_per_answer": "attempts an answer",
    "reflections_per_answer": "reflective words an answer",
    "reflections_per_100_tokens": "reflective words per 100 tokens",
    "reevaluations_per_answer": "words that start again an answer",
    "check_rate": "answers with a check",
}
SHARES = {
    "missed_first": "first attempt wrong",
    "goes_on": "goes on after a wrong first attempt",
    "right_if_it_goes_on": "right, if it goes on",
    "right_if_it_stops": "right, if it stops",
    "yes_given_hit": "yes after a hit",
    "yes_given_miss": "yes after a miss",
}
BANNED = {
    "nothing": "nothing",
    "reflective": "all reflective words",
    "starting again": "words that start again",
    "no": "no",
    "check": "check",
    "try": "try",
    "neutral": "as many general words",
    "cut short": "nothing, thoughts cut to that length",
}
Rows = Sequence[Mapping[str, Any]]


class Measured:
    """The results that the claim rests on, seed by seed."""

    def __init__(self, results: Results, seeds: int):
        self.bans: Rows = [results[f"reflection/bans/seed{s}"] for s in range(seeds)]
        self.plain: Rows = [results[r1_zero(s, "plain").name] for s in range(seeds)]
        self.corpora = {name: results[f"reflection/corpus/{name}"] for name in ARMS}
        self.runs = {
            name: [results[from_corpus(name, arm, s).name] for s in range(seeds)]
            for name, arm in ARMS.items()
        }
        self.longer: Rows = [results[longer(s).name] for s in range(seeds)]

    def rise(self, what: str) -> Figure:
        """Sum up by how much R1-Zero passes the base."""
        after = [float(row["r1-zero"][what]) for row in self.bans]
        before = [float(row["base"][what]) for row in self.bans]
        return difference(f"{RISING[what]}, R1-Zero less base", after, before)

    def asked(self, who: str, what: str, label: str, unit: str = "") -> Figure:
        """Sum up a figure of the base or of R1-Zero; a seed without a value is left out."""
        found = [row[who][what] for row in self.bans if row[who][what] is not None]
        return over_seeds(f"{label}, {who}", found or [nan], unit)

    def without(self, ban: str, what: str = "accuracy") -> list[float]:
        """Return a figure of R1-Zero under a ban."""
        found = [row["bans"][ban][what] for row in self.bans]
        return [nan if value is None else float(value) for value in found]

    def loss(self, ban: str, reference: str = "nothing") -> Figure:
        """Sum up what a ban takes from the accuracy, beyond another."""
        told = f"accuracy lost: {BANNED[ban]} forbidden, beyond {BANNED[reference]}"
        return difference(told, self.without(reference), self.without(ban), "%")

    def after(self, name: str, what: str, label: str, unit: str = "") -> Figure:
        """Sum up a figure of R1-Zero from the base of a corpus."""
        found = [run["checkpoints"]["r1-zero"][what] for run in self.runs[name]]
        seen = [one["value"] if isinstance(one, Mapping) else float(one) for one in found]
        return over_seeds(f"{label} of R1-Zero, {ARMS[name].told} reflecting", seen, unit)

    def patient(self) -> Figure:
        """Sum up the attempts an answer after many more steps from the rarest corpus."""
        found = [run["checkpoints"]["r1-zero"]["attempts_per_answer"] for run in self.longer]
        return over_seeds(f"attempts after {LONGER} steps, {ARMS[RAREST].told}", found)

    def attempts(self, name: str) -> Figure:
        """Sum up the attempts an answer of R1-Zero from the base of a corpus."""
        return self.after(name, "attempts_per_answer", "attempts an answer")

    def accuracy(self, name: str) -> Figure:
        """Sum up pass@1 of R1-Zero from the base of a corpus."""
        return self.after(name, "pass_at_1", "pass@1", "%")
