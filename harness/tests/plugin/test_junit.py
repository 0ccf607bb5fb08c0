"""What a JUnit file says of the claims: the same from workers and from one process, whatever their texts hold."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.plugin.junit import PROPERTIES, properties

from harness.tests.evidence.processes import Ran
from harness.tests.plugin.projects import BODIES, FAILED, OK, TINY, USAGE, Project, project

HOSTILE = "]]> <script>&\x00\x1b \"' %0A"
HOSTILE_ID = "a]]><b>&\x01"


def made_of_numbers(folder: Path, **bodies: str) -> Project:
    """A project of claims that need no evidence."""
    made = project(folder, conftest=TINY, ini={"profile": '"tiny"'})
    for name, body in bodies.items():
        made.add(name, body)
        path = made.folder / "claims" / f"test_{name}.py"
        text = path.read_text().replace('@pytest.mark.parametrize("run", [ticket_run("cart-pole", "bc")])\n', "")
        path.write_text(text.replace("(run, judge)", "(judge)"))
    return made


@dataclass(frozen=True)
class Written:
    """A JUnit file, the run that wrote it and its findings by claim."""

    path: Path
    ran: Ran
    summary: dict[str, Any]

    @property
    def suite(self) -> dict[str, str]:
        """Properties of the test suite."""
        return pairs(ET.parse(self.path).getroot().find("testsuite/properties"))

    @property
    def items(self) -> dict[str, dict[str, str]]:
        """Those of each item, by claim."""
        held = [pairs(found) for found in ET.parse(self.path).getroot().iterfind(".//testcase/properties")]
        return {found["claim"]: found for found in held}

    @property
    def findings(self) -> dict[str, dict[str, Any]]:
        return {claim["id"]: claim["findings"][0] for claim in self.summary["claims"]}


def pairs(properties: ET.Element | None) -> dict[str, str]:
    assert properties is not None
    return {entry.attrib["name"]: entry.attrib["value"] for entry in properties}


def run(made: Project, *args: str) -> Written:
    ran = made.run("--junitxml=.claims/junit.xml", *args)
    return Written(made.folder / ".claims" / "junit.xml", ran, made.summary())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Written]:
    """By number of workers: runs of claims of each kind, one of them hostile, one ending its worker."""
    bodies = {name: BODIES[name] for name in ("supported", "contradicted", "underpowered")}
    bodies["hostile"] = f"raise LookupError({HOSTILE!r})"
    found = {}
    for workers in ("0", "2"):
        made = made_of_numbers(tmp_path_factory.mktemp("junit") / "project", **bodies)
        path = made.folder / "claims" / "test_hostile.py"
        path.write_text(path.read_text().replace('claim("hostile"', f"claim({HOSTILE_ID!r}"))
        if workers == "2":
            made.add("crashing", "import os; os._exit(7)")
            crashing = made.folder / "claims" / "test_crashing.py"
            text = crashing.read_text()
            text = text.replace('@pytest.mark.parametrize("run", [ticket_run("cart-pole", "bc")])\n', "")
            crashing.write_text(text.replace("(run, judge)", "(judge)"))
        found[workers] = run(made, "-n", workers)
    return found


def test_each_item_carries_its_finding_as_properties(written: dict[str, Written]) -> None:
    for of_workers in written.values():
        for name in ("supported", "contradicted", "underpowered"):
            finding, told = of_workers.findings[name], of_workers.items[name]
            assert told["conclusion"] == finding["conclusion"] == name
            for number in ("effect", "lower", "upper", "p", "min_effect"):
                assert float(told[number]) == finding[number]
            assert told["n"] == "20"
            assert told["unit"] == "normalised return"
            assert told["rerun"] == finding["rerun"]


def test_workers_and_one_process_write_the_same_properties(written: dict[str, Written]) -> None:
    alone, together = written["0"].items, written["2"].items
    assert len(alone) == 4
    assert {name: told for name, told in together.items() if name != "crashing"} == alone


def test_the_suite_says_what_was_run_and_its_verdicts(written: dict[str, Written]) -> None:
    for of_workers in written.values():
        suite, summary = of_workers.suite, of_workers.summary
        assert suite["profile"] == "tiny"
        assert suite["seed_block"] == "0"
        assert suite["seeds"] == "0 to 2"
        assert suite["commit"] == summary["commit"]
        assert suite["command"] == summary["command"]
        verdicts = {f"verdict.{claim['id']}".replace("\x01", "#x01"): claim["verdict"] for claim in summary["claims"]}
        assert {name: value for name, value in suite.items() if name.startswith("verdict.")} == verdicts


def test_hostile_text_leaves_valid_xml(written: dict[str, Written]) -> None:
    told = written["2"].items[HOSTILE_ID.replace("\x01", "#x01")]
    assert told["conclusion"] == "error"
    assert told["message"] == "LookupError: ]]> <script>&#x00#x1B \"' %0A"


def test_what_no_encoding_can_hold_is_told_in_another_way(written: dict[str, Written]) -> None:
    finding = written["0"].findings["supported"] | {"message": "half of a pair \ud800"}
    assert dict(properties(finding))["message"] == "half of a pair #xD800"


def test_an_item_that_took_its_worker_along_has_its_finding(written: dict[str, Written]) -> None:
    found = written["2"]
    assert found.ran.code not in (OK, USAGE), found.ran.text
    assert found.items["crashing"]["conclusion"] == found.findings["crashing"]["conclusion"] != "supported"
    (case,) = [c for c in ET.parse(found.path).getroot().iter("testcase") if "crashing" in c.attrib["classname"]]
    assert "crashed" in str(case.find("error").attrib["message"])  # type: ignore[union-attr]


def test_an_item_that_never_ran_is_an_error_with_its_finding(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", contradicted=BODIES["contradicted"], supported=BODIES["supported"])
    found = run(made, "-x")
    assert found.ran.code == FAILED, found.ran.text
    assert found.items["supported"]["conclusion"] == "not run"
    suite = ET.parse(found.path).getroot().find("testsuite")
    assert suite is not None
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["errors"]) == ("2", "1", "1")


def test_an_item_carries_how_it_stands_to_a_baseline(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", supported=BODIES["supported"])
    made.run("--claims-report=none", "--claims-update-baseline", "--claims-baseline=b.json")
    found = run(made, "--claims-gate", "--claims-baseline=b.json")
    assert found.ran.code == OK, found.ran.text
    assert found.items["supported"]["baseline"] == "holds"
    assert found.items["supported"]["baseline_says"] == found.findings["supported"]["baseline"]["says"]
    assert found.suite["baseline"] == found.summary["baseline"]["says"]


def test_every_field_that_is_told_is_one_of_a_finding(written: dict[str, Written]) -> None:
    assert set(PROPERTIES) <= set(written["0"].findings["supported"])


def test_a_file_that_can_not_be_written_is_refused_before_anything_is_judged(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", supported=BODIES["supported"])
    (made.folder / "file").write_text("")
    ran = made.run("--junitxml=file/junit.xml")
    assert ran.code == USAGE, ran.text
    (line,) = [line for line in ran.text.splitlines() if "can't be written" in line]
    assert "file/junit.xml" in line
    assert "--junitxml" in line
    assert "Traceback" not in ran.text
    assert not list((made.folder / ".claims").rglob("findings.json"))


def test_no_file_is_written_where_none_is_asked_for(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", supported=BODIES["supported"])
    assert made.run("--claims-report=none").code == OK
    assert not list(made.folder.rglob("*.xml"))
