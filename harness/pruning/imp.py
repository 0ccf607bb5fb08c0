"""Iterative pruning: train, prune, reset, and nothing else (paper 2; Frankle & Carbin 2019).

A level is a pure function of its cell, its number and the levels it starts from, so that a killed run goes on
from its last finished level and ends with the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np

from harness.controls import control_of
from harness.experiment import SURVIVING, Cell, Experiment
from harness.learners.protocol import ACTOR, acting_of
from harness.learners.training import rewind_round, train
from harness.networks.compaction import Compact, compact
from harness.networks.mlp import ACTIVATIONS, INITIALISERS
from harness.pruning.criteria import CRITERIA, asks_for, saliencies
from harness.pruning.layout import (
    Masks,
    Networks,
    initial_networks,
    prunable_layers,
    prunable_networks,
    prunable_weights,
)
from harness.pruning.ranking import keep_largest, weight_count
from harness.streams import streams
from harness.tasks.narrowed import Narrowed
from harness.tasks.spec import Task, rollout_returns, zero_inputs


@dataclass(frozen=True)
class Level:
    """What one level of a cell leaves. Everything is indexed by member (seed) first.

    masks: bool[members, in, out] per layer of each prunable network (at level 0 of each network), as trained
    under. trained: the same networks at the pruned checkpoint. scores: float64[members, episodes],
    undiscounted returns of that checkpoint's actor on fresh episodes. evaluations: float64[members,
    per_training], mean returns during training, NaN before a rewound one's start and from where a member had
    stopped. share: float64[members], how many rounds a member took, as a part of a whole training's. gradients:
    float[members, in, out] per layer of the same networks, of the learner's loss at the pruned checkpoint, zero
    outside the masks; empty unless the experiment's criterion asks for them. rewound: at level 0 all networks at the
    rewind point; empty unless later levels rewind to it.
    """

    masks: Masks
    trained: Networks
    scores: np.ndarray
    evaluations: np.ndarray
    share: np.ndarray
    gradients: dict[str, list[np.ndarray]] = field(default_factory=dict)
    rewound: Networks = field(default_factory=dict)

    @property
    def scored_returns(self) -> np.ndarray:
        """float64[members]: the mean over the scored episodes."""
        return np.asarray(self.scores.mean(axis=1))

    @property
    def best_evaluations(self) -> np.ndarray:
        """float64[members]: the best evaluation itself, flattered by picking a maximum of noise."""
        return np.asarray(np.nanmax(self.evaluations, axis=1))


def run_level(
    cell: Cell, level: int, previous: Level | None, ticket: Level | None = None, dense: Level | None = None
) -> Level:
    """Train `cell` at `level`, starting as CLAIMS.md spells its condition.

    previous: the level before in this cell's chain (level 0 for level 1), None for level 0. ticket: where
    `cell.follows_ticket`, the ticket's own result at this level. dense: level 0, where `cell.rewind` is later than w0.
    """
    e, control = cell.experiment, control_of(cell.experiment)
    initial, kept = start_level(cell, level, previous, ticket, dense)
    networks, masks = control.before_training(cell, initial, kept)
    task, small = _left_out(e, networks, masks)
    population = e.learner.start(
        task,
        networks | {name: part.mlp for name, part in small.items()},
        masks | {name: small[name].masks for name in masks.keys() & small.keys()},
        cell.seeds,
        level,
    )
    stops = e.savings.stop_at_maximum
    asks = asks_for(e.pruning.criterion, "gradients")
    acting = acting_of(e.learner, e.evaluation.actions)
    point = rewind_round(cell.rewind, population.rounds)
    start = point if level > 0 and not control.rule(cell).redraws else 0
    keeps = point if level == 0 else 0
    training = train(
        population, task, e.evaluation, acting, e.pruning.checkpoint, stops, cell.seeds, level, asks, start, keeps
    )
    _refuse_diverged(training.checkpoint, cell.seeds)
    shape = (e.evaluation.scored_episodes,)
    rngs = streams(cell.seeds, "score", level)
    starts = np.stack([task.draw_starts(rng, shape) for rng in rngs])
    scores = rollout_returns(task, training.checkpoint[ACTOR], starts, acting, rngs, cell.seeds)
    trained, gradients = {name: training.checkpoint[name] for name in masks}, {}
    rewound = {name: training.rewound[name] for name in masks if name in training.rewound}
    for name in masks:
        found = training.gradients.get(name)
        if name in small:
            for left in (part for part in (trained, rewound) if part):
                left[name] = small[name].restored(networks[name], left[name])
            found = found and small[name].restored(networks[name].each(np.zeros_like), found)
        if found:
            gradients[name] = found.weights
    trained = control.after_training(cell, trained, kept)
    rewound = control.after_training(cell, rewound, kept) if rewound else {}
    return Level(kept, trained, scores, training.evaluations, training.share, gradients, rewound)


def _refuse_diverged(networks: Networks, seeds: Sequence[int]) -> None:
    """Raise ValueError where a network is not finite: its returns would be those of no policy that was trained."""
    sound = np.all([np.isfinite(mlp.flat).all(axis=1) for mlp in networks.values()], axis=0)
    if not sound.all():
        seed = seeds[int(np.flatnonzero(~sound)[0])]
        raise ValueError(f"seed {seed} diverged: a weight of its pruned checkpoint is not finite")


def _left_out(e: Experiment, networks: Networks, masks: Masks) -> tuple[Task, dict[str, Compact]]:
    """What is trained in place of the task and the networks where `e.savings` leave something out of them."""
    if e.learner.weight_decay > 0:  # it would move the weights of what is left out
        return e.task, {}
    zeros = set(zero_inputs(e.task) if e.savings.leave_out_zero_inputs else ())
    task = Narrowed(e.task, tuple(name for name in e.task.inputs if name not in zeros)) if zeros else e.task
    shown = np.array([name not in zeros for name in e.task.inputs])
    unreachable = e.savings.leave_out_unreachable and e.network.dropout == 0  # it is drawn by a unit's place
    small = {}
    for name, mlp in networks.items():
        layers = masks.get(name, [np.ones(weight.shape, dtype=bool) for weight in mlp.weights])
        if zeros or (unreachable and name in masks):
            small[name] = compact(mlp, layers, shown, unreachable)
    return task, small


def check(experiment: Experiment) -> None:
    """Raise ValueError, in one line, for what can be told before any training not to work."""
    e = experiment
    network, rule, looks = e.network, e.pruning, e.evaluation
    sound = {
        f"a network has layers of at least one unit, whole ones, not {network.hidden}": all(
            type(units) is int and units >= 1 for units in network.hidden
        ),
        f"activation {network.activation!r} is none of {', '.join(ACTIVATIONS)}": network.activation in ACTIVATIONS,
        f"the input divisor is above 0, not {network.input_divisor}": 0 < network.input_divisor < inf,
        f"dropout is a share from 0 to below 1, not {network.dropout}": 0 <= network.dropout < 1,
        f"rewind is a share of the training from 0 to below 1, not {rule.rewind}": 0 <= rule.rewind < 1,
        f"the pruning rate is between 0 and 1, not {rule.rate}": 0 < rule.rate < 1,
        f"there is at least one level, not {rule.levels}": rule.levels >= 1,
        f"a training has at least one evaluation of one episode, not {looks}": min(
            looks.per_training, looks.episodes, looks.scored_episodes
        )
        >= 1,
    }
    for problem, holds in sound.items():
        if not holds:
            raise ValueError(problem)
    control_of(e), CRITERIA[rule.criterion], INITIALISERS[network.initialiser]  # or UnknownNameError
    if asks_for(rule.criterion, "gradients") and not getattr(e.learner, "offers_gradients", False):
        raise ValueError(
            f"criterion {rule.criterion!r} asks for gradients, which learner {e.learner.name} does not offer:"
            " see harness.learners.protocol.OffersGradients"
        )
    if network.dropout > 0 and not getattr(e.learner, "offers_dropout", False):
        raise ValueError(
            f"dropout {network.dropout:g} is asked for, which learner {e.learner.name} does not offer:"
            " see harness.learners.protocol.Learner.start"
        )
    _check_rewind(e)
    initial_networks(e, seeds=[0])  # ValueError where the initialiser does not fit these layers


def _check_rewind(e: Experiment) -> None:
    """Raise ValueError where trainings can't start at the rewind point."""
    share, rounds = e.pruning.rewind, getattr(e.learner, "rounds", None)
    if share == 0:
        return
    if not getattr(e.learner, "offers_rewinding", False) or rounds is None:
        raise ValueError(
            f"rewind {share:g} is asked for, which learner {e.learner.name} does not offer:"
            " see harness.learners.protocol.OffersRewinding"
        )
    needed = getattr(e.learner, "rounds_to_learn", 1)
    if rewind_round(share, rounds) > rounds - needed:
        left = (
            f"none of the training's {rounds} rounds" if needed == 1 else f"fewer than {needed} of its {rounds} rounds"
        )
        raise ValueError(
            f"rewind {share:g} leaves {left}, so that nothing would be learned or"
            f" evaluated: it is at most {(rounds - needed) / rounds:.3g}"
        )


