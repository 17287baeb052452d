"""How is a real model opened, whichever engine computes it, and written again?

On numpy our own decoder reads it; on MLX, mlx-lm does, with adapters if asked. Both come
back as a policy, what is trained of it, and a tokenizer.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minir1 import memory
from minir1.backend import cores, from_numpy, to_numpy, xp
from minir1.checkpoint import save_checkpoint
from minir1.errors import UserError
from minir1.exercises import TaskWorld
from minir1.policy import DecoderPolicy, Policy
from minir1.pretrained import open_model
from minir1.real_checks import require_runnable
from minir1.real_config import RealConfig
from minir1.screen.terminal import clean
from minir1.storage.files import (
    encode,
    flush_tree,
    replace_file,
    replace_folder,
    to_json,
    writing,
)
from minir1.tasks import Task, open_task
from minir1.text_tokenizer import TextTokenizer

SAMPLED = 64  # exercises whose prompts tell how long they are
MLX_ONLY = ("tune", "compile", "grad_checkpoint", "importance_cap")
Save = Callable[[Path, Mapping[str, Any], Mapping[str, Any]], None]
Load = Callable[[Path], dict[str, Any]]


@dataclass(frozen=True)
class RealModel:
    """A model that can be trained and written: `save(folder, params, metadata)`.

    load(folder) reads the params of what was saved. With adapters a saved folder is whole,
    and the adapters stand beside it, in RUN/adapters.
    """

    policy: Policy
    params: dict[str, Any]
    tokenizer: TextTokenizer
    save: Save
    load: Load
    shape: memory.Shape
    weights: int  # bytes of the model as it is loaded
    width: int = memory.WIDE  # bytes of a number that it computes with
    context: int | None = None  # the most tokens that it was made for, where that is known

    def world(self, config: RealConfig, task: Task, stage: str = "r1-zero") -> TaskWorld:
        """A task, as this model is asked it."""
        return TaskWorld(config, self.policy, self.tokenizer, task, stage)


Prepared = tuple[RealModel, Task]


def prepare(config: RealConfig) -> Prepared:
    """Open the task and the model of a run, before there is a run folder.

    Raises: UserError for what cannot be opened or trained.
    """
    task = open_task(config.task)
    model = open_real(config)
    require_runnable(model.world(config, task), model.context)
    memory.require(memory_plan(config, model, task), memory.free_memory())
    return model, task


def memory_plan(config: RealConfig, model: RealModel, task: Task) -> memory.Plan:
    """Estimate what a run will hold at most, from its longest prompt of a few.

    On numpy every core has a chunk of rows and a micro-batch of its own.
    """
    asked, world = task.training(config.seed, "memory", 0, SAMPLED), model.world(config, task)
    longest = max(len(world.encode(world.prompt(e.question))) for e in asked)
    lanes = (config.threads or cores()) if xp.name == "numpy" else 1
    rows = config.grpo.prompts * config.grpo.group
    load = memory.Workload(
        rows=min(rows, lanes * config.sample.rows_per_chunk),
        length=longest + config.sample.max_tokens,
        tokens=lanes * config.grpo.tokens_per_microbatch,
        trained=sum(value.size for value in model.params.values()),
        everything=config.tune == "full",
        width=model.width,
        checkpoint=config.grad_checkpoint,
        numpy=xp.name == "numpy",
    )
    return memory.plan(model.shape, load, model.weights)


def where(model: str) -> str:
    """Return the whole path of a model on this disk, so that a run goes on from anywhere."""
    return str(Path(model).resolve()) if Path(model).exists() else model


def where_task(task: str) -> str:
    """Return a task with the whole path of its file, if it is one."""
    family = "gsm8k:" if task.startswith("gsm8k:") else ""
    file = task.removeprefix(family)
    return family + where(file) if family or file.endswith((".jsonl", ".py")) else task


def heading(config: RealConfig, model: RealModel, task: Task) -> list[str]:
    """Say what a run is about to do: how the model is asked, and what of it is trained."""
    asked = task.training(config.seed, "heading", 0, 1)[0]
    chosen, prompt = config.prompt, model.world(config, task).prompt(asked.question)
    trained = sum(value.size for value in model.params.values())
    left_out = f"; {task.dropped} exercises without a gold left out" if task.dropped else ""
    return [
        clean(f"model   {config.model}: {trained:,} parameters trained ({config.tune})"),
        clean(f"task    {task.name}{left_out}"),
        f"prompt  {chosen.template}, answer {chosen.answer}: {clean(repr(prompt))}",
        memory_plan(config, model, task).describe(),
    ]


def open_real(config: RealConfig) -> RealModel:
    """Open the model that a configuration names, on the engine in use.

    Raises: UserError for what cannot be opened or trained there.
    """
    return _with_mlx(config) if xp.name == "mlx" else _with_numpy(config)


def _with_numpy(config: RealConfig) -> RealModel:
    usual = RealConfig()
    for name in MLX_ONLY:
        if getattr(config, name) != getattr(usual, name):
            raise UserError(
                f"{name}={getattr(config, name)}: the numpy engine trains all weights, in "
                "float32: leave it out, or add --backend mlx (pip install 'minir1[mlx]')"
            )
    arrays, shape, tokenizer = open_model(config.model)

    def save(folder: Path, params: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        plain = {name: to_numpy(value) for name, value in params.items()}
        save_checkpoint(folder, plain, shape, tokenizer, metadata=metadata)

    def load(folder: Path) -> dict[str, Any]:
        return from_numpy(open_model(folder)[0])

    numbers = memory.Shape.of(shape.to_dict()), sum(a.nbytes for a in arrays.values())
    made = DecoderPolicy(shape), from_numpy(arrays), tokenizer, save, load
    return RealModel(*made, *numbers, context=_context(shape.to_dict()))


def _with_mlx(config: RealConfig) -> RealModel:
    from minir1.mlx_models import open_mlx

    policy, params, tokenizer = open_mlx(
        config.model,
        tune=config.tune,
        rank=config.lora.rank,
        scale=config.lora.scale,
        layers=config.lora.layers,
        grad_checkpoint=config.grad_checkpoint,
        compile=config.compile,
        seed=config.seed,
    )
    if policy.importance_cap is None and config.importance_cap != RealConfig().importance_cap:
        raise UserError(
            f"importance_cap={config.importance_cap}: this model computes in float32, where "
            "what is sampled is what is scored: leave it out"
        )
    if policy.importance_cap is not None:
        policy = replace(policy, importance_cap=config.importance_cap)

    def save(folder: Path, trained: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        new = folder.with_name(f".{folder.name}.new")
        with writing(folder):
            shutil.rmtree(new, ignore_errors=True)
            if config.tune == "lora":
                policy.save_adapters(_adapters(folder), dict(trained))
            policy.save_fused(new, dict(trained))
            replace_file(new / "minir1.json", encode(to_json({"metadata": metadata}) + "\n"))
            flush_tree(new)
            replace_folder(new, folder)

    def load(folder: Path) -> dict[str, Any]:
        files = (_adapters(folder) if config.tune == "lora" else folder).glob("*.safetensors")
        return policy.read(files, params)

    shape = memory.Shape.of(policy.config)
    made = policy, params, tokenizer, save, load
    return RealModel(*made, shape, *policy.size(), _context(policy.config))


def _context(config: Mapping[str, Any]) -> int | None:
    """Read how many tokens a model takes; some architectures know no end."""
    said = {**config, **(config.get("text_config") or {})}
    found = said.get("max_position_embeddings", said.get("n_positions"))
    return found if isinstance(found, int) else None


def _adapters(checkpoint: Path) -> Path:
    """Return where the adapters of RUN/checkpoints/NAME are kept."""
    return checkpoint.parents[1] / "adapters" / checkpoint.name
