"""What did a person ask, and was the answer any good?

People type capitals, commas and Chinese without blanks; a model of the tiny world reads words
with blanks between. And of some questions the world knows the answer: of number problems by
the verifier, of its everyday prompts by what people think of an answer.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache

from minir1.config import ModelConfig, SampleConfig
from minir1.errors import UserError, closest, shorten
from minir1.rewards import accuracy
from minir1.world.general import GeneralPrompt, general_prompts
from minir1.world.problems import Problem
from minir1.world.program_questions import read_examples
from minir1.world.programs import ProgramProblem
from minir1.world.questions import read_prompt
from minir1.world.utility import WORTH, outcome

NAMED = 3  # unknown words that a message names
LONGEST_WORD = 4  # characters of a Chinese one
# A tag, a number, a run of Chinese, a word of any other script, or a single sign.
_PIECE = re.compile(r"</?\w+>|[0-9]+|[一-鿿]+|[^\W\d_一-鿿]+|\S")
_CHINESE = re.compile(r"[一-鿿]")


@dataclass(frozen=True)
class Question:
    """A prompt as the model reads it, and what the world knows of it, if anything."""

    prompt: str
    problem: Problem | ProgramProblem | None = None
    general: GeneralPrompt | None = None


def question(text: str) -> Question:
    """Put words between the frame of a prompt.

    Raises: UserError for an empty prompt, or one with a word of the frame in it.
    """
    prompt, problem = read_prompt(text)
    prompt, known = read_examples(prompt) or (prompt, problem)
    return Question(prompt, known, _everyday().get(prompt))


def understand(line: str, words: Collection[str]) -> Question:
    """Read what a person typed: whatever its case, blanks and final stop.

    Raises: UserError that names the words that the world lacks, with a guess for each.
    """
    pieces = _PIECE.findall(unicodedata.normalize("NFKC", line).lower())
    typed = [word for piece in pieces for word in _cut(piece, words)]
    unknown = list(dict.fromkeys(word for word in typed if word not in words))
    if unknown:
        named = ", ".join(_named(word, words) for word in unknown[:NAMED])
        more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
        raise UserError(f"the tiny world has no word {named}{more}")
    text = " ".join(typed)
    for ending in (" ?", " .", " 。"):
        if f"<bos> User: {text}{ending} Assistant:" in _everyday():
            return question(text + ending)
    return question(text)


def judge(asked: Question, completion: str, finished: bool) -> tuple[bool | None, str]:
    """Say whether an answer is right, and in a few words why; None where nobody knows."""
    reason = "" if finished else "cut off before its end"
    if asked.problem is not None:
        return accuracy(asked.problem, completion, finished) > 0, reason
    if asked.general is not None:
        found = outcome(asked.general, completion, finished)
        return WORTH[found] >= WORTH["good"], reason or found
    return None, reason


def room(config: ModelConfig, prompt_tokens: int, temperature: float = 1.0) -> SampleConfig:
    """Let a completion be as long as in training, within what the model can read."""
    left = config.max_position_embeddings - prompt_tokens
    if left < 1:
        raise UserError(
            f"the prompt has {prompt_tokens} words with its frame, and this model reads "
            f"{config.max_position_embeddings}: write a shorter one"
        )
    return SampleConfig(
        max_tokens=min(SampleConfig().max_tokens, left), temperature=temperature
    )


def _named(word: str, words: Collection[str]) -> str:
    near = closest(word, words)
    return shorten(repr(word)) + (f" (did you mean {near}?)" if near else "")


@cache
def _everyday() -> dict[str, GeneralPrompt]:
    return {prompt.prompt: prompt for prompt in general_prompts("all")}


def _cut(piece: str, words: Collection[str]) -> Iterator[str]:
    """Cut a run of Chinese into words of the world, the longest first; leave the rest whole."""
    while _CHINESE.match(piece):
        sizes = range(min(LONGEST_WORD, len(piece)), 0, -1)
        size = next((n for n in sizes if piece[:n] in words), len(piece))
        yield piece[:size]
        piece = piece[size:]
    if piece:
        yield piece
