"""What did the experiments about reflection find, in a few sentences?"""

from collections.abc import Mapping
from math import isnan

from minir1.claims.claim import Figure
from minir1.claims.figures import above, over_seeds, text
from minir1.claims.reflection_arms import ARMS, LONGER, RAREST, STEPS
from minir1.claims.reflection_results import RISING, Measured


def summary(measured: Measured, rises: Mapping[str, Figure], found: Mapping[str, bool]) -> str:
    """Tell the finding in a few sentences, what goes the other way included."""
    up = [f"{RISING[w]} by {text(f)}" for w, f in rises.items() if above(f)]
    still = [RISING[w] for w, f in rises.items() if not above(f)]
    corpora = ", ".join(
        f"{ARMS[name].told}: {text(measured.attempts(name))} attempts, pass@1 "
        f"{text(measured.accuracy(name))}{'' if seen else ' (not found)'}"
        for name, seen in found.items()
    )
    worth = measured.loss("reflective")
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
        _worth(measured),
        f"After a wrong first attempt the base goes on in {text(on[0])}, R1-Zero in "
        f"{text(on[1])}; it is then right in {text(right[0])} and {text(right[1])}. Its false "
        f"yes: {text(honest[0])} of the misses before, {text(honest[1])} after.",
        f"Of the problems answered with and without words that start again, "
        f"{text(not_more)} are answered no better with them: who has missed needs them.",
    ]
    return " ".join(filter(None, sentences))


def points(figure: Figure) -> str:
    """Write a difference of shares in points, with its interval if it has one."""
    low, value, high = (f"{100 * x:.1f}" for x in (figure.low, figure.value, figure.high))
    return f"{value} points" + ("" if isnan(figure.low) else f" ({low} to {high})")


def _worth(measured: Measured) -> str:
    """Say what the words carry: the verdict, the words that start again, or only length.

    No is a reflective word and the verdict after a miss at once; the other words only open
    the next attempt, as try does.
    """
    told = []
    if not above(measured.loss("reflective")):
        told.append("So the words are not shown to be useful.")
    elif above(measured.loss("no", "starting again")):
        told.append(
            "So reflection is useful, and the verdict carries it: who cannot say no says yes "
            f"to {text(over_seeds('', measured.without('no', 'yes_given_miss'), '%'))} of the "
            "misses."
        )
    else:
        told.append("So reflection is useful, not through its verdict alone.")
    words = measured.loss("starting again")
    if not above(words):
        told.append("Wait, maybe, hmm and check are not shown to matter.")
    elif not above(measured.loss("starting again", "try")):
        told.append(
            "Wait, maybe, hmm and check matter no more than try, which opens an attempt too: "
            f"without that {points(measured.loss('try'))} are lost."
        )
    else:
        told.append("Wait, maybe, hmm and check matter, more than try does.")
    return " ".join(told)
