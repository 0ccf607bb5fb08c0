"""The data behind a claim's chart, as plain values; `reports` draws them."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from harness.experiment import TICKET
from harness.run import Run

Figure = Literal["returns", "inputs", "layers", "learning"]


def figure(kind: Figure, runs: Sequence[Run]) -> dict[str, Any]:
    """What the paper's Figures 2 to 4 ("returns"), 5 top ("layers"), 5 bottom ("learning") or 8 ("inputs") show, for
    these runs."""
    return {"returns": returns, "inputs": inputs, "layers": layers, "learning": learning}[kind](runs)


def returns(runs: Sequence[Run]) -> dict[str, Any]:
    """Scored return per level and seed: a series per condition of one run, or one per run and condition.

    values: float[levels + 1][seeds].
    """
    several = len(runs) > 1
    series = []
    for run in runs:
        for condition in run.conditions:
            label = str(run) if several and len(run.conditions) == 1 else condition
            values = run.returns(condition).T.round(2).tolist()
            series.append({"label": label, "density": run.densities.tolist(), "values": values})
    reference = runs[0].reference
    return {
        "kind": "returns",
        "key": " + ".join(str(run.system) for run in runs),
        "title": _title(runs),
        "unit": "scored return",
        "series": series,
        "references": {"expert": reference.expert, "random": reference.random},
    }


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
