"""What does each method do to one token? Its push, differentiated from the method's own code.

    push = - ∂loss / ∂ log π(o_t)

for every token of a small made-up rollout: a prompt with short, long, right, wrong and cut-off
answers, beside an easy prompt. Nothing is typed in: the numbers are those of `PolicyLoss`.
PPO's critic wants real words, so it is not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1.answers import Graded
from minir1.backend import to_numpy, xp
from minir1.config import RunConfig, override, tiny
from minir1.methods import METHODS
from minir1.microbatch import MicroBatch
from minir1.objective import Objective
from minir1.objectives import chosen
from minir1.policy_loss import PolicyLoss
from minir1.rollout import Rollout

CAP = 40  # the most tokens of an answer
ON_A_GROUP = tuple(name for name in METHODS if name != "ppo")


@dataclass(frozen=True)
class Answer:
    """A made-up completion."""

    label: str
    tokens: int
    reward: float
    finished: bool = True


HARD = (
    Answer("short, right", 10, 1.0),
    Answer("long, right", 30, 1.0),
    Answer("short, wrong", 10, 0.0),
    Answer("long, wrong", 30, 0.0),
    Answer("cut off", CAP, 0.0, finished=False),
)
EASY = (*(Answer("easy prompt, right", 10, 1.0),) * 4, Answer("easy prompt, wrong", 10, 0.0))


def made_up(prompts: Sequence[Sequence[Answer]]) -> Graded:
    """Make a rollout of answers, each prompt one token long, all tokens equally likely."""
    answers = [answer for group in prompts for answer in group]
    lengths = np.array([answer.tokens for answer in answers])
    mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.float32)  # (B, T-1)
    rollout = Rollout(
        tokens=np.zeros((len(answers), lengths.max() + 1), np.int32),
        completion_mask=mask,
        old_logprobs=-mask,
        entropy=mask,
        prompt_lengths=np.ones(len(answers), int),
        completion_lengths=lengths,
        finished=np.array([answer.finished for answer in answers]),
    )
    rewards = np.array([[answer.reward for answer in group] for group in prompts])
    return Graded([None] * len(prompts), rollout, answers, rewards)


def push(objective: Objective, config: RunConfig, graded: Graded, ratio: float) -> np.ndarray:
    """Differentiate the loss of a rollout whose tokens all have become `ratio` times as likely.

    Shapes: -> (B, T-1), 0 outside completions
    """
    rollout, settings = graded.rollout, config.grpo
    mask = rollout.completion_mask
    advantages = objective.advantages(graded, config).reshape(-1)
    weights, old = objective.weights(mask, config).reshape(-1), rollout.old_logprobs.reshape(-1)
    policy: Any = None  # nobody is asked
    of = PolicyLoss(
        policy, objective, settings, 1.0, advantages, old, weights, old, mask.shape[1]
    )
    source = np.flatnonzero(mask)
    batch = MicroBatch(np.arange(len(mask)), rollout.tokens, source, source)
    numbers = {name: xp.array(value) for name, value in of.numbers(batch).items()}
    logprobs = xp.array((old[source] + np.log(ratio)).astype(np.float32))
    _, slope = xp.value_and_grad(lambda x: of.value(x, numbers)[0])(logprobs)
    out = np.zeros(mask.size)
    out[source] = -to_numpy(slope)
    return out.reshape(mask.shape)


def of_method(name: str, ratio: float = 1.0, also: Sequence[str] = ()) -> dict[str, float]:
    """Return the push on a token of each kind of answer, by the answer's label.

    In units of the mean size of a push over all tokens on the sampler's own policy: what
    multiplies all pushes alike is taken up by the optimiser.
    """
    chosen_one = override(
        tiny(), [f"grpo.objective={name}", f"sample.max_tokens={CAP}", "grpo.group=5", *also]
    )
    graded, objective = made_up([HARD, EASY]), chosen(chosen_one.grpo)
    usual = push(objective, chosen_one, graded, 1.0)
    size = np.abs(usual[graded.rollout.completion_mask > 0]).mean()
    moved = push(objective, chosen_one, graded, ratio) / size
    return {answer.label: float(moved[i, 0]) for i, answer in enumerate((*HARD, *EASY))}
