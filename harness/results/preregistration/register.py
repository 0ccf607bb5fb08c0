"""fixtures/preregistration.json: the document of each claim, its hash, and what became of it.

Written by `python -m harness preregister` alone. Every registration that differs from the one before goes to the
claim's history, with what changed, and with the seed blocks that had evidence by then: on those the claim was no
prediction any more.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import files
from harness.files import FixtureError, replace_file
from harness.results.preregistration.document import Document, document_hash
from harness.results.preregistration.seen import Blocks

SCHEMA = 1
FRESH = "fresh"
"""Findings added of whose systems nothing had been seen: evidence of the claim's other ones tells nothing of them."""


@dataclass(frozen=True)
class Registration:
    """One time that a claim was registered.

    when: UTC. hash: of the document. changed: profile -> what differed from the document before ("" where it holds at
    every profile, FRESH where it was a prediction all the same). evidence: on which blocks there was some by then.
    note: in words.
    """

    when: str
    hash: str
    changed: dict[str, list[str]]
    evidence: Blocks
    note: str = ""


@dataclass(frozen=True)
class Registered:
    """A claim that is registered: the document in force, how its hypotheses are judged (to be read), its history."""

    document: Document
    calls: dict[str, str]
    history: tuple[Registration, ...]

    @property
    def when(self) -> str:
        """The day from which the document in force stands."""
        return self.history[-1].when[:10]


def file() -> Path:
    """Where the registrations lie."""
    return files.FIXTURES / "preregistration.json"


