"""How often the gate alarms where nothing has changed: runs on fresh seed blocks, each held against each other's.

Of the same code, every alarm is a false one. Each block in turn is the baseline, and all others are gated runs.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.results.baseline import MARGIN, Baseline, ClaimEntry, Entry, against
from harness.results.drift import ALPHA
from harness.results.records import Record, Table, leave
from harness.results.schema import Drift
from harness.trust.agreement import AgreementError, Block, read_blocks

FEWEST = 10
"""Blocks; with fewer, chance could hide a gate that alarms in one run of ten."""


def record(blocks: Sequence[Block], command: str) -> Record:
    """Hold every block against every other. Blocks need samples: those of findings.json before schema 2 have none."""
    held = {
        (base.number, run.number): standings(base, run)
        for base in blocks
        for run in blocks
        if base.number != run.number
    }
    red = {pair: [key for key, one in found.items() if one.standing == "regressed"] for pair, found in held.items()}
    left = {pair: [key for key, one in found.items() if one.standing == "left"] for pair, found in held.items()}
    alarms, pairs = sum(map(bool, red.values())), len(held)
    leaving = sum(bool(left[pair] or red[pair]) for pair in held)
    blamed = Counter(key for found in red.values() for key in found)
    worst = max(sum(bool(red[pair]) for pair in held if pair[0] == base.number) for base in blocks)
    return Record(
        name="alarms",
        title="False alarms of the gate",
        says=(
            f"The same code on {len(blocks)} seed blocks of {len(blocks[0].seeds)} seeds that share none, at profile"
            f" {blocks[0].setting['profile']}: each block in turn was the baseline, and the {len(blocks) - 1} others"
            f" were gated runs. At most {ALPHA:.0%} of such runs may fail. Runs that share a block are not independent:"
            " the count describes, the bound is the test's own."
        ),
        verdict=(
            f"{alarms} of {pairs} gated runs failed ({alarms / pairs:.1%}); in {leaving} ({leaving / pairs:.0%}) a"
            " finding left 'supported', which alone does not fail."
        ),
        ok=alarms <= ALPHA * pairs,
        command=command,
        tables=(_by_finding(blocks, held, blamed),),
        data={
            "profile": blocks[0].setting["profile"],
            "blocks": [block.number for block in blocks],
            "runs": pairs,
            "alarms": alarms,
            "most alarms against one baseline": worst,
            "runs in which a finding left supported": leaving,
            "margin": MARGIN,
        },
        cpu_seconds=round(sum(block.cpu_seconds for block in blocks), 1),
    )


def standings(base: Block, run: Block) -> dict[tuple[str, str], Drift]:
    """How each finding of a run stands to a baseline of the other block. Raises AgreementError without samples."""
    if any(finding.sample is None for finding in (*base.findings.values(), *run.findings.values())):
        raise AgreementError(f"{base.path} or {run.path} has findings without a sample: judge them anew")
    claims: dict[str, dict[str, Entry]] = {}
    for (claim, name), finding in base.findings.items():
        claims.setdefault(claim, {})[name] = Entry.of(finding)
    baseline = Baseline(
        created="",
        profile=str(base.setting["profile"]),
        seed_block=base.number,
        seeds=base.seeds,
        claims={claim: ClaimEntry(verdict="INCONCLUSIVE", findings=found) for claim, found in claims.items()},
    )
    found = {key: against(finding, baseline, "") for key, finding in run.findings.items()}
    return {key: one for key, one in found.items() if one is not None}


def main(paths: Sequence[Path], fixture: bool = False) -> int:
    """Print what came out, and write the record.

    Returns the exit code: 0, 1 where the gate alarms too often, 4 where the runs can't be used.
    """
    try:
        if len(paths) < FEWEST:
            raise AgreementError(f"at least {FEWEST} findings.json are held against each other, not {len(paths)}")
        blocks = read_blocks(paths)
        made = record(blocks, f"python -m harness alarms {_places(paths)}")
    except AgreementError as error:
        print(f"error: {error}")
        return 4
    print(made.verdict)
    for path in leave(made, fixture):
        print(f"record: {path}")
    return 0 if made.ok else 1


def _by_finding(
    blocks: Sequence[Block],
    held: Mapping[tuple[int, int], Mapping[tuple[str, str], Drift]],
    blamed: Mapping[tuple[str, str], int],
) -> Table:
    rows: list[list[Any]] = []
    for key in blocks[0].findings:
        supported = sum(block.findings[key].conclusion == "supported" for block in blocks)
        if not supported:
            continue
        seen = sorted(found[key].seen or 0.0 for found in held.values() if found[key].conclusion == "supported")
        left = sum(found[key].standing in ("left", "regressed") for found in held.values())
        unit = blocks[0].findings[key].unit
        counts = [f"{supported} of {len(blocks)}", str(left), str(blamed.get(key, 0))]
        rows.append([*key, *counts, f"{seen[len(seen) // 2]:.2g} {unit}"])
    return Table(
        "By finding",
        ["claim", "finding", "supported on", "left 'supported'", "false alarms", "smallest drift seen 9 times in 10"],
        rows,
        caption="Of the findings that are supported on some block; the drift is the median over the runs.",
    )


def _places(paths: Sequence[Path]) -> str:
    """The folders of one parent in short."""
    parents = {path.parent.parent for path in paths}
    return f"{parents.pop()}/*/{paths[0].name}" if len(parents) == 1 else " ".join(map(str, paths))
