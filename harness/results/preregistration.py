"""What claims committed themselves to before they were judged, what has changed since, and what a baseline compares.

fixtures/preregistration.json is written by `python -m harness preregister` alone. Each registration that differs from
the one before goes into the claim's history, with what changed and with the seed blocks on which the claim had been
judged by then: on those it was no prediction any more.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from harness import files
from harness.canonical import canonical_json
from harness.files import FixtureError, replace_file
from harness.results.model import Model, dump, in_a_line
from harness.results.schema import Count, Preregistered, Rule

FORMAT: Literal[2] = 2
FRESH = "fresh"
"""Findings that were added before anything of them was judged: the verdicts on the others tell nothing of them."""

Blocks = dict[str, tuple[Count, ...]]
"""Profile -> the seed blocks on which a claim was judged."""


class Hypothesis(Model):
    """A test function of a claim.

    says        its docstring
    min_effect  the smallest effect of interest, or the margin; None where the source does not say the number
    judged_by   the call of the judge, without that number
    constants   the module's literals that it uses
    code        a hash of its source and of all that it uses of its module, but for what stands in the other fields
    """

    says: str
    min_effect: float | None
    judged_by: str
    constants: dict[str, Any] = Field(default={})
    code: str


class RunCommitment(Model):
    """A run that a finding rests on. system: a key of `Commitments.settings`. times: the profile's seeds it takes.
    paper_times: the same at `paper`, 0 for as many."""

    system: str
    conditions: tuple[str, ...]
    times: int = 1
    paper_times: int = 0
    assay: bool = False

    def __str__(self) -> str:
        times = f", {self.times} times the seeds" if self.times != 1 else ""
        times += f", {self.paper_times} times at paper" if self.paper_times else ""
        return f"{self.system} under {', '.join(self.conditions)}{times}{', as an assay' if self.assay else ''}"


class FindingSubject(Model):
    """What a finding is about: the runs and the other parameters of its item, by name."""

    runs: dict[str, RunCommitment] = Field(default={})
    parameters: dict[str, Any] = Field(default={})


class SystemSettings(Model):
    """Of a system at a profile, by dotted name.

    like     "PROFILE/SYSTEM" whose settings it shares, all but those in `chosen`; empty for none
    chosen   settings that differ from their class's default, or from those of `like`; None where it lacks them
    default  the others
    """

    like: str = ""
    chosen: dict[str, Any]
    default: dict[str, Any] = Field(default={})


class Commitment(Model):
    """What one claim commits itself to. hypotheses: by test function. findings: by name."""

    says: str
    quantifier: str
    rule: Rule = "all"
    hypotheses: dict[str, Hypothesis]
    findings: dict[str, FindingSubject]


class Commitments(Model):
    """Of some claims, at some profiles.

    rule      what decides, by name: its version, alpha
    settings  profile -> system -> its settings and number of seeds
    claims    by id
    """

    rule: dict[str, float]
    settings: dict[str, dict[str, SystemSettings]]
    claims: Mapping[str, Commitment]

    def effective(self, profile: str, system: str) -> dict[str, Any]:
        """All settings of a system; none where the profile lacks it."""
        held: dict[str, Any] = {}
        for one in self._chain(profile, system):
            held |= one.default | one.chosen
        return {name: value for name, value in held.items() if value is not None}

    def defaults(self, profile: str, system: str) -> set[str]:
        """The names of the settings that are at their default."""
        found: set[str] = set()
        for one in self._chain(profile, system):
            found = (found | one.default.keys()) - one.chosen.keys()
        return found

    def _chain(self, profile: str, system: str) -> list[SystemSettings]:
        """The settings of a system, after those that it is like; an entry's own count more than those before it."""
        held = self.settings.get(profile, {}).get(system)
        if held is None:
            return []
        before, _, like = held.like.partition("/")
        return [*(self._chain(before, like) if like else []), held]

    def systems(self, claim: str, name: str = "") -> list[str]:
        """Those that a claim rests on, or one of its findings."""
        found = self.claims[claim].findings
        chosen = [found[name]] if name else found.values()
        return list(dict.fromkeys(run.system for subject in chosen for run in subject.runs.values()))

    def digest(self, claim: str) -> str:
        """SHA-256 of what a claim commits itself to, as 64 hex digits."""
        settings = {
            profile: {system: self.effective(profile, system) for system in self.systems(claim)}
            for profile in self.settings
        }
        own = self.claims[claim].model_dump(mode="json", include=set(Commitment.model_fields))
        return hashlib.sha256(canonical_json([self.rule, settings, own]).encode()).hexdigest()


