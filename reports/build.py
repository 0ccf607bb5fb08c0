"""From the plugin's findings to one HTML page that needs nothing but itself."""

import base64
import functools
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from harness.files import replace_file
from harness.findings import READABLE, SCHEMA
from reports import charts, history, interactive, numbers, strips, trust

TEMPLATES = Path(__file__).parent / "templates"

# word -> (tone: a colour of the stylesheet, icon: a symbol of the template, what it means)
VERDICTS = {
    "REPRODUCED": ("good", "check", "every finding is supported"),
    "REFUTED": (
        "bad",
        "cross",
        "no finding is supported, and at least one is contradicted, or shows equivalence where a difference is claimed",
    ),
    "MIXED": ("mixed", "half", "supported in one finding, contradicted or equivalent in another"),
    "INCONCLUSIVE": ("weak", "question", "not enough evidence at this scale to say either"),
    "NOT RUN": ("none", "dash", "not part of this run, or evidence it rests on is missing"),
    "ERROR": ("error", "bang", "something broke; nothing is said about the claim"),
    "SMOKE": ("smoke", "waves", "a rehearsal of the machinery; nothing is judged"),
}
CONCLUSIONS = {
    "supported": (
        "good",
        "check",
        "the bounds lie where the hypothesis says; a difference is also large enough",
    ),
    "contradicted": ("bad", "cross", "the bounds lie on the other side"),
    "equivalent": ("level", "equals", "no difference that matters, where one is claimed"),
    "underpowered": ("weak", "question", "the bounds leave it open"),
    "not run": VERDICTS["NOT RUN"],
    "error": VERDICTS["ERROR"],
    "smoke": VERDICTS["SMOKE"],
}
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
)
CLAIM = (
    *["id", "says", "source", "quantifier", "systems", "verdict", "summary", "cpu_seconds", "findings"],
    "preregistration",
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
        "smallest",
        "unit",
        "reason",
        "note",
        "test",
        "n",
        "q",
        "detectable",
        "seeds_needed",
    ],
    *["chart", "cpu_seconds", "scale", "rerun", "message", "beside"],
)
HASH = 12  # characters of a hash that are enough to tell documents apart
NEUTRAL = ("none", "question", "")
# A tone of a record's entry, as VERDICTS' words have one.
TONES = {
    "good": ("good", "check", "as it must be"),
    "bad": ("bad", "cross", "not as it must be"),
    "mixed": ("mixed", "half", "in part, or it depends"),
    "weak": ("weak", "question", "too little to say"),
}
KINDS = {"greater": "greater than zero", "equivalent": "equivalent to zero", "non-inferior": "not inferior"}


@dataclass(frozen=True)
class Mark:
    """A word with its tone and icon, so that no colour stands alone; `count` where it is a tally."""

    word: str
    tone: str
    icon: str
    meaning: str
    count: int = 1


@dataclass(frozen=True)
class Row:
    """One finding of the table; `label` tells findings of one system apart; `beside` are not counted."""

    finding: Mapping[str, Any]
    label: str
    mark: Mark
    strip: strips.Strip | None
    beside: tuple[tuple[Mapping[str, Any], Mark | None, strips.Strip | None], ...]


@dataclass(frozen=True)
class Group:
    """The findings of one hypothesis, which share one axis."""

    hypothesis: str
    kind: str
    unit: str
    axis: Sequence[tuple[float, str]]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Figure:
    """A drawing where it appears first; later sections show it again by reference to `anchor`."""

    anchor: str
    drawing: charts.Drawing
    first: bool


@dataclass(frozen=True)
class Registration:
    """What of a claim was fixed beforehand: when, the hash of that document, and what has changed since evidence."""

    registered: str | None
    hash: str | None
    changed: tuple[str, ...]


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
    groups: tuple[Group, ...]
    figures: tuple[Figure, ...]
    broken_charts: tuple[str, ...]
    quantities: tuple[str, ...]
    shares: tuple[tuple[str, tuple[tuple[str, str, str] | None, ...]], ...]
    registration: Registration | None
    controls: trust.Controls | None
    readings: trust.Readings | None
    history: history.History | None


