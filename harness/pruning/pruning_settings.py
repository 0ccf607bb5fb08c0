"""The settings of iterative pruning."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Pruning:
    """Iterative pruning: train, prune, reset (paper 2)."""

    rate: float = 0.2
    """Share of the weights pruned from one level to the next; level k has density (1 - rate)^k."""
    levels: int = 30
    """The last level K; level 0 is dense."""
    scope: Literal["actor", "actor+critic"] = "actor"
    lineage: Literal["own", "branch"] = "own"
    """Whether a baseline follows its own chain or branches off the ticket's mask at every level."""
    shuffle: Literal["entries", "rows"] = "entries"
    """What permuted/permuted shuffles within a layer: single entries of the mask, or whole rows (one per input)."""
    outputs: bool = True
    """Whether the output layers are pruned. If not, their weights are not counted either."""
    checkpoint: Literal["best", "last"] = "best"
    """Which checkpoint is pruned: the best one by evaluation (the first of equals), or the last."""
    criterion: str = "magnitude"
    """Which number a weight is ranked by; the largest stay. A name in `pruning.criteria.CRITERIA`, built in or
    registered."""
    rewind: float = 0.0
    """The rewind point: levels 1 to K reset to the weights of level 0's training at this share of its rounds, in
    [0, 1). At 0 they reset to w0 (paper footnote 1, A.4). Biases and networks that are not pruned are reset to the same
    point.

    Such a level trains only what is left of the training: its schedules go on, with its own data and optimiser, as in
    Frankle et al. (2019), where "IMP with rewinding" resets to iteration k and trains from k to T. So all levels end
    where level 0 did, and a late point does not buy longer training. random/re-init has no rewind point: a fresh draw
    is trained in full whatever `rewind` is, and its cell is shared. The ticket effect of a late rewind is therefore
    understated, if anything: the levels of that baseline learn longer than the ticket's."""
