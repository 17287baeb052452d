"""How is a real model asked, and where in its text is the answer?

Three ways to ask: through the model's own chat template, with R1-Zero's template, or plainly.
Three places to find the answer: between <answer> tags, in the last \\boxed{…} (or after
####), or simply the last number. Whether the answer is right is for a task to say.
Source of the template: DeepSeek-R1 (arXiv 2501.12948v2), table 1
"""

import re
from dataclasses import dataclass
from typing import Protocol

from minir1.verifier import final_answer

R1_ZERO = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant "
    "solves it. The assistant first thinks about the reasoning process in the mind and then "
    "provides the user with the answer. The reasoning process and answer are enclosed within "
    "<think>...</think> and <answer>...</answer> tags, respectively, i.e., <think> reasoning "
    "process here </think> <answer> answer here </answer>. User: {question}. Assistant:"
)
PLAIN = "Question: {question}\nAnswer:"
BOXED = "Please reason step by step, and put your final answer within \\boxed{}."
LONGEST = 20_000  # characters of a completion that are looked at, from its end

_TAGS = ("<think>", "</think>", "<answer>", "</answer>")
_TAGGED = re.compile(
    r"\s*(?:<think>)?.*?</think>\s*<answer>(?P<answer>.*?)</answer>\s*", re.DOTALL
)
_NUMBER = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?![0-9])")


class Chats(Protocol):
    """A tokenizer that knows its model's chat template."""

    def apply_chat_template(
        self, messages: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str: ...


@dataclass(frozen=True)
class Prompting:
    """One way to ask and to read the answer."""

    template: str  # chat, r1-zero or plain
    place: str  # of the answer: tags, boxed or last
    system: str = ""  # what the chat template is given as the system's message

    def prompt(self, question: str, tokenizer: Chats) -> str:
        """Return the whole text that the model continues."""
        if self.place == "boxed":
            question = f"{question}\n{BOXED}"
        if self.template == "r1-zero":
            return R1_ZERO.replace("{question}", question.rstrip(". "))
        if self.template == "plain":
            return PLAIN.replace("{question}", question)
        system = [{"role": "system", "content": self.system}] if self.system else []
        asked = [*system, {"role": "user", "content": question}]
        return tokenizer.apply_chat_template(asked, add_generation_prompt=True)

    def answer(self, completion: str) -> str | None:
        """Return the answer that a completion commits to, or None."""
        text = completion[-LONGEST:]
        if self.place == "boxed":
            return final_answer(text)
        if self.place == "last":
            numbers = _NUMBER.findall(text)
            return numbers[-1] if numbers else None
        found = _TAGGED.fullmatch(text)
        return found["answer"].strip() if found and _tags_once(text) else None

    def well_formed(self, completion: str) -> bool:
        """Say whether the answer stands where it was asked for."""
        return bool(self.answer(completion))


def _tags_once(text: str) -> bool:
    """Say whether no tag is repeated; a prompt may have opened <think> itself."""
    return all(text.count(tag) <= 1 for tag in _TAGS)
