"""Computations that are skipped because they cannot change a result, and the networks that are trained without them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.tasks.input_subset import InputSubset
from harness.tasks.spec import Task, normalisation_of, task_features, zero_inputs

if TYPE_CHECKING:
    from harness.experiment import Experiment
    from harness.networks.compaction import Compact
    from harness.networks.listed import Listed
    from harness.networks.network import Networks
    from harness.networks.params import Masks, Params


@dataclass(frozen=True)
class Savings:
    """What is skipped. Each saving applies only under its own precondition.

    A saving may change the order of summation, hence the bits, hence the id; it does not change the distribution of
    returns that are scored.
    """

    stop_at_maximum: bool = True
    """A member whose evaluation reached the task's maximum stops training, since no later checkpoint can be better.
    Applies where the best checkpoint is pruned; at level 0 only from the rewind point on, which every member needs. It
    changes no bit of what is pruned and scored. But the member has no evaluations from there on, and where agents lose
    again what they had learned, those would have been lower: where learning curves or the return at the end are read,
    this must be off (`judging.return_measures`)."""
    leave_out_unreachable: bool = True
    """Units from which no path leads to an output are left out. Applies without weight decay, and without dropout,
    which is drawn by a unit's place: the remaining units would draw something else."""
    leave_out_zero_inputs: bool = True
    """Inputs that the task declares to be always zero are left out; their weights still count for pruning. Applies
    without weight decay, where observations are not normalised, and where they are no pictures, which would be none
    without them."""
    list_survivors: bool = True
    """Weights that survive are kept as lists where they are few of many (`listed.LISTED_DENSITY`). Applies without
    dropout, which is drawn by a unit's place, and not where features have a table (`features.FeatureTable`), on
    which dense networks are projected."""
    share_level_0: bool = True
    """Level 0 is trained once for all conditions of a seed, which start from the same weights and draws."""


@dataclass(frozen=True)
class Reduced:
    """What a level trains in place of its task, networks and masks. compacts, lists: of the networks that became
    smaller, and of those whose weights became lists then."""

    task: Task
    networks: "Networks"
    masks: "Masks"
    compacts: "dict[str, Compact]"
    lists: "dict[str, Listed]" = field(default_factory=dict)

    def restored(self, full: "Mapping[str, Params]", trained: "Mapping[str, Params]") -> "dict[str, Params]":
        """`trained` in the shapes of `full`, whose values the parts have that were left out."""
        trained = {name: self.lists[name].restored(p) if name in self.lists else p for name, p in trained.items()}
        return {
            name: self.compacts[name].restored(full[name], params) if name in self.compacts else params
            for name, params in trained.items()
        }


def reduced(e: "Experiment", networks: "Networks", masks: "Masks") -> Reduced:
    """The task, networks and masks without what `e.savings` leave out of them."""
    from harness.networks.features import FeatureTable
    from harness.networks.listed import listed_where_it_pays

    small = _compacted(e, networks, masks)
    if not e.savings.list_survivors or isinstance(task_features(small.task, (0,)), FeatureTable):
        return small
    tried = {name: listed_where_it_pays(networks[name], small.networks[name], m) for name, m in small.masks.items()}
    lists = {name: found for name, found in tried.items() if found}
    return replace(
        small,
        networks=small.networks | {name: part.network for name, part in lists.items()},
        masks=small.masks | {name: part.masks for name, part in lists.items()},
        lists=lists,
    )


def _compacted(e: "Experiment", networks: "Networks", masks: "Masks") -> Reduced:
    """Without unreachable units and inputs that are always zero."""
    from harness.networks.compaction import compact, perceptrons

    dense = perceptrons(networks)
    if e.learner.weight_decay > 0 or len(dense) < len(networks):  # decay would move the weights of what is left out
        return Reduced(e.task, networks, masks, {})
    whole = len(e.task.observation.shape) > 1 or normalisation_of(e.task).observations
    zeros = set(zero_inputs(e.task) if e.savings.leave_out_zero_inputs and not whole else ())
    inputs = e.task.observation.inputs
    task = InputSubset(e.task, tuple(name for name in inputs if name not in zeros)) if zeros else e.task
    shown = np.array([name not in zeros for name in inputs])
    unreachable = e.savings.leave_out_unreachable and e.network.dropout == 0
    compacts = {
        name: compact(network, masks.get(name) or network.params.everywhere(), shown, unreachable)
        for name, network in dense.items()
        if zeros or (unreachable and name in masks)
    }
    return Reduced(
        task,
        networks | {name: part.network for name, part in compacts.items()},
        masks | {name: compacts[name].masks for name in masks.keys() & compacts.keys()},
        compacts,
    )
