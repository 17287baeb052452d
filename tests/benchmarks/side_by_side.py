"""How do minir1, a plain PyTorch loop and TRL compare on one step of the same GRPO?

Each program runs by itself, on the same threads, in turns (A B C, A B C, ...), so that no one
has the machine at its best alone. Writes side_by_side.json and side_by_side.md to a folder.

    python tests/benchmarks/side_by_side.py docs/results base=FOLDER r1-zero=FOLDER
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import mean, median

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PROGRAMS = {
    "minir1": ["minir1_step.py"],
    "torch": ["torch_loop.py"],
    "torch-lean": ["torch_loop.py", "--lean"],
    "trl": ["trl_step.py", "--micro-batch=64"],
}
COLUMNS = ("seconds", "rollout_seconds", "update_seconds", "completion_tokens")


def run(name: str, checkpoint: str, arguments: argparse.Namespace) -> dict:
    """Run one program and return the JSON of its last line."""
    script, *flags = PROGRAMS[name]
    threads = str(arguments.threads)
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "OMP_NUM_THREADS": threads,
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONWARNINGS": "ignore",
    }
    sizes = ("steps", "warm", "threads", "prompts", "group", "cap")
    options = [f"--{size}={getattr(arguments, size)}" for size in sizes]
    command = [sys.executable, str(HERE / script), checkpoint, *options, *flags]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def summary(steps: list[dict]) -> dict:
    """Sum up all measured steps of one program on one checkpoint."""
    seconds = [step["seconds"] for step in steps]
    out = {f"{name}_median": median(step[name] for step in steps) for name in COLUMNS[:3]}
    tokens = mean(step["completion_tokens"] for step in steps)
    return {
        **out,
        "seconds_min": min(seconds),
        "seconds_max": max(seconds),
        "completion_tokens_mean": tokens,
        "longest_median": median(step["longest"] for step in steps),
        "flat_groups_mean": mean(step["flat_groups"] for step in steps),
        "steps": len(steps),
    }


def compare(measured: dict[str, dict[str, list[dict]]]) -> dict:
    """Summarise, and divide by minir1: seconds a step, and seconds a completion token."""
    results: dict[str, dict] = {}
    for checkpoint, programs in measured.items():
        sums = {name: summary(steps) for name, steps in programs.items()}
        for one in sums.values():
            if "minir1" not in sums:
                continue
            ours = sums["minir1"]
            longer = one["completion_tokens_mean"] / ours["completion_tokens_mean"]
            one["times_minir1"] = one["seconds_median"] / ours["seconds_median"]
            one["times_minir1_a_token"] = one["times_minir1"] / longer
        results[checkpoint] = sums
    return results


def markdown(results: dict, facts: dict) -> str:
    """Write the table for people."""
    head = (
        "checkpoint | program | s a step (least … most) | rollout s | update s "
        "| tokens a completion | longest | times minir1 | the same a token"
    )
    lines = [f"| {head} |", "|---|---|---:|---:|---:|---:|---:|---:|---:|"]
    for checkpoint, sums in results.items():
        for name, one in sums.items():
            span = f"{one['seconds_min']:.2f} … {one['seconds_max']:.2f}"
            ratios = [one.get(key) for key in ("times_minir1", "times_minir1_a_token")]
            cells = [
                checkpoint,
                name,
                f"**{one['seconds_median']:.2f}** ({span})",
                f"{one['rollout_seconds_median']:.2f}",
                f"{one['update_seconds_median']:.2f}",
                f"{one['completion_tokens_mean']:.1f}",
                f"{one['longest_median']:.0f}",
                *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    said = ", ".join(f"{key} {value}" for key, value in facts.items())
    return "\n".join([*lines, "", f"Medians of whole steps. {said}.", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the results go")
    parser.add_argument("checkpoints", nargs="+", help="NAME=FOLDER")
    parser.add_argument("--programs", nargs="+", default=list(PROGRAMS), choices=PROGRAMS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="measured steps a round")
    parser.add_argument("--warm", type=int, default=1, help="steps before them")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--cap", type=int, default=300)
    arguments = parser.parse_args()
    named = dict(one.split("=", 1) for one in arguments.checkpoints)
    measured: dict[str, dict[str, list[dict]]] = {
        name: {program: [] for program in arguments.programs} for name in named
    }
    load, versions = os.getloadavg()[0], {}
    for turn in range(arguments.rounds):
        for name, folder in named.items():
            for program in arguments.programs:
                result = run(program, folder, arguments)
                versions |= result["versions"]
                measured[name][program] += result["steps"]
                seconds = median(step["seconds"] for step in result["steps"])
                print(
                    f"round {turn + 1}: {name}, {program}: {seconds:.2f} s a step", flush=True
                )
    facts = {
        "prompts": arguments.prompts,
        "group": arguments.group,
        "cap": arguments.cap,
        "threads": arguments.threads,
        **versions,
        "python": platform.python_version(),
        "load before": round(load, 2),
    }
    results = compare(measured)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    whole = {"schema": 1, "facts": facts, "results": results, "steps": measured}
    written = json.dumps(whole, indent=2) + "\n"
    (arguments.folder / "side_by_side.json").write_text(written)
    table = markdown(results, facts)
    (arguments.folder / "side_by_side.md").write_text(table)
    print(table)


if __name__ == "__main__":
    main()
