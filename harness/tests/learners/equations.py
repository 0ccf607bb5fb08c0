"""Equations of the literature, differentiated by autograd, which compiled gradients are compared with."""

import torch
from torch.distributions import Categorical, Distribution, Independent, Normal

from harness.learners.ppo import PPO
from harness.networks import heads
from harness.networks.heads import Head

Numbers = dict[str, torch.Tensor]


def policy_of(head: Head, outputs: torch.Tensor, own: torch.Tensor) -> Distribution:
    """What outputs [samples, outputs] and the head's own parameters mean."""
    if isinstance(head, heads.Gaussian):
        return Independent(Normal(outputs, own.exp().expand(outputs.shape)), 1)
    return Categorical(logits=outputs)


def equation_9(policy: Distribution, values: torch.Tensor, batch: Numbers, ppo: PPO) -> torch.Tensor:
    """PPO's loss of one member and minibatch, as Schulman et al. 2017 write it. values: [samples].

    batch: the fields of `harness.learners.ppo.Samples`, of these samples. test_ppo computes it by hand. Set so, its
    advantages are as they are, and half of the squared error counts.
    """
    advantages = batch["advantages"]
    if ppo.standardise_advantages:
        deviation, mean = torch.std_mean(advantages)
        advantages = (advantages - mean) / (deviation + 1e-8)
    ratio = torch.exp(policy.log_prob(batch["actions"]) - batch["log_probabilities"])
    surrogate = torch.minimum(advantages * ratio, advantages * ratio.clamp(1 - ppo.clip, 1 + ppo.clip))
    errors = (values - batch["targets"]).square() / (2 if ppo.value_error == "half-squared" else 1)
    return (ppo.value_loss * errors - surrogate - ppo.entropy * policy.entropy()).mean()
