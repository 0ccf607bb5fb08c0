"""From the plugin's findings to one HTML page that needs nothing but itself."""

import base64
import functools
import hashlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from harness.files import replace_file
from harness.results.scales import FOLDER
from harness.results.schema import FORMAT
from reports import (
    board,
    charts,
    findings_table,
    gate,
    grids,
    history,
    interactive,
    masks,
    mazes,
    numbers,
    paper,
    scales,
    strips,
    trust,
)
from reports.marks import CONCLUSIONS, STANDINGS, TONES, VERDICTS, Mark, mark, tally
from reports.palette import RAMP, REST, dark_css
from reports.rule import Rule, rule

TEMPLATES = Path(__file__).parent / "templates"

# What the template reads; a field that a run left out is None.
RUN = (
    "profile",
    "changes",
    "seed_block",
    "seeds",
    "created",
    "command",
    "commit",
    "machine",
    "versions",
    "wall_seconds",
    "cpu_seconds",
    "damaged",
    "dense_returns",
    "own_arguments",
    "baseline",
    "partial",
)
CLAIM = (
    *["id", "says", "source", "quantifier", "systems", "verdict", "summary", "cpu_seconds", "findings"],
    "preregistration",
    "charts",
    "later",
)
READING = ("name", "effect", "lower", "upper", "p", "conclusion")
FINDING = (
    *READING,
    *[
        "claim",
        "nodeid",
        "system",
        "hypothesis",
        "kind",
        "min_effect",
        "unit",
        "reason",
        "note",
        "test",
        "n",
        "q",
        "detectable",
        "seeds_needed",
        "refused",
        "sample",
        "baseline",
        "cells",
    ],
    *["cpu_seconds", "scale", "rerun", "message", "beside"],
)
HASH = 12  # characters of a hash that are enough to tell documents apart


@dataclass(frozen=True)
class Figure:
    """A drawing where it appears first; later sections show it again by reference to `anchor`."""

    anchor: str
    drawing: charts.Drawing
    first: bool


@dataclass(frozen=True)
class Shown:
    """A maze where it appears first, and is drawn; later sections lead to it."""

    maze: mazes.Maze
    first: bool


@dataclass(frozen=True)
class Registration:
    """What of a claim was fixed beforehand: when, the hash of that document, and what has changed since evidence."""

    registered: str | None
    hash: str | None
    changed: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Section:
    """One claim; `shares` is what the scaling cost: rows of systems, with (here, paper, share) a quantity.

    registration, controls, readings: None where nothing is known of them.
    """

    claim: Mapping[str, Any]
    anchor: str
    mark: Mark
    tally: tuple[Mark, ...]
    cpu_seconds: float
    groups: tuple[findings_table.Group, ...]
    figures: tuple[Figure, ...]
    broken_charts: tuple[str, ...]
    quantities: tuple[str, ...]
    shares: tuple[tuple[str, tuple[tuple[str, str, str] | None, ...]], ...]
    rule: Rule
    line: board.Line
    stated: tuple[paper.Beside, ...]
    masks: tuple[masks.Masks, ...]
    mazes: tuple[Shown, ...]
    registration: Registration | None
    controls: trust.Controls | None
    readings: trust.Readings | None
    history: history.History | None
    scales: scales.Scales | None


