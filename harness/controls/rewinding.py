"""A control of the claim on rewinding: a ticket that is worth less when it is rewound to the start."""

from harness.controls import Control, control
from harness.experiment import SHUFFLED, TICKET, Cell
from harness.pruning.conditions import Rule, rule_of


@control("start-shuffled")
class StartShuffled(Control):
    """The mask of a ticket that is rewound to 0 is shuffled, as permuted/permuted's is; one rewound later keeps its."""

    def rule(self, cell: Cell) -> Rule:
        """Of the other condition, in its own name."""
        shuffled = cell.condition == TICKET and cell.rewind == 0
        return rule_of(SHUFFLED) if shuffled else super().rule(cell)
