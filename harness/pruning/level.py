"""What a level of a cell leaves: the evidence that is stored, pruned further, and measured."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # evidence is read without the engine
    from harness.networks.params import Masks, Params


@dataclass(frozen=True)
class Level:
    """What one level of a cell leaves. The first axis of every array is the member (seed).

    masks: of each prunable network (at level 0 of each network), as trained under. trained: the parameters of the same
    networks at the pruned checkpoint. scores: float64[members, episodes], undiscounted returns of
    that checkpoint's actor on fresh episodes. evaluations: float64[members, per_training], mean returns during
    training; NaN before the start of a rewound training, and from where a member had stopped. trained_fraction:
    float64[members], the rounds that a member took, as a share of a whole training's. gradients: of the same networks,
    of the learner's loss at the pruned checkpoint, zero outside the masks; empty unless the experiment's criterion asks
    for them. rewound: all networks at the rewind point; at level 0 of an experiment that rewinds later than w0, else
    empty.
    """

    masks: "Masks"
    trained: "dict[str, Params]"
    scores: np.ndarray
    evaluations: np.ndarray
    trained_fraction: np.ndarray
    gradients: "dict[str, Params]" = field(default_factory=dict)
    rewound: "dict[str, Params]" = field(default_factory=dict)

    @property
    def scored_returns(self) -> np.ndarray:
        """float64[members]: the mean over the scored episodes."""
        return np.asarray(self.scores.mean(axis=1))

    @property
    def best_evaluations(self) -> np.ndarray:
        """float64[members]: the best evaluation itself, biased upwards as a maximum of noisy values."""
        return np.asarray(np.nanmax(self.evaluations, axis=1))
