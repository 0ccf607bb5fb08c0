"""findings.json: where it is written, and that its schema says all that is in it."""

import json
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from harness.results.findings_file import SCHEMA, SCHEMA_FILE
from jsonschema import Draft202012Validator

from harness.results.schema import Finding
from harness.tests.evidence.processes import run_pytest
from harness.tests.plugin.test_junit import made_of_numbers
from harness.tests.plugin.test_plugin import BODIES, OK, TINY, TREE, USAGE, Project, header, project

DOCUMENT: dict[str, Any] = json.loads(SCHEMA_FILE.read_text("utf-8"))
FIGURES = ("returns", "inputs", "layers", "learning", "sizes")


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of a run with claims of each conclusion, each chart and each statistic of a sample."""
    made = project(tmp_path_factory.mktemp("findings") / "project", conftest=TINY, ini={"profile": '"tiny"'})
    for name, body in BODIES.items():
        made.add(name, body)
    made.add("ranks", "judge.holds_out_longer(breaks(3.0), breaks(1.0), min_effect=0.1)")
    made.add("spreads", "judge.spreads_wider(levels(3.0), levels(1.0), min_effect=0.1, unit='return')")
    for figure in FIGURES[1:]:
        made.add(figure, "judge.greater(difference(0.2), min_effect=0.05, sensitivity={'other': difference(0.1)})")
        path = made.folder / "claims" / f"test_{figure}.py"
        path.write_text(path.read_text().replace("systems=1)", f'systems=1, figure="{figure}")'))
    helpers = """
from harness.statistics import Censored


def breaks(mean):
    values = mean + np.cos(np.arange(20))
    return Censored(values, np.zeros(20, bool), values > 3)


def levels(width):
    return width * np.random.default_rng(0).normal(size=(20, 3))


@pytest.mark.parametrize"""
    for name in ("ranks", "spreads"):
        path = made.folder / "claims" / f"test_{name}.py"
        path.write_text(path.read_text().replace("\n@pytest.mark.parametrize", helpers, 1))
    ran = made.run()
    assert made.conclusions().keys() == {*BODIES, *FIGURES[1:], "ranks", "spreads"}, ran.text
    return made.summary()


def findings(summary: dict[str, Any]) -> list[dict[str, Any]]:
    return [finding for claim in summary["claims"] for finding in claim["findings"]]


def problems(summary: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(DOCUMENT).iter_errors(summary)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(DOCUMENT)


def test_a_run_is_as_the_schema_says(summary: dict[str, Any]) -> None:
    assert {finding["conclusion"] for finding in findings(summary)} >= {
        *("supported", "contradicted", "equivalent", "underpowered", "error", "not run")
    }
    assert {finding["chart"]["kind"] for finding in findings(summary) if finding["chart"]} == set(FIGURES)
    samples = {finding["sample"]["statistic"] for finding in findings(summary) if finding["sample"]}
    assert samples == {"mean", "holds out", "spread"}
    assert any(claim["would_decide"] for claim in summary["claims"])
    assert problems(summary) == []


def test_what_other_runs_add_is_in_the_schema(summary: dict[str, Any]) -> None:
    """A baseline and a partial run, as harness/verdict.py and harness/plugin/outcome.py describe them."""
    baseline = {
        **{"standing": "regressed", "conclusion": "supported", "effect": 0.5, "lower": 0.1, "upper": "Infinity"},
        **{"n": [20], "drift": -0.5, "p": 0.001, "seen": 0.2, "margin": 0.1, "says": "It is gone."},
    }
    (first, *rest) = summary["claims"]
    claim = first | {"findings": [finding | {"baseline": baseline} for finding in first["findings"]]}
    of_run = {
        **{"file": "b.json", "gate": True, "created": "2026-11-22T16:48:38+00:00", "commit": None, "seed_block": 0},
        **{"standings": {"regressed": 1}, "unused": [], "says": "", "failed": True},
    }
    partial = {"cells": 1, "of_cells": 2, "levels": 3, "of_levels": 4, "share": 0.5}
    assert problems(summary | {"claims": [claim, *rest], "baseline": of_run, "partial": partial}) == []


def test_a_gated_run_is_as_the_schema_says(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", **{name: BODIES[name] for name in ("supported", "underpowered")})
    made.run("--claims-report=none", "--claims-update-baseline", "--claims-baseline=b.json")
    made.add("new", BODIES["supported"])
    made.run("--claims-gate", "--claims-baseline=b.json")
    assert {finding["baseline"]["standing"] for finding in findings(made.summary())} == {"holds", "as recorded", "new"}
    assert problems(made.summary()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": SCHEMA + 1},
        {"more": 1},
        {"seeds": []},
        {"cpu_seconds": "NaN"},
        {"partial": {"cells": 1}},
        {"claims": [{}]},
        {"commit": 7},
    ],
    ids=str,
)
def test_what_is_not_a_run_is_none_by_the_schema(summary: dict[str, Any], wrong: dict[str, Any]) -> None:
    assert problems(summary | wrong)


def test_a_finding_with_an_undocumented_field_is_none_by_the_schema(summary: dict[str, Any]) -> None:
    claim = summary["claims"][0]
    wrong = claim | {"findings": [claim["findings"][0] | {"more": 1}]}
    assert problems(summary | {"claims": [wrong]})


def test_the_schema_names_the_fields_of_a_finding_and_no_others() -> None:
    described = DOCUMENT["$defs"]["finding"]
    names = [field.name for field in fields(Finding)]
    assert sorted(described["properties"]) == sorted(names)
    assert sorted(described["required"]) == sorted(names)


def test_the_schema_is_of_the_version_that_is_written() -> None:
    assert DOCUMENT["properties"]["schema"]["const"] == SCHEMA


def objects(schema: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """All parts of the schema that describe an object, conditions aside."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and "type" in schema:
            yield place, schema
        for name, held in schema.items():
            yield from objects(held, f"{place}/{name}")