def build(
    findings_json: Mapping[str, Any],
    parts: Sequence[trust.Part] = (),
    stated: paper.Paper | None = None,
    past: history.Known = history.UNKNOWN,
    elsewhere: scales.Known = scales.NONE,
) -> str:
    """The report as one HTML document, from the dict that the plugin writes; ValueError on any other.

    parts: the records of trust, as `trust.parts` reads them; one that is left out is shown as not measured. stated:
    what the paper states; None: the fixture. past: earlier runs, as `history.known` reads them.
    elsewhere: runs of other profiles, as `scales.known` reads them.
    """
    check(findings_json)
    measured = {part.name: part for part in parts}
    known = {name: measured.get(name) or trust.unmeasured(name) for name in trust.UNMEASURED}
    run = {**dict.fromkeys(RUN), **findings_json}
    taken: set[str] = set()
    claims = [_claim(claim, taken) for claim in _with_later(findings_json)]
    table = board.board([claim["findings"] for claim in claims])
    says = paper.stated() if stated is None else stated
    seen: dict[str, Figure] = {}
    known_mazes: dict[str, mazes.Maze] = {}
    sections = [
        _section(
            claim,
            _anchor(f"claim-{claim['id']}", taken),
            line,
            seen,
            known_mazes,
            known,
            says,
            past,
            run,
            elsewhere,
            taken,
        )
        for claim, line in zip(claims, table.lines, strict=True)
    ]
    held = run["baseline"] or any(isinstance(f["drift"], Mapping) for claim in claims for f in claim["findings"])
    css = (TEMPLATES / "report.css").read_text("utf-8") + _dark(dark_css())
    drawings = interactive.data({figure.anchor: figure.drawing for figure in seen.values()})
    scripts = [interactive.library(), _script()] if drawings else [_script()]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            sections=sections,
            board=table,
            paper=says,
            settings=_settings(says, [finding for claim in claims for finding in claim["findings"]]),
            cells=len({str(cell) for claim in claims for f in claim["findings"] for cell in f["cells"]}),
            baseline=gate.baseline(run["baseline"]),
            standings=[mark(word, STANDINGS) for word in STANDINGS] if held else [],
            partial=gate.partial(run["partial"]),
            tally=tally((claim["verdict"] for claim in claims), VERDICTS),
            verdicts=[mark(word, VERDICTS) for word in VERDICTS if word != "SMOKE" or _is_smoke(findings_json)],
            conclusions=[mark(word, CONCLUSIONS) for word in list(CONCLUSIONS)[:4]],
            trust=tuple(known.values()),
            elsewhere=scales.told(elsewhere, [section.scales for section in sections if section.scales]),
            scale_problems=elsewhere.problems,
            tones={tone: mark(tone, TONES) for tone in TONES},
            tone_of={word: tone for word, (tone, _, _) in CONCLUSIONS.items()},
            smoke=_is_smoke(findings_json),
            css=Markup(css),  # ours, no text of the findings
            style_hash=_hash(css),
            scripts=[Markup(script) for script in scripts],  # ours as well
            script_hashes=[_hash(script) for script in scripts],
            data=_embedded(findings_json),
            drawings=_json(drawings),
            mazes=_json(mazes.data(list(known_mazes.values()))) if known_mazes else "",
            objects=grids.OBJECTS,
            scale=tuple(zip(RAMP, mazes.SHARES, strict=True)),
            blank=REST,
            width=strips.WIDTH,
            height=strips.HEIGHT,
        )
    )


def write(
    summary: Mapping[str, Any],
    path: str | os.PathLike[str],
    here: Path | None = None,
    past: Path | None = None,
    kept: Path | None = None,
) -> Path:
    """Build the report of `summary` and put it at `path`, whole or not at all; returns the path.

    here: the folder of the records of trust that were measured on this machine; None: trust/ beside the report.
    past: the file of earlier runs; None where none is kept. kept: the folder of what other profiles found; None:
    scales/ beside the report.
    """
    place = Path(path)
    check(summary)
    page = build(
        summary,
        trust.parts(here or place.with_name("trust")),
        past=history.known(past, summary),
        elsewhere=scales.known(kept or place.with_name(FOLDER), summary),
    )
    place.parent.mkdir(parents=True, exist_ok=True)
    replace_file(place, page.encode())
    return place


def render(template: str, css: str = "", **given: Any) -> str:
    """Another page in the report's clothes, and without a script. css: its own, beside the report's."""
    css = (TEMPLATES / "report.css").read_text("utf-8") + css + _dark(dark_css())
    sizes = {"width": strips.WIDTH, "height": strips.HEIGHT}
    page = _environment().get_template(template)
    return page.render(css=Markup(css), style_hash=_hash(css), **sizes, **given)  # css: ours


def check(summary: Any) -> None:
    """Raise ValueError, in one line, where `summary` is not what the plugin writes."""
    if not isinstance(summary, Mapping):
        raise ValueError("the findings are not a JSON object")
    if summary.get("format") != FORMAT:
        raise ValueError(f"the findings have schema {summary.get('format')!r}; this report reads {FORMAT}")
    if not isinstance(summary.get("claims"), list):
        raise ValueError("the findings have no list of claims")
    for name in ("machine", "versions", "dense_returns"):
        if not isinstance(summary.get(name) or {}, Mapping):
            raise ValueError(f"{name} of the findings is no object")
    for name in ("changes", "damaged"):
        listed = summary.get(name) or []
        if not isinstance(listed, list | tuple) or not all(isinstance(item, str) for item in listed):
            raise ValueError(f"{name} of the findings is no list of texts")
    later = summary.get("later") or []
    if not isinstance(later, list) or not all(
        isinstance(entry, Mapping) and isinstance(entry.get("id"), str) for entry in later
    ):
        raise ValueError("later of the findings is no list of claims")
    for claim in summary["claims"]:
        if not isinstance(claim, Mapping) or not isinstance(claim.get("id"), str):
            raise ValueError("a claim has no id")
        found = claim.get("findings") or []
        if not isinstance(found, list) or not all(isinstance(finding, Mapping) for finding in found):
            raise ValueError(f"the findings of claim {claim['id']!r} are no list of objects")
        if not all(isinstance(finding.get("sensitivity") or [], list | tuple) for finding in found):
            raise ValueError(f"beside of a finding of claim {claim['id']!r} is no list")


