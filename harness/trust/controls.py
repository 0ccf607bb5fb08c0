"""`python -m harness controls`: a claim must lose what it is REPRODUCED by where a control that it declares breaks it.

All of it on the reduced profile. First the twin, in which nothing is broken: every claim that declares controls must
have findings there that are supported, and none that speaks against it. It need not be REPRODUCED: with half the levels
it may lack the power for one system among several, and a control is held against those for which there was enough. Then
each control, over the claims that declare it. Which of a claim's hypotheses lost findings is told, each with its first.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Literal

from harness.controls import CONTROLS, says
from harness.results.records import Entry, Record, Table, Tone, leave
from harness.results.schema import Finding
from harness.trust import sessions
from harness.trust.sessions import Judged, numbers

COMMAND = "make controls"
IDLE = "nothing"
"""The control that breaks nothing."""
Outcome = Literal["killed", "survived", "unclear", "not applicable"]
_TONES: dict[Outcome, Tone] = {"killed": "good", "survived": "bad", "unclear": "bad", "not applicable": "none"}


def outcome(twin: Judged, mutated: Judged) -> tuple[Outcome, str]:
    """What became of a claim under a control, and why.

    survived: all findings that the twin supports still are, and none is contradicted that was not. killed: one at least
    is lost: contradicted now and not in the twin; or supported there and now equivalent, or underpowered although the
    twin could have seen an effect as large as its own 9 times in 10, or placed none within its margin. unclear:
    neither, for nothing shows that the control is the reason: an error, a test that was refused, a twin without power,
    or one that supports nothing.
    """
    supported = _supported(twin)
    if not supported:
        return "unclear", "the twin supports no finding that could be lost"
    now = {name: found for name, found in mutated.findings.items() if name in twin.findings}
    lost = [name for name, found in now.items() if _is_lost(twin.findings[name], found)]
    if lost:
        return "killed", "; ".join(_told(twin, now, lost, test) for test in dict.fromkeys(map(_test_of, lost)))
    if supported.keys() <= _supported(mutated).keys():
        same = all(numbers(was) == numbers(now[name]) for name, was in supported.items())
        return "survived", "it changes no number" if same else "still supported"
    return "unclear", f"{mutated.verdict}, with nothing lost that the twin had the power to see"


def _told(twin: Judged, now: Mapping[str, Finding], lost: Sequence[str], test: str) -> str:
    """Of one of the claim's hypotheses: the first finding that was lost, and how many more."""
    first, *more = [name for name in lost if _test_of(name) == test]
    was, found = twin.findings[first], now[first]
    told = f"{first}: {was.effect:+.3g} {was.conclusion}, now {found.effect:+.3g} {found.conclusion}"
    return told + (f", and {len(more)} more of it" if more else "")


def _test_of(name: str) -> str:
    return name.partition("[")[0]


def _against(judged: Judged) -> list[str]:
    """The findings that are decided against the claim."""
    return [name for name, found in judged.findings.items() if found.conclusion in ("contradicted", "equivalent")]


def _supported(judged: Judged) -> dict[str, Finding]:
    return {name: found for name, found in judged.findings.items() if found.conclusion == "supported"}


def _is_lost(was: Finding, now: Finding) -> bool:
    if now.refused or now.conclusion in ("supported", "error", "not run", "smoke"):
        return False
    if now.conclusion == "contradicted":
        return was.conclusion != "contradicted"
    size = abs(was.effect) if was.kind == "greater" else was.min_effect
    could_see = was.detectable is not None and was.detectable <= size
    return was.conclusion == "supported" and (now.conclusion == "equivalent" or could_see)


