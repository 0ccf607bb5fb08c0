"""The plugin beside other plugins: whatever is installed and switched on, findings and exit codes are the same.

Here few of them are installed; the nightly workflow installs all, with the oldest and the newest pytest (.ci/matrix).
"""

from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.tests.plugin.projects import BODIES, FAILED, NO_RESULT, OK, Project, header, made_of_numbers, timeless

OPTIONS = {
    "pytest_benchmark": ("--benchmark-json=.claims/benchmark.json",),
    "pytest_cov": ("--cov=harness", "--cov-report="),
    "pytest_html": ("--html=.claims/tests.html",),
    "pytest_jsonreport": ("--json-report", "--json-report-file=.claims/tests.json"),
    "pytest_profiling": ("--profile", "--pstats-dir=.claims/profiles"),
    "pytest_randomly": ("--randomly-seed=3",),
    "pytest_reportlog": ("--report-log=.claims/log.json",),
    "pytest_rerunfailures": ("--reruns=1",),
    "pytest_sugar": ("--force-sugar",),
    "pytest_timeout": ("--timeout=100",),
}
"""What switches a plugin on, by its module."""
SWITCHED_ON = [option for module, options in OPTIONS.items() if find_spec(module) for option in options]


@pytest.fixture(scope="module")
def each(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with one claim of each outcome."""
    return made_of_numbers(tmp_path_factory.mktemp("each") / "project", *BODIES)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_findings_and_exit_code_are_the_same_beside_other_plugins(each: Project, workers: str) -> None:
    alone = each.run(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert alone.code == NO_RESULT, alone.text
    expected = timeless(each.summary())
    beside = each.run("-n", workers, *SWITCHED_ON, COVERAGE_FILE=f"{each.folder}/.claims/coverage")
    assert beside.code == NO_RESULT, beside.text
    assert timeless(each.summary()) == expected
    assert "INTERNALERROR" not in beside.text


USERS_OPTIONS = ("report", "profile", "seed", "seed-block", "baseline", "gate", "plan", "list", "finished")


def test_a_conftest_may_declare_options_of_its_own_with_the_plain_names(tmp_path: Path) -> None:
    declared = f"""
def pytest_addoption(parser):
    for name in {USERS_OPTIONS}:
        parser.addoption(f"--{{name}}")
        parser.addini(name.replace("-", "_"), "of the user's")

def pytest_report_header(config):
    return "theirs: " + " ".join(str(config.getoption(name.replace("-", "_"))) for name in {USERS_OPTIONS})
"""
    made = made_of_numbers(tmp_path / "project", "supported", "underpowered")
    conftest = made.folder / "conftest.py"
    conftest.write_text(conftest.read_text() + declared)
    theirs = [f"--{name}=x" for name in USERS_OPTIONS]
    for args, code in ([], OK), (["--claims-strict", "--claims-seed-block=1", "-n", "2"], FAILED):
        ran = made.run("-p", "no:profiling", *args, *theirs)  # which has a --profile of its own
        assert ran.code == code, ran.text
        assert f"theirs: {' '.join('x' for _ in theirs)}" in ran.text
        assert "profile tiny" in header(ran) and (", strict" in header(ran)) == bool(args)


def test_an_option_cut_short_is_unknown(each: Project) -> None:
    """So that no option of somebody else's that begins alike is taken for one of the claims'."""
    for short in ("--claims-prof=smoke", "--claims-str", "--clai=supported"):
        assert each.run(short).code == 4, short
