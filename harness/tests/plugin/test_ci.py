"""What a CI service is told of a run: properties in JUnit's file, and a summary that no text of a claim can break."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.plugin.ci import properties, step_summary, text
from harness.results.schema import RunResult
from harness.tests.evidence.processes import Ran
from harness.tests.factory import claim_result, drift, finding, run_result
from harness.tests.plugin.projects import NO_RESULT, OK, Project, made_of_numbers

HOSTILE = "<script>alert(1)</script> | `a` %0A ::error::x\n::stop-commands::y\r[b](c) **d** &amp; @e #1 www:f"
NOT_XML = "]]> <script>&\x00\x1b \"' %0A"


def run_of(*findings: object, **changes: object) -> RunResult:
    return run_result(*(claim_result(found) for found in findings), **changes)  # type: ignore[arg-type]


# The summary of a step


def test_no_text_breaks_the_summary() -> None:
    hostile = dict.fromkeys(("claim", "name", "message", "unit"), HOSTILE)
    found = finding(conclusion="error", rerun=f"```\n{HOSTILE}\n````", drift=drift("left", says=HOSTILE), **hostile)
    page = step_summary(run_of(found, commit=HOSTILE, changes=(HOSTILE,)))
    prose, fence, commands, end, rest = re.split(r"(?m)^(`{5,})(?:sh)?$", page)
    assert fence == end
    assert len(commands.strip().splitlines()) == 1
    shown = (prose + rest).replace("<br>", "")
    assert not re.search(r"[<>`\[\]@]|&(?!#\d+;)|(?<!&)#[a-z\d]", shown), shown
    tables = [line for line in shown.splitlines() if line.startswith("|")]
    assert [line.count("|") for line in tables] == [5, 5, 5, 6, 6, 6]
    assert len(text("|" * 10_000_000)) < 10_000


def test_the_summary_has_verdicts_what_does_not_hold_and_how_to_repeat_it() -> None:
    fine, left = finding(claim="fine"), finding(claim="left", conclusion="underpowered", drift=drift("left"))
    page = step_summary(run_of(fine, left))
    verdicts, _, below = page.partition("### Not shown to hold")
    assert re.search(r"\| fine \| \*\*REPRODUCED\*\* \| 1 supported \|", verdicts)
    assert re.search(r"\| left \| \*\*INCONCLUSIVE\*\* \| 1 underpowered \| 1 left \|", verdicts)
    assert left.rerun in below and "0.2 &#91;0.1, 0.3&#93; normalised return" in below
    assert fine.rerun not in below
    assert "commit 0123abc" in below
    assert "```" not in step_summary(run_of(fine)), "a run that holds has nothing to repeat"


# The whole


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    found = made_of_numbers(tmp_path_factory.mktemp("ci") / "project", "supported", "contradicted")
    found.add("hostile", f"raise LookupError({NOT_XML!r})", runs="")
    return found


@pytest.fixture(scope="module")
def runs(made: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Ran, RunResult, Path]]:
    """By number of workers: the run, its findings, and the folder of junit.xml and summary.md."""
    found = {}
    for workers in ("0", "2"):
        folder = tmp_path_factory.mktemp("out")
        (folder / "summary.md").write_text("what an earlier step said\n")
        args = ("-n", workers, f"--junitxml={folder}/junit.xml")
        ran = made.run(*args, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(folder / "summary.md"))
        found[workers] = ran, made.summary(), folder
    return found


def pairs(element: ET.Element | None) -> dict[str, str]:
    assert element is not None
    return {entry.attrib["name"]: entry.attrib["value"] for entry in element}


def test_each_item_carries_its_finding_alike_from_workers_and_from_one_process(
    runs: dict[str, tuple[Ran, RunResult, Path]],
) -> None:
    told = {}
    for workers, (ran, run, folder) in runs.items():
        assert ran.code == NO_RESULT, ran.text
        root = ET.parse(folder / "junit.xml").getroot()
        items = [pairs(found) for found in root.iterfind(".//testcase/properties")]
        told[workers] = {item["claim"]: item for item in items}
        for found in run.findings:
            item = told[workers][found.claim]
            assert item["conclusion"] == found.conclusion
            assert item["rerun"] == found.rerun
            if found.judged:
                assert float(item["effect"]) == found.effect and item["n"] == "20"
        suite = pairs(root.find("testsuite/properties"))
        assert (suite["profile"], suite["command"]) == ("tiny", run.command)
        verdicts = {f"verdict.{claim.id}": claim.verdict for claim in run.claims}
        assert {name: value for name, value in suite.items() if name.startswith("verdict.")} == verdicts
    assert told["0"] == told["2"]
    assert len(told["0"]) == 3


def test_the_controlling_process_alone_summarises(runs: dict[str, tuple[Ran, RunResult, Path]]) -> None:
    for _, _, folder in runs.values():
        page = (folder / "summary.md").read_text()
        assert page.startswith("what an earlier step said\n")
        assert page.count("## Claims at tiny") == 1


def test_what_can_not_be_written_is_one_line_and_fails_nothing(made: Project, tmp_path: Path) -> None:
    page = tmp_path / "nowhere" / "summary.md"
    ran = made.run("-k", "supported", GITHUB_STEP_SUMMARY=str(page))
    assert ran.code == OK, ran.text
    (line,) = [line for line in ran.text.splitlines() if str(page) in line]
    assert "no such file" in line


def test_an_item_carries_how_it_stands_to_a_baseline() -> None:
    told = dict(properties(finding(drift=drift("holds"))))
    assert told["baseline"] == "holds"
    assert told["baseline_says"] == drift("holds").says