def start_level(
    cell: Cell, level: int, previous: Level | None, ticket: Level | None, dense: Level | None = None
) -> tuple[Networks, Masks]:
    """The networks that `level` starts from, and the masks of the prunable ones (at level 0 of all)."""
    initial = initial_networks(cell.experiment, cell.seeds)
    if level == 0:  # all networks: experiments share level 0 whatever they prune from it
        return initial, {name: [np.ones(w.shape, dtype=bool) for w in mlp.weights] for name, mlp in initial.items()}

    rule = control_of(cell.experiment).rule(cell)
    if cell.follows_ticket:
        assert ticket is not None, "such a condition starts from the ticket's mask"
        kept = surviving_inputs(ticket.masks) if cell.condition == SURVIVING else ticket.masks
    else:
        assert previous is not None, "a pruned level starts from the level before"
        kept = prune(cell, level, previous)
    if rule.redraws:
        initial = initial_networks(cell.experiment, cell.seeds, redrawn_at=level)
    elif cell.rewind > 0:
        assert dense is not None, "a rewound level starts from weights of level 0's training"
        initial = {name: replace(mlp, flat=dense.rewound[name].flat.copy()) for name, mlp in initial.items()}

    rngs = streams(cell.seeds, f"start of {cell.condition}", level)
    masks: Masks = {name: [np.empty_like(mask) for mask in layers] for name, layers in kept.items()}
    pruned = prunable_layers(cell.experiment)
    whole = [(name, layer) for name in masks for layer in range(len(masks[name])) if (name, layer) not in pruned]
    for member, rng in enumerate(rngs):
        for layers in (pruned, whole) if whole else (pruned,):
            starts = rule.start(
                [kept[name][layer][member] for name, layer in layers],
                [initial[name].weights[layer][member] for name, layer in layers],
                rng,
            )
            for (name, layer), mask, weight in zip(layers, *starts, strict=True):
                masks[name][layer][member] = mask
                initial[name].weights[layer][member] = weight
    return initial, masks