def test_every_field_of_every_object_is_described_and_no_object_takes_more() -> None:
    found = dict(objects(DOCUMENT))
    assert len(found) > 10
    for place, schema in found.items():
        assert schema["additionalProperties"] is False, place
        for name, described in schema["properties"].items():
            assert described.get("description", "").endswith("."), f"{place}: {name}"


def test_the_schema_is_shipped() -> None:
    data = tomllib.loads((TREE / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert any(fnmatch(SCHEMA_FILE.name, pattern) for pattern in data[SCHEMA_FILE.parent.name])


# Where it is written


@pytest.fixture
def made(tmp_path: Path) -> Project:
    return made_of_numbers(tmp_path / "project", supported=BODIES["supported"])


def written(made: Project) -> set[str]:
    """The JSON files that are there, but for evidence, what is kept for other profiles, and pytest's own."""
    found = (path.relative_to(made.folder) for path in made.folder.rglob("*.json"))
    return {str(path) for path in found if not {"evidence", "scales", "pytest_cache"} & set(path.parts)}


def test_findings_can_be_had_without_a_report(made: Project) -> None:
    ran = made.run("--claims-report=none", "--claims-findings=out/found.json")
    assert ran.code == OK, ran.text
    assert written(made) == {"out/found.json"}
    assert json.loads((made.folder / "out" / "found.json").read_text())["claims"][0]["verdict"] == "REPRODUCED"
    assert not list(made.folder.rglob("*.html"))
    assert f"findings: {made.folder}/out/found.json" in ran.text


def test_a_report_can_be_had_without_findings(made: Project) -> None:
    assert made.run("--claims-findings=none").code == OK
    assert written(made) == set()
    assert (made.folder / ".claims" / "report.html").exists()


def test_findings_lie_beside_the_report_unless_they_are_named(made: Project) -> None:
    assert made.run("--claims-report=there/report.html").code == OK
    assert written(made) == {"there/findings.json"}


def test_a_path_of_pyproject_starts_at_the_root_and_a_smoke_run_stays_apart(made: Project) -> None:
    settings = made.folder / "pyproject.toml"
    settings.write_text(
        settings.read_text().replace('profile = "tiny"', 'profile = "tiny"\nfindings = "out/found.json"')
    )
    below = made.folder / "claims"
    assert run_pytest(below, "--claims-report=none").code == OK
    assert run_pytest(below, "--claims-report=none", "--claims-profile=smoke").code == OK
    assert run_pytest(below, "--claims-report=none", "--claims-findings=mine.json").code == OK
    assert written(made) == {"out/found.json", "out/smoke/found.json", "claims/mine.json"}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ["--claims-findings=file/found.json"],
            ["the findings", "file/found.json can't be written", "--claims-findings"],
        ),
        (["--claims-findings=claims"], ["claims can't be written", "--claims-findings"]),
        (["--claims-findings=.claims/report.html"], ["one file", "--claims-findings"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("--") else "",
)
def test_findings_that_can_not_be_written_are_refused_before_anything_is_judged(
    made: Project, args: list[str], words: list[str]
) -> None:
    (made.folder / "file").write_text("")
    ran = made.run(*args)
    assert ran.code == USAGE, ran.text
    (line,) = [line for line in ran.text.splitlines() if "error" in line.lower()]
    for word in words:
        assert word in line
    assert "Traceback" not in ran.text
    assert written(made) == set()


def test_an_existing_file_after_a_space_does_not_hide_the_project(made: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "found.json").write_text("{}")
    ran = made.run("--claims-list", "--claims-findings", str(tmp_path / "elsewhere" / "found.json"))
    assert ran.code == OK, ran.text
    assert f"rootdir: {made.folder}" in ran.text
    assert header(ran).startswith("claims: profile tiny")
    shutil.rmtree(tmp_path / "elsewhere")
