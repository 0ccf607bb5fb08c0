"""The data behind a claim's chart, as plain values; `reports` draws them."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from harness.judging.games import actor_of, grid, layout, median_seed, play
from harness.judging.run import Run
from harness.pruning.conditions import SURVIVING, TICKET
from harness.tasks.spec import zero_inputs

Figure = Literal["returns", "inputs", "layers", "learning", "sizes", "maze"]
PLAYED = 0.05
"""The density of the sparse agent that is shown at play, beside a dense one: the level nearest to it."""
LEARNED = (0.25, 0.1, 0.05)
"""Learning on surviving inputs is drawn at the first levels at or below these densities, as claims look at them: all
levels would be too many to tell. The last one where none is reached."""


def figure(kind: Figure, runs: Sequence[Run]) -> dict[str, Any]:
    """What the paper's Figures 2 to 4 ("returns"), 5 top ("layers"), 5 left and top ("maze"), 5 bottom ("learning"), 8
    ("inputs") or 11 ("sizes") show, for these runs."""
    draw = {
        "returns": returns,
        "inputs": inputs,
        "layers": layers,
        "learning": learning,
        "sizes": sizes,
        "maze": maze,
    }
    return draw[kind](runs)


def returns(runs: Sequence[Run]) -> dict[str, Any]:
    """Scored return per level and seed: a series per condition of one run, or one per run and condition.

    values: float[levels + 1][seeds].
    """
    series = []
    for run in runs:
        for condition in run.conditions:
            values = run.returns(condition).T.round(2).tolist()
            label = _label(run, condition, runs)
            series.append({"label": label, "density": run.densities.tolist(), "values": values})
    return _of_returns("returns", runs, series)


def sizes(runs: Sequence[Run]) -> dict[str, Any]:
    """Scored return per level and seed at the number of weights that are left: a series per run and condition, the
    runs on one task with one learner, their networks of several sizes.

    weights: int[levels + 1]. density: float[levels + 1]. values: float[levels + 1][seeds].
    """
    series = []
    for run in runs:
        size = "-".join(map(str, run.experiment.network.hidden))
        for condition in run.conditions:
            series.append(
                {
                    "label": f"{size}, {condition}",
                    "size": size,
                    "condition": condition,
                    "weights": run.weights_left.tolist(),
                    "density": run.densities.tolist(),
                    "values": run.returns(condition).T.round(2).tolist(),
                }
            )
    return _of_returns("sizes", runs, series)


def inputs(runs: Sequence[Run]) -> dict[str, Any]:
    """Input magnitude per level, seed and input: a series per run."""
    names = list(runs[0].experiment.task.inputs)
    return _shares("inputs", runs, names, lambda run: run.input_magnitudes(TICKET))


def layers(runs: Sequence[Run]) -> dict[str, Any]:
    """Density per level, seed and layer of the actor: a series per run."""
    return _shares("layers", runs, list(runs[0].layer_names), lambda run: run.layer_densities(TICKET))


def learning(runs: Sequence[Run]) -> dict[str, Any]:
    """Mean return of each evaluation during the training of dense networks, per seed: a series per run on all inputs,
    and where a run has them on those that survive, one for each of some levels.

    values: float[per_training][seeds].
    """
    series = [line for run in runs for line in _learned(run, runs)]
    return {
        "kind": "learning",
        "key": " + ".join(str(run.system) for run in runs),
        "title": f"{_title(runs)}, dense",
        "unit": "return during training",
        "series": series,
        "references": {"expert": runs[0].reference.expert, "random": runs[0].reference.random},
    }


def maze(runs: Sequence[Run]) -> dict[str, Any]:
    """A grid task's layout, how much of the first layer each of its pixels holds, its densities, and agents at play.

    layout: a text per row (`gridmaze_layout.CHARACTERS`). reachable: int[cells] per enemy. A series per run, of its
    agents': values: float[levels + 1][channels][cells], each input's share of its level's magnitude times the
    number of inputs, so that 1 is the even share; mean over the seeds that have a first layer left. left:
    float[levels + 1][channels], inputs that are still connected, mean over seeds. unlit: int[cells] per channel,
    where it is zero in every state. layers: float[levels + 1][seeds][names] and channel_densities: float[levels +
    1][seeds][channels], shares of weights left. games: see `_games`. Raises ValueError for a task that is no grid.
    """
    task: Any = runs[0].experiment.task
    _, columns = grid(task)
    series, start = [], None
    for run in runs:
        line, start = _maze_of(run)
        series.append(line)
    assert start is not None
    return {
        "kind": "maze",
        "key": " + ".join(str(run.system) for run in runs),
        "title": _title(runs),
        "names": list(runs[0].layer_names),
        "layout": layout(start, columns),
        "reachable": {name: np.flatnonzero(cells).tolist() for name, cells in task.reachable.items()},
        "series": series,
    }


def _maze_of(run: Run) -> tuple[dict[str, Any], np.ndarray]:
    """A run's series, and what stood where at the start: bool[objects, cells]."""
    task: Any = run.experiment.task
    channels, cells = list(task.channels), int(np.prod(grid(task)))
    magnitudes = run.input_magnitudes(TICKET)
    whole = magnitudes.sum(axis=2) > 0
    counts = np.maximum(whole.sum(axis=0), 1)[:, None]
    even = magnitudes.sum(axis=0) / counts * magnitudes.shape[2]
    left = (magnitudes > 0).mean(axis=0)
    unlit = np.isin(task.inputs, zero_inputs(task))
    by_channel = (len(run.densities), len(channels), cells if channels else 0)
    densities = run.channel_densities(TICKET) if channels else {}
    games, start = _games(run)
    line = {
        "label": str(run),
        "density": run.densities.tolist(),
        "seeds": len(run.seeds),
        "channels": channels,
        "values": _pixels(even, by_channel).round(4).tolist(),
        "left": _pixels(left, by_channel).sum(axis=2).round(1).tolist(),
        "unlit": [np.flatnonzero(maps).tolist() for maps in _pixels(unlit, by_channel[1:])],
        "layers": run.layer_densities(TICKET).transpose(1, 0, 2).round(4).tolist(),
        "channel_densities": _stacked([densities[name] for name in channels], run).round(4).tolist(),
        "games": games,
    }
    return line, start


