"""Rows of the benchmark, their targets, and the table of them."""

import operator
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

HEADER = f"{'name':58}{'unit':28}{'ours':>10}{'peer':>10}{'ratio':>8}{'runs':>6}  target"
SENSES = {"at least": operator.ge, "at most": operator.le}


@dataclass(frozen=True)
class Target:
    """What a row must show: `figure`, measured, is `sense` `bound`; `what` it is a figure of is told."""

    what: str
    figure: float
    sense: Literal["at least", "at most"]
    bound: float

    @property
    def met(self) -> bool:
        """Whether it is; not where the figure is NaN."""
        return bool(SENSES[self.sense](self.figure, self.bound))

    def __str__(self) -> str:
        return f"{self.what} {self.sense} {self.bound:.4g}: {'met' if self.met else 'MISSED'} ({self.figure:.4g})"


@dataclass(frozen=True)
class Row:
    """One line of the benchmark.

    peer: what `ours` is held against, in the same unit, where there is something. runs: how many measurements each of
    the two is the median of, or, where returns are compared, how many seeds they are the mean of.
    """

    name: str
    unit: str
    ours: float
    peer: float | None
    runs: int
    target: Target | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """ours / peer."""
        return None if self.peer is None else self.ours / self.peer

    @property
    def plain(self) -> dict[str, Any]:
        """For JSON."""
        target = None if self.target is None else asdict(self.target) | {"met": self.target.met}
        return asdict(self) | {"ratio": self.ratio, "target": target}

    def __str__(self) -> str:
        """Aligned under `HEADER`; the note is a second line."""
        line = f"{self.name:58}{self.unit:28}{number(self.ours):>10}{number(self.peer):>10}{number(self.ratio):>8}"
        line += f"{self.runs:>6}  {self.target or ''}".rstrip()
        return f"{line}\n  {self.note}" if self.note else line


def missed(rows: Iterable[Row]) -> list[Row]:
    """The rows whose target is missed."""
    return [row for row in rows if row.target is not None and not row.target.met]


def verdict(rows: list[Row]) -> Iterator[str]:
    """The last lines: how many targets were met, and each that was not."""
    asked = [row for row in rows if row.target is not None]
    yield f"{len(asked) - len(missed(rows))} of {len(asked)} targets met"
    for row in missed(rows):
        yield f"MISSED: {row.name}: {row.target}"


def number(value: float | None) -> str:
    """In three significant digits or all before the point; nothing for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"
