"""Negative controls: the experiment with one ingredient broken, under which a claim must stop reproducing.

Importing this package registers the controls of this suite, which are in `broken` and `shuffled`.
"""

import dataclasses

from harness.controls import broken as broken
from harness.controls import shuffled as shuffled
from harness.controls.control import CONTROLS, Control, control, control_of, says
from harness.overrides import Override
from harness.profiles.profile import Profile

__all__ = ["CONTROLS", "Control", "broken_by", "control", "control_of", "says"]


def broken_by(name: str, profile: Profile) -> Profile:
    """The profile with every experiment broken by the control `name`. Raises UnknownNameError."""
    overrides = tuple(map(Override.parse, CONTROLS[name].overrides))
    return dataclasses.replace(profile, control=name, control_overrides=overrides)
