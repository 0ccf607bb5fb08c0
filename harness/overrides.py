"""The one language in which an experiment is changed: PART.FIELD=VALUE.

`pruning.criterion=random` changes that field of every experiment that has it, `learner.ppo=mine` puts the registered
learner `mine` wherever the profile has PPO, `cart-pole:task.horizon=200` concerns one task alone, and
`ppo:learner.epsilon=1e-8` one learner. Options, the systems of claims, the other readings of the paper and controls all
use it.
"""

import dataclasses
import math
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from harness.experiment import Experiment
from harness.tasks.input_subset import InputSubset, full_task
from harness.tasks.spec import Task

PARTS = tuple(f.name for f in dataclasses.fields(Experiment) if f.name != "control")  # a control is a name, not a part
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Override:
    """A field of one part of an experiment, and its new value as it was written; `only`: of this task or learner."""

    part: str
    field: str
    value: str
    only: str = ""

    @classmethod
    def parse(cls, text: str) -> "Override":
        """Read [TASK:]PART.FIELD=VALUE or [LEARNER:]PART.FIELD=VALUE. Raises ValueError, in one line."""
        target, equals, value = text.partition("=")
        only, colon, path = target.strip().rpartition(":")
        part, dot, field = path.partition(".")
        if not (equals and dot and field and value.strip() and (only or not colon)):
            raise ValueError(
                f"an override must have the form PART.FIELD=VALUE, like pruning.criterion=random, not {text!r}"
            )
        if part not in PARTS:
            raise ValueError(f"an experiment has no part {part!r}: its parts are {', '.join(PARTS)}")
        return cls(part, field, value.strip(), only)

    def __str__(self) -> str:
        return f"{self.only}{':' if self.only else ''}{self.part}.{self.field}={self.value}"

    @property
    def words(self) -> str:
        """The override in words for people: "weight decay 0.1"."""
        name = self.field.replace("_", " ")
        return {"true": name, "false": f"without {name}"}.get(self.value, f"{name} {self.value}")

    def concerns(self, task: str, learner: str) -> bool:
        """Whether it applies to this task and learner."""
        return self.only in ("", task, learner)

    def replaces(self, learner: str) -> bool:
        """Whether it puts another learner in the place of `learner`."""
        return (self.part, self.field) == ("learner", learner)


def apply(overrides: Iterable[Override], experiment: Experiment) -> Experiment:
    """The experiment with these fields changed, where it has them. The last override of a field wins.

    All fields of a part change at once, so that settings which only go together can be given in any order. Raises
    ValueError, in one line, for values that do not fit.
    """
    names = experiment.task.name, experiment.learner.name  # as they are before anything changes
    overrides = [override for override in overrides if override.concerns(*names)]
    for name in PARTS:
        fields, part = fields_of(experiment, name), getattr(experiment, name)
        chosen = {o.field: o for o in overrides if o.part == name}
        chosen = {field: override for field, override in chosen.items() if field in fields}
        if not chosen:
            continue
        values = {field: _value(override, part) for field, override in chosen.items()}
        try:
            changed: Any = _observed(part, values) if name == "task" else dataclasses.replace(part, **values)
        except (ValueError, ArithmeticError) as error:  # settings may refuse numbers that do not go together
            raise ValueError(f"{', '.join(map(str, chosen.values()))} is not possible: {error}") from None
        experiment = dataclasses.replace(experiment, **{name: changed})
    return experiment


def fields_of(experiment: Experiment, part: str) -> list[str]:
    """The fields of a part that an override may name. Every task also has `inputs`: the ones that are observed."""
    if part != "task":
        return [f.name for f in dataclasses.fields(getattr(experiment, part)) if f.init]
    task: Any = full_task(experiment.task)
    return [*(f.name for f in dataclasses.fields(task) if f.init), "inputs"]


def _observed(task: Task, values: Mapping[str, Any]) -> Task:
    """The task with these fields changed, observed through the inputs named here, or else through its own."""
    own: Any = full_task(task)
    changed: Task = dataclasses.replace(own, **{name: value for name, value in values.items() if name != "inputs"})
    if "inputs" in values or isinstance(task, InputSubset):
        return InputSubset(changed, values.get("inputs", task.observation.names))
    return changed


def _value(override: Override, part: Any) -> Any:
    """The value as written, converted to the type of the field. Raises ValueError."""
    if override.part == "task" and override.field == "inputs":
        return tuple(name.strip() for name in override.value.split("+"))
    kind: Any = type(full_task(part) if override.part == "task" else part)
    try:
        hint = typing.get_type_hints(kind)[override.field]
    except NameError:  # a hint for type checkers alone
        hint = next(f.type for f in dataclasses.fields(kind) if f.name == override.field)
    try:
        return _parsed(override.value, hint)
    except ValueError as error:
        raise ValueError(f"{override} is not possible: {error}") from None


def _parsed(text: str, hint: Any) -> Any:
    """`text` converted to the hinted type. Raises ValueError, in words that follow "not possible: "."""
    if get_origin(hint) is Literal:
        if text not in get_args(hint):
            raise ValueError(f"the value must be one of {', '.join(map(str, get_args(hint)))}")
        return text
    if get_origin(hint) in (UnionType, typing.Union):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    if get_origin(hint) is tuple:
        try:
            return tuple(_parsed(entry, get_args(hint)[0]) for entry in text.replace("-", ",").split(","))
        except ValueError as error:
            raise ValueError(f"{error}, or several such values, as in 64-64") from None
    if hasattr(hint, "parse"):  # settings that have a short form of their own
        return hint.parse(text)
    if hint is bool:
        if text not in _BOOLEANS:
            raise ValueError("the value must be true or false")
        return _BOOLEANS[text]
    if hint is int:
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            raise ValueError("the value must be a whole number of at least 1")
        return int(text)
    if hint is float:
        return _number(text)
    if hint is str:
        return text
    raise ValueError(f"a field of type {hint} can't be set by an override")


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError("the value must be a number of at least 0")
    return number
