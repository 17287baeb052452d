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
from minir1.policy import DecoderPolicy, Policy
from minir1.pretrained import open_model
from minir1.prompting import Prompting
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


Prepared = tuple[RealModel, Task]


def prepare(config: RealConfig) -> Prepared:
    """Open the task and the model of a run, before there is a run folder.

    Raises: UserError for what cannot be opened or trained.
    """
    task = open_task(config.task)
    model = open_real(config)
    memory.require(memory_plan(config, model, task), memory.free_memory())
    return model, task


def memory_plan(config: RealConfig, model: RealModel, task: Task) -> memory.Plan:
    """Estimate what a run will hold at most, from its longest prompt of a few.

    On numpy every core has a chunk of rows and a micro-batch of its own.
    """
    asked = task.training(config.seed, "memory", 0, SAMPLED)
    prompts = [_prompting(config).prompt(e.question, model.tokenizer) for e in asked]
    longest = max(len(model.tokenizer.encode(prompt)) for prompt in prompts)
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
    )
    return memory.plan(model.shape, load, model.weights)


def _prompting(config: RealConfig) -> Prompting:
    chosen = config.prompt
    return Prompting(chosen.template, chosen.answer, chosen.system)


def where(model: str) -> str:
    """Return the whole path of a model on this disk, so that a run goes on from anywhere."""
    return str(Path(model).resolve()) if Path(model).exists() else model


def heading(config: RealConfig, model: RealModel, task: Task) -> list[str]:
    """Say what a run is about to do: how the model is asked, and what of it is trained."""
    asked = task.training(config.seed, "heading", 0, 1)[0]
    chosen, prompt = config.prompt, _prompting(config)
    trained = sum(value.size for value in model.params.values())
    left_out = f"; {task.dropped} exercises without a gold left out" if task.dropped else ""
    return [
        f"model   {config.model}: {trained:,} parameters trained ({config.tune})",
        f"task    {task.name}{left_out}",
        f"prompt  {chosen.template}, answer {chosen.answer}: "
        f"{clean(repr(prompt.prompt(asked.question, model.tokenizer)))}",
        memory_plan(config, model, task).describe(),
    ]


def open_real(config: RealConfig) -> RealModel:
    """Open the model that a configuration names, on the engine in use.

    Raises: UserError for what cannot be opened or trained there.
    """
    return _with_mlx(config) if xp.name == "mlx" else _with_numpy(config)


def _with_numpy(config: RealConfig) -> RealModel:
    for name, given in (("tune", config.tune == "lora"), ("compile", config.compile)):
        if given:
            raise UserError(
                f"{name}={getattr(config, name)}: the numpy engine trains all weights, "
                "uncompiled; add --backend mlx (pip install 'minir1[mlx]')"
            )
    arrays, shape, tokenizer = open_model(config.model)

    def save(folder: Path, params: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        plain = {name: to_numpy(value) for name, value in params.items()}
        save_checkpoint(folder, plain, shape, tokenizer, metadata=metadata)

    def load(folder: Path) -> dict[str, Any]:
        return from_numpy(open_model(folder)[0])

    numbers = memory.Shape.of(shape.to_dict()), sum(a.nbytes for a in arrays.values())
    params = from_numpy(arrays)
    return RealModel(DecoderPolicy(shape), params, tokenizer, save, load, *numbers)


def _with_mlx(config: RealConfig) -> RealModel:
    from mlx.utils import tree_flatten

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
        found = {name: value for file in files for name, value in xp.load(str(file)).items()}
        return {name: found[name].astype(xp.float32) for name in params}

    shape = memory.Shape.of(policy.config)
    held = [value for _, value in tree_flatten(policy.model.parameters())]
    weights = sum(value.nbytes for value in held)
    width = min(v.dtype.size for v in held if xp.issubdtype(v.dtype, xp.floating))
    return RealModel(policy, params, tokenizer, save, load, shape, weights, width)


def _adapters(checkpoint: Path) -> Path:
    """Return where the adapters of RUN/checkpoints/NAME are kept."""
    return checkpoint.parents[1] / "adapters" / checkpoint.name