class Registration(Model):
    """One time that a claim was registered.

    when      UTC, ISO 8601
    commit    what git described the tree as
    reason    why nothing in it counts as a change, e.g. a refactoring that leaves what is judged as it was; else empty
    changed   profile -> what differs from the registration before, in words; under "" what holds at every profile, and
              under `FRESH` what was a prediction all the same
    evidence  on which blocks the claim had been judged by then
    note      in words
    """

    when: str
    commit: str | None = None
    reason: str = ""
    changed: dict[str, tuple[str, ...]] = Field(default={})
    evidence: Blocks = Field(default={})
    note: str = ""


class Registered(Commitment):
    """A claim that is registered, with its history."""

    history: tuple[Registration, ...] = Field(min_length=1)

    @property
    def when(self) -> str:
        """The day from which what it commits itself to stands."""
        return next(entry.when[:10] for entry in reversed(self.history) if not entry.reason or entry is self.history[0])


class Register(Commitments):
    """All registered claims."""

    format: Literal[2]
    claims: Mapping[str, Registered]


EMPTY = Register(format=FORMAT, rule={}, settings={}, claims={})


def file() -> Path:
    """Where the registrations lie."""
    return files.FIXTURES / "preregistration.json"


def read() -> Register:
    """The registered claims; none where there is no file. Raises FixtureError for one that is damaged."""
    try:
        return Register.from_json(file().read_text("utf-8"))
    except FileNotFoundError:
        return EMPTY
    except (OSError, ValueError) as error:
        raise FixtureError(f"{file()} can't be read: {in_a_line(error)}; restore it from git") from None


def write(register: Register) -> None:
    """Replace the file."""
    plain = json.loads(register.model_dump_json(exclude_defaults=True))
    file().parent.mkdir(parents=True, exist_ok=True)
    replace_file(file(), (dump(plain) + "\n").encode())


def registered_anew(
    known: Register,
    now: Commitments,
    when: str,
    commit: str | None,
    evidence: Callable[[str, str], Blocks],
    reason: str = "",
    note: str = "",
) -> Register:
    """The register of all claims as they are now; each that has not changed keeps its history as it was.

    evidence: (claim, finding or "" for any) -> the blocks on which it was judged. reason: why no difference counts.
    note: said of a claim that is registered for the first time after it was judged.
    """
    claims = {}
    for claim, held in sorted(now.claims.items()):
        before, judged = known.claims.get(claim), evidence(claim, "")
        entry = Registration(when=when, commit=commit, reason=reason, evidence=judged)
        own = {name: getattr(held, name) for name in Commitment.model_fields}
        if before is None:
            history: tuple[Registration, ...] = (entry.replace(note=note if judged else ""),)
        else:
            fresh = [name for name in held.findings if name not in before.findings and not evidence(claim, name)]
            told = {
                "": differences(known, now, claim, leave_out=fresh),
                **{profile: settings_differ(known, now, profile, known.systems(claim)) for profile in now.settings},
                FRESH: [f"added before it was judged ({_shortly(fresh, held.findings)})"] if fresh else [],
            }
            changed = {profile: tuple(said) for profile, said in told.items() if said}
            entry = entry.replace(changed=changed, evidence=_union(before.history[-1].evidence, judged))
            history = (*before.history, *([entry] if changed else []))
        claims[claim] = Registered(**own, history=history)
    return Register(format=FORMAT, rule=now.rule, settings=now.settings, claims=claims)


def mark(
    known: Register, now: Commitments, claim: str, profile: str, block: int, partial: bool = False
) -> Preregistered:
    """The note on preregistration beside a claim's verdict at this profile and seed block.

    partial: whether some of its items may just not have been collected.
    """
    held = known.claims.get(claim)
    if held is None:
        return Preregistered(hash=now.digest(claim))
    first = held.history[0]
    note = first.note if block in first.evidence.get(profile, ()) else ""
    changed = [*differences(known, now, claim, partial), *settings_differ(known, now, profile, known.systems(claim))]
    said = [f"changed since it was registered on {held.when}: {'; '.join(changed)}"] if changed else []
    for entry in held.history[1:]:
        then = [*entry.changed.get("", ()), *entry.changed.get(profile, ())]
        if then and not entry.reason and block in entry.evidence.get(profile, ()):
            said.append(f"changed since evidence of block {block}: {'; '.join(then)} (registered on {entry.when[:10]})")
    return Preregistered(hash=known.digest(claim), registered=held.when, changed=tuple(said), note=note)


