"""Behavioural cloning: a student learns an expert's policy from the expert's own stochastic rollouts.

The paper's supervised setting (3.1): the states come from the expert, so the data are stationary and nothing
has to be explored. Each level of a chain gets rollouts of its own, as a new run of the paper's training would. The
loss is the cross-entropy between the expert's and the student's policies (Table 2; the text of section 2 names the KL
divergence, which differs by a constant and has the same gradient).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from harness.arguments import check_ranges
from harness.learners.adam import Decay, adam_settings
from harness.learners.expert_files import expert_file, read_experts
from harness.learners.protocol import ACTOR
from harness.learners.rollouts import play
from harness.learners.trained import TrainedPopulation, _adam_steps
from harness.networks.kernels import update_keys
from harness.networks.mlp import Masks, Networks, backward, forward, outputs_of
from harness.streams import streams
from harness.tasks.input_subset import full_task, select_inputs
from harness.tasks.spec import Task


@dataclass(frozen=True)
class BC:
    """Settings of behavioural cloning. The first three are the rows of the paper's Tables 2, 4 and 6."""

    name: ClassVar[str] = "bc"
    offers_gradients: ClassVar[bool] = True
    offers_rewinding: ClassVar[bool] = True
    offers_dropout: ClassVar[bool] = True

    learning_rate: float = 0.001
    """Of Adam."""
    env_steps: int = 10_000
    """The expert's, over all environments: the size of the data set."""
    envs: int = 4
    """Environments the expert plays side by side; the paper's "workers"."""
    batch: int = 64
    """Samples per update."""
    passes: int = 4
    """Passes over the data set, each in a new order."""
    equal_updates: bool = False
    """Whether a profile replaces `passes`, so that there are as many updates as of the same task's PPO, on the same
    data; else the paper's ratio of env_steps between the two stands."""
    experts: int = 40
    """Experts in the task's folder; seed s learns from expert s modulo this. Blocks of seeds share them, so what is
    found on any block holds for these experts."""
    taught_by: Literal["experts", "random policy"] = "experts"
    """A random policy, in the experts' place, acts and teaches by chance: a negative control."""
    epsilon: float = 1e-8
    """Of Adam."""
    weight_decay: float = 0.0
    """Of all weights and biases."""
    decay: Decay = "coupled"
    """Coupled is Adam's own L2."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            positive=("learning_rate", "epsilon"),
            non_negative=("weight_decay",),
            counts=("env_steps", "envs", "batch", "passes", "experts"),
        )
        if self.env_steps % self.envs:
            raise ValueError(f"env_steps {self.env_steps} must be a multiple of envs {self.envs}")
        if self.env_steps < self.batch:
            raise ValueError(f"env_steps {self.env_steps} must not be less than batch {self.batch}")

    @property
    def updates_per_pass(self) -> int:
        """Gradient steps of one pass. A last incomplete batch is left out; its samples differ from pass to pass."""
        return self.env_steps // self.batch

    @property
    def updates(self) -> int:
        """See `Learner.updates`."""
        return self.passes * self.updates_per_pass

    @property
    def rounds(self) -> int:
        """As `updates`."""
        return self.updates

    @property
    def samples_per_update(self) -> int:
        """See `Learner.samples_per_update`."""
        return self.batch

    def outputs(self, task: Task) -> dict[str, int]:
        """See `Learner.outputs`."""
        return {ACTOR: task.actions}

    def expert_indices(self, seeds: Sequence[int]) -> list[int]:
        """Which expert each seed learns from."""
        return [seed % self.experts for seed in seeds]

    def files(self, task: Task, seeds: Sequence[int]) -> list[Path]:
        """The experts of these seeds, read and found sound; raises FixtureError."""
        indices = sorted(set(self.expert_indices(seeds)))
        read_experts(task.name, indices, len(full_task(task).inputs), task.actions)
        return [expert_file(task.name, index) for index in indices]

    def start(self, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int) -> "Students":
        """See `Learner.start`."""
        return Students(self, task, networks, masks, seeds, level)


class Students(TrainedPopulation):
    """Students in training; a `Population` whose round is one update."""

    settings: BC

    def __init__(self, settings: BC, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int):
        super().__init__(settings, task, networks, masks, seeds, level)
        self.observations, self.policies = self._data_set(task, seeds, level)
        self.shuffled: tuple[np.ndarray, np.ndarray] | None = None

    def _data_set(self, task: Task, seeds: Sequence[int], level: int) -> tuple[np.ndarray, np.ndarray]:
        """What the students see where the experts were, [members, env_steps, inputs], and the experts' policies there,
        [members, env_steps, actions]."""
        from harness.learners.imitation import softmax

        s = self.settings
        full = full_task(task)  # the expert sees all of it
        experts = read_experts(task.name, s.expert_indices(seeds), len(full.inputs), task.actions)
        if s.taught_by == "random policy":  # all actions are as probable, whatever the observation
            experts.weights[-1][:], experts.biases[-1][:] = 0, 0
        rngs = streams(seeds, "rollout", level)
        batch = full.batch(np.stack([task.draw_starts(rng, (s.envs,)) for rng in rngs]), seeds)
        rollout = play(experts, batch, full, s.env_steps // s.envs, s.envs, rngs)
        by_member = np.ascontiguousarray(rollout.observations.transpose(1, 0, 2, 3))
        observations = by_member.reshape(len(by_member), s.env_steps, -1)
        policies = softmax(outputs_of(experts, observations))
        dtype = self.actor.flat.dtype
        return select_inputs(task, observations).astype(dtype), policies.astype(dtype)

    def keep(self, members: np.ndarray) -> None:
        """See `Population.keep`."""
        super().keep(members)
        self.observations, self.policies = self.observations[members], self.policies[members]
        self.shuffled = self.shuffled and (self.shuffled[0][members], self.shuffled[1][members])

    def advance(self) -> None:
        """Make one update on the next batch. A new pass has a new order, and so has one that is started midway."""
        s = self.settings
        turn = self.round % s.updates_per_pass
        if turn == 0 or self.shuffled is None:
            order = np.stack([rng.permutation(s.env_steps) for rng in self.minibatch_streams])[:, :, None]
            self.shuffled = (
                np.take_along_axis(self.observations, order, axis=1),
                np.take_along_axis(self.policies, order, axis=1),
            )
        batch = slice(turn * s.batch, (turn + 1) * s.batch)
        keys = self.update_dropout_keys(ACTOR)
        keys = None if keys is None else update_keys(keys, self.round)
        gradient = self._gradient(self.shuffled[0][:, batch], self.shuffled[1][:, batch], keys)
        self.updates += 1
        _adam_steps(self.trained[ACTOR], gradient, self.updates, adam_settings(s))
        self.round += 1

    def gradients(self) -> Networks:
        """See `OffersGradients`: over the whole data set."""
        return {ACTOR: self.actor.each(lambda _: self._gradient(self.observations, self.policies))}

    def _gradient(self, observations: np.ndarray, policies: np.ndarray, keys: np.ndarray | None = None) -> np.ndarray:
        """Of each member's loss, float[members, parameters]. keys: of dropout, see `networks.mlp.forward`."""
        from harness.learners.imitation import cross_entropy_gradient

        logits, activations = forward(self.actor, observations, keys)
        grad_logits = cross_entropy_gradient(logits, policies)
        gradient = backward(self.actor, observations, activations, grad_logits, keys)
        gradient *= self.trained[ACTOR].mask
        return gradient
