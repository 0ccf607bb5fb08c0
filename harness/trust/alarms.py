"""How often the gate fails where nothing has changed: runs on fresh seed blocks, each compared with every other.

Of the same code, every alarm is a false one. Each block in turn is the baseline, and all others are gated runs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import OneLineError
from harness.results.baseline import MARGIN, against, of_run
from harness.results.drift import ALPHA
from harness.results.records import Record, RecordTable, table
from harness.results.schema import Drift, RunResult
from harness.trust.agreement import Key, found_in, read_blocks
from harness.trust.sessions import publish

FEWEST = 10
"""Blocks; with fewer, chance could hide a gate that alarms in one run of ten."""
Held = Mapping[tuple[int, int], Mapping[Key, Drift]]
"""Baseline's and run's place -> how each finding stands."""


def record(blocks: Sequence[RunResult], command: str) -> Record:
    """Compare every block with every other. Raises OneLineError where a finding has no sample to compare."""
    if any(finding.sample is None for block in blocks for finding in block.findings):
        raise OneLineError("a finding has no sample to compare: judge the blocks again")
    held: Held = {
        (i, j): standings(base, run) for i, base in enumerate(blocks) for j, run in enumerate(blocks) if i != j
    }
    red = {pair: any(drift.standing == "regressed" for drift in found.values()) for pair, found in held.items()}
    left = {pair: any(drift.standing == "left" for drift in found.values()) for pair, found in held.items()}
    alarms, leaving, pairs = sum(red.values()), sum(left[pair] or red[pair] for pair in held), len(held)
    first = blocks[0]
    return Record(
        name="alarms",
        title="False alarms of the gate",
        of=f"the claims at profile {first.profile}, seed blocks {', '.join(str(block.seed_block) for block in blocks)}",
        says=(
            f"The same code on {len(blocks)} seed blocks of {len(first.seeds)} seeds that share none, at profile"
            f" {first.profile}: each block in turn was the baseline, and the {len(blocks) - 1} others were gated runs."
            f" At most {ALPHA:.0%} of such runs may fail. Runs that share a block are not independent, so the count"
            " is descriptive; the bound is the test's own."
        ),
        verdict=(
            f"{alarms} of {pairs} gated runs failed ({alarms / pairs:.1%}); in {leaving} ({leaving / pairs:.0%}) a"
            " finding was no longer supported, which alone does not fail a run."
        ),
        ok=alarms <= ALPHA * pairs,
        command=command,
        tables=(_by_finding(blocks, held),),
        data={
            "profile": first.profile,
            "blocks": [block.seed_block for block in blocks],
            "runs": pairs,
            "alarms": alarms,
            "most alarms against one baseline": max(
                sum(red[i, j] for j in range(len(blocks)) if i != j) for i in range(len(blocks))
            ),
            "runs in which a finding left supported": leaving,
            "margin": MARGIN,
        },
        cpu_seconds=round(sum(block.cpu_seconds for block in blocks), 1),
    )


def standings(base: RunResult, run: RunResult) -> dict[Key, Drift]:
    """How each finding of a run stands to a baseline of the other block."""
    baseline = of_run(base)
    drifts = {key: against(finding, baseline) for key, finding in found_in(run).items()}
    return {key: drift for key, drift in drifts.items() if drift is not None}


def main(paths: Sequence[Path], fixture: bool = False) -> int:
    """Print the result, and write the record. Returns an exit code: FAILED where the gate fails too often. Raises
    OneLineError where the runs can't be used."""
    blocks = read_blocks(paths, FEWEST)
    return publish(record(blocks, f"python -m harness alarms {' '.join(map(str, paths))}"), fixture)


def _by_finding(blocks: Sequence[RunResult], held: Held) -> RecordTable:
    rows = []
    for key, first in found_in(blocks[0]).items():
        supported = sum(found_in(block)[key].conclusion == "supported" for block in blocks)
        if not supported:
            continue
        drifts = [found[key] for found in held.values()]
        seen = sorted(drift.seen or 0.0 for drift in drifts if drift.conclusion == "supported")
        left = sum(drift.standing in ("left", "regressed") for drift in drifts)
        alarms = sum(drift.standing == "regressed" for drift in drifts)
        median = f"{seen[len(seen) // 2]:.2g} {first.unit}"
        rows.append([*key, f"{supported} of {len(blocks)}", str(left), str(alarms), median])
    return table(
        title="By finding",
        columns=("claim", "finding", "supported on", "left 'supported'", "false alarms", "smallest drift seen 9 in 10"),
        rows=rows,
        caption="Of the findings that are supported on some block; the drift is the median over the runs.",
    )
