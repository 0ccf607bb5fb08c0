"""Seeds: how many would decide an underpowered finding, and whether some were added to seeds already judged."""

import contextlib
import functools
from collections.abc import Iterable, Mapping
from math import ceil

from harness.judging.judge import Judge
from harness.machine import usable_cpus
from harness.plugin.options import Settings
from harness.profiles.profile import EXPERT_BLOCK, SEEDS_PER_BLOCK, TUNING_BLOCK
from harness.results import history, records
from harness.results.schema import Finding, MoreSeeds
from harness.statistics.power import FEWEST

ADDED = "seeds were added to a block that had already been judged"


def added_seeds(judges: Mapping[str, Judge], settings: Settings) -> dict[str, str]:
    """By nodeid, a note where this session judges a block of seeds on which fewer were judged before.

    Adding seeds until a test gives the wanted answer spoils its error rates. Raises HistoryError.
    """
    if settings.history is None:
        return {}
    profile, block, notes = settings.profile, settings.block, {}
    for nodeid, judge in judges.items():
        known = history.judged_seeds(settings.history, judge.claim.id, judge.name, profile.name, profile.altered, block)
        before = known[: known.index(profile.seeds)] if profile.seeds in known else known
        if fewer := max((count for count in before if count < profile.seeds), default=0):
            notes[nodeid] = f"{ADDED}: {profile.seeds} after {fewer} on block {block}, so the error rates do not hold"
    return notes


def what_would_decide(finding: Finding, judge: Judge, settings: Settings) -> MoreSeeds | None:
    """The fresh seeds that would decide an underpowered finding; None where no such number is known."""
    fewest = FEWEST.get(finding.test, 2) if finding.test else 2  # type: ignore[call-overload]  # a finding holds any text
    needed = finding.seeds_needed
    if needed is None and finding.refusal and finding.n and min(finding.n) < fewest:
        needed = fewest  # how far seeds spread is not known yet: enough to be judged at all
    if needed is None:
        return None
    profile = settings.profile
    needed = max(needed, *finding.n)  # fewer than were not enough here would be no advice
    times = max([run.multiple for run in judge.runs if not run.assay], default=1)
    count = ceil(needed / times)
    if max(count, count * times) > SEEDS_PER_BLOCK:
        return None
    judged = history.judged_blocks(settings.history, finding.claim) if settings.history else {}
    used = {*compared_blocks(), *(block for blocks in judged.values() for block in blocks)}
    block = fresh_block(settings.block, used)
    core = finding.cpu_seconds / 60 * count / profile.seeds
    chains = sum(len(run.conditions) * ceil(count * run.multiple / profile.chunk) for run in judge.runs)
    return MoreSeeds(
        seeds=needed,
        times=times,
        count=count,
        block=block,
        passed_over=tuple(sorted(other for other in used if settings.block < other < block)),
        core_minutes=core or None,
        minutes=core / min(usable_cpus(), max(1, chains)) if core else None,
        cpus=usable_cpus(),
        fewest=fewest if finding.refusal else None,
        command=settings.command(which_of(finding), block, count),
    )


def on_fresh_seeds(finding: Finding, settings: Settings) -> str:
    """The command that judges a finding on the next block of seeds."""
    return settings.command(which_of(finding), fresh_block(settings.block))


def which_of(finding: Finding) -> str:
    """What of its command names the finding."""
    return finding.rerun.partition(" --claims-report=none ")[2]


def fresh_block(after: int, used: Iterable[int] = ()) -> int:
    """The first block of seeds past `after` that is not used, here or by the committed record of agreement, and that
    claims may be judged on."""
    taken = {*used, *compared_blocks(), EXPERT_BLOCK, TUNING_BLOCK}
    return next(block for block in range(after + 1, after + len(taken) + 2) if block not in taken)


@functools.cache
def compared_blocks() -> frozenset[int]:
    """The blocks of seeds that the committed record of agreement compares: what they show has been seen."""
    with contextlib.suppress(records.RecordError):
        if agreement := records.read("agreement", here=records.COMMITTED):
            return frozenset(agreement.data["blocks"])
    return frozenset()
