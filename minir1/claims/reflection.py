"""Do reflection, alternatives and re-evaluation emerge; from what; and are they useful?"""

from minir1.claims import reflection_arms
from minir1.claims.claim import Claim
from minir1.claims.reflection_judge import judge

CLAIM = Claim(
    id="reflection",
    letter="c",
    sentence="In pure reinforcement learning reflection, alternatives and re-evaluation emerge "
    "by themselves.",
    source="DeepSeek-R1 (arXiv 2501.12948v2), section 2.3; Dr. GRPO (2503.20783) and oat-zero "
    "for what speaks against it",
    experiment="Reflective words (no, wait, check, maybe, hmm, in both languages), attempts "
    "and checks are counted in the answers of the base and of R1-Zero. The claim is refuted "
    "if attempts or reflective words an answer do not rise, by the interval over seeds. Where "
    "it comes from: four bases, made alike from corpora in which 4.6, 1, 0.1 or 0 % of the "
    "documents show a second attempt, are given the same 25 steps of R1-Zero; it is found "
    "where RL brings at least two attempts an answer (the whole interval). Found from 0 %, "
    "the claim holds; found only from more, it holds if the corpus shows it. From 0.1 % once "
    "more with 100 steps, to see whether it is only late. Whether it is useful: R1-Zero "
    "answers again with words forbidden while decoding: the reflective ones, no alone (which "
    "is also the verdict after a miss), the others, check alone, as many general ones (a "
    "control that should cost nothing), the word try, which opens attempts too and counts as "
    "no reflection, and with thoughts cut to the length that the first ban leaves, the answer "
    "then put in its mouth.",
    jobs=reflection_arms.jobs,
    judge=judge,
)
