"""The data behind a claim's chart, as plain values; `reports` draws them."""

from collections.abc import Sequence
from typing import Any, Literal

from harness.experiment import TICKET
from harness.run import Run

Figure = Literal["returns", "inputs"]


def figure(kind: Figure, runs: Sequence[Run]) -> dict[str, Any]:
    """What the paper's Figures 2 to 4 ("returns") or 8 ("inputs") show, for these runs."""
    return {"returns": returns, "inputs": inputs}[kind](runs)


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
    """Input magnitude per level, seed and input: a series per run. values: float[levels + 1][seeds][inputs]."""
    series = [
        {
            "label": str(run),
            "density": run.densities.tolist(),
            "values": run.input_magnitudes(TICKET).transpose(1, 0, 2).round(4).tolist(),
        }
        for run in runs
    ]
    return {
        "kind": "inputs",
        "key": " + ".join(str(run.system) for run in runs),
        "title": _title(runs),
        "inputs": list(runs[0].experiment.task.inputs),
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
