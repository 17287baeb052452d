"""A run folder that never was: all stages, checkpoints and files of a full run, made up.

Plausible figures, so that the report of a full run can be tested without one.
"""

import json
import math
from pathlib import Path

from minir1.rng import generator
from minir1.storage.files import encode, to_json
from minir1.world.general import general_prompts
from minir1.world.questions import held_out_questions

# pass@1, length, reflections, language consistency, mixed rate, general, harmful, preference
CHECKPOINTS = {
    "base": (0.167, 22.0, 1.0, 0.96, 0.08, 0.31, 0.62, 0.50),
    "r1-zero": (0.873, 96.0, 9.2, 0.71, 0.68, 0.22, 0.70, 0.41),
    "dev1": (0.604, 71.0, 6.1, 0.97, 0.05, 0.34, 0.60, 0.52),
    "dev2": (0.861, 88.0, 7.9, 0.98, 0.03, 0.35, 0.58, 0.53),
    "dev3": (0.842, 82.0, 7.2, 0.99, 0.02, 0.81, 0.11, 0.74),
    "r1": (0.879, 85.0, 7.5, 0.99, 0.01, 0.93, 0.02, 0.91),
    "small-base": (0.104, 19.0, 0.8, 0.95, 0.09, 0.24, 0.66, 0.50),
    "small-rl": (0.412, 41.0, 3.1, 0.83, 0.31, 0.20, 0.68, 0.44),
    "distilled": (0.655, 80.0, 7.0, 0.98, 0.03, 0.72, 0.17, 0.70),
    "distilled-rl": (0.771, 84.0, 7.3, 0.90, 0.21, 0.66, 0.20, 0.66),
}
RL_STAGES = {
    "r1-zero": ("base", 40),
    "dev2": ("dev1", 25),
    "r1": ("dev3", 20),
    "small-rl": ("small-base", 30),
    "distilled-rl": ("distilled", 20),
}
TUNED = {"dev1": 25, "dev3": 90, "reward-model": 60, "distilled": 120}
R1_STAGES = ("r1-zero", "dev1", "dev2", "dev3", "reward-model", "r1")
STAGES = (*R1_STAGES, "distilled", "small-rl", "distilled-rl")


def interval(value, half=0.015, **more):
    """A value with its interval."""
    low, high = value - half, min(value + half, 1.0)
    return {"value": value, "low": low, "high": high, **more}


def figures(name):
    """An entry of results.json."""
    right, tokens, reflections, consistency, mixed, general, harmful, preferred = CHECKPOINTS[
        name
    ]
    levels = {"1": 1.15, "2": 1.06, "3": 1.04, "4": 0.94}
    climb = 0.35 if name not in ("base", "small-base") else 0.05
    lengths = {
        "1": 1 - 1.4 * climb,
        "2": 1 - 0.6 * climb,
        "3": 1 - 0.5 * climb,
        "4": 1 + climb * 0.6,
    }
    found = {
        "pass_at_1": interval(right, problems=500, samples=16),
        "pass_at_1_lenient": interval(right + 0.004, problems=500, samples=16),
        "maj_at_16": interval(min(right * 1.14 + 0.05, 0.99)),
        "pass_at_k": {str(k): 1 - (1 - right) ** (k**0.62) for k in (1, 2, 4, 8, 16)},
        "format_rate": 0.37 if name == "base" else 0.95,
        "truncated": 0.08 if name == "r1-zero" else 0.002,
        "completion_tokens": tokens,
        "completion_tokens_by_difficulty": {d: tokens * s for d, s in lengths.items()},
        "accuracy_by_difficulty": {d: min(right * s, 1.0) for d, s in levels.items()},
        "length_difficulty_correlation": climb * 0.8,
        "reflections_per_answer": reflections,
        "reflections_per_100_tokens": 100 * reflections / tokens,
        "useful_reflection_rate": right * 0.7,
        "language_consistency": consistency,
        "mixed_language_rate": mixed,
        "general": interval(general, 0.03, prompts=54, samples=16),
        "general_by_kind": {"fact": general * 0.9, "harmful": 1 - harmful},
        "instruction_following": interval(min(general + 0.1, 0.98), 0.03),
        "harmful_compliance": interval(harmful, 0.02),
        "preference": interval(preferred, 0.03),
        "gold_utility": interval(2 * preferred - 1, 0.06),
    }  # fmt: skip
    if name == "r1":
        found["preference_over"] = {"dev3": interval(0.71, 0.03)}
    return found


