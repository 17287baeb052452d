"""Which bugs can be planted, where were they seen, and what do they need to show?"""

from minir1.errors import UserError, closest
from minir1.faults import objectives, rollouts, scorers
from minir1.faults.fault import Fault

KL = ("grpo.kl_weight=0.05",)
REUSE = ("grpo.inner_steps=4",)

_ALL = (
    Fault(
        "kl-sign",
        "the KL penalty is added to the objective, so distance from the reference is paid",
        "TinyZero and ToolRL: policy_loss - kl_loss * kl_loss_coef",
        KL,
        objective=objectives.kl_sign,
    ),
    Fault(
        "kl-inverted",
        "the log-ratio inside k3 is the wrong way round, so another distance is penalised",
        "rlhf-book: log_ratio = logp - logp_ref, then expm1(log_ratio) - log_ratio",
        (*KL, "grpo.kl_estimator=k3"),
        objective=objectives.kl_inverted,
    ),
    Fault(
        "k1-loss",
        "k1 is used as the KL term of the loss: its expected gradient is zero, it is noise",
        "reasoning-from-scratch, chapter 7; asked about in open-instruct and TRL",
        KL,
        objective=objectives.k1_loss,
    ),
    Fault(
        "clip-side",
        "for negative advantages the clip takes the maximum, so pushes down never stop",
        "reasoning-from-scratch, chapter 7: where(adv >= 0, min(u, c), max(u, c))",
        REUSE,
        objective=objectives.clip_side,
    ),
    Fault(
        "eos-untrained",
        "the end token is taken for padding and masked, so stopping is never taught",
        "tiny-grpo: pad = eos, then action_mask[seq == pad] = False",
        rollout=rollouts.eos_untrained,
    ),
    Fault(
        "prompt-missing",
        "completions are scored without their prompt",
        "mlx-lm-lora: grpo_loss stacks completion tokens only",
        caught=True,
        policy=scorers.without_prompt,
    ),
    Fault(
        "batch-baseline",
        "answers are compared with the whole batch instead of their group",
        "Search-R1 (one prompt, several group ids) and trainers with a global mean",
        objective=objectives.batch_baseline,
    ),
    Fault(
        "truncated-sampling",
        "answers are sampled with top-p 0.9 and scored with the whole distribution",
        "most trainers that were read, nanochat's top-k 50 among them",
        caught=True,
        rollout=rollouts.truncated_sampling,
    ),
    Fault(
        "truncation-rewarded",
        "an answer that was cut off is paid if its last expression is right",
        "reasoning-from-scratch: a box anywhere earns the reward, whether or not it ended",
        ("sample.max_tokens=48",),
        rollout=rollouts.truncation_rewarded,
    ),
    Fault(
        "mask-in-place",
        "the mask is overwritten before it is counted, so padding and prompts dilute the loss",
        "nano-aha-moment: shift_labels[~mask] = 0 on a view of the labels",
        objective=objectives.mask_in_place,
    ),
    Fault(
        "left-padding",
        "rows are padded on the left when they are scored, and the padding is attended to",
        "simple-reinforce++, and TRL pull requests 4970 and 6357",
        caught=True,
        policy=scorers.left_padded,
    ),
    Fault(
        "lenient-grader",
        "any expression with the target's value is paid, whatever numbers it uses",
        "Countdown graders that evaluate the answer's text, nano-aha-moment and TinyZero",
        rollout=rollouts.lenient_grader,
    ),
    Fault(
        "stale-logprobs",
        "the old log-probabilities are those of the policy that the stage began with",
        "mlx-lm-lora (the ratio against the reference) and MLX-GRPO (synced every 10 batches)",
        caught=True,
        rollout=rollouts.stale_logprobs,
    ),
    Fault(
        "learning-rate-high",
        "the learning rate is forty times what the run can bear",
        "everywhere",
        ("grpo.learning_rate=0.02",),
    ),
)

FAULTS = {fault.name: fault for fault in _ALL}


def find(name: str) -> Fault:
    """Return the fault of a name. Raises: UserError with a guess and the list."""
    if name in FAULTS:
        return FAULTS[name]
    near = closest(name, FAULTS)
    guess = f"did you mean {near}? " if near else ""
    raise UserError(f"there is no fault {name!r}; {guess}There are {', '.join(FAULTS)}")
