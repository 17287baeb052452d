"""What are TRL's loss and gradients on given logits? Runs where PyTorch and TRL are.

TRL's own trainer does everything: `_generate_and_score_completions` turns rewards into
advantages, masks and old and reference log-probabilities, `_compute_loss` turns those into
the loss. Only the model and the sampler are replaced: by given logits and given tokens.

    python tests/benchmarks/objective_in_trl.py numbers.npz answers.npz
"""

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import transformers
import trl
from datasets import Dataset
from objective_cases import GROUP, PROMPTS, Variant, variants
from transformers import AutoModelForCausalLM, AutoTokenizer

SMALL = Path(__file__).parents[1] / "fixtures" / "small-base"


class Given(torch.nn.Module):
    """In place of a model: logits that are given. A row's prompt is its number."""

    is_gradient_checkpointing = False

    def __init__(self, logits: np.ndarray):
        super().__init__()
        self.logits = torch.tensor(logits, requires_grad=True)  # (B, T, V)
        self.scored: list[tuple[torch.Tensor, torch.Tensor]] = []  # rows, log-probs

    def forward(self, input_ids: torch.Tensor, **_: Any) -> SimpleNamespace:
        """Score the completions, as TRL asks its models to."""
        rows = input_ids[:, 0]
        every = self.logits[rows].log_softmax(-1)
        taken = every.gather(-1, input_ids[:, 1:, None])[..., 0]  # (b, T)
        if taken.requires_grad:
            taken.retain_grad()
            self.scored.append((rows, taken))
        entropy = -(every.exp() * every).sum(-1).detach()
        return SimpleNamespace(log_probs=taken, entropy=entropy, aux_loss=None)


def trainer(variant: Variant, data: dict[str, np.ndarray], folder: str) -> trl.GRPOTrainer:
    """TRL's trainer with the variant's options, given tokens, rewards and logits."""
    rewards = data["rewards"].reshape(-1).tolist()
    made = trl.GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(SMALL, dtype=torch.float32),
        reward_funcs=lambda **_: rewards,
        args=trl.GRPOConfig(
            output_dir=folder, use_cpu=True, bf16=False, report_to="none", **variant.trl()
        ),
        train_dataset=Dataset.from_list([{"prompt": "use"}] * PROMPTS),
        processing_class=AutoTokenizer.from_pretrained(SMALL, padding_side="left"),
    )
    lengths = data["lengths"]
    said = [row[:n].tolist() for row, n in zip(data["tokens"], lengths, strict=True)]
    prompts = [[i] for i in range(len(said))]
    texts = [""] * len(said)
    made._generate = lambda _: (prompts, said, None, texts, None, {}, None, None)
    old = data["new"] if variant.num_iterations == 1 else data["old"]
    made.model, made.ref_model = Given(old), Given(data["reference"])
    made.current_gradient_accumulation_steps = variant.micro_batches
    return made


def answer(variant: Variant, data: dict[str, np.ndarray], folder: str) -> dict[str, Any]:
    """Loss, advantages, and gradients by log-probability and by logit."""
    made = trainer(variant, data, folder)
    rows = PROMPTS * GROUP
    ready = made._generate_and_score_completions([{"prompt": "use"}] * rows)
    policy = Given(data["new"])
    made.model = policy
    loss, size = 0.0, rows // variant.micro_batches
    for first in range(0, rows, size):
        part = {
            name: value[first : first + size] if value.ndim else value
            for name, value in ready.items()
        }
        value = made._compute_loss(policy, part)
        value.backward()
        loss += float(value.detach())
    scored = [row for _, row in policy.scored]
    return {
        "loss": loss,
        "advantages": ready["advantages"],
        "mask": ready["completion_mask"],
        "logprobs": torch.cat(scored).detach(),
        "by_logprob": torch.cat([row.grad for row in scored]),
        "by_logit": policy.logits.grad,
        **{name: ready[name] for name in ready if name.endswith("_logps")},
    }


def main() -> None:
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    source, target = sys.argv[1:]
    data = dict(np.load(source))
    found: dict[str, Any] = {"trl": trl.__version__, "torch": torch.__version__}
    for variant in variants():
        said = answer(variant, data, str(Path(target).parent))
        for name, value in said.items():
            found[f"{variant.name}/{name}"] = np.array(value)
    np.savez(target, **found)


if __name__ == "__main__":
    main()
