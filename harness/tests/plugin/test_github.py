"""What GitHub Actions is told of a run: annotations, and a summary of the step that no text of a claim can break."""

import copy
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from harness.plugin.github import Place, annotations, command, level, step_summary, text

from harness.plugin.gate import BASELINE
from harness.results.schema import Finding
from harness.tests.evidence.processes import Ran, run_pytest
from harness.tests.plugin.projects import made_of_numbers
from harness.tests.plugin.projects import BODIES, FAILED, OK, Project

HOSTILE = "<script>alert(1)</script> | `a` %0A ::error::x\n::stop-commands::y\r[b](c) **d** &amp; @e #1 www:f"


def finding(claim: str, conclusion: Any, **others: Any) -> dict[str, Any]:
    nodeid = f"claims/test_{claim}.py::test_it"
    held = Finding(claim, "test_it", nodeid, "cart-pole bc", "It is so.", "greater", 0.1, "return", conclusion)
    numbers = {"test": "sign-flip", "n": [20], "effect": 0.2, "lower": 0.1, "upper": math.inf}
    return replace(held, **{"reason": "It is.", "rerun": f'pytest "{nodeid}"', **numbers, **others}).to_json()


def settings(**others: Any) -> Any:
    """What `fails` asks of them."""
    return SimpleNamespace(
        **{"strict": False, "gate": False, "update_baseline": False, "not_comparable": "skip"} | others
    )


def stands(standing: str) -> dict[str, Any]:
    return {"standing": standing, "says": f"It {standing}."}


def summary(*findings: dict[str, Any], unused: Sequence[str] = ()) -> dict[str, Any]:
    """Of a run with a claim for each finding."""
    baseline = {"says": "compared", "unused": list(unused)} if any(f["baseline"] for f in findings) else None
    claims = [{"id": f["claim"], "verdict": "MIXED", "findings": [f]} for f in findings]
    run = {"profile": "scaled", "changes": [], "seeds": [0, 1], "commit": "abc", "cpu_seconds": 60.0}
    return {**run, "baseline": baseline, "claims": claims}


@pytest.mark.parametrize(
    ("conclusion", "standing", "given", "expected"),
    [
        ("supported", None, {}, None),
        ("underpowered", None, {}, None),
        ("equivalent", None, {}, None),
        ("smoke", None, {"strict": True}, None),
        ("contradicted", None, {}, "error"),
        ("error", None, {}, "error"),
        ("not run", None, {}, "error"),
        ("underpowered", None, {"strict": True}, "error"),
        ("underpowered", "regressed", {"gate": True}, "error"),
        ("contradicted", "new", {"gate": True}, "error"),
        ("contradicted", "as recorded", {"gate": True}, None),
        ("contradicted", "as recorded", {}, None),
        ("underpowered", "left", {"gate": True}, "warning"),
        ("supported", "not comparable", {"gate": True}, "warning"),
        ("supported", "not comparable", {"gate": True, "not_comparable": "fail"}, "error"),
        ("supported", "holds", {"gate": True}, None),
        ("supported", "recovered", {"gate": True}, None),
        ("underpowered", "new", {"gate": True}, None),
    ],
    ids=str,
)
def test_a_finding_is_annotated_by_what_it_does_to_the_run(
    conclusion: str, standing: str | None, given: dict[str, Any], expected: str | None
) -> None:
    found = finding("one", conclusion, baseline=stands(standing) if standing else None)
    assert level(Finding.from_json(found), settings(**given)) == expected


def test_annotations_name_file_line_and_claim_errors_first_and_count_last() -> None:
    run = summary(
        finding("left", "underpowered", baseline=stands("left")),
        finding("fine", "supported", baseline=stands("holds")),
        finding("lost", "contradicted", baseline=stands("regressed")),
    )
    places = {"claims/test_lost.py::test_it": Place("claims/test_lost.py", 28)}
    assert list(annotations(run, places, settings(gate=True))) == [
        "::error file=claims/test_lost.py,line=28,title=lost contradicted%2C regressed::test_it: It is. It regressed."
        '%0Apytest "claims/test_lost.py::test_it"',
        '::warning title=left underpowered%2C left::test_it: It is. It left.%0Apytest "claims/test_left.py::test_it"',
        "::notice title=claims::3 MIXED at scaled; compared",
    ]


def test_an_entry_of_the_baseline_that_no_claim_uses_is_an_error() -> None:
    run = summary(finding("fine", "supported", baseline=stands("holds")), unused=["gone test_it"])
    told = next(annotations(run, {}, settings()))
    assert told == "::error title=baseline::gone test_it: no claim uses it any more; --claims-update-baseline drops it"


def test_no_text_ends_a_command_or_begins_another() -> None:
    told = command("error", "50 %\r\n::error::x", title="a:b,c%\n::d", line=3)
    assert told == "::error title=a%3Ab%2Cc%25%0A%3A%3Ad,line=3::50 %25%0D%0A::error::x"
    hostile = finding(HOSTILE, "error", name=HOSTILE, message=HOSTILE, rerun=HOSTILE)
    for line in annotations(summary(hostile), {}, settings()):
        assert len(line.splitlines()) == 1
        properties = re.fullmatch(r"::(?:error|notice) title=([^:,]*)::.*", line)
        assert properties, line


def test_a_text_of_any_length_is_cut() -> None:
    assert len(command("error", "x" * 10_000_000)) < 1000
    assert len(text("|" * 10_000_000)) < 10_000


