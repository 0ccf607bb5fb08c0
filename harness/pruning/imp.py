"""Iterative pruning: train, prune, reset (paper 2; Frankle & Carbin 2019).

A level is a pure function of its cell, its number and the levels it starts from. So a killed run resumes after its last
finished level and ends with the same numbers.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.learners.protocol import ACTOR, acting_of
from harness.learners.training import rewind_round, train
from harness.networks.mlp import Masks, Networks
from harness.pruning.conditions import SURVIVING
from harness.pruning.criteria import asks_for, saliencies
from harness.pruning.intervention import NOTHING, Intervention
from harness.pruning.level import Level
from harness.pruning.prunable import initial_networks, prunable_layers, prunable_networks, prunable_weights
from harness.pruning.ranking import keep_largest, weight_count
from harness.pruning.savings import reduced
from harness.streams import streams
from harness.tasks.rollout import distinct_episodes, rollout_returns

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
    episodes = distinct_episodes(small.task, acting, e.evaluation.scored_episodes)
    starts = np.stack([small.task.draw_starts(rng, (episodes,)) for rng in rngs])
    scores = rollout_returns(small.task, training.checkpoint[ACTOR], starts, acting, rngs, cell.seeds)

    def restored(full: Networks, found: Networks) -> Networks:
        return small.restored(full, {name: found[name] for name in masks if name in found})

    zeros = {name: mlp.each(np.zeros_like) for name, mlp in networks.items()} if training.gradients else {}
    gradients = {name: mlp.weights for name, mlp in restored(zeros, training.gradients).items()}
    trained = control.after_training(cell, restored(networks, training.checkpoint), kept)
    rewound = restored(networks, training.rewound)
    rewound = control.after_training(cell, rewound, kept) if rewound else {}
    return Level(kept, trained, scores, training.evaluations, training.trained_fraction, gradients, rewound)


def _refuse_diverged(networks: Networks, seeds: Sequence[int]) -> None:
    """Raise ValueError where a network is not finite: its returns would be those of no policy that was trained."""
    sound = np.all([np.isfinite(mlp.flat).all(axis=1) for mlp in networks.values()], axis=0)
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
        return initial, {name: [np.ones(w.shape, dtype=bool) for w in mlp.weights] for name, mlp in initial.items()}

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
        initial = {name: replace(mlp, flat=dense.rewound[name].flat.copy()) for name, mlp in initial.items()}

    rngs = streams(cell.seeds, f"start of {cell.condition}", level)
    masks: Masks = {name: [np.empty_like(mask) for mask in layers] for name, layers in kept.items()}
    pruned = prunable_layers(cell.experiment)
    dense_layers = [(name, layer) for name in masks for layer in range(len(masks[name])) if (name, layer) not in pruned]
    for member, rng in enumerate(rngs):
        for layers in (pruned, dense_layers) if dense_layers else (pruned,):
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
    """Masks of networks that are dense on those inputs alone that `masks` are connected to."""
    survivors: Masks = {}
    for name, (first, *others) in masks.items():
        rows = np.broadcast_to(first.any(axis=2, keepdims=True), first.shape)
        survivors[name] = [rows.copy(), *(np.ones_like(mask) for mask in others)]
    return survivors


def prune(cell: "Cell", level: int, previous: Level) -> Masks:
    """Masks of the weights that the criterion ranks highest at the pruned checkpoint of the level before, globally over
    the prunable networks."""
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
