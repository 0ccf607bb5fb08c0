"""The places in a level's computation at which a negative control breaks something."""

from typing import TYPE_CHECKING

from harness.pruning.conditions import Rule, rule_of

if TYPE_CHECKING:
    from harness.experiment import Cell
    from harness.networks.network import Networks
    from harness.networks.params import Masks, Params


class Intervention:
    """What a negative control changes about a level (see `harness.controls`). This one changes nothing."""

    def rule(self, cell: "Cell") -> Rule:
        """How the cell's condition starts a level."""
        return rule_of(cell.condition, cell.experiment.pruning.shuffle)

    def before_training(self, cell: "Cell", networks: "Networks", masks: "Masks") -> tuple["Networks", "Masks"]:
        """What is trained in place of the networks and masks that a level starts from."""
        return networks, masks

    def after_training(self, cell: "Cell", trained: "dict[str, Params]", masks: "Masks") -> "dict[str, Params]":
        """What is pruned, and kept as evidence, in place of the prunable networks' parameters at the pruned checkpoint.

        masks: those that the level started from.
        """
        return trained


NOTHING = Intervention()
