"""`python -m harness controls`: a claim must lose what it is REPRODUCED by where a control that it declares breaks it.

All of it on the reduced profile; claims of which nothing is supported there are tried at `scaled`. First the twin, in
which nothing is broken: every claim that declares controls must have findings there that are supported. It need not be
REPRODUCED: with half the levels it may lack the power for one system among several, a half of what the paper says may
be wrong, and a control is held against what is supported. Then each control, over the claims that declare it. What
follows from initialisation, and says so, needs no learning: there the control without learning takes nothing away. What
does so in part is no excuse.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from harness.controls import CONTROLS, broken, says, shuffled  # noqa: F401  (controls register themselves)
from harness.judging.untrained import FOLLOWS
from harness.registry import UnknownNameError
from harness.results.exit_codes import FAILED, OK
from harness.results.records import Record, RecordEntry, Tone, entry, table
from harness.results.schema import ClaimResult, Finding
from harness.trust import sessions
from harness.trust.sessions import by_name, numbers

IDLE = "nothing"
"""The control that breaks nothing."""
_AT_SCALED = "--claims-profile=scaled"
Fate = Literal["killed", "said", "survived", "unclear"]
_TONES: dict[Fate, Tone] = {"killed": "good", "said": "weak", "survived": "bad", "unclear": "bad"}
NEEDS_LEARNING = "no-learning"
_GONE = ("insensitive", "no spread", "censored")
"""Refusals that a control brings about: nothing is learned any more, or all chains are alike."""


def outcome(twin: ClaimResult, mutated: ClaimResult) -> tuple[Fate, str]:
    """The fate of a claim under a control, and why.

    said: all findings that the twin supports still are, and each says of itself that it follows from initialisation.
    survived: all findings that the twin supports still are, and none is contradicted that was not. killed: one at least
    is lost: contradicted now and not in the twin; or supported there and now equivalent, or underpowered although the
    twin could have seen an effect as large as its own 9 times in 10, or placed none within its margin; or supported
    there and now refused because nothing is learned or all chains are alike (`_GONE`). unclear:
    neither, for nothing shows that the control is the reason: an error, a test that was refused, a twin without power,
    or one that supports nothing.
    """
    was, supported = by_name(twin), _supported(twin)
    if not supported:
        return "unclear", "the twin has no supported finding that could be lost"
    now = {name: found for name, found in by_name(mutated).items() if name in was}
    lost: dict[str, list[str]] = {}  # by hypothesis
    for name, found in now.items():
        if _is_lost(was[name], found):
            lost.setdefault(name.partition("[")[0], []).append(name)
    if lost:
        return "killed", "; ".join(_told(was, now, names) for names in lost.values())
    if supported <= _supported(mutated):
        if all(FOLLOWS in was[name].note for name in supported):
            return "said", "still supported, and said to follow from initialisation"
        same = all(numbers(was[name]) == numbers(now[name]) for name in supported)
        return "survived", "no number changes" if same else "still supported"
    return "unclear", f"{mutated.verdict}, but no finding was lost that the twin had the power to detect"


def _told(was: Mapping[str, Finding], now: Mapping[str, Finding], names: Sequence[str]) -> str:
    """The first lost finding of one hypothesis, and how many more."""
    old, new = was[names[0]], now[names[0]]
    now_it_is = f"{new.effect:+.3g} {new.conclusion}{', for it is refused' if new.refused else ''}"
    told = f"{names[0]}: {old.effect:+.3g} {old.conclusion}, now {now_it_is}"
    return told + (f", and {len(names) - 1} more of this hypothesis" if len(names) > 1 else "")


def _supported(claim: ClaimResult) -> set[str]:
    return {found.name for found in claim.findings if found.conclusion == "supported"}


def _is_lost(was: Finding, now: Finding) -> bool:
    if now.refusal in _GONE:
        return was.conclusion == "supported"
    if now.refused or now.conclusion == "supported" or not now.judged:
        return False
    if now.conclusion == "contradicted":
        return was.conclusion != "contradicted"
    size = abs(was.effect) if was.kind == "greater" else was.min_effect
    could_see = was.detectable is not None and was.detectable <= size
    return was.conclusion == "supported" and (now.conclusion == "equivalent" or could_see)


def main(only: Sequence[str] = (), idle: str = "", fixture: bool = False) -> int:
    """Run the controls, and print a line for each. Returns an exit code: FAILED where one survives, or the twin fails.

    only: these controls alone. idle: this control with its mutation disabled, which must be detected. Neither leaves a
    record. fixture: leave it in fixtures/trust as well. Raises SessionError where pytest fails, and UnknownNameError.
    """
    breaking = [name for name in CONTROLS if name != IDLE]
    if unknown := [name for name in (*only, idle) if name and name not in breaking]:
        raise UnknownNameError(f"unknown control {unknown[0]!r}: choose one of {', '.join(breaking)}")
    before = sessions.cpu_seconds()
    run = sessions.judge("twin", [], sessions.EVIDENCE)
    twin = {claim.id: claim for claim in run.claims}
    if later := [claim.id for claim in run.later if claim.controls]:
        more = sessions.judge("twin-later", [], sessions.EVIDENCE, later)
        twin |= {claim.id: claim for claim in more.claims}
    if weak := [name for name, claim in twin.items() if claim.controls and not _supported(claim)]:
        more = sessions.judge("twin-scaled", [_AT_SCALED], sessions.EVIDENCE, weak)
        twin |= {claim.id: claim for claim in more.claims}
    print(f"twin: {', '.join(f'{name} {_standing(claim)}' for name, claim in twin.items())}", flush=True)
    found: dict[str, dict[str, tuple[Fate, str]]] = {name: {} for name in twin}
    for control in breaking:
        declared = [name for name, claim in twin.items() if control in claim.controls]
        if (only and control not in only) or (idle and control != idle):
            continue
        if not declared:
            print(f"{control}: no claim declares it", flush=True)
            continue
        name = IDLE if idle else control
        for where, at in ((name, []), (f"{name}-scaled", [_AT_SCALED])):
            if claims := [claim for claim in declared if (claim in weak) == bool(at)]:
                run = sessions.judge(where, [f"--claims-control={name}", *at], sessions.BROKEN_EVIDENCE, claims)
                for claim in run.claims:
                    found[claim.id][control] = outcome(twin[claim.id], claim)
        told = (f"{claim} {found[claim][control][0]} ({found[claim][control][1]})" for claim in declared)
        print(f"{control}{', its mutation disabled' if idle else ''}: {'; '.join(told)}", flush=True)
    made = record(twin, found, sessions.cpu_seconds() - before)
    if only or idle:
        print(made.verdict)
        return OK if made.ok else FAILED
    return sessions.publish(made, fixture)


def record(twin: Mapping[str, ClaimResult], found: Mapping[str, Mapping[str, tuple[Fate, str]]], cpu: float) -> Record:
    """The record. found: claim -> control that it declares -> its fate and why."""
    names = [name for name in CONTROLS if name != IDLE]
    fates = {f"{claim} x {name}": fate for claim, row in found.items() for name, (fate, _) in row.items()}
    alive = [pair for pair, fate in fates.items() if fate in ("survived", "unclear")]
    alive += [pair for pair, fate in fates.items() if fate == "said" and not pair.endswith(f" x {NEEDS_LEARNING}")]
    said = [pair for pair, fate in fates.items() if fate == "said" and pair not in alive]
    lame = [name for name, claim in twin.items() if claim.controls and not _supported(claim)]
    killed = sum(fate == "killed" for fate in fates.values())
    verdict = f"{killed} of {killed + len(alive)} declared controls make their claim stop reproducing"
    told = "; not counted, because the findings say of themselves that they need no learning: "
    verdict += f"{told}{', '.join(said)}" if said else ""
    verdict += f"; these do not: {', '.join(alive)}" if alive else ""
    verdict += f"; in the twin no finding supports {', '.join(lame)}" if lame else ""
    rows: list[list[RecordEntry | str]] = []
    for name, claim in twin.items():
        tone: Tone = "good" if claim.verdict == "REPRODUCED" else "weak"
        entries = [_entry(claim, found[name].get(control)) for control in names]
        rows.append([name, entry(_standing(claim), tone=tone), *entries])
    return Record(
        name="controls",
        title="Negative controls",
        of=f"the claims at profile {sessions.PROFILE}",
        says="Each control breaks one ingredient of the experiments, on the reduced profile. A claim declares those"
        " that must take away findings that are supported where nothing is broken: those that survive would be"
        " supported by anything.",
        verdict=f"{verdict}.",
        ok=not alive and not lame,
        command="python -m harness controls",
        tables=(
            table(title="Claims and controls", columns=("claim", "nothing broken", *names), rows=rows),
            table(
                title="What each control breaks",
                columns=("control", "broken"),
                rows=[[name, says(name)] for name in names],
            ),
        ),
        data={
            "twin": {name: _standing(claim) for name, claim in twin.items()},
            "nothing to lose": lame,
            "claims": {
                claim: {name: {"outcome": fate, "why": why} for name, (fate, why) in row.items()}
                for claim, row in found.items()
            },
        },
        cpu_seconds=cpu,
    )


def _standing(claim: ClaimResult) -> str:
    """Its verdict; how many findings are supported, where that is not said by it."""
    if claim.verdict == "REPRODUCED" or not claim.controls:
        return claim.verdict
    return f"{claim.verdict}, {len(_supported(claim))} of {len(claim.findings)} supported"


def _entry(twin: ClaimResult, found: tuple[Fate, str] | None) -> RecordEntry:
    if found is None:
        why = "not declared" if twin.controls else "the claim declares no control"
        return entry("not applicable", detail=why)
    return entry(found[0], tone=_TONES[found[0]], detail=found[1])