def test_no_text_breaks_the_summary() -> None:
    hostile = finding(HOSTILE, "error", name=HOSTILE, message=HOSTILE, unit=HOSTILE, rerun=f"```\n{HOSTILE}\n````")
    hostile["baseline"] = {"standing": "left", "says": HOSTILE}
    run = summary(hostile) | {"commit": HOSTILE, "changes": [HOSTILE]}
    page = step_summary(run)
    prose, fence, commands, end, rest = re.split(r"(?m)^(`{5,})(?:sh)?$", page)
    assert fence == end
    assert len(commands.strip().splitlines()) == 1
    shown = (prose + rest).replace("<br>", "")
    assert not re.search(r"[<>`\[\]@]|&(?!#\d+;)|(?<!&)#[a-z\d]", shown), shown
    tables = [line for line in shown.splitlines() if line.startswith("|")]
    assert [line.count("|") for line in tables] == [5, 5, 5, 6, 6, 6]
    assert not shown.replace("**MIXED**", "").count("*")


def test_the_summary_has_verdicts_what_does_not_hold_and_how_to_repeat_it() -> None:
    run = summary(
        finding("fine", "supported", baseline=stands("holds")),
        finding("left", "underpowered", baseline=stands("left")),
    )
    page = step_summary(run)
    assert "| fine | **MIXED** | 1 supported | 1 holds |" in page
    assert "| left | **MIXED** | 1 underpowered | 1 left |" in page
    below = page.split("### Not shown to hold")[1]
    effect = "0.2 &#91;0.1, inf&#93; return"
    assert f"| left<br>test&#95;it | underpowered, left | {effect} | 20 | It is. It left. |" in below
    assert 'pytest "claims/test_left.py::test_it"' in below
    assert "fine" not in below
    assert "Seeds 0 to 1, commit abc, 1.0 core-minutes of evidence." in below


def test_a_run_that_holds_has_nothing_to_repeat() -> None:
    assert "```" not in step_summary(summary(finding("fine", "supported")))


# The whole


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """In a folder of a repository."""
    names = ("supported", "contradicted")
    return made_of_numbers(tmp_path_factory.mktemp("repository") / "project", **{name: BODIES[name] for name in names})


def in_actions(made: Project, *args: str, **env: str) -> Ran:
    here = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(made.folder.parent)}
    return run_pytest(made.folder, "--claims-report=none", *args, env=here | env)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_the_controlling_process_alone_annotates_and_summarises(made: Project, tmp_path: Path, workers: str) -> None:
    page = tmp_path / "summary.md"
    page.write_text("what an earlier step said\n")
    ran = in_actions(made, "-n", workers, GITHUB_STEP_SUMMARY=str(page))
    assert ran.code == FAILED, ran.text
    told = [line for line in ran.text.splitlines() if line.startswith("::")]
    source = (made.folder / "claims" / "test_contradicted.py").read_text().splitlines()
    line = source.index("def test_it(judge):") + 1
    assert len(told) == 2
    assert told[0].startswith(f"::error file=project/claims/test_contradicted.py,line={line},title=contradicted ")
    assert told[1] == "::notice title=claims::1 REFUTED, 1 REPRODUCED at tiny"
    written = page.read_text()
    assert written.startswith("what an earlier step said\n")
    assert written.count("## Claims at tiny") == 1


def test_a_summary_that_can_not_be_written_is_one_line_and_fails_nothing(made: Project, tmp_path: Path) -> None:
    ran = in_actions(made, "-k", "supported", GITHUB_STEP_SUMMARY=str(tmp_path / "nowhere" / "summary.md"))
    assert ran.code == OK, ran.text
    (line,) = [line for line in ran.text.splitlines() if "nowhere" in line]
    assert "can't be written: no such file or directory" in line
    assert "Traceback" not in ran.text


def test_what_was_not_judged_is_an_error_too(made: Project, tmp_path: Path) -> None:
    stopped = made_of_numbers(tmp_path / "project", stopped="raise KeyboardInterrupt")
    ran = in_actions(stopped)
    assert ran.code == pytest.ExitCode.INTERRUPTED
    assert "::error title=claims::the run ended before its claims were judged" in ran.text.splitlines()


def test_a_baseline_of_another_profile_is_an_error(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", supported=BODIES["supported"])
    made.run("--claims-report=none", "--claims-update-baseline", "--claims-baseline=b.json")
    ran = in_actions(made, "--claims-gate", "--claims-baseline=b.json", "--claims-set", "pruning.rate=0.3")
    assert ran.code == BASELINE, ran.text
    (told,) = [line for line in ran.text.splitlines() if line.startswith("::")]
    assert told.startswith("::error title=claims::claim supported is not comparable with ")
    assert "pruning.rate=0.3" in told


def test_elsewhere_and_where_it_is_turned_off_nothing_is_told(made: Project, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    for ran in (
        made.run("--claims-report=none"),
        in_actions(made, "-p", "no:claims-ci", GITHUB_STEP_SUMMARY=str(page)),
    ):
        assert not [line for line in ran.text.splitlines() if line.startswith("::")]
    assert not page.exists()


def test_telling_says_nothing_to_github(made: Project, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    ran = in_actions(made, "--claims-list", GITHUB_STEP_SUMMARY=str(page))
    assert ran.code == OK
    assert "::" not in ran.text
    assert not page.exists()


def test_a_summary_is_made_of_what_a_run_says_and_changes_none_of_it() -> None:
    run = summary(finding("left", "underpowered", baseline=stands("left")))
    before = copy.deepcopy(run)
    step_summary(run)
    list(annotations(run, {}, settings()))
    assert run == before
