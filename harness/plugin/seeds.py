"""Seeds: what would decide the undecided, and whether some were added to those already judged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

from harness.evidence import asked
from harness.evidence.asked import Asked
from harness.evidence.inventory import StoredCell
from harness.judging.judge import Judge
from harness.judging.run import Run
from harness.machine import usable_cpus
from harness.plugin.options import Settings
from harness.profiles.profile import SEEDS_PER_BLOCK
from harness.results.finding import Finding
from harness.results.preregistration.seen import alike, blocks_in, fresh_block, stored
from harness.statistics.power import FEWEST


def added_seeds(judges: Mapping[str, Judge], settings: Settings) -> dict[str, str]:
    """By nodeid, a note where this session's seeds come on top of fewer that the store has on the same block.

    Called once a run, before anything is trained: the store remembers it for the runs that follow.
    """
    profile, notes = settings.profile, {}
    cells: list[StoredCell] | None = None
    for nodeid, judge in judges.items():
        entry = Asked(judge.claim.id, judge.name, str(profile), settings.block)
        known = asked.recall(settings.evidence, entry)
        if known is None:
            known = entry
            if profile.seeds != settings.own_seeds:
                cells = stored(settings.evidence) if cells is None else cells
                held = _held(judge.runs, settings.block, cells)  # of a time before the store remembered
                known = replace(entry, seeds=(held,), judged=(held,)) if 0 < held < profile.seeds else entry
        fewer = known.added_to(profile.seeds)
        if fewer is not None:
            notes[nodeid] = (
                f"seeds were added to a block already judged: {profile.seeds} after {fewer} on block {settings.block},"
                " so the error rates do not hold"
            )
        if profile.seeds not in known.seeds:
            asked.remember(settings.evidence, replace(known, seeds=(*known.seeds, profile.seeds)))
    return notes


def judged_seeds(findings: Iterable[Finding], settings: Settings) -> None:
    """Have the store remember that these findings came out at this session's seeds."""
    profile = settings.profile
    for finding in findings:
        known = asked.recall(settings.evidence, Asked(finding.claim, finding.name, str(profile), settings.block))
        if known and finding.conclusion not in ("not run", "error", "smoke") and profile.seeds not in known.judged:
            asked.remember(settings.evidence, replace(known, judged=(*known.judged, profile.seeds)))


def what_would_decide(
    finding: Finding, judge: Judge, settings: Settings, cells: Iterable[StoredCell]
) -> dict[str, Any]:
    """Of an underpowered finding, what would decide it, as plain JSON; empty where no number of seeds is known to.

    seeds: per group; times: how many of the profile's seeds its runs take for each; count: what --claims-seeds is given
    block: the first fresh one. core_minutes: what it costs, None where that is not known; minutes: on this machine.
    fewest: under how many seeds the test judges nothing. cells: all that the store holds.
    """
    fewest = FEWEST.get(finding.test, 2) if finding.test else 2  # type: ignore[call-overload]  # a finding holds any text
    needed = finding.seeds_needed
    if needed is None and finding.refused and finding.n and min(finding.n) < fewest:
        needed = fewest  # how the seeds spread is not known yet: enough to be judged at all
    if needed is None:
        return {}
    profile = settings.profile
    needed = max(needed, *finding.n)  # fewer than were not enough here would be no advice
    times = max([run.multiple for run in judge.runs if not run.assay], default=1)
    count = ceil(needed / times)
    if max(count, count * times) > SEEDS_PER_BLOCK:
        return {}
    used = {block for cell in alike([c for run in judge.runs for c in run.cells()], cells) for block in blocks_in(cell)}
    core = finding.cpu_seconds / 60 * count / profile.seeds
    chains = sum(len(run.conditions) * ceil(count * run.multiple / profile.chunk) for run in judge.runs)
    block = fresh_block(settings.block, used)
    return {
        "seeds": needed,
        "times": times,
        "count": count,
        "block": block,
        "passed_over": sorted(b for b in used if settings.block < b < block),
        "core_minutes": core or None,
        "minutes": core / min(usable_cpus(), max(1, chains)) if core else None,
        "cpus": usable_cpus(),
        "fewest": fewest if finding.refused else None,
        "command": _command(finding, profile.name, block, count, settings),
    }


def in_words(finding: Finding, decide: Mapping[str, Any]) -> Iterable[str]:
    """What an underpowered finding needs, for the terminal."""
    goal = f"{finding.smallest:g} {finding.unit}"
    if not decide:
        yield f"{finding.name}: {_no_seeds(finding, goal)}"
        return
    zero = "" if finding.test == "swapped spreads" else " or 0"  # no spread is ever called equivalent
    true = f"{2 * finding.smallest:g}{zero}" if finding.kind == "greater" else "0"
    what = f"{decide['seeds']} fresh seeds would decide {goal} 9 times in 10 where the true effect is {true}"
    if finding.seeds_needed is None:
        what = f"from {decide['seeds']} seeds on it is judged; how many would decide {goal} is known then"
    elif decide["fewest"]:
        what = f"judged from {decide['fewest']} seeds on; {what}"
    yield f"{finding.name}: {what}, {_cost(decide)}"
    if decide["times"] != 1:
        total, times = round(decide["count"] * decide["times"]), f"{decide['times']:g}"
        who = "claim" if decide["times"] > 1 else "task"
        yield f"  (--claims-seeds {decide['count']} makes {total} here: the {who} takes {times} times as many)"
    if decide["passed_over"]:
        yield f"  (on block {decide['block']}, the next that has no evidence of it here)"
    yield f"  {decide['command']}"


def _no_seeds(finding: Finding, goal: str) -> str:
    if finding.refused:
        known = "would lift this" in finding.refused
        return f"not judged: {finding.refused}{'' if known else '; no number of seeds is known to lift this'}"
    return f"not even --claims-seeds {SEEDS_PER_BLOCK} would decide {goal}"


def _cost(decide: Mapping[str, Any]) -> str:
    if decide["core_minutes"] is None:
        return "at a cost that is not known"
    clock = f"about {_minutes(decide['minutes'])} on the {decide['cpus']} CPUs here"
    if decide["cpus"] == 1:
        clock = "on the one CPU here"
    return f"in about {_minutes(decide['core_minutes'], 'core-')}, {clock}"


def _minutes(minutes: float, kind: str = "") -> str:
    count, unit = (round(minutes), "minute") if round(minutes) else (round(60 * minutes) or 1, "second")
    return f"{count} {kind}{unit}{'s' if count > 1 else ''}"


def _command(finding: Finding, profile: str, block: int, count: int, settings: Settings) -> str:
    own = f" {settings.own_arguments}" if settings.own_arguments else ""
    which = finding.rerun.partition(" --claims-report=none ")[2]
    return f"pytest -n auto --claims-profile {profile} --claims-seed-block {block} --claims-seeds {count}{own} --claims-report=none {which}"


def _held(runs: Sequence[Run], block: int, cells: Iterable[StoredCell]) -> int:
    """How many of the profile's seeds the store has of these runs on this block, for one of their conditions."""
    most, cells = 0, list(cells)
    for run in runs:
        for cell in run.cells():
            seeds = {s for one in alike([cell], cells) for s in one.identity["seeds"] if s // SEEDS_PER_BLOCK == block}
            most = max(most, int(len(seeds) / run.multiple))
    return most
