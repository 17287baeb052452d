"""How does one talk with a checkpoint, and watch it think?

A line is read, put between the frame of a prompt, answered word by word as the model draws
them, and judged where the world knows better. Every turn stands alone: the models of the tiny
world have read one exchange at a time, so nothing is carried from a turn to the next.
"""

import contextlib
import importlib
from collections.abc import Iterable, Iterator

import numpy as np
from rich.console import Console
from rich.text import Text

from minir1 import model
from minir1.asking import Question, judge, room, understand
from minir1.backend import to_numpy
from minir1.config import ModelConfig, SampleConfig
from minir1.errors import UserError
from minir1.pipeline import Checkpoint
from minir1.rng import uniforms
from minir1.rollout import choose
from minir1.screen.talk import YOU, Writer, tell
from minir1.screen.terminal import Sample, asked, clean, verdict
from minir1.tokenizer import EOS
from minir1.world.general import plain
from minir1.world.languages import WORDS

GOODBYES = ("bye", "exit", "quit")
EXAMPLES = ("use 3 7 1 to make 11", "用 3 7 1 来 凑 11", "what colour is the sky ?")


def stream(
    params: model.Params,
    config: ModelConfig,
    prompt: list[int],
    settings: SampleConfig,
    address: tuple[int, str, int],
    eos_id: int,
) -> Iterator[int]:
    """Draw one completion token by token: what `rollout.sample` draws for a group of one.

    Shapes: prompt [T] -> tokens until the end token, or settings.max_tokens of them
    """
    u = uniforms(*address, [(0, 0)], settings.max_tokens)  # (1, cap)
    cache = model.Cache(config, 1, len(prompt) + settings.max_tokens)
    tokens = np.array([prompt], np.int32)
    for t in range(settings.max_tokens):
        hidden = model.forward(params, config, tokens, cache)
        scores = to_numpy(model.logits(params, hidden[:, -1])) / settings.temperature
        drawn, _, _ = choose(scores, u[:, t])
        yield int(drawn[0])
        if drawn[0] == eos_id:
            return
        tokens = drawn[:, None]


class Conversation:
    """A checkpoint and who talks with it: a person at the terminal, or the lines of a pipe."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        console: Console,
        temperature: float = 1.0,
        seed: int = 0,
        interactive: bool = False,
    ) -> None:
        self.checkpoint, self.console, self.interactive = checkpoint, console, interactive
        self.temperature, self.seed = temperature, seed

    def answer(self, lines: Iterable[str]) -> None:
        """Answer line by line. Ctrl-C ends an answer, and the program where nobody types."""
        for turn, line in enumerate(lines):
            said = line.strip()
            if said.lower() in GOODBYES:
                return
            if said == "words":
                tell(self.console, " ".join(word for pair in WORDS for word in pair), "")
            elif said:
                self._turn(said, turn)
                self.console.print()

    def welcome(self, name: str) -> None:
        """Say what this model understands, and how to stop."""
        tell(
            self.console,
            f"{name} knows {len(WORDS)} words of English, as many of Chinese, and the numbers "
            "to 99; it reads one question at a time and remembers none.",
            f"for example: {' · '.join(EXAMPLES)}",
            '"words" lists its words; Ctrl-C stops an answer; Ctrl-D, bye or an empty line '
            "leaves",
            "",
        )

    def _turn(self, line: str, turn: int) -> None:
        """Read a line, answer it, and judge the answer."""
        tokenizer, config = self.checkpoint.tokenizer, self.checkpoint.config
        try:
            question = understand(line, tokenizer.vocab)
            prompt = tokenizer.encode(question.prompt)
            settings = room(config, len(prompt), self.temperature)
        except UserError as error:
            tell(self.console, str(error))
            return
        writer, read = Writer(self.console), asked(question.prompt)
        if not self.interactive or plain(read) != plain(line):
            writer.line("prompt", Text(clean(read)))
        address = (self.seed, "chat", turn)
        tokens = stream(
            self.checkpoint.params, config, prompt, settings, address, tokenizer.eos_id
        )
        self._reply(writer, question, tokens)

    def _reply(self, writer: Writer, question: Question, tokens: Iterator[int]) -> None:
        """Write the words as they come, then say what they are worth."""
        known, words, stopped = self.checkpoint.tokenizer.words, [], False
        try:
            for token in tokens:
                words.append(known[token])
                writer.word(words[-1])
        except KeyboardInterrupt as interrupt:
            if interrupt.args or not self.interactive:  # asked to end, not to be silent
                raise
            stopped = True
        writer.end()
        completion, finished = " ".join(words), words[-1:] == [EOS]
        right, why = (None, "stopped") if stopped else judge(question, completion, finished)
        if right is not None or why:
            sample = Sample(question.prompt, completion, None, right, why)
            writer.line("verdict", verdict(sample))


def typed(console: Console) -> Iterator[str]:
    """Yield the lines that a person types, with history and editing where there are any."""
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")  # `input` edits lines once it is there
    while True:
        try:
            line = input(YOU)
        except EOFError:
            console.print()
            return
        except KeyboardInterrupt as interrupt:
            if interrupt.args:
                raise
            tell(console, "", "Ctrl-D leaves")
            continue
        if not line.strip():
            return
        yield line
