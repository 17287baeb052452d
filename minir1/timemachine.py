"""What did the same few questions get, again and again, while the model was trained?

Every look asks a few validation problems a whole group of answers, and keeps what training
would make of them: the reward, the advantage, the log-probability of every token. Nothing
is trained on these answers. `report.html` lets a reader travel through them.
"""

from typing import Any

import numpy as np

from minir1 import evaluate, rewards
from minir1.answers import Graded, ask, grade, total
from minir1.config import RunConfig
from minir1.objectives import chosen
from minir1.tokenizer import WordTokenizer

QUESTIONS = 6
GROUP = 8


def look(
    params: dict[str, Any], config: RunConfig, tokenizer: WordTokenizer, stage: str, step: int
) -> list[dict[str, Any]]:
    """Ask the questions; return a line of samples.jsonl for every answer."""
    questions = evaluate.validation_questions(QUESTIONS, config.grpo.program_prompts)
    address = (config.seed, f"{stage}/time machine", step)
    config = evaluate.untempered(config)
    rollout, samples = ask(params, config, tokenizer, questions, GROUP, address)
    parts = grade(samples, config, address, group=GROUP)
    paid = total(parts, rewards.part_weights(config.reward))  # (P, G)
    graded = Graded(questions, rollout, samples, paid, parts)
    compared = chosen(config.grpo).advantages(graded, config)
    return [
        {
            "stage": stage,
            "step": step,
            "prompt": questions[i // GROUP].prompt,
            "completion": s.completion,
            "tokens": s.completion_tokens,
            "right": evaluate.is_right(s),
            "reward": float(paid.reshape(-1)[i]),
            "advantage": float(compared.reshape(-1)[i]),
            "logprobs": _logprobs(rollout.old_logprobs[i], rollout.completion_mask[i]),
        }
        for i, s in enumerate(samples)
    ]


def _logprobs(row: np.ndarray, mask: np.ndarray) -> list[float]:
    """Keep three decimals of the completion's log-probabilities: enough for a colour."""
    return [round(float(x), 3) for x in row[mask > 0]]