def main(only: Sequence[str] = (), idle: str = "", fixture: bool = False) -> Generator[str, None, int]:
    """Run the controls, telling a line each; returns the exit code: 1 where one survives, or the twin does not hold.

    only: these controls alone. idle: this control with its mutation disabled, which must be found out. Neither leaves a
    record. fixture: leave it in fixtures/trust as well. Raises SessionError where pytest fails.
    """
    before = sessions.cpu_seconds()
    twin = sessions.judge("twin", [], sessions.EVIDENCE)
    if later := sessions.waiting("twin"):
        twin |= sessions.judge("twin-later", [], sessions.EVIDENCE, later)
    declared = {name: [c for c, judged in twin.items() if name in judged.controls] for name in CONTROLS if name != IDLE}
    lame = [c for c, judged in twin.items() if judged.controls and (_against(judged) or not _supported(judged))]
    yield f"twin: {', '.join(f'{claim} {_standing(judged)}' for claim, judged in twin.items())}"
    found: dict[str, dict[str, tuple[Outcome, str]]] = {claim: {} for claim in twin}
    for name, claims in declared.items():
        if (only and name not in only) or (idle and name != idle):
            continue
        if not claims:
            yield f"{name}: no claim declares it"
            continue
        mutation = IDLE if idle else name
        run = sessions.judge(mutation, ["--claims-control", mutation], sessions.MUTATED_EVIDENCE, claims)
        for claim in claims:
            found[claim][name] = outcome(twin[claim], run[claim])
        told = (f"{claim} {found[claim][name][0]} ({found[claim][name][1]})" for claim in claims)
        yield f"{name}{', its mutation disabled' if idle else ''}: {'; '.join(told)}"
    alive = [f"{claim} x {name}" for claim, row in found.items() for name, (word, _) in row.items() if word != "killed"]
    killed = sum(len(row) for row in found.values()) - len(alive)
    verdict = f"{killed} of {killed + len(alive)} declared controls kill"
    verdict += f"; these do not: {', '.join(alive)}" if alive else ""
    verdict += f"; the twin supports nothing of, or speaks against, {', '.join(lame)}" if lame else ""
    cpu = sessions.cpu_seconds() - before
    yield f"{verdict} ({cpu / 60:.1f} core-minutes)"
    if not (only or idle):
        for path in leave(_record(twin, found, lame, verdict, not alive, cpu), fixture):
            yield f"record: {path}"
    return 1 if alive or lame else 0


def _record(
    twin: Mapping[str, Judged],
    found: Mapping[str, Mapping[str, tuple[Outcome, str]]],
    lame: Sequence[str],
    verdict: str,
    all_kill: bool,
    cpu: float,
) -> Record:
    names = [name for name in CONTROLS if name != IDLE]
    rows: list[list[Entry | str]] = []
    for claim, judged in twin.items():
        entries = [_entry(judged, found[claim].get(name)) for name in names]
        tone: Tone = "good" if judged.verdict == "REPRODUCED" else "weak"
        rows.append([claim, Entry(_standing(judged), tone), *entries])
    tables = [
        Table("Claims and controls", ["claim", "nothing broken", *names], rows),
        Table("What each control breaks", ["control", "broken"], [[name, says(name)] for name in names]),
    ]
    data = {
        "twin": {claim: _standing(judged) for claim, judged in twin.items()},
        "nothing to lose": list(lame),
        "claims": {
            claim: {name: {"outcome": word, "why": why} for name, (word, why) in row.items()}
            for claim, row in found.items()
        },
    }
    return Record(
        name="controls",
        title="Negative controls",
        says="Each control breaks one ingredient of the experiments, on the reduced profile. A claim declares those"
        " that must take away what it is REPRODUCED by: findings that are supported then as well would be by anything."
        " They are held against the findings that are supported where nothing is broken, which may be those of some"
        " systems alone: reduced has half the levels of scaled.",
        verdict=f"{verdict[0].upper()}{verdict[1:]}.",
        ok=all_kill and not lame,
        command=COMMAND,
        tables=tables,
        data=data,
        cpu_seconds=cpu,
    )


def _standing(judged: Judged) -> str:
    """Its verdict; how many findings are supported, where that is not said by it."""
    if judged.verdict == "REPRODUCED" or not judged.controls:
        return judged.verdict
    return f"{judged.verdict}, {len(_supported(judged))} of {len(judged.findings)} supported"


def _entry(twin: Judged, found: tuple[Outcome, str] | None) -> Entry:
    if found is None:
        why = "not declared" if twin.controls else "the claim is not reproduced, so there is nothing to take away"
        return Entry("not applicable", "none", why)
    return Entry(found[0], _TONES[found[0]], found[1])
