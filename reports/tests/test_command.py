"""`python -m reports`: the report again, two runs, the table of results; and a bad call, which is one line."""

import re
from pathlib import Path

import pytest

from harness.files import FIXTURES, SUITE_ROOT
from harness.results import baseline, history, schema
from harness.results.schema import RunResult
from harness.tests.factory import claim_result, finding, run_result
from reports import numbers, results_table
from reports.__main__ import main
from reports.tests import examples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = run_result()
    schema.write(run, tmp_path / schema.NAME)
    for day in ("11-01", "11-02"):
        history.append(tmp_path / history.NAME, examples.moved(run, 0.0, day))
    return tmp_path


def test_the_report_is_rebuilt_with_the_history_beside_it_and_nothing_is_added(folder: Path) -> None:
    before = (folder / history.NAME).read_bytes()
    assert main(["--findings", str(folder / schema.NAME)]) == 0
    page = (folder / "report.html").read_text("utf-8")
    assert "2 complete runs, all with the same numbers" in page
    assert (folder / history.NAME).read_bytes() == before


def test_two_runs_are_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(folder), str(folder), "--out", str(folder / "two.html")]) == 0
    assert "0 of 1 verdicts differ" in capsys.readouterr().out and (folder / "two.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--findings", "nowhere.json"], "nowhere.json"),
        (["--findings", "broken.json"], "broken.json"),
        (["--findings", schema.NAME, "--history", "nowhere.sqlite"], "nowhere.sqlite"),
        (["--findings", schema.NAME, "--out", "broken.json/report.html"], "broken.json"),
        (["compare", "nowhere", "."], "nowhere"),
        (["compare", "."], "B"),
        (["table", "nowhere.json"], "nowhere.json"),
        (["--odd"], "--odd"),
    ],
)
def test_a_bad_call_is_one_line_that_names_it_and_exit_code_4(
    arguments: list[str], named: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    Path("broken.json").write_text("{", "utf-8")
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 4 and named in line


# the table of results


def run() -> RunResult:
    weak = finding(name="test_it[weak]", system="cart-pole bc", effect=0.1, lower=0.06, upper=0.14)
    strong = finding(name="test_it[strong]", effect=0.9, lower=0.8, upper=1.0)
    same = finding(claim="same", kind="equivalent", effect=0.01, lower=-0.02, upper=0.03)
    against = finding(claim="no", conclusion="contradicted", effect=-0.4, lower=-0.5, upper=-0.3)
    worse = against.replace(name="test_it[worse]", effect=-0.7, lower=-0.8, upper=-0.6)
    claims = (claim_result(strong, weak), claim_result(same), claim_result(against, verdict="REFUTED"))
    return run_result(*claims, claim_result(strong.replace(claim="half"), against, worse, verdict="MIXED"))


def test_a_line_a_claim_has_its_verdict_the_weakest_effect_of_its_side_and_where(tmp_path: Path) -> None:
    schema.write(run(), tmp_path / schema.NAME)
    lines = results_table.of_file(tmp_path / schema.NAME)
    assert len(lines) == 2 + 4 and all(line.count("|") == lines[0].count("|") for line in lines)
    for text in ("`a-claim`", "REPRODUCED", "+0.100 [0.060, 0.140]", "(cart-pole bc)", "2 supported on 2 systems"):
        assert text in lines[2]
    assert "0.90" not in lines[2] and "−0.400" in lines[4] and "1 contradicted" in lines[4]
    assert "−0.700" in lines[5] and "), contradicted |" in lines[5] and "1 supported, 2 contradicted" in lines[5]


def test_a_mean_over_tasks_counts_as_no_system_of_its_own() -> None:
    assert schema.count_systems(["cart-pole bc", "acrobot bc", "cart-pole and acrobot bc", "acrobot bc"]) == 2


def test_the_committed_baselines_table_has_every_claim_with_numbers_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = FIXTURES / "baselines" / "scaled.json"
    assert main(["table"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == results_table.of_file(file)
    for line, (id, claim) in zip(lines[2:], baseline.read(file).claims.items(), strict=True):
        link = re.match(r"\| \[`([a-z0-9-]+)`\]\(([^)]+)\) \|", line)
        assert link and link[1] == id and claim.verdict in line
        assert f'claim("{id}"' in re.sub(r"claim\(\s+", "claim(", (SUITE_ROOT / link[2]).read_text("utf-8"))
        effects = [numbers.effect(e.effect, [e.lower, e.upper], sign=True) for e in claim.findings.values()]
        assert any(effect in line for effect in effects)


def test_the_readmes_table_is_that_of_the_committed_baseline() -> None:
    readme = (SUITE_ROOT / "README.md").read_text("utf-8")
    table = readme.partition("<!-- results: python -m reports table -->")[2].partition("<!-- /results -->")[0]
    assert table.strip().splitlines() == results_table.of_file(FIXTURES / "baselines" / "scaled.json")
