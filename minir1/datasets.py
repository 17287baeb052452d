"""What does each stage of R1 learn from, and who writes it? Models that came before it.

A teacher answers many questions; what is kept of that is in `rejection.py`, what general
answers are mixed in, in `world/demonstrations.py`, how answers are paired, in
`preference.py`. What is fine-tuned on is written to the run folder, where anyone can read it.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from minir1 import flops
from minir1.answers import ask
from minir1.behaviour import Sample
from minir1.config import RunConfig
from minir1.conversation import GeneralSample
from minir1.errors import UserError
from minir1.finetune import Document
from minir1.model_config import ModelConfig
from minir1.preference import Pair, make_pairs
from minir1.rejection import cold_start, keep
from minir1.stage_config import ColdStartConfig, RejectionConfig
from minir1.storage.files import read_json, replace_file, to_json
from minir1.tokenizer import WordTokenizer
from minir1.traces import THINK
from minir1.world.demonstrations import demonstrations
from minir1.world.general import general_prompts
from minir1.world.questions import training_questions

ZH_SHARE = 0.5  # of the questions of the cold start: as many Chinese as English


@dataclass(frozen=True)
class Checkpoint:
    """A model that can be asked."""

    params: dict[str, Any]
    config: ModelConfig
    tokenizer: WordTokenizer


@dataclass(frozen=True)
class Dataset:
    """Documents to learn from, and what it took to have the teacher write them."""

    documents: list[Document]
    asked: int  # answers that the teacher gave
    kept: int  # of them, right and tidy
    ended: int  # of them, in vain: what is learnt is how to stop
    seconds: float
    flops: float

    def write(self, path: Path) -> None:
        """Write the set as JSON, whole or not at all."""
        path.parent.mkdir(exist_ok=True)
        described = {**asdict(self), "documents": [d._asdict() for d in self.documents]}
        replace_file(path, (to_json(described, indent=1) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> "Dataset":
        """Read what `write` wrote."""
        data = read_json(path)
        data["documents"] = [Document(**document) for document in data["documents"]]
        return cls(**data)


def cold_start_set(teacher: Checkpoint, config: RunConfig) -> Dataset:
    """Let R1-Zero answer; keep what can be read, and rewrite it in one language."""
    settings = config.dev1
    prompts, samples, cost = _answers(teacher, config, "dev1", settings, ZH_SHARE)
    documents = cold_start(prompts, samples, settings.traces)
    return Dataset(documents, len(samples), *_counts(documents), *cost)


def rejection_set(teacher: Checkpoint, config: RunConfig) -> Dataset:
    """Let dev2 answer; keep what is right and readable, and mix in general answers."""
    settings = config.dev3
    prompts, samples, cost = _answers(teacher, config, "dev3", settings, settings.zh_prompts)
    traces = keep(prompts, samples, settings.traces)
    general = demonstrations(config.seed, "dev3", settings.general)
    documents = traces + [Document(*answer) for answer in general]
    return Dataset(documents, len(samples), *_counts(traces), *cost)


def _counts(traces: Sequence[Document]) -> tuple[int, int]:
    """Count right answers, and searches in vain of which only the end is learnt."""
    ended = sum(THINK in document.prompt for document in traces)
    return len(traces) - ended, ended


def _answers(
    teacher: Checkpoint,
    config: RunConfig,
    stage: str,
    settings: ColdStartConfig | RejectionConfig,
    zh_share: float,
) -> tuple[list[str], list[Sample], tuple[float, float]]:
    """Ask the teacher train problems; return prompts, answers, and the seconds and FLOPs."""
    started, group = time.perf_counter(), settings.samples
    questions = training_questions(config.seed, stage, 0, settings.problems, zh_share)
    config = replace(config, model=teacher.config)
    address = (config.seed, f"{stage}/answers", 0)
    rollout, samples = ask(teacher.params, config, teacher.tokenizer, questions, group, address)
    prompts = [question.prompt for question in questions for _ in range(group)]
    spent = flops.rollout_flops(
        config.model, rollout.prompt_lengths, rollout.completion_lengths, group
    )
    return prompts, samples, (time.perf_counter() - started, float(spent))


def preference_pairs(sources: Sequence[Checkpoint], config: RunConfig, part: str) -> list[Pair]:
    """Let several models answer the general prompts of a part, and pair the answers.

    Raises: UserError where no two answers to a prompt differ in worth.
    """
    settings, prompts = config.preference, general_prompts(part)
    said: list[GeneralSample] = []
    for place, source in enumerate(sources):
        asked = replace(config, model=source.config)
        address = (config.seed, f"preference/{part}", place)
        _, samples = ask(
            source.params, asked, source.tokenizer, prompts, settings.samples, address
        )
        said += samples
    count: Any = settings.pairs if part == "train" else settings.held_out_pairs
    pairs = make_pairs(said, count, settings.noise, config.seed)
    if not pairs:
        raise UserError(
            f"no two answers to a {part} prompt are of different worth: wanted more answers a "
            f"prompt, or more pairs, of which those balanced by length are left; go on with "
            f"--from RUN --set preference.samples={2 * settings.samples}"
        )
    return pairs
