"""What does the tiny world know about everyday things? Colours, legs and heat.

How these facts are asked for is in `general`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from minir1.world.languages import Pair, in_language, translate


class Fact(NamedTuple):
    """A question with one true answer, as a sentence and as a word, and untrue sentences."""

    question: str
    sentence: str
    word: str
    untrue: tuple[str, ...]


COLOURS = {
    "sky": "blue",
    "snow": "white",
    "grass": "green",
    "fire": "red",
    "sun": "yellow",
    "night": "black",
}
LEGS = {"cat": "4", "dog": "4", "bird": "2", "fish": "0"}
HEAT = {"fire": "hot", "sun": "hot", "snow": "cold"}


def facts(language: str) -> Iterator[Fact]:
    """Go through the small facts: colours, legs, heat."""

    def say(pair: Pair, thing: str, value: str = "") -> str:
        text = in_language(pair, language).format(thing=thing, value=value)
        return translate(text, language)

    def fact(question: Pair, sentence: Pair, thing: str, value: str, others: set[str]) -> Fact:
        untrue = tuple(say(sentence, thing, other) for other in sorted(others - {value}))
        word = translate(value, language)
        return Fact(say(question, thing), say(sentence, thing, value), word, untrue)

    question = ("what colour is the {thing} ?", "{thing} 是 什么 颜色 ?")
    sentence = ("the {thing} is {value} .", "{thing} 是 {value} 。")
    for thing, colour in COLOURS.items():
        yield fact(question, sentence, thing, colour, set(COLOURS.values()))

    question = ("how many legs has a {thing} ?", "{thing} 有 几 个 腿 ?")
    sentence = ("a {thing} has {value} legs .", "{thing} 有 {value} 个 腿 。")
    for thing, legs in LEGS.items():
        yield fact(question, sentence, thing, legs, {"0", "2", "4", "6"})

    question = ("is the {thing} hot ?", "{thing} 热 不 热 ?")
    hot = ("yes , the {thing} is hot .", "对 , {thing} 是 热 。")
    cold = ("no , the {thing} is cold .", "不 , {thing} 是 冷 。")
    for thing, heat in HEAT.items():
        true, untrue = (hot, cold) if heat == "hot" else (cold, hot)
        word = translate("yes" if heat == "hot" else "no", language)
        yield Fact(say(question, thing), say(true, thing), word, (say(untrue, thing),))
