"""Register your own tasks, networks, learners, pruning criteria, initialisers and controls under a name, from a
package, a module or a conftest.py.

    from harness import register

    @register.criterion("gradient-times-weight")
    def gradient_times_weight(weights, gradients):
        return [abs(gradient * weight) for gradient, weight in zip(gradients, weights)]

The name then stands beside the built-in ones: `--claims-set pruning.criterion=gradient-times-weight`. The source of
what it names, and of the module that registers it, enters the fingerprint of each cell that uses it: editing it makes
these cells stale, and no others. So a function that holds values of its own (a closure, a partial) can't be registered.

A head needs no name: a learner says which one it has (`Learner.heads`), and `harness.compiled.compiled_for` writes the
functions of `harness.networks.heads` for it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from harness import files
from harness.canonical import type_name
from harness.controls import control
from harness.learners.protocol import Learner
from harness.networks.initialisers import initialiser
from harness.networks.kinds import NETWORKS
from harness.profiles.budgets import Budgets
from harness.profiles.profile import LEARNERS, PROFILES, OwnLearner, add_task
from harness.pruning.criteria import criterion
from harness.registry import RegistrationError, caller, origin_of

__all__ = ["RegistrationError", "control", "criterion", "initialiser", "learner", "network", "task"]

T = TypeVar("T", bound=Callable[[Any], Learner])
TaskBudgets = TypeVar("TaskBudgets", bound=Callable[[], Budgets])
Settings = TypeVar("Settings", bound=type)


def task(budgets: TaskBudgets) -> TaskBudgets:
    """Register the task of the budgets that the function below it returns, with its experiments in each profile.

    Its experts and reference returns lie in `fixtures` beside the file that registers it, where `python -m harness
    experts -p MODULE --only TASK` writes them. Raises RegistrationError.
    """
    registrar, given = caller(), budgets()
    add_task(given, origin_of(budgets), registrar)
    files.OWN_FIXTURES[given.task.name] = registrar.file.parent / "fixtures"
    return budgets


def network(settings: Settings) -> Settings:
    """Register the class below it as the settings of a network (`harness.networks.kinds.NetworkSettings`), so that
    experts may be such networks. Raises RegistrationError."""
    NETWORKS.add(type_name(settings), settings, origin_of(settings), caller())
    return settings


def learner(task: str, name: str, like: str | None = None) -> Callable[[T], T]:
    """Register the function below it as the learner `name` of a task.

    At each profile the function is given the settings of the learner `like` there (by default the task's first), and
    returns this learner's: so a changed PPO gets PPO's budgets. Network, pruning and evaluation are those of `like`.
    Raises RegistrationError.
    """

    registrar = caller()

    def register(settings: T) -> T:
        if any((task, name) in profile.systems for profile in PROFILES.values()):
            raise RegistrationError(f"the profiles already have a system {task} {name}: give the learner another name")
        LEARNERS.add(f"{task}/{name}", OwnLearner(settings, like), origin_of(settings), registrar)
        return settings

    return register
