"""How do other engines ask what we ask, and pay what we pay?

A question leaves as the whole text that the model continues, to be turned into ids with
nothing added, and its exercise as a line of JSON that comes back with every completion. The
rewards are those of the run, kind by kind: `Payment` is what the exported reward files call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from minir1 import rewards
from minir1.config import RunConfig
from minir1.errors import UserError, shorten
from minir1.exercises import TaskWorld
from minir1.real_config import RealConfig, read_config
from minir1.scripts import script_consistency
from minir1.storage.files import read_json, to_json
from minir1.tasks import Exercise, open_task
from minir1.text_tokenizer import TextTokenizer
from minir1.tokenizer import WordTokenizer
from minir1.vocabulary import AnyTokenizer, load_tokenizer
from minir1.world.problems import Problem
from minir1.world.questions import Question, held_out_questions, training_questions

STAGE = "r1-zero"  # whose questions are exported
DESCRIPTION = "export.json"  # what an exported folder says about itself
MODEL = "model"  # its model, a folder
KINDS = ("accuracy", "format", "language")  # of reward; the reward model stays here


@dataclass(frozen=True)
class Row:
    """One question: the text to continue, the gold, and the exercise as JSON."""

    prompt: str
    gold: str
    exercise: str


class Wording(Protocol):
    """What is asked, and what answers earn."""

    tokenizer: Any

    def training(self, step: int) -> list[Row]: ...
    def validation(self) -> list[Row]: ...
    def parts(self, exercise: str, completion: str, finished: bool) -> dict[str, float]: ...


class WorldWording:
    """The tiny world's problems, in English and Chinese."""

    def __init__(self, config: RunConfig, tokenizer: WordTokenizer):
        self.config, self.tokenizer = config, tokenizer

    def training(self, step: int) -> list[Row]:
        """Return what the run asks in a step."""
        config, grpo = self.config, self.config.grpo
        address = config.seed, STAGE, step
        return [
            _problem(q) for q in training_questions(*address, grpo.prompts, grpo.zh_prompts)
        ]

    def validation(self) -> list[Row]:
        """Return what a run is validated on."""
        count = self.config.evaluation.validation_problems
        return [_problem(q) for q in held_out_questions("validation", count)]

    def parts(self, exercise: str, completion: str, finished: bool) -> dict[str, float]:
        """Measure each kind of reward."""
        said, settings = json.loads(exercise), self.config.reward
        problem = Problem(tuple(said["numbers"]), said["target"], said["solutions"])
        language = said["language"]
        paid, _ = rewards.pay(problem, completion, finished, language, settings)
        return paid


def _problem(question: Question) -> Row:
    exercise = to_json({**asdict(question.problem), "language": question.language})
    return Row(question.prompt, "", exercise)


class TaskWording:
    """The exercises of a task, asked and read as the run does."""

    def __init__(self, config: RealConfig, tokenizer: TextTokenizer):
        self.config, self.tokenizer = config, tokenizer
        self.task = open_task(config.task)
        nobody: Any = None  # samples here
        self.world = TaskWorld(config, nobody, tokenizer, self.task, STAGE)

    def training(self, step: int) -> list[Row]:
        """Return what the run asks in a step."""
        count = self.config.grpo.prompts
        return [self._row(e) for e in self.task.training(self.config.seed, STAGE, step, count)]

    def validation(self) -> list[Row]:
        """Return what a run is validated on."""
        count = self.config.evaluation.validation_problems
        return [self._row(e) for e in self.task.held_out("validation", count)]

    def _row(self, exercise: Exercise) -> Row:
        """Write an exercise down, and see that it comes back as it was."""
        asked = self.world.prompt(exercise.question)
        ids = self.world.encode(asked)
        begin = ids[: len(ids) - len(self.tokenizer.encode(asked))]
        text = self.tokenizer.decode(begin) + asked
        if self.tokenizer.encode(text) != ids:
            raise UserError(
                f"{shorten(text)!r} does not become the tokens that minir1 asks with: this "
                "tokenizer's prompts cannot be exported as text"
            )
        try:
            written = to_json({**vars(exercise), "data": dict(exercise.data)})
        except (TypeError, ValueError) as error:
            raise UserError(f"an exercise of {self.task.name} is no JSON: {error}") from error
        if self.task.score(_exercise(written), exercise.gold) != self.task.score(
            exercise, exercise.gold
        ):
            raise UserError(
                f"an exercise of {self.task.name} scores differently once it was written down: "
                "its data must be what JSON holds"
            )
        return Row(text, exercise.gold, written)

    def parts(self, exercise: str, completion: str, finished: bool) -> dict[str, float]:
        """Measure each kind of reward; what was cut off earns nothing."""
        asked, answer = _exercise(exercise), self.world.prompting.answer(completion)
        form = float(finished and bool(answer))
        if self.config.reward.kind == "format":
            return {"format": form}
        scored = finished and answer is not None
        return {
            "accuracy": self.task.score(asked, answer or "") if scored else 0.0,
            "format": form,
            "language": form * script_consistency(asked.question, completion),
        }


