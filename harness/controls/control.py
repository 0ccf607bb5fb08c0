"""What a control is: a `Control` under a name in `CONTROLS`.

It overrides the hooks by which it breaks something, and inherits the others. An experiment that names a control has
an id of its own, so that its evidence can't be mistaken for real evidence.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from harness.pruning.intervention import Intervention
from harness.registry import Origin, Registry, caller

if TYPE_CHECKING:
    from harness.experiment import Experiment


class Control(Intervention):
    """Breaks nothing. The first line of a control's own docstring says what it breaks.

    overrides: fields that it changes, whatever a claim or an option sets (see `harness.overrides`).
    """

    overrides: ClassVar[tuple[str, ...]] = ()

    def returns(self, returns: dict[str, np.ndarray], seeds: tuple[int, ...]) -> dict[str, np.ndarray]:
        """The returns to judge in place of the measured ones, float64[seeds, levels + 1] by condition."""
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
    """The control that the experiment names, or one that breaks nothing. Raises UnknownNameError."""
    return CONTROLS[experiment.control] if experiment.control else Control()


def says(name: str) -> str:
    """What the control `name` breaks, in one line. Raises UnknownNameError."""
    return (CONTROLS[name].__doc__ or name).strip().splitlines()[0]
