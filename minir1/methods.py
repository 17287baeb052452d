"""Which settings does a policy-gradient method bring along, and which mean nothing to it?

A method is functions (`objectives/`) and the values that its paper gives them. Choosing one
with `--set grpo.objective=…` starts from those values; what else is set changes them. A
setting that the method's functions do not read is refused, never ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Name = Literal[
    "grpo",
    "dr-grpo",
    "dapo",
    "lite-ppo",
    "gspo",
    "cispo",
    "rloo",
    "reinforce",
    "reinforce++",
    "ppo",
]


@dataclass(frozen=True)
class Method:
    """What a method does to the settings of GRPO.

    brings: the values it starts from; fixed: those of them that are the method itself;
    unused: settings that none of its functions reads
    """

    brings: Mapping[str, Any] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


UNCLIPPED = ("clip_low", "clip_high")

METHODS: dict[str, Method] = {
    # Shao et al. 2024 (DeepSeekMath); DeepSeek-AI 2025 (R1), section 2.2.1
    "grpo": Method(),
    # Liu et al. 2025 (Understanding R1-Zero-like training), section 3.2
    "dr-grpo": Method({"scale": "none", "average": "constant"}),
    # Yu et al. 2025 (DAPO), section 3; draws go on there until the batch is full
    "dapo": Method({"average": "token", "clip_high": 0.28, "overlong": 0.2, "extra_draws": 3}),
    # Liu et al. 2025 (Tricks or traps?, arXiv 2508.08221), section 5
    "lite-ppo": Method({"scale": "batch", "average": "token"}),
    # Zheng et al. 2025 (GSPO, arXiv 2507.18071), sections 4.1 and 5.1
    "gspo": Method({"average": "sequence", "clip_low": 3e-4, "clip_high": 4e-4}),
    # MiniMax 2025 (M1, arXiv 2506.13585), section 3.1; the cap of 5 is ScaleRL's (2510.13786)
    "cispo": Method({"average": "token", "clip_low": 1.0, "clip_high": 4.0}),
    # Ahmadian et al. 2024 (Back to basics, arXiv 2402.14740), section 3
    "rloo": Method({"scale": "none", "average": "constant"}, ("scale",), UNCLIPPED),
    # Williams 1992, with the batch's mean as the baseline
    "reinforce": Method({"scale": "none", "average": "constant"}, ("scale",), UNCLIPPED),
    # Hu et al. 2025 (REINFORCE++, arXiv 2501.03262), section 3, without its KL
    "reinforce++": Method({"scale": "batch", "average": "token"}, ("scale",)),
    # Schulman et al. 2017 (PPO), with a critic in small: objectives/critic.py
    "ppo": Method({"scale": "batch", "average": "token"}, ("scale",), ("combine",)),
}