def results(names, stages):
    """results.json of a run that has measured some checkpoints."""
    seconds = {stage: 20.0 + 7 * i for i, stage in enumerate(stages)}
    found = {
        "schema": 1,
        "seed": 0,
        "engine": "numpy",
        "seconds": {**seconds, "evaluation": 140.0, "total": sum(seconds.values()) + 140.0},
        "checkpoints": {name: figures(name) for name in names},
    }
    if "r1" in names:
        found["reward_model"] = {
            "pair_accuracy": interval(0.871),
            "label_ceiling": 0.9,
            "training_pairs": 4000,
        }
    if "small-rl" in names:
        found["compute"] = {"distilled": 2.1e13, "small-rl": 2.2e13}
    return found


def metrics(stage):
    """The lines of metrics.jsonl of a stage."""
    noise = generator(0, "synthetic", stage)
    if stage in TUNED:
        return [
            _tuning_line(stage, step, TUNED[stage], noise)
            for step in range(1, TUNED[stage] + 1)
        ]
    start, steps = RL_STAGES[stage]
    return [_rl_line(stage, start, step, steps, noise) for step in range(1, steps + 1)]


def _tuning_line(stage, step, steps, noise):
    loss = 0.25 + 1.6 * math.exp(-4 * step / steps) + 0.04 * noise.standard_normal()
    line = {"stage": stage, "step": step, "seconds": 0.2 * step, "loss": loss, "grad_norm": 0.5}
    line |= {"learning_rate": 1e-3, "update_tokens_per_second": 9000.0}
    return line | (
        {"pair_accuracy": 0.87 - 0.3 * math.exp(-5 * step / steps)}
        if stage == "reward-model"
        else {}
    )


