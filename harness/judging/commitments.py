"""What claims commit themselves to before they are judged: plain data for `results.preregistration`.

It is read off the claims' source, which is parsed and never run, and off their items as pytest collects them. Two texts
that say the same (other comments, line breaks, annotations) commit themselves to the same.
"""

import ast
import copy
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from harness.canonical import flat, to_plain
from harness.experiment import Experiment
from harness.judging.claim import Claim
from harness.judging.run import Run
from harness.judging.verdict import RULE
from harness.profiles.profile import Profile, System
from harness.results.preregistration import (
    Commitment,
    Commitments,
    FindingSubject,
    Hypothesis,
    RunCommitment,
    SystemSettings,
)
from harness.source_hash import node_hash
from harness.statistics.inference import TAIL

JUDGING = ("scaled", "extended", "paper")
"""The profiles at which claims are preregistered: those that the paper's claims are judged at."""
_METHODS = {
    "greater": "min_effect",
    "equivalent": "margin",
    "non_inferior": "margin",
    "holds_out_longer": "min_effect",
    "spreads_wider": "min_effect",
}
"""The judge's methods, and what each calls the smallest effect or margin."""


@dataclass(frozen=True)
class Item:
    """One item of pytest: the finding `name`, judged by `function` in `file` with these parameters."""

    claim: Claim
    name: str
    function: str
    file: Path
    hypothesis: str
    parameters: Mapping[str, Any]


def commitments_of(items: Iterable[Item], profiles: Iterable[Profile]) -> Commitments:
    """What the claims of these items commit themselves to at these profiles, without systems that a profile lacks."""
    by_claim: dict[str, list[Item]] = {}
    for item in items:
        by_claim.setdefault(item.claim.id, []).append(item)
    systems = dict.fromkeys(
        value.system
        for held in by_claim.values()
        for item in held
        for value in item.parameters.values()
        if isinstance(value, Run)
    )
    return Commitments(
        rule={"version": RULE, "alpha": 2 * TAIL},
        settings=_settings(list(profiles), systems),
        claims={claim: _claim(held) for claim, held in by_claim.items()},
    )


def _claim(items: Sequence[Item]) -> Commitment:
    return Commitment(
        says=items[0].claim.says,
        quantifier=items[0].claim.quantifier,
        rule=items[0].claim.rule,
        hypotheses={item.function: _hypothesis(item) for item in items},
        findings={
            item.name: FindingSubject(
                runs={name: _chains(value) for name, value in item.parameters.items() if isinstance(value, Run)},
                parameters={
                    name: _parameter(value) for name, value in item.parameters.items() if not isinstance(value, Run)
                },
            )
            for item in items
        },
    )


def _chains(run: Run) -> RunCommitment:
    return RunCommitment(
        system=_key(run.system),
        conditions=run.conditions,
        times=run.times,
        paper_times=run.paper_times,
        assay=run.assay,
    )


def _key(system: System) -> str:
    return " ".join([system.task, system.learner, *system.overrides])


def _settings(profiles: Sequence[Profile], systems: Iterable[System]) -> dict[str, dict[str, SystemSettings]]:
    """By profile and system. What overrides a system is told by how it differs from it, and a system by how it differs
    from what it is at the first profile."""
    found: dict[str, dict[str, SystemSettings]] = {profile.name: {} for profile in profiles}
    whole: dict[str, SystemSettings] = {}
    for profile in profiles:
        made: dict[System, SystemSettings] = {}
        for system in systems:
            base = System(system.task, system.learner)
            seeds = len(profile.seeds_of(0, profile.times(system.task)))
            try:
                made |= {one: _of_experiment(profile.experiment(one), seeds) for one in {base, system} - made.keys()}
            except ValueError:
                continue
            for one, like in ((base, f"{profiles[0].name}/{_key(base)}"), (system, f"{profile.name}/{_key(base)}")):
                whole[f"{profile.name}/{_key(one)}"] = made[one]
                if _key(one) not in found[profile.name]:
                    found[profile.name][_key(one)] = _differing(made[one], whole.get(like), like)
    return found


