"""What a claim module says of itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from harness.judging.chart_data import Figure


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, as its module in `claims/` declares it.

    id: from CLAIMS.md, stable. source: section and figures of the paper. quantifier: how widely the paper claims
    it. systems: on how many systems it does. figure: which chart shows it. needs_density: a density that its runs must
    be pruned to. needs_fan_ins: whether their actors' layers must differ in fan-in. controls: the negative controls
    (`harness.controls`) that must take away findings that it is REPRODUCED by. says: what the paper says, in
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
    says: str = ""


def claim(
    id: str,
    *,
    source: str,
    quantifier: str,
    systems: int,
    figure: Figure = "returns",
    needs_density: float | None = None,
    needs_fan_ins: bool = False,
    controls: Sequence[str] = (),
) -> pytest.MarkDecorator:
    """Mark a module (`pytestmark = claim(...)`) or a test as judging a claim of CLAIMS.md; see `Claim`.

    What it needs is checked before anything is trained.
    """
    return pytest.mark.claim(
        Claim(id, source, quantifier, systems, figure, needs_density, needs_fan_ins, tuple(controls))
    )


def at_least(profile: str) -> pytest.MarkDecorator:
    """Mark a module, a test or a parameter as judged from this profile on, for it costs more than the smaller ones may.

    At a smaller one it is left out, unless `--claim` names it.
    """
    return pytest.mark.at_least(profile)


def at_least_of(item: Any) -> str | None:
    """The smallest profile at which a pytest item is judged unasked; None for any."""
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
