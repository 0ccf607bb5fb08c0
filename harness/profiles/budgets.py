"""Budgets: what each profile gives a task's learners, how its experts are trained, and what was tried.

A file per task beside this one holds them.

The numbers of `paper` are those of the paper's tables. Where the paper is silent, and in the other profiles, a
number stands with its reason. Hyperparameters of `scaled` were tuned on the dense agent's return alone, on
seed block 99, never on a claim's effect: `python -m harness tune` repeats what was tried.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from harness.experiment import Experiment
from harness.learners.protocol import Learner
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.pruning.pruning_settings import Pruning
from harness.pruning.savings import Savings
from harness.tasks.spec import Task

ProfileName: TypeAlias = Literal["smoke", "reduced", "scaled", "extended", "paper"]


RLPYT: Mapping[str, str | float | bool] = {
    "learning_rate_schedule": "linear",
    "clip_schedule": "linear",
    "max_gradient_norm": 1.0,
    "epsilon": 1e-8,
    "value_error": "half-squared",
    "standardise_advantages": False,
}
"""What the package that the paper trained with does otherwise than `PPO` by default (see `harness.learners.ppo`)."""
NEVER_STOPPED = Savings(stop_at_maximum=False)
"""Of tasks whose maximum is a bound that no agent reaches: stopping there would save nothing, and so the learning
curves of all their runs are whole."""


@dataclass(frozen=True)
class ExpertTraining:
    """How the experts of a task were trained, all as one population; the best evaluation's checkpoint is the expert."""

    learner: Learner
    network: Network
    evaluation: Evaluation
    count: int = 40


@dataclass(frozen=True)
class Budgets:
    """All that a task's experiments are given.

    task: as its experts were trained on it. experiments: profile -> learner -> experiment; `paper` and `scaled` have
    the same learners. references: the variants of the task whose random and expert returns are measured. tried:
    learner -> settings other than those of `scaled` whose dense agents were compared with it: fields of the learner, or
    of another part where its name stands before (see `harness.overrides`). sizes: learner -> hidden
    units of the networks that the claims on network size compare, the smallest first. seed_fraction: the
    fraction of a profile's seeds that the task is judged on, where it is not all of them. variant_of: the name of the
    paper's task that this is another variant of, of our own making; empty for one that the paper has.
    """

    task: Task
    experiments: Mapping[ProfileName, Mapping[str, Experiment]]
    experts: ExpertTraining
    references: tuple[Task, ...]
    sizes: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=lambda: MappingProxyType({}))
    tried: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=lambda: MappingProxyType({}))
    seed_fraction: Mapping[ProfileName, float] = field(default_factory=lambda: MappingProxyType({}))
    variant_of: str = ""


def experiments(
    task: Task,
    network: Network,
    pruning: Pruning,
    evaluation: Evaluation | None = None,
    savings: Savings | None = None,
    **learners: Learner,
) -> Mapping[str, Experiment]:
    """Those of one profile, by learner."""
    rest = network, pruning, evaluation or Evaluation(), savings or Savings()
    return {name: Experiment(task, learner, *rest) for name, learner in learners.items()}


def reduced(scaled: Mapping[str, Experiment], levels: int) -> Mapping[str, Experiment]:
    """The profile `reduced`: the scaled experiments at about half their levels, six of the paper's levels in one.

    1 - 0.8^6 = 0.738. Controls and other readings of the paper are tried on it; no claim is judged on it.
    """
    pruning = Pruning(rate=0.738, levels=levels)
    return {name: dataclasses.replace(experiment, pruning=pruning) for name, experiment in scaled.items()}
