"""How a module declares the claim of the paper that it judges."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from harness.judging.chart_data import Figure
from harness.results.schema import Rule


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, as its module in `claims/` declares it.

    id: a stable name. source: section and figures of the paper. quantifier: how widely the paper claims it. rule: what
    that asks for, of "all" systems judged or of "most" (see `claim_verdict`). systems: the number of systems it is
    claimed on. figure: the chart that shows it. needs_density: a density that its
    runs must be pruned to. needs_fan_ins: whether their actors' layers must differ in fan-in. controls: the negative
    controls (`harness.controls`) that must take away findings that it is REPRODUCED by. says: what the paper says, in
    our words (the first sentence of the module's docstring).
    """

    id: str
    source: str
    quantifier: str
    systems: int
    figure: Figure
    needs_density: float | None = None
    needs_fan_ins: bool = False
    controls: tuple[str, ...] = ()
    rule: Rule = "all"
    says: str = ""


def claim(
    id: str,
    *,
    source: str,
    quantifier: str,
    rule: Rule = "all",
    systems: int,
    figure: Figure = "returns",
    needs_density: float | None = None,
    needs_fan_ins: bool = False,
    controls: Sequence[str] = (),
) -> pytest.MarkDecorator:
    """Mark a module (`pytestmark = claim(...)`) or a test as judging a claim of the paper; see `Claim`.

    Its needs are checked before anything is trained.
    """
    return pytest.mark.claim(
        Claim(id, source, quantifier, systems, figure, needs_density, needs_fan_ins, tuple(controls), rule)
    )


def at_least(profile: str) -> pytest.MarkDecorator:
    """Mark a module, a test or a parameter as judged only at this profile and larger ones, because of its cost.

    At smaller ones it is left out, unless `--claim` names it.
    """
    return pytest.mark.at_least(profile)


def at_least_of(item: Any) -> str | None:
    """The smallest profile at which a pytest item is judged by default; None for any."""
    mark = item.get_closest_marker("at_least")
    return mark and str(mark.args[0])


def claim_of(item: Any) -> Claim | None:
    """The claim that a pytest item judges, with its statement; None for an ordinary test."""
    mark = item.get_closest_marker("claim")
    if mark is None:
        return None
    declared: Claim = mark.args[0]
    text = " ".join((item.module.__doc__ or "").split("\n\n")[0].split())
    return Claim(**{**vars(declared), "says": text.partition(" (paper")[0].rstrip(".")})
