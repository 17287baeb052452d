"""What do the bugs of other trainers do to a run, and can they be told from its logs?"""

from minir1.claims import faults_arms
from minir1.claims.claim import Claim
from minir1.claims.faults_judge import judge

CLAIM = Claim(
    id="faults",
    letter="",
    sentence="A doctor that reads nothing but a run's own logs names every planted bug that "
    "harms the run, and accuses no healthy one.",
    source="bugs found in published trainers; each is listed with where it was seen",
    experiment="R1-Zero for 25 steps with each of fourteen known bugs planted "
    "(`minir1 train --tiny --recipe r1-zero --inject FAULT`), at three seeds at most, beside "
    "healthy runs with the same seeds and settings. A fault harms if the whole interval of the "
    "difference in pass@1 on the test problems, paired by seed, lies below zero. All runs "
    "are then examined by `minir1 doctor`, which is told nothing. The sentence holds if every "
    "harmful fault is named at every seed and no healthy run, with or without special "
    "settings, is accused; a missed one or a false alarm refutes it.",
    jobs=faults_arms.jobs,
    judge=judge,
)
