"""Turn the findings of a session into its result, and into the terminal's summary."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from harness.judging.chains import EvidenceMissingError
from harness.judging.chart_data import charts_of
from harness.judging.verdict import claim_verdict, left_open, with_q_values
from harness.plugin import gate
from harness.plugin.collection import Suite
from harness.plugin.failure import p_text
from harness.plugin.gate import Gate
from harness.plugin.preregistered import mark, word
from harness.plugin.progress import Meter
from harness.plugin.seeds import ADDED, what_would_decide
from harness.profiles.profile import TASKS
from harness.results.more_seeds import in_words
from harness.results.preregistration import Register
from harness.results.provenance import provenance
from harness.results.schema import (
    SEVERAL_TASKS,
    ClaimResult,
    Finding,
    Partial,
    RunResult,
    SystemTitle,
    count_systems,
)


def result_of(
    suite: Suite,
    held: Gate | None,
    findings: Sequence[Finding],
    registered: Register,
    notes: Mapping[str, str],
    command: str,
    wall_seconds: float,
    peaks: Sequence[int],
) -> RunResult:
    """All that a run found, without its charts.

    held: the baseline in effect. registered: what is registered. notes: by nodeid, what has to be said
    with a finding. peaks: bytes of memory, by process that computed.
    """
    settings = suite.settings
    profile, made = settings.profile, provenance()
    told = []
    for finding in findings:
        more = None
        if finding.conclusion == "underpowered":
            more = what_would_decide(finding, suite.judges[finding.nodeid], settings)
        said = [text for text in (finding.note, notes.get(finding.nodeid, "")) if text]
        told.append(finding.replace(note=" ".join(said), more_seeds=more))
    told = with_q_values(told)
    unjudged = set() if suite.deselected else set(suite.later) - set(suite.collected)
    return RunResult(
        profile=profile.name,
        seed_block=settings.block,
        seeds=profile.seeds_of(settings.block),
        own_seeds=profile.seeds == settings.own_seeds,
        changes=tuple(profile.altered),
        control=profile.control,
        command=command,
        own_arguments=settings.own_arguments,
        **made,
        processes=len(peaks),
        peak_bytes=max(peaks),
        wall_seconds=wall_seconds,
        cpu_seconds=sum(suite.store.cpu_seconds(where) for where in suite.addresses),
        damaged=tuple(dict.fromkeys(suite.store.damaged)),
        dense_returns=_dense_returns(suite),
        systems=_systems(suite, told),
        baseline=gate.result_of(held, findings, made),
        partial=_partial(suite) if settings.finished else None,
        lacking=_lacking(suite, findings),
        claims=tuple(
            _claim(suite, name, [finding for finding in told if finding.claim == name], registered)
            for name in suite.claims
        ),
        later=tuple(one for name, one in suite.later.items() if name in suite.claims or name in unjudged),
    )


def with_charts(run: RunResult, suite: Suite) -> RunResult:
    """The same, with the data of each claim's charts."""

    def drawn(claim: ClaimResult) -> ClaimResult:
        runs = [suite.judges[finding.nodeid].runs for finding in claim.findings if finding.judged]
        return claim.replace(charts=tuple(charts_of(suite.claims[claim.id].figure, runs)))

    return run.replace(claims=tuple(map(drawn, run.claims)))


def lines(run: RunResult) -> Iterator[str]:
    """The terminal's summary: verdicts, findings, returns of dense agents, and what would decide open findings."""
    for claim in run.claims:
        yield from _lines_of_claim(run, claim)
    for name, value in run.dense_returns.items():  # no claim is worth more than the learning it rests on
        yield f"  level 0 of {name}: mean scored return {value:g}"
    for finding in run.findings:
        if finding.conclusion == "underpowered" and finding.n:
            yield from in_words(finding)
    yield from gate.lines(run)
    judged = {claim.id for claim in run.claims}
    for profile in dict.fromkeys(later.profile for later in run.later):
        waiting = [later.id for later in run.later if later.profile == profile]
        if whole := [name for name in waiting if name not in judged]:
            yield f"judged from profile {profile} on, or if --claim names it: {', '.join(whole)}"
        if more := [name for name in waiting if name in judged]:
            yield f"judged in full from profile {profile} on: {', '.join(more)}"
    if run.partial:
        part = run.partial
        counts = f"{part.cells} of {part.of_cells} cells, {part.levels} of {part.of_levels} levels"
        yield f"judged only the finished part: {int(100 * part.share)} % of the work, {counts}"


