"""What is an answer worth? Pure functions from a completion's text to a number.

    reward = accuracy weight * accuracy + format weight * format + language weight * language

Rules, no learned judge, as in R1-Zero; the parts are kept beside the sum, unweighted.
A completion that was cut off before <eos> earns nothing (policy "zero"): a model that is
paid for a right answer inside an endless text learns never to stop.
Left out: advantages (`grpo.py`) and the preference model of R1's last stage.
"""

import re

from minir1.config import RewardConfig
from minir1.countdown import VerifierError, canonical, parse
from minir1.puzzles import Puzzle, solved
from minir1.settings import Section
from minir1.traces import (
    ANSWER,
    END_ANSWER,
    END_THINK,
    THINK,
    as_expression,
    read_attempts,
    thinking,
    without_eos,
)
from minir1.weak_rewards import GRADERS, Answered, weak_parts
from minir1.world.languages import SPECIALS, language_of
from minir1.world.programs import ProgramProblem

TAGS = (THINK, END_THINK, ANSWER, END_ANSWER)

_CONTROL = tuple(token for token in SPECIALS if token not in TAGS)  # <eos>, User: and so on
_EXPRESSION_LIKE = re.compile(r"[-+*/().0-9 ]+")  # with ".", so that 2.5 is not read as 5
_LENIENT_CHARACTERS = 1024  # the end of a long answer is enough


def strict_answer(completion: str) -> str | None:
    """Return the one answer that a completion commits to, or None.

    Only what follows </think> is read, so an answer in the thinking is a draft. After it
    exactly one <answer> .. </answer> must stand, with nothing behind it but <eos>, and no
    second thinking. Thinking may be missing: the base often answers at once.
    """
    before, closed, after = without_eos(completion).partition(END_THINK)
    scope = after if closed else before
    if THINK in scope or END_THINK in scope:
        return None
    if scope.count(ANSWER) != 1 or scope.count(END_ANSWER) != 1:
        return None
    _, _, answer = scope.partition(ANSWER)
    if not answer.endswith(END_ANSWER):
        return None
    return answer.removesuffix(END_ANSWER).strip()


def lenient_answer(completion: str) -> str | None:
    """Return what a completion probably meant, whatever its tags: for analysis, never paid.

    The last expression with an operator that can be read after the last <answer>, even
    where </answer> or <eos> is missing. The thinking's last attempt is taken only where the
    completion has no <answer> at all: who answers badly is not rescued by good thinking.
    """
    _, opened, tail = completion.rpartition(ANSWER)
    if not opened:
        tried = read_attempts(thinking(completion))
        return as_expression(tried[-1]) if tried else None
    answer, _, _ = tail.partition(END_ANSWER)
    for text in reversed(_EXPRESSION_LIKE.findall(answer[-_LENIENT_CHARACTERS:])):
        text = text.strip(" .")
        if not text.isdigit() and _readable(text):
            return text
    return None


def _readable(text: str) -> bool:
    try:
        parse(text)
    except VerifierError:
        return False
    return True


def vote(completion: str, finished: bool) -> str | None:
    """Name the answer of a completion for a majority vote; None abstains.

    Answers that differ only in the order of + and * vote together.
    """
    answer = strict_answer(completion)
    if answer is None or not finished or not _readable(answer):
        return None
    return canonical(parse(answer))


def accuracy(problem: Puzzle, completion: str, finished: bool) -> float:
    """Return 1 if the completion ended and its one answer solves the problem, else 0."""
    answer = strict_answer(completion) if finished else None
    return float(answer is not None and solved(problem, answer))


def format_reward(completion: str, finished: bool) -> float:
    """Return 1 for <think> .. </think> <answer> .. </answer> <eos> and nothing else, else 0.

    Every tag once, in this order, something inside both pairs, and no control token (User:,
    <bos>, ..) anywhere. Outside the tags may stand blanks, and before the answer a summary,
    "( 7 + 1 ) + 3 = 11", which R1 writes and R1-Zero does not. Its truth is not judged.
    """
    text = without_eos(completion)
    if not finished or any(text.count(tag) != 1 for tag in TAGS):
        return 0.0
    if any(token in text for token in _CONTROL):
        return 0.0
    nothing, _, rest = text.partition(THINK)
    thought, _, rest = rest.partition(END_THINK)
    gap, _, rest = rest.partition(ANSWER)
    answer, _, end = rest.partition(END_ANSWER)
    summary = not gap.strip() or _is_equation(gap)
    well_formed = summary and not (nothing.strip() or end.strip())
    return float(well_formed and bool(thought.strip()) and bool(answer.strip()))


