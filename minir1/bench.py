"""How fast is this machine at sampling and at learning, and how much of it is used?

Four parts of a training step are timed in turns, so that a change of the machine's mood meets
all of them, between two measurements of the yardstick: single-precision matrix products on
the same cores. What the engine computes beyond the needed FLOPs (`flops.py`) lowers its share
of the peak.
Leaves out other programs: they are in `tests/benchmarks`.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from minir1 import model, rl, rollout
from minir1.answers import Graded, ask
from minir1.backend import from_numpy
from minir1.checkpoint import load_checkpoint
from minir1.config import GRPOConfig, RunConfig, SampleConfig
from minir1.environment import TinyWorld
from minir1.flops import rollout_flops, update_flops
from minir1.machine import machine, matmul_gflops
from minir1.storage.files import replace_file, to_json
from minir1.storage.resolve import resolve
from minir1.world.questions import training_questions

ADDRESS = (0, "bench", 0)  # where the questions and the samples come from


@dataclass(frozen=True)
class Sizes:
    """How much work a measurement is."""

    prompts: int = 32  # P
    group: int = 8  # G
    cap: int = 300  # tokens of a completion, at most
    full: int = 100  # tokens of a completion where none may end early
    matmul: int = 1024  # rows and columns of the matrices of the yardstick
    least: int = 3  # repeats, however long they take


def run(
    checkpoint: str | Path = "base",
    threads: int = 0,
    seconds: float = 20.0,
    json_path: str | Path | None = None,
    sizes: Sizes = Sizes(),
) -> dict[str, Any]:
    """Measure this machine with a checkpoint, for about `seconds`; 0 threads are all cores.

    Every figure is a median, with the smallest and the largest. The rollout is the same in
    each repeat, token by token, so what differs between repeats is the machine.

    Raises: UserError if there is no such checkpoint.
    """
    params, shape, tokenizer = load_checkpoint(resolve(checkpoint))
    config = RunConfig(
        threads=threads,
        model=shape,
        sample=SampleConfig(max_tokens=sizes.cap),
        grpo=GRPOConfig(steps=1, prompts=sizes.prompts, group=sizes.group),
    )
    yardstick = {"peak": lambda: matmul_gflops(threads, sizes.matmul)}
    before = _summary(_in_turns(yardstick, seconds / 10, sizes.least)["peak"])
    parts, work = _parts(from_numpy(params), config, tokenizer, sizes)
    taken = _in_turns(parts, seconds * 0.8, sizes.least)
    after = _summary(_in_turns(yardstick, seconds / 10, sizes.least)["peak"])
    peak = (before["median"] + after["median"]) / 2
    step = taken.pop("step")
    result = {
        "schema": 1,
        "checkpoint": str(checkpoint),
        "parameters": sum(value.size for value in params.values()),
        "sizes": asdict(sizes),
        "machine": machine(threads),
        "peak": {"gflops": peak, "before": before, "after": after},
        **{name: _rates(times, work[name], peak) for name, times in taken.items()},
        "step": {name: _summary([s[name] for s in step]) for name in step[0]},
    }
    if json_path is not None:
        replace_file(Path(json_path), (to_json(result, indent=2) + "\n").encode())
    return result


def _parts(
    params: model.Params, config: RunConfig, tokenizer: Any, sizes: Sizes
) -> tuple[dict[str, Callable[[], Any]], dict[str, dict[str, Any]]]:
    """Return the parts to time, and the tokens and FLOPs in each but the last."""
    shape, grpo = config.model, config.grpo
    questions = training_questions(*ADDRESS, grpo.prompts, grpo.zh_prompts)
    prompts = [tokenizer.encode(question.prompt) for question in questions]

    def sample(settings: SampleConfig, *eos_ids: int) -> rollout.Rollout:
        ids = (eos_ids, tokenizer.pad_id)
        return rollout.sample(
            params, shape, prompts, grpo.group, settings, ADDRESS, *ids, config.threads
        )

    world = TinyWorld(config, tokenizer, "bench")
    full = replace(config.sample, max_tokens=sizes.full)
    drawn, samples = ask(params, config, tokenizer, questions, grpo.group, ADDRESS)
    # Made up so that every group has right and wrong answers, and every row is trained.
    made_up = np.tile(np.arange(grpo.group) % 2.0, (grpo.prompts, 1))  # (P, G)
    graded = Graded(questions, drawn, samples, made_up)
    parts: dict[str, Callable[[], Any]] = {
        "rollout": lambda: _timed(lambda: sample(config.sample, *tokenizer.eos_ids)),
        "decode": lambda: _timed(lambda: sample(full)),
        "update": lambda: _timed(
            lambda: rl.improve(rl.Learner.start(params), config, world.policy, graded)
        ),
        "step": lambda: _step(params, config, tokenizer),
    }
    asked, written = drawn.prompt_lengths, drawn.completion_lengths
    all_full = np.full_like(written, sizes.full)
    work = {
        "rollout": _work(written, rollout_flops(shape, asked, written, grpo.group)),
        "decode": _work(all_full, rollout_flops(shape, asked, all_full, grpo.group)),
        "update": _work(written, update_flops(shape, asked, written)),
    }
    return parts, work


def _step(params: model.Params, config: RunConfig, tokenizer: Any) -> dict[str, float]:
    """Take one whole step of training; what is neither sampling nor learning is `rewards`."""
    started = time.perf_counter()
    world = TinyWorld(config, tokenizer, "bench")
    metrics = next(rl.train(rl.Learner.start(params), config, world)).metrics
    total = time.perf_counter() - started
    sampling, learning = metrics["rollout_seconds"], metrics["update_seconds"]
    return {
        "seconds": total,
        "rollout_seconds": sampling,
        "rewards_seconds": total - sampling - learning,
        "update_seconds": learning,
        "completion_tokens": metrics["completion_tokens"],
        "flat_groups": metrics["flat_groups"],
    }


def _timed(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _in_turns(
    parts: dict[str, Callable[[], Any]], seconds: float, least: int
) -> dict[str, list]:
    """Call every part in turn, again and again, after one round that does not count."""
    results: dict[str, list] = {name: [] for name in parts}
    for part in parts.values():
        part()
    started, rounds = time.perf_counter(), 0
    while rounds < least or time.perf_counter() - started < seconds:
        for name, part in parts.items():
            results[name].append(part())
        rounds += 1
    return results


def _summary(values: list[float]) -> dict[str, float]:
    low, high = min(values), max(values)
    return {"median": median(values), "min": low, "max": high, "repeats": len(values)}


def _work(lengths: np.ndarray, flops: int) -> dict[str, Any]:
    return {
        "tokens": int(lengths.sum()),
        "completion_tokens": float(lengths.mean()),
        "flops": flops,
    }


def _rates(times: list[float], work: dict[str, Any], peak: float) -> dict[str, Any]:
    """Turn seconds into rates and into a share of the peak (GFLOP/s)."""
    gflops = work["flops"] / median(times) / 1e9
    return {
        **work,
        "seconds": _summary(times),
        "tokens_per_second": _summary([work["tokens"] / t for t in times]),
        "gflops": gflops,
        "share_of_peak": gflops / peak,
    }


def table(result: dict[str, Any]) -> Table:
    """Lay out what `run` returned: a row a part; tokens are those of a row, on average."""
    computer = result["machine"]
    out = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("", "tokens", "seconds", "range", "tokens/s", "GFLOP/s", "peak"):
        out.add_column(name, justify="right" if name else "left", no_wrap=True)
    said = {"rollout": "rollout", "decode": "decode, none ends", "update": "update, all rows"}
    for key, label in said.items():
        part = result[key]
        out.add_row(
            label,
            f"{part['completion_tokens']:.1f}",
            *_range(part["seconds"]),
            f"{part['tokens_per_second']['median']:,.0f}",
            f"{part['gflops']:.1f}",
            f"{part['share_of_peak']:.0%}",
        )
    out.add_row("matrix products", "", "", "", "", f"{result['peak']['gflops']:.1f}", "100%")
    step = result["step"]
    out.add_section()
    flat = f"GRPO step, {step['flat_groups']['median']:.0%} flat"
    out.add_row(flat, f"{step['completion_tokens']['median']:.1f}", *_range(step["seconds"]))
    for name in ("rollout", "rewards", "update"):
        out.add_row(f"  its {name}", "", *_range(step[f"{name}_seconds"]))
    out.caption = " · ".join(
        [f"{computer['cpu']}, {computer['threads']} threads", f"engine {computer['engine']}"]
        + [f"{n} {computer[n]}" for n in ("minir1", "numpy", "mlx") if n in computer]
        + [computer["blas"], f"{result['parameters']:,} parameters"]
    )
    return out


def _range(seconds: dict[str, float]) -> tuple[str, str]:
    return f"{seconds['median']:.2f}", f"{seconds['min']:.2f}–{seconds['max']:.2f}"
