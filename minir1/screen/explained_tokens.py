"""How are the tokens of a group shown? Shortened answers, the hardest pushed, what changed."""

import math
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from minir1.explanation import Answer, Token
from minir1.screen.terminal import clean, fit

SHOWN = 5  # tokens pushed up, and as many pushed down
LINES = 3  # of an answer
BESIDE = 2  # words shown on each side of a token
NUMBERS = 26  # cells of the columns beside an answer


def answers_table(answers: Sequence[Answer], width: int) -> Table:
    """What was written, in how many tokens, and how likely it was."""
    table = _table("", "tokens", "log π", "written")
    room = max(width - NUMBERS, 20)
    for answer in answers:
        lines = fit(" ".join(clean(token.word) for token in answer.tokens), room, LINES)
        cut = "" if answer.finished else " (cut off)"
        logprob = sum(token.sampled for token in answer.tokens)
        counted = str(answer.number), str(len(answer.tokens)), f"{logprob:.1f}"
        table.add_row(*counted, Text("\n".join(lines) + cut))
    return table


def tokens_table(answers: Sequence[Answer], width: int) -> Table:
    """The tokens whose own score is pushed most, up and down, and what became of them."""
    placed = [(a, i, t) for a in answers for i, t in enumerate(a.tokens) if t.pull]
    placed.sort(key=lambda found: -found[2].pull)
    up = [found for found in placed if found[2].pull > 0][:SHOWN]
    down = [found for found in placed if found[2].pull < 0][-SHOWN:][::-1]
    table = _table("", "w Â (1 − π)", "π before", "π after", "answer", "token, in its place")
    for sign, role, found in (("▲", "positive", up), ("▼", "negative", down)):
        for answer, place, token in found:
            table.add_row(
                Text(sign, role),
                Text(f"{token.pull:+.1e}", role),
                _share(token.before),
                _share(token.after),
                str(answer.number),
                _in_place(answer.tokens, place, role),
            )
    return table


def changes_table(answers: Sequence[Answer]) -> Table:
    """How likely each answer was, and is."""
    table = _table("answer", "Â", "log π before", "after", "likelier by", "")
    for answer in answers:
        before = sum(token.scored for token in answer.tokens)
        pushed = sum(token.push for token in answer.tokens)
        follows = answer.change * pushed > 0
        role = "positive" if answer.change > 0 else "negative"
        told = "" if not pushed else "as pushed" if follows else "carried along"
        table.add_row(
            str(answer.number),
            f"{answer.advantage:+.2f}",
            f"{before:.2f}",
            f"{before + answer.change:.2f}",
            Text(f"{'▲' if answer.change > 0 else '▼'} × {_factor(answer.change)}", role),
            Text(told, "baseline"),
        )
    return table


def _in_place(tokens: Sequence[Token], place: int, role: str) -> Text:
    """A token between its neighbours. Colour is not the only sign: it stands in brackets."""
    words = [clean(token.word) for token in tokens]
    before, after = words[max(place - BESIDE, 0) : place], words[place + 1 : place + 1 + BESIDE]
    text = Text(" ".join(before), "baseline")
    text.append(" " * bool(before)).append(f"[{words[place]}]", role)
    return text.append(" " * bool(after)).append(" ".join(after), "baseline")


def _share(probability: float) -> str:
    return f"{100 * probability:.1f} %" if probability >= 0.0005 else f"{probability:.0e}"


def _factor(nats: float) -> str:
    factor = math.exp(min(nats, 700))
    return f"{factor:.2f}" if 0.01 <= factor < 1000 else f"{factor:.0e}"


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for place, head in enumerate(heads):
        last = place == len(heads) - 1
        left = last or not head
        table.add_column(
            Text(head, "baseline"),
            justify="left" if left else "right",
            overflow="fold",
            no_wrap=not last,
        )
    return table
