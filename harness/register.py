"""Register your own pruning criteria, initialisers, learners and controls under a name, from a package, a module or a
conftest.py.

    from harness import register

    @register.criterion("gradient-times-weight")
    def gradient_times_weight(weights, gradients):
        return [abs(gradient * weight) for gradient, weight in zip(gradients, weights)]

The name then stands beside the built-in ones: `--claims-set pruning.criterion=gradient-times-weight`. The source of
what it names, and of the module that registers it, enters the fingerprint of each cell that uses it: editing it makes
these cells stale, and no others. So a function that holds values of its own (a closure, a partial) can't be registered.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from harness.controls import control
from harness.learners.protocol import Learner
from harness.networks.initialisers import initialiser
from harness.profiles.profile import LEARNERS, PROFILES, OwnLearner
from harness.pruning.criteria import criterion
from harness.registry import RegistrationError, caller, origin_of

__all__ = ["RegistrationError", "control", "criterion", "initialiser", "learner"]

T = TypeVar("T", bound=Callable[[Any], Learner])


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
