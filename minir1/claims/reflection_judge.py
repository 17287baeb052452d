"""Does reflection emerge, from what, and does it pay? Decided by intervals over seeds.

It emerges where attempts and reflective words an answer rise. A corpus lets it be found where
RL brings at least FOUND attempts an answer, by the whole interval. It is invented only if it is
found from a corpus without any.
"""

from collections.abc import Callable, Mapping
from typing import Any

from minir1.claims.claim import Chart, Finding, Line, Results, Table, Verdict
from minir1.claims.figures import above, curve, number, over_seeds, text
from minir1.claims.reflection_arms import ARMS, STEPS
from minir1.claims.reflection_results import BANNED, RISING, SHARES, Measured
from minir1.claims.reflection_told import summary

FOUND = 2.0  # attempts an answer: on average there is a second one


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
        summary(measured, rises, found),
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
            measured.loss("no", "starting again"),
            measured.loss("starting again", "try"),
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
