"""How does somebody else's model become parameters, a shape and a tokenizer of ours?

A Hugging Face folder of the Llama and Qwen family, or a GGUF file. What minir1 wrote itself
is read by `checkpoint.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minir1.checkpoint import require_parameters
from minir1.errors import UserError
from minir1.gguf_model import read_params, read_shape, read_tokenizer
from minir1.model_config import ModelConfig
from minir1.storage.gguf_file import open_gguf
from minir1.text_tokenizer import TextTokenizer


def open_model(
    path_or_repo: str | Path,
) -> tuple[dict[str, np.ndarray], ModelConfig, TextTokenizer]:
    """Read a pretrained model: parameters in float32, shape, tokenizer.

    Raises: UserError that says what is wrong with it and what to do.
    """
    path = Path(path_or_repo)
    if path.suffix != ".gguf":
        raise UserError(f"{path}: wanted a .gguf file")
    file = open_gguf(path)
    config = read_shape(file)
    tokenizer = read_tokenizer(file)
    params = read_params(file, config)
    require_parameters(params, config, path)
    return params, config, tokenizer
