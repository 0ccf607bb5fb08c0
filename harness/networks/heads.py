"""Heads: what a network's outputs mean, how they act, and the losses that are written once per head.

    Categorical   logits of n actions, or of n classes
    Values        the values of n actions
    Gaussian      the means of n numbers, with a log-standard-deviation of each that depends on no observation

A head is a named tuple, on whose class compiled code is chosen. The parameters of its own lie behind those of the
network's layers, and are never pruned: they are no weights. A slope is a derivative of the loss.
"""

from typing import Any, NamedTuple

import numpy as np

from harness.compiled import compiled_for, njit
from harness.networks.params import Layout, Tensor

Array = np.ndarray
HALF_LOG_2_PI = 0.5 * float(np.log(2 * np.pi))
LEAST_LOGIT = -80.0
"""Of an imitating student, below its largest: the exponentials of smaller ones take long, and are nothing beside 1."""
HUBER_DELTA = 1.0
"""Errors of imitated values beyond it count linearly."""


class Categorical(NamedTuple):
    """A choice of one out of `size`, by the softmax of the outputs."""

    size: int

    @property
    def outputs(self) -> int:
        """How many outputs the network has."""
        return self.size

    @property
    def tensors(self) -> Layout:
        """The parameters of its own: none."""
        return ()

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """What `_act` needs to draw actions of this shape: a uniform number each."""
        return rng.random(shape)

    def actions(self, shape: tuple[int, ...]) -> Array:
        """Room for actions of this shape: their numbers."""
        return np.empty(shape, dtype=np.int64)

    def targets(self, outputs: Array, own: Array) -> Array:
        """What a student imitates of an expert's outputs, float[members, batch, outputs]: the probabilities."""
        raised = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


class Values(NamedTuple):
    """The values of `size` actions, of which the largest is taken; or of a state, which is no action."""

    size: int

    @property
    def outputs(self) -> int:
        """See `Categorical`, and so below."""
        return self.size

    @property
    def tensors(self) -> Layout:
        """None."""
        return ()

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """A uniform number for each action."""
        return rng.random(shape)

    def actions(self, shape: tuple[int, ...]) -> Array:
        """Their numbers."""
        return np.empty(shape, dtype=np.int64)

    def targets(self, outputs: Array, own: Array) -> Array:
        """What a student imitates: the values."""
        return outputs


class Gaussian(NamedTuple):
    """`size` numbers, each drawn from a normal distribution around its output."""

    size: int

    @property
    def outputs(self) -> int:
        """See `Categorical`, and so below."""
        return self.size

    @property
    def tensors(self) -> Layout:
        """The log-standard-deviations, which start at 0."""
        return (Tensor("log_std", (self.size,)),)

    def noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """A standard normal number for each number of an action."""
        return rng.standard_normal((*shape, self.size))

    def actions(self, shape: tuple[int, ...]) -> Array:
        """Room for actions of this shape: `size` numbers each, which the task cuts off."""
        return np.empty((*shape, self.size), dtype=np.float32)

    def targets(self, outputs: Array, own: Array) -> Array:
        """What a student imitates: the means, and then the log-standard-deviations (`own`, float[members, size])."""
        return np.concatenate([outputs, np.broadcast_to(own[:, None], outputs.shape)], axis=-1)


Head = Categorical | Values | Gaussian


class HeadBatch(NamedTuple):
    """A batch of one member, as losses take it. own: float[...], the head's own parameters. outputs, grad_outputs:
    float[batch, outputs]. grad_own: as own, zeros to add to. rows: int64[batch], where the samples are in the data."""

    own: Array
    outputs: Array
    grad_outputs: Array
    grad_own: Array
    rows: Array


class Draws(NamedTuple):
    """How actions are drawn. noise: as the head's `noise` gives it, [members, batch, ...]. sampled: whether from the
    policy; else the best one is taken, but with the probability `epsilon` one drawn uniformly."""

    noise: Array
    sampled: bool
    epsilon: float


def _act(head: Any, own: Array, outputs: Array, draws: Draws, actions: Array, log_p: Array) -> None:
    """Fill `actions`, and `log_p` (float64[members, batch]) with their log-probabilities, for all members. Values are
    never sampled."""
    raise NotImplementedError


