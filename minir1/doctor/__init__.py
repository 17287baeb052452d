"""Why is a run flat, or broken? `examine` reads a run folder and says so, with its evidence.

Reading order: diagnosis, rules, then one file a kind of evidence: sampler, algebra, penalty,
updates, payment, curves. Thresholds and where they come from: docs/doctor.md.
"""

from minir1.doctor.diagnosis import Diagnosis, examine

__all__ = ["Diagnosis", "examine"]
