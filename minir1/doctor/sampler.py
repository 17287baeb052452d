"""Does the loss score what was sampled? Before an update both are the same, to rounding.

    gap = log π_sampled(o_t) - log π_scored(o_t)        at the first update of a rollout

Who breaks this equation leaves a signature in the gap: its sign, its bound, when it begins
and which tokens it strikes. So one measurement tells four faults from each other. With low
precision the two differ by more than rounding and are corrected (`offpolicy.py`): then the
doctor does not judge.
"""

from typing import NamedTuple

import numpy as np

from minir1.doctor.course import Course, told
from minir1.doctor.symptom import Symptom

# Ten times what the trainer takes for rounding in float32 (1e-4, `policy.py`); what breaks
# the equation changes single tokens by whole nats.
ROUNDING = 1e-3
# A sampler that keeps the likeliest share p multiplies what it keeps by at most 1/p, so its
# gap is log(1/p) at most; nobody keeps less than a third.
CUT_AT_MOST = float(np.log(3))
ONE_SIDED = 0.9  # |mean| of the gap over its mean size: 1 where all gaps have one sign
# A first token has the prompt for its only context, a later one its own completion as well;
# whatever strikes all tokens alike makes this one.
FIRST_FAR = 4.0
NEEDS = ("logprob_gap",)
DETAILS = ("logprob_bias", "logprob_gap_first", "logprob_gap_rest", "completion_tokens")


class Gap(NamedTuple):
    """What is known of the gap at the steps where it is more than rounding."""

    steps: np.ndarray
    of: int  # steps that were measured
    greatest: float
    mean: float  # of its size, over all tokens
    bias: float  # of its sign
    first: float  # mean size at the first tokens of completions
    rest: float  # and at the others
    from_start: bool  # at the first step, before any update, as well

    @property
    def told(self) -> str:
        """Say when and how much."""
        return (
            f"{told(self.steps, self.of)} sampled and scored log-probabilities differ by "
            f"{self.mean:.2g} on average and {self.greatest:.2g} at most; 1e-4 is rounding"
        )

    @property
    def cut(self) -> bool:
        """Sampled above scored at every token, by no more than a cut can do."""
        return self.bias > ONE_SIDED * self.mean and self.greatest < CUT_AT_MOST

    @property
    def at_first(self) -> bool:
        """First tokens differ by nats, and far more than the others."""
        return self.first > 1 and self.first > FIRST_FAR * self.rest


def judged(course: Course) -> bool:
    """Say whether sampler and scorer are meant to agree: not so in low precision."""
    return not course.has("sampled_gap")


def differs(course: Course) -> bool:
    """Say whether there is a gap beyond rounding at any step."""
    return judged(course) and bool((course.curve("logprob_gap").values > ROUNDING).any())


def measure(course: Course) -> Gap | None:
    """Return what is known of the gap, None where it is rounding or was not told in detail."""
    gap, bias, first, rest, tokens = course.curves("logprob_gap", *DETAILS)
    broken = gap.values > ROUNDING
    if not judged(course) or not broken.any():
        return None
    share = 1 / np.maximum(tokens.values[broken], 1)  # of first tokens among all
    size = share * first.values[broken] + (1 - share) * rest.values[broken]
    return Gap(
        gap.steps[broken],
        len(gap),
        float(gap.values[broken].max()),
        float(size.mean()),
        float(bias.values[broken].mean()),
        float(first.values[broken].mean()),
        float(rest.values[broken].mean()),
        bool(broken[0]) or gap.steps[0] > 1,
    )


def stale_logprobs(course: Course) -> Symptom | None:
    """Agreement at step 1 and none later: the old log-probabilities are an older policy's."""
    gap = measure(course)
    if gap is None or gap.from_start:
        return None
    return Symptom(
        "stale-logprobs",
        "The old log-probabilities are not those of the policy that sampled.",
        f"{gap.told}. At step 1, before any update, they agree: what differs is the age of the "
        "parameters, not the way of scoring",
        "Keep the log-probabilities that the sampler drew with, or sample with the newest "
        "parameters; never score with a copy that is synchronised now and then",
        "MLX-GRPO, which synchronised the old policy every ten batches; R1, equation 1",
    )


def truncated_sampling(course: Course) -> Symptom | None:
    """The sampler was always the surer one, by a bounded factor: it had cut off the tail."""
    gap = measure(course)
    if gap is None or not gap.from_start or not gap.cut:
        return None
    kept = np.exp(-gap.greatest)
    return Symptom(
        "truncated-sampling",
        "Completions are sampled with the tail cut off (top-p or top-k) and scored without.",
        f"{gap.told}, with one sign: sampled is above scored by {gap.bias:.2g} on average. A "
        "sampler that keeps a share p is above by log(1/p) at most: here p is about "
        f"{kept:.2f}",
        "Sample with temperature 1 and no top-p, top-k or min-p while training, or score with "
        "the same cut; in TRL: top_p=1.0, top_k=0",
        "12 of 18 trainers that were read, among them TRL before pull request 3494",
    )


def prompt_missing(course: Course) -> Symptom | None:
    """First tokens differ most: of their context nothing is left, of the others' a part."""
    gap = measure(course)
    if gap is None or not gap.from_start or gap.cut or not gap.at_first:
        return None
    return Symptom(
        "prompt-missing",
        "Completions are scored without their prompt.",
        f"{gap.told}. First tokens, whose only context is the prompt, differ by "
        f"{gap.first:.2g} on average, the others by {gap.rest:.2g}",
        "Score prompt and completion together, and take the log-probabilities of the "
        "completion's tokens out of that: log p(o | q), not log p(o). Test: another prompt "
        "must change them",
        "mlx-lm-lora, grpo_loss, which stacks completion tokens only",
    )


def left_padding(course: Course) -> Symptom | None:
    """All tokens differ from the first step on: another context, or other positions."""
    gap = measure(course)
    if gap is None or not gap.from_start or gap.cut or gap.at_first:
        return None
    return Symptom(
        "left-padding",
        "What is scored has another context than what was sampled: most often padding on the "
        "left that is not masked.",
        f"{gap.told}. They differ from the first step on, in both directions "
        f"(mean {gap.bias:+.2g}), at first tokens ({gap.first:.2g}) and at others "
        f"({gap.rest:.2g})",
        "Pad on the right when you score, or give attention mask and positions that begin at "
        "the first real token. Test: a row alone and in a batch must score alike. If rows are "
        "not padded, look for a shift by one or for text that was tokenized again",
        "simple-reinforce++; TRL pull requests 4970 and 6357",
        "likely",
    )


def unexplained(course: Course) -> Symptom | None:
    """A gap in a log that does not tell its sign or its place."""
    gap = course.curve("logprob_gap")
    broken = gap.where(gap.values > ROUNDING)
    if not len(broken) or not judged(course) or measure(course) is not None:
        return None
    return Symptom(
        "logprob-mismatch",
        "What is scored is not what was sampled.",
        f"{told(broken.steps, len(gap))} sampled and scored log-probabilities differ by up to "
        f"{broken.values.max():.2g}; 1e-4 is rounding",
        "Look for top-p or top-k while sampling, for padding that is attended to, for a "
        "missing prompt and for old parameters; a run of this minir1 tells which "
        "(logprob_bias, logprob_gap_first)",
        "12 of 18 trainers that were read",
    )
