"""Switches: what the paper leaves open, each with another reading than the one taken (the last table of CLAIMS.md).

A switch changes the reading wherever a claim does not fix it itself.
"""

from dataclasses import dataclass

from harness.overrides import Change


@dataclass(frozen=True)
class Switch:
    """One question, the reading taken and the other one. `change`: the setting behind it, none where it is no setting
    of an experiment (`profiles` and `run` read those by name). `task`: the one that is asked about; none where all are.
    """

    name: str
    question: str
    default: str
    other: str
    change: Change | None = None
    task: str = ""

    def __str__(self) -> str:
        return f"{self.name}={self.other}"

    @classmethod
    def parse(cls, text: str) -> "Switch":
        """From NAME=VALUE. Raises ValueError, in one line, for an unknown switch or reading, or the default one."""
        name, _, value = text.strip().partition("=")
        if name not in SWITCHES:
            raise ValueError(f"unknown switch {name!r}: it is one of {', '.join(map(str, SWITCHES.values()))}")
        switch = SWITCHES[name]
        if value == switch.default:
            raise ValueError(f"{name}={value} is how the paper is read anyway; the other reading is {switch}")
        if value != switch.other:
            raise ValueError(f"switch {name} has no reading {value!r}: it is {switch}, and {switch.default} without it")
        return switch


def _setting(name: str, question: str, default: str, other: str, path: str, value: str, task: str = "") -> Switch:
    part, _, field = path.partition(".")
    return Switch(name, question, default, other, Change(part, field, value), task)


BUDGETS = Switch("budgets", "the budgets of BC and RL", "paper", "equal-updates")
JUDGED = Switch("judged", "which return is judged", "scored-return", "best-evaluation")

SWITCHES = {
    switch.name: switch
    for switch in (
        _setting(
            "lineage",
            "do the baselines follow their own chain, or branch off the ticket's mask",
            *("own", "branch", "pruning.lineage", "branch"),
        ),
        _setting(
            "shuffle",
            "are single entries of a mask shuffled, or whole input rows",
            *("entries", "rows", "pruning.shuffle", "rows"),
        ),
        _setting("checkpoint", "which checkpoint is pruned", "best", "last", "pruning.checkpoint", "last"),
        JUDGED,
        _setting("outputs", "are output layers pruned", "pruned", "kept", "pruning.outputs", "false"),
        _setting(
            "scope",
            "is the actor pruned alone, or the critic too",
            *("actor", "actor+critic", "pruning.scope", "actor+critic"),
        ),
        _setting("horizon", "Cart-Pole's horizon, v1's or v0's", "500", "200", "task.horizon", "200", "cart-pole"),
        BUDGETS,
        _setting("activation", "the hidden units", "relu", "tanh", "network.activation", "tanh"),
        _setting("evaluation", "are episodes played greedily", "greedy", "sampled", "evaluation.actions", "sampled"),
        _setting("decay", "is weight decay coupled", "coupled", "decoupled", "learner.decay", "decoupled"),
        _setting("experts", "how many experts the students share", "one-per-seed", "one", "learner.experts", "1"),
    )
}
