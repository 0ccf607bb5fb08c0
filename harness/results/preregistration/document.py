"""What a claim commits itself to before it is judged, as plain JSON: hypothesis, estimand, margins, alpha, seeds and
budgets, and the rule by which numbers become a conclusion.

Read off the claim's source, which is parsed and never run, and off its items as pytest collects them. Two texts that
say the same (other comments, line breaks, annotations) make the same document.
"""

import ast
import copy
import dataclasses
import functools
import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.canonical import canonical_json, to_plain
from harness.evidence.inventory import flat
from harness.experiment import Experiment
from harness.judging import calibrated
from harness.judging.assay import insensitive
from harness.judging.claim import Claim
from harness.judging.run import Run
from harness.judging.verdict import conclude
from harness.profiles.profile import PROFILES, SEEDS_PER_BLOCK, Profile, System
from harness.pruning.conditions import DENSE, TICKET
from harness.results.preregistration.source import (
    Module,
    attributes,
    closure,
    literal,
    module_in,
    module_named,
    source_hash,
)
from harness.statistics import censored_ranks, contrast_test, guarded_bounds, swapped_spreads
from harness.statistics.outcome import TAIL

Document = dict[str, Any]

JUDGING = ("scaled", "extended", "paper")
"""The profiles at which a claim is preregistered: those that the paper's claims are judged at."""

_KINDS = {
    "greater": ("greater", "min_effect"),
    "equivalent": ("equivalent", "margin"),
    "non_inferior": ("non-inferior", "margin"),
    "holds_out_longer": ("greater", "min_effect"),
    "spreads_wider": ("greater", "min_effect"),
}
"""The judge's methods: the kind of finding, and what its smallest effect or margin is called."""
_TESTS: dict[str, list[Any]] = {
    "holds_out_longer": [censored_ranks, calibrated.checked_ranks],
    "spreads_wider": [swapped_spreads, calibrated.checked_spreads, calibrated.exposure_of_spreads],
}
_CONTRAST: list[Any] = [contrast_test, calibrated.checked, calibrated.exposure]
_NO_DIFFERENCE = ("equivalent", "non_inferior")
_RULES = (
    "harness.statistics",
    "harness.judging.verdict",
    "harness.judging.assay",
    "harness.judging.judge",
    "harness.trust",
)
_MEASURES = ("harness.statistics",)


@dataclass(frozen=True)
class Subject:
    """One item of pytest: the hypothesis `name` (its id without the file), judged by `function` in `file`."""

    name: str
    function: str
    file: Path
    hypothesis: str
    parameters: Mapping[str, Any]

    @property
    def runs(self) -> dict[str, Run]:
        """Those of its parameters that are runs."""
        return {name: value for name, value in self.parameters.items() if isinstance(value, Run)}


def document_of(claim: Claim, subjects: Sequence[Subject]) -> Document:
    """The document of a claim with these items. What options change about a session is not in it."""
    methods = {method for subject in subjects for method in methods_of(subject)}
    systems = dict.fromkeys(run.system for subject in subjects for run in subject.runs.values())
    document = {
        "says": claim.says,
        "quantifier": claim.quantifier,
        "alpha": 2 * TAIL,
        "seeds per block": SEEDS_PER_BLOCK,
        "findings": {subject.name: finding_of(subject) for subject in subjects},
        "rule": rule_of(methods),
        "profiles": {name: budgets_of(PROFILES[name], systems) for name in JUDGING},
    }
    plain: Document = json.loads(canonical_json(document))  # as it will be read again
    return plain


def document_hash(document: Document) -> str:
    """SHA-256 of the canonical JSON, as 64 hex digits."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def calls_of(subjects: Sequence[Subject]) -> dict[str, str]:
    """How each hypothesis is judged, as its source says it: for people, and no part of the document."""
    written = {}
    for subject in subjects:
        calls = _judge_calls(subject)
        written[subject.name] = "; ".join(ast.unparse(call) for found in calls.values() for call in found)
    return written


def is_of(settings: Mapping[str, Any], condition: str, registered: Mapping[str, Any]) -> bool:
    """Whether cells with these settings, under that condition, are of a registered experiment (as in a document's
    systems), on whatever seeds.

    A setting that the cells are older than does not count, nor does how arithmetic is saved, nor what
    `harness.experiment.Cell.identity` leaves out of an id.
    """
    dropped = {DENSE: ("savings.", "pruning."), TICKET: ("savings.", "pruning.lineage")}.get(condition, ("savings.",))
    held = {**registered["set"], **registered["default"]}
    return all(held.get(name, held) == value for name, value in settings.items() if not name.startswith(dropped))


def settings_of(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """Settings by dotted name, as plain JSON: {"set": those that differ from their class's default, or have none;
    "default": the others}. A setting that did not exist before, at its default, is no change.
    """
    found: dict[str, dict[str, Any]] = {"set": {}, "default": {}}
    for name, value in flat(to_plain(experiment)).items():
        if not name.startswith("savings."):
            found["default" if _is_default(experiment, name, value) else "set"][name] = value
    return found


def methods_of(subject: Subject) -> set[str]:
    """The judge's methods that it calls, as its source says it."""
    return set(_judge_calls(subject))


