"""Changes to a profile that an option names: PART.FIELD=VALUE.

`pruning.criterion=random` changes that field of every experiment that has it; `learner.ppo=mine` puts the registered
learner `mine` wherever the profile has PPO.
"""

import dataclasses
import math
import typing
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from harness.experiment import Experiment

PARTS = tuple(f.name for f in dataclasses.fields(Experiment) if f.name != "control")  # a name, and no part
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True)
class Change:
    """One field of one part of an experiment, and its new value as it was written."""

    part: str
    field: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "Change":
        """From PART.FIELD=VALUE. Raises ValueError, in one line."""
        name, equals, value = text.partition("=")
        part, dot, field = name.strip().partition(".")
        if not (equals and dot and field and value.strip()):
            raise ValueError(f"a change is written PART.FIELD=VALUE, like pruning.criterion=random, not {text!r}")
        if part not in PARTS:
            raise ValueError(f"an experiment has no part {part!r}: it has {', '.join(PARTS)}")
        return cls(part, field, value.strip())

    def __str__(self) -> str:
        return f"{self.part}.{self.field}={self.value}"

    def exchanges(self, learner: str) -> bool:
        """Whether it puts another learner in the place of `learner`."""
        return (self.part, self.field) == ("learner", learner)

    def applied(self, experiment: Experiment) -> Experiment:
        """The experiment with the field changed, if it has it. Raises ValueError for a value that does not fit."""
        if self.field not in fields_of(experiment, self.part):
            return experiment
        part = getattr(experiment, self.part)
        try:
            changed = dataclasses.replace(part, **{self.field: _parsed(self.value, _hint(type(part), self.field))})
        except (ValueError, ArithmeticError) as error:  # settings may refuse numbers that do not go together
            raise ValueError(f"{self} is not possible: {error}") from None
        return dataclasses.replace(experiment, **{self.part: changed})


def fields_of(experiment: Experiment, part: str) -> list[str]:
    """The fields of a part that a change may name."""
    return [f.name for f in dataclasses.fields(getattr(experiment, part)) if f.init]


def _hint(kind: type, field: str) -> Any:
    try:
        return typing.get_type_hints(kind)[field]
    except NameError:  # a hint for type checkers alone
        return next(f.type for f in dataclasses.fields(kind) if f.name == field)


def _parsed(text: str, hint: Any) -> Any:
    """`text` as what the type hint says. Raises ValueError, in words that follow "not possible: "."""
    if get_origin(hint) is Literal:
        if text not in get_args(hint):
            raise ValueError(f"it is one of {', '.join(map(str, get_args(hint)))}")
        return text
    if get_origin(hint) in (UnionType, typing.Union):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    if get_origin(hint) is tuple:
        try:
            return tuple(_parsed(entry, get_args(hint)[0]) for entry in text.replace("-", ",").split(","))
        except ValueError as error:
            raise ValueError(f"{error}, or several of them, as in 64-64") from None
    if hint is bool:
        if text not in _WORDS:
            raise ValueError("it is true or false")
        return _WORDS[text]
    if hint is int:
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            raise ValueError("it is a whole number from 1 on")
        return int(text)
    if hint is float:
        return _number(text)
    if hint is str:
        return text
    raise ValueError(f"a field of type {hint} can't be set by an option")


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError("it is a number from 0 on")
    return number
