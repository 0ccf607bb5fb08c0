"""From the findings of a session to what is written and printed at its end."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any

from harness.evidence.inventory import StoredCell
from harness.judging.run import EvidenceMissingError
from harness.plugin import gate
from harness.plugin.finished import partial
from harness.plugin.later import plain
from harness.plugin.preregistered import mark, word
from harness.plugin.seeds import in_words, judged_seeds, what_would_decide
from harness.plugin.suite import Suite
from harness.results.finding import Finding, claim_verdict, with_q_values
from harness.results.findings_file import SCHEMA
from harness.results.preregistration.seen import stored
from harness.results.provenance import provenance


def summarise(suite: Suite, findings: Sequence[Finding], command: str, wall_seconds: float) -> dict[str, Any]:
    """All of a run as plain JSON: what the hook `pytest_claims_report` is given, and `reports/build.py` draws."""
    settings = suite.settings
    noted = [dataclasses.replace(f, note=suite.added.get(f.nodeid, "")) for f in findings]
    corrected = with_q_values(noted)
    judged_seeds(findings, settings)
    held = stored(settings.evidence) if any(f.conclusion == "underpowered" for f in findings) else []
    made = provenance()
    claims = [_claim(suite, name, [f for f in corrected if f.claim == name], held) for name in suite.claims]
    return {
        "schema": SCHEMA,
        "profile": settings.profile.name,
        "seed_block": settings.block,
        "seeds": list(settings.profile.seeds_of(settings.block)),
        "command": command,
        **made,
        "wall_seconds": wall_seconds,
        "cpu_seconds": sum(suite.store.cpu_seconds(where) for where in suite.addresses),
        "damaged": suite.store.damaged,
        "dense_returns": dense_returns(suite),
        "changes": settings.profile.altered,
        "own_arguments": settings.own_arguments,
        "baseline": gate.summary_of(suite.gate, findings, made),
        "partial": partial(suite.addresses, suite.store) if settings.finished else None,
        "claims": claims,
        "later": plain(suite.later),
    }


def table(summary: dict[str, Any]) -> Iterator[str]:
    """The verdicts and their findings, for the terminal."""
    for entry in summary["claims"]:
        minutes = entry["cpu_seconds"] / 60
        changed = f" with {', '.join(summary['changes'])}" if summary["changes"] else ""
        where = f"{entry['id']} at {summary['profile']}{changed}, {entry['systems']}"
        marked = word(entry["preregistration"], entry["verdict"])
        yield f"{entry['verdict']:13} {where} ({minutes:.1f} core-min){f', {marked}' if marked else ''}"
        for sentence in entry["preregistration"]["changed"]:
            yield f"{'':13} {sentence}"
        for finding in map(Finding.from_json, entry["findings"]):
            numbers = ""
            if finding.test and not finding.refused:
                n = "+".join(map(str, finding.n))
                sees = "nothing" if finding.detectable is None else f"{finding.detectable:.2g}"
                numbers = f"{_interval(finding)} {finding.unit}, p {_p(finding.p)}, n {n}, sees {sees}"
            why = finding.message or ("" if numbers else finding.reason)
            yield f"  {finding.conclusion:13} {finding.name}  {numbers or why}"
            if finding.note:
                yield f"  {'':13} {finding.note}"


def bars(summary: dict[str, Any]) -> Iterator[str]:
    """What dense agents reached: no claim is worth more than the learning it rests on."""
    for name, value in summary["dense_returns"].items():
        yield f"  level 0 of {name}: mean scored return {value:g}"


def unfinished(summary: dict[str, Any]) -> Iterator[str]:
    """How much of the plan this is about, where it is not all of it."""
    part = summary["partial"]
    if part is not None:
        counts = f"{part['cells']} of {part['of_cells']} cells, {part['levels']} of {part['of_levels']} levels"
        yield f"the finished part alone: {int(100 * part['share'])} % of the work, {counts}"


def more_seeds(summary: dict[str, Any]) -> Iterator[str]:
    """For each underpowered finding, what it would take to decide it: on fresh seeds, never added to these."""
    for entry in summary["claims"]:
        for finding in map(Finding.from_json, entry["findings"]):
            if finding.conclusion == "underpowered" and finding.n:
                yield from in_words(finding, entry["would_decide"].get(finding.nodeid, {}))


def dense_returns(suite: Suite) -> dict[str, float]:
    """Mean scored return of level 0 per system that was judged: whether dense learning reached its bar."""
    runs = {run.experiment: run for judge in suite.judges.values() for run in judge.runs}
    found = {}
    for name, run in sorted({str(run.system): run for run in runs.values()}.items()):
        with contextlib.suppress(EvidenceMissingError):  # its findings say so
            found[name] = round(float(run.dense_returns().mean()), 1)
    return found


def _claim(suite: Suite, name: str, findings: list[Finding], held: Sequence[StoredCell]) -> dict[str, Any]:
    claim = suite.claims[name]
    verdict, sentence = claim_verdict(findings)
    seen = len({f.system for f in findings if f.conclusion not in ("not run", "error", "smoke")})
    profile = suite.settings.profile
    cells = {where.cell.id: where for where in suite.addresses}
    added = " Seeds were added to a block already judged." if any(finding.note for finding in findings) else ""
    return {
        "id": name,
        "says": claim.says,
        "source": claim.source,
        "quantifier": claim.quantifier,
        "systems": f"judged on {seen} of the paper's {claim.systems} system{'s' if claim.systems > 1 else ''}",
        "controls": list(claim.controls),
        "verdict": verdict,
        "summary": f"{verdict} at {profile}. {sentence}{added}",
        "preregistration": mark(suite.house, name, suite.registered.get(name), suite.settings, findings),
        "would_decide": {
            finding.nodeid: what_would_decide(finding, suite.judges[finding.nodeid], suite.settings, held)
            for finding in findings
            if finding.conclusion == "underpowered"
        },
        "cpu_seconds": sum(
            suite.store.cpu_seconds(cells[cell.id]) for cell in suite.cells_of(name) if cell.id in cells
        ),
        "findings": [finding.to_json() for finding in with_shared_charts(findings)],
    }


def with_shared_charts(findings: Sequence[Finding]) -> list[Finding]:
    """Charts of one kind and title become one, with every series that any of them has.

    A chart of which a series has the label, but not the numbers, of one already there stays by itself.
    """
    shared: list[dict[str, Any]] = []
    whole_of: dict[int, dict[str, Any]] = {}
    for position, finding in enumerate(findings):
        if finding.chart is None:
            continue
        chart = dict(finding.chart, series=list(finding.chart["series"]))
        whole = next((other for other in shared if _goes_with(chart, other)), None)
        if whole is None:
            shared.append(whole := chart)
        else:
            known = {series["label"] for series in whole["series"]}
            whole["series"] += [series for series in chart["series"] if series["label"] not in known]
        whole_of[position] = whole
    for number, chart in enumerate(shared):
        chart["key"] = f"{chart['title']} {number}"
        if "names" in chart:
            chart["series"].sort(key=lambda series: _natural(series["label"]))
    return [dataclasses.replace(finding, chart=whole_of.get(position)) for position, finding in enumerate(findings)]


def _goes_with(chart: dict[str, Any], other: dict[str, Any]) -> bool:
    drawn = {series["label"]: series for series in other["series"]}
    alike = all(drawn.get(series["label"], series) == series for series in chart["series"])
    return alike and all(
        chart.get(name) == other.get(name) for name in ("kind", "title", "unit", "references", "names", "layout")
    )


def _natural(label: str) -> list[Any]:
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", label)]


def _interval(finding: Finding) -> str:
    return f"{finding.effect:+.3g} [{finding.lower:.3g}, {finding.upper:.3g}]"


def _p(p: float | None) -> str:
    return "-" if p is None or p != p else "< 0.001" if p < 0.001 else f"{p:.3f}"
