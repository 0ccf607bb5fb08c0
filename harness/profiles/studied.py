"""What the benchmark and the studies of trust are run on: a task that costs little, and one that shows maps.

They name their tasks by these words alone, so that other ones can take their place here.
"""

from typing import Any

from harness.profiles.profile import PROFILES, TASKS, Profile
from harness.tasks.spec import title_of

SMALL, MAPS = "cart-pole", "gridmaze"
"""Names in `profile.TASKS`."""
ENVIRONMENTS = {SMALL: "CartPole-v1", MAPS: "harness.tasks.gridmaze.env:minimal-tickets/GridMaze-v0"}
"""The same tasks in gymnasium, for stable-baselines3; of ours the module that registers it, and its id."""
SHORT = 200
"""A horizon of the small task at which returns at a few levels are neither 0 nor the maximum (`trust.aa`)."""


def task_of(name: str) -> Any:
    """The task of this name as the profiles have it."""
    return TASKS[name].task


def title(name: str) -> str:
    """Its name for people."""
    return title_of(task_of(name))


def system(name: str, learner: str, profile: str = "scaled") -> Any:
    """The experiment of this task and learner at a profile."""
    found: Profile = PROFILES[profile]
    return found.systems[name, learner]
