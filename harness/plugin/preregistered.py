"""Preregistration as a session sees it: the documents of its claims, what is said beside a verdict, and registering."""

import datetime
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from harness.files import SUITE_ROOT, FixtureError
from harness.judging.claim import Claim
from harness.judging.judge import Judge
from harness.plugin.options import Settings
from harness.results.preregistration import register
from harness.results.preregistration.commitments import Commitments, commitments_of
from harness.results.preregistration.document import JUDGING, Document, Subject, calls_of, document_hash, document_of
from harness.results.preregistration.register import FRESH, Registered
from harness.results.preregistration.seen import blocks_of, stored, unseen
from harness.results.schema import Finding, Preregistered

CLAIMS = SUITE_ROOT / "claims"
"""This suite's own claims."""


class Claims:
    """The house's claims among the items of a session, before any is deselected: what its documents are made of."""

    def __init__(self, judges: Mapping[pytest.Item, Judge] = MappingProxyType({})):
        self._subjects: dict[str, list[Subject]] = {}
        self._claims: dict[str, Claim] = {}
        self.partial = False
        """Whether a path named single tests, so that others of the same claim may not have been collected."""
        for item, judge in judges.items():
            if item.path.is_relative_to(CLAIMS):
                self._claims[judge.claim.id] = judge.claim
                self._subjects.setdefault(judge.claim.id, []).append(_subject(item, judge))
                self.partial |= any("::" in argument for argument in item.config.args)

    def __contains__(self, claim: str) -> bool:
        return claim in self._claims

    def document(self, claim: str) -> Document:
        """The claim's, as its source has it now."""
        return document_of(self._claims[claim], self._subjects[claim])

    def commitments(self, names: Mapping[str, Collection[str]], settings: Settings) -> Commitments:
        """What these findings (claim -> names) commit themselves to, each by itself, at a session's profile with the
        seeds that are its own; those that are not of the house are left out."""
        asked = {
            claim: [subject for subject in self._subjects[claim] if subject.name in names[claim]]
            for claim in names
            if claim in self
        }
        return commitments_of(asked, replace(settings.profile, seeds=settings.own_seeds))

    def calls(self, claim: str) -> dict[str, str]:
        """How its hypotheses are judged, as its source says it."""
        return calls_of(self._subjects[claim])

    def file(self, claim: str) -> Path:
        """The module that declares it."""
        return self._subjects[claim][0].file


def mark(
    claims: Claims, claim: str, known: Registered | None, settings: Settings, findings: Iterable[Finding]
) -> Preregistered:
    """What stands beside a claim's verdict.

    hash: of what is registered, or of the document now where nothing is; None for a claim from outside the house.
    registered: the day, None where it is not. changed: sentences. note: of a claim whose first registration came after
    evidence of this very block. known: what is registered of it.
    """
    if claim not in claims:
        return Preregistered()
    document = claims.document(claim)
    if known is None:
        return Preregistered(hash=document_hash(document))
    found = Preregistered(hash=known.history[-1].hash, registered=known.when)
    profile, block = settings.profile, settings.block
    if not profile.gives_findings:
        return found
    if other := _unlike_registered(settings):
        return found.replace(changed=(f"not preregistered: {other}",))
    changed = register.sentences(known, document, profile.name, block, claims.partial)
    changed += _judged_otherwise(known.document, document, findings)
    first = known.history[0]
    note = first.note if first.note and block in first.evidence.get(profile.name, ()) else ""
    return found.replace(changed=tuple(changed), note=note)


def word(mark: Preregistered, verdict: str) -> str:
    """What the terminal says of it beside the verdict; empty where the claim is as it was registered."""
    if verdict == "SMOKE" or (mark.registered and not mark.changed):
        return ""
    if not mark.registered:
        return "not registered"
    return "not preregistered" if mark.changed[0].startswith("not preregistered") else "changed since"


def register_all(claims: Claims, names: Iterable[str], settings: Settings) -> Iterator[str]:
    """Register these claims as they are now, and say what came of each, a line each. Raises pytest.UsageError."""
    try:
        yield from _registered(claims, names, settings)
    except (FixtureError, OSError) as error:
        raise pytest.UsageError(str(error)) from None


