"""Colours, dashes and markers of charts, readable in light and dark.

SVG carries the light palette in plain `fill` and `stroke` attributes; `dark_css` maps each of these colours to its dark
partner by attribute selector. So a chart is drawn once, and one taken out of the page still has its colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# Light colour -> its partner on a dark page. The conditions keep the paper's hues, apart in lightness too.
CONDITIONS = {
    "mask/weights": "#c4314b",
    "mask/permuted": "#15906d",
    "permuted/permuted": "#2a6fbb",
    "random/re-init": "#bd8600",
}
NEUTRAL = ("#4d5a9e", "#9c6b3f", "#3f8290", "#a0568c", "#6d7a2f", "#353b47", "#8a4b4b", "#30506e")
RAMP = ("#d9e5f4", "#bcd2ec", "#8fb5df", "#5b91cb", "#2a68ad", "#0c3871")
"""From little to much, of a heat map; on a dark page from dim to bright. Each is a step apart in lightness."""
OUTLINE = CONDITIONS["mask/weights"]
INK, GRID, AXIS, REFERENCE, REST = "#414a57", "#e4e8ee", "#98a2b0", "#727c8a", "#a9b1bc"
_DARK_CONDITIONS = ("#ff7d8e", "#45cfa2", "#6db3ff", "#ecbc45")
_DARK_NEUTRAL = ("#9aa8f2", "#d6a06c", "#6fc3d3", "#df94ca", "#b8c766", "#dfe4ea", "#d79090", "#86b4dd")
_DARK_RAMP = ("#24364e", "#2a4b73", "#346699", "#4b8ccb", "#84bbf6", "#dcedff")
DARK = {
    **dict(zip(CONDITIONS.values(), _DARK_CONDITIONS, strict=True)),
    **dict(zip(NEUTRAL, _DARK_NEUTRAL, strict=True)),
    **dict(zip(RAMP, _DARK_RAMP, strict=True)),
    **{INK: "#b4bdc9", GRID: "#29313b", AXIS: "#5c6775", REFERENCE: "#8b96a5", REST: "#5f6975"},
}
SHAPES = {
    "circle": "m-3.2,0a3.2,3.2 0 1 0 6.4,0a3.2,3.2 0 1 0 -6.4,0z",
    "square": "m-2.8,-2.8h5.6v5.6h-5.6z",
    "triangle-up": "m0,-3.8l3.8,6.6h-7.6z",
    "diamond": "m0,-4.2l4,4.2l-4,4.2l-4,-4.2z",
    "triangle-down": "m0,3.8l3.8,-6.6h-7.6z",
    "cross": "m-1.2,-3.6h2.4v2.4h2.4v2.4h-2.4v2.4h-2.4v-2.4h-2.4v-2.4h2.4z",
    "triangle-right": "m3.8,0l-6.6,3.8v-7.6z",
    "triangle-left": "m-3.8,0l6.6,3.8v-7.6z",
}
"""Markers as paths around the point where they stand."""
_DASHES = ("", "7,3", "2,2", "9,3,2,3", "4,2", "12,3", "1,3", "6,2,1,2")
_STYLES = tuple(zip(SHAPES, _DASHES, strict=True))


@dataclass(frozen=True)
class Swatch:
    """One entry of a legend. shape: a key of `SHAPES`; dash: an SVG dash array, empty for a solid line."""

    label: str
    colour: str
    shape: str = "circle"
    dash: str = ""

    @property
    def marker(self) -> str:
        """The marker's path."""
        return SHAPES[self.shape]


def dark_css() -> str:
    """CSS rules that turn every light chart colour into its dark partner."""
    return "\n".join(f'[fill="{a}"]{{fill:{b}}}[stroke="{a}"]{{stroke:{b}}}' for a, b in DARK.items())


def styled(labels: Sequence[str]) -> list[Swatch]:
    """Give a condition its own style in every chart, and other labels the neutral colours and the free styles in order:
    a line can be told without its colour."""
    known = list(CONDITIONS)
    free = [style for i, style in enumerate(_STYLES) if i >= len(known) or known[i] not in labels]
    made, others = [], 0
    for label in labels:
        if label in CONDITIONS:
            made.append(Swatch(label, CONDITIONS[label], *_STYLES[known.index(label)]))
        else:
            made.append(Swatch(label, NEUTRAL[others % len(NEUTRAL)], *free[others % len(free)]))
            others += 1
    return made


def sized(series: Sequence[tuple[str, str, str]]) -> list[Swatch]:
    """Swatches of (label, size, condition): a colour and marker a size, a dash a condition; the ticket's is solid."""
    ticket = next(iter(CONDITIONS))
    sizes = list(dict.fromkeys(size for _, size, _ in series))
    conditions = list(dict.fromkeys([ticket, *(condition for _, _, condition in series)]))
    return [
        Swatch(
            label,
            NEUTRAL[sizes.index(size) % len(NEUTRAL)],
            _STYLES[sizes.index(size) % len(_STYLES)][0],
            _DASHES[conditions.index(condition) % len(_DASHES)],
        )
        for label, size, condition in series
    ]
