"""Controls of claims that compare tickets with tickets: they shuffle the masks of some tickets and not of others."""

from harness.controls.control import Control, control
from harness.experiment import Cell
from harness.profiles.profile import TASKS
from harness.pruning.conditions import SHUFFLED, TICKET, Rule, rule_of


class Shuffled(Control):
    """The masks of the tickets that `hits` selects are shuffled within each layer, as in permuted/permuted."""

    def hits(self, cell: Cell) -> bool:
        """Whether the mask of this ticket is shuffled."""
        raise NotImplementedError

    def rule(self, cell: Cell) -> Rule:
        """The rule of permuted/permuted for a selected ticket, which keeps its name."""
        return rule_of(SHUFFLED) if cell.condition == TICKET and self.hits(cell) else super().rule(cell)


@control("start-shuffled")
class StartShuffled(Shuffled):
    """Tickets rewound to 0 get a shuffled mask, as in permuted/permuted; those rewound later keep theirs."""

    def hits(self, cell: Cell) -> bool:
        """Those rewound to the start."""
        return cell.rewind == 0


@control("larger-shuffled")
class LargerShuffled(Shuffled):
    """In all but the smallest network of a task the ticket's mask is shuffled, as in permuted/permuted."""

    def hits(self, cell: Cell) -> bool:
        """Those in a larger network."""
        return _place(cell) > 0


@control("smallest-shuffled")
class SmallestShuffled(Shuffled):
    """In the smallest network of a task the ticket's mask is shuffled, as in permuted/permuted."""

    def hits(self, cell: Cell) -> bool:
        """Those in the smallest network."""
        return _place(cell) == 0


def _place(cell: Cell) -> int:
    """Among the networks that claims on size compare (`budgets.Budgets.sizes`), the smallest first; -1 for another."""
    e = cell.experiment
    sizes = TASKS[e.task.name].sizes.get(e.learner.name, ()) if e.task.name in TASKS else ()
    return sizes.index(e.network.hidden) if e.network.hidden in sizes else -1
