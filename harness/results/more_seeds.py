"""How many seeds would decide an underpowered finding, in words: for the terminal and the report."""

from collections.abc import Iterator
from typing import NamedTuple

from harness.results.schema import Finding, MoreSeeds


class Advice(NamedTuple):
    """A sentence, remarks on it, and the command; without the last two where no number of seeds would do."""

    says: str
    asides: tuple[str, ...] = ()
    command: str = ""


def advice(finding: Finding) -> Advice:
    """How many seeds would decide an underpowered finding."""
    more, goal = finding.more_seeds, f"{finding.min_effect:g} {finding.unit}"
    if more is None:
        return Advice(_no_seeds(finding, goal))
    or_none = "" if finding.test == "swapped spreads" else " or 0"  # no spread is ever called equivalent
    true = f"{2 * finding.min_effect:g}{or_none}" if finding.kind == "greater" else "0"
    what = f"{more.seeds} fresh seeds would decide {goal} 9 times in 10 if the true effect is {true}"
    if any(reading.counts for reading in finding.sensitivity):
        what += " under every reading that counts"
    if finding.seeds_needed is None:
        what = f"it needs at least {more.seeds} seeds to be judged; these will show how many would decide {goal}"
    elif more.fewest:
        what = f"it needs at least {more.fewest} seeds to be judged; {what}"
    asides = []
    if more.times != 1:
        total = round(more.count * more.times)
        asides.append(
            f"--claims-seeds {more.count} gives {total} seeds here, since this claim takes {more.times:g} times as many"
        )
    if more.passed_over:
        asides.append(f"block {more.block} is the next one on which it has not been judged")
    return Advice(f"{what}, {_cost(more)}", tuple(asides), more.command)


def in_words(finding: Finding) -> Iterator[str]:
    """The same as lines for the terminal."""
    found = advice(finding)
    yield f"{finding.name}: {found.says}"
    yield from (f"  ({aside})" for aside in found.asides)
    if found.command:
        yield f"  {found.command}"


def _no_seeds(finding: Finding, goal: str) -> str:
    if finding.hangs_on:
        return f"it hangs on {', '.join(finding.hangs_on)}: no number of seeds decides what the paper leaves open"
    if not finding.refusal:
        return f"no number of seeds in one block would decide {goal}"
    lifted = "" if finding.refusal == "insensitive" else "; no number of seeds is known that would change this"
    return f"not judged: {finding.refused}{lifted}"


def _cost(more: MoreSeeds) -> str:
    if more.core_minutes is None or more.minutes is None:
        return "at an unknown cost"
    clock = "on the one CPU here" if more.cpus == 1 else f"about {_minutes(more.minutes)} on the {more.cpus} CPUs here"
    return f"in about {_minutes(more.core_minutes, 'core-')}, {clock}"


def _minutes(minutes: float, kind: str = "") -> str:
    count, unit = (round(minutes), "minute") if round(minutes) else (round(60 * minutes) or 1, "second")
    return f"{count} {kind}{unit}{'s' if count > 1 else ''}"