@functools.cache
def _environment() -> jinja2.Environment:
    """Templates and their filters; a template is compiled once."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "effect": numbers.effect,
        "interval": numbers.interval,
        "plain": numbers.plain,
        "probability": numbers.probability,
        "minutes": numbers.minutes,
        "sizes": numbers.sizes,
        "ranges": numbers.ranges,
        "moment": numbers.moment,
        "day": numbers.day,
        "breakable": _breakable,
        "system": lambda name: board.system_title(str(name or "")),
    }
    return environment


def _with_later(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The claims of a run, and after them those of which a larger profile judges all: each that waits, in whole or in
    part, with that profile as `later`."""
    waiting = {entry["id"]: entry for entry in summary.get("later") or []}
    given = [{**claim, "later": waiting.pop(claim["id"], {}).get("profile")} for claim in summary["claims"]]
    whole = [
        {
            **{name: entry.get(name) for name in ("id", "says", "source")},
            "verdict": "NOT RUN",
            "summary": f"Judged from the profile {entry.get('profile')} on, or where --claim names it.",
            "later": entry.get("profile"),
        }
        for entry in waiting.values()
    ]
    return [*given, *whole]


def _claim(claim: Mapping[str, Any], taken: set[str]) -> dict[str, Any]:
    """The claim with every field that the template reads, in its findings and their readings too.

    A finding gets its `anchor`, the id of its row: one that no other on the page has.
    """
    findings = []
    for finding in claim.get("findings") or []:
        beside = [item for item in finding.get("sensitivity") or () if isinstance(item, Mapping)]
        readings = [{**dict.fromkeys(READING), **item} for item in beside]
        given = finding.get("cells")
        cells = given if isinstance(given, list) else []
        anchor = _anchor(f"finding-{claim['id']}-{finding.get('name') or 'unnamed'}", taken)
        findings.append(
            {**dict.fromkeys(FINDING), **finding, "sensitivity": readings, "cells": cells, "anchor": anchor}
        )
    return {**dict.fromkeys(CLAIM), **claim, "findings": findings}


def _anchor(text: str, taken: set[str]) -> str:
    """An id made of a text, with a number where it is taken."""
    slug = re.sub(r"[^\w-]+", "-", text).strip("-")
    anchor = next(a for a in (slug, *(f"{slug}-{n}" for n in range(2, len(taken) + 3))) if a not in taken)
    taken.add(anchor)
    return anchor


def _section(
    claim: Mapping[str, Any],
    anchor: str,
    line: board.Line,
    seen: dict[str, Figure],
    known_mazes: dict[str, mazes.Maze],
    known: Mapping[str, trust.Part],
    says: paper.Paper,
    past: history.Known,
    run: Mapping[str, Any],
    elsewhere: scales.Known,
    taken: set[str],
) -> Section:
    findings = claim["findings"]
    data = claim["charts"] or ()
    drawn, unsound = _mazes(data, known_mazes)
    figures, broken = _figures(data, seen)
    quantities, shares = findings_table.scaling(findings)
    return Section(
        claim=claim,
        anchor=anchor,
        mark=mark(claim["verdict"], VERDICTS),
        tally=tally((finding["conclusion"] for finding in findings), CONCLUSIONS),
        cpu_seconds=numbers.number(claim["cpu_seconds"]) or 0.0,
        groups=findings_table.groups(findings),
        figures=figures,
        broken_charts=tuple(dict.fromkeys((*unsound, *broken))),
        quantities=quantities,
        shares=shares,
        rule=rule(claim["verdict"], findings),
        line=line,
        stated=paper.beside(says.claims.get(claim["id"], ()), findings),
        masks=_masks(data),
        mazes=drawn,
        registration=_registration(claim["preregistration"]),
        controls=known["controls"].controls.get(claim["id"]),
        readings=known["multiverse"].readings.get(claim["id"]),
        history=history.of_claim(claim["id"], past, run),
        scales=scales.of_claim(
            claim["id"], findings, elsewhere, str(run["profile"]), lambda text: _anchor(text, taken)
        ),
    )


