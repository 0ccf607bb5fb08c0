"""From numbers to findings, from findings to verdicts. Pure functions.

A finding is what one hypothesis came to on one system; a claim's verdict is read off its findings. Neither
says more than the evidence holds: whatever is not shown on one side or the other is "underpowered", never
"no".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from math import inf, isfinite, isnan, nan
from typing import Any, Literal, get_args

from harness.statistics import Kind, Outcome, benjamini_hochberg

Conclusion = Literal["supported", "contradicted", "equivalent", "underpowered", "not run", "error", "smoke"]
Verdict = Literal["REPRODUCED", "REFUTED", "MIXED", "INCONCLUSIVE", "NOT RUN", "ERROR", "SMOKE"]


def conclude(kind: Kind, smallest: float, outcome: Outcome) -> tuple[Conclusion, str]:
    """The conclusion of one hypothesis, and a sentence that says why.

    smallest: the smallest effect of interest d ("greater"), or the margin d ("equivalent", "non-inferior"),
    fixed beforehand, in the unit of the outcome. With e the effect:
      greater       supported if lower > 0 and e >= d; contradicted if upper < 0 and e <= -d;
                    equivalent if both bounds are within (-d, d)
      equivalent    supported if both bounds are within (-d, d); contradicted if lower > d or upper < -d
      non-inferior  supported if lower > -d; contradicted if upper < -d
    else underpowered, and so is every refused outcome.

    Where an outcome has guarded bounds, "within (-d, d)" and "lower > -d" are asked of them. Raises
    ValueError for a negative or infinite d, or a margin of 0. An effect or bound that is no number, and an infinite
    effect, are underpowered too: nothing is shown.
    """
    d, e, lower, upper = smallest, outcome.effect, outcome.lower, outcome.upper
    if kind not in get_args(Kind):
        raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {kind!r}")
    if not (d >= 0 if kind == "greater" else d > 0) or not isfinite(d):
        raise ValueError(f"smallest must be positive, got {d} for {kind!r}")
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
        return "underpowered", f"Undecided, {why}: {found}; of interest from {d:g} on."
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


@dataclass(frozen=True)
class Finding:
    """What one hypothesis came to on one system.

    claim         the claim's id
    name          the hypothesis within the claim
    nodeid        pytest's id of the item that judged it
    system        task, learner and network it was judged on
    hypothesis    in plain words
    kind          how it is decided: "greater", "equivalent", "non-inferior"
    smallest      smallest effect of interest, or margin, in `unit`
    unit          of smallest, effect and bounds, in words
    conclusion    what it came to
    reason        why, in one sentence with the numbers
    test          name of the hypothesis test
    n             seeds per group
    effect        the estimate; lower, upper: its one-sided 97.5 % bounds
    p             two-sided; q: Benjamini-Hochberg over the suite, None until corrected. Shown, they gate
                  nothing
    detectable    smallest true effect seen 9 times in 10 at this n; None where none would be
    seeds_needed  of an underpowered finding: seeds per group that would decide `smallest` 9 times in 10; None if
                  over 10,000, or if seeds would not do
    refused       why no test was made, and what would lift that; empty where one was
    note          what has to be said with the conclusion, wherever it is: seeds that were added to judged ones
    sample        the numbers per seed that the effect is of, as `harness.results.sample` has them
    baseline      what a baseline says of it, and how far the two are apart, as `results.drift` has it; None without one
    beside        what is reported and never counted: each with name, effect, lower, upper, p, conclusion
    chart         what the report draws, opaque here
    cells         ids of the evidence cells it rests on
    cpu_seconds   spent on those cells
    scale         system -> what of the paper's budget it had, opaque here
    rerun         command line that reproduces it
    message       of the exception, for an error
    """

    claim: str
    name: str
    nodeid: str
    system: str
    hypothesis: str
    kind: Kind
    smallest: float
    unit: str
    conclusion: Conclusion
    reason: str = ""
    test: str = ""
    n: list[int] = field(default_factory=list)
    effect: float = nan
    lower: float = -inf
    upper: float = inf
    p: float | None = None
    q: float | None = None
    detectable: float | None = None
    seeds_needed: int | None = None
    refused: str = ""
    note: str = ""
    sample: dict[str, Any] | None = None
    baseline: dict[str, Any] | None = None
    beside: list[dict[str, Any]] = field(default_factory=list)
    chart: dict[str, Any] | None = None
    cells: list[str] = field(default_factory=list)
    cpu_seconds: float = 0.0
    scale: dict[str, Any] = field(default_factory=dict)
    rerun: str = ""
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """A dict of lists, strings and finite numbers, for `json.dumps(..., allow_nan=False)`: NaN and the
        infinities become the strings "NaN", "Infinity", "-Infinity", which opaque parts therefore can't hold as
        text. numpy values become plain ones."""
        return {f.name: _to_plain(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Finding":
        """The inverse of `to_json`. Raises ValueError for a missing or unknown field, conclusion or kind."""
        known = {f.name: f.type for f in fields(cls)}
        missing = [name for name in _REQUIRED if name not in data]
        if unknown := sorted(data.keys() - known.keys()):
            raise ValueError(f"a finding has no field {', '.join(unknown)}")
        if missing:
            raise ValueError(f"a finding lacks {', '.join(missing)}")
        for name, allowed in (("conclusion", get_args(Conclusion)), ("kind", get_args(Kind))):
            if data[name] not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {data[name]!r}")
        text = {name for name, kind in known.items() if kind is str}  # "NaN" may be a name
        return cls(**{name: held if name in text else _from_plain(held) for name, held in data.items()})


_REQUIRED = ("claim", "name", "nodeid", "system", "hypothesis", "kind", "smallest", "unit", "conclusion")


def claim_verdict(findings: Sequence[Finding]) -> tuple[Verdict, str]:
    """A claim's verdict, and a sentence with the counts. First match:

    NOT RUN       no finding, or every one "not run"
    ERROR         any error
    SMOKE         any smoke: its budgets mean nothing
    REPRODUCED    all supported: an intersection, no correction needed
    MIXED         some supported, and some contradicted or equivalent
    REFUTED       none supported, at least one contradicted or equivalent ("equivalent" is only concluded
                  where a difference is claimed; where none is claimed the same bounds are "supported")
    INCONCLUSIVE  the rest

    "not run" beside others says as little as "underpowered": it denies REPRODUCED and changes nothing else.
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
    elif counts["supported"] == total:
        verdict = "REPRODUCED"
    elif counts["supported"] and against:
        verdict = "MIXED"
    elif against:
        verdict = "REFUTED"
    else:
        verdict = "INCONCLUSIVE"
    if not total:
        return verdict, "No findings."
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return verdict, f"Of {total} finding{'s' if total > 1 else ''}: {said}."


def with_q_values(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, those with a p given their Benjamini-Hochberg q over all of those; the others' q is None.

    Only kind "greater" counts: elsewhere a small p, of "no difference", speaks against the hypothesis.
    """
    tested = {i: f.p for i, f in enumerate(findings) if f.kind == "greater" and f.p is not None and isfinite(f.p)}
    q_values = benjamini_hochberg(list(tested.values()))
    q_of = dict(zip(tested, map(float, q_values), strict=True))
    return [replace(finding, q=q_of.get(i)) for i, finding in enumerate(findings)]


_WORDS = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}


def _to_plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _to_plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(held) for held in value]
    if hasattr(value, "tolist"):  # numpy array or scalar
        return _to_plain(value.tolist())
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _from_plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _from_plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_from_plain(held) for held in value]
    return _WORDS.get(value, value) if isinstance(value, str) else value
