"""The data behind a claim's charts, as plain values; `reports` draws them.

Each chart is a dict with `kind`, `key` (unique within its claim), `title` and `series`, a list of dicts with `label`:

    returns   return against density: series with density (float[levels + 1]) and values (float[levels + 1][seeds]);
              unit, and references (the returns of "expert" and "random")
    sizes     as returns, of networks of several sizes: series also with size, condition and weights (int[levels + 1])
    learning  as returns, against env_steps (float[per_training]) in place of density
    shares    shares of what `names` name, and `of` says: values float[levels + 1][seeds][names]
    map       a heat map of every input, by channel and cell: see `heat_map`
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np

from harness.judging.playing import actor_of, layout, median_seed, play
from harness.judging.run import Run
from harness.pruning.conditions import SURVIVING, TICKET
from harness.tasks.spec import title_of, zero_inputs

Figure = Literal["returns", "inputs", "layers", "learning", "sizes", "maps"]
"""What shows a claim: the paper's Figures 2 to 4 ("returns"), 5 top ("layers"), 5 left and top ("maps"), 5 bottom
("learning"), 8 ("inputs") and 11 ("sizes")."""
Chart = dict[str, Any]

PLAYED = 0.05
"""The sparse agent that is shown at play, beside a dense one, is of the level with the density nearest to it."""
LEARNED = (0.25, 0.1, 0.05)
"""Learning on surviving inputs is drawn at the first levels at or below these densities, as claims look at them; at the
last level where none is reached."""


def check_figure(figure: str, runs: Sequence[Run]) -> None:
    """Raise ValueError, in one line, where a claim's figure can't be drawn of these runs."""
    if figure not in _CHARTS:
        raise ValueError(f"unknown figure {figure!r}: choose one of {', '.join(_CHARTS)}")
    for run in (run for run in runs if not run.assay):
        if figure in _OF_TICKETS and TICKET not in run.conditions:
            raise ValueError(f"the figure {figure!r} shows tickets, and {run} has none")
        if figure == "learning":
            run.check_curves()
        if figure == "maps":
            run.check_cells()
            if not hasattr(run.experiment.task, "grid"):
                raise ValueError(f"{run.experiment.task.name} has no grid, which the figure 'maps' draws")


def charts_of(figure: Figure, findings: Iterable[Sequence[Run]]) -> list[Chart]:
    """The charts of a claim, each once. findings: of each judged finding its runs, with their evidence.

    Runs that only show that a difference could be seen are not drawn. Tasks have returns of different units: of a
    finding over several tasks, each task's runs are drawn by themselves.
    """
    drawn = (_of_task(task, runs) for runs in map(list, findings) for task in {run.system.task: None for run in runs})
    once = {tuple((run.system, run.conditions, run.label, run.times) for run in runs): runs for runs in drawn if runs}
    return _joined(chart for runs in once.values() for chart in _CHARTS[figure](runs))


def returns(runs: Sequence[Run]) -> list[Chart]:
    """Scored return per level and seed: a series per condition of one run, or one per run and condition."""
    series = [_line(_label(run, condition, runs), run, run.returns(condition)) for run, condition in _conditions(runs)]
    return [_of_returns("returns", runs, series)]


def sizes(runs: Sequence[Run]) -> list[Chart]:
    """As returns, at the number of weights that are left: the runs are on one task with one learner, their networks of
    several sizes."""
    series = []
    for run, condition in _conditions(runs):
        size = "-".join(map(str, run.experiment.network.hidden))
        line = _line(f"{size}, {condition}", run, run.returns(condition))
        series.append(line | {"size": size, "condition": condition, "weights": run.weights_left.tolist()})
    return [_of_returns("sizes", runs, series)]


def learning(runs: Sequence[Run]) -> list[Chart]:
    """Mean return of each evaluation during the training of dense networks, per seed: a series per run on all inputs,
    and where a run has them on those that survive, one for each of some levels."""
    series = [line for run in runs for line in _learned(run, runs)]
    return [_of_returns("learning", runs, series) | {"title": f"{_title(runs)}, dense", "unit": "return in training"}]


def layers(runs: Sequence[Run]) -> list[Chart]:
    """Density per level, seed and layer of the actor: a series per run."""
    return [_shares(runs, "weights left, by layer", runs[0].layer_names, lambda run: run.layer_densities(TICKET))]


def inputs(runs: Sequence[Run]) -> list[Chart]:
    """Input magnitude per level, seed and input, a series per run; and its heat map."""
    names = runs[0].inputs
    return [_shares(runs, "input magnitude", names, lambda run: run.input_magnitudes(TICKET)), heat_map(runs)]


def maps(runs: Sequence[Run]) -> list[Chart]:
    """Density per layer and per channel of inputs that are maps, the heat map of every input, and agents at play. The
    task must be a grid (see `check_figure`)."""
    by_channels: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        by_channels.setdefault(_channels(run), []).append(run)
    channels = [
        _shares(alike, "weights left, by channel", names, lambda run: _stacked(run.channel_densities(TICKET)))
        for names, alike in by_channels.items()
        if names
    ]
    return [*layers(runs), *channels, heat_map(runs)]


def heat_map(runs: Sequence[Run]) -> Chart:
    """How much of the first layer each input holds, by channel and cell: of inputs that are no maps, each is a channel
    of one cell.

    grid: rows and columns. Of a grid task that has `symbols`, board: layout (a text per row), symbols (a character by
    name) and reachable (cells by channel); else None. A series per run: density float[levels + 1]; seeds; channels,
    their names; values float[levels + 1][channels][cells], each input's share of its level's magnitude times the number
    of inputs, so that 1 is the even share (mean over the seeds that have a first layer left); left
    float[levels + 1][channels], inputs that are still connected (mean over seeds); unlit, per channel the cells where
    it is zero in every state; games (see `_games`).
    """
    task: Any = runs[0].experiment.task
    board: Chart | None = None
    games: Sequence[list[Chart]] = [[] for _ in runs]
    if hasattr(task, "symbols"):
        games, starts = zip(*(_games(run) for run in runs), strict=True)
        reachable = {name: np.flatnonzero(cells).tolist() for name, cells in task.reachable.items()}
        board = {"layout": layout(task, starts[0]), "symbols": dict(task.symbols), "reachable": reachable}
    return {
        "kind": "map",
        "title": _title(runs),
        "grid": list(getattr(task, "grid", (1, 1))),
        "board": board,
        "series": [_mapped(run) | {"games": played} for run, played in zip(runs, games, strict=True)],
    }


_CHARTS: dict[Figure, Callable[[Sequence[Run]], list[Chart]]] = {
    "returns": returns,
    "inputs": inputs,
    "layers": layers,
    "learning": learning,
    "sizes": sizes,
    "maps": maps,
}
_OF_TICKETS = ("inputs", "layers", "maps")
"""The figures of which every run must have tickets."""


def _of_task(task: str, runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.system.task == task and not run.assay]


def _joined(charts: Iterable[Chart]) -> list[Chart]:
    """Charts that differ in their series alone become one, with every series that any of them has.

    A chart stays by itself if a series of it has the label, but not the numbers, of one that is already there.
    """
    joined: list[Chart] = []
    for chart in charts:
        fits = next((other for other in joined if _goes_with(chart, other)), None)
        if fits is None:
            joined.append({**chart, "series": list(chart["series"])})
            continue
        known = {series["label"] for series in fits["series"]}
        fits["series"] += [series for series in chart["series"] if series["label"] not in known]
    for number, chart in enumerate(joined):
        chart["key"] = f"{chart['title']} {number}"
        if chart["kind"] == "shares":
            chart["series"].sort(key=lambda series: _natural(series["label"]))
    return joined


def _goes_with(chart: Chart, other: Chart) -> bool:
    drawn = {series["label"]: series for series in other["series"]}
    alike = all(drawn.get(series["label"], series) == series for series in chart["series"])
    return alike and all(chart[name] == other.get(name) for name in chart.keys() - {"key", "series"})


def _natural(label: str) -> list[Any]:
    """Numbers in a text are ordered by their value."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"(\d+)", label)]


