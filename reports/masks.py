"""What the mask sees: how much of the input magnitude each input holds, as a map over densities and as a picture.

Drawn from the charts of kind "inputs", as plain SVG in colours of `palette.DARK`, so that one drawing does for light
and dark. Any task has its map; a picture is drawn of a task that has one in `PICTURES`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from reports.numbers import number, percent
from reports.palette import INK, NEUTRAL, REST

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


CART_POLE = ("cart position", "cart velocity", "pole angle", "pole angular velocity")
ACROBOT = (
    "cosine of angle 1",
    "sine of angle 1",
    "cosine of angle 2",
    "sine of angle 2",
    "angular velocity 1",
    "angular velocity 2",
)
_STILL = f'fill="none" stroke="{REST}" stroke-width="1.5"'
_LINK = f'fill="none" stroke="{REST}" stroke-width="5" stroke-linecap="round"'
_LINE = 'fill="none" stroke-linecap="round" stroke-linejoin="round"'


def _cart_pole(shares: Mapping[str, float]) -> Markup:
    """A cart with its pole; each of the four inputs is drawn as strong as the mask keeps it."""
    position, velocity, angle, angular = _pens(shares, CART_POLE)
    return Markup(
        f'<path d="M10,132H306" {_STILL}/>'
        f'<path d="M122,110h56v18h-56z" {_STILL}/><path d="M150,110V22" {_STILL} stroke-dasharray="2,4"/>'
        f'<path d="M150,110L186,34" {_LINK}/>'
        f'<path d="M40,138v8M40,142H150M150,138v8" {_LINE} {position}/>'
        f'<path d="M182,119H226M219,113l7,6l-7,6" {_LINE} {velocity}/>'
        f'<path d="M150,56A54,54 0 0 1 173,61" {_LINE} {angle}/>'
        f'<path d="M196,30A88,88 0 0 1 222,62M224,52l-2,10l-9,-5" {_LINE} {angular}/>'
        + _said(40, 163, "position", shares["cart position"])
        + _said(232, 123, "velocity", shares["cart velocity"])
        + _said(142, 50, "angle", shares["pole angle"], "end")
        + _said(234, 50, "turning", shares["pole angular velocity"])
    )


def _acrobot(shares: Mapping[str, float]) -> Markup:
    """Two links, of which the second's angle is the one to the first; cosines lie along, sines across what an angle is
    to. Each of the six inputs is drawn as strong as the mask keeps it."""
    cosine_1, sine_1, cosine_2, sine_2, velocity_1, velocity_2 = _pens(shares, ACROBOT)
    return Markup(
        f'<path d="M64,22H144" {_STILL}/><path d="M104,22L158,86L239,108" {_LINK}/>'
        f'<path d="M104,22V86" {_LINE} {cosine_1}/><path d="M104,86H158" {_LINE} {sine_1}/>'
        f'<path d="M158,86L202,139" {_LINE} {cosine_2}/><path d="M202,139L239,108" {_LINE} {sine_2}/>'
        f'<path d="M175,90A98,98 0 0 0 190,68M192,78l-2,-10l-9,5" {_LINE} {velocity_1}/>'
        f'<path d="M255,102A98,98 0 0 0 255,74M262,82l-7,-8l-6,8" {_LINE} {velocity_2}/>'
        + _said(96, 58, "cosine 1", shares["cosine of angle 1"], "end")
        + _said(152, 102, "sine 1", shares["sine of angle 1"], "end")
        + _said(172, 128, "cosine 2", shares["cosine of angle 2"], "end")
        + _said(228, 134, "sine 2", shares["sine of angle 2"])
        + _said(188, 46, "turning 1", shares["angular velocity 1"])
        + _said(312, 66, "turning 2", shares["angular velocity 2"], "end")
    )


PICTURES: Mapping[frozenset[str], Callable[[Mapping[str, float]], Markup]] = {
    frozenset(CART_POLE): _cart_pole,
    frozenset(ACROBOT): _acrobot,
}
"""By a task's inputs: what draws it, from the share that each holds."""


def _pens(shares: Mapping[str, float], names: Sequence[str]) -> list[str]:
    """The stroke of each of these inputs: in its colour, as strong as its share is beside the largest."""
    most = max((x for x in shares.values() if np.isfinite(x)), default=0.0)
    pens = []
    for name, colour in zip(names, NEUTRAL, strict=False):
        share = shares[name] if np.isfinite(shares[name]) else 0.0
        strength = max(FAINT, share / most) if most > 0 else FAINT
        pens.append(f'stroke="{colour}" stroke-width="{1.2 + 2.6 * strength:.1f}" opacity="{strength:.2f}"')
    return pens


def _said(x: float, y: float, text: str, share: float, anchor: str = "start") -> str:
    return _text(x, y, f"{text} {_share(share)}", anchor)


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
