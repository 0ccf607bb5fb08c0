"""Controls of the claims on network size: a ticket that is worth less in networks of one size than of another."""

from harness.budgets.tasks import TASKS
from harness.controls import Control, control
from harness.experiment import SHUFFLED, TICKET, Cell
from harness.pruning.conditions import Rule, rule_of


@control("larger-shuffled")
class LargerShuffled(Control):
    """In all but the smallest network of a task the ticket's mask is shuffled, as permuted/permuted's is."""

    def rule(self, cell: Cell) -> Rule:
        """Of the other condition, in its own name."""
        shuffled = cell.condition == TICKET and _place(cell) > 0
        return rule_of(SHUFFLED) if shuffled else super().rule(cell)


@control("smallest-shuffled")
class SmallestShuffled(Control):
    """In the smallest network of a task the ticket's mask is shuffled, as permuted/permuted's is."""

    def rule(self, cell: Cell) -> Rule:
        """Of the other condition, in its own name."""
        shuffled = cell.condition == TICKET and _place(cell) == 0
        return rule_of(SHUFFLED) if shuffled else super().rule(cell)


def _place(cell: Cell) -> int:
    """Among the networks that claims on size compare (`budgets.Budgets.sizes`), the smallest first; -1 for another."""
    e = cell.experiment
    sizes = TASKS[e.task.name].sizes.get(e.learner.name, ()) if e.task.name in TASKS else ()
    return sizes.index(e.network.hidden) if e.network.hidden in sizes else -1