def differences(
    old: Commitments, new: Commitments, claim: str, partial: bool = False, leave_out: Collection[str] = ()
) -> list[str]:
    """The differences of a claim at every profile, in words. leave_out: findings that don't count."""
    before, now = old.claims[claim], new.claims[claim]
    where: dict[str, list[str]] = {}
    for name in dict.fromkeys((*before.findings, *now.findings)):
        if name in leave_out or (partial and name not in now.findings):
            continue
        if name in before.findings and name in now.findings:
            told = _of_finding(before, now, name)
        else:
            told = ["removed" if name in before.findings else "added"]
        for said in told:
            where.setdefault(said, []).append(name)
    every = {*before.findings, *now.findings}
    found = [f"{said} ({_shortly(names, every)})" for said, names in where.items()]
    found += ["statement reworded"] if before.says != now.says else []
    quantified = ({"quantifier": one.quantifier, "rule": one.rule} for one in (before, now))
    found += _of_values(*quantified)
    return [*found, *_of_rule(old, new)]


def finding_differs(old: Commitments, new: Commitments, claim: str, name: str, profile: str) -> list[str]:
    """How a finding's commitments differ at a profile, in words; nothing where either side does not have it."""
    before, now = old.claims.get(claim), new.claims.get(claim)
    if before is None or now is None or name not in before.findings or name not in now.findings:
        return []
    own = settings_differ(old, new, profile, old.systems(claim, name))
    return [*_of_finding(before, now, name), *_of_rule(old, new), *own]


def settings_differ(old: Commitments, new: Commitments, profile: str, systems: Iterable[str]) -> list[str]:
    """The differences in the settings of these systems at a profile, in words.

    A setting that did not exist before and is at its default is no change. A system that came or went is told by the
    findings.
    """
    where: dict[str, list[str]] = {}
    for system in systems:
        before, now = (one.effective(profile, system) for one in (old, new))
        if not before or not now:
            continue
        defaults = new.defaults(profile, system)
        compared = {name: value for name, value in now.items() if name in before or name not in defaults}
        for said in _of_values(before, compared):
            where.setdefault(said, []).append(system)
    return [f"{said} at {profile} ({', '.join(names)})" for said, names in where.items()]


def _of_finding(before: Commitment, now: Commitment, name: str) -> list[str]:
    said = []
    first, other = (one.hypotheses[_function(name)] for one in (before, now))
    said += _of_values({"min_effect": first.min_effect}, {"min_effect": other.min_effect})
    said += ["hypothesis reworded"] if first.says != other.says else []
    said += _of_values({"judged by": first.judged_by}, {"judged by": other.judged_by})
    said += _of_values(first.constants, other.constants)
    said += [f"{_function(name)} rewritten"] if first.code != other.code else []
    subjects = before.findings[name], now.findings[name]
    said += _of_values(*(one.parameters for one in subjects))
    said += _of_values(*({f"run {key}": str(run) for key, run in one.runs.items()} for one in subjects))
    return said


def _of_rule(old: Commitments, new: Commitments) -> list[str]:
    return [f"rule: {said}" for said in _of_values(old.rule, new.rule)]


def _of_values(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
    return [f"{name} {_value(old.get(name))} -> {_value(new.get(name))}" for name in names]


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return f"{value:g}" if isinstance(value, int | float) else " ".join(str(value).split())


def _function(name: str) -> str:
    """The test function of a finding's name."""
    return name.partition("[")[0]


def _shortly(names: Sequence[str], of: Iterable[str]) -> str:
    """The names; a function's alone where all of its findings are among them."""
    short = []
    for name in names:
        whole = {one for one in of if _function(one) == _function(name)} <= set(names)
        short.append(_function(name) if whole else name)
    return ", ".join(dict.fromkeys(short))


def _union(one: Blocks, other: Blocks) -> Blocks:
    """Blocks on which a claim was once judged stay judged, whatever became of the record."""
    return {name: tuple(sorted({*one.get(name, ()), *other.get(name, ())})) for name in sorted({*one, *other})}