def finding_of(subject: Subject) -> dict[str, Any]:
    """Its own part of the document: hypothesis, kind and margin, parameters, runs, constants, estimand and measures."""
    module, function = module_in(subject.file), copy.deepcopy(_function(subject))
    function.decorator_list = []  # what they say stands under runs and parameters
    calls = [(method, call) for method, found in _judge_calls(subject, function).items() for call in found]
    said: dict[str, Any] = {"kind": "not told by its source"}
    if len(calls) == 1:
        kind, threshold = _KINDS[calls[0][0]]
        said = {"kind": kind, threshold: _take_threshold(calls[0][1], threshold, module, subject.parameters)}
    used = closure(module, [function])
    code = {name: node for name, node in used.items() if literal(node) is None}
    return {
        "hypothesis": subject.hypothesis,
        **said,
        "parameters": {
            name: _parameter(value) for name, value in subject.parameters.items() if not isinstance(value, Run)
        },
        "runs": {
            name: {
                "system": str(run.system),
                "conditions": list(run.conditions),
                "times": run.times,
                "assay": run.assay,
            }
            for name, run in subject.runs.items()
        },
        "constants": {name: literal(node) for name, node in used.items() if name not in code},
        "estimand": {
            subject.function: source_hash(function),
            **{name: source_hash(node) for name, node in code.items()},
        },
        "measures": _measures([function, *used.values()]),
    }


def rule_of(methods: Iterable[str]) -> dict[str, Any]:
    """The functions that choose a test, guard it and conclude, by the hash of their source, and their constants."""
    chosen: dict[str, Any] = {"conclude": conclude}
    for method in sorted(methods):
        chosen |= {test.__name__: test for test in _TESTS.get(method, _CONTRAST)}
        chosen |= {"insensitive": insensitive} if method in _NO_DIFFERENCE else {}
    guards = {} if set(methods) <= {"spreads_wider"} else {"guarded_bounds": guarded_bounds}
    code: dict[str, str] = {}
    constants: dict[str, Any] = {}
    for name, function in (chosen | guards).items():
        module = module_in(Path(inspect.getfile(function)))
        definition = module.definitions[function.__name__]
        used = closure(module, [definition], _RULES)
        constants |= {constant: literal(node) for constant, node in used.items() if literal(node) is not None}
        whole = [definition, *used.values()] if name in guards else [definition]
        code[name] = hashlib.sha256("".join(map(source_hash, whole)).encode()).hexdigest()[:16]
    return {"constants": dict(sorted(constants.items())), "code": code}


def budgets_of(profile: Profile, systems: Iterable[System]) -> dict[str, Any]:
    """Seeds, with the share of them that a task takes if not all, and each system's settings by dotted name; a system
    that the profile lacks is left out."""
    held, shares = {}, {}
    for system in systems:
        if system.task in profile.shares:
            shares[system.task] = profile.shares[system.task]
        try:
            held[str(system)] = settings_of(profile.experiment(system))
        except ValueError:
            continue
    return {"seeds": profile.seeds, **({"shares": shares} if shares else {}), "systems": held}


def _is_default(experiment: Experiment, name: str, value: Any) -> bool:
    *path, last = name.split(".")
    owner = functools.reduce(getattr, path, experiment)
    field = next((f for f in dataclasses.fields(owner) if f.name == last), None)
    if field is None or field.default is dataclasses.MISSING:
        return False
    return bool(to_plain(field.default) == value)


def _take_threshold(call: ast.Call, name: str, module: Module, parameters: Mapping[str, Any]) -> Any:
    """The smallest effect or margin of a call, as a number; as text where its source does not say the number.

    A number is taken out of the call, so that another one is another margin and no other estimand.
    """
    keyword = next((entry for entry in call.keywords if entry.arg == name), None)
    if keyword is None:
        return "not given by name"
    number = _number(keyword.value, module, parameters)
    if number is None:
        return ast.unparse(keyword.value)
    call.keywords.remove(keyword)
    return number


def _number(node: ast.AST, module: Module, parameters: Mapping[str, Any]) -> float | None:
    for _ in range(10):  # a constant may be another's name
        held = parameters.get(node.id) if isinstance(node, ast.Name) and node.id in parameters else literal(node)
        if isinstance(held, int | float) and not isinstance(held, bool):
            return float(held)
        definition = module.definitions.get(node.id) if isinstance(node, ast.Name) else None
        if not isinstance(definition, ast.Assign | ast.AnnAssign) or definition.value is None:
            return None
        node = definition.value
    return None


def _judge_calls(subject: Subject, function: ast.FunctionDef | None = None) -> dict[str, list[ast.Call]]:
    """The calls of the judge's methods in the test's function."""
    calls: dict[str, list[ast.Call]] = {}
    for node in ast.walk(function or _function(subject)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _KINDS:
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "judge":
                calls.setdefault(node.func.attr, []).append(node)
    return calls


def _function(subject: Subject) -> ast.FunctionDef:
    """The test's definition; where it stands in a class, among its methods."""
    module = module_in(subject.file)
    for definition in module.definitions.values():
        for node in (definition, *getattr(definition, "body", ())):
            if isinstance(node, ast.FunctionDef) and node.name == subject.function:
                return node
    return ast.FunctionDef(subject.function, ast.arguments([], [], None, [], [], None, []), [], [])


def _measures(nodes: Sequence[ast.AST]) -> dict[str, str]:
    """What the estimand asks of a run, by name: the source of each measure, with the functions that define it."""
    module = module_named(Run.__module__)
    assert module is not None
    asked, found = attributes(nodes), {}
    for kind in (node for node in module.definitions.values() if isinstance(node, ast.ClassDef)):
        for member in kind.body:
            if isinstance(member, ast.FunctionDef) and member.name in asked:
                used = closure(module, [member], _MEASURES)
                said = [source_hash(node) for node in (member, *used.values())]
                found[f"{kind.name}.{member.name}"] = hashlib.sha256("".join(said).encode()).hexdigest()[:16]
    return found


def _parameter(value: Any) -> Any:
    plain = isinstance(value, str | int | float | bool) or value is None
    return value if plain else [_parameter(one) for one in value] if isinstance(value, list | tuple) else str(value)
