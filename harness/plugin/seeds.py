"""Seeds: what would decide the undecided, and whether some were added to those already judged."""

from collections.abc import Iterable, Mapping
from math import ceil

from harness.evidence.inventory import StoredCell
from harness.judging.judge import Judge
from harness.machine import usable_cpus
from harness.plugin.options import Settings
from harness.profiles.profile import SEEDS_PER_BLOCK
from harness.results import history
from harness.results.preregistration.seen import alike, blocks_in, fresh_block
from harness.results.schema import Finding, MoreSeeds
from harness.statistics.power import FEWEST


def added_seeds(judges: Mapping[str, Judge], settings: Settings) -> dict[str, str]:
    """By nodeid, a note where this session's seeds come on top of fewer that were judged before on the same block."""
    if settings.history is None:
        return {}
    profile, block, notes = settings.profile, settings.block, {}
    for nodeid, judge in judges.items():
        known = history.judged_seeds(settings.history, judge.claim.id, judge.name, profile.name, profile.altered, block)
        before = known[: known.index(profile.seeds)] if profile.seeds in known else known
        if fewer := max((count for count in before if count < profile.seeds), default=0):
            notes[nodeid] = (
                f"seeds were added to a block already judged: {profile.seeds} after {fewer} on block {block},"
                " so the error rates do not hold"
            )
    return notes


def what_would_decide(
    finding: Finding, judge: Judge, settings: Settings, cells: Iterable[StoredCell]
) -> MoreSeeds | None:
    """Of an underpowered finding, what would decide it; None where no number of seeds is known to.

    seeds: per group; times: how many of the profile's seeds its runs take for each; count: what --claims-seeds is given
    block: the first fresh one. core_minutes: what it costs, None where that is not known; minutes: on this machine.
    fewest: under how many seeds the test judges nothing. cells: all that the store holds.
    """
    fewest = FEWEST.get(finding.test, 2) if finding.test else 2  # type: ignore[call-overload]  # a finding holds any text
    needed = finding.seeds_needed
    if needed is None and finding.refusal and finding.n and min(finding.n) < fewest:
        needed = fewest  # how the seeds spread is not known yet: enough to be judged at all
    if needed is None:
        return None
    profile = settings.profile
    needed = max(needed, *finding.n)  # fewer than were not enough here would be no advice
    times = max([run.multiple for run in judge.runs if not run.assay], default=1)
    count = ceil(needed / times)
    if max(count, count * times) > SEEDS_PER_BLOCK:
        return None
    used = {block for cell in alike([c for run in judge.runs for c in run.cells()], cells) for block in blocks_in(cell)}
    core = finding.cpu_seconds / 60 * count / profile.seeds
    chains = sum(len(run.conditions) * ceil(count * run.multiple / profile.chunk) for run in judge.runs)
    block = fresh_block(settings.block, used)
    return MoreSeeds(
        seeds=needed,
        times=times,
        count=count,
        block=block,
        passed_over=tuple(sorted(b for b in used if settings.block < b < block)),
        core_minutes=core or None,
        minutes=core / min(usable_cpus(), max(1, chains)) if core else None,
        cpus=usable_cpus(),
        fewest=fewest if finding.refusal else None,
        command=_command(finding, profile.name, block, count, settings),
    )


def _command(finding: Finding, profile: str, block: int, count: int, settings: Settings) -> str:
    own = f" {settings.own_arguments}" if settings.own_arguments else ""
    which = finding.rerun.partition(" --claims-report=none ")[2]
    return f"pytest -n auto --claims-profile {profile} --claims-seed-block {block} --claims-seeds {count}{own} --claims-report=none {which}"
