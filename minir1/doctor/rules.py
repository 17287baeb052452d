"""What is looked for, and in which order is it believed?

First what contradicts itself: sums and equations that a sound step keeps to rounding. Then
the books of the reward. Then the shapes of curves, which have many causes. A cause explains
what comes after it: where a contradiction is found, shapes are told as what may follow.
"""

from minir1.doctor import algebra, curves, payment, penalty, sampler, updates
from minir1.doctor.symptom import Rule

CONTRADICTIONS = (
    Rule("stale-logprobs", sampler.stale_logprobs, sampler.NEEDS, sampler.judged),
    Rule("truncated-sampling", sampler.truncated_sampling, sampler.NEEDS, sampler.judged),
    Rule("prompt-missing", sampler.prompt_missing, sampler.NEEDS, sampler.judged),
    Rule("left-padding", sampler.left_padding, sampler.NEEDS, sampler.judged),
    Rule("logprob-mismatch", sampler.unexplained, sampler.NEEDS, sampler.judged),
    Rule(
        "batch-baseline",
        algebra.batch_baseline,
        ("advantage_level",),
        algebra.has_group_baseline,
    ),
    Rule("mask-in-place", algebra.mask_in_place, ("weight_sum",), algebra.has_known_sum),
    Rule("eos-untrained", algebra.eos_untrained, ("eos_trained",)),
    Rule("kl-sign", penalty.kl_sign, penalty.NEEDS, penalty.has_penalty),
    Rule("k1-loss", penalty.k1_loss, penalty.NEEDS, penalty.has_penalty),
    Rule("kl-inverted", penalty.kl_inverted, penalty.NEEDS, penalty.has_penalty),
    Rule("clip-side", updates.clip_side, ("clip_leak",), updates.is_clipped),
)
PAYMENT = (
    Rule(
        "truncation-rewarded", payment.truncation_rewarded, payment.NEEDS, payment.pays_by_rules
    ),
    Rule("lenient-grader", payment.lenient_grader, payment.BOOKS, payment.pays_by_rules),
    Rule("reward-without-answer", payment.without_answer),
)
SHAPES = (
    Rule("not-finite", updates.not_finite),
    Rule("learning-rate-high", updates.learning_rate_high, ("ratio_low", "accuracy")),
    Rule("too-hard", curves.too_hard, ("accuracy", "format_rate")),
    Rule("format-missing", curves.format_missing, ("format_rate", "truncated")),
    Rule("too-easy", curves.too_easy, ("flat_groups", "accuracy")),
    Rule("never-ends", curves.never_ends, ("truncated", "completion_tokens")),
    Rule("entropy-collapse", curves.entropy_collapse, ("entropy", "accuracy")),
    Rule("entropy-explosion", curves.entropy_explosion, ("entropy", "accuracy")),
    Rule("learning-rate-low", curves.learning_rate_low, ("kl", "flat_groups", "accuracy")),
    Rule("overfitted", curves.overfitted),
)
CAUSES = CONTRADICTIONS + PAYMENT
ALL = CAUSES + SHAPES
