"""From what a run found to one HTML page that needs nothing but itself."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.files import FIXTURES, replace_file
from harness.results.schema import ClaimResult, Finding, RunResult
from reports import (
    findings_table,
    grids,
    heat_maps,
    line_charts,
    other_scales,
    page,
    paper,
    past_runs,
    trust_records,
    vega,
)
from reports.board import BoardLine, SystemNames, board
from reports.marks import CONCLUSIONS, STANDINGS, VERDICTS, Mark, marks, tally
from reports.palette import RAMP, REST


@dataclass(frozen=True)
class Context:
    """What a report shows beside the run itself: records of trust, what the paper states, and earlier runs.

    paper_problem: in a line, why what the paper states can't be read.
    """

    trust: Sequence[trust_records.TrustPart] = ()
    stated: paper.Paper = field(default_factory=paper.Paper)
    paper_problem: str = ""
    past: past_runs.PastRuns | None = None
    elsewhere: other_scales.Elsewhere = other_scales.NOTHING

    @classmethod
    def read(cls, run: RunResult, trust: Path, history: Path | None, stated: Path = paper.FILE) -> "Context":
        """Read it from files; one that can't be read costs its own section alone.

        trust: the folder of what was measured on this machine. history: the file of earlier runs; None where none is
        kept.
        """
        parts = () if _is_rehearsal(run) else trust_records.parts(trust)
        held = cls(parts, past=past_runs.read(history, run), elsewhere=other_scales.read(history, run))
        try:
            return replace(held, stated=paper.read(stated))
        except ValueError as problem:
            return replace(held, paper_problem=str(problem))


@dataclass(frozen=True)
class Figure:
    """A drawing where it appears first; later sections show it again by reference to `anchor`."""

    anchor: str
    drawing: line_charts.LineChart | grids.MapFigure
    first: bool

    @property
    def is_map(self) -> bool:
        """Whether it is no chart of lines."""
        return isinstance(self.drawing, grids.MapFigure)


@dataclass(frozen=True)
class Section:
    """One claim. later: the larger profile at which more of it is judged. shares: what the scaling cost."""

    claim: ClaimResult
    later: str
    anchor: str
    groups: tuple[findings_table.HypothesisGroup[Finding], ...]
    figures: tuple[Figure, ...]
    broken_charts: tuple[str, ...]
    quantities: tuple[str, ...]
    shares: tuple[tuple[str, tuple[tuple[str, str, str] | None, ...]], ...]
    rule: findings_table.VerdictRule
    line: BoardLine
    stated: tuple[paper.StatedValue, ...]
    controls: trust_records.ClaimControls | None
    readings: trust_records.ClaimReadings | None
    history: past_runs.ClaimHistory | None
    scales: other_scales.ClaimScales | None


def build(run: RunResult, context: Context | None = None, kept: Path | None = None) -> str:
    """Return the report of a run as one HTML document.

    context: by default nothing but what the paper states. kept: a folder for what takes long to make and is the same
    each time.
    """
    return _Builder(run, context or Context(stated=paper.read())).page(kept)


def write(run: RunResult, path: Path, trust: Path | None = None, history: Path | None = None) -> Path:
    """Build the report and put it at `path`, whole or not at all; returns the path. trust, history: as `Context.read`
    takes them; by default trust/ beside the report, and no history."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ours = next((folder for folder in path.absolute().parents if folder.name == ".claims"), None)
    html = build(run, Context.read(run, trust or path.with_name("trust"), history), ours)
    replace_file(path, html.encode())
    return path


