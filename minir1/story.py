"""What has a run made so far, and how good is it?

The checkpoints, the sets they learnt from, and results.json, which grows by one checkpoint
at a time. What is there already is read and not made, or measured, again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from minir1 import conversation, evaluate, reward_model
from minir1.backend import from_numpy, xp
from minir1.checkpoint import load_checkpoint, read_metadata
from minir1.config import RunConfig
from minir1.datasets import Checkpoint, Dataset
from minir1.errors import UserError
from minir1.runfolder import RunFolder
from minir1.showcase import add_answers
from minir1.ui import Dashboard


@dataclass
class Story:
    """A run in progress: what has been made, and what has been measured."""

    run: RunFolder
    ui: Dashboard
    checkpoints: dict[str, Checkpoint]
    results: dict[str, Any]
    clock: float = field(default_factory=time.perf_counter)  # of the last look at the time

    @classmethod
    def begin(cls, run: RunFolder, ui: Dashboard, base: Checkpoint) -> "Story":
        """Start with the base, and with what an earlier call has measured."""
        results: dict[str, Any] = {
            "schema": 1,
            "seed": run.config.seed,
            "engine": xp.name,
            "seconds": {"evaluation": 0.0},
            "compute": {},
            "checkpoints": {},
        }
        return cls(run, ui, {"base": base}, {**results, **run.read("results.json")})

    @property
    def config(self) -> RunConfig:
        """The run's settings."""
        return self.run.config

    @property
    def judge_folder(self) -> Path:
        """Where the reward model lives: it answers nothing, so it is no checkpoint."""
        return self.run.path / reward_model.STAGE

    def has(self, name: str) -> bool:
        """Say whether a stage is finished."""
        judge = name == reward_model.STAGE
        return (self.judge_folder if judge else self.run.checkpoint_path(name)).exists()

    def write_results(self) -> None:
        """Write what is known so far; seconds.total is all the time that this run took."""
        seconds, now = self.results["seconds"], time.perf_counter()
        seconds["total"] = seconds.get("total", 0.0) + now - self.clock
        self.clock = now
        self.run.write("results.json", self.results)

    def take(self, name: str) -> None:
        """Read a finished checkpoint, and what it cost."""
        folder = self.run.checkpoint_path(name)
        params, config, tokenizer = load_checkpoint(folder)
        self.checkpoints[name] = Checkpoint(from_numpy(params), config, tokenizer)
        known = read_metadata(folder)
        if known.get("stage") == name:
            self.results["seconds"].setdefault(name, known["seconds"])
            self.results["compute"][name] = known["flops"]

    def data(self, name: str, make: Callable[[], Dataset]) -> Dataset:
        """Read a stage's data from the run folder, or make it and write it there."""
        path = self.run.path / "data" / f"{name}.json"
        if not path.exists():
            self.ui.note(f"{name}: the teacher answers questions to learn from")
            made = make()
            self.ui.note(
                f"{name}: {made.kept} of {made.asked} answers kept, {made.ended} endings"
            )
            if not made.documents:
                raise UserError(
                    f"{name} has nothing to learn from: none of {made.asked} answers was kept; "
                    f"try a new run with --set {name}.problems=1000"
                )
            made.write(path)
        return Dataset.read(path)

    def measure(self, name: str) -> None:
        """Put a checkpoint to the test problems and the general test prompts, once."""
        if name not in self.results["checkpoints"]:
            started, settings = time.perf_counter(), self.config.evaluation
            self.ui.note(
                f"{name}: answering {settings.problems} test problems, "
                f"{settings.samples} times each"
            )
            self.results["checkpoints"][name] = self._figures(name)
            checkpoint = self.checkpoints[name]
            config = replace(self.config, model=checkpoint.config)
            add_answers(self.run, name, checkpoint.params, config, checkpoint.tokenizer)
            self.results["seconds"]["evaluation"] += time.perf_counter() - started
            self.write_results()
        self.ui.measured(name, self.results["checkpoints"][name])

    def _figures(self, name: str) -> dict[str, Any]:
        checkpoint, seed = self.checkpoints[name], self.config.seed
        config = replace(self.config, model=checkpoint.config)
        figures, _ = evaluate.held_out_figures(checkpoint.params, config, checkpoint.tokenizer)
        group, said = config.evaluation.samples, self._general_answers(name)
        figures |= conversation.figures(said, group, seed)
        if name == "r1":
            wins = conversation.win_rate(said, self._general_answers("dev3"), group, seed)
            figures["preference_over"] = {"dev3": wins}
        return figures

    def _general_answers(self, name: str) -> list[conversation.GeneralSample]:
        checkpoint = self.checkpoints[name]
        config = replace(self.config, model=checkpoint.config)
        return evaluate.general_answers(checkpoint.params, config, checkpoint.tokenizer)
