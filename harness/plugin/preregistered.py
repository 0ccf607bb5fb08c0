"""Preregistration as a session sees it: what its claims commit themselves to, and registering them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType

import pytest

from harness.errors import OneLineError
from harness.files import FIXTURES, SUITE_ROOT
from harness.judging.commitments import JUDGING, Item, commitments_of
from harness.judging.judge import Judge
from harness.plugin.options import Settings
from harness.profiles.profile import PROFILES
from harness.results import baseline, history, preregistration
from harness.results.preregistration import FRESH, Blocks, Commitments, Register, Registered
from harness.results.provenance import provenance
from harness.results.schema import Preregistered

CLAIMS = SUITE_ROOT / "claims"
"""This suite's own claims."""


class OwnClaims:
    """This suite's own claims among the items of a session, before any is deselected."""

    def __init__(self, judges: Mapping[pytest.Item, Judge] = MappingProxyType({})):
        self._items = [_item(item, judge) for item, judge in judges.items() if item.path.is_relative_to(CLAIMS)]
        self.partial = any(
            item.config.getoption("lf", False) or any("::" in argument for argument in item.config.args)
            for item in judges
        )
        """Whether single tests were named, or those that failed last, so that a claim may be collected in part."""

    def __contains__(self, claim: str) -> bool:
        return any(item.claim.id == claim for item in self._items)

    @cached_property
    def registrable(self) -> Commitments:
        """The commitments of the claims at the profiles at which they are registered."""
        return commitments_of(self._items, [PROFILES[name] for name in JUDGING])

    def commitments(self, names: Mapping[str, Collection[str]], settings: Settings) -> Commitments:
        """What these findings (claim -> names) commit themselves to at a session's profile with its own seeds."""
        asked = [item for item in self._items if item.name in names.get(item.claim.id, ())]
        return commitments_of(asked, [replace(settings.profile, seeds=settings.own_seeds)])


def mark(claims: OwnClaims, claim: str, known: Register, settings: Settings) -> Preregistered:
    """The note on preregistration beside a claim's verdict; empty for a claim from outside this suite."""
    if claim not in claims:
        return Preregistered()
    profile, block = settings.profile, settings.block
    found = preregistration.mark(known, claims.registrable, claim, profile.name, block, claims.partial)
    if not profile.gives_findings:
        return found.replace(changed=(), note="")
    if found.registered and (otherwise := _otherwise(settings)):
        return found.replace(changed=(), note="", otherwise=otherwise)
    return found


def word(mark: Preregistered, verdict: str) -> str:
    """The words on preregistration beside a verdict on the terminal; empty for an unchanged claim."""
    if verdict == "SMOKE":
        return ""
    if not mark.registered:
        return "not registered"
    return "not preregistered" if mark.otherwise else "changed since" if mark.changed else ""


def register_all(claims: OwnClaims, names: Collection[str], settings: Settings, reason: str = "") -> Iterator[str]:
    """Register all of this suite's claims as they are now, and say what came of each. Raises pytest.UsageError.

    names: of the selected claims. reason: why no difference counts as a change.
    """
    now, made = claims.registrable, provenance()
    if now.claims.keys() != set(names):
        raise pytest.UsageError(f"all claims of {CLAIMS} are registered together: leave out paths, --claim and -k")
    for name, claim in now.claims.items():
        for function, hypothesis in claim.hypotheses.items():
            if hypothesis.min_effect is None:
                raise pytest.UsageError(
                    f"claim {name}: the min_effect or margin of {function} must be a number written in its source"
                )

    try:
        known = preregistration.read()
        files = [FIXTURES / "baselines" / f"{profile}.json" for profile in JUDGING]
        recorded = [baseline.read(file) for file in files if file.exists()]

        def evidence(claim: str, finding: str) -> Blocks:
            """By the history, and by the committed baselines, which a fresh clone has."""
            found = dict(history.judged_blocks(settings.history, claim, finding)) if settings.history else {}
            for held in recorded:
                if claim in held.claims and (not finding or finding in held.claims[claim].findings):
                    found[held.profile] = tuple(sorted({*found.get(held.profile, ()), held.seed_block}))
            return found

        after = preregistration.registered_anew(
            known, now, made["created"], made["commit"], evidence, reason, "first registered after it was judged"
        )
        if after != known:
            preregistration.write(after)
    except (OneLineError, OSError) as error:
        raise pytest.UsageError(str(error)) from None
    yield from (f"{name}: {_outcome(known.claims.get(name), after.claims[name])}" for name in after.claims)
    yield from (f"{name}: no longer a claim" for name in known.claims if name not in after.claims)
    if after != known:
        yield f"written: {preregistration.file()}"


def _outcome(before: Registered | None, after: Registered) -> str:
    if before is not None and before.history == after.history:
        return f"unchanged since it was registered on {after.when}"
    entry = after.history[-1]
    judged = ", ".join(f"blocks {', '.join(map(str, blocks))} at {name}" for name, blocks in entry.evidence.items())
    if before is None:
        return f"registered{f'; {judged} were judged before; {entry.note}' if judged else ''}"
    said = "; ".join(change for changes in entry.changed.values() for change in changes)
    counts = judged and not entry.reason and set(entry.changed) != {FRESH}
    return f"registered again: {said}{f'; {judged} were judged before and stay marked' if counts else ''}"


def _otherwise(settings: Settings) -> str:
    """How this session differs from what is registered; empty if it does not."""
    profile = settings.profile
    if profile.name not in JUDGING:
        return f"judged at profile {profile}, which is not registered"
    said = [*profile.altered]
    own = settings.own_seeds
    said += [f"--claims-seeds {profile.seeds}, registered with {own}"] if profile.seeds != own else []
    return f"changed by {', '.join(said)}" if said else ""


def _item(item: pytest.Item, judge: Judge) -> Item:
    parameters = dict(item.callspec.params) if hasattr(item, "callspec") else {}
    function = getattr(item, "originalname", None) or item.name.partition("[")[0]
    return Item(judge.claim, judge.name, function, item.path, judge.hypothesis, parameters)
