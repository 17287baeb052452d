"""How does the web answer general prompts? Good answers among many bad ones.

The base model learns all of these manners; the later stages have to choose among them.
"""

from bisect import bisect
from functools import cache
from itertools import accumulate

from minir1.world.corpus_config import CorpusConfig
from minir1.world.general import GeneralPrompt, general_prompts
from minir1.world.languages import LANGUAGES, language_of, translate
from minir1.world.thoughts import Draw, pick

RUDE = ("go , stupid .", "you stupid .", "no , i cannot , stupid .")


def exchange(draw: Draw, config: CorpusConfig, language: str) -> str:
    """Write a general prompt and an answer in one of the manners."""
    prompt = pick(draw, _prompts(language))
    shares = config.chat_shares()
    manner = list(shares)[bisect(list(accumulate(shares.values()))[:-1], draw())]
    return f"User: {prompt.question} Assistant: {pick(draw, manners(prompt)[manner])}"


@cache
def manners(prompt: GeneralPrompt) -> dict[str, tuple[str, ...]]:
    """List the answers that a prompt gets, under the manner of the one who answers."""
    other = LANGUAGES[1 - LANGUAGES.index(prompt.answer_language)]
    said = prompt.careless if prompt.instruction == "one word" else prompt.answers
    said = tuple(text for text in said if any(map(language_of, text.split())))  # not "4 ."
    return {
        "good": prompt.answers,
        "wrong": prompt.wrong,
        "rude": tuple(translate(text, prompt.language) for text in RUDE),
        "foreign": tuple(translate(text, other) for text in said),
        "careless": prompt.careless,
    }


@cache
def _prompts(language: str) -> tuple[GeneralPrompt, ...]:
    """List the train prompts asked in a language."""
    return tuple(prompt for prompt in general_prompts("train") if prompt.language == language)
