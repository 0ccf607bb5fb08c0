"""What the paper states as numbers (`fixtures/paper.json`), and this run's beside it.

    {"schema": 1, "claims": {id: [value, ...]}, "experiments": {system: [value, ...]}}

    value  {"what", "value", "unit", "where", "note"} and, where this suite measures the same, "ours".
           value  a number or words; null where the paper draws it and gives no number
           where  "Section 4.2, Figures 7, 8, Table 2, Footnote 1": places that the paper has
           ours   {"scale": quantity, "system": name} what a run had of it; the system is that of the experiment where
                  none is named. Or {"findings": [name, ...]}: the effects of these findings.

Facts and figures only, written by hand; nothing of ours is in it.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.files import FIXTURES
from reports import numbers
from reports.marks import CONCLUSIONS, Mark, mark

SCHEMA = 1
FILE = FIXTURES / "paper.json"
EVERY_SYSTEM = "every system"
PLACES = {
    "Section": (
        *["1", "2", "3", "3.1", "3.2", "3.3", "4", "4.1", "4.2", "5"],
        *["A", "A.1", "A.2", "A.3", "A.4", "A.5", "B", "C", "C.1", "C.2", "C.3", "C.4", "C.5", "C.6"],
    ),
    "Figure": tuple(map(str, range(1, 16))),
    "Table": tuple(map(str, range(1, 12))),
    "Footnote": ("1", "2"),
}
"""What the paper has, by its numbers."""
UNMEASURED = "not in this run"


@dataclass(frozen=True)
class Value:
    """One thing that the paper states; see the module. scale, system, findings: what of a run means the same."""

    what: str
    value: float | str | None
    unit: str
    where: str
    note: str
    scale: str = ""
    system: str = ""
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Paper:
    """All of them by claim and by experiment; `problem` says in a line why there is none."""

    claims: Mapping[str, tuple[Value, ...]]
    experiments: Mapping[str, tuple[Value, ...]]
    problem: str = ""


@dataclass(frozen=True)
class Ours:
    """What this run has beside a value: words, with a finding's mark and place where it is one's."""

    says: str
    mark: Mark | None = None
    anchor: str = ""


@dataclass(frozen=True)
class Beside:
    """A line of the table: what the paper states, as text, and what this run has; nothing where none can be."""

    what: str
    stated: str
    where: str
    note: str
    ours: tuple[Ours, ...]


@dataclass(frozen=True)
class Settings:
    """What the paper states of one of its experiments."""

    title: str
    values: tuple[Beside, ...]


def stated(path: Path = FILE) -> Paper:
    """The fixture; a file that is not what it must be is a problem of its own, and costs no report."""
    try:
        return read(path)
    except ValueError as problem:
        return Paper({}, {}, str(problem))


def read(path: Path = FILE) -> Paper:
    """The fixture, all of it checked. Raises ValueError, in one line, that names the entry."""
    try:
        content = json.loads(path.read_text("utf-8"), object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} can't be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ValueError(f"{path} is no record of the paper's values of schema {SCHEMA}")
    if set(content) != {"schema", "claims", "experiments"}:
        raise ValueError(f"{path} has schema, claims and experiments, and nothing else")
    claims, experiments = (_group(content[name], f"{path}: {name}") for name in ("claims", "experiments"))
    return Paper(claims, experiments)


def beside(values: Iterable[Value], findings: Sequence[Mapping[str, Any]], experiment: str = "") -> tuple[Beside, ...]:
    """These values with what `findings` have of the same. experiment: the system that they are stated of."""
    return tuple(
        Beside(
            value.what,
            "no number" if value.value is None else f"{numbers.plain(value.value)} {value.unit}".strip(),
            value.where,
            value.note,
            _ours(value, findings, experiment),
        )
        for value in values
    )


def _ours(value: Value, findings: Sequence[Mapping[str, Any]], experiment: str) -> tuple[Ours, ...]:
    if value.scale:
        system = value.system or ("" if experiment == EVERY_SYSTEM else experiment)
        had = dict.fromkeys(_had(findings, value.scale, system))
        unit = "" if isinstance(value.value, str) or not value.unit or value.unit[0] == "%" else f" {value.unit}"
        return (Ours(" or ".join(had) + unit),) if had else (Ours(UNMEASURED),)
    if value.findings:
        named = [finding for name in value.findings for finding in findings if finding["name"] == name]
        return tuple(map(_measured, named)) or (Ours(UNMEASURED),)
    return ()


def _had(findings: Sequence[Mapping[str, Any]], quantity: str, system: str) -> Iterable[str]:
    """What runs on a system had of a quantity; of all systems where none is named."""
    for finding in findings:
        scale = finding["scale"]
        for name, quantities in scale.items() if isinstance(scale, Mapping) else ():
            pair = quantities.get(quantity) if isinstance(quantities, Mapping) else None
            if isinstance(pair, Mapping) and f"{name} ".startswith(f"{system} ".lstrip()):
                yield numbers.plain(pair.get("here"))


def _measured(finding: Mapping[str, Any]) -> Ours:
    effect, lower, upper = (finding[name] for name in ("effect", "lower", "upper"))
    shown = numbers.effect(effect, [lower, upper], sign=True)
    says = f"{shown} {numbers.interval(lower, upper, [effect])} {finding['unit'] or ''}"
    return Ours(" ".join(says.split()), mark(finding["conclusion"], CONCLUSIONS), str(finding["anchor"]))


def _group(content: Any, of: str) -> dict[str, tuple[Value, ...]]:
    if not isinstance(content, dict):
        raise ValueError(f"{of} is no object")
    found = {}
    for name, values in content.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"{of}, {name!r} has no list of values")
        found[name] = tuple(_value(value, f"{of}, {name!r}, value {i + 1}") for i, value in enumerate(values))
    return found


def _value(content: Any, of: str) -> Value:
    needed = {"what", "value", "unit", "where", "note"}
    if not isinstance(content, dict) or set(content) - {"ours"} != needed:
        raise ValueError(f"{of} must have {', '.join(sorted(needed))} and may have ours, nothing else")
    if not all(isinstance(content[name], str) for name in needed - {"value"}) or not content["what"]:
        raise ValueError(f"{of}: what, unit, where and note are text, and what is not empty")
    value = content["value"]
    if isinstance(value, bool) or not isinstance(value, int | float | str | None) or value == "":
        raise ValueError(f"{of}: the value is a number, words or null, not {value!r}")
    if isinstance(value, float) and numbers.number(value) in (None, float("inf"), float("-inf")):
        raise ValueError(f"{of}: the value is not finite")
    if (wrong := _no_place(content["where"])) is not None:
        raise ValueError(f"{of}: the paper has no {wrong!r}")
    return Value(content["what"], value, content["unit"], content["where"], content["note"], **_source(content, of))


def _source(content: Mapping[str, Any], of: str) -> dict[str, Any]:
    ours = content.get("ours", {})
    if isinstance(ours, dict) and ours:
        names = ours.get("findings")
        if set(ours) == {"findings"} and isinstance(names, list) and names and all(type(n) is str for n in names):
            return {"findings": tuple(names)}
        if set(ours) in ({"scale"}, {"scale", "system"}) and all(type(text) is str and text for text in ours.values()):
            return ours
    elif "ours" not in content:
        return {}
    raise ValueError(f"{of}: ours names a scale, with or without its system, or findings")


def _no_place(where: str) -> str | None:
    """The first place that the paper has not; None where it has all."""
    kind = ""
    for part in where.split(", "):
        named = re.fullmatch(r"(?:([A-Z][a-z]+) )?([A-C0-9.]+)", part)
        if named is None:
            return part
        kind = named[1].removesuffix("s") if named[1] else kind
        if named[2] not in PLACES.get(kind, ()):
            return part
    return None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{twice[0]!r} is there twice")
    return dict(pairs)
