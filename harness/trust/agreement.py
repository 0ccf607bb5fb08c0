"""Agreement of seed blocks: whether fresh seeds lead to the same conclusions.

A finding that only one block of seeds shows is a finding about these seeds. Runs of the same claims at the same profile
on different blocks (`--claims-seed-block N`) are laid side by side, each against the first.
"""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from harness.errors import OneLineError
from harness.results.records import Record, RecordEntry, Tone, entry, table
from harness.results.schema import Finding, RunResult, read
from harness.trust.sessions import in_words, publish

SHARE = 0.9
"""Of the findings, at least so many must agree with the first block's."""
Key = tuple[str, str]
"""Claim and name of a finding."""


def read_blocks(paths: Sequence[Path], fewest: int = 2) -> list[RunResult]:
    """The runs in these findings.json, in the order given.

    Raises OneLineError where there are fewer than `fewest`, one holds what was not judged, or they differ in anything
    but their seeds; FindingsError where one can't be read.
    """
    if len(paths) < fewest:
        raise OneLineError(f"give at least {fewest} findings.json, each of another --claims-seed-block")
    blocks = [_read(path) for path in paths]
    for (path, one), (other_path, other) in combinations(zip(paths, blocks, strict=True), 2):
        where = f"{path} and {other_path}"
        for name in ("profile", "changes", "seeds"):  # a control is among the changes
            this, that = (getattr(run, name) if name != "seeds" else len(run.seeds) for run in (one, other))
            if this != that:
                raise OneLineError(f"{where} differ in {name}: {this!r} and {that!r}")
        if one.seed_block == other.seed_block or set(one.seeds) & set(other.seeds):
            raise OneLineError(f"{where} have the same seeds, block {one.seed_block}")
        if parted := sorted(found_in(one).keys() ^ found_in(other).keys()):
            raise OneLineError(f"of {where} only one has {' '.join(parted[0])}")
    return blocks


def found_in(run: RunResult) -> dict[Key, Finding]:
    """Its findings."""
    return {(finding.claim, finding.name): finding for finding in run.findings}


def record(blocks: Sequence[RunResult], command: str) -> Record:
    """How far the blocks agree: each with the first, and no two saying the opposite."""
    first, *others = blocks
    found = {key: [found_in(block)[key] for block in blocks] for key in found_in(first)}
    agreeing = {
        block.seed_block: sum(each[place].conclusion == each[0].conclusion for each in found.values())
        for place, block in enumerate(others, start=1)
    }
    turned = [key for key, each in found.items() if _opposed(each)]
    told = ", ".join(f"block {number} in {count} of {len(found)}" for number, count in agreeing.items())
    heads = [f"block {block.seed_block}" for block in blocks]
    return Record(
        name="agreement",
        title="Agreement of seed blocks",
        of=f"the claims at profile {first.profile}, seed blocks {', '.join(str(block.seed_block) for block in blocks)}",
        says=(
            f"The same claims, at profile {first.profile}, judged on {len(blocks)} blocks of {len(first.seeds)} seeds"
            f" that share none. At least {SHARE:.0%} of the findings of each block must come to the same conclusion as"
            f" on block {first.seed_block}, and none may be supported on one block and contradicted on another."
        ),
        verdict=(
            f"Agreement with block {first.seed_block}: {told}. Supported on one block and contradicted on another:"
            f" {', '.join(map(' '.join, turned)) or 'none'}."
        ),
        ok=not turned and all(count >= SHARE * len(found) for count in agreeing.values()),
        command=command,
        tables=(
            table(
                title="Verdicts by seed block",
                columns=("claim", *heads),
                rows=[
                    [claims[0].id, *(entry(c.verdict, tone=_TONES.get(c.verdict, "none")) for c in claims)]
                    for claims in zip(*(sorted(block.claims, key=lambda c: c.id) for block in blocks), strict=True)
                ],
            ),
            table(
                title="Findings by seed block",
                columns=("claim", "finding", *heads, "agree"),
                rows=[[*key, *map(_entry, each), _agreement(each)] for key, each in found.items()],
                caption="Effect and one-sided 97.5 % bounds, in the finding's unit.",
            ),
        ),
        data={
            "profile": first.profile,
            "blocks": [block.seed_block for block in blocks],
            "findings": len(found),
            "agreeing": {str(number): count for number, count in agreeing.items()},
            "turned": list(map(list, turned)),
        },
        cpu_seconds=round(sum(block.cpu_seconds for block in blocks), 1),
    )


def main(paths: Sequence[Path], fixture: bool = False) -> int:
    """Compare, print the result, and write the record. Returns an exit code: FAILED where the blocks disagree.
    Raises OneLineError."""
    blocks = read_blocks(paths)
    for key, first in found_in(blocks[0]).items():
        each = [found_in(block)[key] for block in blocks]
        if any(finding.conclusion != first.conclusion for finding in each):
            print(f"differs: {' '.join(key)}: {', '.join(f'{f.conclusion} ({in_words(f)})' for f in each)}")
    return publish(record(blocks, f"python -m harness agreement {' '.join(map(str, paths))}"), fixture)


def _read(path: Path) -> RunResult:
    run = read(path)
    for finding in run.findings:
        if not finding.judged:
            raise OneLineError(f"{path} holds a finding that was not judged ({finding.conclusion}): {finding.name}")
    if not run.findings:
        raise OneLineError(f"{path} holds no finding")
    return run


def _opposed(findings: Sequence[Finding]) -> bool:
    return {"supported", "contradicted"} <= {finding.conclusion for finding in findings}


def _entry(finding: Finding) -> RecordEntry:
    tone = _TONES.get(finding.conclusion, "none")
    return entry(f"{finding.conclusion}, {in_words(finding)}", tone=tone, detail=finding.reason)


def _agreement(findings: Sequence[Finding]) -> RecordEntry:
    if len({finding.conclusion for finding in findings}) == 1:
        return entry("yes", tone="good")
    return entry("opposite", tone="bad") if _opposed(findings) else entry("no", tone="mixed")


_TONES: dict[str, Tone] = {
    **{"supported": "good", "contradicted": "bad", "equivalent": "mixed", "underpowered": "weak"},
    **{"REPRODUCED": "good", "REFUTED": "bad", "MIXED": "mixed", "INCONCLUSIVE": "weak"},
}
