"""A baseline: what a complete run found, written down for later runs to be held against.

fixtures/baselines/<profile>.json. Written by `--claims-update-baseline` alone; whatever else is in such a file is refused, in
one line, before anything is trained. Two runs over the same evidence write the same bytes, `created` aside.

Beside what was found it keeps what each finding had committed itself to, so that each is compared, or is not, for what
it is itself. A file of format 1 has no more than a hash of each claim: there a claim is compared as a whole.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

from harness.files import in_bytes, replace_file
from harness.profiles.profile import SEEDS_PER_BLOCK
from harness.results.finding import Finding
from harness.results.preregistration.commitments import Commitments, refuse_loose
from harness.results.sample import Sample

FORMAT = 2
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: lambda content: _with_no_commitments(content)}
"""Format -> what makes a file of that format one of the next."""
MOST_BYTES = 8_000_000
"""A baseline of all the paper's claims takes well under 2 MB."""
JUDGED = ("supported", "contradicted", "equivalent", "underpowered")
"""The conclusions that a baseline may hold: the others say nothing about a claim."""


class BaselineError(Exception):
    """A baseline can't be used; the message is one line."""


@dataclass(frozen=True)
class Entry:
    """One finding as it was; the fields are those of `harness.results.finding.Finding`.

    cells: keys of the evidence it rested on, which name the engine that computed it.
    """

    system: str
    kind: str
    smallest: float
    unit: str
    conclusion: str
    test: str
    n: list[int]
    effect: float
    lower: float
    upper: float
    p: float | None
    sample: Sample | None
    cells: list[str]

    @classmethod
    def of(cls, finding: Finding) -> "Entry":
        """Raises ValueError for a finding that was not judged."""
        if finding.conclusion not in JUDGED:
            raise ValueError(f"{finding.name} was not judged: {finding.conclusion}")
        sample = Sample.from_json(finding.to_json()["sample"]) if finding.sample else None
        held = {field.name: getattr(finding, field.name) for field in fields(cls) if field.name != "sample"}
        return cls(**held, sample=sample)


@dataclass(frozen=True)
class ClaimEntry:
    """A claim as it was. preregistration: hash of its document, as it was registered; None for a claim without one."""

    verdict: str
    preregistration: str | None
    findings: dict[str, Entry]
    """By name."""


@dataclass(frozen=True)
class Baseline:
    """What a run found.

    provenance: created, commit, machine and versions, as `harness.results.provenance` has them. commitments: of
    those of its findings whose claims are the house's; None in a file of format 1.
    """

    profile: str
    changes: list[str]
    seed_block: int
    seeds: list[int]
    provenance: dict[str, Any]
    claims: dict[str, ClaimEntry]
    commitments: Commitments | None = None

    def entry(self, claim: str, name: str) -> Entry | None:
        """The finding of that name, if there is one."""
        held = self.claims.get(claim)
        return held.findings.get(name) if held else None

    @property
    def entries(self) -> list[Entry]:
        """Of all claims."""
        return [entry for claim in self.claims.values() for entry in claim.findings.values()]

    def without(self, used: Mapping[str, Iterable[str]]) -> list[str]:
        """The entries that are not among these findings (claim -> names), as "claim name"."""
        return [
            f"{claim} {name}"
            for claim, held in self.claims.items()
            for name in held.findings
            if name not in used.get(claim, ())
        ]


def of_run(summary: Mapping[str, Any], findings: Iterable[Finding], commitments: Commitments | None = None) -> Baseline:
    """The baseline of a run, from its summary (see `harness.plugin.outcome.summarise`), its findings, and what they
    commit themselves to.

    Raises ValueError where one was not judged.
    """
    held: dict[str, dict[str, Entry]] = {}
    for finding in sorted(findings, key=lambda finding: finding.name):  # in whatever order they were judged
        held.setdefault(finding.claim, {})[finding.name] = Entry.of(finding)
    return Baseline(
        profile=summary["profile"],
        changes=list(summary["changes"]),
        seed_block=summary["seed_block"],
        seeds=list(summary["seeds"]),
        provenance={name: summary[name] for name in _PROVENANCE},
        claims={
            claim["id"]: ClaimEntry(claim["verdict"], claim["preregistration"]["hash"], held[claim["id"]])
            for claim in sorted(summary["claims"], key=lambda claim: str(claim["id"]))
        },
        commitments=commitments,
    )


def write(baseline: Baseline, path: Path) -> None:
    """Replace the file, whole or not at all; makes its folder."""
    plain = asdict(baseline)
    claims = plain.pop("claims")
    for claim, held in claims.items():
        for name, entry in held["findings"].items():
            sample = baseline.claims[claim].findings[name].sample
            entry["sample"] = sample.to_json() if sample else None
            entry |= {key: _number_out(entry[key]) for key in _NUMBERS}
    commitments = plain.pop("commitments")
    content = {"format": FORMAT, **plain.pop("provenance"), **plain, "claims": claims, "commitments": commitments}
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, (_dump(content) + "\n").encode())


