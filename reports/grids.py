"""A grid of cells in SVG, in units of a cell: pixels, outlines, and what stands on it in the colours of paper SI B."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

# The colours of SI B, on a ground that is black whatever the page is; shapes tell the objects apart as well.
EMPTY, WALL, AGENT, ENEMIES, COIN, POISON = "#000", "#808080", "#0ff", ("#f0f", "#0f0"), "#ff0", "#b5702c"
COINED, POISONED = (
    f'fill="none" stroke="{COIN}" stroke-width="0.5" stroke-linecap="round"',
    f'fill="none" stroke="{POISON}" stroke-width="0.24"',
)
TRAILED = f'fill="none" stroke="{AGENT}" stroke-width="0.16" stroke-opacity="0.65" stroke-linejoin="round"'
BODY = "M-.42,0a.42,.42 0 1 0 .84,0a.42,.42 0 1 0 -.84,0z"
BODIES = ("M0,-.46L.46,.4H-.46z", "M0,.46L.46,-.4H-.46z")
"""The agent's shape and the enemies', around the middle of a cell."""

_COINED, _POISONED = "M0,0h0", "M-.25-.25l.5,.5m0-.5l-.5,.5"
OBJECTS = (
    ("agent", Markup(f'<path d="{BODY}" fill="{AGENT}"/>')),
    *(
        (f"enemy {number}", Markup(f'<path d="{shape}" fill="{colour}"/>'))
        for number, shape, colour in zip((1, 2), BODIES, ENEMIES, strict=True)
    ),
    ("coin", Markup(f'<path d="{_COINED}" {COINED}/>')),
    ("poison", Markup(f'<path d="{_POISONED}" {POISONED}/>')),
    ("wall", Markup(f'<rect x="-0.5" y="-0.5" width="1" height="1" fill="{WALL}"/>')),
    ("empty", Markup("")),
)
"""The legend: each object's name and its picture on black, around the middle of a cell."""


@dataclass(frozen=True)
class Grid:
    """The layout at the start: cells are numbered row by row."""

    rows: int
    columns: int
    walls: tuple[int, ...]
    coins: tuple[int, ...]
    poisons: tuple[int, ...]
    agent: int
    enemies: tuple[int, ...]

    @classmethod
    def of(cls, layout: Sequence[str]) -> "Grid":
        """From a chart's layout (`harness.tasks.gridmaze.layout.CHARACTERS`); raises ValueError where that is none."""
        if not layout or not isinstance(layout, list) or not all(isinstance(row, str) for row in layout):
            raise ValueError("the layout is no list of texts")
        if len({len(row) for row in layout}) != 1 or not layout[0]:
            raise ValueError("the rows of the layout differ in length")
        text = "".join(layout)
        found = {letter: tuple(i for i, at in enumerate(text) if at == letter) for letter in "#oxA12"}
        if len(found["A"]) != 1 or len(found["1"]) > 1 or len(found["2"]) > 1:
            raise ValueError("the layout has not one agent, or an enemy twice")
        enemies = tuple(found[letter][0] for letter in "12" if found[letter])
        return cls(len(layout), len(layout[0]), found["#"], found["o"], found["x"], found["A"][0], enemies)

    @property
    def cells(self) -> int:
        """How many there are."""
        return self.rows * self.columns

    @property
    def view_box(self) -> str:
        """That of its pictures: a tenth of a cell around it."""
        return f"-0.1 -0.1 {self.columns + 0.2:g} {self.rows + 0.2:g}"

    def pixels(self, cells: Iterable[int], small: Collection[int] = ()) -> str:
        """A path of squares that do not touch, so that pixels can be counted; those in `small` are a third as wide."""
        squares = []
        for cell in cells:
            y, x = divmod(cell, self.columns)
            squares.append(f"M{x}.3,{y}.3h.32v.32h-.32z" if cell in small else f"M{x},{y}h.92v.92h-.92z")
        return "".join(squares)

    def solid(self, cells: Iterable[int]) -> str:
        """A path of squares that touch."""
        return "".join(f"M{x},{y}h1v1h-1z" for y, x in self._places(cells))

    def dots(self, cells: Iterable[int]) -> str:
        """A path whose round ends are dots."""
        return "".join(f"M{x}.5,{y}.5h0" for y, x in self._places(cells))

    def crosses(self, cells: Iterable[int]) -> str:
        """A path of crosses."""
        return "".join(f"M{x}.25,{y}.25l.5,.5m0-.5l-.5,.5" for y, x in self._places(cells))

    def trail(self, cells: Sequence[int]) -> str:
        """A path from cell to cell; those outside of the grid are left out."""
        line = [f"{x}.5,{y}.5" for y, x in self._places(cell for cell in cells if cell >= 0)]
        return f"M{'L'.join(line)}" if len(line) > 1 else ""

    def outline(self, cells: Collection[int]) -> str:
        """A path along the sides that these cells do not share."""
        inside = set(cells)
        parts = []
        for cell in sorted(inside):
            (y, x), last = divmod(cell, self.columns), self.columns - 1
            parts += [f"M{x},{y}h1"] if cell - self.columns not in inside else []
            parts += [f"M{x},{y + 1}h1"] if cell + self.columns not in inside else []
            parts += [f"M{x},{y}v1"] if x == 0 or cell - 1 not in inside else []
            parts += [f"M{x + 1},{y}v1"] if x == last or cell + 1 not in inside else []
        return "".join(parts)

    def place(self, cell: int) -> str:
        """Where an object around the middle of a cell is moved to, as a transform's argument."""
        y, x = divmod(cell, self.columns)
        return f"{x}.5,{y}.5"

    def picture(
        self,
        walls: str,
        agent: int,
        enemies: Sequence[int],
        coins: Iterable[int],
        poisons: Iterable[int],
        trail: Sequence[int] = (),
    ) -> Markup:
        """The inside of an `<svg>`. walls: the id of the path of them, once a page. Who is nowhere is not drawn."""
        parts = [
            f'<rect x="-0.1" y="-0.1" width="{self.columns + 0.2:g}" height="{self.rows + 0.2:g}" fill="{EMPTY}"/>',
            f'<use href="#{walls}" fill="{WALL}"/>',
            f'<path class="coins" d="{self.dots(coins)}" {COINED}/>',
            f'<path class="poisons" d="{self.crosses(poisons)}" {POISONED}/>',
            f'<path class="trail" d="{self.trail(trail)}" {TRAILED}/>',
        ]
        movers = [*zip(BODIES, ENEMIES, enemies, strict=False), (BODY, AGENT, agent)]
        for shape, colour, cell in movers:
            there = f'transform="translate({self.place(cell)})"' if cell >= 0 else 'display="none"'
            parts.append(f'<path class="mover" d="{shape}" fill="{colour}" {there}/>')
        return Markup("".join(parts))

    def _places(self, cells: Iterable[int]) -> Iterable[tuple[int, int]]:
        return (divmod(cell, self.columns) for cell in cells)
