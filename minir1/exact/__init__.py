"""What do the estimators of reinforcement learning do on average? Computed, not sampled.

A world small enough to list every completion, so that expected reward, policy gradient, KL
and the mean and variance of every estimator are exact:

>>> from minir1 import exact
>>> world = exact.example()
>>> exact.Group(size=8, scale="std").compared(world)
'std, G = 8: 2.27 times the gradient, 1.3° off, noise 1.6'

Reading order: world -> estimate -> group -> divergence -> stale -> tape.
"""

from minir1.exact.divergence import Divergences, kl_losses, kl_values
from minir1.exact.estimate import Estimate, policy_gradient
from minir1.exact.group import Group, effective_weight
from minir1.exact.stale import stale_gradients
from minir1.exact.world import World, example

__all__ = [
    "Divergences",
    "Estimate",
    "Group",
    "World",
    "effective_weight",
    "example",
    "kl_losses",
    "kl_values",
    "policy_gradient",
    "stale_gradients",
]
