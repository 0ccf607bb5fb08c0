"""Measures of the inputs that pruning removes: what a dense agent loses without them, and what a network saves.

A dense agent loses an input by seeing its mean in its place: the mean over the states of its own scored episodes. That
is a change of its first layer alone, whose biases take what the mean adds.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from harness.judging.mask_measures import MaskMeasures
from harness.judging.return_measures import ReturnMeasures
from harness.learners.protocol import ACTOR, acting_of
from harness.pruning.conditions import DENSE, SURVIVING, TICKET
from harness.pruning.prunable import network_of
from harness.statistics import PerSeed, normalised_return
from harness.streams import streams

if TYPE_CHECKING:
    from harness.networks.network import BaseNetwork
    from harness.tasks.spec import Task

Lost = Literal["nothing", "gone", "others"]
"""Inputs that the ticket is not connected to any more, or as many of those that it is, which vary as much (see
`matched`). Of either only those that ever change: the rest equal their mean. Or no input."""


class InputMeasures(ReturnMeasures, MaskMeasures):
    """The measures of inputs that are gone. They play episodes."""

    def dense_without(self, lost: Lost, density: float = 1.0) -> PerSeed:
        """Normalised return of the dense agent to which the inputs that are lost at the first level at or below
        `density` always show their mean. Planted chains play nothing. Of an untrained run: without the inputs that the
        mask of w0 loses, the dense agent is the trained one.

        It starts as in the episodes that it was scored on, and its actions are drawn as in the end of its training:
        where all episodes start alike, the best action each time gives one path, and an input that is hardly ever
        looked at may turn it into another one, better or worse by chance.
        """
        self.check_cells()
        if self.bound.planted:
            return self.per_seed(f"without {lost}", self.dense().values)
        gone = (self.at(self.input_densities(), density) == 0) & self._changing & (lost != "nothing")
        returns = []
        for places, (actor, starts, means, spreads) in zip(self._places[TICKET], self._at_play, strict=True):
            seeds = places[0][0].cell.seeds
            chosen, gone = gone[: len(seeds)], gone[len(seeds) :]
            if lost == "others":
                chosen = matched(chosen, ~chosen & self._changing, spreads)
            returns.append(self._play(at_mean(actor, chosen, means), starts, seeds))
        return self.per_seed(f"without {lost}", normalised_return(np.concatenate(returns), self.reference))

    def multiply_adds(self, density: float, changing: bool = False) -> dict[str, PerSeed]:
        """Multiply-adds that the output of a dense network takes on the "surviving inputs", those left at the first
        level at or below `density`, as a share of those on "all inputs", which are 1. changing: see `inputs_left`."""
        self.check_cells()
        first, *rest = self._layers
        (inputs, units), later = first.shape, sum(tensor.size for tensor in rest)
        every = self._changing.sum() if changing else inputs
        left = self.at(self.inputs_left(changing=changing), density)
        share = (left * units + later) / (every * units + later)
        return self.by_name(("all inputs", "surviving inputs"), np.stack([np.ones_like(share), share], axis=1))

    def cpu_seconds_per_env_step(self, condition: str, density: float = 1.0) -> float | None:
        """What an env_step of a member took in the training of a level, its evaluations and scoring included; None
        where that is not known. It is measured for all members of a cell together."""
        costs, env_steps = [], 0.0
        for places in self._places[SURVIVING if condition == SURVIVING else TICKET]:
            where, number = places[0 if condition == DENSE else self.level_at(density)]
            costs.append(self.bound.store.cost(where, number))
            trained = self.bound.read(where, number).trained_fraction
            env_steps += float(trained.sum()) * self.experiment.learner.env_steps
        known = [cost for cost in costs if cost is not None]
        return sum(known) / env_steps if env_steps and len(known) == len(costs) else None

    @cached_property
    def _at_play(self) -> "list[tuple[BaseNetwork, np.ndarray, np.ndarray, np.ndarray]]":
        """Of each chunk of seeds the dense actors, the starts that they were scored on, and the means and standard
        deviations of their inputs there."""
        found = []
        for places in self._places[TICKET]:
            seeds, dense = places[0][0].cell.seeds, self.bound.read(*places[0])
            task, shape = self.experiment.task, dense.scores.shape[1:]
            actor = network_of(self.experiment, dense.trained[ACTOR])
            starts = np.stack([task.draw_starts(rng, shape) for rng in streams(seeds, "score", 0)])
            found.append((actor, starts, *observed(task, actor, starts, seeds)))
        return found

    def _play(self, actor: "BaseNetwork", starts: np.ndarray, seeds: tuple[int, ...]) -> np.ndarray:
        """float64[members]: mean returns from the starts that level 0 was scored on; the draws are the same for all
        that is lost."""
        from harness.tasks.rollout import rollout_returns

        e, rngs = self.experiment, streams(seeds, "score", 0)
        for rng in rngs:
            e.task.draw_starts(rng, starts.shape[1:2])
        acting = acting_of(e.learner, "sampled")
        return np.asarray(rollout_returns(e.task, actor, starts, acting, rngs, seeds).mean(axis=1))


def at_mean(actor: "BaseNetwork", lost: np.ndarray, means: np.ndarray) -> "BaseNetwork":
    """The networks, whose first layer is dense, that act as if each input that is lost always showed its mean. lost:
    bool[members, inputs]; means: float[members, inputs]."""
    from harness.networks.normalisation import normaliser

    blind = actor.copy()
    first, bias = blind.params["weight.0"], blind.params["bias.0"]
    shown = normaliser(actor.params)(means)
    np.add(bias, np.matmul((lost * shown)[:, None, :], first)[:, 0], out=bias, casting="same_kind")
    np.copyto(first, 0, where=lost[:, :, None])
    return blind


def matched(gone: np.ndarray, left: np.ndarray, spreads: np.ndarray) -> np.ndarray:
    """bool[members, inputs]: for each input that is gone another one of those left, so that their standard deviations
    differ as little as possible in sum. Where fewer are left than are gone, all that are left: then fewer are compared.

    gone, left: bool[members, inputs]; spreads: float[members, inputs], standard deviations.
    """
    from scipy.optimize import linear_sum_assignment

    chosen = np.zeros_like(gone)
    for member, spread in enumerate(spreads):
        of, among = np.flatnonzero(gone[member]), np.flatnonzero(left[member])
        _, taken = linear_sum_assignment(np.abs(spread[of][:, None] - spread[among]))
        chosen[member, among[taken]] = True
    return chosen


def observed(
    task: "Task", actor: "BaseNetwork", starts: np.ndarray, seeds: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation of each input, float64[members, inputs] twice, over all states in which these
    agents act, when they play one episode from each start and always take the best action. starts: float64[members,
    episodes, state]."""
    from harness.tasks.rollout import GREEDY, Policy, distinct_episodes

    starts = starts[:, : distinct_episodes(task, GREEDY, starts.shape[1])]
    batch, policy = task.batch(starts, seeds), Policy(actor, starts.shape[1])
    running = np.ones(starts.shape[:2], dtype=bool)
    total, squares = np.zeros((2, len(starts), task.observation.size))
    count = np.zeros((len(starts), 1))
    while running.any():
        seen = batch.observations.reshape(*starts.shape[:2], -1)
        shown = np.where(running[:, :, None], seen, 0.0)
        total += shown.sum(axis=1)
        squares += (shown**2).sum(axis=1)
        count += running.sum(axis=1, keepdims=True)
        transition = batch.step(policy(seen), starts)
        running &= ~(transition.terminated | transition.truncated)
    means = total / count
    return means, np.sqrt(np.maximum(0.0, squares / count - means**2))
