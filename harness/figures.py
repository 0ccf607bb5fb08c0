"""The data behind a claim's chart, as plain values; `reports` draws them."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from harness.experiment import TICKET
from harness.run import Run

Figure = Literal["returns", "inputs", "layers", "learning", "sizes"]


def figure(kind: Figure, runs: Sequence[Run]) -> dict[str, Any]:
    """What the paper's Figures 2 to 4 ("returns"), 5 top ("layers"), 5 bottom ("learning"), 8 ("inputs") or 11
    ("sizes") show, for these runs."""
    draw = {"returns": returns, "inputs": inputs, "layers": layers, "learning": learning, "sizes": sizes}
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
    count = len(runs[0].experiment.network.hidden)
    names = ["input layer", *(f"hidden layer {number}" for number in range(2, count + 1)), "output layer"]
    return _shares("layers", runs, names, lambda run: run.layer_densities(TICKET))


def learning(runs: Sequence[Run]) -> dict[str, Any]:
    """Mean return of each evaluation during the training of level 0, per seed: a series per run.

    values: float[per_training][seeds].
    """
    return {
        "kind": "learning",
        "key": " + ".join(str(run.system) for run in runs),
        "title": f"{_title(runs)}, dense",
        "unit": "return during training",
        "series": [
            {
                "label": str(run),
                "env_steps": _evaluated_at(run),
                "values": run.evaluations().T.round(2).tolist(),
            }
            for run in runs
        ],
        "references": {"expert": runs[0].reference.expert, "random": runs[0].reference.random},
    }


def _of_returns(kind: Figure, runs: Sequence[Run], series: list[dict[str, Any]]) -> dict[str, Any]:
    reference = runs[0].reference
    return {
        "kind": kind,
        "key": " + ".join(str(run.system) for run in runs),
        "title": _title(runs),
        "unit": runs[0].judged,
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
    return "-".join(word.capitalize() for word in task.split("-"))
