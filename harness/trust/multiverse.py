"""`python -m harness multiverse`: the claims under each other reading of the paper, one at a time.

All of it on the reduced profile: what is compared are readings, not scales.
"""

from collections.abc import Mapping

from harness.profiles.readings import READINGS, OtherReading
from harness.results.records import Record, RecordEntry, Tone, entry, table
from harness.results.schema import ClaimResult
from harness.trust import sessions
from harness.trust.sessions import RefusedError, by_name, in_words, numbers

DEFAULT = "as taken"
Claims = Mapping[str, ClaimResult]


def main(fixture: bool = False) -> int:
    """Judge the claims under every reading, telling a line each. Returns 0: it does not say which reading is right.

    fixture: leave the record in fixtures/trust as well. Raises SessionError where pytest fails.
    """
    before = sessions.cpu_seconds()
    base = {claim.id: claim for claim in sessions.judge("as-taken", [], sessions.EVIDENCE).claims}
    print(f"{DEFAULT}: {', '.join(f'{name} {claim.verdict}' for name, claim in base.items())}", flush=True)
    readings: dict[OtherReading, Claims | str] = {}
    for reading in READINGS.values():
        try:
            run = sessions.judge(str(reading), reading.options, sessions.EVIDENCE)
            readings[reading] = found = {claim.id: claim for claim in run.claims}
            moved = [f"{name} {base[name].verdict} -> {found[name].verdict}" for name in turned(base, found)]
            print(f"{reading}: {', '.join(moved) or 'no verdict changes'}", flush=True)
        except RefusedError as error:
            readings[reading] = str(error)
            print(f"{reading}: not applicable ({error})", flush=True)
    return sessions.publish(record(base, readings, sessions.cpu_seconds() - before), fixture)


def turned(base: Claims, reading: Claims) -> list[str]:
    """The claims whose verdict differs."""
    return [name for name, claim in reading.items() if claim.verdict != base[name].verdict]


def changed(base: ClaimResult, other: ClaimResult) -> list[str]:
    """The findings whose conclusion differs, by name."""
    was = by_name(base)
    return [found.name for found in other.findings if was[found.name].conclusion != found.conclusion]


def untouched(base: ClaimResult, other: ClaimResult) -> bool:
    """Whether the reading leaves every number of the claim as it is."""
    was = by_name(base)
    return all(numbers(was[found.name]) == numbers(found) for found in other.findings)


def record(base: Claims, readings: Mapping[OtherReading, Claims | str], cpu: float) -> Record:
    """The record of these readings; one that was refused is the line that said why."""
    applied = {reading: found for reading, found in readings.items() if not isinstance(found, str)}
    data: dict[str, dict[str, object]] = {name: {} for name in base}
    moved = []
    for reading, found in applied.items():
        for name, claim in base.items():
            names = changed(claim, found[name])
            data[name][str(reading)] = {
                "verdict": found[name].verdict,
                "same_numbers": untouched(claim, found[name]),
                "changed_findings": names,
            }
            was, now = by_name(claim), by_name(found[name])
            moved += [
                [name, each, str(reading), *(f"{f.conclusion}, {in_words(f)}" for f in (was[each], now[each]))]
                for each in names
            ]
    rows: list[list[RecordEntry | str]] = [
        [
            name,
            claim.verdict,
            *(_entry(claim, found if isinstance(found, str) else found[name]) for found in readings.values()),
        ]
        for name, claim in base.items()
    ]
    lost = [f"{name} under {reading}" for reading, found in applied.items() for name in turned(base, found)]
    return Record(
        name="multiverse",
        title="Other readings of the paper",
        of=f"the claims at profile {sessions.PROFILE}",
        says="Each question that the paper leaves open is answered the other way, one by one, at profile reduced.",
        verdict=f"Verdicts that change: {', '.join(lost)}." if lost else "No verdict changes under any reading.",
        ok=True,
        command="python -m harness multiverse",
        tables=(
            table(
                title="Claims and readings",
                columns=("claim", DEFAULT, *map(str, readings)),
                rows=rows,
                caption="“same”: the reading changes no number of the claim, as where a claim fixes the answer itself.",
            ),
            table(
                title="Findings that depend on the reading",
                columns=("claim", "finding", "reading", DEFAULT, "under the reading"),
                rows=moved,
            ),
            table(
                title="The other readings",
                columns=("reading", "question", "as taken", "option"),
                rows=[[str(r), r.question, r.default, " ".join(r.options)] for r in readings],
            ),
        ),
        data={"claims": data},
        cpu_seconds=cpu,
    )


def _entry(default: ClaimResult, other: ClaimResult | str) -> RecordEntry:
    if isinstance(other, str):
        return entry("–", detail=other)
    if untouched(default, other):
        return entry("same")
    names = changed(default, other)
    tone: Tone = "mixed" if other.verdict != default.verdict else "weak" if names else "good"
    return entry(other.verdict, tone=tone, detail="; ".join(names))
