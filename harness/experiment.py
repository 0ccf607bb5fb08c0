"""One experiment, described by frozen dataclasses; its cells and their ids.

An id is the SHA-256 of the canonical JSON of every field, defaults included: to change a default is to change
the experiment. What the ids of known cells are is pinned by literals in a test.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from harness.pruning.criteria import asks_for

if TYPE_CHECKING:  # the settings of a task or learner live beside its code: one file to add one
    from harness.learners.protocol import Learner
    from harness.tasks.spec import Task

DENSE = "dense"
CONDITIONS = ("mask/weights", "mask/permuted", "permuted/permuted", "random/re-init")
"""The paper's Table 1, from the ticket to the weakest baseline. CLAIMS.md spells them."""
TICKET, SHUFFLED, REDRAWN = CONDITIONS[0], CONDITIONS[2], CONDITIONS[3]
SURVIVING = "surviving inputs"
"""Beside Table 1: a dense network on those inputs alone that the ticket's mask of the same level is connected to, from
the same weights (paper 4.1, Figure 5 bottom right). Nothing but inputs is left out of it, and it has no chain of its
own."""


@dataclass(frozen=True)
class Network:
    """Multilayer perceptrons: the actor's (or student's) hidden units, and the critic's."""

    hidden: tuple[int, ...] = (64, 64)
    activation: Literal["relu", "tanh"] = "relu"
    initialiser: str = "kaiming"
    """A name in `networks.INITIALISERS`, built in or registered."""
    input_divisor: float = 1.0
    """The input layer's initial weights are divided by it (paper 4.2)."""
    dropout: float = 0.0
    """Share of the hidden units that are left out, drawn anew for each sample of each update, while a loss is computed;
    the others count 1 / (1 - share) as much (Srivastava et al. 2014; paper A.4). Never while an agent acts or is
    evaluated: what is pruned, scored and compared with other conditions is the network itself, and a policy that rolls
    dice over its own units would be another exploration. The units of the paper's "all layers" are the hidden ones:
    inputs and outputs have a meaning of their own."""


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
    """What permuted/permuted shuffles within a layer: single entries of the mask, or whole rows, an input's each."""
    outputs: bool = True
    """Whether the output layers are pruned too; their weights are not counted where they are not."""
    checkpoint: Literal["best", "last"] = "best"
    """Which checkpoint is pruned: the best by evaluation, first at the maximum, or the last."""
    criterion: str = "magnitude"
    """Which number a weight is ranked by, the largest stay: a name in `pruning.criteria.CRITERIA`, built in or
    registered."""
    rewind: float = 0.0
    """Where in level 0's training the weights are from that levels 1 to K reset to, as a share of its rounds in [0, 1);
    at 0 they are w0 (paper footnote 1, A.4). Biases, and networks that are not pruned, are those of that point too.

    Such a level trains what is left of the training from there: its schedules go on, with data and an optimiser of its
    own, since "IMP with rewinding" resets to an iteration k and trains from k to T (Frankle et al. 2019). So all levels
    end where level 0 did, and a late point does not buy longer training. random/re-init has no such point: a fresh draw
    is trained in full, whatever `rewind` is, so that its cell is shared. Beside it the ticket effect of a late rewind
    is understated if anything: that baseline's levels learn longer than the ticket's."""


@dataclass(frozen=True)
class Evaluation:
    """How a return is measured: undiscounted, on episodes of its own."""

    per_training: int = 10
    """Evaluations spread evenly over a training; the best one names the pruned checkpoint."""
    episodes: int = 16
    scored_episodes: int = 64
    """Fresh episodes on which the pruned checkpoint is scored."""
    actions: Literal["greedy", "sampled"] = "greedy"
    """The most probable one, or one drawn from the policy."""


@dataclass(frozen=True)
class Savings:
    """Arithmetic that is left undone because it can't change a result. Each applies only under its precondition.

    What is left out changes the order of summation, hence the bits, hence the id; not the distribution of returns.
    """

    stop_at_maximum: bool = True
    """A member whose evaluation reached the task's maximum trains no further: no later checkpoint can be
    better. Where the pruned checkpoint is the best one; and at level 0 once the rewind point is passed, since it is
    needed of every member."""
    leave_out_unreachable: bool = True
    """Units from which no path leads to an output are left out. Where there is no weight decay, and no dropout: it is
    drawn by a unit's place, so that the others would draw otherwise."""
    leave_out_zero_inputs: bool = True
    """Inputs that the task says are always zero are left out; their weights count for pruning as ever. Where there is
    no weight decay."""
    share_level_0: bool = True
    """Level 0 is trained once for all conditions of a seed, which start from the same weights and draws."""


