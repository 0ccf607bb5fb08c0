"""What the mask sees: how much of the input magnitude each input holds, as a map over densities and as a picture.

Drawn from the charts of kind "inputs", as plain SVG in colours of `charts.DARK`, so that one drawing does for light
and dark. Any task has its map; a picture is drawn of a task that has one in `PICTURES`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from reports.charts import INK, NEUTRAL, REST
from reports.numbers import number, percent

MAGNITUDE = NEUTRAL[0]
DENSITY = 0.1
"""The paper looks at masks near it (Figure 7): the first level at or below it is drawn."""
MOST = 24  # inputs of a map; of more, the strongest
CELL, ROW, GUTTER, TOP = 20, 17, 120, 4  # px
FAINT = 0.18  # how strong an input is drawn that holds nothing: where it would be


@dataclass(frozen=True)
class Picture:
    """An SVG of one initialiser: the inside of an `<svg>` of this view box, and the text that stands for it."""

    view_box: str
    body: Markup
    alt: str


@dataclass(frozen=True)
class Panel:
    """One initialiser: its map over densities, and where the task has one, its picture at `density`."""

    heading: str
    map: Picture
    picture: Picture | None


@dataclass(frozen=True)
class Masks:
    """One chart's panels; `left_out` inputs are not in its maps; `density` in words, of the pictures."""

    title: str
    panels: tuple[Panel, ...]
    left_out: int
    density: str


