"""Computations that are skipped because they cannot change a result, and the networks that are trained without them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.tasks.input_subset import InputSubset
from harness.tasks.spec import Task, normalisation_of, zero_inputs

if TYPE_CHECKING:
    from harness.experiment import Experiment
    from harness.networks.compaction import Compact
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
    without weight decay, and where observations are not normalised."""
    share_level_0: bool = True
    """Level 0 is trained once for all conditions of a seed, which start from the same weights and draws."""


@dataclass(frozen=True)
class Reduced:
    """What a level trains in place of its task, networks and masks. compacts: of the networks that became smaller."""

    task: Task
    networks: "Networks"
    masks: "Masks"
    compacts: "dict[str, Compact]"

    def restored(self, full: "Mapping[str, Params]", trained: "Mapping[str, Params]") -> "dict[str, Params]":
        """`trained` in the shapes of `full`, whose values the parts have that were left out."""
        return {
            name: self.compacts[name].restored(full[name], params) if name in self.compacts else params
            for name, params in trained.items()
        }


def reduced(e: "Experiment", networks: "Networks", masks: "Masks") -> Reduced:
    """The task, networks and masks without what `e.savings` leave out of them."""
    from harness.networks.compaction import compact, perceptrons

    dense = perceptrons(networks)
    if e.learner.weight_decay > 0 or len(dense) < len(networks):  # decay would move the weights of what is left out
        return Reduced(e.task, networks, masks, {})
    leaves_out = e.savings.leave_out_zero_inputs and not normalisation_of(e.task).observations
    zeros = set(zero_inputs(e.task) if leaves_out else ())
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
