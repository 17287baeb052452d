"""What does each verb that asks a checkpoint something do? sample, chat, eval, bench."""

import io
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from minir1 import backend, conversation, evaluate, pipeline, program_evaluation
from minir1.asking import Question, judge, question, room
from minir1.backend import from_numpy, xp
from minir1.chat import Conversation, typed
from minir1.checkpoint import load_checkpoint, require_same_tokenizer, resolve
from minir1.config import EvalConfig, tiny
from minir1.errors import UserError
from minir1.real_commands import chat_real, evaluate_real, is_real, sample_real
from minir1.rng import generator
from minir1.rollout import sample as draw
from minir1.screen.compare import Answer, comparison
from minir1.screen.terminal import Sample, asked
from minir1.storage.files import replace_file, to_json
from minir1.storage.resolve import in_runs
from minir1.tokenizer import WordTokenizer
from minir1.ui import make_console, print_completion, results_table
from minir1.world.questions import held_out_questions

PROGRAMS = "programs"  # the one task of the tiny world that has a name


def load(name: str) -> pipeline.Checkpoint:
    """Read a checkpoint of the tiny world by name or path; say where a bare name was found.

    Raises: UserError if it cannot be read or speaks other words.
    """
    folder = resolve(name)
    if folder == in_runs(name):
        make_console(stderr=True).print(
            f"{name}: that of {folder.parents[1]}", style="baseline"
        )
    params, config, tokenizer = load_checkpoint(folder)
    require_same_tokenizer(tokenizer, WordTokenizer(), str(folder), "the tiny world")
    return pipeline.Checkpoint(from_numpy(params), config, tokenizer)


def evaluate_checkpoint(
    checkpoint: str,
    split: str,
    problems: int | None,
    samples: int,
    seed: int,
    backend: str,
    json_file: str | None,
    task: str | None = None,
    settings: Sequence[str] = (),
) -> None:
    """Measure a checkpoint on held-out problems, or on a task's exercises."""
    _use(backend)
    if is_real(checkpoint):
        _require_place(json_file)
        asked = checkpoint, task, split, problems, samples, seed, settings
        _write_json(json_file, evaluate_real(*asked))
        return
    _require_tiny(checkpoint, settings or (task != PROGRAMS and task))
    measure = program_evaluation if task == PROGRAMS else evaluate
    there_are = measure.SIZES[split]
    if problems and problems > there_are:
        raise UserError(f"--problems {problems}: the {split} split has {there_are}")
    _require_place(json_file)
    loaded = load(checkpoint)
    config = replace(
        tiny(seed=seed),
        model=loaded.config,
        sample=room(loaded.config, measure.PROMPT_TOKENS),
        evaluation=EvalConfig(problems=problems or there_are, samples=samples),
    )
    make_console(stderr=True).print(
        f"answering {config.evaluation.problems} {split} problems, {samples} times each",
        style="baseline",
    )
    figures, _ = measure.held_out_figures(loaded.params, config, loaded.tokenizer, split)
    if split == "test" and task is None:  # there are no general prompts to validate on
        said = evaluate.general_answers(loaded.params, config, loaded.tokenizer)
        figures |= conversation.figures(said, samples, seed)
    described = {"schema": 1, "seed": seed, "engine": xp.name, "split": split}
    results = {**described, "checkpoints": {checkpoint: figures}}
    _print_figures(results, figures["verdict"])
    _write_json(json_file, results)


def _print_figures(results: dict[str, Any], verdicts: dict[str, Any]) -> None:
    console = make_console()
    console.print(results_table(results))
    for place, said in verdicts.items():
        console.print(
            f"verdict, {place.replace('_', ' ')}: P(yes | hit) {said['yes_given_hit']:.2f}, "
            f"P(yes | near miss) {said['yes_given_miss']:.2f}"
        )