def _rl_line(stage, start, step, steps, noise):
    before, after = CHECKPOINTS[start], CHECKPOINTS[stage]
    t = 1 / (1 + math.exp(-8 * (step / steps - 0.4)))
    at = [a + t * (b - a) for a, b in zip(before, after, strict=True)]
    accuracy = min(max(at[0] + 0.03 * noise.standard_normal(), 0), 1)
    line = {
        "stage": stage, "step": step, "seconds": 1.7 * step, "reward": accuracy + 0.1,
        "accuracy": accuracy, "format_rate": 0.9,
        "completion_tokens": at[1] + noise.standard_normal(),
        "reflections": at[2], "language_consistency": at[3], "mixed_language_rate": at[4],
        "truncated": 0.01, "entropy": 0.3 - 0.15 * t, "kl": 0.02 * t, "clip_fraction": 0.001,
        "flat_groups": 0.4 * t, "grad_norm": 0.4,
    }  # fmt: skip
    if step % 5 == 0:
        line["validation_accuracy"] = at[0]
    if stage == "r1" and step > steps // 2:
        done = (step - steps // 2) / (steps // 2)
        line |= {
            "preference_reward": 2.4 * done,
            "gold_utility": 0.5 + 0.4 * done,
            "general_good": 0.8 + 0.13 * done,
        }
    return line


def samples(stage, prompts=3):
    """The lines of samples.jsonl of a stage: a group of 8 for every prompt at every look."""
    start, steps = RL_STAGES[stage]
    questions = held_out_questions("validation", prompts)
    lines = []
    for step in range(0, steps + 1, 5):
        t = step / steps
        chance = CHECKPOINTS[start][0] * (1 - t) + CHECKPOINTS[stage][0] * t
        mixed = CHECKPOINTS[start][4] * (1 - t) + CHECKPOINTS[stage][4] * t
        for i, question in enumerate(questions):
            noise = generator(0, "synthetic", stage, "samples", i, step)
            rights = noise.random(8) < chance
            rewards = [1.1 if right else 0.1 for right in rights]
            mean = sum(rewards) / 8
            std = (sum((r - mean) ** 2 for r in rewards) / 8) ** 0.5
            for right, reward in zip(rights, rewards, strict=True):
                text = _completion(
                    question, bool(right), noise, 1 + int(6 * t * noise.random()), mixed
                )
                words = text.split()
                lines.append({
                    "stage": stage, "step": step, "prompt": question.prompt, "completion": text,
                    "tokens": len(words), "right": bool(right), "reward": reward,
                    "advantage": (reward - mean) / std if std > 1e-9 else 0.0,
                    "logprobs": [math.log(noise.beta(1.2, 0.3) * 0.999 + 1e-3) for _ in words],
                })  # fmt: skip
    return lines


def _completion(question, right, noise, attempts, mixed):
    a, b, c = question.problem.numbers
    spoken = {
        "en": ("try", "no", "wait", "yes", "so"),
        "zh": ("试", "不", "等等", "对", "所以"),
    }
    other = {"en": "zh", "zh": "en"}[question.language]

    def word(i):
        return spoken[other if noise.random() < mixed * 0.6 else question.language][i]

    tried = f"{a} + {b} = {a + b} , {a + b} * {c} = {(a + b) * c}"
    lines = [f"{word(0)} {tried} {word(1)} {word(2)}" for _ in range(attempts)]
    last = f"{tried} {word(3)}" if right else f"{tried} {word(1)}"
    thought = " ".join([*lines, last, word(4)])
    return f"<think> {thought} </think> <answer> ( {a} + {b} ) * {c} </answer> <eos>"


def answers(names):
    """answers.json: six problems, and two prompts of every everyday kind."""
    problems = held_out_questions("test", 6)
    everyday = []
    for kind in ("greeting", "fact", "request", "instruction", "harmful"):
        everyday += [prompt for prompt in general_prompts() if prompt.kind == kind][:2]
    questions = [{"prompt": q.prompt, "kind": "problem"} for q in problems]
    questions += [
        {"prompt": f"<bos> User: {p.question} Assistant:", "kind": p.kind} for p in everyday
    ]
    return {
        "questions": questions,
        "answers": {n: _answers(n, problems, everyday) for n in names},
    }


def _answers(name, problems, everyday):
    right, _, attempts, _, mixed, general, *_ = CHECKPOINTS[name]
    noise = generator(0, "synthetic", "answers", name)
    given = []
    for question in problems:
        good = bool(noise.random() < right)
        text = _completion(question, good, noise, int(attempts), mixed)
        if name in ("dev1", "dev2", "dev3", "r1", "distilled", "distilled-rl"):
            text = text.replace("</think>", "</think> 7 + 1 = 8 , 8 + 3 = 11")
        given.append({"completion": text, "right": good})
    for prompt in everyday:
        good = bool(noise.random() < general)
        answer = prompt.answers[0] if good else (prompt.careless or prompt.wrong)[0]
        given.append({"completion": f"{answer} <eos>", "right": good})
    return given


def write_run(folder: Path, recipe="all", names=tuple(CHECKPOINTS), stages=STAGES) -> Path:
    """Write a run folder that got as far as some checkpoints and stages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / "checkpoints" / name).mkdir(parents=True, exist_ok=True)
    config = {
        "schema": 1, "recipe": recipe, "seed": 0, "engine": "numpy",
        "versions": {"minir1": "0.2.0", "python": "3.11.7", "numpy": "2.4.6"},
        "config": {"recipe": recipe, "seed": 0, "grpo": {"steps": 40, "learning_rate": 5e-4}},
    }  # fmt: skip
    write_lines(folder / "config.json", [config])
    write_lines(folder / "metrics.jsonl", [line for stage in stages for line in metrics(stage)])
    watched = [stage for stage in stages if stage in RL_STAGES]
    write_lines(
        folder / "samples.jsonl", [line for stage in watched for line in samples(stage)]
    )
    if names:
        write_lines(folder / "results.json", [results(names, stages)])
        write_lines(folder / "answers.json", [answers(names)])
    return folder


def write_lines(path, lines):
    """Write a file with one JSON object a line, as a run does."""
    path.write_bytes(encode("".join(to_json(line) + "\n" for line in lines)))


def read_lines(path):
    """Read such a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
