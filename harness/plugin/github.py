"""What GitHub Actions shows of a run: annotations beside the code, and a summary of the step.

Where GITHUB_ACTIONS is "true", workflow commands are printed after the verdicts: an error for each finding that fails
the run, a warning for each that left "supported" or can't be compared, a notice with the counts. Where
GITHUB_STEP_SUMMARY names a file, a summary in Markdown is appended to it. `-p no:claims-github` turns both off.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from harness.plugin.gate import fails
from harness.plugin.loop import is_worker, reporter
from harness.plugin.options import Settings
from harness.plugin.suite import Suite
from harness.results.schema import Finding, RunResult

Level = Literal["error", "warning", "notice"]
LONGEST = 600
"""Characters of one text: a page takes a megabyte at most, and an exception's message may be as long as it likes."""


@dataclass(frozen=True)
class Place:
    """Where a test stands: its file, relative to the repository, and its line, from 1 on."""

    file: str
    line: int


def register(config: pytest.Config, suite: Suite) -> None:
    """Add the plugin, where the environment asks for it and this process is the controlling one."""
    annotates = os.environ.get("GITHUB_ACTIONS") == "true"
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if (annotates or summary) and not is_worker(config):
        repository = Path(os.environ.get("GITHUB_WORKSPACE") or config.rootpath)
        plugin = GitHub(config, suite, repository, annotates, Path(summary) if summary else None)
        config.pluginmanager.register(plugin, "claims-github")


class GitHub:
    """The plugin, in the controlling process.

    repository: the folder of its checkout. summary_file: None where no summary is asked for.
    """

    def __init__(
        self, config: pytest.Config, suite: Suite, repository: Path, annotates: bool, summary_file: Path | None
    ):
        self._config, self._suite, self._repository = config, suite, repository
        self._annotates, self._summary_file = annotates, summary_file
        self._places: dict[str, Place] = {}
        self._summary: Mapping[str, Any] | None = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember where the tests stand; one of another place than the repository is no annotation's."""
        root = self._repository.resolve()
        for item in session.items:
            if item.path.is_relative_to(root) and (line := item.location[1]) is not None:
                self._places[item.nodeid] = Place(item.path.relative_to(root).as_posix(), line + 1)

    def pytest_claims_finished(self, run: RunResult) -> None:
        """See `harness.plugin.hooks`."""
        self._summary = run.plain()

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Say why a run ended by `pytest.exit`, as where the baseline is not comparable: no summary follows."""
        if self._annotates and isinstance(excinfo.value, pytest.exit.Exception):
            reporter(self._config).write_line(command("error", str(excinfo.value), title="claims"))

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        """Print the annotations and append the summary."""
        if self._summary is None:
            if self._annotates and self._suite.judges and exitstatus != pytest.ExitCode.OK:
                why = self._suite.unusable or "the run ended before its claims were judged"
                terminalreporter.write_line(command("error", why, title="claims"))
            return
        if self._annotates:
            for line in annotations(self._summary, self._places, self._suite.settings):
                terminalreporter.write_line(line)
        if self._summary_file:
            try:
                with self._summary_file.open("a", encoding="utf-8", errors="replace") as file:
                    file.write(step_summary(self._summary))
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                terminalreporter.write_line(
                    f"claims: the step's summary {self._summary_file} can't be written: {reason}", yellow=True
                )


def annotations(summary: Mapping[str, Any], places: Mapping[str, Place], settings: Settings) -> Iterator[str]:
    """A run's workflow commands, errors first: GitHub shows the first ten of a level.

    places: of the tests, by nodeid.
    """
    told = [
        finding for finding in _findings(summary) if not (summary.get("partial") and finding["conclusion"] == "not run")
    ]
    levels = [(level(Finding.model_validate(finding), settings), finding) for finding in told]
    for wanted in ("error", "warning"):
        for found, finding in levels:
            if found == wanted:
                place = places.get(finding["nodeid"])
                where: dict[str, str | int] = {"file": place.file, "line": place.line} if place else {}
                yield command(found, _message(finding), **where, title=f"{finding['claim']} {_word(finding)}")
    for entry in (summary["baseline"] or {}).get("unused", ()):
        yield command(
            "error", f"{entry}: no claim uses it any more; --claims-update-baseline drops it", title="baseline"
        )
    yield command("notice", _counts(summary), title="claims")


def level(finding: Finding, settings: Settings) -> Level | None:
    """How much a finding matters to who looks at a run; None for one that is as it should be, or undecided."""
    if finding.conclusion in ("error", "not run") or fails(finding, settings):
        return "error"
    standing = finding.standing
    return "warning" if standing in ("left", "not comparable") else None


def command(kind: Level, message: str, **properties: str | int) -> str:
    """A workflow command, escaped as GitHub's toolkit does: no text of a finding ends it or begins another."""
    told = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{kind} {told}::{_data(_short(message))}"


