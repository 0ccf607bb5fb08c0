"""How a finding stands to what a baseline says of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.results.baseline import JUDGED, Baseline, Entry
from harness.results.drift import ALPHA, Drift, drift
from harness.results.finding import Finding
from harness.results.sample import Sample

Standing = Literal["holds", "left", "regressed", "recovered", "as recorded", "changed", "new", "not comparable"]
STANDINGS: Mapping[Standing, str] = {
    "regressed": "is no longer supported, or contradicted by now, and has drifted further than fresh seeds would go",
    "left": "was supported and is not, but has not drifted further than fresh seeds may go",
    "not comparable": "profile, a change, or what it commits itself to differs from the baseline's",
    "changed": "was not supported, and comes to something else that is not supported",
    "recovered": "is supported, and was not",
    "new": "the baseline does not know it",
    "holds": "was supported, and is",
    "as recorded": "was not supported, and comes to the same",
}
"""What each means, the worst first."""
MARGIN = 0.5
"""Default drift margin, as a share of a finding's own smallest effect or margin."""


@dataclass(frozen=True)
class Against:
    """A finding beside its baseline; as JSON it is `Finding.baseline`.

    standing: see `STANDINGS`. says: in one sentence. conclusion, effect, lower, upper, n: the baseline's, None where it
    has none. drift: the new effect less the old one; p: of a drift so far beyond `margin` by chance; seen: the smallest
    drift that would be found 9 times in 10, None where none would be; in the finding's unit, None where no seeds were
    compared.
    """

    standing: Standing
    says: str
    conclusion: str | None = None
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None
    n: tuple[int, ...] | None = None
    drift: float | None = None
    p: float | None = None
    seen: float | None = None
    margin: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain but for infinite bounds, which a finding writes as text."""
        return {**asdict(self), "n": None if self.n is None else list(self.n)}


def alpha_of(baseline: Baseline) -> float:
    """Of one comparison, so that a run in which nothing has changed regresses in at most `ALPHA` (Bonferroni).

    Any of its findings can: it leaves 'supported', or comes to be contradicted.
    """
    return ALPHA / max(1, len(baseline.entries))


def against(finding: Finding, baseline: Baseline, unlike: str, share: float = MARGIN) -> Against | None:
    """How a finding stands; None for one that was not judged.

    unlike: why the two can't be compared, empty where they can. share: of the finding's smallest effect, what a drift
    must exceed.
    """
    if finding.conclusion not in JUDGED:
        return None
    entry = baseline.entry(finding.claim, finding.name)
    if entry is None:
        return Against("new", f"new: {baseline.profile}'s baseline does not know it")
    unlike = unlike or _asked_otherwise(finding, entry)
    if unlike:
        return _beside(entry, "not comparable", f"not comparable with the baseline: {unlike}")
    moved = _moved(finding, entry, alpha_of(baseline), share)
    was, now = entry.conclusion == "supported", finding.conclusion == "supported"
    standing: Standing
    if was and not now:
        if moved is None:
            return _beside(entry, "not comparable", _sentence(finding, entry, moved))
        standing = "regressed" if moved.differs else "left"
    elif was or now:
        standing = "holds" if was else "recovered"
    elif finding.conclusion == "contradicted" != entry.conclusion and moved is not None and moved.differs:
        standing = "regressed"
    else:
        standing = "as recorded" if finding.conclusion == entry.conclusion else "changed"
    return _beside(entry, standing, _sentence(finding, entry, moved), moved)


def _asked_otherwise(finding: Finding, entry: Entry) -> str:
    """What makes the two answers to two questions; claims from outside the house have no preregistration to tell."""
    for name in ("kind", "smallest", "unit"):
        before, now = getattr(entry, name), getattr(finding, name)
        if before != now:
            return f"{name} {before} -> {now}"
    if finding.sample and entry.sample and finding.sample["statistic"] != entry.sample.statistic:
        return f"its effect is of another statistic, {entry.sample.statistic} -> {finding.sample['statistic']}"
    return ""


def _moved(finding: Finding, entry: Entry, alpha: float, share: float) -> Drift | None:
    """None where there are no seeds to compare."""
    if finding.sample is None or entry.sample is None:
        return None
    new = Sample.from_json(finding.to_json()["sample"])
    try:
        return drift(new, entry.sample, alpha, share * finding.smallest)
    except ValueError:
        return None


def _beside(entry: Entry, standing: Standing, says: str, moved: Drift | None = None) -> Against:
    numbers = {name: getattr(entry, name) for name in ("conclusion", "effect", "lower", "upper")}
    held = Against(standing, says, **numbers, n=tuple(entry.n))
    if moved is None:
        return held
    return Against(**{**vars(held), "drift": moved.value, "p": moved.p, "seen": moved.seen, "margin": moved.margin})


def _sentence(finding: Finding, entry: Entry, moved: Drift | None) -> str:
    said = f"{entry.conclusion} ({entry.effect:+.3g}) in the baseline, {finding.conclusion} ({finding.effect:+.3g}) now"
    if moved is None:
        return f"{said}; there are no seeds to compare"
    seen = "none can be seen at these seeds"
    if moved.seen is not None:
        seen = f"from {moved.seen:.2g} on it is seen 9 times in 10"
    return f"{said}: drift {moved.value:+.3g}, p {_p(moved.p)}; {seen}"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