def draw(chart: Any) -> Masks | None:
    """Of a chart of kind "inputs"; None of any other, and of one that is malformed: that one is told as a chart."""
    if not isinstance(chart, Mapping) or chart.get("kind") != "inputs":
        return None
    try:
        names = [str(name) for name in chart["names"]]
        blocks = [(str(s["label"]), _numbers(s["density"]), _mean(s["values"], len(names))) for s in chart["series"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    if not blocks or any(len(density) != len(shares) or not len(density) for _, density, shares in blocks):
        return None
    strength = np.mean([np.nan_to_num(shares).mean(axis=0) for _, _, shares in blocks], axis=0)
    kept = sorted(np.argsort(-strength, kind="stable")[:MOST])
    panels = tuple(_panel(label, density, shares, names, kept) for label, density, shares in blocks)
    near = percent(blocks[0][1][_near(blocks[0][1])])
    return Masks(str(chart.get("title") or chart.get("key") or ""), panels, len(names) - len(kept), near)


def _panel(label: str, density: np.ndarray, shares: np.ndarray, names: Sequence[str], kept: Sequence[int]) -> Panel:
    level = _near(density)
    paint = next((paint for inputs, paint in PICTURES.items() if set(names) == inputs), None)
    said = ", ".join(f"{names[i]} {_share(shares[level, i])}" for i in kept)
    picture = None
    if paint is not None:
        alt = f"{label}: what the mask keeps at {percent(density[level])} remaining weights. {said}."
        picture = Picture(f"0 0 {WIDE} {HIGH}", paint(dict(zip(names, shares[level], strict=True))), alt)
    dense = ", ".join(f"{names[i]} {_share(shares[0, i])}" for i in kept)
    alt = (
        f"{label}: share of input magnitude by remaining weights. At {percent(density[0])}: {dense}. At"
        f" {percent(density[level])}: {said}."
    )
    return Panel(label, _map(density, shares, names, kept, alt), picture)


def _map(density: np.ndarray, shares: np.ndarray, names: Sequence[str], kept: Sequence[int], alt: str) -> Picture:
    """Inputs down, densities across; the darker, the more of the level's input magnitude an input holds."""
    parts: list[str] = []
    for row, i in enumerate(kept):
        y = TOP + row * ROW
        parts.append(_text(GUTTER - 8, y + ROW / 2 + 4, names[i], "end"))
        for column, share in enumerate(shares[:, i]):
            x = GUTTER + column * CELL
            if np.isfinite(share):
                depth = f'fill="{MAGNITUDE}" fill-opacity="{max(0.03, min(1.0, float(share))):.2f}"'
            else:
                depth = f'fill="none" stroke="{REST}" stroke-dasharray="2,2"'
            parts.append(f'<rect x="{x + 1}" y="{y + 1}" width="{CELL - 2}" height="{ROW - 2}" {depth}/>')
    bottom = TOP + len(kept) * ROW
    near = _near(density)
    places = {0: "start", near: "middle", len(density) - 1: "end"}
    for column, anchor in places.items():
        at = GUTTER + CELL * (column + {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor])
        parts.append(_text(at, bottom + 16, percent(density[column]), anchor))
    place = f'x="{GUTTER + near * CELL}" y="{TOP}" width="{CELL}" height="{bottom - TOP}"'
    parts.append(f'<rect {place} fill="none" stroke="{INK}" stroke-width="1"/>')
    return Picture(f"0 0 {GUTTER + len(density) * CELL + 4} {bottom + 22}", Markup("".join(parts)), alt)


WIDE, HIGH = 316, 172  # px, a picture


def _cart_pole(shares: Mapping[str, float]) -> Markup:
    """A cart with its pole; each of the four inputs is drawn as strong as the mask keeps it."""
    most = max((x for x in shares.values() if np.isfinite(x)), default=0.0)

    def pen(name: str, colour: str) -> str:
        share = shares[name] if np.isfinite(shares[name]) else 0.0
        strength = max(FAINT, share / most) if most > 0 else FAINT
        return f'stroke="{colour}" stroke-width="{1.2 + 2.6 * strength:.1f}" opacity="{strength:.2f}"'

    def word(x: float, y: float, name: str, text: str, anchor: str = "start") -> str:
        return _text(x, y, f"{text} {_share(shares[name])}", anchor)

    position, velocity, angle, angular = (pen(name, NEUTRAL[i]) for i, name in enumerate(CART_POLE))
    still = f'fill="none" stroke="{REST}" stroke-width="1.5"'
    line = 'fill="none" stroke-linecap="round" stroke-linejoin="round"'
    return Markup(
        f'<path d="M10,132H306" {still}/>'
        f'<path d="M122,110h56v18h-56z" {still}/><path d="M150,110V22" {still} stroke-dasharray="2,4"/>'
        f'<path d="M150,110L186,34" fill="none" stroke="{REST}" stroke-width="5" stroke-linecap="round"/>'
        f'<path d="M40,138v8M40,142H150M150,138v8" {line} {position}/>'
        f'<path d="M182,119H226M219,113l7,6l-7,6" {line} {velocity}/>'
        f'<path d="M150,56A54,54 0 0 1 173,61" {line} {angle}/>'
        f'<path d="M196,30A88,88 0 0 1 222,62M224,52l-2,10l-9,-5" {line} {angular}/>'
        + word(40, 163, "cart position", "position")
        + word(232, 123, "cart velocity", "velocity")
        + word(142, 50, "pole angle", "angle", "end")
        + word(234, 50, "pole angular velocity", "turning")
    )


CART_POLE = ("cart position", "cart velocity", "pole angle", "pole angular velocity")
PICTURES: Mapping[frozenset[str], Callable[[Mapping[str, float]], Markup]] = {frozenset(CART_POLE): _cart_pole}
"""By a task's inputs: what draws it, from the share that each holds."""


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="11" fill="{INK}" text-anchor="{anchor}">{escape(text)!s}</text>'


def _share(share: float) -> str:
    return percent(float(share)) if np.isfinite(share) else "nothing"


def _near(density: np.ndarray) -> int:
    """The first level at or below DENSITY, or the last."""
    below = np.flatnonzero(density <= DENSITY)
    return int(below[0]) if below.size else len(density) - 1


def _numbers(values: Any) -> np.ndarray:
    return np.array([_finite(value) for value in values])


def _mean(values: Any, names: int) -> np.ndarray:
    """float[levels, names], over the seeds that have a first layer; NaN where none has."""
    array = np.array([[[_finite(value) for value in seed] for seed in level] for level in values], dtype=float)
    if array.ndim != 3 or array.shape[2] != names:
        raise ValueError("values are not [levels][seeds][names]")
    left = np.isfinite(array) & (array.sum(axis=2, keepdims=True) > 0)
    counts = left.sum(axis=1)
    total = np.where(left, array, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, counts, out=np.full(total.shape, np.nan), where=counts > 0))


def _finite(value: Any) -> float:
    x = number(value)
    return np.nan if x is None or np.isinf(x) else x
