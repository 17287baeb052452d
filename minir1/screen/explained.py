"""How is a step of GRPO told to somebody who sees one for the first time?

In seven short sections, each with a sentence that says what is to be seen. The numbers are
those of `explanation.py`; the tables about tokens are in `screen/explained_tokens.py`.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from minir1.explanation import Answer, Explanation
from minir1.grpo import EPS
from minir1.screen.explained_tokens import answers_table, changes_table, tokens_table
from minir1.screen.terminal import asked, clean

WIDEST = 110  # cells: longer lines are hard to read
INDENT = 3
AVERAGES = {
    "token": "Every trained token of the update counts alike, so a long answer has more to say "
    "than a short one.",
    "sequence": "Every answer counts alike, so a token of a long answer counts less.",
    "constant": "Every token counts the same in every step: 1 / the most tokens that the "
    "answers could have.",
}


class Explained:
    """An explanation on the screen: `console.print(Explained(told, "base", notes))`."""

    def __init__(self, told: Explanation, where: str, notes: Sequence[str] = ()) -> None:
        self.told, self.where, self.notes = told, where, notes

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, WIDEST)
        told, batch = self.told, self.told.batch
        title = f"{self.where} · {told.stage}, step {told.step} · prompt {told.group.number} "
        yield Text(clean(f"{title}of {batch.prompts}"), "title")
        for note in self.notes:
            yield _said(f"Note: {note}.", width)
        sections = (
            ("The question", self._question),
            (f"{len(told.group.answers)} answers", self._answers),
            ("Rewards", self._rewards),
            ("Advantages", self._advantages),
            ("What a token counts, and where it is pushed", self._tokens),
            ("The gradient and the update", self._update),
            ("Before and after", self._changes),
        )
        for count, (name, section) in enumerate(sections, start=1):
            yield Text()
            yield Text(f"{count}  {name}", "title")
            for part in section(width - INDENT):
                if isinstance(part, str):
                    yield _said(part, width)
                else:
                    yield Padding(part, (0, 0, 0, INDENT), expand=False)

    def _question(self, width: int) -> Iterator[RenderableType]:
        group, batch = self.told.group, self.told.batch
        yield (
            f"Each of this step's {batch.prompts} prompts is answered {len(group.answers)} "
            f"times. {self._flat()}"
        )
        yield Text(asked(group.prompt), "answer")

    def _flat(self) -> str:
        flat = self.told.batch.flat
        if not flat:
            return "Every prompt teaches something: its answers differ in what they earn."
        return f"{flat} of them teach nothing: all answers to such a prompt earned the same."

    def _answers(self, width: int) -> Iterator[RenderableType]:
        tokens = [token for answer in self.told.group.answers for token in answer.tokens]
        gap = max(abs(token.sampled - token.scored) for token in tokens)
        yield (
            f"Every token is drawn from the policy's own probabilities{self._heat()}, nothing "
            "cut off. log π is the logarithm of the whole answer's probability, added up over "
            "its tokens."
        )
        yield answers_table(self.told.group.answers, width)
        yield (
            "The loss scores the tokens again, all at once. The greatest difference is "
            f"{gap:.0e} nats, so the ratio π / π_old begins at 1."
        )

    def _heat(self) -> str:
        heat = self.told.temperature
        return "" if heat == 1 else f" at temperature {heat:g}"

    def _rewards(self, width: int) -> Iterator[RenderableType]:
        weights = {kind: w for kind, w in self.told.part_weights.items() if w}
        formula = " + ".join(f"{w:g} · {kind}" for kind, w in weights.items())
        judged = ", general prompts by a reward model" if "preference" in weights else ""
        yield f"Problems are paid by rules that a program checks{judged}: {clean(formula)}."
        table = _table("answer", *weights, "reward")
        for answer in self.told.group.answers:
            paid = [f"{answer.parts[kind]:.3g}" for kind in weights]
            table.add_row(str(answer.number), *paid, f"{answer.reward:.2f}")
        yield table

    def _advantages(self, width: int) -> Iterator[RenderableType]:
        told, group = self.told, self.told.group
        if not any(token.push for answer in group.answers for token in answer.tokens):
            yield "All answers earned the same: none is better than another, nothing is learnt."
            return
        yield "Better than what? Better than the other answers to the same question."
        if told.by_token:
            yield (
                "A critic goes on from here: it gives every token an advantage of its own, by "
                "what the answer promised so far."
            )
        best = max(group.answers, key=lambda answer: abs(answer.advantage))
        arithmetic = self._arithmetic(best)
        if arithmetic is None:
            yield (
                f"Compared as {clean(told.objective)} does, with "
                f"scale={told.settings['scale']} and combine={told.settings['combine']}."
            )
        else:
            yield from arithmetic
        yield Text("   ").join(
            Text(f"Â{a.number} {a.advantage:+.2f}", _sign(a.advantage)) for a in group.answers
        )

    def _arithmetic(self, answer: Answer) -> list[Text] | None:
        """Show the sum of one advantage; None if it is not the distance from the mean."""
        group, scale = self.told.group, self.told.settings["scale"]
        centred = answer.reward - group.mean
        divided = scale == "std"
        expected = centred / (group.std + EPS) if divided else centred
        if not math.isclose(expected, answer.advantage, rel_tol=1e-4, abs_tol=1e-6):
            return None
        paid = " + ".join(f"{a.reward:.2f}" for a in group.answers)
        lines = [f"mean = ({paid}) / {len(group.answers)} = {group.mean:.3f}"]
        shown = f"{answer.reward:.2f} − {group.mean:.3f}"
        if divided:
            lines.append(
                f"std  = {group.std:.3f}, how far rewards are from the mean, typically"
            )
            shown = f"({shown}) / ({group.std:.3f} + {EPS})"
        lines.append(f"Â{answer.number}   = {shown} = {answer.advantage:+.3f}")
        return [Text(line) for line in lines]

    def _tokens(self, width: int) -> Iterator[RenderableType]:
        told, answers = self.told, self.told.group.answers
        example = next((t for a in answers for t in a.tokens if t.push), None)
        if example is None:
            yield "No token of this group is pushed."
            return
        average = str(told.settings["average"])
        divisors = sorted({round(1 / t.weight) for a in answers for t in a.tokens if t.weight})
        shown = f"{divisors[0]:,}" + (f" to 1 / {divisors[-1]:,}" if divisors[1:] else "")
        yield f"{AVERAGES[average]} Here w = 1 / {shown}."
        pull = ", less the pull of the KL" if told.settings["kl_weight"] else ""
        yield (
            f"log π of a token is pushed by w Â (times its ratio, 1 at first{pull}). What of "
            "that reaches the token's own score is w Â (1 − π): what is certain already cannot "
            "be pushed."
        )
        yield tokens_table(answers, width)

    def _update(self, width: int) -> Iterator[RenderableType]:
        batch, limit = self.told.batch, self.told.settings["grad_clip"]
        yield (
            "All pushes together are a direction in the space of all parameters, the gradient. "
            f"A longer one than {limit:g} is shortened; then AdamW takes a step."
        )
        table = _table("update", "prompts", "tokens", "‖gradient‖", "")
        for count, update in enumerate(batch.updates, start=1):
            told = "with this group" if update.has_group else ""
            told += " · shortened" * (update.norm > limit)
            counted = str(update.prompts), f"{update.tokens:,}", f"{update.norm:.3f}"
            table.add_row(str(count), *counted, told.strip(" ·"))
        yield table
        yield (
            f"{self._share()} At a learning rate of {batch.learning_rate:.1e} the step moves "
            f"the parameters by {batch.moved:.3f}, which is "
            f"{100 * batch.moved / batch.size:.2f} % of their length."
        )

    def _share(self) -> str:
        group = self.told.group
        if not group.norm:
            return "This group adds nothing to it."
        own = f"This group's own gradient has length {group.norm:.3f};"
        if group.share < 0:
            return f"{own} it points against its update's, which the others outvote."
        return f"{own} it makes up {100 * group.share:.0f} % of its update's, along it."

    def _changes(self, width: int) -> Iterator[RenderableType]:
        batch = self.told.batch
        yield "The same answers, scored by the policy after the step: which became likelier?"
        yield changes_table(self.told.group.answers)
        yield (
            f"In the whole step {batch.rose} of {batch.pushed_up} answers that were pushed up "
            f"became likelier, and {batch.fell} of {batch.pushed_down} that were pushed down "
            "less likely. The others were carried along: answers share their words, and all "
            "prompts share the parameters."
        )


def _said(text: str, width: int) -> Text:
    """A sentence or two, wrapped and set in under the section's name."""
    lines = textwrap.wrap(clean(text), max(width - INDENT, 20))
    return Text("\n".join(" " * INDENT + line for line in lines), "baseline")


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False)
    for head in heads:
        table.add_column(
            Text(clean(head), "baseline"), justify="right" if head else "left", no_wrap=True
        )
    return table


def _sign(value: float) -> str:
    return "positive" if value > 0 else "negative" if value < 0 else "baseline"
