"""From the findings of a session to what is written and printed at its end."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from harness.judging.figures import figure
from harness.judging.run import EvidenceMissingError
from harness.judging.verdict import claim_verdict, with_q_values
from harness.plugin import gate
from harness.plugin.complete import lacking
from harness.plugin.finished import partial
from harness.plugin.later import plain
from harness.plugin.preregistered import mark, word
from harness.plugin.seeds import what_would_decide
from harness.plugin.suite import Suite
from harness.profiles.profile import TASKS
from harness.results.more_seeds import in_words
from harness.results.preregistration.seen import stored
from harness.results.provenance import provenance
from harness.results.schema import ClaimResult, Finding, RunResult, SystemTitle


def summarise(suite: Suite, findings: Sequence[Finding], command: str, wall_seconds: float) -> RunResult:
    """All of a run: what the hook `pytest_claims_report` is given."""
    settings = suite.settings
    held = stored(settings.evidence) if any(f.conclusion == "underpowered" for f in findings) else []
    told = [
        f.replace(
            note=suite.added.get(f.nodeid, ""),
            more_seeds=what_would_decide(f, suite.judges[f.nodeid], settings, held)
            if f.conclusion == "underpowered"
            else None,
        )
        for f in findings
    ]
    corrected = with_q_values(told)
    made = provenance()
    return RunResult(
        profile=settings.profile.name,
        seed_block=settings.block,
        seeds=tuple(settings.profile.seeds_of(settings.block)),
        own_seeds=settings.profile.seeds == settings.own_seeds,
        changes=tuple(settings.profile.altered),
        control=settings.profile.control or "",
        command=command,
        **made,
        wall_seconds=wall_seconds,
        cpu_seconds=sum(suite.store.cpu_seconds(where) for where in suite.addresses),
        damaged=tuple(suite.store.damaged),
        dense_returns=dense_returns(suite),
        own_arguments=settings.own_arguments,
        systems=_systems(corrected),
        baseline=gate.summary_of(suite.gate, findings, made),
        partial=partial(suite.addresses, suite.store) if settings.finished else None,
        lacking=lacking(suite, findings),
        claims=tuple(_claim(suite, name, [f for f in corrected if f.claim == name]) for name in suite.claims),
        later=tuple(plain(suite.later)),
    )


def _systems(findings: Sequence[Finding]) -> tuple[SystemTitle, ...]:
    """Those of the findings, the suite's tasks in its order and the learners of each."""
    learners = ("bc", "ppo", "dqn")
    keys: dict[str, tuple[str, str]] = {}
    for words in (finding.system.split() for finding in findings):
        learner = words.pop() if words and words[-1] in learners else ""
        keys |= {f"{task} {learner}".strip(): (task, learner) for task in words}
    tasks = list(dict.fromkeys((*TASKS, *(task for task, _ in keys.values()))))
    order = sorted(keys, key=lambda key: (tasks.index(keys[key][0]), ("", *learners).index(keys[key][1])))
    return tuple(SystemTitle(key=key, task=keys[key][0].title(), learner=keys[key][1].upper()) for key in order)


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
        for finding in map(Finding.model_validate, entry["findings"]):
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
        for finding in map(Finding.model_validate, entry["findings"]):
            if finding.conclusion == "underpowered" and finding.n:
                yield from in_words(finding)


def dense_returns(suite: Suite) -> dict[str, float]:
    """Mean scored return of level 0 per system that was judged: whether dense learning reached its bar."""
    runs = {run.experiment: run for judge in suite.judges.values() for run in judge.runs}
    found = {}
    for name, run in sorted({str(run.system): run for run in runs.values()}.items()):
        with contextlib.suppress(EvidenceMissingError):  # its findings say so
            found[name] = round(float(run.dense_returns().mean()), 1)
    return found


def _claim(suite: Suite, name: str, findings: list[Finding]) -> ClaimResult:
    claim = suite.claims[name]
    verdict, sentence = claim_verdict(findings)
    seen = len({f.system for f in findings if f.judged})
    cells = {where.cell.id: where for where in suite.addresses}
    added = " Seeds were added to a block already judged." if any(finding.note for finding in findings) else ""
    return ClaimResult(
        id=name,
        says=claim.says,
        source=claim.source,
        quantifier=claim.quantifier,
        systems=f"judged on {seen} of the paper's {claim.systems} system{'s' if claim.systems > 1 else ''}",
        controls=tuple(claim.controls),
        verdict=verdict,
        summary=f"{verdict} at {suite.settings.profile}. {sentence}{added}",
        preregistration=mark(suite.house, name, suite.registered.get(name), suite.settings, findings),
        expected=len(suite.collected[name]) if not suite.deselected else None,
        cpu_seconds=sum(suite.store.cpu_seconds(cells[cell.id]) for cell in suite.cells_of(name) if cell.id in cells),
        findings=tuple(findings),
        charts=tuple(_charts(suite, name, findings)),
    )


def _charts(suite: Suite, name: str, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Made once per claim; charts of one kind and title become one."""
    drawn = []
    told = {finding.nodeid for finding in findings if finding.judged or finding.conclusion == "smoke"}
    for judge in (judge for nodeid, judge in suite.judges.items() if nodeid in told and judge.claim.id == name):
        with contextlib.suppress(EvidenceMissingError):
            drawn += [figure(judge.claim.figure, judge.judged)] if judge.judged else []
    return joined_charts(drawn)


def joined_charts(charts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Charts of one kind and title become one, with every series that any of them has.

    A chart of which a series has the label, but not the numbers, of one already there stays by itself.
    """
    shared: list[dict[str, Any]] = []
    for one in charts:
        chart = dict(one, series=list(one["series"]))
        whole = next((other for other in shared if _goes_with(chart, other)), None)
        if whole is None:
            shared.append(chart)
        else:
            known = {series["label"] for series in whole["series"]}
            whole["series"] += [series for series in chart["series"] if series["label"] not in known]
    for number, chart in enumerate(shared):
        chart["key"] = f"{chart['title']} {number}"
        if "names" in chart:
            chart["series"].sort(key=lambda series: _natural(series["label"]))
    return shared


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
