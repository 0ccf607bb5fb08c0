"""The table in docs/profiles.md says what the profiles are."""

import re

import pytest

from harness.files import SUITE_ROOT
from harness.profiles.profile import PROFILES, Profile

COLUMNS = {
    "Cart-Pole: PPO, DQN, BC": ("cart-pole", ("ppo", "dqn", "bc")),
    "Acrobot: PPO, BC": ("acrobot", ("ppo", "bc")),
    "GridMaze: DQN, PPO": ("gridmaze", ("dqn", "ppo")),
}
PAGE = (SUITE_ROOT / "docs" / "profiles.md").read_text("utf-8")
HEAD, _, *ROWS = [
    [entry.strip() for entry in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:1] == "|"
]


def of_task(profile: Profile, task: str, learners: tuple[str, ...]) -> str:
    """The env_steps of each learner; under them the units, the levels and the density of the last level."""
    systems = [profile.systems[task, learner] for learner in learners]
    (shape,) = {(e.network.hidden, e.pruning.levels, 100 * (1 - e.pruning.rate) ** e.pruning.levels) for e in systems}
    hidden, levels, percent = shape
    env_steps = ", ".join(f"{e.learner.env_steps:,}" for e in systems)
    return f"{env_steps}<br>{'-'.join(map(str, hidden))}, {levels} to {round(percent, 2):.2g} %"


def test_the_table_has_every_profile() -> None:
    assert [row[0].partition(":")[0] for row in ROWS] == [f"`{name}`" for name in PROFILES]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0].partition(":")[0]))
def test_each_row_is_that_of_its_profile(row: list[str]) -> None:
    profile = PROFILES[re.sub(r"`(\w+)`.*", r"\1", row[0])]
    fewer = f", GridMaze {round(profile.seeds * share)}" if (share := profile.seed_fractions.get("gridmaze")) else ""
    assert row[1] == f"{profile.seeds}{fewer}"
    assert row[2:] == [of_task(profile, *COLUMNS[name]) for name in HEAD[2:]]
