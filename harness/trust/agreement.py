"""Agreement of seed blocks: whether fresh seeds say again what the first ones said.

A finding that only one block of seeds shows is a finding about these seeds. Runs of the same claims at the same profile
on different blocks (`--claims-seed-block N`) are laid side by side, each against the first.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from harness.results.records import Entry, Record, Table, Tone, leave
from harness.results.schema import Finding, FindingsError, read

SHARE = 0.9
"""Of the findings, at least so many must agree with the first block's."""
ALIKE = ("profile", "changes", "control")
"""What the runs may not differ in."""


class AgreementError(Exception):
    """These runs can't be compared; the message is one line."""


@dataclass(frozen=True)
class Block:
    """One run of the claims: findings by claim and name, verdicts by claim."""

    number: int
    seeds: tuple[int, ...]
    findings: dict[tuple[str, str], Finding]
    verdicts: dict[str, str]
    setting: dict[str, Any]
    cpu_seconds: float
    commit: str
    path: Path


def read_blocks(paths: Sequence[Path]) -> list[Block]:
    """The runs behind these findings.json, in the order given.

    Raises AgreementError where there are fewer than two, one can't be read or holds what was not judged, or they
    differ in anything but their seeds.
    """
    if len(paths) < 2:
        raise AgreementError("at least two findings.json are compared, each of another --claims-seed-block")
    blocks = [_read(path) for path in paths]
    first = blocks[0]
    for block in blocks[1:]:
        for name in ALIKE:
            if block.setting[name] != first.setting[name]:
                said = " and ".join(json.dumps(each.setting[name]) for each in (first, block))
                raise AgreementError(f"{first.path} and {block.path} differ in {name}: {said}")
        if len(block.seeds) != len(first.seeds):
            raise AgreementError(
                f"{first.path} and {block.path} differ in seeds: {len(first.seeds)} and {len(block.seeds)}"
            )
        for one, other in ((first, block), (block, first)):
            if missing := [key for key in one.findings if key not in other.findings]:
                raise AgreementError(
                    f"{other.path} lacks {len(missing)} of the findings of {one.path}: {' '.join(missing[0])}"
                )
    for one, other in combinations(blocks, 2):
        if one.number == other.number or set(one.seeds) & set(other.seeds):
            raise AgreementError(f"{one.path} and {other.path} are of the same seeds, block {one.number}")
    return blocks


def record(blocks: Sequence[Block], command: str) -> Record:
    """How far the blocks agree: each against the first, and no two saying the opposite."""
    first, *others = blocks
    shares = {block.number: _agreeing(first, block) for block in others}
    turned = [key for key in first.findings if _opposed([block.findings[key] for block in blocks])]
    total = len(first.findings)
    told = ", ".join(f"block {number} in {count} of {total}" for number, count in shares.items())
    opposite = ", ".join(map(" ".join, turned)) or "none"
    return Record(
        name="agreement",
        title="Agreement of seed blocks",
        says=(
            f"The same claims, at profile {first.setting['profile']}, judged on {len(blocks)} blocks of"
            f" {len(first.seeds)} seeds that share none. At least {SHARE:.0%} of the findings of each block must come"
            f" to the same conclusion as on block {first.number}, and none may be supported on one block and"
            " contradicted on another."
        ),
        verdict=f"With block {first.number} agree: {told}. Supported here and contradicted there: {opposite}.",
        ok=not turned and all(count >= SHARE * total for count in shares.values()),
        command=command,
        tables=(_verdicts(blocks), _findings(blocks)),
        data={
            "profile": first.setting["profile"],
            "blocks": [block.number for block in blocks],
            "commits": [block.commit for block in blocks],
            "findings": total,
            "agreeing": {str(number): count for number, count in shares.items()},
            "turned": list(map(list, turned)),
        },
        cpu_seconds=round(sum(block.cpu_seconds for block in blocks), 1),
    )


def main(paths: Sequence[Path], fixture: bool = False) -> int:
    """Compare, print what came out, and write the record.

    Returns the exit code: 0, 1 where the blocks disagree, 4 where they can't be compared.
    """
    try:
        blocks = read_blocks(paths)
    except AgreementError as error:
        print(f"error: {error}")
        return 4
    made = record(blocks, f"python -m harness agreement {' '.join(map(str, paths))}")
    for key in blocks[0].findings:
        found = [block.findings[key] for block in blocks]
        if len({finding.conclusion for finding in found}) > 1:
            said = ", ".join(f"{finding.conclusion} ({_numbers(finding)})" for finding in found)
            print(f"differs: {' '.join(key)}: {said}")
    print(made.verdict)
    for path in leave(made, fixture):
        print(f"record: {path}")
    return 0 if made.ok else 1


def _read(path: Path) -> Block:
    try:
        run = read(path)
    except FindingsError as error:
        raise AgreementError(str(error)) from None
    found = run.findings
    block = Block(
        run.seed_block,
        run.seeds,
        {(finding.claim, finding.name): finding for finding in found},
        {claim.id: claim.verdict for claim in run.claims},
        {name: getattr(run, name) for name in ALIKE},
        run.cpu_seconds,
        str(run.commit),
        path,
    )
    for finding in found:
        if finding.conclusion in ("not run", "error", "smoke"):
            raise AgreementError(f"{path} holds what was not judged ({finding.conclusion}): {finding.name}")
    if not found or len(found) > len(block.findings):
        raise AgreementError(f"{path} holds {'two findings of one name' if found else 'no finding'}")
    return block


def _agreeing(first: Block, other: Block) -> int:
    return sum(other.findings[key].conclusion == finding.conclusion for key, finding in first.findings.items())


def _opposed(findings: Sequence[Finding]) -> bool:
    return {"supported", "contradicted"} <= {finding.conclusion for finding in findings}


def _verdicts(blocks: Sequence[Block]) -> Table:
    first = blocks[0]
    return Table(
        "Verdicts by seed block",
        ["claim", *_heads(blocks)],
        [
            [name, *(Entry(block.verdicts[name], _VERDICT_TONES.get(block.verdicts[name], "none")) for block in blocks)]
            for name in first.verdicts
        ],
    )


def _findings(blocks: Sequence[Block]) -> Table:
    rows: list[list[Entry | str]] = []
    for key in blocks[0].findings:
        found = [block.findings[key] for block in blocks]
        entries = [
            Entry(f"{finding.conclusion}, {_numbers(finding)}", _TONES.get(finding.conclusion, "none"), finding.reason)
            for finding in found
        ]
        alike = len({finding.conclusion for finding in found}) == 1
        last = Entry("yes", "good") if alike else Entry("opposite", "bad") if _opposed(found) else Entry("no", "mixed")
        rows.append([key[0], key[1], *entries, last])
    return Table(
        "Findings by seed block",
        ["claim", "finding", *_heads(blocks), "agree"],
        rows,
        caption="Effect and one-sided 97.5 % bounds, in the finding's unit.",
    )


def _heads(blocks: Sequence[Block]) -> list[str]:
    return [f"block {block.number}" for block in blocks]


def _numbers(finding: Finding) -> str:
    return f"{finding.effect:+.3g} [{finding.lower:.3g}, {finding.upper:.3g}]"


_TONES: dict[str, Tone] = {
    "supported": "good",
    "contradicted": "bad",
    "equivalent": "mixed",
    "underpowered": "weak",
}
_VERDICT_TONES: dict[str, Tone] = {
    "REPRODUCED": "good",
    "REFUTED": "bad",
    "MIXED": "mixed",
    "INCONCLUSIVE": "weak",
}
