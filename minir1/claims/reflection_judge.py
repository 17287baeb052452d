"""Does reflection emerge, from what, and does it pay? Decided by intervals over seeds.

It emerges where attempts and reflective words an answer rise. A corpus lets it be found where
RL brings at least FOUND attempts an answer, by the whole interval. It is invented only if it is
found from a corpus without any.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isnan, nan
from typing import Any

from minir1.claims.claim import Chart, Figure, Finding, Line, Results, Table, Verdict
from minir1.claims.figures import above, below, curve, difference, number, over_seeds, text
from minir1.claims.reflection_arms import ARMS, LONGER, RAREST, STEPS, from_corpus, longer
from minir1.claims.standard import r1_zero

FOUND = 2.0  # attempts an answer: on average there is a second one
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
        return [float(row["bans"][ban][what]) for row in self.bans]

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


def judge(results: Results, seeds: int) -> Finding:
    """Look at what rises, from how little, and what the words are worth."""
    measured = Measured(results, seeds)
    rises = {what: measured.rise(what) for what in RISING}
    emerges = above(rises["attempts_per_answer"]) and above(rises["reflections_per_answer"])
    found = {name: above(measured.attempts(name), FOUND) for name in ARMS}
    verdict, condition = _verdict(emerges, found, measured)
    return Finding(
        verdict,
        condition,
        _summary(measured, rises, found),
        figures=(
            *rises.values(),
            *(measured.loss(ban) for ban in ("reflective", "starting again", "no", "check")),
            *(
                measured.asked(who, what, label, "%")
                for what, label in SHARES.items()
                for who in ("base", "r1-zero")
            ),
        ),
        controls=(
            *(measured.loss(ban) for ban in ("neutral", "try", "cut short")),
            measured.loss("reflective", "neutral"),
            measured.loss("reflective", "cut short"),
            *map(measured.attempts, ARMS),
            *map(measured.accuracy, ARMS),
            measured.patient(),
        ),
        tables=(_corpora_table(measured), _bans_table(measured)),
        charts=(_words_chart(measured), _corpora_chart(measured)),
    )


def _verdict(
    emerges: bool, found: Mapping[str, bool], measured: Measured
) -> tuple[Verdict, str]:
    """Decide: invented from nothing, amplified from a little, or not seen at all."""
    if not emerges or not any(found.values()):
        return "does not hold here", ""
    if found["no-reflection"]:
        return "holds", ""
    rarest = [name for name in ARMS if found[name]][-1]
    share = number(measured.corpora[rarest]["reflecting"], "%")
    return "holds if", f"the corpus shows it, here in {share} of the documents or more"


def points(figure: Figure) -> str:
    """Write a difference of shares in points, with its interval if it has one."""
    low, value, high = (f"{100 * x:.1f}" for x in (figure.low, figure.value, figure.high))
    return f"{value} points" + ("" if isnan(figure.low) else f" ({low} to {high})")


def _summary(measured: Measured, rises: Mapping[str, Figure], found: Mapping[str, bool]) -> str:
    """Tell the finding in a few sentences, what goes the other way included."""
    up = [f"{RISING[w]} by {text(f)}" for w, f in rises.items() if above(f)]
    still = [RISING[w] for w, f in rises.items() if not above(f)]
    corpora = ", ".join(
        f"{ARMS[name].told}: {text(measured.attempts(name))} attempts, pass@1 "
        f"{text(measured.accuracy(name))}{'' if seen else ' (not found)'}"
        for name, seen in found.items()
    )
    worth, beyond = measured.loss("reflective"), measured.loss("reflective", "cut short")
    honest = [measured.asked(who, "yes_given_miss", "", "%") for who in ("base", "r1-zero")]
    on = [measured.asked(who, "goes_on", "", "%") for who in ("base", "r1-zero")]
    right = [measured.asked(who, "right_if_it_goes_on", "", "%") for who in ("base", "r1-zero")]
    not_more = measured.asked("r1-zero", "not_more_accurate", "", "%")
    sentences = [
        f"From base to R1-Zero rise: {'; '.join(up) or 'none of the figures'}.",
        f"Not sure to rise: {', '.join(still)}." if still else "",
        f"By the share of documents with a second attempt: {corpora}; after {LONGER} steps "
        f"instead of {STEPS}, {ARMS[RAREST].told}: {text(measured.patient())} attempts.",
        f"Without reflective words R1-Zero loses {points(worth)}, without as many general "
        f"words {points(measured.loss('neutral'))}, with thoughts cut to the same length "
        f"{points(measured.loss('cut short'))}; without check alone "
        f"{points(measured.loss('check'))}, without the words that start again but for try "
        f"{points(measured.loss('starting again'))}.",
        _worth(worth, beyond),
        f"After a wrong first attempt the base goes on in {text(on[0])}, R1-Zero in "
        f"{text(on[1])}; it is then right in {text(right[0])} and {text(right[1])}. Its false "
        f"yes: {text(honest[0])} of the misses before, {text(honest[1])} after.",
        f"Of the problems answered with and without words that start again, "
        f"{text(not_more)} are answered no better with them.",
    ]
    return " ".join(filter(None, sentences))


def _worth(worth: Figure, beyond: Figure) -> str:
    """Say whether the words carry more than the length that they make possible."""
    if not above(worth):
        return "So the words are not shown to be useful."
    if above(beyond):
        return "So the words are useful, beyond the length that they bring."
    if below(beyond):
        return "So the search is useful; cutting it hurts more than taking the words away."
    return "So what is useful is the search; the words are not shown to add to its length."


def _corpora_table(measured: Measured) -> Table:
    """Lay out the corpora: what they show, what their base can, and what RL makes of it."""
    rows = []
    for name, arm in ARMS.items():
        corpus = measured.corpora[name]
        base = measured.runs[name][0]["checkpoints"]["base"]
        honest = base["verdict"]["fourth_attempt"]
        words = measured.after(name, "reflections_per_answer", "reflective words")
        rows.append(
            (
                f"{arm.told} (measured {number(corpus['reflecting'], '%')})",
                number(base["pass_at_1"]["value"], "%"),
                number(base["attempts_per_answer"]),
                f"{number(honest['yes_given_hit'])} / {number(honest['yes_given_miss'])}",
                text(measured.accuracy(name)),
                text(measured.attempts(name)),
                text(words),
            )
        )
    header = (
        "documents with a second attempt",
        "pass@1 of the base",
        "its attempts",
        "its P(yes) after a hit / a near miss, fourth attempt",
        "pass@1 of R1-Zero",
        "its attempts",
        "its reflective words",
    )
    return Table(f"Bases of 1500 steps, R1-Zero of {STEPS} steps", header, tuple(rows))


def _bans_table(measured: Measured) -> Table:
    """Lay out what R1-Zero does without some words."""
    columns = ("accuracy", "completion_tokens", "attempts_per_answer", "reflections_per_answer")
    rows = [
        (
            label,
            *(
                text(over_seeds("", measured.without(ban, w), "%" if w == "accuracy" else ""))
                for w in columns
            ),
        )
        for ban, label in BANNED.items()
    ]
    header = ("forbidden", "accuracy", "tokens", "attempts", "reflective words")
    return Table("R1-Zero with words forbidden, in both languages", header, tuple(rows))


def _words_chart(measured: Measured) -> Chart:
    """Draw reflective words and attempts by step."""

    def line(label: str, read: Callable[[Mapping[str, Any]], float]) -> Line:
        rows = [run["curves"]["r1-zero"] for run in measured.plain]
        return curve(label, [{r["step"]: read(r) for r in seed} for seed in rows])

    def per_100(row: Mapping[str, Any]) -> float:
        return 100 * float(row["reflections"]) / float(row["completion_tokens"])

    lines = (
        line("reflective words an answer", lambda r: float(r["reflections"])),
        line("reflective words per 100 tokens", per_100),
        line("attempts an answer", lambda r: float(r["attempts"])),
    )
    told = "; ".join(
        f"{one.label} from {number(one.points[0][1])} to {number(one.points[-1][1])}"
        for one in lines
    )
    title = "Reflection in reinforcement learning"
    return Chart("reflection-words", title, told, "step", "count", lines)


def _corpora_chart(measured: Measured) -> Chart:
    """Draw attempts by step, a line a corpus."""

    def line(name: str) -> Line:
        rows = [run["curves"]["r1-zero"] for run in measured.runs[name]]
        by_seed = [{r["step"]: float(r["attempts"]) for r in seed} for seed in rows]
        return curve(f"{ARMS[name].told} of the documents reflect", by_seed)

    lines = tuple(map(line, ARMS))
    told = "; ".join(f"{one.label}: {number(one.points[-1][1])} at the end" for one in lines)
    title = "Attempts an answer, by how rare reflection is in the corpus"
    return Chart("reflection-corpora", title, told, "step", "attempts an answer", lines)
