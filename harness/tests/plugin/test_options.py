"""Options and keys: what is in effect, and what is refused in one line before anything is trained."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.files import FIXTURES
from harness.plugin import options
from harness.profiles.profile import PROFILES
from harness.tests.plugin.projects import OK, Project, assert_refused, header, made_of_numbers, project

pytest_plugins = ["pytester"]


@pytest.fixture
def settings(pytester: pytest.Pytester) -> Callable[..., options.Settings]:
    """Reads the settings of a command line, in this process."""

    def read(*args: str, ini: str = "") -> options.Settings:
        pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\n{ini}")
        return options.read(pytester.parseconfig("-p", "harness.plugin", *args))

    return read


Read = Callable[..., options.Settings]


def test_settings_come_from_pyproject_and_the_command_line_wins(settings: Read, pytester: pytest.Pytester) -> None:
    keys = ('profile = "extended"', 'seed_block = "7"', 'evidence = "here"', 'report = "there.html"', "strict = true")
    ini = "\n".join(f"claims_{key}" for key in keys)
    given, here = settings(ini=ini), pytester.path
    assert (given.profile.name, given.block, given.strict) == ("extended", 7, True)
    assert (given.evidence, given.report) == (here / "here", here / "there.html")
    assert given.findings == here / "findings.json"
    given = settings(
        "--claims-profile=paper", "--claims-seed-block=1", "--claims-evidence=e", "--claims-report=none", ini=ini
    )
    assert (given.profile.name, given.block) == ("paper", 1)
    assert (given.evidence, given.report, given.findings) == (here / "e", None, None)


def test_a_path_on_the_command_line_starts_where_the_user_stands_and_one_of_pyproject_at_the_root(
    settings: Read, pytester: pytest.Pytester
) -> None:
    below = pytester.mkdir("below")
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\n")
    pytester.path.joinpath("below").joinpath("empty").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(below)
        given = options.read(pytester.parseconfig("-p", "harness.plugin", "--claims-evidence=e"))
    assert given.evidence == below / "e"
    assert given.report == pytester.path / ".claims" / "report.html"


def test_smoke_runs_and_controls_leave_the_last_verdicts_and_the_evidence_of_real_ones_alone(
    settings: Read, pytester: pytest.Pytester
) -> None:
    here = pytester.path / ".claims"
    smoke = settings("--claims-profile=smoke")
    assert (smoke.report, smoke.evidence, smoke.history) == (here / "smoke" / "report.html", here / "evidence", None)
    broken = settings("--claims-control=random-mask", "--claims-set=pruning.shuffle=rows")
    assert broken.evidence == here / "controls" / "evidence"
    assert broken.report == here / "controls" / "report.html"
    assert broken.history == here / "controls" / "history.sqlite"
    assert "--claims-set pruning.shuffle=rows --claims-control random-mask" in broken.own_arguments
    assert settings("--claims-control=random-mask", "--claims-report=r.html").report == pytester.path / "r.html"


def test_of_several_changes_of_one_field_the_last_counts(settings: Read) -> None:
    ini = 'claims_set = ["pruning.criterion=random", "pruning.rate=0.3"]'
    given = settings("--claims-set=pruning.rate=0.5", ini=ini)
    assert [str(override) for override in given.profile.overrides] == ["pruning.criterion=random", "pruning.rate=0.5"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--claims-profile=huge"], ["'huge'", ", ".join(PROFILES)]),
        (["--claims-profile="], ["''"]),
        *(([f"--claims-seed-block={text}"], ["seed block", repr(text)]) for text in ("-1", "two", "", "1.5", "²")),
        (["--claims-seed-block=1000"], ["seed block 1000"]),
        (["--claims-seeds=0"], ["number of seeds", "'0'"]),
        (["--claims-seeds=1001"], ["number of seeds", "1000"]),
        (["--claims-control=nonsense"], ["'nonsense'", "random-mask", "shuffled"]),
        (["--claims-set=nonsense"], ["PART.FIELD=VALUE"]),
        (["--claims-not-comparable=pass"], ["--claims-not-comparable", "compare", "'pass'"]),
        (["--claims-drift-margin=-1"], ["--claims-drift-margin", "'-1'"]),
        (["--claims-drift-margin=nan"], ["--claims-drift-margin", "'nan'"]),
        (["--claims-findings=.claims/report.html"], ["--claims-findings"]),
    ],
    ids=str,
)
def test_a_bad_value_is_refused_and_named(settings: Read, args: list[str], words: list[str]) -> None:
    with pytest.raises(pytest.UsageError) as caught:
        settings(*args)
    (line,) = str(caught.value).splitlines()
    assert all(word in line for word in words)


def test_every_option_stands_in_one_group_and_has_the_prefix(pytester: pytest.Pytester) -> None:
    parser = pytester.parseconfig("-p", "harness.plugin")._parser
    (group,) = (group for group in parser._groups if group.name == "claims")
    names = [name for option in group.options for name in option.names()]
    assert {"--claims-profile", "--claims-evidence", "--claims-gate", "--claims-plan", "--claim"} <= set(names)
    assert all(name.startswith("--claims-") for name in names if name != "--claim")
    profiles = next(option for option in group.options if "--claims-profile" in option.names())
    assert all(name in str(profiles.attrs()["help"]) for name in PROFILES)


# From the shell: exit code 4, one line, and nothing trained or written


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project with one claim of the tree."""
    found = project(tmp_path / "project", "test_ticket_effect.py", draws=False)
    (found.folder / "file").write_text("")
    return found


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--claim", "ticket-effect,nonsense"], ["'nonsense'", "ticket-effect"]),
        (["--claims-cell", "0000000000"], ["'0000000000'", "--claims-plan"]),
        (["--claims-evidence=file/below"], ["file/below", "--claims-evidence"]),
        (["--claims-report=claims"], ["claims", "--claims-report"]),
        (["--claims-set=pruning.rate=2"], ["pruning"]),
        (["--claims-set=learner.nonsense=64"], ["learner.nonsense=64 changes nothing here"]),
        (["-n", "2", "--claims-evidence=file/below"], ["file/below", "--claims-evidence"]),
    ],
    ids=" ".join,
)
def test_a_bad_option_is_one_line_before_any_training_and_before_workers_start(
    made: Project, args: list[str], words: list[str]
) -> None:
    ran = made.run("--claims-profile=smoke", *args)
    assert "initialized" not in ran.text, "xdist says so of a worker that has started"
    assert_refused(made, ran, *words)