def read(path: Path) -> Baseline:
    """The baseline in a file. Raises BaselineError, in one line, for one that is missing or is anything else."""
    try:
        content = json.loads(
            _text(path),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
        return _baseline(_upgraded(content))
    except OSError as error:
        raise BaselineError(f"the baseline {path} can't be read: {(error.strerror or str(error)).lower()}") from None
    except RecursionError:
        problem = "it is nested too deep"
    except json.JSONDecodeError as error:
        problem = f"it is no JSON: {error}"
    except UnicodeDecodeError:
        problem = "it is no UTF-8 text"
    except ValueError as error:
        problem = str(error)
    problem = " ".join(problem.split())
    raise BaselineError(
        f"the baseline {path} can't be used: {problem}; restore it, or remove it and write it anew"
    ) from None


_MOST_SEEDS = 4 * SEEDS_PER_BLOCK
"""Of a group: a claim takes at most a few times the seeds of a profile, and a profile those of one block."""
_PROVENANCE = ("created", "commit", "machine", "versions")
_NUMBERS = ("smallest", "effect", "lower", "upper", "p")


def _dump(content: Any) -> str:
    """JSON with a line per value, but for what has no names in it: the numbers of all seeds stand in one line."""

    def lines(value: Any, indent: str) -> str:
        if isinstance(value, dict) and value:
            inner = indent + " "
            parts = [f"{inner}{json.dumps(key)}: {lines(held, inner)}" for key, held in value.items()]
            return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
        return json.dumps(value, allow_nan=False)

    return lines(content, "")


def _text(path: Path) -> str:
    """Of a file of a size that a baseline may have; not of what never ends."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError("it is no file")
    with path.open("rb") as file:
        held = file.read(MOST_BYTES + 1)
    if len(held) > MOST_BYTES:
        raise ValueError(f"it has {in_bytes(path.stat().st_size)}, and none needs more than {in_bytes(MOST_BYTES)}")
    return held.decode("utf-8")


def _upgraded(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    found = content.get("format")
    if type(found) is not int or found < 1:
        raise ValueError(f"its format is {_shown(found)}, not a whole number from 1 to {FORMAT}")
    if found > FORMAT:
        raise ValueError(
            f"it is of format {found}, and this version reads up to {FORMAT}: update this suite, or write it anew"
        )
    upgraded: dict[str, Any] = content
    for number in range(found, FORMAT):
        upgraded = UPGRADES[number](upgraded)
    return upgraded


def _with_no_commitments(content: dict[str, Any]) -> dict[str, Any]:
    if "commitments" in content:
        raise ValueError("the file has 'commitments', which no baseline of format 1 has")
    return {**content, "format": 2, "commitments": None}


def _baseline(content: dict[str, Any]) -> Baseline:
    _match_schema(content)
    if content["commitments"] is not None:
        refuse_loose(content["commitments"])
        _refuse_uncommitted(content)
    return Baseline(
        **{name: content[name] for name in ("profile", "changes", "seed_block", "seeds")},
        provenance={name: content[name] for name in _PROVENANCE},
        claims={
            claim: ClaimEntry(
                held["verdict"],
                held["preregistration"],
                {name: _entry(f"claim {claim}, {name}", entry) for name, entry in held["findings"].items()},
            )
            for claim, held in content["claims"].items()
        },
        commitments=content["commitments"],
    )


def _refuse_uncommitted(content: dict[str, Any]) -> None:
    """Raise ValueError where a finding of a claim that has a preregistration lost what it committed itself to."""
    for claim, held in content["claims"].items():
        kept = content["commitments"]["findings"].get(claim, {})
        if held["preregistration"] is not None and (lost := next((n for n in held["findings"] if n not in kept), None)):
            raise ValueError(f"claim {claim}, {lost}: what it commits itself to is not among the commitments")


def _match_schema(content: dict[str, Any]) -> None:
    """Raise ValueError where the content is not as baseline.schema.json beside this file says."""
    from jsonschema import Draft202012Validator  # only where there is a baseline: it takes a while to load

    schema = json.loads(Path(__file__).with_name("baseline.schema.json").read_text("utf-8"))
    error = next(Draft202012Validator(schema).iter_errors(content), None)  # the first will do: there may be very many
    if error is None:
        return
    where = ", ".join(f"{_shown(part)}" for part in error.absolute_path) or "the file"
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        raise ValueError(f"{where} lacks {missing!r}")
    if error.validator == "additionalProperties":
        unknown = next(name for name in error.instance if name not in error.schema["properties"])
        raise ValueError(f"{where} has {_shown(unknown)}, which no baseline of format {FORMAT} has")
    what = f"{where} {'has a name that ' if 'propertyNames' in error.absolute_schema_path else ''}can't be"
    raise ValueError(f"{what} {_shown(error.instance)}: {error.schema.get('description', error.validator)}")


def _entry(where: str, held: dict[str, Any]) -> Entry:
    numbers = {name: held[name] if held[name] is None else _number_in(held[name]) for name in _NUMBERS}
    try:
        sample = None if held["sample"] is None else Sample.from_json(held["sample"])
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    effect = numbers["effect"]
    if sample is not None and not abs(sample.effect - effect) <= 1e-9 * max(1.0, abs(effect)):
        raise ValueError(f"{where}: its effect {effect:g} is not that of its seeds, {sample.effect:g}")
    if sample is not None and (max(sample.n) > _MOST_SEEDS or held["n"] not in (list(sample.n), [sample.n[0]])):
        raise ValueError(f"{where}: n is {_shown(held['n'])}, and its sample has {_shown(list(sample.n))} seeds")
    return Entry(**{**held, **numbers, "sample": sample})


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has {_shown(next(name for name in names if names.count(name) > 1))} twice in one place")
    return found


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"it holds {word}, which is no JSON number")


def _whole(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"it holds the number {_shown(text)}, which is too large")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"it holds the number {_shown(text)}, which is too large")
    return value


def _shown(value: Any) -> str:
    """As Python writes it, without what a terminal would obey, cut short."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_INFINITE = {"Infinity": float("inf"), "-Infinity": float("-inf"), "NaN": float("nan")}


def _number_in(value: float | str) -> float:
    return _INFINITE[value] if isinstance(value, str) else float(value)


def _number_out(value: float | None) -> float | str | None:
    if value is None or isfinite(value):
        return value
    return next(word for word, number in _INFINITE.items() if repr(number) == repr(value))