def sample(
    checkpoint: str,
    prompt: str | None,
    count: int,
    temperature: float,
    seed: int,
    backend: str,
    settings: Sequence[str] = (),
) -> None:
    """Print what a checkpoint writes, thinking apart from the answer."""
    _use(backend)
    if is_real(checkpoint):
        sample_real(checkpoint, prompt, count, temperature, seed, settings)
        return
    _require_tiny(checkpoint, settings)
    loaded, asking = load(checkpoint), _question(prompt, seed)
    console = make_console()
    for index, (said, _) in enumerate(_answers(loaded, asking, count, temperature, seed)):
        if index:
            console.print()
        print_completion(console, asking.prompt, said.completion, said.right, said.reason)


def compare(
    checkpoints: Sequence[str],
    prompt: str | None,
    count: int,
    temperature: float,
    seed: int,
    backend: str,
) -> None:
    """Print what several checkpoints write to the same question, with the same luck."""
    if len(set(checkpoints)) < 2:
        raise UserError("--compare wants two checkpoints or more, for example: base r1-zero")
    _use(backend)
    asking = _question(prompt, seed)
    loaded = {name: load(name) for name in checkpoints}
    rows = [
        [Answer(name, *said) for said in _answers(model, asking, count, temperature, seed)]
        for name, model in loaded.items()
    ]
    console = make_console()
    console.print(f"prompt    {asked(asking.prompt)}", markup=False)
    for answers in zip(*rows, strict=True):
        for table in comparison(answers, console.width):
            console.print()
            console.print(table)


def chat(checkpoint: str, temperature: float, seed: int, backend: str) -> None:
    """Talk with a checkpoint, or answer the lines of a pipe."""
    _use(backend)
    stdin = sys.stdin or io.StringIO()  # None where who called us closed it
    interactive = stdin.isatty() and sys.stdout.isatty()
    if isinstance(stdin, io.TextIOWrapper):
        stdin.reconfigure(errors="replace")
    console = make_console()
    if is_real(checkpoint):
        chat_real(checkpoint, temperature, seed, typed(console) if interactive else stdin)
        return
    loaded = load(checkpoint)
    talk = Conversation(loaded, console, temperature, seed, interactive)
    if interactive:
        talk.welcome(checkpoint)
    talk.answer(typed(console) if interactive else stdin)


def _require_tiny(checkpoint: str, given: object) -> None:
    if given:
        raise UserError(
            f"{checkpoint} lives in the tiny world, where there is --task {PROGRAMS}; "
            "other tasks and --set are for real models"
        )


def bench(checkpoint: str, threads: int, json_file: str | None) -> None:
    """Measure speed."""
    from minir1 import bench as measured

    _require_place(json_file)
    figures = measured.run(checkpoint, threads=threads)
    make_console().print(measured.table(figures))
    _write_json(json_file, figures)


def _question(prompt: str | None, seed: int) -> Question:
    """What was asked, or else a validation problem."""
    if prompt is None:
        questions = held_out_questions("validation", 250)
        prompt = questions[int(generator(seed, "sample").integers(len(questions)))].prompt
    return question(prompt)


def _answers(
    loaded: pipeline.Checkpoint, asking: Question, count: int, temperature: float, seed: int
) -> list[tuple[Sample, int]]:
    """Draw answers to a question and judge them; each comes with its number of tokens."""
    tokenizer = loaded.tokenizer
    tokens = tokenizer.encode(asking.prompt)
    rollout = draw(
        loaded.params,
        loaded.config,
        [tokens],
        count,
        room(loaded.config, len(tokens), temperature),
        (seed, "sample", 0),
        tokenizer.eos_ids,
        tokenizer.pad_id,
    )
    answers = []
    for row in range(count):
        completion = tokenizer.decode(rollout.completion(row))
        right, why = judge(asking, completion, bool(rollout.finished[row]))
        answer = Sample(asking.prompt, completion, None, right, why)
        answers.append((answer, int(rollout.completion_lengths[row])))
    return answers


def _use(name: str) -> str:
    return backend.use(name)


def _require_place(path: str | None) -> None:
    """Refuse a file that cannot be written, before the work that it is to hold."""
    if path is not None and (Path(path).is_dir() or not Path(path).absolute().parent.is_dir()):
        raise UserError(f"--json {path}: wanted a file in a folder that exists")


def _write_json(path: str | None, value: dict[str, Any]) -> None:
    if path is not None:
        replace_file(Path(path), (to_json(value, indent=2) + "\n").encode())
