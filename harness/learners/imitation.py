"""The loss of behavioural cloning with respect to a student's outputs, by torch.

Imported only when students train: torch takes seconds to import.
"""

import numpy as np
import torch

torch.set_num_threads(1)  # as `harness.machine` asks, also where torch was imported before it


def softmax(logits: np.ndarray) -> np.ndarray:
    """float[..., actions], over the last axis."""
    probabilities: np.ndarray = torch.softmax(torch.from_numpy(logits), dim=-1).numpy()
    return probabilities


def cross_entropy_gradient(logits: np.ndarray, policies: np.ndarray) -> np.ndarray:
    """The gradient, float[members, batch, actions], of the cross-entropy between the experts' `policies` and the
    softmax of the students' `logits` (both of that shape), averaged over the batch, with respect to the logits."""
    leaves = torch.from_numpy(logits).requires_grad_()
    cross_entropy = -(torch.from_numpy(policies) * torch.log_softmax(leaves, dim=-1)).sum(dim=-1)
    (gradient,) = torch.autograd.grad(cross_entropy.mean(dim=1).sum(), [leaves])
    found: np.ndarray = gradient.numpy()
    return found
