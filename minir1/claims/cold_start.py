"""Does a small cold start of high quality suffice? How many traces, how good, and for whom?"""

from minir1.claims import cold_start_arms
from minir1.claims.claim import Claim
from minir1.claims.cold_start_judge import judge

CLAIM = Claim(
    id="cold-start",
    letter="f",
    sentence="A small cold start of high quality is enough: a few thousand readable traces, "
    "then reinforcement learning goes on from there.",
    source="DeepSeek-R1 (arXiv 2501.12948v2), sections 3 and B.3.2; LIMO (2502.03387), s1 "
    "(2501.19393), Cognitive behaviours (2503.01307)",
    experiment="The base is fine-tuned on 0, 30, 100, 300 or 1000 right answers of an R1-Zero, "
    "rewritten as for dev1, then reinforced for 15 steps as for dev2, with the reward for one "
    "language. It holds if a set of at most 300 traces is no less than 1000 after that (the "
    "interval of the difference in pass@1 above -3 points, in mixed answers below +3) and "
    "better than none in pass@1 or in mixing; it is refuted if none is. Controls: searches cut "
    "one attempt short, so that every answer is wrong and every verdict true; right answers as "
    "R1-Zero wrote them, neither filtered nor rewritten; right answers with no search left; "
    "none, with reinforcement learning for 40 steps. It holds only if the skill is latent "
    "where an under-trained base (400 steps of pretraining) gains less from the same 300 "
    "traces. Small sets are read more often, so that all learn for about 190 updates. The "
    "long searches in vain of which dev1 learns the end come with every set but the raw one "
    "and are not counted.",
    jobs=cold_start_arms.jobs,
    judge=judge,
)
