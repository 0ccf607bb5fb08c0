"""A chart of kind "maze" that no experiment made: a small world with the shape of the paper's, and agents that walk it.

`python -m reports.tests.maze PAGE.html` writes the page of a claim that shows it.
"""

import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import reports
from reports.tests import synthetic

LAYOUT = [
    "oo.o..o..o..x..o..oo",
    ".x..o..o..o...o..x..",
    "o..o..x..o...o..o..o",
    "######....1..#######",
    "o..x..o..o..o..x..oo",
    ".o..A..o.x.o..o...o.",
    "###.....2.....######",
    "o..o.x.o..o..x.o..o.",
    "..o..o...x..o..o.x..",
    "o..x..o..o..o..x..oo",
]
COLUMNS = len(LAYOUT[0])
CELLS = COLUMNS * len(LAYOUT)
REACHABLE = {"enemy 1": list(range(66, 73)), "enemy 2": list(range(123, 134))}
CHANNELS = ("empty", "agent", "enemy 1", "enemy 2", "coin", "poison")
HELD = {"empty": 0.5, "agent": 3.0, "enemy 1": 1.2, "enemy 2": 1.0, "coin": 0.9, "poison": 0.6}


def maze_chart(
    levels: int = 6, seeds: int = 20, rate: float = 0.55, channels: Sequence[str] = CHANNELS, **changes: Any
) -> dict[str, Any]:
    """Of one run: pruning spares the agent's pixels, and of an enemy's those that it comes to."""
    rng = np.random.default_rng(7)
    density = (1 - rate) ** np.arange(levels)
    values = np.zeros((levels, len(channels), CELLS))
    for i, name in enumerate(channels):
        strength = HELD.get(name, 1.0) * (0.3 + 0.9 * _lit(name)) * rng.gamma(2.0, 0.5, CELLS)
        for level, share in enumerate(density):
            kept = strength ** (0.15 + 0.6 * level)
            values[level, i] = np.where(kept > np.quantile(kept, 1 - min(1.0, 1.6 * share**0.7)), kept, 0.0)
    values *= len(channels) * CELLS / np.maximum(values.sum(axis=(1, 2), keepdims=True), 1e-9)
    spread = 0.02 * rng.random((levels, seeds, 1))
    spared = np.array([0.9, 0.25, 0.2])
    by_channel = np.array([HELD.get(name, 1.0) / 3 for name in channels])
    series = {
        "label": "gridmaze dqn",
        "density": density.tolist(),
        "seeds": seeds,
        "channels": list(channels),
        "values": values.round(2).tolist(),
        "left": (values > 0).sum(axis=2).round(1).tolist(),
        "unlit": [np.flatnonzero(~_lit(name)).tolist() for name in channels],
        "layers": np.minimum(1, density[:, None, None] ** spared + spread).round(4).tolist(),
        "channel_densities": np.minimum(1, density[:, None, None] ** (1.3 - 0.6 * by_channel) + spread)
        .round(4)
        .tolist(),
        "games": [game(0, 1.0, 200), game(levels - 2, float(density[levels - 2]), 90)],
    }
    return {
        "kind": "maze",
        "key": "GridMaze DQN 0",
        "title": "GridMaze DQN",
        "names": ["input layer", "hidden layer 2", "output layer"],
        "layout": LAYOUT,
        "reachable": REACHABLE,
        "series": [series],
        **changes,
    }


def game(level: int, density: float, steps: int) -> dict[str, Any]:
    """An agent that walks to the nearest coin, round the poisons, until the time is up."""
    text = "".join(LAYOUT)
    agent, coins, rewards = [text.index("A")], {i for i, at in enumerate(text) if at == "o"}, []
    enemies = [
        _patrol(REACHABLE[name], text.index(letter), steps) for name, letter in (("enemy 1", "1"), ("enemy 2", "2"))
    ]
    for _ in range(steps):
        step = _towards(agent[-1], coins, text)
        agent.append(step)
        rewards.append(int(step in coins))
        coins.discard(step)
    scored = float(sum(rewards))
    return {
        "level": level,
        "density": density,
        "seed": 7,
        "scored": scored,
        "rewards": rewards,
        "agent": agent,
        "enemies": enemies,
    }


def findings(*charts: dict[str, Any]) -> dict[str, Any]:
    """A run of two claims that show the same maze; the first one shows all charts that are given."""
    drawn = charts or (maze_chart(),)
    claims = []
    for name, says, shown in (
        ("agent-channel-kept", "The agent's own channel is pruned least", drawn),
        ("input-layer-pruned-most", "Early layers are pruned more, the input layer most", drawn[:1]),
    ):
        found = [
            synthetic.finding(name, "gridmaze dqn", "supported", name=f"test_{i}", chart=c) for i, c in enumerate(shown)
        ]
        given = {"id": name, "says": says, "source": "4.1, Figure 5", "verdict": "REPRODUCED", "findings": found}
        claims.append(given)
    return {**synthetic.smoke(), "profile": "scaled", "claims": claims}


def _lit(channel: str) -> np.ndarray:
    """bool[cells]: where a map may show something."""
    text = np.array(list("".join(LAYOUT)))
    letter = {"coin": "o", "poison": "x"}.get(channel)
    if channel in REACHABLE:
        return np.isin(np.arange(CELLS), REACHABLE[channel])
    return (text == letter) if letter else (text != "#")


def _patrol(gap: Sequence[int], start: int, steps: int) -> list[int]:
    way = [*range(start, gap[-1]), *range(gap[-1], gap[0], -1), *range(gap[0], start)]
    return [way[time % len(way)] for time in range(steps + 1)]


def _towards(start: int, coins: set[int], text: str) -> int:
    """The first step of a shortest way to a coin; standing still where there is none."""
    came: dict[int, int] = {start: start}
    queue = deque([start])
    while queue:
        cell = queue.popleft()
        if cell in coins:
            while came[cell] != start:
                cell = came[cell]
            return cell
        for nearby in _beside(cell):
            if nearby not in came and text[nearby] not in "#x":
                came[nearby] = cell
                queue.append(nearby)
    return start


def _beside(cell: int) -> list[int]:
    y, x = divmod(cell, COLUMNS)
    around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
    return [row * COLUMNS + column for row, column in around if 0 <= row < len(LAYOUT) and 0 <= column < COLUMNS]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reports.build(findings()), "utf-8")