class _Builder:
    """Builds one page, and remembers which ids and drawings it has."""

    def __init__(self, run: RunResult, context: Context):
        self._run, self._context = run, context
        self._anchor, self._names = page.Anchors(), SystemNames(run.systems)
        measured = {part.name: part for part in context.trust}
        self._trust = {part.name: measured.get(part.name, part) for part in trust_records.unmeasured()}
        self._smoke = _is_rehearsal(run)
        self._claims = _with_later(run)
        self._rows = {f.nodeid: self._anchor(f"finding-{f.claim}-{f.name}") for f in run.findings}
        self._drawn: dict[str, Figure] = {}

    def page(self, kept: Path | None) -> str:
        """Return the document."""
        run, says = self._run, self._context.stated
        table = board([claim.findings for claim, _ in self._claims], self._names, self._rows)
        sections = [self._section(*held, line) for held, line in zip(self._claims, table.lines, strict=True)]
        charts = {
            f.anchor: f.drawing.data for f in self._drawn.values() if isinstance(f.drawing, line_charts.LineChart)
        }
        boards = [f.drawing.data for f in self._drawn.values() if isinstance(f.drawing, grids.MapFigure)]
        held = run.baseline is not None or any(finding.drift for finding in run.findings)
        scales = [section.scales for section in sections if section.scales]
        return page.render(
            "report.html.j2",
            scripts=[*([vega.library(kept)] if charts else []), page.script()],
            run=run,
            sections=sections,
            board=table,
            title_of=self._names.title,
            rows=self._rows,
            paper_problem=self._context.paper_problem,
            settings=self._settings(says),
            cells=len({cell for finding in run.findings for cell in finding.cells}),
            baseline=_baseline(run),
            standings=marks(STANDINGS) if held else (),
            tally=tally((claim.verdict for claim, _ in self._claims), VERDICTS),
            verdicts=marks(VERDICTS, [word for word in VERDICTS if word != "SMOKE" or self._smoke]),
            conclusions=marks(CONCLUSIONS, list(CONCLUSIONS)[:4]),
            trust=tuple(self._trust.values()),
            elsewhere=other_scales.told(scales),
            elsewhere_problem=self._context.elsewhere.problem,
            smoke=self._smoke,
            data=page.as_json(run.plain()),
            charts=page.as_json(charts),
            maps=page.as_json({key: data for board in boards for key, data in board.items()}) if boards else "",
            scale=tuple(zip(RAMP, heat_maps.SHARES, strict=True)),
            blank=REST,
        )

    def _section(self, claim: ClaimResult, later: str, line: BoardLine) -> Section:
        anchor = self._anchor(f"claim-{claim.id}")
        figures, broken = self._figures(claim.charts)
        quantities, shares = findings_table.scaling(claim.findings, self._names.title)
        return Section(
            claim=claim,
            later=later,
            anchor=anchor,
            groups=findings_table.grouped(claim.findings, lambda finding: [finding], whole=True),
            figures=figures,
            broken_charts=broken,
            quantities=quantities,
            shares=shares,
            rule=findings_table.rule(claim.verdict, claim.findings, claim.rule),
            line=line,
            stated=paper.stated(self._context.stated.claims.get(claim.id, ()), claim.findings, self._rows),
            controls=self._trust["controls"].controls.get(claim.id),
            readings=self._trust["multiverse"].readings.get(claim.id),
            history=past_runs.of_claim(claim.id, self._context.past, self._run),
            scales=other_scales.of_claim(
                claim.id, claim.findings, self._context.elsewhere, self._run.profile, self._anchor
            ),
        )

    def _figures(self, charts: Sequence[Mapping[str, Any]]) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
        """Figures, and why others could not be drawn: one bad chart must not cost the report of a long run. Those of a
        rehearsal mean nothing, so that none is drawn."""
        drawn, broken = [], []
        for chart in () if self._smoke else charts:
            try:
                drawn.append(self._figure(chart))
            except Exception as problem:
                broken.append(f"{type(problem).__name__}: {' '.join(str(problem).split())}")
        return tuple(drawn), tuple(dict.fromkeys(broken))

    def _figure(self, chart: Mapping[str, Any]) -> Figure:
        content = json.dumps(chart, sort_keys=True)
        if content in self._drawn:
            return replace(self._drawn[content], first=False)
        is_map = chart.get("kind") == grids.KIND
        anchor = self._anchor(f"{'map' if is_map else 'chart'}-{len(self._drawn) + 1}")
        drawing = grids.draw(chart, anchor) if is_map else line_charts.draw(chart)
        self._drawn[content] = Figure(anchor, drawing, first=True)
        return self._drawn[content]

    def _settings(self, says: paper.Paper) -> list[tuple[str, tuple[paper.StatedValue, ...]]]:
        """What the paper states of the systems that this run has findings on, and of all."""
        findings = self._run.findings
        here = {system.key: system.title for f in findings for system in self._names.systems_of(f)}
        titles = {paper.EVERY_SYSTEM: "Every system", **here} if here else {}
        return [
            (titles[name], paper.stated(values, findings, self._rows, name))
            for name, values in says.experiments.items()
            if name in titles
        ]


def _is_rehearsal(run: RunResult) -> bool:
    """Its numbers mean nothing: none is drawn, and nothing is said of how far verdicts can be trusted."""
    return run.profile == "smoke" or any(claim.verdict == "SMOKE" for claim in run.claims)


def _with_later(run: RunResult) -> list[tuple[ClaimResult, str]]:
    """The claims of a run, and after them those of which a larger profile judges all: each with that profile, empty
    where none waits."""
    waiting = {later.id: later for later in run.later}
    given = [(claim, waiting.pop(claim.id).profile if claim.id in waiting else "") for claim in run.claims]
    return given + [
        (
            ClaimResult(
                id=later.id,
                says=later.says,
                source=later.source,
                verdict="NOT RUN",
                summary=f"Judged from the profile {later.profile} on, or where --claim names it.",
            ),
            later.profile,
        )
        for later in waiting.values()
    ]


def _baseline(run: RunResult) -> tuple[str, tuple[Mark, ...]] | None:
    """The baseline's file as one knows it, from fixtures/ on or with the folder that holds it; and its tally."""
    if run.baseline is None:
        return None
    place = Path(run.baseline.file)
    if place.is_absolute():
        first = place.parts.index(FIXTURES.name) if FIXTURES.name in place.parts else -2
        place = Path(*place.parts[first:])
    return str(place), tally(Counter(run.baseline.standings).elements(), STANDINGS)