@pytest.mark.parametrize(
    ("claim", "change", "word"),
    [
        ("kaiming-biases-layers", "pruning.rate=0.2", "density 0.1"),
        ("kaiming-biases-layers", "network.hidden=4", "fan-in"),
    ],
)
def test_what_a_claim_needs_is_checked_before_any_training(tmp_path: Path, claim: str, change: str, word: str) -> None:
    made = project(tmp_path / "project", f"test_{claim.replace('-', '_')}.py")
    assert_refused(made, made.run("--claims-profile=smoke", f"--claims-set={change}"), claim, word)


def test_a_claim_that_declares_an_unknown_control_is_refused(made: Project) -> None:
    module = made.folder / "claims" / "test_ticket_effect.py"
    module.write_text(module.read_text().replace('"no-learning"', '"no-laerning"'))
    assert_refused(made, made.run("--claims-profile=smoke"), "ticket-effect", "'no-laerning'", "no-learning")


@pytest.mark.parametrize("file", ["experts/cart-pole/01.safetensors", "references/cart-pole-500.json"])
def test_an_unsound_fixture_is_one_line_before_any_training(tmp_path: Path, file: str) -> None:
    fixtures = tmp_path / "fixtures"
    for part in ("experts/cart-pole", "references"):
        shutil.copytree(FIXTURES / part, fixtures / part)
    (fixtures / file).write_bytes((fixtures / file).read_bytes()[:-100])
    elsewhere = (
        f"\nimport pathlib\n\nimport harness.files\n\nharness.files.FIXTURES = pathlib.Path({str(fixtures)!r})\n"
    )
    elsewhere += "import harness.learners.expert_files, harness.tasks.references\n"
    elsewhere += "for module in (harness.learners.expert_files, harness.tasks.references):\n"
    elsewhere += "    module.FIXTURES = harness.files.FIXTURES\n"
    made = project(tmp_path / "project", "test_ticket_effect.py", conftest=elsewhere)
    ran = made.run("--claims-profile=smoke", "-k", "cart-pole-bc")
    assert_refused(made, ran, file, "git", "python -m harness experts")


# What the line of settings says


def test_the_settings_are_told_after_the_collection_and_kept_quiet_by_q(tmp_path: Path) -> None:
    made = made_of_numbers(tmp_path / "project", "supported")
    ran = made.run("--claims-seed-block=1", "--claims-strict", "--claims-report=none", "--claims-findings=out/f.json")
    assert ran.code == OK, ran.text
    told = header(ran)
    assert all(said in told for said in ("tiny", "1000 to 1002", str(made.evidence), "none", "strict"))
    assert not list((made.folder / ".claims").rglob("*.html")) + list(made.folder.rglob("findings.json"))
    assert (made.folder / "out" / "f.json").exists()
    assert "seeds 0 to 2" not in made.run("-q").text
