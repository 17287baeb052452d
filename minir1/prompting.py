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
LONGEST = 20_000  # characters of a completion in which a box or a number is looked for

_TAGS = ("<think>", "</think>", "<answer>", "</answer>")
_FORM = re.compile(r"(?:<think>)?.*?</think>\s*<answer>(.*?)</answer>", re.DOTALL)
# A minus belongs to a number unless something stands before it that it is taken from: 5-3.
_NUMBER = re.compile(
    r"(?:(?<![\w)\]}])[-−])?"
    r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|(?<![0-9.])\.[0-9]+)(?![0-9])"
)


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
        if self.place == "tags":
            return tagged_answer(completion, opened=self.template == "chat")
        text = completion[-LONGEST:]
        return final_answer(text) if self.place == "boxed" else last_number(text)


def last_number(text: str) -> str | None:
    """Return the last number of a text, its sign included: "10-3 = 7, not -7" says -7."""
    numbers = _NUMBER.findall(text)
    return numbers[-1].replace("−", "-") if numbers else None


def tagged_answer(completion: str, opened: bool = False) -> str | None:
    """Return what stands in <think>…</think> <answer>…</answer>; None in any other form.

    Nothing but blanks may stand around the two pairs, and no tag may come twice. opened: the
    prompt may have written the first <think> itself, as some chat templates do.
    """
    text = completion.strip()
    if any(text.count(tag) > 1 for tag in _TAGS):  # so that the pattern has one way to match
        return None
    found = _FORM.fullmatch(text)
    begun = text.startswith("<think>") or (opened and "<think>" not in text)
    return found[1].strip() if found and begun else None