def read() -> dict[str, Registered]:
    """The registered claims by id; none where there is no file. Raises FixtureError for one that was damaged."""
    path = file()
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise FixtureError(f"{path} can't be read: {' '.join(str(error).split())}; restore it from git") from None
    try:
        if content["schema"] != SCHEMA:
            raise ValueError(f"it has schema {content['schema']!r}, not {SCHEMA}")
        return {name: _registered(name, entry) for name, entry in content["claims"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise FixtureError(f"{path} is no register of claims: {why}; restore it from git") from None


def write(claims: Mapping[str, Registered]) -> None:
    """Replace the file."""
    plain = {name: {"hash": document_hash(one.document), **asdict(one)} for name, one in sorted(claims.items())}
    text = json.dumps({"schema": SCHEMA, "claims": plain}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    file().parent.mkdir(parents=True, exist_ok=True)
    replace_file(file(), text.encode())


def registered_anew(
    before: Registered | None,
    document: Document,
    calls: dict[str, str],
    when: str,
    evidence: Blocks,
    note: str,
    fresh: Collection[str] = (),
) -> Registered:
    """The claim with this document in force; `before` itself where nothing differs.

    fresh: findings of which the evidence at hand holds nothing on any block. To add one is no change of the others,
    unless its systems were registered before and there has been evidence since: that may have been removed.
    """
    if before is None:
        return Registered(document, calls, (Registration(when, document_hash(document), {}, evidence, note),))
    evidence = _union(before.history[-1].evidence, evidence)
    judged = {one for finding in before.document["findings"].values() for one in _systems(finding)} if evidence else {}
    fresh = [name for name in fresh if name not in before.document["findings"]]
    fresh = [name for name in fresh if not any(one in judged for one in _systems(document["findings"][name]))]
    seen = {name: finding for name, finding in document["findings"].items() if name not in fresh}
    changed = {"": differences(before.document, {**document, "findings": seen}, "")}
    changed |= {name: differences(before.document, document, name) for name in document["profiles"]}
    changed[FRESH] = [f"added, with nothing seen of it ({_shortly(fresh, document['findings'])})"] if fresh else []
    changed = {name: said for name, said in changed.items() if said}
    if not changed:
        return before
    entry = Registration(when, document_hash(document), changed, evidence, note)
    return Registered(document, calls, (*before.history, entry))


def _systems(finding: Mapping[str, Any]) -> list[str]:
    return [run["system"] for run in finding["runs"].values()]


def _union(one: Blocks, other: Blocks) -> Blocks:
    """What had evidence once had it, whatever became of that."""
    return {name: sorted({*one.get(name, ()), *other.get(name, ())}) for name in sorted({*one, *other})}


def sentences(registered: Registered, document: Document, profile: str, block: int, partial: bool) -> list[str]:
    """What a verdict at this profile and block must say of changes, a sentence each; empty where it was predicted.

    partial: whether some of the claim's items may just not have been collected.
    """
    now = [
        *differences(registered.document, document, "", partial),
        *differences(registered.document, document, profile),
    ]
    said = [f"changed since it was registered on {registered.when}: {'; '.join(now)}"] if now else []
    for entry in registered.history[1:]:
        then = [*entry.changed.get("", ()), *entry.changed.get(profile, ())]
        if then and block in entry.evidence.get(profile, ()):
            said.append(f"changed since evidence of block {block}: {'; '.join(then)} (registered on {entry.when[:10]})")
    return said


def differences(old: Document, new: Document, profile: str, partial: bool = False) -> list[str]:
    """What differs between two documents in the budgets of one profile, or where it is "" in all else; in words."""
    if profile:
        return _of_budgets(old["profiles"].get(profile, {}), new["profiles"].get(profile, {}), profile)
    said = []
    said += ["what the paper says reworded"] if old["says"] != new["says"] else []
    said += [f"quantifier {old['quantifier']} -> {new['quantifier']}"] if old["quantifier"] != new["quantifier"] else []
    return [*_of_findings(old["findings"], new["findings"], partial), *said, *_of_rule(old, new)]


def differences_of_finding(old: Mapping[str, Any], new: Mapping[str, Any], profile: str) -> list[str]:
    """What differs between two commitments of a finding at that profile (see `commitments.commitment_in`), in words."""
    return [*_of_finding(old["finding"], new["finding"]), *_of_rule(old, new), *_of_budgets(old, new, profile)]


def _of_findings(old: dict[str, Any], new: dict[str, Any], partial: bool) -> list[str]:
    where: dict[str, list[str]] = {}
    for name in dict.fromkeys((*old, *new)):
        if name not in new and partial:
            continue
        if name not in new or name not in old:
            where.setdefault("removed" if name in old else "added", []).append(name)
            continue
        for said in _of_finding(old[name], new[name]):
            where.setdefault(said, []).append(name)
    return [f"{said} ({_shortly(names, {*old, *new})})" for said, names in where.items()]


def _of_finding(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    said = []
    numbers = ("kind", "min_effect", "margin")
    said += _of_values(*({name: one[name] for name in numbers if name in one} for one in (old, new)))
    said += ["hypothesis reworded"] if old["hypothesis"] != new["hypothesis"] else []
    said += _of_values(old["constants"], new["constants"])
    said += [f"estimand {name} rewritten" for name in _names(old["estimand"], new["estimand"])]
    said += [f"measure {name} rewritten" for name in _names(old["measures"], new["measures"])]
    said += _of_values(old["parameters"], new["parameters"])
    said += _of_values(*({f"run {name}": _run(run) for name, run in one["runs"].items()} for one in (old, new)))
    return said


def _of_rule(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    said = []
    for name in ("alpha", "seeds per block"):
        said += [f"{name} {old[name]:g} -> {new[name]:g}"] if old[name] != new[name] else []
    said += _of_values(old["rule"]["constants"], new["rule"]["constants"])
    return [*said, *(f"rule {name} rewritten" for name in _names(old["rule"]["code"], new["rule"]["code"]))]


def _of_budgets(old: Mapping[str, Any], new: Mapping[str, Any], profile: str) -> list[str]:
    said = [f"seeds at {profile} {_value(old.get('seeds'))} -> {_value(new.get('seeds'))}"]
    said = said if old.get("seeds") != new.get("seeds") else []
    where: dict[str, list[str]] = {}
    systems = old.get("systems", {}), new.get("systems", {})
    shared = [name for name in systems[0] if name in systems[1]]  # one that came or went is told by its findings
    for name in shared:
        before, after = ({**one[name]["set"], **one[name]["default"]} for one in systems)
        unknown = [setting for setting in systems[1][name]["default"] if setting not in before]  # it did not exist then
        for change in _of_values(before, {setting: after[setting] for setting in after if setting not in unknown}):
            where.setdefault(change, []).append(name)
    return said + [f"{change} at {profile} ({', '.join(names)})" for change, names in where.items()]


def _of_values(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [f"{name} {_value(old.get(name))} -> {_value(new.get(name))}" for name in _names(old, new)]


def _names(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The names under which the two do not hold the same."""
    return [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]


def _run(run: Mapping[str, Any]) -> str:
    times = f", {run['times']} times the seeds" if run["times"] != 1 else ""
    return f"{run['system']} under {', '.join(run['conditions'])}{times}{', as an assay' if run['assay'] else ''}"


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return f"{value:g}" if isinstance(value, int | float) else " ".join(str(value).split())


def _shortly(names: Iterable[str], of: Iterable[str]) -> str:
    """The names; a test by its function's where all its items are among them."""
    names, short = list(names), []
    for name in names:
        function = name.partition("[")[0]
        whole = {one for one in of if one.partition("[")[0] == function} <= set(names)
        short.append(function if whole else name)
    return ", ".join(dict.fromkeys(short))


def _registered(name: str, entry: dict[str, Any]) -> Registered:
    """One claim of the file. Raises KeyError, TypeError or ValueError for what is none."""
    if entry["hash"] != document_hash(entry["document"]):
        raise ValueError(f"the document of {name} does not have the hash that stands beside it")
    history = tuple(Registration(**one) for one in entry["history"])
    if not history or history[-1].hash != entry["hash"]:
        raise ValueError(f"the history of {name} does not end with its document")
    return Registered(entry["document"], entry["calls"], history)