def _log_probabilities(head: Any, batch: HeadBatch, actions: Array, found: Array) -> None:
    """Fill `found`, float[batch], with those of the actions, [samples, ...]. It may overwrite the outputs by what
    `_policy_slopes` asks for."""
    raise NotImplementedError


def _policy_slopes(head: Any, batch: HeadBatch, actions: Array, slopes: Array, entropy: float) -> None:
    """Fill the batch's gradients after `_log_probabilities`; the loss is averaged over the batch.

    slopes: float[batch], of each sample's loss with respect to its log-probability. entropy: the coefficient of the
    entropy, which the loss falls with.
    """
    raise NotImplementedError


def _imitation_slopes(head: Any, batch: HeadBatch, targets: Array) -> None:
    """Fill the batch's gradients for the imitation of the targets, [samples, numbers]. It may overwrite the outputs.

    The loss is the cross-entropy (whose gradient is that of the KL divergence), the KL divergence of the student's
    Gaussian from the expert's, or the Huber loss of values, added up over outputs and averaged over the batch.
    """
    raise NotImplementedError


@compiled_for(_act, Categorical)
def _act_by_policy(head: Any, own: Array, outputs: Array, draws: Draws, actions: Array, log_p: Array) -> None:
    if draws.sampled:
        _sample(outputs, draws.noise, actions, log_p)
    else:
        _explore(outputs, draws.noise, draws.epsilon, actions, log_p)


@compiled_for(_act, Values)
def _act_by_values(head: Any, own: Array, outputs: Array, draws: Draws, actions: Array, log_p: Array) -> None:
    _explore(outputs, draws.noise, draws.epsilon, actions, log_p)


@compiled_for(_act, Gaussian)
def _act_by_gaussian(head: Any, own: Array, outputs: Array, draws: Draws, actions: Array, log_p: Array) -> None:
    for m in range(outputs.shape[0]):
        for i in range(outputs.shape[1]):
            log_p[m, i] = 0.0
            for j in range(outputs.shape[2]):
                drawn = draws.noise[m, i, j] if draws.sampled else 0.0
                actions[m, i, j] = outputs[m, i, j] + np.exp(own[m, j]) * drawn
                log_p[m, i] -= 0.5 * drawn * drawn + own[m, j] + HALF_LOG_2_PI


@compiled_for(_log_probabilities, Categorical)
def _log_probabilities_of_choices(head: Any, batch: HeadBatch, actions: Array, found: Array) -> None:
    for sample, row in enumerate(batch.rows):
        log_policy = batch.outputs[sample]  # in place: the logits are not needed any more
        top = log_policy[0]
        for action in range(1, len(log_policy)):
            top = max(top, log_policy[action])
        total = log_policy.dtype.type(0)
        for action in range(len(log_policy)):
            total += np.exp(log_policy[action] - top)
        for action in range(len(log_policy)):
            log_policy[action] -= top + np.log(total)
        found[sample] = log_policy[actions[row]]


@compiled_for(_log_probabilities, Gaussian)
def _log_probabilities_of_numbers(head: Any, batch: HeadBatch, actions: Array, found: Array) -> None:
    number = batch.outputs.dtype.type  # a constant of double precision would lift everything to it
    for sample, row in enumerate(batch.rows):
        found[sample] = number(0)
        for j in range(batch.outputs.shape[1]):
            z = (number(actions[row, j]) - batch.outputs[sample, j]) * np.exp(-batch.own[j])
            found[sample] -= number(0.5) * z * z + batch.own[j] + number(HALF_LOG_2_PI)


@compiled_for(_policy_slopes, Categorical)
def _slopes_of_choices(head: Any, batch: HeadBatch, actions: Array, slopes: Array, entropy: float) -> None:
    number = batch.outputs.dtype.type
    count, weight = number(len(batch.rows)), number(entropy)
    for sample, row in enumerate(batch.rows):
        log_policy = batch.outputs[sample]
        negative_entropy = number(0)
        for action in range(len(log_policy)):
            negative_entropy += np.exp(log_policy[action]) * log_policy[action]
        for action in range(len(log_policy)):
            policy = np.exp(log_policy[action])
            grad_entropy = policy * (log_policy[action] - negative_entropy)
            chosen = number(1) if action == actions[row] else number(0)
            grad = slopes[sample] * (chosen - policy) + weight * grad_entropy
            batch.grad_outputs[sample, action] = grad / count


