"""An initialiser and a learner of one's own.

pytest -n auto                                                                        # the claim beside this file
pytest -n auto --claim ticket-effect --claims-set learner.ppo=annealed-ppo --claims-set network.initialiser=orthogonal
"""

from dataclasses import replace

import numpy as np

from harness import register
from harness.learners.ppo import PPO, PPOPopulation

pytest_plugins = ["harness.plugin"]


@register.initialiser("orthogonal")
def orthogonal(rng, fan_in, fan_out):
    """Saxe et al. 2014: rows or columns, whichever are fewer, are orthonormal."""
    q, r = np.linalg.qr(rng.normal(size=(max(fan_in, fan_out), min(fan_in, fan_out))))
    q = q * np.sign(np.diag(r))
    return q if fan_in >= fan_out else q.T


class AnnealedPPO(PPO):
    """PPO whose entropy bonus falls to zero over the training."""

    name = "annealed-ppo"

    def start(self, *args):
        """See `harness.learners.protocol.Learner`."""
        return AnnealedPopulation(self, *args)


class AnnealedPopulation(PPOPopulation):
    """Agents in training."""

    def advance_round(self):
        """One rollout and its updates, at the entropy bonus of this round."""
        full, left = self.settings, 1 - self.round / self.rounds
        self.settings = replace(full, entropy=full.entropy * left)
        super().advance_round()
        self.settings = full


@register.learner("acrobot", "annealed-ppo", like="ppo")
@register.learner("cart-pole", "annealed-ppo", like="ppo")
def annealed(ppo):
    """With the budgets that PPO has in each profile."""
    return AnnealedPPO(**vars(ppo))
