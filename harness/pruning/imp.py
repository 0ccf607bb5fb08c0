"""Iterative pruning: train, prune, reset (paper 2; Frankle & Carbin 2019).

A level is a pure function of its cell, its number and the levels it starts from. So a killed run resumes after its last
finished level and ends with the same numbers.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.learners.protocol import ACTOR, acting_of
from harness.learners.training import rewind_round, train
from harness.networks.network import Networks
from harness.networks.params import Masks, Params, prunable
from harness.pruning.conditions import SURVIVING
from harness.pruning.criteria import asks_for, saliencies
from harness.pruning.intervention import NOTHING, Intervention
from harness.pruning.level import Level
from harness.pruning.prunable import initial_networks, prunable_layers, prunable_networks, prunable_weights
from harness.pruning.ranking import keep_largest, weight_count
from harness.pruning.savings import reduced
from harness.streams import streams
from harness.tasks.rollout import scores

if TYPE_CHECKING:
    from harness.experiment import Cell


def run_level(
    cell: "Cell",
    level: int,
    previous: Level | None,
    ticket: Level | None = None,
    dense: Level | None = None,
    control: Intervention = NOTHING,
) -> Level:
    """Train `cell` at `level`, starting as CLAIMS.md spells its condition.

    previous: the level before in this cell's chain (level 0 for level 1), None for level 0. ticket: the ticket's result
    at this level, where `cell.follows_ticket`. dense: level 0, where `cell.rewind` is later than w0. control: that of
    the experiment, which the caller looks up. Raises ValueError where the experiment names a control and none is given.
    """
    e = cell.experiment
    if e.control and control is NOTHING:
        raise ValueError(f"the experiment names control {e.control!r}, which was not given to run_level")
    initial, kept = start_level(cell, level, previous, ticket, dense, control)
    networks, masks = control.before_training(cell, initial, kept)
    small = reduced(e, networks, masks)
    population = e.learner.start(small.task, small.networks, small.masks, cell.seeds, level)
    acting = acting_of(e.learner, e.evaluation.actions)
    point = rewind_round(cell.rewind, population.rounds)
    training = train(
        population,
        small.task,
        e.evaluation,
        acting,
        e.pruning.checkpoint,
        e.savings.stop_at_maximum,
        cell.seeds,
        level,
        asks_gradients=asks_for(e.pruning.criterion, "gradients"),
        start=point if level > 0 and not control.rule(cell).redraws else 0,
        rewind_point=point if level == 0 else 0,
    )
    _refuse_diverged(training.checkpoint, cell.seeds)
    rngs = streams(cell.seeds, "score", level)
    actor = training.checkpoint[ACTOR]
    scored = scores(small.task, actor, rngs, acting, e.evaluation.scored_episodes, cell.seeds)

    def restored(full: dict[str, Params], found: dict[str, Params]) -> dict[str, Params]:
        return small.restored(full, {name: found[name] for name in masks if name in found})

    full = {name: network.params for name, network in networks.items()}
    found = {name: network.params for name, network in training.checkpoint.items()}
    zeros = {name: params.each(np.zeros_like) for name, params in full.items()}
    gradients = restored(zeros, training.gradients)
    trained = control.after_training(cell, restored(full, found), kept)
    rewound = restored(full, training.rewound)
    rewound = control.after_training(cell, rewound, kept) if rewound else {}
    return Level(kept, trained, scored, training.evaluations, training.trained_fraction, gradients, rewound)


def _refuse_diverged(networks: Networks, seeds: Sequence[int]) -> None:
    sound = np.all([np.isfinite(network.flat).all(axis=1) for network in networks.values()], axis=0)
    if not sound.all():
        seed = seeds[int(np.flatnonzero(~sound)[0])]
        raise ValueError(f"seed {seed} diverged: a weight of its pruned checkpoint is not finite")


def start_level(
    cell: "Cell",
    level: int,
    previous: Level | None,
    ticket: Level | None = None,
    dense: Level | None = None,
    control: Intervention = NOTHING,
) -> tuple[Networks, Masks]:
    """The networks that `level` starts from, and the masks of the prunable ones (at level 0 of all)."""
    initial = initial_networks(cell.experiment, cell.seeds)
    if level == 0:  # all networks: experiments share level 0 whatever they prune from it
        return initial, {name: network.params.everywhere() for name, network in initial.items()}

    rule = control.rule(cell)
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
        initial = {name: network.of(dense.rewound[name].copy()) for name, network in initial.items()}

    rngs = streams(cell.seeds, f"start of {cell.condition}", level)
    masks: Masks = {name: params.copy() for name, params in kept.items()}
    pruned = prunable_layers(cell.experiment)
    held, made, weights = (by_input(each) for each in (kept, masks, {name: initial[name].params for name in masks}))
    others = [(name, layer) for name, layers in held.items() for layer in range(len(layers))]
    others = [place for place in others if place not in pruned]
    for member, rng in enumerate(rngs):
        for layers in (pruned, others) if others else (pruned,):
            starts = rule.start(
                [held[name][layer][member] for name, layer in layers],
                [weights[name][layer][member] for name, layer in layers],
                rng,
            )
            for (name, layer), mask, weight in zip(layers, *starts, strict=True):
                made[name][layer][member] = mask
                weights[name][layer][member] = weight
    return initial, masks


def by_input(networks: Mapping[str, Params]) -> dict[str, list[np.ndarray]]:
    """[members, inputs, ...] per prunable tensor, as views: its inputs (of a convolution its channels) come first."""
    return {
        name: [
            np.moveaxis(weight, 1 + tensor.input_axis, 1)
            for tensor, weight in zip(prunable(params.layout), params.weights, strict=True)
        ]
        for name, params in networks.items()
    }


def surviving_inputs(masks: Masks) -> Masks:
    """Masks of networks that are dense on those inputs (of a convolution: channels) alone that `masks` are connected
    to."""
    survivors = {name: params.everywhere() for name, params in masks.items()}
    for name, (first, *_) in by_input(masks).items():
        by_input({name: survivors[name]})[name][0][:] = first.any(axis=tuple(range(2, first.ndim)), keepdims=True)
    return survivors


def prune(cell: "Cell", level: int, previous: Level) -> Masks:
    """Masks of the weights that the criterion ranks highest at the pruned checkpoint of the level before, globally over
    the prunable networks."""
    experiment = cell.experiment
    layers = prunable_layers(experiment)
    names = prunable_networks(experiment)
    weights, gradients, masks = (
        [held[name].weights[layer] for name, layer in layers if name in held]
        for held in (previous.trained, previous.gradients, previous.masks)
    )
    rngs = streams(cell.seeds, f"criterion of {cell.condition}", level)
    count = weight_count(prunable_weights(experiment), experiment.pruning.rate, level)
    ranks = saliencies(experiment.pruning.criterion, weights, gradients, masks, rngs)
    kept = {name: previous.masks[name].copy() for name in names}
    for (name, layer), mask in zip(layers, keep_largest(ranks, masks, count), strict=True):
        kept[name].weights[layer][:] = mask
    return kept
