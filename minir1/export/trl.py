"""How does TRL's GRPOTrainer do what a run does? The settings, and a script that starts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minir1.config import RunConfig
from minir1.export.engine import (
    Setting,
    fill,
    plain,
    reward_lines,
    table,
    updates,
    what,
    write_common,
    write_text,
)
from minir1.export.source import Source
from minir1.export.wording import Row, weights_of
from minir1.real_config import RealConfig
from minir1.rl import BETAS
from minir1.storage.files import to_json

LOSS = {"token": "dapo", "sequence": "grpo", "constant": "dr_grpo"}
SCALE = {"std": "group", "batch": "batch", "none": "none"}
COMBINE = {"sum": "sum_then_normalize", "normalise": "normalize_then_sum"}


def export_trl(
    source: Source, config: RunConfig | RealConfig, folder: Path, dtype: str
) -> None:
    """Write model, prompts.jsonl, reward.py, train.py and README.md.

    Raises: UserError for what cannot be exported.
    """
    mapped = settings(config)
    words = write_common(source, config, folder, dtype)
    rows = [row for step in range(config.grpo.steps) for row in words.training(step)]
    write_text(folder / "prompts.jsonl", _lines(rows))
    kinds = list(weights_of(config))
    functions = "\n\n".join(fill("trl_reward_kind.txt", kind=kind) for kind in kinds)
    write_text(folder / "reward.py", fill("trl_reward.txt", functions=functions))
    written = "\n".join(f"    {s.name}={s.value},  # {s.ours}" for s in mapped)
    named = {"model": plain(source.name), "what": what(config)}
    functions = ", ".join(f"reward.{kind}" for kind in kinds)
    script = fill("trl_train.txt", settings=written, functions=functions, **named)
    write_text(folder / "train.py", script)
    said = {"table": table(mapped, "GRPOConfig"), "paid": reward_lines(config)}
    write_text(folder / "README.md", fill("trl_readme.txt", **said, **named))


def _lines(rows: list[Row]) -> str:
    return "".join(to_json(vars(row)) + "\n" for row in rows)


def settings(config: RunConfig | RealConfig) -> list[Setting]:
    """Translate a run's settings into those of GRPOConfig, each with where it comes from.

    TRL counts optimiser updates where we count rollouts.

    Raises: UserError for a rollout that cannot be cut into equal parts.
    """
    per_rollout = updates(config)
    return [
        *_rollout(config, per_rollout),
        *_loss(config),
        *_optimiser(config, per_rollout),
        *_refreshed(config, per_rollout),
    ]


def _written(chosen: list[tuple[str, Any, str]]) -> list[Setting]:
    return [Setting(name, repr(value), ours) for name, value, ours in chosen]


def _rollout(config: RunConfig | RealConfig, per_rollout: int) -> list[Setting]:
    """Translate how much is sampled, and how; train.py knows the number of processes."""
    grpo, said = config.grpo, "grpo.steps × grpo.minibatches × grpo.inner_steps"
    each = f"{grpo.prompts // grpo.minibatches} // WORLD"
    return [
        Setting("max_steps", str(grpo.steps * per_rollout), said),
        Setting("num_generations", str(grpo.group), "grpo.group"),
        Setting("per_device_train_batch_size", str(grpo.group), "a group in memory at once"),
        Setting("steps_per_generation", f"{grpo.prompts} // WORLD", "grpo.prompts"),
        Setting("gradient_accumulation_steps", each, "grpo.prompts / grpo.minibatches"),
        *_written(
            [
                ("max_completion_length", config.sample.max_tokens, "sample.max_tokens"),
                ("temperature", config.sample.temperature, "sample.temperature"),
                ("top_p", 1.0, "nothing is cut off"),
                ("top_k", 0, "nothing is cut off"),
                ("seed", config.seed, "seed"),
                ("shuffle_dataset", False, "prompts.jsonl is in the order of the run"),
            ]
        ),
    ]


def _loss(config: RunConfig | RealConfig) -> list[Setting]:
    grpo, weights = config.grpo, list(weights_of(config).values())
    combined = COMBINE[grpo.combine]
    return _written(
        [
            ("reward_weights", weights, f"reward: {reward_lines(config)}"),
            ("scale_rewards", SCALE[grpo.scale], f"grpo.scale={grpo.scale}"),
            ("multi_objective_aggregation", combined, f"grpo.combine={grpo.combine}"),
            ("loss_type", LOSS[grpo.average], f"grpo.average={grpo.average}"),
            ("epsilon", grpo.clip_low, "grpo.clip_low"),
            ("epsilon_high", grpo.clip_high, "grpo.clip_high"),
            ("beta", grpo.kl_weight, "grpo.kl_weight"),
            ("num_iterations", grpo.inner_steps, "grpo.inner_steps"),
        ]
    )


def _optimiser(config: RunConfig | RealConfig, per_rollout: int) -> list[Setting]:
    grpo = config.grpo
    warmup = min(grpo.warmup, grpo.steps)
    fall = {
        "num_decay_steps": max(grpo.steps - warmup, 1) * per_rollout,
        "decay_type": "linear",
        "min_lr_ratio": grpo.final_fraction,
    }
    return _written(
        [
            ("learning_rate", grpo.learning_rate, "grpo.learning_rate"),
            ("lr_scheduler_type", "warmup_stable_decay", "a linear rise and a linear fall"),
            ("lr_scheduler_kwargs", fall, "grpo.final_fraction"),
            ("warmup_steps", warmup * per_rollout, "grpo.warmup, in updates"),
            ("optim", "adamw_torch", "AdamW"),
            ("adam_beta1", BETAS[0], "rl.BETAS"),
            ("adam_beta2", BETAS[1], "rl.BETAS"),
            ("weight_decay", grpo.weight_decay, "grpo.weight_decay"),
            ("max_grad_norm", grpo.grad_clip, "grpo.grad_clip"),
        ]
    )


def _refreshed(config: RunConfig | RealConfig, per_rollout: int) -> list[Setting]:
    """Translate grpo.reference_refresh: the reference becomes the policy now and then."""
    every = config.grpo.reference_refresh * per_rollout
    if not every or not config.grpo.kl_weight:
        return []
    return [
        Setting("sync_ref_model", "True", "grpo.reference_refresh"),
        Setting("ref_model_mixup_alpha", "1.0", "the reference is replaced"),
        Setting("ref_model_sync_steps", str(every), "grpo.reference_refresh, in updates"),
    ]
