"""`python -m harness`: each command is found, and what can't be understood is one line and exit code 4."""

import inspect
import sys
from pkgutil import resolve_name

import pytest

from harness import __main__ as cli
from harness.errors import OneLineError
from harness.evidence.store import StoreError
from harness.trust.sessions import SessionError


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_each_command_calls_a_function_that_takes_its_options(name: str) -> None:
    target, _, options = cli.COMMANDS[name]
    parameters = {str(settings.get("dest", option)).lstrip("-") for option, settings in options.items()}
    parameters -= {"modules"}  # what is imported before the function is called
    inspect.signature(resolve_name(target)).bind(**dict.fromkeys(parameters))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "command"),
        (["foo"], "'foo'"),
        (["evidence"], "COMMAND"),
        (["evidence", "foo"], "'foo'"),
        (["evidence", "show"], "KEY"),
        (["evidence", "ls", "--stale", "--partial"], "--partial"),
        (["evidence", "ls", "a\nb"], "a b"),
        (["bench", "--only"], "--only"),
        (["tune", "--all"], "--all"),
        (["aa", "--replicates", "many"], "'many'"),
        (["agreement"], "FINDINGS.json"),
    ],
)
def test_what_can_not_be_parsed_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, args: list[str], words: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["harness", *args])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out, len(err.splitlines())) == (4, "", 1)
    assert words in err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["bench", "--only", "none"], "'none'"),
        (["controls", "--only", "none"], "'none'"),
        (["controls", "--idle", "nothing"], "'nothing'"),
        (["evidence", "show", "zz", "--evidence", "nowhere"], "nowhere"),
    ],
)
def test_what_nobody_knows_is_one_line_that_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, args: list[str], words: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["harness", *args])
    assert cli.main() == 4
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert words in err


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (OneLineError("what"), 4),
        (StoreError("what"), 3),
        (SessionError("what"), 1),
        (PermissionError(13, "What", "where"), 3),
        (BrokenPipeError(), 0),
    ],
)
def test_each_error_has_its_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, raised: Exception, code: int
) -> None:
    def fail() -> int:
        raise raised

    monkeypatch.setattr("harness.bench.profiling.main", fail)
    monkeypatch.setattr(sys, "argv", ["harness", "profile"])
    if code:
        assert cli.main() == code
        assert "what" in capsys.readouterr().err
    else:
        monkeypatch.setattr(sys, "stderr", open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115  # it is closed
        assert cli.main() == 0


def test_lines_are_printed_as_they_come(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.bench.profiling.main", lambda: iter(["one", "two"]))
    monkeypatch.setattr(sys, "argv", ["harness", "profile"])
    assert cli.main() == 0
    assert capsys.readouterr().out == "one\ntwo\n"
