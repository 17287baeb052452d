"""How does verl do what a run does? A configuration, a script that starts it, a reward file.

verl asks through chat templates. Our prompts are whole texts already, so each goes in as one
message, through a template that hands it on as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minir1.config import RunConfig
from minir1.errors import UserError
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
from minir1.export.wording import MODEL, Row, Wording
from minir1.real_config import RealConfig
from minir1.rl import BETAS
from minir1.storage.files import writing

LOSS = {
    "token": "token-mean",
    "sequence": "seq-mean-token-mean",
    "constant": "seq-mean-token-sum-norm",
}
KL = {"k2": "k2", "k3": "k3+"}  # + has k2's gradient, as the weighted k3 has
HERE = "${oc.env:MINIR1_EXPORT}"  # the exported folder, as launch.sh finds it
PASS_ON = "{{ messages[0]['content'] }}"
Chosen = tuple[str, Any, str]  # verl's name, the value, where it comes from
NEVER = 1e9  # a clip that nothing reaches


def export_verl(
    source: Source, config: RunConfig | RealConfig, folder: Path, dtype: str
) -> None:
    """Write model, train and validation parquet, reward.py, config.yaml, launch.sh, README.md.

    Raises: UserError for what cannot be exported.
    """
    arrow = _pyarrow()
    updates(config)
    words = write_common(source, config, folder, dtype)
    rows = [row for step in range(config.grpo.steps) for row in words.training(step)]
    parts = {"train": rows, "validation": words.validation()}
    for part, asked in parts.items():
        _write_parquet(arrow, folder / f"{part}.parquet", asked, what(config))
    mapped = settings(config, _longest(words, [r for part in parts.values() for r in part]))
    named = {"model": plain(source.name), "what": what(config)}
    for file, template in (("reward.py", "verl_reward.txt"), ("launch.sh", "verl_launch.txt")):
        write_text(folder / file, fill(template, **named))
    written = fill("verl_config.txt", settings=yaml(mapped), **named)
    write_text(folder / "minir1.yaml", written)
    said = {"table": table(mapped, "verl"), "paid": reward_lines(config)}
    write_text(folder / "README.md", fill("verl_readme.txt", **said, **named))


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise UserError("verl reads parquet files; type: pip install pyarrow") from error
    return pyarrow


def _write_parquet(arrow: Any, path: Path, rows: Sequence[Row], source: str) -> None:
    """Write questions under the names of the columns that verl reads."""
    lines = [
        {
            "data_source": source,
            "prompt": [{"role": "user", "content": row.prompt}],
            "ability": "reasoning",
            "reward_model": {"style": "rule", "ground_truth": row.gold},
            "extra_info": {"index": i, "exercise": row.exercise},
        }
        for i, row in enumerate(rows)
    ]
    with writing(path):
        arrow.parquet.write_table(arrow.Table.from_pylist(lines), path)


def _longest(words: Wording, rows: Sequence[Row]) -> int:
    """Return how many tokens the longest prompt has."""
    return max(len(words.tokenizer.encode(row.prompt)) for row in rows)


def settings(config: RunConfig | RealConfig, longest: int) -> list[Setting]:
    """Translate a run's settings into those of verl, each with where it comes from.

    Raises: UserError for a rollout that cannot be cut into equal parts.
    """
    if config.grpo.scale == "batch":
        config.grpo.refuse("scale", "std or none: verl knows no other")
    warmup = min(config.grpo.warmup, config.grpo.steps) * updates(config)
    chosen = [
        *_data(config, longest),
        *_sampling(config),
        *_loss(config, longest),
        *_optimiser(config, warmup),
        *_course(config),
    ]
    return [Setting(name, _scalar(value), ours) for name, value, ours in chosen]


def _data(config: RunConfig | RealConfig, longest: int) -> list[Chosen]:
    grpo, cap = config.grpo, config.sample.max_tokens
    return [
        ("data.train_files", f"{HERE}/train.parquet", "the questions"),
        ("data.val_files", f"{HERE}/validation.parquet", "those of validation"),
        ("data.train_batch_size", grpo.prompts, "grpo.prompts"),
        ("data.max_prompt_length", longest, "the longest prompt"),
        ("data.max_response_length", cap, "sample.max_tokens"),
        ("data.shuffle", False, "the files are in the order of the run"),
    ]


def _sampling(config: RunConfig | RealConfig) -> list[Chosen]:
    rollout = "actor_rollout_ref.rollout"
    return [
        ("actor_rollout_ref.model.path", f"{HERE}/{MODEL}", "the model"),
        ("actor_rollout_ref.model.custom_chat_template", PASS_ON, "prompts are whole"),
        (f"{rollout}.name", "vllm", "what samples"),
        (f"{rollout}.tensor_model_parallel_size", 1, "GPUs that share a copy"),
        (f"{rollout}.n", config.grpo.group, "grpo.group"),
        (f"{rollout}.temperature", config.sample.temperature, "sample.temperature"),
        (f"{rollout}.top_p", 1.0, "nothing is cut off"),
        (f"{rollout}.top_k", -1, "nothing is cut off"),
    ]


def _loss(config: RunConfig | RealConfig, longest: int) -> list[Chosen]:
    grpo, actor = config.grpo, "actor_rollout_ref.actor"
    tokens = 8 * (longest + config.sample.max_tokens)
    return [
        (f"{actor}.ppo_mini_batch_size", grpo.prompts // grpo.minibatches, "grpo.minibatches"),
        (f"{actor}.ppo_epochs", grpo.inner_steps, "grpo.inner_steps"),
        (f"{actor}.use_dynamic_bsz", True, "micro-batches by tokens"),
        (f"{actor}.ppo_max_token_len_per_gpu", tokens, "eight answers at once"),
        (f"{actor}.clip_ratio_low", grpo.clip_low, "grpo.clip_low"),
        (f"{actor}.clip_ratio_high", grpo.clip_high, "grpo.clip_high"),
        (f"{actor}.clip_ratio_c", NEVER, "no third clip"),
        (f"{actor}.loss_agg_mode", LOSS[grpo.average], f"grpo.average={grpo.average}"),
        (f"{actor}.use_kl_loss", grpo.kl_weight > 0, "grpo.kl_weight"),
        (f"{actor}.kl_loss_coef", grpo.kl_weight, "grpo.kl_weight"),
        (f"{actor}.kl_loss_type", KL[grpo.kl_estimator], "grpo.kl_estimator"),
        (f"{actor}.grad_clip", grpo.grad_clip, "grpo.grad_clip"),
    ]


def _optimiser(config: RunConfig | RealConfig, warmup: int) -> list[Chosen]:
    grpo, optim = config.grpo, "actor_rollout_ref.actor.optim"
    return [
        (f"{optim}.lr", grpo.learning_rate, "grpo.learning_rate"),
        (f"{optim}.lr_warmup_steps", warmup, "grpo.warmup, in updates"),
        (f"{optim}.lr_scheduler_type", "cosine", "the nearest to a linear fall"),
        (f"{optim}.min_lr_ratio", grpo.final_fraction, "grpo.final_fraction"),
        (f"{optim}.weight_decay", grpo.weight_decay, "grpo.weight_decay"),
        (f"{optim}.betas", list(BETAS), "rl.BETAS"),
    ]


def _course(config: RunConfig | RealConfig) -> list[Chosen]:
    grpo = config.grpo
    return [
        ("algorithm.adv_estimator", "grpo", "GRPO"),
        ("algorithm.norm_adv_by_std_in_grpo", grpo.scale == "std", f"grpo.scale={grpo.scale}"),
        ("reward.custom_reward_function.path", f"{HERE}/reward.py", "the rewards"),
        ("trainer.project_name", "minir1", "minir1"),
        ("trainer.experiment_name", what(config), "the task"),
        ("trainer.logger", ["console"], "or wandb, tensorboard, …"),
        ("trainer.nnodes", 1, "machines"),
        ("trainer.n_gpus_per_node", 8, "GPUs of each"),
        ("trainer.total_epochs", 1, "every question once"),
        ("trainer.total_training_steps", grpo.steps, "grpo.steps"),
        ("trainer.test_freq", config.evaluation.every or -1, "evaluation.every"),
        ("trainer.save_freq", config.save_every, "save_every"),
    ]


def _scalar(value: Any) -> str:
    """Write a value as YAML reads it back: with a dot in every float."""
    if isinstance(value, float):
        mantissa, e, exponent = repr(value).partition("e")
        return (mantissa if "." in mantissa else f"{mantissa}.0") + e + exponent
    return json.dumps(value)


def yaml(mapped: Sequence[Setting]) -> str:
    """Write settings with dotted names as YAML, where each comes from beside it."""
    tree: dict[str, Any] = {}
    for setting in mapped:
        *path, last = setting.name.split(".")
        place = tree
        for name in path:
            place = place.setdefault(name, {})
        place[last] = setting
    return "\n".join(_branch(tree, ""))


def _branch(tree: Mapping[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for name, value in tree.items():
        if isinstance(value, Setting):
            lines.append(f"{indent}{name}: {value.value}  # {value.ours}")
        else:
            lines += [f"{indent}{name}:", *_branch(value, f"{indent}  ")]
    return lines
