"""How often does everything happen in the pretraining corpus?

Every "emergent" behaviour of the tiny model is first of all a rate in this file: reinforcement
learning amplifies what the corpus holds, it does not create it. `audit` measures the rates
again from the texts.
"""

from dataclasses import dataclass
from typing import ClassVar

from minir1.settings import Count, Section, Share, Weight

KINDS = ("fact", "chat", "chain", "line", "sheet", "play", "direct", "think")
PROGRAM = "program"  # one more kind, about the second kind of problem; see `programs` below
PROGRAM_KINDS = (
    "line",
    "sheet",
    "direct",
    "think",
)  # those that documents about programs have too
CHAT_WEIGHTS = ("chat_good", "chat_wrong", "chat_rude", "chat_foreign", "chat_careless")


@dataclass(frozen=True)
class CorpusConfig(Section):
    """Set the share of every kind of document, and the rates inside them.

    The shares are weights: they are divided by their sum. All rates are probabilities. The
    defaults teach the verdict (yes or no) at every distance from the goal, and show long
    searches in 1.8 % of the documents.
    """

    section: ClassVar[str] = "corpus"

    # Shares of the documents.
    fact: Weight = 0.1  # sums without a goal
    chat: Weight = 0.09  # general prompts, answered as well and as badly as on the web
    chain: Weight = 0.13  # a goal, one attempt, its verdict
    line: Weight = 0.18  # a problem, one attempt, its verdict, and the answer after a yes
    sheet: Weight = 0.12  # a goal, many unrelated sums, a verdict for each
    play: Weight = 0.06  # three numbers, many attempts, no goal, no verdict: pure copying
    direct: Weight = 0.205  # a problem answered without thinking, mostly wrongly
    think: Weight = 0.115  # a problem answered after thinking aloud
    programs: Share = 0.0  # documents about programs; the others keep their proportions
    zh_prompts: Share = 0.35  # documents in Chinese

    # Thinking aloud.
    reflect: bool = True  # False: every trace stops after its first attempt
    reflecting: Share = 1.0  # traces that may go on after their first attempt
    long_think: Share = 0.16  # traces in the long style, of all traces
    give_up_short: Share = 0.55  # stop after a no, in the short style
    give_up_long: Share = 0.08  # stop after a no, in the long style
    mixing_short: Share = 0.15  # short-style traces whose every connective tosses a language
    mixing_long: Share = 0.50  # the same for long-style traces
    max_attempts: Count = 20
    solution_rate: Share = 0.09  # an attempt is chosen because it solves the problem
    near_rate: Share = 0.50  # otherwise: its second operator brings it nearest to the target
    program_near_rate: Share = 0.80  # for programs: the second step, to the first output
    slip: Share = 0.005  # the second step of an attempt is written with a wrong value
    check_rate: Share = 0.20  # a yes is followed by a check

    # The other kinds.
    facts_low: Count = 2  # sums in a fact document
    facts_high: Count = 5
    direct_right: Share = 0.10  # a direct answer is chosen because it is right
    hit_rate: Share = 0.50  # chains, lines and items of a sheet that reach the goal
    sheet_low: Count = 2  # items of a sheet
    sheet_high: Count = 14
    sheet_near: Share = 0.30  # misses of a sheet within 3 of the goal
    sheet_chains: Share = 0.25  # items of a sheet with two steps
    play_low: Count = 2  # attempts of a play
    play_high: Count = 12

    # General prompts: how they are answered.
    chat_good: Weight = 0.40
    chat_wrong: Weight = 0.20  # right for another prompt
    chat_rude: Weight = 0.10
    chat_foreign: Weight = 0.15  # good, but in the other language
    chat_careless: Weight = 0.15  # ignores the instruction, or does harm

    def __post_init__(self) -> None:
        super().__post_init__()
        for low, high in (
            ("facts_low", "facts_high"),
            ("sheet_low", "sheet_high"),
            ("play_low", "play_high"),
        ):
            if getattr(self, low) > getattr(self, high):
                self.refuse(low, f"at most {self.key(high)}={getattr(self, high)}")
        for name, weights in (("think", KINDS), ("chat_good", CHAT_WEIGHTS)):
            if not any(getattr(self, weight) for weight in weights):
                self.refuse(name, f"one of {', '.join(weights)} above 0")
        if self.programs and not any(getattr(self, kind) for kind in PROGRAM_KINDS):
            self.refuse("programs", f"0, or one of {', '.join(PROGRAM_KINDS)} above 0")

    def shares(self) -> dict[str, float]:
        """Give the share of each kind of document; they sum to 1."""
        shares = _normalise({kind: getattr(self, kind) for kind in KINDS})
        if not self.programs:
            return shares
        others = {kind: (1 - self.programs) * share for kind, share in shares.items()}
        return {**others, PROGRAM: self.programs}

    def program_shares(self) -> dict[str, float]:
        """Give the share of each kind among the documents about programs; they sum to 1."""
        return _normalise({kind: getattr(self, kind) for kind in PROGRAM_KINDS})

    def chat_shares(self) -> dict[str, float]:
        """Give the share of each way to answer a general prompt; they sum to 1."""
        weights = {name: getattr(self, name) for name in CHAT_WEIGHTS}
        return _normalise({name.removeprefix("chat_"): weights[name] for name in weights})


def _normalise(weights: dict[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