def build(
    findings_json: Mapping[str, Any], parts: Sequence[trust.Part] = (), past: history.Known = history.UNKNOWN
) -> str:
    """The report as one HTML document, from the dict that the plugin writes; ValueError on any other.

    parts: the records of trust, as `trust.parts` reads them; one that is left out is shown as not measured.
    past: earlier runs, as `history.known` reads them.
    """
    check(findings_json)
    measured = {part.name: part for part in parts}
    known = {name: measured.get(name) or trust.unmeasured(name) for name in trust.UNMEASURED}
    run = {**dict.fromkeys(RUN), **findings_json}
    claims = [_claim(claim) for claim in findings_json["claims"]]
    seen: dict[str, Figure] = {}
    sections = [_section(claim, seen, known, history.of_claim(claim["id"], past, run)) for claim in claims]
    css = (TEMPLATES / "report.css").read_text("utf-8") + _dark(charts.dark_css())
    drawings = interactive.data({figure.anchor: figure.drawing for figure in seen.values()})
    scripts = [interactive.library(), _script()] if drawings else [_script()]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            sections=sections,
            tally=_tally((claim["verdict"] for claim in claims), VERDICTS),
            verdicts=[_mark(word, VERDICTS) for word in VERDICTS if word != "SMOKE" or _is_smoke(findings_json)],
            conclusions=[_mark(word, CONCLUSIONS) for word in list(CONCLUSIONS)[:4]],
            trust=tuple(known.values()),
            tones={tone: _mark(tone, TONES) for tone in TONES},
            tone_of={word: tone for word, (tone, _, _) in CONCLUSIONS.items()},
            smoke=_is_smoke(findings_json),
            css=Markup(css),  # ours, no text of the findings
            style_hash=_hash(css),
            scripts=[Markup(script) for script in scripts],  # ours as well
            script_hashes=[_hash(script) for script in scripts],
            data=_embedded(findings_json),
            drawings=_json(drawings),
            width=strips.WIDTH,
            height=strips.HEIGHT,
        )
    )


def write(
    summary: Mapping[str, Any], path: str | os.PathLike[str], here: Path | None = None, past: Path | None = None
) -> Path:
    """Build the report of `summary` and put it at `path`, whole or not at all; returns the path.

    here: the folder of the records of trust that were measured on this machine; None: trust/ beside the report.
    past: the file of earlier runs; None where none is kept.
    """
    place = Path(path)
    page = build(summary, trust.parts(here or place.with_name("trust")), history.known(past, summary))
    place.parent.mkdir(parents=True, exist_ok=True)
    replace_file(place, page.encode())
    return place


def render(template: str, css: str = "", **given: Any) -> str:
    """Another page in the report's clothes, and without a script. css: its own, beside the report's."""
    css = (TEMPLATES / "report.css").read_text("utf-8") + css + _dark(charts.dark_css())
    sizes = {"width": strips.WIDTH, "height": strips.HEIGHT}
    page = _environment().get_template(template)
    return page.render(css=Markup(css), style_hash=_hash(css), **sizes, **given)  # css: ours


def check(summary: Any) -> None:
    """Raise ValueError, in one line, where `summary` is not what the plugin writes."""
    if not isinstance(summary, Mapping):
        raise ValueError("the findings are not a JSON object")
    if summary.get("schema") not in READABLE:
        raise ValueError(f"the findings have schema {summary.get('schema')!r}; this report reads schema {SCHEMA}")
    if not isinstance(summary.get("claims"), list):
        raise ValueError("the findings have no list of claims")
    for claim in summary["claims"]:
        if not isinstance(claim, Mapping) or not isinstance(claim.get("id"), str):
            raise ValueError("a claim has no id")
        found = claim.get("findings") or []
        if not isinstance(found, list) or not all(isinstance(finding, Mapping) for finding in found):
            raise ValueError(f"the findings of claim {claim['id']!r} are no list of objects")


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
    }
    return environment


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    """The claim with every field that the template reads, in its findings and their readings too."""
    findings = []
    for finding in claim.get("findings") or []:
        beside = [item for item in finding.get("beside") or () if isinstance(item, Mapping)]
        readings = [{**dict.fromkeys(READING), **item} for item in beside]
        findings.append({**dict.fromkeys(FINDING), **finding, "beside": readings})
    return {**dict.fromkeys(CLAIM), **claim, "findings": findings}


def _section(
    claim: Mapping[str, Any], seen: dict[str, Figure], known: Mapping[str, trust.Part], past: history.History | None
) -> Section:
    findings = claim["findings"]
    figures, broken = _figures(findings, seen)
    quantities, shares = _scaling(findings)
    return Section(
        claim=claim,
        anchor="claim-" + re.sub(r"[^\w-]+", "-", claim["id"]),
        mark=_mark(claim["verdict"], VERDICTS),
        tally=_tally((finding["conclusion"] for finding in findings), CONCLUSIONS),
        cpu_seconds=numbers.number(claim["cpu_seconds"]) or 0.0,
        groups=_groups(findings),
        figures=figures,
        broken_charts=broken,
        quantities=quantities,
        shares=shares,
        registration=_registration(claim["preregistration"]),
        controls=known["controls"].controls.get(claim["id"]),
        readings=known["multiverse"].readings.get(claim["id"]),
        history=past,
    )


def _registration(entry: Any) -> Registration | None:
    """The plugin's entry on preregistration; None where a run says nothing of it."""
    if not isinstance(entry, Mapping):
        return None
    changed = entry.get("changed")
    return Registration(
        registered=str(entry["registered"]) if entry.get("registered") else None,
        hash=str(entry["hash"])[:HASH] if entry.get("hash") else None,
        changed=tuple(map(str, changed)) if isinstance(changed, list | tuple) else (),
    )