@dataclass(frozen=True)
class Experiment:
    """One system (task and learner) with all its settings. Seeds and condition belong to a `Cell`."""

    task: "Task"
    learner: "Learner"
    network: Network = field(default_factory=Network)
    pruning: Pruning = field(default_factory=Pruning)
    evaluation: Evaluation = field(default_factory=Evaluation)
    savings: Savings = field(default_factory=Savings)
    control: str = ""
    """The negative control that breaks it, a name in `controls.CONTROLS`; none in a real experiment."""


@dataclass(frozen=True)
class Cell:
    """The unit of work and of storage: one experiment, one condition, a fixed chunk of seeds.

    `condition` is one of `CONDITIONS` or `SURVIVING` (levels 1 to K), or `DENSE` (level 0, shared by all conditions:
    see `Savings`).
    """

    experiment: Experiment
    condition: str
    seeds: tuple[int, ...]

    @property
    def levels(self) -> range:
        """The levels this cell computes."""
        if self.condition == DENSE:
            return range(1)
        return range(1 if self.experiment.savings.share_level_0 else 0, self.experiment.pruning.levels + 1)

    @property
    def rewind(self) -> float:
        """`Pruning.rewind`, but 0 for a redrawn baseline on a chain of its own: nothing of it depends on that."""
        return 0.0 if self._is_redrawn else float(self.experiment.pruning.rewind)

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

    @property
    def id(self) -> str:
        """SHA-256 of the canonical JSON of all that determines this cell's numbers, as 64 hex digits."""
        return hashlib.sha256(canonical_json(self.identity).encode()).hexdigest()

    @property
    def identity(self) -> dict[str, Any]:
        """All fields as plain data. How level 0 is pruned later does not belong to it: experiments share it.

        Raises harness.registry.UnknownNameError for a criterion that is not registered: whether it asks for
        gradients is part of a dense cell's id, which must not hang on what this process has imported.
        """
        plain: dict[str, Any] = to_plain(self)
        asks = asks_for(self.experiment.pruning.criterion, "gradients")
        if self.condition == DENSE:
            checkpoint = plain["experiment"]["pruning"]["checkpoint"]
            plain["experiment"]["pruning"] = {"type": "Pruning", "checkpoint": checkpoint}
            if asks:
                plain["experiment"]["pruning"]["gradients"] = True  # it keeps them, and is another file
            if self.rewind > 0:
                plain["experiment"]["pruning"]["rewind"] = self.rewind  # as well
            return plain
        if self.condition in (TICKET, SURVIVING):
            del plain["experiment"]["pruning"]["lineage"]  # they are the same in either reading
        if self.condition != SHUFFLED:
            del plain["experiment"]["pruning"]["shuffle"]
        if self._is_redrawn:
            del plain["experiment"]["pruning"]["rewind"]
        return plain

    @property
    def _is_redrawn(self) -> bool:
        return self.condition == REDRAWN and self.experiment.pruning.lineage == "own"


def to_plain(value: Any) -> Any:
    """Dataclasses as dicts with their type's name, tuples as lists: what JSON can hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain: dict[str, Any] = {"type": _type_name(type(value))}
        for f in dataclasses.fields(value):
            entry = getattr(value, f.name)
            plain[f.name] = float(entry) if f.type is float else to_plain(entry)  # 1 and 1.0 are one number
        return plain
    if isinstance(value, (tuple, list)):
        return [to_plain(entry) for entry in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"an experiment holds plain values only, not {type(value).__name__}")


def _type_name(kind: type) -> str:
    """A class of this package by its name, one from elsewhere by its module as well: two may share a name."""
    ours = kind.__module__.split(".")[0] == __name__.split(".")[0]
    return kind.__qualname__ if ours else f"{kind.__module__}.{kind.__qualname__}"


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
