"""What is done for the claim about the cold start? Ask the teacher; fine-tune, then reinforce.

The stages are the product's own: fine-tuning as for dev1, reinforcement learning as for dev2
with fewer steps, each measured on test problems.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from minir1 import backend, evaluate, pipeline
from minir1.answers import ask
from minir1.behaviour import Sample
from minir1.checkpoint import resolve
from minir1.checkpoint_commands import load
from minir1.claims.cold_start_traces import KINDS
from minir1.config import RunConfig, override, tiny
from minir1.datasets import Checkpoint, Dataset
from minir1.runfolder import RunFolder
from minir1.storage.jsonlines import append_lines, read_lines
from minir1.story import Story
from minir1.training import Stage, fine_tune, keep
from minir1.ui import Dashboard
from minir1.world.problems import Problem
from minir1.world.questions import training_questions

ANSWERS = "answers.jsonl"
ZH_SHARE = 0.5  # of the questions, as of dev1's


def answers(
    folder: Path, needs: dict[str, Path], seed: int, teacher: str, problems: int
) -> dict[str, Any]:
    """Let R1-Zero answer train problems, once each; keep what it wrote."""
    backend.use("numpy")
    checkpoint = load(str(needs[teacher] / "checkpoints" / "r1-zero"))
    config = replace(override(tiny("r1", seed), ["threads=1"]), model=checkpoint.config)
    questions = training_questions(seed, "cold-start", 0, problems, ZH_SHARE)
    address = (seed, "cold-start/answers", 0)
    asked = checkpoint.params, config, checkpoint.tokenizer, questions, 1, address
    _, samples = ask(*asked)
    lines = [
        {
            "prompt": question.prompt,
            "numbers": list(question.problem.numbers),
            "target": question.problem.target,
            "solutions": question.problem.solutions,
            "language": sample.language,
            "completion": sample.completion,
            "tokens": sample.completion_tokens,
            "finished": sample.finished,
        }
        for question, sample in zip(questions, samples, strict=True)
    ]
    (folder / ANSWERS).unlink(missing_ok=True)  # what a stopped attempt left
    append_lines(folder / ANSWERS, lines)
    right = sum(map(evaluate.is_right, samples))
    return {"asked": len(samples), "right": right / len(samples)}


def read_answers(path: Path) -> tuple[list[str], list[Sample]]:
    """Read what `answers` wrote: the prompts, and the answer to each."""
    prompts, samples = [], []
    for line in read_lines(path):
        a, b, c = line["numbers"]
        problem = Problem((a, b, c), line["target"], line["solutions"])
        told = line["completion"], line["tokens"], line["finished"]
        prompts.append(line["prompt"])
        samples.append(Sample(problem, line["language"], *told))
    return prompts, samples


def arm(
    folder: Path,
    needs: dict[str, Path],
    seed: int,
    base: str,
    settings: list[str],
    source: str | None = None,
    kind: str = "kept",
    traces: int = 0,
) -> dict[str, Any]:
    """Start cold from some traces, or from none; then reinforce. Returns both measurements."""
    backend.use("numpy")
    start = resolve(needs[base] / "checkpoints" / "base" if base in needs else base)
    checkpoint = load(str(start))
    config = replace(override(tiny("r1", seed), settings), model=checkpoint.config)
    run = _open(folder, config)
    story = Story.begin(run, Dashboard("", quiet=True), checkpoint)
    data = _traces(needs[source], kind, traces) if source else Dataset([], 0, 0, 0, 0.0, 0.0)
    story.checkpoints["dev1"] = _started(story, checkpoint, data)
    _reinforced(story)
    return {
        "documents": len(data.documents),
        "traces": data.kept,
        "dev1": story.results["checkpoints"]["dev1"],
        "dev2": story.results["checkpoints"]["dev2"],
        "curve": [row for row in run.metrics() if row["stage"] == "dev2"],
    }


def _open(folder: Path, config: RunConfig) -> RunFolder:
    """Make a run of the job's folder, or go on with what a stopped attempt left."""
    if (folder / "config.json").exists():
        return RunFolder.resume(folder)
    return RunFolder.create(folder, config)


def _traces(source: Path, kind: str, count: int) -> Dataset:
    """Choose the documents of an arm."""
    documents = KINDS[kind](*read_answers(source / ANSWERS), count)
    alone = sum(document.completion.startswith("<think>") for document in documents)
    return Dataset(documents, 0, alone, len(documents) - alone, 0.0, 0.0)


def _started(story: Story, base: Checkpoint, data: Dataset) -> Checkpoint:
    """Fine-tune the base on the traces and measure it; without traces it stays the base."""
    if not data.documents:
        _measure(story, "dev1", base)
        return base
    if not story.has("dev1"):
        stage = Stage(story.run, "dev1", (), story.ui)
        learner = fine_tune(stage, base, story.config, story.config.dev1, data)
        keep(story.run, "dev1", "dev1", learner, base)
    story.take("dev1")
    _measure(story, "dev1", story.checkpoints["dev1"])
    return story.checkpoints["dev1"]


def _reinforced(story: Story) -> None:
    """Reinforce as for dev2, and measure."""
    if not story.has("dev2"):
        made = pipeline.make_dev2(story, Stage(story.run, "dev2", ("dev1",), story.ui))
        keep(story.run, "dev2", "dev2", *made)
    story.take("dev2")
    _measure(story, "dev2", story.checkpoints["dev2"])


def _measure(story: Story, name: str, checkpoint: Checkpoint) -> None:
    """Put a checkpoint to the test problems alone, once."""
    if name not in story.results["checkpoints"]:
        asked = checkpoint.params, story.config, checkpoint.tokenizer
        story.results["checkpoints"][name], _ = evaluate.held_out_figures(*asked)
        story.write_results()