def surviving_inputs(masks: Masks) -> Masks:
    """Masks of dense networks on those inputs that these masks are connected to."""
    survivors: Masks = {}
    for name, (first, *others) in masks.items():
        rows = np.broadcast_to(first.any(axis=2, keepdims=True), first.shape)
        survivors[name] = [rows.copy(), *(np.ones_like(mask) for mask in others)]
    return survivors


def prune(cell: Cell, level: int, previous: Level) -> Masks:
    """The weights that the criterion ranks highest at the pruned checkpoint of the level before, globally over the
    prunable networks."""
    experiment = cell.experiment
    layers = prunable_layers(experiment)
    weights = [previous.trained[name].weights[layer] for name, layer in layers]
    gradients = [previous.gradients[name][layer] for name, layer in layers if name in previous.gradients]
    masks = [previous.masks[name][layer] for name, layer in layers]
    rngs = streams(cell.seeds, f"criterion of {cell.condition}", level)
    count = weight_count(prunable_weights(experiment), experiment.pruning.rate, level)
    ranks = saliencies(experiment.pruning.criterion, weights, gradients, masks, rngs)
    kept = {name: list(previous.masks[name]) for name in prunable_networks(experiment)}
    for (name, layer), mask in zip(layers, keep_largest(ranks, masks, count), strict=True):
        kept[name][layer] = mask
    return kept
