"""Equations of the literature, differentiated by autograd, which compiled gradients are compared with."""

import torch

from harness.learners.ppo import PPO

Numbers = dict[str, torch.Tensor]


def equation_9(log_policies: torch.Tensor, values: torch.Tensor, batch: Numbers, ppo: PPO) -> torch.Tensor:
    """PPO's loss of one member and minibatch, as Schulman et al. 2017 write it: [samples, actions], [samples].

    batch: the fields of `harness.learners.ppo.Samples`, of these samples. test_ppo computes it by hand. Set so, its
    advantages are as they are, and half of the squared error counts.
    """
    chosen = log_policies.gather(-1, batch["actions"].unsqueeze(-1)).squeeze(-1)
    advantages = batch["advantages"]
    if ppo.standardise_advantages:
        deviation, mean = torch.std_mean(advantages)
        advantages = (advantages - mean) / (deviation + 1e-8)
    ratio = torch.exp(chosen - batch["log_probabilities"])
    surrogate = torch.minimum(advantages * ratio, advantages * ratio.clamp(1 - ppo.clip, 1 + ppo.clip))
    entropy = -(log_policies.exp() * log_policies).sum(dim=-1)
    errors = (values - batch["targets"]).square() / (2 if ppo.value_error == "half-squared" else 1)
    return (ppo.value_loss * errors - surrogate - ppo.entropy * entropy).mean()
