import io
from pathlib import Path

import pytest
from rich.console import Console

from stack.cli import make_parser
from stack.commands.run import foreground_invocation, runnable
from stack.commands.show_lines import show_lines
from stack.errors import StackError
from stack.paths import Layout
from stack.product.applications import Application, make_applications
from tests.unit.stack.test_operate import ADDRESSES


@pytest.fixture
def applications(tmp_path: Path) -> list[Application]:
    return make_applications(Layout(tmp_path), ADDRESSES)


def test_address_and_settings_are_those_of_the_stack_s_own(applications: list[Application]) -> None:
    catalog = runnable(applications, "catalog")
    shell = {"TERM": "xterm", "LOG_LEVEL": "DEBUG", "PORT": "1", "DATABASE_URL": "postgresql://other"}
    invocation = foreground_invocation(catalog, shell, debug=False)
    assert invocation.command == catalog.command()
    assert invocation.environment == {**catalog.environment, "TERM": "xterm", "LOG_LEVEL": "DEBUG"}
    assert "MIGRATION_DATABASE_URL" not in invocation.environment


def test_a_debugger_runs_the_same_module(applications: list[Application]) -> None:
    invocation = foreground_invocation(runnable(applications, "gateway"), {}, debug=True)
    assert invocation.command[1:] == ["-m", "pdb", "-m", "gateway"]


def test_another_name_is_refused_with_those_that_there_are(applications: list[Application]) -> None:
    with pytest.raises(StackError, match=r"Unknown process 'redis'. The processes are catalog, .*gateway"):
        runnable(applications, "redis")


def test_lines_are_shown_readable_and_kept_as_they_are(tmp_path: Path) -> None:
    log, shown = tmp_path / "catalog.log", io.StringIO()
    log.write_text("before\n")
    line = b'{"time": "2026-11-28T21:00:00+00:00", "level": "INFO", "message": "serving"}\n'
    show_lines("catalog", io.BytesIO(line), log, Console(file=shown))
    assert log.read_bytes() == b"before\n" + line
    assert shown.getvalue().splitlines() == [
        "2026-11-28 21:00:00.000 INFO     catalog    serving",
        "catalog has ended; the stack starts its own again.",
    ]


def test_help_of_every_command_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("run", "logs", "psql", "verify", "rebuild", "dead-letters", "unit", "test", "fix", "token"):
        with pytest.raises(SystemExit) as ended:
            make_parser().parse_args([command, "--help"])
        assert ended.value.code == 0
        assert f"usage: ./dev {command}" in capsys.readouterr().out
