"""Controls of claims that compare tickets with tickets: the mask of some of them is shuffled, of the others not."""

from harness.controls.control import Control, control
from harness.experiment import Cell
from harness.profiles.profile import TASKS
from harness.pruning.conditions import SHUFFLED, TICKET, Rule, rule_of


class Shuffled(Control):
    """The mask of those tickets that `hits` names is shuffled, as permuted/permuted's is."""

    def hits(self, cell: Cell) -> bool:
        """Whether this ticket is one of them."""
        raise NotImplementedError

    def rule(self, cell: Cell) -> Rule:
        """Of the other condition, in its own name."""
        return rule_of(SHUFFLED) if cell.condition == TICKET and self.hits(cell) else super().rule(cell)


@control("start-shuffled")
class StartShuffled(Shuffled):
    """The mask of a ticket that is rewound to 0 is shuffled, as permuted/permuted's is; one rewound later keeps its."""

    def hits(self, cell: Cell) -> bool:
        """Rewound to the start."""
        return cell.rewind == 0


@control("larger-shuffled")
class LargerShuffled(Shuffled):
    """In all but the smallest network of a task the ticket's mask is shuffled, as permuted/permuted's is."""

    def hits(self, cell: Cell) -> bool:
        """In a larger one."""
        return _place(cell) > 0


@control("smallest-shuffled")
class SmallestShuffled(Shuffled):
    """In the smallest network of a task the ticket's mask is shuffled, as permuted/permuted's is."""

    def hits(self, cell: Cell) -> bool:
        """In the smallest one."""
        return _place(cell) == 0


def _place(cell: Cell) -> int:
    """Among the networks that claims on size compare (`budgets.Budgets.sizes`), the smallest first; -1 for another."""
    e = cell.experiment
    sizes = TASKS[e.task.name].sizes.get(e.learner.name, ()) if e.task.name in TASKS else ()
    return sizes.index(e.network.hidden) if e.network.hidden in sizes else -1