def _registered(claims: Claims, names: Iterable[str], settings: Settings) -> Iterator[str]:
    known, cells = register.read(), stored(settings.evidence)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    result = dict(known)
    for name in names:
        if name not in claims:
            yield f"{name}: not registered, for it is no claim of {CLAIMS}"
            continue
        before, document = known.get(name), claims.document(name)
        vague = [finding for finding in document["findings"] if isinstance(_margin(document, finding), str)]
        if vague:
            raise pytest.UsageError(
                f"claim {name}: the smallest effect or margin of {vague[0]} is no number in its source; write it there"
            )
        documents = [document, *([before.document] if before else [])]
        evidence = blocks_of(name, documents, settings.evidence, cells)
        note = (
            ""
            if before or not evidence
            else f"first registered after {_said(evidence)} existed{_in_git(claims.file(name))}"
        )
        result[name] = register.registered_anew(
            before, document, claims.calls(name), now, evidence, note, unseen(document, cells)
        )
        yield f"{name}: {_outcome(before, result[name])}"
    for name in known:
        if name not in claims:
            yield f"{name}: is no claim of {CLAIMS} any more; what was registered stays"
    if result != known:
        register.write(result)
        yield f"written: {register.file()}"


def _outcome(before: Registered | None, after: Registered) -> str:
    if after is before:
        return f"as registered on {after.when}"
    entry = after.history[-1]
    if before is None:
        return f"registered, {entry.hash[:12]}{'; ' + entry.note if entry.note else ''}"
    said = "; ".join(change for changes in entry.changed.values() for change in changes)
    stays = entry.evidence and set(entry.changed) != {FRESH}
    after_evidence = f"; after {_said(entry.evidence)} existed, which stays marked" if stays else ""
    return f"registered again, {entry.hash[:12]}: {said}{after_evidence}"


def _said(evidence: Mapping[str, list[int]]) -> str:
    parts = [
        f"block{'s' if len(blocks) > 1 else ''} {', '.join(map(str, blocks))} at {profile}"
        for profile, blocks in evidence.items()
    ]
    return f"evidence of {' and '.join(parts)}"


def _in_git(file: Path) -> str:
    """Since when the lines with a margin stand in git, and the file's last change; empty where git can't tell."""
    found = []
    for says, narrowed in (
        ("its margins stand in git since", ["-Gmin_effect|smallest|margin|MIN_EFFECT"]),
        ("its file since", []),
    ):
        command = ["git", "log", "-1", "--format=%h (%cd)", "--date=format:%Y-%m-%d %H:%M", *narrowed, "--", str(file)]
        try:
            done = subprocess.run(command, cwd=SUITE_ROOT, capture_output=True, text=True)
        except OSError:
            return ""
        if done.returncode == 0 and done.stdout.strip():
            found.append(f"{says} {done.stdout.strip()}")
    return f"; {', '.join(found)}" if found else ""


def _unlike_registered(settings: Settings) -> str:
    """Why this session judges something else than what is registered; empty where it does not."""
    profile = settings.profile
    if profile.name not in JUDGING:
        return f"judged at profile {profile}"
    changed = str(profile).removeprefix(profile.name).removeprefix(" with ")
    said = [changed] if changed else []
    own = settings.own_seeds
    said += [f"--claims-seeds {profile.seeds}, registered with {own}"] if profile.seeds != own else []
    return f"changed by {', '.join(said)}" if said else ""


def _judged_otherwise(registered: Document, now: Document, findings: Iterable[Finding]) -> list[str]:
    """Where a margin came out as another than the registered one, though the claim's source says the same."""
    said = []
    for finding in findings:
        name = finding.nodeid.partition("::")[2]
        margin = _margin(registered, name)
        judged = finding.conclusion not in ("not run", "error", "smoke")
        if judged and margin == _margin(now, name) and isinstance(margin, int | float) and margin != finding.min_effect:
            said.append(f"judged by {finding.min_effect:g} where {margin:g} is registered ({name})")
    return said


def _margin(document: Document, name: str) -> Any:
    finding = document["findings"].get(name, {})
    return finding.get("min_effect", finding.get("margin"))


def _subject(item: pytest.Item, judge: Judge) -> Subject:
    params = dict(item.callspec.params) if hasattr(item, "callspec") else {}
    function = getattr(item, "originalname", None) or item.name.partition("[")[0]
    return Subject(_name(item), function, item.path, judge.hypothesis, params)


def _name(item: pytest.Item) -> str:
    """The item's id without its file."""
    return item.nodeid.partition("::")[2] or item.name