def _registration(entry: Any) -> Registration | None:
    """The plugin's entry on preregistration; None where a run says nothing of it."""
    if not isinstance(entry, Mapping):
        return None
    changed, note = entry.get("changed"), entry.get("note")
    return Registration(
        registered=str(entry["registered"]) if entry.get("registered") else None,
        hash=str(entry["hash"])[:HASH] if entry.get("hash") else None,
        changed=tuple(map(str, changed)) if isinstance(changed, list | tuple) else (),
        note=str(note) if note else "",
    )


def _figures(drawn: Sequence[Mapping[str, Any]], seen: dict[str, Figure]) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    """Each chart of a claim once, by content; what earlier sections drew is in `seen`, and referred to."""
    here: dict[str, Figure] = {}
    broken: list[str] = []
    for chart in charts.joined(drawn):
        content = json.dumps(chart, sort_keys=True)
        if content in seen:
            here[content] = replace(seen[content], first=False)
            continue
        try:
            here[content] = seen[content] = Figure(f"chart-{len(seen) + 1}", charts.draw(chart), first=True)
        except ValueError as problem:  # one bad chart must not cost the report of a long run
            broken.append(str(problem))
    return tuple(here.values()), tuple(dict.fromkeys(broken))


def _masks(drawn: Sequence[Mapping[str, Any]]) -> tuple[masks.Masks, ...]:
    """What the mask sees, of each chart of a claim once."""
    charted = {json.dumps(chart, sort_keys=True): chart for chart in drawn}
    return tuple(made for chart in charted.values() if (made := masks.draw(chart)))


def _mazes(
    drawn: Sequence[Mapping[str, Any]], seen: dict[str, mazes.Maze]
) -> tuple[tuple[Shown, ...], tuple[str, ...]]:
    """Each maze of a claim once, by content, as `_figures` has the charts of lines."""
    here: dict[str, Shown] = {}
    broken: list[str] = []
    for chart in filter(mazes.is_maze, drawn):
        content = json.dumps(chart, sort_keys=True)
        if content in here:
            continue
        if content in seen:
            here[content] = Shown(seen[content], first=False)
            continue
        try:
            seen[content] = mazes.draw(chart, f"maze-{len(seen) + 1}")
        except ValueError as problem:
            broken.append(str(problem))
        else:
            here[content] = Shown(seen[content], first=True)
    return tuple(here.values()), tuple(broken)


def _settings(says: paper.Paper, findings: Sequence[Mapping[str, Any]]) -> tuple[paper.Settings, ...]:
    """What the paper states of the systems that this run has findings on, and of all."""
    here = {system.key: system.title for finding in findings for system in board.systems_of(finding)}
    titles = {paper.EVERY_SYSTEM: "Every system", **here} if here else {}
    return tuple(
        paper.Settings(titles[name], paper.beside(values, findings, name))
        for name, values in says.experiments.items()
        if name in titles
    )


def _is_smoke(summary: Mapping[str, Any]) -> bool:
    return summary.get("profile") == "smoke" or any(claim.get("verdict") == "SMOKE" for claim in summary["claims"])


def _embedded(summary: Mapping[str, Any]) -> Markup:
    """The findings as JSON inside the page, each chart once and named by its place in `charts`."""
    return _json(summary)


def _json(value: Any) -> Markup:
    """JSON for a script element; `<`, `>` and `&` are escapes: no text of a finding can close the element.

    A number that is not finite becomes null: browsers read no JSON that holds one.
    """
    text = json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _script() -> str:
    """All of templates/js in one strict script, in the order of their names; each file has a scope of its own."""
    files = sorted((TEMPLATES / "js").glob("*.js"))
    return '"use strict";\n' + "".join(f"{{\n{file.read_text('utf-8')}}}\n" for file in files)


def _hash(text: str) -> str:
    """As a content-security policy names an inline style or script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _breakable(text: str) -> Markup:
    """The text, which may break behind an equals sign: `lineage=branch` heads a narrow column."""
    return Markup("=<wbr>").join(text.split("="))


def _dark(rules: str) -> str:
    """Only on screens: paper is white."""
    return f"\n@media screen and (prefers-color-scheme: dark) {{\n{rules}\n}}\n"
