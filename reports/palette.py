"""Colours, dashes and markers of charts, readable in light and dark.

The SVG carries the light palette in plain `fill` and `stroke` attributes; `dark_css` maps each of these
colours to its dark partner by attribute selector. So a chart is drawn once, and one taken out of the page
still has its colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.pruning.conditions import TICKET

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
DARK = {
    "#c4314b": "#ff7d8e",
    "#15906d": "#45cfa2",
    "#2a6fbb": "#6db3ff",
    "#bd8600": "#ecbc45",
    "#4d5a9e": "#9aa8f2",
    "#9c6b3f": "#d6a06c",
    "#3f8290": "#6fc3d3",
    "#a0568c": "#df94ca",
    "#6d7a2f": "#b8c766",
    "#353b47": "#dfe4ea",
    "#8a4b4b": "#d79090",
    "#30506e": "#86b4dd",
    **dict(zip(RAMP, ("#24364e", "#2a4b73", "#346699", "#4b8ccb", "#84bbf6", "#dcedff"), strict=True)),
    INK: "#b4bdc9",
    GRID: "#29313b",
    AXIS: "#5c6775",
    REFERENCE: "#8b96a5",
    REST: "#5f6975",
}
STYLES = (
    ("circle", ()),
    ("square", (7, 3)),
    ("triangle-up", (2, 2)),
    ("diamond", (9, 3, 2, 3)),
    ("triangle-down", (4, 2)),
    ("cross", (12, 3)),
    ("triangle-right", (1, 3)),
    ("triangle-left", (6, 2, 1, 2)),
)


@dataclass(frozen=True)
class Swatch:
    """One entry of a legend; `dash` is an SVG dash array, empty for a solid line."""

    label: str
    colour: str
    shape: str
    dash: str


def dark_css() -> str:
    """CSS rules that turn every light chart colour into its dark partner."""
    return "\n".join(f'[fill="{a}"]{{fill:{b}}}[stroke="{a}"]{{stroke:{b}}}' for a, b in DARK.items())


def styled(labels: Sequence[str]) -> list[Swatch]:
    """A condition has its own style in every chart; other labels take the neutral colours, and the free styles, in
    order: without its colour a line can still be told."""
    taken = {list(CONDITIONS).index(label) for label in labels if label in CONDITIONS}
    free = [style for style in range(len(STYLES)) if style not in taken]
    made, others = [], 0
    for label in labels:
        if label in CONDITIONS:
            colour, style = CONDITIONS[label], list(CONDITIONS).index(label)
        else:
            colour, style, others = NEUTRAL[others % len(NEUTRAL)], free[others % len(free)], others + 1
        shape, dash = STYLES[style]
        made.append(Swatch(label, colour, shape, ",".join(map(str, dash))))
    return made


def sized(series: Sequence[tuple[str, str, str]]) -> list[Swatch]:
    """Of (label, size, condition): a colour and marker a size, a dash a condition, the ticket's line solid."""
    sizes = list(dict.fromkeys(size for _, size, _ in series))
    conditions = [TICKET, *dict.fromkeys(condition for _, _, condition in series if condition != TICKET)]
    made = []
    for label, size, condition in series:
        place = sizes.index(size)
        dash = STYLES[conditions.index(condition) % len(STYLES)][1]
        shape = STYLES[place % len(STYLES)][0]
        made.append(Swatch(label, NEUTRAL[place % len(NEUTRAL)], shape, ",".join(map(str, dash))))
    return made
