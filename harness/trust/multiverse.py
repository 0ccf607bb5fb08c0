"""`python -m harness multiverse`: the claims under each other reading of the paper, one at a time.

All of it on the reduced profile: what is compared are readings, not scales.
"""

from collections.abc import Generator, Mapping
from typing import Any

from harness.profiles.readings import READINGS, OtherReading
from harness.results.records import Entry, Record, Table, leave
from harness.results.schema import Finding
from harness.trust import sessions
from harness.trust.sessions import Judged, RefusedError, numbers

COMMAND = "make multiverse"
DEFAULT = "as taken"


def main(fixture: bool = False) -> Generator[str, None, int]:
    """Judge the claims under every switch, telling a line each; returns 0: which reading is right is not for it to say.

    fixture: leave the record in fixtures/trust as well. Raises SessionError where pytest fails.
    """
    before = sessions.cpu_seconds()
    base = sessions.judge("as-taken", [], sessions.EVIDENCE)
    yield f"{DEFAULT}: {', '.join(f'{claim} {judged.verdict}' for claim, judged in base.items())}"
    readings: dict[OtherReading, dict[str, Judged] | str] = {}
    for switch in READINGS.values():
        try:
            readings[switch] = sessions.judge(str(switch), ["--claims-set", str(switch.override)], sessions.EVIDENCE)
        except RefusedError as error:
            readings[switch] = str(error)
        yield f"{switch}: {_told(base, readings[switch])}"
    cpu = sessions.cpu_seconds() - before
    record = _record(base, readings, cpu)
    yield f"{record.verdict} ({cpu / 60:.1f} core-minutes)"
    for path in leave(record, fixture):
        yield f"record: {path}"
    return 0


def changed(base: Judged, other: Judged) -> list[str]:
    """The findings whose conclusion differs, by name."""
    return [name for name, found in other.findings.items() if base.findings[name].conclusion != found.conclusion]


def untouched(base: Judged, other: Judged) -> bool:
    """Whether the reading leaves every number of the claim as it is."""
    return all(numbers(base.findings[name]) == numbers(found) for name, found in other.findings.items())


def _told(base: Mapping[str, Judged], reading: Mapping[str, Judged] | str) -> str:
    if isinstance(reading, str):
        return f"not applicable ({reading})"
    other = [
        f"{claim} {base[claim].verdict} -> {judged.verdict}"
        for claim, judged in reading.items()
        if judged.verdict != base[claim].verdict
    ]
    return ", ".join(other) or "every verdict stays"


def _record(base: Mapping[str, Judged], readings: Mapping[OtherReading, dict[str, Judged] | str], cpu: float) -> Record:
    judged = {switch: reading for switch, reading in readings.items() if not isinstance(reading, str)}
    rows: list[list[Entry | str]] = []
    data: dict[str, dict[str, Any]] = {}
    moved: list[list[Entry | str]] = []
    for claim, default in base.items():
        row: list[Entry | str] = [claim, default.verdict]
        data[claim] = {}
        for switch, reading in readings.items():
            if isinstance(reading, str):
                row.append(Entry("–", "none", reading))
                continue
            other, same = reading[claim], untouched(default, reading[claim])
            names = changed(default, other)
            data[claim][str(switch)] = {"verdict": other.verdict, "same_numbers": same, "changed_findings": names}
            row.append(_entry(default, other, same, names))
            moved += [_moved(claim, switch, default.findings[name], other.findings[name]) for name in names]
        rows.append(row)
    turned = [
        f"{claim} under {s}" for s, r in judged.items() for claim in base if r[claim].verdict != base[claim].verdict
    ]
    tables = [
        Table(
            "Claims and readings",
            ["claim", DEFAULT, *map(str, readings)],
            rows,
            "“same”: the reading touches no number of the claim. One that is itself about a question keeps its own.",
        ),
        Table(
            "Findings that hang on the reading",
            ["claim", "finding", "reading", DEFAULT, "under the reading"],
            moved,
        ),
        Table(
            "What is read otherwise",
            ["switch", "question", "as taken"],
            [[str(switch), switch.question, switch.default] for switch in readings],
        ),
    ]
    return Record(
        name="multiverse",
        title="Other readings of the paper",
        says="What the paper leaves open is read the other way, one question at a time, on the reduced profile.",
        verdict=f"Verdicts that change: {', '.join(turned)}." if turned else "Every verdict stays under every reading.",
        ok=True,
        command=COMMAND,
        tables=tables,
        data={"claims": data},
        cpu_seconds=cpu,
    )


def _entry(default: Judged, other: Judged, same: bool, names: list[str]) -> Entry:
    if same:
        return Entry("same", "none")
    if other.verdict != default.verdict:
        return Entry(other.verdict, "mixed", "; ".join(names))
    return Entry(other.verdict, "weak" if names else "good", "; ".join(names))


def _moved(claim: str, switch: OtherReading, was: Finding, now: Finding) -> list[Entry | str]:
    return [claim, was.name, str(switch), _in_words(was), _in_words(now)]


def _in_words(finding: Finding) -> str:
    return f"{finding.conclusion}, {finding.effect:+.3g} [{finding.lower:.3g}, {finding.upper:.3g}]"