def _exercise(text: str) -> Exercise:
    return Exercise(**json.loads(text))


def wording(config: RunConfig | RealConfig, tokenizer: AnyTokenizer) -> Wording:
    """Return how a model is asked and paid."""
    if isinstance(config, RealConfig):
        assert isinstance(tokenizer, TextTokenizer)
        return TaskWording(config, tokenizer)
    assert isinstance(tokenizer, WordTokenizer)
    return WorldWording(config, tokenizer)


@dataclass(frozen=True)
class Payment:
    """Pays for completions in another engine as minir1 does in its own."""

    wording: Wording
    weights: Mapping[str, float]  # of the kinds that count
    longest: int  # tokens of a completion, the end token included

    @classmethod
    def load(cls, folder: str | Path) -> Payment:
        """Read what `minir1 export` wrote beside a reward file.

        Raises: UserError if the folder is not whole.
        """
        folder = Path(folder).resolve()
        config = read_config(read_json(folder / DESCRIPTION).get("config"))
        if isinstance(config, RealConfig):
            config = replace(config, task=_beside(folder, config.task))
        return cls.of(config, load_tokenizer(folder / MODEL))

    @classmethod
    def of(cls, config: RunConfig | RealConfig, tokenizer: AnyTokenizer) -> Payment:
        """Pay as a configuration says."""
        return cls(wording(config, tokenizer), weights_of(config), config.sample.max_tokens)

    def parts_of_tokens(self, tokens: Sequence[int], exercise: str) -> dict[str, float]:
        """Pay for the ids of a completion, which ended if its last one ends a text."""
        words = self.wording.tokenizer
        finished = bool(tokens) and tokens[-1] in words.eos_ids
        text = words.decode(tokens[:-1] if finished else tokens)
        return self.wording.parts(exercise, text, finished)

    def parts_of_text(self, text: str, exercise: str) -> dict[str, float]:
        """Pay for the text of a completion without its end token.

        Whether it ended is judged by its length: what fills the room was cut off.
        """
        finished = len(self.wording.tokenizer.encode(text)) < self.longest
        return self.wording.parts(exercise, text, finished)

    def total(self, parts: Mapping[str, float]) -> float:
        """Sum the kinds of reward, each with its weight."""
        return sum(weight * parts[kind] for kind, weight in self.weights.items())


def weights_of(config: RunConfig | RealConfig) -> dict[str, float]:
    """Return the kinds of reward that count for something, and what for."""
    kinds = ("format",) if config.reward.kind == "format" else KINDS
    weights = rewards.part_weights(config.reward)
    return {kind: weights[kind] for kind in kinds if weights[kind]}


def task_files(task: str) -> tuple[str, list[Path]]:
    """Split a task's name into its family and the files that it needs, if it is of a file."""
    from minir1.tasks.gsm8k import siblings

    family = "gsm8k:" if task.startswith("gsm8k:") else ""
    file = task.removeprefix(family)
    if not family and not file.endswith((".jsonl", ".py")):
        return "", []
    path = Path(file)
    return family, [path, *(siblings(path).values() if path.suffix != ".py" else ())]


def _beside(folder: Path, task: str) -> str:
    """Return a task whose file lies in the exported folder with its whole path."""
    family, files = task_files(task)
    return f"{family}{folder / files[0]}" if files else task
