"""The benchmark: what training a population at once gains over stable-baselines3, with targets that can be missed.

Each part is a file with a function `rows`. Beside them: `rows` says what a row is, `timing` how it is timed, `peers`
what stable-baselines3 does beside us, `population` who is timed; `suite` runs it all. Run by `python -m harness bench`
(`make bench`).
"""

PARTS = {
    "speed": "PPO, DQN and BC by number of members, beside stable-baselines3",
    "products": "the share of an update that its matrix products need",
    "priorities": "what prioritised replay adds to DQN's updates, and what its replay memory holds",
    "gridmaze": "GridMaze: DQN beside stable-baselines3, the environment alone, a worker's memory with a full replay",
    "density": "what an update costs at falling density",
    "memory": "peak resident memory by number of members",
    "returns": "whether dense agents and students return what stable-baselines3's do",
    "whole": "whole experiments beside the same runs in stable-baselines3",
}
"""File -> what it measures, in the order they run."""


class UnknownPartError(Exception):
    """The benchmark has no such part; the message is one line."""
