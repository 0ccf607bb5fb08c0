"""Turn numbers into conclusions, and findings into a claim's verdict. Pure functions.

A conclusion never claims more than the evidence shows: what is shown on neither side is "underpowered", never "no".
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite, isnan
from typing import get_args

from harness.results.schema import SEVERAL_TASKS, Conclusion, Finding, Rule, Verdict, count_systems
from harness.statistics import Kind, Outcome, benjamini_hochberg
from harness.statistics.inference import TAIL

RULE = 2
"""The version of the rule by which numbers become a conclusion: which test is chosen, how it is guarded, when it is
refused, what its outcome means, and what findings make of a claim. Claims are registered with it. Raise it when a
conclusion or a verdict can change."""


def conclude(kind: Kind, min_effect: float, outcome: Outcome) -> tuple[Conclusion, str]:
    """The conclusion of one hypothesis, and a sentence that says why.

    min_effect: the smallest effect of interest d ("greater"), or the margin d ("equivalent", "non-inferior"),
    fixed beforehand, in the unit of the outcome. With e the effect:
      greater       supported if lower > 0 and e >= d; contradicted if upper < 0 and e <= -d;
                    equivalent if both bounds are within (-d, d)
      equivalent    supported if both bounds are within (-d, d); contradicted if lower > d or upper < -d
      non-inferior  supported if lower > -d; contradicted if upper < -d
    else underpowered, and so is every refused outcome.

    Where an outcome has guarded bounds, "within (-d, d)" and "lower > -d" apply to them. Raises
    ValueError for a negative or infinite d, or a margin of 0. An effect or bound that is no number, and an infinite
    effect, are underpowered too: nothing is shown.
    """
    d, e, lower, upper = min_effect, outcome.effect, outcome.lower, outcome.upper
    if kind not in get_args(Kind):
        raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {kind!r}")
    if not (d >= 0 if kind == "greater" else d > 0) or not isfinite(d):
        raise ValueError(f"min_effect must be positive, got {d} for {kind!r}")
    if outcome.refused:
        return "underpowered", f"Not judged: {outcome.refused}."
    low, high = outcome.guarded or (lower, upper)
    if not isfinite(e) or any(map(isnan, (lower, upper, low, high))):
        return "underpowered", f"Not judged: an effect of {e:.3g} with bounds {lower:.3g} to {upper:.3g} shows nothing."
    found = f"effect {e:.3g}, bounds {lower:.3g} to {upper:.3g}"
    kept = f"effect {e:.3g}, bounds {low:.3g} to {high:.3g}"
    within = -d < low and high < d
    if kind == "greater":
        if lower > 0 and e >= d:
            return "supported", f"Above 0 and at least {d:g}: {found}."
        if upper < 0 and e <= -d:
            return "contradicted", f"Below 0 and at most {-d:g}: {found}."
        if within:
            return "equivalent", f"No difference as large as {d:g} either way: {kept}."
        if -d < lower and upper < d:
            return "underpowered", (
                f"Undecided: {found}, all within {d:g}, but one more seed at its worst would leave {low:.3g} to"
                f" {high:.3g}, and a failure too rare to be seen here can't be excluded."
            )
        why = "the effect is small" if lower > 0 or upper < 0 else "0 is not excluded"
        return "underpowered", f"Undecided, {why}: {found}; the smallest effect of interest is {d:g}."
    if kind == "equivalent":
        if within:
            return "supported", f"No difference as large as {d:g} either way: {kept}."
        if lower > d or upper < -d:
            return "contradicted", f"A difference larger than {d:g}: {found}."
        return "underpowered", f"Undecided, the bounds reach past a margin of {d:g}: {kept}."
    if low > -d:
        return "supported", f"Not worse by {d:g}: {kept}."
    if upper < -d:
        return "contradicted", f"Worse by more than {d:g}: {found}."
    return "underpowered", f"Undecided, the lower bound reaches past a margin of {d:g}: {kept}."


def conclude_under_all(found: Mapping[str, tuple[Conclusion, str]]) -> tuple[Conclusion, str, tuple[str, ...]]:
    """The conclusion that holds under every reading which the paper leaves open, why, and the readings it hangs on.

    found: by name of the reading, what `conclude` says under it; the first is the one taken. Where readings are decided
    differently, it hangs on a number that the paper does not give, and no seeds decide it: underpowered. Where one is
    merely underpowered, so is the finding; more seeds may show that it agrees.
    """
    taken, reason = next(iter(found.values()))
    decided = {name: conclusion for name, (conclusion, _) in found.items() if conclusion != "underpowered"}
    if len(set(decided.values())) > 1:
        why, others = "Hangs on", [name for name, conclusion in decided.items() if conclusion != taken]
    elif taken == "underpowered" or len(decided) == len(found):
        return taken, reason, ()
    else:
        why, others = "Underpowered under", [name for name in found if name not in decided]
    told = " ".join(f"With {name} it is {found[name][0]}: {found[name][1]}" for name in others)
    hanging = tuple(others) if why == "Hangs on" else ()
    return "underpowered", f"{why}: {', '.join(others)}. As it is taken it is {taken}: {reason} {told}", hanging


def claim_verdict(findings: Sequence[Finding], rule: Rule = "all") -> tuple[Verdict, str]:
    """A claim's verdict, and a sentence with the counts. rule: which of its findings must be supported, as the paper's
    quantifier has it. First match:

    NOT RUN       no finding, or every one "not run"
    ERROR         any error
    SMOKE         any smoke: its budgets mean nothing
    REPRODUCED    all supported: an intersection, no correction needed
    MIXED         some supported, and some contradicted or equivalent
    REFUTED       none supported, at least one contradicted or equivalent ("equivalent" is only concluded
                  where a difference is claimed; where none is claimed the same bounds are "supported")
    INCONCLUSIVE  the rest

    "not run" beside others says as little as "underpowered": it denies REPRODUCED and changes nothing else.

    By the rule "most" a system is supported if all of its findings are, and lost if one is contradicted or equivalent:
    REPRODUCED    more than half of the systems are supported, and no finding is contradicted beyond chance
    MIXED         half of the systems are lost, or a finding is contradicted beyond chance, and a system is supported
    REFUTED       the same, and none is supported
    INCONCLUSIVE  the rest
    Beyond chance: where all that the claim says held, no more than 5 % of runs would have such a finding (Holm). A mean
    over several tasks is no system: it must be supported itself, and a claim is not reproduced if it is lost.
    """
    counts = {name: sum(finding.conclusion == name for finding in findings) for name in get_args(Conclusion)}
    total, against = len(findings), counts["contradicted"] + counts["equivalent"]
    verdict: Verdict
    if counts["not run"] == total:
        verdict = "NOT RUN"
    elif counts["error"]:
        verdict = "ERROR"
    elif counts["smoke"]:
        verdict = "SMOKE"
    elif rule == "most" and count_systems(finding.system for finding in findings):
        return _verdict_on_most(findings)
    elif counts["supported"] == total:
        verdict = "REPRODUCED"
    elif counts["supported"] and against:
        verdict = "MIXED"
    elif against:
        verdict = "REFUTED"
    else:
        verdict = "INCONCLUSIVE"
    return verdict, _counted(findings)


def left_open(findings: Sequence[Finding]) -> str:
    """On what the findings of a claim hang that decided nothing, in words: readings that the paper leaves open, what
    the judge refuses on these agents, or seeds. Empty where each decided something."""
    found = [finding for finding in findings if finding.conclusion == "underpowered"]
    hanging = dict.fromkeys(name for finding in found for name in finding.hangs_on)
    free = [finding for finding in found if not finding.hangs_on]
    refused = sum(finding.refusal not in ("", "few seeds") for finding in free)
    missing = sum(finding.conclusion == "not run" for finding in findings)
    said = [f"Hangs on: {', '.join(hanging)}."] if hanging else []
    said += [f"Not judged, see why: {_number(refused)}."] if refused else []
    said += [f"Wants seeds: {_number(len(free) - refused)}."] if len(free) > refused else []
    said += [f"Not run: {_number(missing)}."] if missing else []
    return " ".join(said)


def _number(count: int) -> str:
    return f"{count} finding{'s' if count > 1 else ''}"


def _verdict_on_most(findings: Sequence[Finding]) -> tuple[Verdict, str]:
    systems: dict[str, set[Conclusion]] = {}
    means: dict[str, set[Conclusion]] = {}
    for finding in findings:
        where = means if SEVERAL_TASKS in finding.system else systems
        where.setdefault(finding.system, set()).add(finding.conclusion)
    supported, lost = _supported_and_lost(systems)
    means_supported, means_lost = _supported_and_lost(means)
    beyond_chance = _contradicted_beyond_chance(findings)
    said = f"{_counted(findings)} Supported on {supported} of {len(systems)} systems; the paper says most."
    if 2 * supported > len(systems) and not beyond_chance and means_supported == len(means):
        return "REPRODUCED", said
    if beyond_chance or means_lost or 2 * lost >= len(systems):
        return "MIXED" if supported else "REFUTED", said
    return "INCONCLUSIVE", said


def _contradicted_beyond_chance(findings: Sequence[Finding]) -> bool:
    """Whether a contradiction survives Holm (1979) at 0.05 over the findings that were judged. Those that are not
    contradicted say nothing against the claim: their p of that is 1, so Holm's first step, the smallest p, decides."""
    judged = [finding for finding in findings if finding.judged and not finding.refusal]
    against = [each.p for each in judged if each.conclusion == "contradicted" and each.p is not None]
    return bool(against) and min(against) * len(judged) <= 2 * TAIL


def _supported_and_lost(systems: Mapping[str, set[Conclusion]]) -> tuple[int, int]:
    supported = sum(found == {"supported"} for found in systems.values())
    return supported, sum(bool(found & {"contradicted", "equivalent"}) for found in systems.values())


def _counted(findings: Sequence[Finding]) -> str:
    if not findings:
        return "No findings."
    counts = Counter(finding.conclusion for finding in findings)
    said = ", ".join(f"{counts[name]} {name}" for name in get_args(Conclusion) if counts[name])
    return f"Of {_number(len(findings))}: {said}."


def with_q_values(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, those with a p given their Benjamini-Hochberg q over all of those; the others' q is None.

    Only kind "greater" counts: elsewhere a small p, of "no difference", speaks against the hypothesis.
    """
    tested = {i: f.p for i, f in enumerate(findings) if f.kind == "greater" and f.p is not None and isfinite(f.p)}
    q_values = benjamini_hochberg(list(tested.values()))
    q_of = dict(zip(tested, map(float, q_values), strict=True))
    return [finding.replace(q=q_of.get(i)) for i, finding in enumerate(findings)]
