"""Settings as plain data, and one text for each: what identities and hashes are made of."""

import dataclasses
import json
from typing import Any


def to_plain(value: Any) -> Any:
    """Dataclasses as dicts with the name of their type, tuples as lists: what JSON can hold.

    Raises TypeError for a value that is none of these.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain: dict[str, Any] = {"type": type_name(type(value))}
        for f in dataclasses.fields(value):
            entry = getattr(value, f.name)
            plain[f.name] = float(entry) if f.type is float else to_plain(entry)  # 1 and 1.0 are one number
        return plain
    if isinstance(value, (tuple, list)):
        return [to_plain(entry) for entry in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"an experiment holds plain values only, not {type(value).__name__}")


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no spaces. Raises ValueError for NaN and infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one dict by dotted name, as `learner.env_steps`."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def type_name(kind: type) -> str:
    """How plain data names a class: one of this package by its name, one from elsewhere by its module as well: two may
    share a name."""
    ours = kind.__module__.split(".")[0] == __name__.split(".")[0]
    return kind.__qualname__ if ours else f"{kind.__module__}.{kind.__qualname__}"
