"""What prioritised replay adds to DQN's updates: drawing by the sum tree, importance weights, new priorities.

The same updates are timed with and without: uniform replay has no tree and no weights.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from harness.bench.population import TABLE_8, until_learning
from harness.bench.profiling import clocked
from harness.bench.rows import Row, Target
from harness.bench.speed import TARGET_SIZE
from harness.bench.timing import advance, medians
from harness.learners.dqn import DQN

RUNS = 7
UPDATES = 16
"""Of each member, per timing."""
BATCHES = (64, 256)
SHARE = 0.15
"""Of an update."""


def rows() -> Iterator[Row]:
    """CPU microseconds of an update of one member of a 64-64 population, and bytes of its replay memory."""
    for batch in BATCHES:
        prioritised = replace(TABLE_8, batch=batch, replay_ratio=UPDATES * batch / TABLE_8.samples)
        works = {"prioritised": _work(prioritised), "uniform": _work(replace(prioritised, alpha=0.0))}
        found = medians(works, RUNS)
        share = 1 - found["uniform"] / found["prioritised"]
        target = Target("share of the priorities", share, "at most", SHARE)
        name = f"DQN 64-64, {TARGET_SIZE} members, an update of {batch} samples"
        yield Row(
            name, "CPU µs per member", found["prioritised"], found["uniform"], RUNS, target, "peer: uniform replay"
        )
    held, plain = (until_learning(replace(TABLE_8, alpha=alpha), (64, 64), 1).replay for alpha in (TABLE_8.alpha, 0.0))
    note = "peer: without priorities. Both observations of each transition, apart, would alone take 32"
    yield Row(
        "DQN, a transition of Cart-Pole", "bytes", held.bytes_per_transition, plain.bytes_per_transition, 1, None, note
    )


def _work(settings: DQN) -> Callable[[], float]:
    population = until_learning(settings, (64, 64), TARGET_SIZE)

    def microseconds() -> float:
        with clocked() as clock:
            advance(population, 1)
        return clock.seconds["updates"] / (UPDATES * TARGET_SIZE) * 1e6

    return microseconds