def step_summary(summary: Mapping[str, Any]) -> str:
    """A run in Markdown: its verdicts, the findings that are not shown to hold, and the commands that repeat these."""
    profile = " with ".join([summary["profile"], *([", ".join(summary["changes"])] if summary["changes"] else [])])
    lines = ["", f"## Claims at {text(profile)}", ""]
    lines += [f"{text(_counts(summary))}.", ""]
    lines += _rows(
        ["claim", "verdict", "findings", "baseline"],
        [
            [text(claim["id"]), f"**{text(claim['verdict'])}**", text(_tally(claim)), text(_standings(claim))]
            for claim in summary["claims"]
        ],
    )
    open_ones = [finding for finding in _findings(summary) if not _holds(finding)]
    if open_ones:
        lines += ["", "### Not shown to hold", ""]
        lines += _rows(
            ["claim and finding", "came out", "effect, bounds", "seeds", "why"],
            [
                [
                    f"{text(finding['claim'])}<br>{text(finding['name'])}",
                    text(_word(finding)),
                    text(_effect(finding)),
                    "+".join(map(str, finding["n"])),
                    text(_why(finding)),
                ]
                for finding in open_ones
            ],
        )
        lines += ["", "To repeat them:", "", *_fenced([_one_line(finding["rerun"]) for finding in open_ones])]
    told = [
        f"Seeds {summary['seeds'][0]} to {summary['seeds'][-1]}",
        f"commit {summary['commit']}" if summary["commit"] else "",
    ]
    told += [f"{summary['cpu_seconds'] / 60:.1f} core-minutes of evidence"]
    lines += ["", text(", ".join(filter(None, told)) + "."), ""]
    return "\n".join(lines) + "\n"


def text(plain: str) -> str:
    """Any text as Markdown that shows it and nothing else: whatever could be markup is a character's number."""
    return re.sub(r"[^\w\s,.;%()/+='\"−–-]|_", lambda match: f"&#{ord(match[0])};", _short(_one_line(plain)))


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(_short(value)).replace(":", "%3A").replace(",", "%2C")


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]} …"


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _findings(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [finding for claim in summary["claims"] for finding in claim["findings"]]


def _standing(finding: Mapping[str, Any]) -> str:
    return str(finding["drift"]["standing"]) if finding["drift"] else ""


def _holds(finding: Mapping[str, Any]) -> bool:
    unlike = ("left", "regressed", "not comparable")
    return finding["conclusion"] in ("supported", "smoke") and _standing(finding) not in unlike


def _word(finding: Mapping[str, Any]) -> str:
    """What it came to, and how that stands to the baseline."""
    return ", ".join(filter(None, (finding["conclusion"], _standing(finding))))


def _why(finding: Mapping[str, Any]) -> str:
    said = [finding["message"] or finding["reason"], finding["note"]]
    said += [finding["drift"]["says"]] if finding["drift"] else []
    return " ".join(filter(None, map(_one_line, said)))


def _message(finding: Mapping[str, Any]) -> str:
    return f"{finding['name']}: {_why(finding)}\n{finding['rerun']}"


def _effect(finding: Mapping[str, Any]) -> str:
    if not finding["test"]:
        return ""
    effect, lower, upper = (f"{float(finding[name]):.3g}" for name in ("effect", "lower", "upper"))
    return f"{effect} [{lower}, {upper}] {finding['unit']}"


def _counts(summary: Mapping[str, Any]) -> str:
    """The verdicts of a run in one line, and what the baseline says."""
    verdicts = _counted(claim["verdict"] for claim in summary["claims"])
    said = f"{verdicts or 'no claims'} at {summary['profile']}"
    return f"{said}; {summary['baseline']['says']}" if summary["baseline"] else said


def _tally(claim: Mapping[str, Any]) -> str:
    return _counted(finding["conclusion"] for finding in claim["findings"])


def _standings(claim: Mapping[str, Any]) -> str:
    return _counted(filter(None, map(_standing, claim["findings"]))) or "–"


def _counted(words: Any) -> str:
    return ", ".join(f"{count} {word}" for word, count in Counter(words).items())


def _rows(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"


def _fenced(lines: list[str]) -> list[str]:
    """A block of code whose fence is longer than any within."""
    longest = max((len(run) for run in re.findall("`+", "\n".join(lines))), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sh", *lines, fence]
