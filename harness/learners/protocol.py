"""Learners: each trains a whole population at once, one file per algorithm.

A learner's settings are a frozen dataclass that follows `Learner`; the population in training follows
`Population`. `training.train` runs any of them. To add a learner is to add one file with two such classes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, Protocol, runtime_checkable

import numpy as np

from harness.networks.heads import Head
from harness.networks.network import Networks
from harness.networks.params import Masks, Params
from harness.tasks.rollout import Acting
from harness.tasks.spec import Task

ACTOR = "actor"
"""The network that acts, and that every learner has; it comes first."""


class Population(Protocol):
    """Members in training, side by side. Everything is indexed by member first."""

    networks: Networks
    """`ACTOR` first."""
    rounds: int
    """How many rounds make a full training."""

    def advance(self, rounds: int) -> None:
        """Train every member so many rounds further."""

    def keep(self, members: np.ndarray) -> None:
        """Go on with these members alone (int64[kept])."""


@runtime_checkable
class OffersGradients(Protocol):
    """A population that a pruning criterion may ask for gradients; its settings say `offers_gradients = True`."""

    def gradients(self) -> dict[str, Params]:
        """The gradient of its loss by network, averaged over the data that it learns from now, at its present weights.

        Zero outside the masks, without dropout. Called after `advance`.
        """


@runtime_checkable
class OffersRewinding(Protocol):
    """A population that may start later than at its first round.

    Its settings say `offers_rewinding = True`, have the same `rounds`, and `rounds_to_learn` where members do not learn
    from the first round on.
    """

    round: int
    """Rounds made so far. Before the first `advance` it is set to where a rewound training starts: schedules go on from
    there."""


class Learner(Protocol):
    """The settings of a learner, as a frozen dataclass; its fields enter every cell's id."""

    name: ClassVar[str]

    @property
    def env_steps(self) -> int:
        """env_steps of one training, per member; 0 where there is no environment."""

    @property
    def updates(self) -> int:
        """Gradient steps of one training, per member."""

    @property
    def weight_decay(self) -> float:
        """Of the weights; at 0 a weight without a gradient stays as it is."""

    @property
    def samples_per_update(self) -> int:
        """Samples behind one gradient step, per member."""

    def heads(self, task: Task) -> dict[str, Head]:
        """The networks it trains, `ACTOR` first, and what their outputs mean. Raises ValueError for a task whose
        actions it can't learn."""

    def files(self, task: Task, seeds: Sequence[int]) -> list[Path]:
        """Files, other than code, that the numbers of these seeds pass through (experts)."""

    def start(self, task: Task, networks: Networks, masks: Masks, seeds: Sequence[int], level: int) -> Population:
        """A population about to train copies of `networks` under `masks`; a network without masks is not pruned.

        Where the networks' dropout is above 0, its loss is computed under dropout drawn from the members' own streams;
        a learner that does so has settings that say `offers_dropout = True`.
        """


@runtime_checkable
class ActsItsOwnWay(Protocol):
    """A learner that does not act by a policy, and therefore says how its agents act while they are evaluated."""

    def acting(self, actions: Literal["greedy", "sampled"]) -> Acting:
        """See `training.Evaluation.actions`."""


def acting_of(learner: Learner, actions: Literal["greedy", "sampled"]) -> Acting:
    """How a learner's agents act while they are evaluated and scored."""
    return learner.acting(actions) if isinstance(learner, ActsItsOwnWay) else Acting(sampled=actions == "sampled")
