"""One experiment, described by frozen dataclasses; its cells and their ids.

An id is the SHA-256 of the canonical JSON of every field, defaults included: to change a default is to change
the experiment. A test pins the ids of known cells by literals.
"""

import dataclasses
import hashlib
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from harness.canonical import canonical_json, to_plain
from harness.learners.training import Evaluation
from harness.networks.mlp import Network
from harness.pruning.conditions import DENSE, REDRAWN, SHUFFLED, SURVIVING, TICKET
from harness.pruning.criteria import asks_for
from harness.pruning.pruning_settings import Pruning
from harness.pruning.savings import Savings

if TYPE_CHECKING:  # the settings of a task or learner live beside its code: one file to add one
    from harness.learners.protocol import Learner
    from harness.networks.kinds import NetworkSettings
    from harness.tasks.spec import Task


@dataclass(frozen=True)
class Experiment:
    """One system (task and learner) with all its settings. Seeds and condition belong to a `Cell`."""

    task: "Task"
    learner: "Learner"
    network: "NetworkSettings" = field(default_factory=Network)
    pruning: Pruning = field(default_factory=Pruning)
    evaluation: Evaluation = field(default_factory=Evaluation)
    savings: Savings = field(default_factory=Savings)
    control: str = ""
    """The negative control that breaks it, a name in `controls.CONTROLS`; empty in a real experiment."""


@dataclass(frozen=True)
class Cell:
    """The unit of work and of storage: one experiment, one condition, a fixed chunk of seeds.

    `condition` is `DENSE` (level 0, which all conditions share: see `Savings.share_level_0`), or one of `CONDITIONS` or
    `SURVIVING` (levels 1 to K).
    """

    experiment: Experiment
    condition: str
    seeds: tuple[int, ...]

    @property
    def levels(self) -> range:
        """The levels this cell computes."""
        return levels_of(self.condition, self.experiment.pruning.levels, self.experiment.savings.share_level_0)

    @property
    def rewind(self) -> float:
        """`Pruning.rewind`, or 0 where this cell does not depend on it."""
        is_ignored = "rewind" in ignored_fields(self.condition, self.experiment.pruning.lineage)
        return 0.0 if is_ignored else float(self.experiment.pruning.rewind)

    @property
    def follows_ticket(self) -> bool:
        """Whether a level starts from the ticket's mask of that level, not from a chain of its own."""
        if self.condition in (DENSE, TICKET):
            return False
        return self.condition == SURVIVING or self.experiment.pruning.lineage == "branch"

    @property
    def parents(self) -> tuple["Cell", ...]:
        """The cells whose results this one starts from."""
        if self.condition == DENSE:
            return ()
        parents = [DENSE] if self.experiment.savings.share_level_0 else []
        if self.follows_ticket:
            parents.append(TICKET)
        pruning = dataclasses.replace(self.experiment.pruning, rewind=self.rewind)
        experiment = dataclasses.replace(self.experiment, pruning=pruning)
        return tuple(Cell(experiment, condition, self.seeds) for condition in parents)

    @cached_property
    def id(self) -> str:
        """SHA-256 of the canonical JSON of all that determines this cell's numbers, as 64 hex digits."""
        return _id(self)

    @property
    def identity(self) -> dict[str, Any]:
        """All fields that count for this cell (see `ignored_fields`), as plain data.

        Raises harness.registry.UnknownNameError for a criterion that is not registered: whether it asks for gradients
        is part of a dense cell's id, which must not depend on what this process has imported.
        """
        plain: dict[str, Any] = to_plain(self)
        del plain["experiment"]["evaluation"]["judged"]  # nothing that is stored depends on it
        pruning = plain["experiment"]["pruning"]
        asks = asks_for(self.experiment.pruning.criterion, "gradients")
        for name in ignored_fields(self.condition, self.experiment.pruning.lineage):
            del pruning[name]
        if self.condition == DENSE and asks:
            pruning["gradients"] = True  # its level keeps them, and is another file
        if self.condition == DENSE and not self.rewind:
            del pruning["rewind"]  # its level keeps no rewind point
        return plain


@cache
def _id(cell: Cell) -> str:
    return hashlib.sha256(canonical_json(cell.identity).encode()).hexdigest()


def levels_of(condition: str, last: int, share_level_0: bool) -> range:
    """The levels that a cell of this condition computes. last: `Pruning.levels`."""
    if condition == DENSE:
        return range(1)
    return range(1 if share_level_0 else 0, last + 1)


def ignored_fields(condition: str, lineage: str) -> frozenset[str]:
    """The fields of `Pruning` that do not change the numbers of a cell of this condition, and so are not part of its
    id: experiments that differ in these alone share the cell."""
    if condition == DENSE:  # it is not pruned yet, only the checkpoint for it is chosen and the rewind point is kept
        return frozenset(f.name for f in dataclasses.fields(Pruning)) - {"checkpoint", "rewind"}
    ignored = set() if condition == SHUFFLED else {"shuffle"}
    if condition in (TICKET, SURVIVING):  # they are the same in either lineage
        ignored.add("lineage")
    if condition == REDRAWN and lineage == "own":  # a fresh draw that follows its own masks
        ignored.add("rewind")
    return frozenset(ignored)
