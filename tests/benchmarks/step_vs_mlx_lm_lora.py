"""How long does one GRPO step take here, and in mlx-lm-lora, at equal work?

    pip install -e '.[mlx]' && pip install --no-deps mlx-lm-lora==5.10.2 && pip install tqdm
    python tests/benchmarks/step_vs_mlx_lm_lora.py FOLDER [--beta 0.1]

FOLDER is a model that mlx-lm loads. Both programs run in this process, in turns: same model,
adapters, prompts, rewards, group and length of completions (the end token is one that no
model says), plain sampling at temperature 1, one optimiser step. Each is called through its
own training loop. The first step of each warms up. Compare the ratio of neighbouring steps; on
a machine that others use, that of processor time, which a wait for them leaves out.
"""

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.optimizers import AdamW
from mlx_lm.tuner.utils import linear_to_lora_layers
from mlx_lm.utils import load_model
from mlx_lm_lora.trainer import grpo_trainer

from minir1 import rl
from minir1.answers import Graded
from minir1.mlx_models import open_mlx
from minir1.mlx_policy import MLXPolicy
from minir1.real_config import LoraConfig, RealConfig
from minir1.text_tokenizer import TextTokenizer

QUESTION = "Tom has {} boxes with {} pencils each and gives {} away. How many are left?"
RATE = 1e-5


@dataclass(frozen=True)
class Work:
    """What both programs are asked to do."""

    folder: str
    prompts: int
    group: int
    cap: int  # tokens of every completion
    rank: int
    layers: int
    beta: float
    compile: bool

    @property
    def tokens(self) -> int:
        """Completion tokens of a step."""
        return self.prompts * self.group * self.cap

    def rewards(self) -> np.ndarray:
        """Every group half right, so no group is flat. Shapes: -> (P, G)"""
        return np.tile(np.arange(self.group) % 2, (self.prompts, 1)).astype(float)

    def asked(self, encode: Any) -> list[list[int]]:
        """Prompts of nearly equal lengths."""
        return [encode(QUESTION.format(3 + i, 12 * i, 7)) for i in range(self.prompts)]


CLOCKS = ("wall", "processor")


def now() -> np.ndarray:
    """Seconds on each of CLOCKS. Shapes: -> (2)"""
    return np.array([time.perf_counter(), time.process_time()])


@dataclass(frozen=True)
class Times:
    """Seconds of one step, on each clock; what is left of `whole` is the rewards.

    Shapes: (2) each
    """

    rollout: np.ndarray
    update: np.ndarray
    whole: np.ndarray

    def __str__(self) -> str:
        parts = [f"{name} {x[0]:.2f} ({x[1]:.2f})" for name, x in vars(self).items()]
        return ", ".join(parts)


class World:
    """minir1's environment: fixed prompts, fixed rewards."""

    stage = "benchmark"

    def __init__(self, work: Work, config: RealConfig, policy: MLXPolicy, asked: Any, end: int):
        self.work, self.config, self.policy = work, config, policy
        self.asked, self.end = asked, end
        self.started = self.sampled = now()

    def rollout(self, params: dict[str, Any], step: int) -> Graded:
        """Answer the prompts, and pay."""
        self.started = now()
        drawn = self.policy.sample(
            params,
            self.asked,
            self.work.group,
            self.config.sample,
            (0, self.stage, step),
            (self.end,),
            0,
        )
        self.sampled = now()
        assert (drawn.completion_lengths == self.work.cap).all()
        return Graded(self.asked, drawn, [], self.work.rewards())

    def describe(self, graded: Graded) -> dict[str, float]:
        """Nothing more to say."""
        return {}


def ours(work: Work) -> Iterator[Times]:
    """Steps of `rl.train`, with its checks and metrics."""
    policy, params, tokenizer = open_mlx(
        work.folder, rank=work.rank, scale=2.0, layers=work.layers, compile=work.compile
    )
    usual = RealConfig(tune="lora", backend="mlx")
    config = replace(
        usual,
        sample=replace(usual.sample, max_tokens=work.cap),
        lora=LoraConfig(work.rank, 2.0, work.layers),
        grpo=replace(
            usual.grpo,
            steps=10**6,
            prompts=work.prompts,
            group=work.group,
            learning_rate=RATE,
            kl_weight=work.beta,
        ),
    )
    world = World(work, config, policy, work.asked(tokenizer.encode), len(tokenizer) + 1)
    learner = rl.Learner.start(params)
    for step in rl.train(learner, config, world):
        ended = now()
        assert step.metrics["trained_tokens"] == work.tokens
        started, sampled = world.started, world.sampled
        yield Times(sampled - started, ended - sampled, ended - started)


