"""Which models can be trained? Any that mlx-lm loads: a folder, or a repository of the Hub.

Quantised or not, whole or by adapters. What cannot be loaded or trained is said in one line,
before anything is computed.
"""

from collections.abc import Sequence
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten
from mlx_lm.utils import load_model

from minir1 import mlx_lora, mlx_rollout
from minir1.backend import use
from minir1.errors import UserError
from minir1.machine import require_memory
from minir1.mlx_folder import find_folder, said_in_one_line
from minir1.mlx_layers import checkpoint_layers, narrow_head
from minir1.mlx_lora import Lora
from minir1.mlx_policy import MLXPolicy, Params
from minir1.text_tokenizer import TextTokenizer

EXACT = 1e-4  # float32 weights: the greatest gap, sampled against scored
ROUNDED = 0.1  # 16-bit or quantised weights: the mean gap
IMPORTANCE_CAP = 2.0  # how far a token may be trusted more than it was sampled


def open_mlx(
    path_or_repo: str,
    *,
    tune: str = "lora",
    rank: int = 8,
    scale: float = 20.0,
    layers: int = -1,
    keys: Sequence[str] = (),
    grad_checkpoint: bool = False,
    compile: bool = False,
    seed: int = 0,
) -> tuple[MLXPolicy, Params, TextTokenizer]:
    """Load a folder or a Hub repository; return policy, what is trained, and tokenizer.

    tune="full" trains every weight, "lora" adapters of low rank on the linear layers of the
    last `layers` blocks (-1: all), or on those named in keys.

    Raises: UserError for whatever cannot be loaded or trained.
    """
    if tune not in ("full", "lora"):
        raise UserError(f"tune={tune}: wanted full or lora")
    use("mlx")
    folder = find_folder(path_or_repo)
    tokenizer = TextTokenizer.load(folder)
    require_memory(sum(p.stat().st_size for p in folder.glob("*.safetensors")), path_or_repo)
    with said_in_one_line(path_or_repo):
        model, config = load_model(folder)
        together = mlx_rollout.can_batch(model)
    count, exact = _matrix_parameters(model, config), _is_exact(model)
    lora = Lora(rank, scale, layers, tuple(keys)) if tune == "lora" else None
    _prepare(model, path_or_repo, lora, grad_checkpoint, seed)
    trained = _trained(model)
    policy = MLXPolicy(
        model=model,
        config=config,
        source=folder,
        lora=lora,
        tolerance=EXACT if exact else ROUNDED,
        importance_cap=None if exact else IMPORTANCE_CAP,
        together=together,
        window=narrow_head(model),
        types={name: p.dtype for name, p in trained.items()},
        matrix_parameters=count,
        compile=compile,
    )
    params = {name: p.astype(mx.float32) for name, p in trained.items()}
    mx.eval(params)
    return policy, params, tokenizer


def _prepare(
    model: nn.Module, name: str, lora: Lora | None, grad_checkpoint: bool, seed: int
) -> None:
    """Add adapters and recomputation, as far as they are wanted."""
    if lora is not None:
        mlx_lora.add_lora(model, lora, seed)
    elif _is_quantised(model):
        raise UserError(f"{name} is quantised: train adapters instead: --tune lora")
    if grad_checkpoint:
        checkpoint_layers(model)


def _trained(model: nn.Module) -> Params:
    """Name what has a gradient: the numbers of tables stay as they are."""
    found = tree_flatten(model.trainable_parameters())
    return {name: p for name, p in found if mx.issubdtype(p.dtype, mx.floating)}


def _is_quantised(model: nn.Module) -> bool:
    return any(hasattr(module, "bits") for _, module in model.named_modules())


def _is_exact(model: nn.Module) -> bool:
    halves = (mx.bfloat16, mx.float16)
    types = {p.dtype for _, p in tree_flatten(model.parameters())}
    return not _is_quantised(model) and not types & set(halves)


def _matrix_parameters(model: nn.Module, config: dict[str, Any]) -> int:
    """Count the numbers that each token is multiplied with; of experts, those at work.

    An embedding counts once if it is also the output layer, else not at all.
    """
    total = 0.0
    text = config.get("text_config") or config
    experts = text.get("num_experts") or text.get("num_local_experts") or 1
    active = (text.get("num_experts_per_tok") or experts) / experts
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    for _, module in model.named_modules():
        weight = module.get("weight")
        if weight is None or weight.ndim < 2:
            continue
        if hasattr(module, "as_linear") and names & {"lm_head", "embed_out"}:
            continue
        size = weight.size * 32 // module.bits if hasattr(module, "bits") else weight.size
        total += size * (active if weight.ndim == 3 else 1)
    return int(total)