@compiled_for(_policy_slopes, Gaussian)
def _slopes_of_numbers(head: Any, batch: HeadBatch, actions: Array, slopes: Array, entropy: float) -> None:
    number = batch.outputs.dtype.type
    count, weight = number(len(batch.rows)), number(entropy)
    for sample, row in enumerate(batch.rows):
        for j in range(batch.outputs.shape[1]):
            inverse = np.exp(-batch.own[j])
            z = (number(actions[row, j]) - batch.outputs[sample, j]) * inverse
            batch.grad_outputs[sample, j] = slopes[sample] * z * inverse / count
            batch.grad_own[j] += (slopes[sample] * (z * z - number(1)) - weight) / count


@compiled_for(_imitation_slopes, Categorical)
def _cross_entropy_slopes(head: Any, batch: HeadBatch, targets: Array) -> None:
    number = batch.outputs.dtype.type
    count, least = number(len(batch.rows)), number(LEAST_LOGIT)
    for sample, row in enumerate(batch.rows):
        logits, best = batch.outputs[sample], 0
        for action in range(1, len(logits)):
            if logits[action] > logits[best]:
                best = action
        top, total, mass = logits[best], number(0), number(0)
        for action in range(len(logits)):
            logits[action] = number(1) if action == best else np.exp(max(logits[action] - top, least))
            total += logits[action]
            mass += targets[row, action]
        for action in range(len(logits)):
            batch.grad_outputs[sample, action] = (logits[action] / total * mass - targets[row, action]) / count


@compiled_for(_imitation_slopes, Values)
def _huber_slopes(head: Any, batch: HeadBatch, targets: Array) -> None:
    number = batch.outputs.dtype.type
    count, delta = number(len(batch.rows)), number(HUBER_DELTA)
    for sample, row in enumerate(batch.rows):
        for action in range(batch.outputs.shape[1]):
            error = batch.outputs[sample, action] - targets[row, action]
            batch.grad_outputs[sample, action] = min(max(error, -delta), delta) / count


@compiled_for(_imitation_slopes, Gaussian)
def _divergence_slopes(head: Any, batch: HeadBatch, targets: Array) -> None:
    number, size = batch.outputs.dtype.type, batch.outputs.shape[1]
    count = number(len(batch.rows))
    for sample, row in enumerate(batch.rows):
        for j in range(size):
            error = batch.outputs[sample, j] - targets[row, j]
            inverse = np.exp(number(-2) * batch.own[j])
            variance = np.exp(number(2) * targets[row, size + j])
            batch.grad_outputs[sample, j] = error * inverse / count
            batch.grad_own[j] += (number(1) - (variance + error * error) * inverse) / count


@njit
def _sample(logits: Array, uniforms: Array, actions: Array, log_p: Array) -> None:
    """Invert the cumulative softmax of logits[members, batch, actions] at each uniform number."""
    for i in range(logits.shape[0]):
        for j in range(logits.shape[1]):
            top = logits[i, j, 0]
            for a in range(1, logits.shape[2]):
                top = max(top, logits[i, j, a])
            total = 0.0
            for a in range(logits.shape[2]):
                total += np.exp(logits[i, j, a] - top)
            threshold = uniforms[i, j] * total
            action = 0
            reached = np.exp(logits[i, j, 0] - top)
            while reached < threshold and action < logits.shape[2] - 1:
                action += 1
                reached += np.exp(logits[i, j, action] - top)
            actions[i, j] = action
            log_p[i, j] = logits[i, j, action] - top - np.log(total)


@njit
def _explore(outputs: Array, uniforms: Array, epsilon: float, actions: Array, log_p: Array) -> None:
    """Act epsilon-greedily on outputs[members, batch, actions]. A uniform number below epsilon is uniform in that
    range, so it picks the action as well."""
    count = outputs.shape[2]
    for i in range(outputs.shape[0]):
        for j in range(outputs.shape[1]):
            greedy = 0
            for a in range(1, count):
                if outputs[i, j, a] > outputs[i, j, greedy]:
                    greedy = a
            action = greedy
            if uniforms[i, j] < epsilon:
                action = min(int(uniforms[i, j] / epsilon * count), count - 1)
            actions[i, j] = action
            log_p[i, j] = np.log(epsilon / count + (1 - epsilon if action == greedy else 0.0))
