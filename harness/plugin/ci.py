"""Output for CI services: properties in JUnit's file, and the summary of a step on GitHub.

Each item carries its finding as `user_properties`, so that JUnit's file and reporters of other formats have it. Where
GITHUB_STEP_SUMMARY names a file, a summary in Markdown is appended to it. Annotations beside the code are those of
pytest-github-actions-annotate-failures, where that is installed.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from harness.plugin.options import reason
from harness.results.schema import ClaimResult, Finding, RunResult

_FIELDS = (
    *("claim", "system", "hypothesis", "kind", "min_effect", "unit", "conclusion", "reason", "test", "n"),
    *("effect", "lower", "upper", "p", "detectable", "refused", "note", "message", "rerun"),
)
"""The fields of a finding that become properties of its item."""
_LONGEST = 600
"""Characters of one text: a summary takes a megabyte at most, and an exception's message may have any length."""


def add_properties(config: pytest.Config, run: RunResult) -> None:
    """Add the run and its verdicts to JUnit's file."""
    said = {name: getattr(run, name) for name in ("profile", "seed_block", "commit", "command")}
    said["seeds"] = f"{run.seeds[0]} to {run.seeds[-1]}"
    said |= {"baseline": run.baseline.says} if run.baseline else {}
    said |= {f"verdict.{claim.id}": claim.verdict for claim in run.claims}
    for plugin in config.pluginmanager.get_plugins():
        if hasattr(plugin, "add_global_property"):  # JUnit's own has no public name
            for name, value in said.items():
                plugin.add_global_property(name, _plain(value))


def write_summary(run: RunResult) -> str:
    """Append the summary to the step's, if the environment names a file. Returns what went wrong, if anything."""
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(file).open("a", encoding="utf-8", errors="replace") as summary:
                summary.write(step_summary(run))
        except OSError as error:
            return f"the step summary {file} can't be written: {reason(error)}"
    return ""


def properties(finding: Finding) -> list[tuple[str, object]]:
    """An item's finding, as name and text."""
    told = [(name, _plain(getattr(finding, name))) for name in _FIELDS]
    if finding.drift:
        told += [("baseline", finding.drift.standing), ("baseline_says", finding.drift.says)]
    return [(name, text) for name, text in told if text]


def step_summary(run: RunResult) -> str:
    """A run in Markdown: its verdicts, the findings that are not shown to hold, and the commands that repeat them."""
    profile = f"{run.profile} with {', '.join(run.changes)}" if run.changes else run.profile
    said = f"{_counted(claim.verdict for claim in run.claims) or 'no claims'} at {run.profile}"
    said += f"; {run.baseline.says}" if run.baseline else ""
    lines = ["", f"## Claims at {text(profile)}", "", f"{text(said)}.", ""]
    lines += _table(["claim", "verdict", "findings", "baseline"], map(_row_of_claim, run.claims))
    open_ones = [finding for finding in run.findings if not _holds(finding)]
    if open_ones:
        lines += ["", "### Not shown to hold", ""]
        lines += _table(["claim and finding", "conclusion", "effect, bounds", "seeds", "why"], map(_row, open_ones))
        commands = [" ".join(finding.rerun.split()) for finding in open_ones]
        longest = max(map(len, re.findall("`+", "\n".join(commands))), default=0)
        fence = "`" * max(3, longest + 1)
        lines += ["", "To repeat them:", "", f"{fence}sh", *commands, fence]
    commit = f", commit {run.commit}" if run.commit else ""
    seeds = f"Seeds {run.seeds[0]} to {run.seeds[-1]}{commit}"
    return "\n".join([*lines, "", text(f"{seeds}, {run.cpu_seconds / 60:.1f} core-minutes of evidence."), "", ""])


def text(plain: str) -> str:
    """Any text as Markdown that shows it unchanged: each character that could be markup becomes its number."""
    line = " ".join(plain.split())
    short = line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"
    return re.sub(r"[^\w\s,.;%()/+='\"−–-]|_", lambda match: f"&#{ord(match[0])};", short)


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def _row_of_claim(claim: ClaimResult) -> list[str]:
    standings = _counted(finding.standing for finding in claim.findings if finding.standing)
    conclusions = _counted(finding.conclusion for finding in claim.findings)
    return [text(claim.id), f"**{text(claim.verdict)}**", text(conclusions), text(standings or "–")]


def _row(finding: Finding) -> list[str]:
    why = [finding.message or finding.reason, finding.note, finding.drift.says if finding.drift else ""]
    effect = f"{finding.effect:.3g} [{finding.lower:.3g}, {finding.upper:.3g}] {finding.unit}" if finding.test else ""
    word = ", ".join(filter(None, (finding.conclusion, finding.standing)))
    seeds = "+".join(map(str, finding.n))
    name = f"{text(finding.claim)}<br>{text(finding.name)}"
    return [name, text(word), text(effect), seeds, text(" ".join(filter(None, why)))]


def _holds(finding: Finding) -> bool:
    lost = finding.standing in ("left", "regressed", "not comparable")
    return finding.conclusion in ("supported", "smoke") and not lost


def _counted(words: Iterable[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in Counter(words).items())


def _table(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
