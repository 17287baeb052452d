"""How often does everything happen in the pretraining corpus?

Every "emergent" behaviour of the tiny model is first of all a rate in this file: reinforcement
learning amplifies what the corpus holds, it does not create it. `audit` measures the rates
again from the texts.
"""

from dataclasses import dataclass

KINDS = ("fact", "chat", "chain", "line", "sheet", "play", "direct", "think")


@dataclass(frozen=True)
class CorpusConfig:
    """Set the share of every kind of document, and the rates inside them.

    The shares are weights: they are divided by their sum. All rates are probabilities. The
    defaults teach the verdict (yes or no) at every distance from the goal, and show long
    searches in 1.5 % of the documents.
    """

    # Shares of the documents.
    fact: float = 0.12  # sums without a goal
    chat: float = 0.10  # general prompts, answered as well and as badly as on the web
    chain: float = 0.16  # a goal, one attempt, its verdict
    line: float = 0.22  # a problem, one attempt, its verdict, and the answer after a yes
    sheet: float = 0.10  # a goal, many unrelated sums, a verdict for each
    play: float = 0.0  # three numbers, many attempts, no goal, no verdict: pure copying
    direct: float = 0.20  # a problem answered without thinking, mostly wrongly
    think: float = 0.10  # a problem answered after thinking aloud
    zh_prompts: float = 0.35  # documents in Chinese

    # Thinking aloud.
    reflect: bool = True  # False: every trace stops after its first attempt
    long_think: float = 0.15  # traces in the long style, of all traces
    give_up_short: float = 0.55  # stop after a no, in the short style
    give_up_long: float = 0.08  # stop after a no, in the long style
    mixing_short: float = (
        0.15  # short-style traces that toss a coin for the language of each word
    )
    mixing_long: float = 0.50  # the same for long-style traces
    max_attempts: int = 20
    solution_rate: float = 0.09  # an attempt is chosen because it solves the problem
    near_rate: float = 0.50  # otherwise: its second operator brings it nearest to the target
    slip: float = 0.005  # the second step of an attempt is written with a wrong value
    check_rate: float = 0.20  # a yes is followed by a check

    # The other kinds.
    facts_low: int = 2  # sums in a fact document
    facts_high: int = 5
    direct_right: float = 0.10  # a direct answer is chosen because it is right
    hit_rate: float = 0.50  # chains, lines and items of a sheet that reach the goal
    sheet_low: int = 2  # items of a sheet
    sheet_high: int = 14
    sheet_near: float = 0.30  # misses of a sheet within 3 of the goal
    sheet_chains: float = 0.25  # items of a sheet with two steps
    play_low: int = 2  # attempts of a play
    play_high: int = 12

    # General prompts: how they are answered.
    chat_good: float = 0.40
    chat_wrong: float = 0.20  # right for another prompt
    chat_rude: float = 0.10
    chat_foreign: float = 0.15  # good, but in the other language
    chat_careless: float = 0.15  # ignores the instruction, or does harm

    def shares(self) -> dict[str, float]:
        """Give the share of each kind of document; they sum to 1."""
        return _normalise({kind: getattr(self, kind) for kind in KINDS})

    def chat_shares(self) -> dict[str, float]:
        """Give the share of each way to answer a general prompt; they sum to 1."""
        manners = ("good", "wrong", "rude", "foreign", "careless")
        return _normalise({manner: getattr(self, f"chat_{manner}") for manner in manners})


def _normalise(weights: dict[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
