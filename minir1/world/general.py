"""Which general prompts are there, and how does the web answer them?"""

from minir1.world.corpus_config import CorpusConfig
from minir1.world.languages import translate
from minir1.world.traces import Draw, pick

_PROMPTS = (("hello .", "hello , friend ."), ("what colour is the sky ?", "the sky is blue ."))


def exchange(draw: Draw, config: CorpusConfig, language: str) -> str:
    """Write a general prompt and an answer."""
    prompt, answer = pick(draw, _PROMPTS)
    return f"User: {translate(prompt, language)} Assistant: {translate(answer, language)}"