def _pixels(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """[..., inputs] as [..., channels, cells]; of inputs that are no pixels, none."""
    return values.reshape(shape) if shape[-1] else np.zeros(shape)


def _stacked(densities: Sequence[np.ndarray], run: Run) -> np.ndarray:
    """float[seeds, levels + 1] per channel as float[levels + 1, seeds, channels]."""
    shape = (len(run.densities), len(run.seeds), 0)
    return np.stack(densities, axis=-1).transpose(1, 0, 2) if densities else np.zeros(shape)


def _games(run: Run) -> tuple[list[dict[str, Any]], np.ndarray]:
    """What a dense and a sparse agent of one seed do, always taking the best action, and what stood where at first.

    The seed is that whose scored return is the median at the level nearest to PLAYED. Each game: level, density, seed,
    scored (that seed's return on its scored episodes), rewards (int[env_steps]), agent (int[env_steps + 1]) and
    enemies (the same of each): cells; -1 where it is not on the map.
    """
    task: Any = run.experiment.task
    sparse = _nearest(run.densities, PLAYED)
    scored = run.returns(TICKET)
    place = median_seed(scored[:, sparse])
    made, start = [], np.zeros(0)
    for level in dict.fromkeys((0, sparse)):
        game = play(task, actor_of(run, TICKET, level, place), run.seeds[place], level)
        start = game.start
        made.append(
            {
                "level": level,
                "density": float(run.densities[level]),
                "seed": run.seeds[place],
                "scored": round(float(scored[place, level]), 2),
                "rewards": game.rewards,
                "agent": game.agent,
                "enemies": game.enemies,
            }
        )
    return made, start


def _nearest(densities: np.ndarray, density: float) -> int:
    """The level whose density is nearest, as a ratio."""
    return int(np.abs(np.log(densities / density)).argmin())


def _learned(run: Run, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A run's lines of learning; on surviving inputs each says at which density, and how many inputs that are."""
    if SURVIVING not in run.conditions:
        return [_learning_line(str(run), run, run.evaluations())]
    name = "" if len(runs) == 1 else f"{run}, "
    lines = [_learning_line(f"{name}all inputs", run, run.evaluations())]
    left, inputs = run.inputs_left(SURVIVING).mean(axis=0), len(run.experiment.task.inputs)
    reached = [run.level_at(density) for density in LEARNED if run.densities[-1] <= density]
    for level in dict.fromkeys(reached or [len(run.densities) - 1]):
        found = np.concatenate([levels[level].evaluations for levels in run.levels(SURVIVING)])
        label = f"surviving inputs at {100 * run.densities[level]:.2g} % density"
        label += f" ({left[level]:,.0f} of {inputs:,} left)"
        ended = np.where(np.isnan(found), run.experiment.task.maximum_return, found)
        lines.append(_learning_line(name + label, run, ended))
    return lines


def _learning_line(label: str, run: Run, values: np.ndarray) -> dict[str, Any]:
    return {"label": label, "env_steps": _evaluated_at(run), "values": values.T.round(2).tolist()}


def _of_returns(kind: Figure, runs: Sequence[Run], series: list[dict[str, Any]]) -> dict[str, Any]:
    reference = runs[0].reference
    return {
        "kind": kind,
        "key": " + ".join(str(run.system) for run in runs),
        "title": _title(runs),
        "unit": runs[0].judged.replace("-", " "),
        "series": series,
        "references": {"expert": reference.expert, "random": reference.random},
    }


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


def _evaluated_at(run: Run) -> list[float]:
    count = run.experiment.evaluation.per_training
    return [run.experiment.learner.env_steps * (turn + 1) / count for turn in range(count)]


def _shares(
    kind: Figure, runs: Sequence[Run], names: list[str], measured: Callable[[Run], np.ndarray]
) -> dict[str, Any]:
    """Shares of what `names` name; values: float[levels + 1][seeds][names]."""
    series = [
        {
            "label": str(run),
            "density": run.densities.tolist(),
            "values": measured(run).transpose(1, 0, 2).round(4).tolist(),
        }
        for run in runs
    ]
    return {
        "kind": kind,
        "key": " + ".join(str(run.system) for run in runs),
        "title": _title(runs),
        "names": names,
        "series": series,
    }


def _title(runs: Sequence[Run]) -> str:
    """Tasks and learners; with its changes where a single run is drawn by condition, so that none is mistaken."""
    if len(runs) == 1 and len(runs[0].conditions) > 1:
        task, learner, *changes = str(runs[0].system).split(" ")
        return ", ".join([f"{_name(task)} {learner.upper()}", *([" ".join(changes)] if changes else [])])
    tasks = dict.fromkeys(_name(run.system.task) for run in runs)
    learners = dict.fromkeys(run.system.learner.upper() for run in runs)
    return f"{' and '.join(tasks)} {' and '.join(learners)}"


def _name(task: str) -> str:
    if task == "gridmaze":  # the paper's name of it
        return "GridMaze"
    return "-".join(word.capitalize() for word in task.split("-"))
