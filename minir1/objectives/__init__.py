"""Which policy-gradient methods are there? Each is named functions; `chosen` puts one together.

| method | compared with | a token counts | off the sampler |
|---|---|---|---|
| grpo, dapo | the group, by its spread | 1 / all tokens | token ratio, clipped |
| dr-grpo | the group | 1 / (B · cap) | token ratio, clipped |
| lite-ppo | the group, by the batch's spread | 1 / all tokens | token ratio, clipped |
| gspo | the group, by its spread | 1 / (B · own length) | sequence ratio, clipped |
| cispo | the group, by its spread | 1 / all tokens | weight clipped, gradient kept |
| rloo | the others of the group | 1 / (B · cap) | nothing |
| reinforce | the batch | 1 / (B · cap) | nothing |
| reinforce++ | the batch, by its spread | 1 / all tokens | token ratio, clipped |
| ppo | what the prefix promised, by the spread | 1 / all tokens | token ratio, clipped |

What in it is a setting (scale, average, clip widths) is in `methods.py`, with the papers.
"""

from dataclasses import replace

from minir1 import answers
from minir1.config import GRPOSettings
from minir1.objective import GRPO, Objective, grpo_loss, token_weights
from minir1.objectives import baselines, critic, losses, overlong

OBJECTIVES: dict[str, Objective] = {
    "grpo": GRPO,
    "dr-grpo": replace(GRPO, name="dr-grpo"),
    "dapo": replace(GRPO, name="dapo"),
    "lite-ppo": replace(GRPO, name="lite-ppo"),
    "gspo": Objective(
        "gspo",
        answers.advantages,
        token_weights,
        losses.loss_of(losses.clipped_sequence),
        losses.sequence_clip_fraction,
        by_row=True,
    ),
    "cispo": Objective(
        "cispo",
        answers.advantages,
        token_weights,
        losses.loss_of(losses.clipped_weight),
        losses.no_clip_fraction,
    ),
    "rloo": Objective(
        "rloo",
        baselines.by(baselines.leave_one_out),
        token_weights,
        losses.loss_of(losses.log_likelihood),
        losses.no_clip_fraction,
    ),
    "reinforce": Objective(
        "reinforce",
        baselines.by(baselines.above_the_batch),
        token_weights,
        losses.loss_of(losses.log_likelihood),
        losses.no_clip_fraction,
    ),
    "reinforce++": Objective(
        "reinforce++", baselines.by(baselines.above_the_batch), token_weights, grpo_loss
    ),
    "ppo": Objective(
        "ppo",
        baselines.by(baselines.above_the_batch),
        token_weights,
        grpo_loss,
        critic=critic.token_advantages,
    ),
}


def chosen(settings: GRPOSettings) -> Objective:
    """Put together the objective that the settings name, with the pieces that they add."""
    objective = OBJECTIVES[settings.objective]
    if settings.overlong:
        objective = overlong.charging_length(objective)
    if settings.truncated == "left-out":
        objective = overlong.leaving_out_truncated(objective)
    return objective
