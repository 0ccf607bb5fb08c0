"""Behavioural cloning: a student learns an expert's policy from the expert's own stochastic rollouts.

The paper's supervised setting (3.1): the states come from the expert, so the data are stationary and nothing
has to be explored. Each level of a chain gets rollouts of its own, as a new run of the paper's training would. The
loss is that of the experts' head (`harness.networks.heads`): of discrete policies the cross-entropy between the
expert's and the student's policies (Table 2; the text of section 2 names the KL divergence, which differs by a constant
and has the same gradient).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from harness.arguments import check_ranges
from harness.learners.adam import Decay
from harness.learners.expert_files import expert_file, read_experts
from harness.learners.initial import statistics_of
from harness.learners.protocol import ACTOR
from harness.learners.rollouts import play
from harness.learners.supervised import SupervisedPopulation
from harness.networks.heads import Categorical, Gaussian, Head, Values
from harness.networks.network import BaseNetwork, Networks, outputs_of
from harness.networks.normalisation import OBSERVATIONS, normaliser
from harness.networks.params import Masks
from harness.networks.sparse_input import on_features
from harness.streams import streams
from harness.tasks.input_subset import full_task, select_inputs
from harness.tasks.spec import Discrete, Task, task_features


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
    imitates: Literal["policy", "values"] = "policy"
    """Of the experts; those of Q-learning have values of actions, whose Huber loss is learned from."""
    exploration: float = 0.05
    """With which probability an expert that has values draws an action uniformly; else it takes the best one, and its
    students would only see what it does right."""
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
            unit_interval=("exploration",),
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

    def heads(self, task: Task) -> dict[str, Head]:
        """See `Learner.heads`."""
        if self.imitates == "values":
            return {ACTOR: Values(task.action.count)}
        return {ACTOR: (Categorical if isinstance(task.action, Discrete) else Gaussian)(task.action.count)}

    def expert_indices(self, seeds: Sequence[int]) -> list[int]:
        """Which expert each seed learns from."""
        return [seed % self.experts for seed in seeds]

    def files(self, task: Task, seeds: Sequence[int]) -> list[Path]:
        """The experts of these seeds, read and found sound; raises FixtureError."""
        indices = sorted(set(self.expert_indices(seeds)))
        self.read_experts(task, indices)
        return [expert_file(task.name, index) for index in indices]

    def read_experts(self, task: Task, indices: Sequence[int]) -> BaseNetwork:
        """The experts of a task, who see all of it. Raises FixtureError."""
        full, head = full_task(task), self.heads(task)[ACTOR]
        return read_experts(task.name, indices, full.observation.shape, head, statistics_of(full, ACTOR))

    def start(self, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int) -> "Students":
        """See `Learner.start`."""
        return Students(self, task, networks, masks, seeds, level)


class Students(SupervisedPopulation):
    """Students in training."""

    settings: BC

    def data_set(self, seeds: Sequence[int], level: int) -> tuple[np.ndarray, np.ndarray]:
        """What the students see where the experts were, and what they imitate there."""
        s, task, full = self.settings, self.task, full_task(self.task)
        experts = s.read_experts(task, s.expert_indices(seeds))
        if s.taught_by == "random policy":  # all actions are as probable, whatever the observation
            last = max(tensor.layer for tensor in experts.layers)
            for tensor in experts.layers:
                if tensor.layer == last:
                    experts.params[tensor.name][:] = 0
        sparse = self.seen[ACTOR].features is not None
        experts = on_features(experts, task_features(full, seeds) if sparse else None)
        rngs, steps = streams(seeds, "rollout", level), s.env_steps // s.envs
        batch = full.batch(np.stack([task.draw_starts(rng, (s.envs,)) for rng in rngs]), seeds)
        epsilons = [s.exploration] * steps if s.imitates == "values" else None
        rollout = play(experts, batch, full, steps, s.envs, rngs, epsilons)
        shown = np.ascontiguousarray(np.swapaxes(rollout.observations, 0, 1))
        shown = shown.reshape(len(shown), s.env_steps, *shown.shape[3:])
        targets = experts.head.targets(outputs_of(experts, normaliser(experts.params)(shown)), experts.own)
        if statistics_of(task, ACTOR):
            self.actor.params[OBSERVATIONS][:] = select_inputs(task, experts.params[OBSERVATIONS])
        return normaliser(self.actor.params)(shown if sparse else select_inputs(task, shown)), targets
