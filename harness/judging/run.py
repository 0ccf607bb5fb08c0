"""A system as a claim sees it, and the functions by which a claim names its systems.

A claim names its runs in its parametrisation. The plugin reads from them which cells are needed, and binds them to a
profile and a store before any claim is judged.
"""

from collections.abc import Sequence

from harness.judging.input_measures import InputMeasures
from harness.profiles.profile import TASKS, System
from harness.pruning.conditions import CONDITIONS, DENSE, SURVIVING, TICKET


class Run(InputMeasures):
    """All chains of one system under some conditions. Its measures give one number per seed."""


def imp_runs(
    tasks: Sequence[str],
    learners: Sequence[str],
    *overrides: str,
    conditions: Sequence[str] = CONDITIONS,
    times: int = 1,
    paper_times: int = 0,
    assay: bool = False,
) -> list[Run]:
    """A run per task and learner, to parametrise a test by, with `times` times the profile's seeds (`paper_times` at
    `paper`).

    overrides: fields that the claim sets, as PART.FIELD=VALUE (see `harness.overrides`), here and in all functions
    below. assay: see `Run`.
    """
    systems = [System(task, learner, overrides) for task in tasks for learner in learners]
    return [Run(system, tuple(conditions), "assay" if assay else "", times, paper_times, assay) for system in systems]


def ticket_run(task: str, learner: str, *overrides: str, label: str = "", times: int = 1, paper_times: int = 0) -> Run:
    """A run of ticket chains alone."""
    return Run(System(task, learner, overrides), (TICKET,), label, times, paper_times)


def surviving_run(
    task: str, learner: str, *overrides: str, label: str = "", times: int = 1, paper_times: int = 0
) -> Run:
    """A run of ticket chains, and of dense networks on the inputs that survive at each level."""
    return Run(System(task, learner, overrides), (TICKET, SURVIVING), label, times, paper_times)


def dense_run(task: str, learner: str, *overrides: str, label: str = "", times: int = 1) -> Run:
    """A run of level 0 alone."""
    return Run(System(task, learner, overrides), (DENSE,), label, times)


def size_runs(
    task: str, learner: str, conditions: Sequence[str] = CONDITIONS, times: int = 1, paper_times: int = 0
) -> list[Run]:
    """A run per network size that the claims on size compare, the smallest first (`budgets.Budgets.sizes`)."""
    sizes = ["-".join(map(str, hidden)) for hidden in TASKS[task].sizes[learner]]
    systems = {size: System(task, learner, (f"network.hidden={size}",)) for size in sizes}
    return [
        Run(system, tuple(conditions), f"{task} {learner} {size}", times, paper_times)
        for size, system in systems.items()
    ]