def _groups(findings: Sequence[Mapping[str, Any]]) -> tuple[Group, ...]:
    """One group a hypothesis (and kind, and unit), in the order of their first findings."""
    together: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for finding in findings:
        hypothesis, kind, unit = (str(finding.get(key) or "") for key in ("hypothesis", "kind", "unit"))
        together.setdefault((hypothesis or str(finding["name"] or ""), kind, unit), []).append(finding)
    groups = []
    for (hypothesis, kind, unit), members in together.items():
        half = strips.scale(members)
        systems = Counter(str(finding["system"]) for finding in members)
        rows = tuple(_row(f, half, str(f["name"] or "") if systems[str(f["system"])] > 1 else "") for f in members)
        axis = strips.axis(half) if any(row.strip for row in rows) else ()
        groups.append(Group(hypothesis, KINDS.get(kind, kind), unit, axis, rows))
    return tuple(groups)


def _row(finding: Mapping[str, Any], half: float, label: str) -> Row:
    beside = tuple(
        (
            reading,
            _mark(reading["conclusion"], CONCLUSIONS) if reading["conclusion"] else None,
            strips.strip(reading, half, finding["smallest"]),
        )
        for reading in finding["beside"]
    )
    return Row(
        finding,
        label,
        _mark(finding["conclusion"], CONCLUSIONS),
        strips.strip(finding, half, finding["smallest"]),
        beside,
    )


def _figures(
    findings: Sequence[Mapping[str, Any]], seen: dict[str, Figure]
) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    """Each chart of a claim once, by content; what earlier sections drew is in `seen`, and referred to."""
    here: dict[str, Figure] = {}
    broken: list[str] = []
    for finding in findings:
        if not finding["chart"]:
            continue
        content = json.dumps(finding["chart"], sort_keys=True)
        if content in here:
            continue
        if content in seen:
            here[content] = replace(seen[content], first=False)
            continue
        try:
            here[content] = seen[content] = Figure(f"chart-{len(seen) + 1}", charts.draw(finding["chart"]), first=True)
        except ValueError as problem:  # one bad chart must not cost the report of a long run
            broken.append(str(problem))
    return tuple(here.values()), tuple(dict.fromkeys(broken))


def _scaling(findings: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Quantities as columns, systems as rows, alike ones in one: used here, in the paper, and the share."""
    systems: dict[str, dict[str, tuple[str, str, str]]] = {}
    for finding in findings:
        scaling = finding["scale"]
        for system, shares in scaling.items() if isinstance(scaling, Mapping) else ():
            for quantity, pair in shares.items() if isinstance(shares, Mapping) else ():
                if isinstance(pair, Mapping):
                    systems.setdefault(str(system), {}).setdefault(str(quantity), _pair(pair))
    quantities = tuple(dict.fromkeys(quantity for row in systems.values() for quantity in row))
    alike: dict[tuple[Any, ...], list[str]] = {}
    for system, row in systems.items():
        alike.setdefault(tuple(row.get(quantity) for quantity in quantities), []).append(system)
    return quantities, tuple((", ".join(names), cells) for cells, names in alike.items())


def _pair(pair: Mapping[str, Any]) -> tuple[str, str, str]:
    here, paper = numbers.number(pair.get("here")), numbers.number(pair.get("paper"))
    share = numbers.percent(here / paper) if here is not None and paper else ""
    return numbers.plain(pair.get("here")), numbers.plain(pair.get("paper")), share


def _mark(word: Any, known: Mapping[str, tuple[str, str, str]], count: int = 1) -> Mark:
    text = str(word) if word else "unknown"
    return Mark(text, *known.get(text, NEUTRAL), count=count)


def _tally(words: Any, known: Mapping[str, tuple[str, str, str]]) -> tuple[Mark, ...]:
    """How often each word occurs, in the legend's order, unknown words last."""
    counts = Counter(str(word) if word else "unknown" for word in words)
    order = [word for word in known if word in counts] + sorted(word for word in counts if word not in known)
    return tuple(_mark(word, known, counts[word]) for word in order)


def _is_smoke(summary: Mapping[str, Any]) -> bool:
    return summary.get("profile") == "smoke" or any(claim.get("verdict") == "SMOKE" for claim in summary["claims"])


def _embedded(summary: Mapping[str, Any]) -> Markup:
    """The findings as JSON inside the page, each chart once and named by its place in `charts`."""
    drawn: list[Any] = []
    places: dict[str, int] = {}

    def without_chart(finding: Mapping[str, Any]) -> dict[str, Any]:
        if not finding.get("chart"):
            return dict(finding)
        content = json.dumps(finding["chart"], sort_keys=True)
        if content not in places:
            places[content] = len(drawn)
            drawn.append(finding["chart"])
        return {**finding, "chart": places[content]}

    claims = [
        {**claim, "findings": [without_chart(f) for f in claim.get("findings") or []]} for claim in summary["claims"]
    ]
    return _json({**summary, "claims": claims, "charts": drawn})


def _json(value: Any) -> Markup:
    """JSON for a script element; `<`, `>` and `&` are escapes: no text of a finding can close the element."""
    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


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