def _lines_of_claim(run: RunResult, claim: ClaimResult) -> Iterator[str]:
    changed = f" with {', '.join(run.changes)}" if run.changes else ""
    marked = word(claim.preregistration, claim.verdict)
    where = f"{claim.id} at {run.profile}{changed}, {claim.systems}"
    yield f"{claim.verdict:13} {where} ({claim.cpu_seconds / 60:.1f} core-min){f', {marked}' if marked else ''}"
    if claim.verdict == "INCONCLUSIVE":
        yield f"{'':13} {left_open(claim.findings)}"
    otherwise = claim.preregistration.otherwise
    for sentence in (*claim.preregistration.changed, *([otherwise] if otherwise else [])):
        yield f"{'':13} {sentence}"
    for finding in claim.findings:
        said = finding.message or finding.reason
        if finding.test and not finding.refusal:
            interval = f"{finding.effect:+.3g} [{finding.lower:.3g}, {finding.upper:.3g}] {finding.unit}"
            sees = "unknown" if finding.detectable is None else f"{finding.detectable:.2g}"
            said = f"{interval}, p {p_text(finding.p)}, n {'+'.join(map(str, finding.n))}, detectable {sees}"
            said += f"; hangs on: {', '.join(finding.hangs_on)}" if finding.hangs_on else ""
        yield f"  {finding.conclusion:13} {finding.name}  {said}"
        if finding.note:
            yield f"  {'':13} {finding.note}"


def _claim(suite: Suite, name: str, findings: Sequence[Finding], registered: Register) -> ClaimResult:
    claim, settings = suite.claims[name], suite.settings
    verdict, sentence = claim_verdict(findings, claim.rule)
    cells = {where.cell.id: where for where in suite.addresses}
    undecided = f" {said}" if (said := left_open(findings)) else ""
    added = " Seeds were added to a block already judged." if any(ADDED in finding.note for finding in findings) else ""
    return ClaimResult(
        id=name,
        says=claim.says,
        source=claim.source,
        quantifier=claim.quantifier,
        rule=claim.rule,
        systems=_coverage([finding.system for finding in findings if finding.judged], claim.systems),
        controls=tuple(claim.controls),
        verdict=verdict,
        summary=f"{verdict} at {settings.profile}. {sentence}{undecided}{added}",
        preregistration=mark(suite.own_claims, name, registered, settings),
        expected=None if suite.own_claims.partial else len(suite.collected[name]),
        cpu_seconds=sum(suite.store.cpu_seconds(cells[cell.id]) for cell in suite.cells_of(name) if cell.id in cells),
        findings=tuple(findings),
    )


def _coverage(judged: Sequence[str], of: int) -> str:
    """On how many systems of the paper a claim was judged, and on how many variants of them that the paper has not.

    judged: the systems of its findings, each the names of tasks and of a learner.
    """
    own = {name for name, budgets in TASKS.items() if budgets.variant_of}
    variants = {system for system in judged if own & set(system.split())}
    seen, more = count_systems(set(judged) - variants), count_systems(variants)
    if seen > of:  # the paper names tasks alone, which we judge with more than one learner
        seen = len({system.split()[0] for system in set(judged) - variants})
    said = f"judged on {seen} of the paper's {of} system{'s' if of > 1 else ''}"
    return said + (f", and on {more} variant{'s' if more > 1 else ''} of our own" if more else "")


def _systems(suite: Suite, findings: Sequence[Finding]) -> tuple[SystemTitle, ...]:
    """The findings' systems, in the suite's order. A finding on several learners counts for its tasks alone."""
    known = [*suite.settings.profile.systems, *((run.system.task, run.system.learner) for run in suite.runs)]
    tasks = list(dict.fromkeys(task for task, _ in known))
    learners = list(dict.fromkeys(["", *(learner for _, learner in known)]))
    found = set()
    for finding in findings:
        words = finding.system.replace(SEVERAL_TASKS, " ").split()
        learner = words.pop() if words and words[-1] in learners else ""
        found |= {(task, learner) for task in words}
    titles = {task: getattr(e.task, "title", task.title()) for (task, _), e in suite.settings.profile.systems.items()}
    order = sorted(found, key=lambda each: (tasks.index(each[0]), learners.index(each[1])))
    return tuple(
        SystemTitle(key=f"{task} {learner}".strip(), task=titles.get(task, task.title()), learner=learner.upper())
        for task, learner in order
    )


def _dense_returns(suite: Suite) -> dict[str, float]:
    """Mean scored return of level 0 per system that was judged."""
    runs = {str(run.system): run for run in suite.runs}
    found = {}
    for name, run in sorted(runs.items()):
        with contextlib.suppress(EvidenceMissingError):  # its findings say so
            found[name] = round(float(run.dense_returns().mean()), 1)
    return found


def _partial(suite: Suite) -> Partial | None:
    """How much of the plan is computed; None if all of it is."""
    standing = Meter(suite.store, suite.addresses).first
    if standing.levels == standing.of_levels:
        return None
    done = [suite.store.finished_levels(where) == len(where.cell.levels) for where in suite.addresses]
    return Partial(
        cells=sum(done),
        of_cells=len(done),
        levels=standing.levels,
        of_levels=standing.of_levels,
        share=standing.share,
    )


def _lacking(suite: Suite, findings: Sequence[Finding]) -> str:
    """Why a run is not complete, in words; empty for a complete one."""
    settings = suite.settings
    if not settings.profile.gives_findings:
        return f"profile {settings.profile.name} judges nothing"
    if settings.finished:
        return "only finished evidence was judged"
    if not suite.judges_all:
        return "paths or options selected only some of the claims"
    for conclusion, words in (("not run", "gave no result"), ("error", "ended in an error")):
        count = sum(finding.conclusion == conclusion for finding in findings)
        if count:
            return f"{count} finding{'s' if count > 1 else ''} {words}"
    return ""