def _mapped(run: Run) -> Chart:
    channels = _channels(run)
    shape = len(run.densities), len(channels), len(run.inputs) // max(1, len(channels))
    magnitudes = run.input_magnitudes(TICKET)
    has_layer = magnitudes.sum(axis=2) > 0
    counts = np.maximum(has_layer.sum(axis=0), 1)[:, None]
    even = magnitudes.sum(axis=0) / counts * magnitudes.shape[2]
    left, unlit = (magnitudes > 0).mean(axis=0), np.isin(run.inputs, zero_inputs(run.experiment.task))
    if not channels:  # the inputs of a grid that are shown as no maps
        even, left, unlit = np.zeros(shape), np.zeros(shape), np.zeros(shape[1:], dtype=bool)
    return {
        "label": str(run),
        "density": run.densities.tolist(),
        "seeds": len(run.seeds),
        "channels": list(channels),
        "values": even.reshape(shape).round(4).tolist(),
        "left": left.reshape(shape).sum(axis=2).round(1).tolist(),
        "unlit": [np.flatnonzero(cells).tolist() for cells in unlit.reshape(shape[1:])],
    }


def _channels(run: Run) -> tuple[str, ...]:
    """Of inputs that are maps, the names of the maps, none where a grid is shown in another way; else all inputs."""
    task: Any = run.experiment.task
    names: tuple[str, ...] = task.channels if hasattr(task, "grid") else run.inputs
    return names