def _differing(own: SystemSettings, other: SystemSettings | None, like: str) -> SystemSettings:
    """The settings, told by how they differ from those of `like`; None stands for a field that they lack."""
    held, known = ({**one.default, **one.chosen} if one else {} for one in (own, other))
    if other is None or own is other:
        return own
    names = [name for name in (*held, *sorted(known.keys() - held.keys())) if held.get(name) != known.get(name)]
    return SystemSettings(like=like, chosen={name: held.get(name) for name in names})


def _of_experiment(experiment: Experiment, seeds: int) -> SystemSettings:
    """How arithmetic is saved is no setting of an experiment that a claim commits itself to."""
    chosen: dict[str, Any] = {"seeds": seeds}
    default: dict[str, Any] = {}
    for name, value in flat(to_plain(experiment)).items():
        if not name.startswith("savings."):
            (default if _is_default(experiment, name, value) else chosen)[name] = value
    return SystemSettings(chosen=chosen, default=default)


def _is_default(experiment: Experiment, name: str, value: Any) -> bool:
    *path, last = name.split(".")
    owner: Any = functools.reduce(getattr, path, experiment)
    default = next((f.default for f in fields(owner) if f.name == last), MISSING)
    return default is not MISSING and bool(to_plain(default) == value)


def _hypothesis(item: Item) -> Hypothesis:
    """Of the item's test function: its decorators, whose parameters stand with the findings, don't count."""
    module = _definitions(item.file)
    function = copy.deepcopy(_function(module, item.function))
    function.decorator_list = []
    calls: list[Any] = [node for node in ast.walk(function) if _is_judges(node)]
    numbers = [_take_number(call, module) for call in calls]
    text = "; ".join(ast.unparse(call) for call in calls)
    used = _used(module, function)
    for call in calls:
        call.func, call.args, call.keywords = ast.Name("judge", ast.Load()), [], []  # the text says it
    constants = {name: value for name, node in used.items() if (value := _literal(node)) is not None}
    code = [node_hash(function), *(node_hash(node) for name, node in used.items() if name not in constants)]
    return Hypothesis(
        says=item.hypothesis,
        min_effect=numbers[0] if len(numbers) == 1 else None,
        judged_by=text,
        constants=constants,
        code=hashlib.sha256("".join(code).encode()).hexdigest()[:16],
    )


@functools.cache
def _definitions(file: Path) -> dict[str, ast.stmt]:
    """The module-level definitions of a file by name. Raises OSError and SyntaxError."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            names = (name for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))
            found |= {name.id: node for name in names}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node
    return found


def _function(module: Mapping[str, ast.stmt], name: str) -> ast.FunctionDef:
    """The test's definition; where it stands in a class, among its methods."""
    for definition in module.values():
        for node in (definition, *getattr(definition, "body", ())):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return node
    raise ValueError(f"its module defines no function {name}")


def _used(module: Mapping[str, ast.stmt], root: ast.AST) -> dict[str, ast.stmt]:
    """The module-level definitions that the root uses, directly or through others, in the order of their use."""
    found: dict[str, ast.stmt] = {}
    waiting = [root]
    while waiting:
        for node in ast.walk(waiting.pop(0)):
            name = node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else ""
            if name in module and name not in found:
                found[name] = module[name]
                waiting.append(module[name])
    return found


def _is_judges(node: ast.AST) -> bool:
    """Whether it is a call of the judge."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS):
        return False
    return isinstance(node.func.value, ast.Name) and node.func.value.id == "judge"


def _take_number(call: Any, module: Mapping[str, ast.stmt]) -> float | None:
    """The smallest effect or margin, taken out of the call; None where its source does not say the number."""
    keyword = next((one for one in call.keywords if one.arg == _METHODS[call.func.attr]), None)
    if keyword is None:
        return None
    named = module.get(keyword.value.id) if isinstance(keyword.value, ast.Name) else None
    number = _literal(named or keyword.value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    call.keywords.remove(keyword)
    return float(number)


def _literal(node: ast.AST) -> Any:
    """The value of an expression, or of an assignment, that is written out, with tuples as lists; None for another."""
    if isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name):
        return None
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else node
    try:
        return json.loads(json.dumps(ast.literal_eval(value)))  # type: ignore[arg-type]  # parses, and runs nothing
    except (ValueError, TypeError):
        return None


def _parameter(value: Any) -> Any:
    plain = isinstance(value, str | int | float | bool) or value is None
    return value if plain else [_parameter(one) for one in value] if isinstance(value, list | tuple) else str(value)