class Watch:
    """Takes the time inside mlx-lm-lora's loop: around its sampler, and at its report."""

    def __init__(self, generate: Any, work: Work):
        self.generate, self.work = generate, work

    def sample(self, **asked: Any) -> Any:
        """Stand in for its `generate_grpo`."""
        self.started = now()
        out = self.generate(**asked)
        self.sampled = now()
        assert all(row.size == self.work.cap for row in out[0])
        return out

    def reward(self, completions: list[str], **_: Any) -> list[float]:
        """Pay as `Work.rewards` says."""
        self.paid = now()
        return self.work.rewards().reshape(-1).tolist()

    def on_train_loss_report(self, info: dict[str, Any]) -> None:
        """Called when everything of the step is computed."""
        self.ended = now()

    def times(self) -> Times:
        """The times of the last step."""
        rollout, update = self.sampled - self.started, self.ended - self.paid
        return Times(rollout, update, self.ended - self.started)


def theirs(work: Work, folder: Path) -> Iterator[Times]:
    """Steps of mlx-lm-lora's `train_grpo`, one call each."""
    model, _ = load_model(Path(work.folder))
    model.freeze()
    adapters = {"rank": work.rank, "scale": 2.0, "dropout": 0.0}
    linear_to_lora_layers(model, work.layers, adapters)
    reference = load_model(Path(work.folder))[0] if work.beta else None
    tokenizer = TextTokenizer.load(Path(work.folder))
    words = SimpleNamespace(
        eos_token_ids=[len(tokenizer) + 1], decode=tokenizer.decode, encode=tokenizer.encode
    )
    watch = Watch(grpo_trainer.generate_grpo, work)
    watch.reward.__func__.__name__ = "reward"
    grpo_trainer.generate_grpo = watch.sample
    asked = [(prompt, [0], "", "") for prompt in work.asked(tokenizer.encode)]
    optimiser = AdamW(RATE, betas=[0.9, 0.95], weight_decay=0.0)
    settings = grpo_trainer.GRPOTrainingArgs(
        batch_size=work.prompts,
        group_size=work.group,
        iters=1,
        steps_per_report=1,
        steps_per_save=10**6,
        adapter_file=str(folder / "adapters.safetensors"),
        max_completion_length=work.cap,
        beta=work.beta,
        epsilon=0.2,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        grpo_loss_type="bnpo",
    )
    while True:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            grpo_trainer.train_grpo(
                model,
                reference,
                words,
                optimiser,
                asked,
                reward_funcs=[watch.reward],
                args=settings,
                training_callback=watch,
                end_answer_token="",
            )
        yield watch.times()


def report(work: Work, measured: dict[str, list[Times]]) -> None:
    """Print medians on each clock, and the ratio of neighbouring steps."""
    mine, other = measured["minir1"], measured["mlx-lm-lora"]
    for i, clock in enumerate(CLOCKS):
        print(f"\n{clock} seconds")
        for name, steps in measured.items():
            whole, rollout, update = (
                median(getattr(t, part)[i] for t in steps)
                for part in ("whole", "rollout", "update")
            )
            print(
                f"{name:12} {whole:7.2f} s a step, "
                f"rollout {work.tokens / rollout:7.1f} tokens/s, "
                f"update {work.tokens / update:7.1f} tokens/s"
            )
        for part in ("whole", "rollout", "update"):
            ratios = sorted(
                getattr(b, part)[i] / getattr(a, part)[i]
                for a, b in zip(mine, other, strict=True)
            )
            span = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
            print(f"{part:8} mlx-lm-lora / minir1: median {median(ratios):.2f} ({span})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--group", type=int, default=4)
    parser.add_argument("--cap", type=int, default=32)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--layers", type=int, default=-1)
    parser.add_argument("--beta", type=float, default=0.0)
    parser.add_argument("--compile", action="store_true", help="minir1's update, compiled")
    parser.add_argument("--steps", type=int, default=5)
    given = vars(parser.parse_args())
    steps = given.pop("steps")
    work = Work(**given)
    print(f"{work}, mlx {mx.__version__}, {mx.default_device()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        programs = {"minir1": ours(work), "mlx-lm-lora": theirs(work, Path(folder))}
        measured: dict[str, list[Times]] = {name: [] for name in programs}
        for i in range(steps + 1):
            for name, program in programs.items():
                times = next(program)
                print(f"{i} {name:12} {times}", flush=True)
                if i:
                    measured[name].append(times)
    report(work, measured)


if __name__ == "__main__":
    main()