def _is_equation(text: str) -> bool:
    """Say whether a text is an expression, an equals sign and a number."""
    left, _, right = text.strip().rpartition(" = ")
    return right.isdecimal() and _readable(left)


def language_consistency(completion: str, language: str) -> float:
    """Return the share of the thinking's words that are in the prompt's language.

        words of the target language / words of any language

    Numbers, punctuation and tags belong to no language. A thought without words has 1:
    silence mixes nothing, which is also why this reward alone would teach silence.

    See: DeepSeek-R1, equation 7
    """
    languages = [language_of(word) for word in thinking(completion).split()]
    own = languages.count(language)
    words = len(languages) - languages.count(None)
    return own / words if words else 1.0


def reward(
    problem: Puzzle,
    completion: str,
    finished: bool,
    language: str,
    settings: RewardConfig,
    coin: float = 0.0,
) -> tuple[float, dict[str, float]]:
    """Return what a completion earns, and every part of it as measured."""
    paid, parts = pay(problem, completion, finished, language, settings, coin)
    weights = part_weights(settings)
    return sum(weights[name] * value for name, value in paid.items()), parts


def pay(
    problem: Puzzle,
    completion: str,
    finished: bool,
    language: str,
    settings: RewardConfig,
    coin: float = 0.0,
) -> tuple[dict[str, float], dict[str, float]]:
    """Return what is paid for each part before it is weighted, and the parts as measured.

    Two kinds are controls. "random" pays 1 where the coin, a uniform number that the caller
    draws, is below 1/2, whatever was written. "format" pays the format part only. Others
    are weak on purpose (`weak_rewards.py`). The parts are measured alike for all kinds, so
    that the curves can be compared.
    """
    parts = {
        "accuracy": accuracy(problem, completion, finished),
        "format": format_reward(completion, finished),
        "language_consistency": language_consistency(completion, language),
    }
    if settings.kind not in GRADERS:
        return paid_parts(parts, finished, settings, coin), parts
    assert not isinstance(problem, ProgramProblem)  # a configuration refuses the two together
    asked, answer = (problem.numbers, problem.target), strict_answer(completion)
    given = Answered(*asked, completion, finished, answer, parts, coin)
    return weak_parts(settings.kind, given), parts


def paid_parts(
    parts: dict[str, float], finished: bool, settings: RewardConfig, coin: float = 0.0
) -> dict[str, float]:
    """Return what the rules and their controls pay before it is weighted.

    The language is paid to well-formed answers only: a thought that is broken off, because
    no solution is in sight, is consistent too, and breaking off would be learnt.
    # R1 differs: the language reward is summed directly, whatever the form.
    """
    if settings.kind == "random":
        return {"coin": float(coin < 0.5)}
    form = parts["format"] * finished
    if settings.kind == "format":
        return {"format": form}
    return {
        "accuracy": parts["accuracy"] * finished,
        "format": form,
        "language": form * parts["language_consistency"],
    }


def part_weights(settings: Section) -> dict[str, float]:
    """Return what each kind of reward counts for in the sum."""
    return {"coin": 1.0} | {n: w for n, w in settings.to_dict().items() if n != "kind"}


def general_format(completion: str, finished: bool) -> float:
    """Return 1 for a general answer without tags, or behind one <think> .. </think>, else 0."""
    text = without_eos(completion)
    if not finished or any(token in text for token in (*_CONTROL, ANSWER, END_ANSWER)):
        return 0.0
    if THINK not in text and END_THINK not in text:
        return float(bool(text))
    nothing, _, rest = text.partition(THINK)
    thought, _, answer = rest.partition(END_THINK)
    once = text.count(THINK) == 1 and text.count(END_THINK) == 1
    return float(once and not nothing.strip() and bool(thought.strip() and answer.strip()))