def _stacked(by_name: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack(list(by_name.values()), axis=-1)


def _games(run: Run) -> tuple[list[Chart], np.ndarray]:
    """What a dense and a sparse agent of one seed do, always taking the best action, and what stood where at first.

    The seed is that whose return is the median at the level nearest to PLAYED. Each game: level, density, seed, scored
    (that seed's return on its scored episodes), rewards (int[env_steps]) and places (by name int[env_steps + 1], the
    cell of each thing that moves, -1 where it is not on the map).
    """
    sparse = int(np.abs(np.log(run.densities / PLAYED)).argmin())
    scored = run.returns(TICKET)
    place = median_seed(scored[:, sparse])
    made, start = [], np.zeros(0)
    for level in dict.fromkeys((0, sparse)):
        game = play(run.experiment.task, actor_of(run, TICKET, level, place), run.seeds[place], level)
        start = game.start
        made.append(
            {
                "level": level,
                "density": float(run.densities[level]),
                "seed": run.seeds[place],
                "scored": round(float(scored[place, level]), 2),
                "rewards": game.rewards,
                "places": game.places,
            }
        )
    return made, start


def _learned(run: Run, runs: Sequence[Run]) -> list[Chart]:
    """A run's lines of learning; on surviving inputs each says at which density, and how many inputs that are."""
    if SURVIVING not in run.conditions:
        return [_learning_line(str(run), run, run.evaluations())]
    name = "" if len(runs) == 1 else f"{run}, "
    lines = [_learning_line(f"{name}all inputs", run, run.evaluations())]
    left, count = run.inputs_left(SURVIVING).mean(axis=0), len(run.inputs)
    reached = [run.level_at(density) for density in LEARNED if run.densities[-1] <= density]
    for level in dict.fromkeys(reached or [len(run.densities) - 1]):
        label = f"{name}surviving inputs at {100 * run.densities[level]:.2g} % density"
        lines.append(_learning_line(f"{label} ({left[level]:,.0f} of {count:,} left)", run, run.evaluations(level)))
    return lines


def _learning_line(label: str, run: Run, values: np.ndarray) -> Chart:
    count = run.experiment.evaluation.per_training
    env_steps = [run.experiment.learner.env_steps * (turn + 1) / count for turn in range(count)]
    return {"label": label, "env_steps": env_steps, "values": values.T.round(2).tolist()}


def _of_returns(kind: str, runs: Sequence[Run], series: list[Chart]) -> Chart:
    reference = runs[0].reference
    return {
        "kind": kind,
        "title": _title(runs),
        "unit": runs[0].judged.replace("-", " "),
        "series": series,
        "references": {"expert": reference.expert, "random": reference.random},
    }


def _shares(runs: Sequence[Run], of: str, names: Sequence[str], measured: Callable[[Run], np.ndarray]) -> Chart:
    """measured: float[seeds, levels + 1, names]."""
    series = [_line(str(run), run, measured(run), digits=4) for run in runs]
    return {"kind": "shares", "of": of, "title": _title(runs), "names": list(names), "series": series}


def _line(label: str, run: Run, values: np.ndarray, digits: int = 2) -> Chart:
    """values: float[seeds, levels + 1, ...], in the chart by level first."""
    return {
        "label": label,
        "density": run.densities.tolist(),
        "values": np.swapaxes(values, 0, 1).round(digits).tolist(),
    }


def _conditions(runs: Sequence[Run]) -> list[tuple[Run, str]]:
    return [(run, condition) for run in runs for condition in run.conditions]


def _label(run: Run, condition: str, runs: Sequence[Run]) -> str:
    """The shortest that tells this series from the others: the condition, the run, or both.

    Where several runs have one condition in common (the ticket, as a rule), that goes by the run's name, and a
    baseline that only one of them has by its condition.
    """
    if len(runs) == 1:
        return condition
    if len(run.conditions) == 1:
        return str(run)
    shared = [each for each in run.conditions if any(each in other.conditions for other in runs if other is not run)]
    if len(shared) != 1:
        return f"{run}, {condition}"
    return str(run) if condition in shared else condition


def _title(runs: Sequence[Run]) -> str:
    """Tasks and learners; with its changes where a single run is drawn by condition, so that none is mistaken."""
    tasks = dict.fromkeys(title_of(run.experiment.task) for run in runs)
    learners = dict.fromkeys(run.system.learner.upper() for run in runs)
    named = f"{' and '.join(tasks)} {' and '.join(learners)}"
    if len(runs) == 1 and len(runs[0].conditions) > 1:
        _, _, *changes = str(runs[0].system).split(" ")
        return ", ".join([named, *([" ".join(changes)] if changes else [])])
    return named
