"""Negative controls: the experiment with one ingredient broken, under which a claim must stop reproducing.

A control is a `Control` under a name in `CONTROLS`; what it does not break it inherits. An experiment that names one is
another experiment: its id differs, and its evidence can't be taken for a real one's. The controls of this suite are in
`broken`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from harness.pruning.conditions import Rule, rule_of
from harness.registry import Origin, Registry, caller

if TYPE_CHECKING:  # the engine asks a control; a control knows no engine
    from harness.experiment import Cell, Experiment
    from harness.pruning.layout import Masks, Networks


class Control:
    """Breaks nothing. Its docstring, in a control the first line of its own, says what is broken."""

    def experiment(self, real: "Experiment") -> "Experiment":
        """The settings, after all that a claim or an option changed about them."""
        return real

    def rule(self, cell: "Cell") -> Rule:
        """How the cell's condition starts a level."""
        return rule_of(cell.condition, cell.experiment.pruning.shuffle)

    def before_training(self, cell: "Cell", networks: "Networks", masks: "Masks") -> tuple["Networks", "Masks"]:
        """What is trained in place of the networks and masks that a level starts from."""
        return networks, masks

    def after_training(self, cell: "Cell", trained: "Networks", masks: "Masks") -> "Networks":
        """What is pruned and kept as evidence in place of the prunable networks at the pruned checkpoint.

        masks: those that the level started from.
        """
        return trained

    def returns(self, returns: dict[str, np.ndarray], seeds: tuple[int, ...]) -> dict[str, np.ndarray]:
        """What is judged in place of the returns, float64[seeds, levels + 1] by condition."""
        return returns


CONTROLS: Registry[Control] = Registry("control")


def control(name: str) -> Callable[[type[Control]], type[Control]]:
    """Register the class below it as the control `name`. Raises RegistrationError."""

    registrar = caller()

    def register(kind: type[Control]) -> type[Control]:
        CONTROLS.add(name, kind(), Origin(kind.__module__, kind.__qualname__, registrar.file), registrar)
        return kind

    return register


def control_of(experiment: "Experiment") -> Control:
    """The control that breaks it; one that breaks nothing where it is a real one. Raises UnknownNameError."""
    return CONTROLS[experiment.control] if experiment.control else Control()


def says(name: str) -> str:
    """What the control `name` breaks, in one line. Raises UnknownNameError."""
    return (CONTROLS[name].__doc__ or name).strip().splitlines()[0]
