from pathlib import Path

import pytest

from stack.cli import make_parser
from stack.commands.operate import known_service, operator_invocation, psql_invocation
from stack.config.addresses import Addresses, ServiceAddresses
from stack.errors import StackError
from stack.paths import Layout
from stack.product.applications import make_applications
from stack.servers.credentials import load_credentials
from stack.services import SERVICE_NAMES

ADDRESSES = Addresses(
    "http://127.0.0.1:1",
    "redis://r",
    "amqp://administrator@b",
    {
        name: ServiceAddresses(
            "http://127.0.0.1:2",
            f"postgresql://{name}:p%40ss@h:5/{name}?sslmode=require",
            f"postgresql://{name}_owner:o@h:5/{name}",
            f"amqp://{name}@b",
        )
        for name in SERVICE_NAMES
    },
)


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_an_operator_s_command_may_change_schema_and_queues(tmp_path: Path, service: str) -> None:
    invocation = operator_invocation(Layout(tmp_path), ADDRESSES, "dead-letters", service, ["list", "--json"])
    assert invocation.command[1:] == ["-m", f"services.{service}", "dead-letters", "list", "--json"]
    assert invocation.environment["MIGRATION_DATABASE_URL"] == f"postgresql://{service}_owner:o@h:5/{service}"
    assert invocation.environment["MIGRATION_AMQP_URL"] == "amqp://administrator@b"
    assert invocation.environment["DATABASE_URL"].startswith(f"postgresql://{service}:")


def test_psql_is_given_the_password_where_no_list_of_processes_shows_it() -> None:
    invocation = psql_invocation("psql", ADDRESSES, "catalog", ["-c", "SELECT 1"], as_owner=False)
    assert invocation.command == [
        "psql",
        "--dbname",
        "postgresql://catalog@h:5/catalog?sslmode=require",
        "-c",
        "SELECT 1",
    ]
    assert invocation.environment["PGPASSWORD"] == "p@ss"


def test_psql_can_be_the_owner() -> None:
    invocation = psql_invocation("psql", ADDRESSES, "catalog", [], as_owner=True)
    assert invocation.command[-1] == "postgresql://catalog_owner@h:5/catalog"
    assert invocation.environment["PGPASSWORD"] == "o"


def test_an_unknown_service_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(StackError, match=r"Unknown service .gateway.\. The services are catalog, enrollment, acc"):
        known_service("gateway")


@pytest.mark.parametrize("arguments", [["keys", "list"], ["token", "--ttl=5", "--help"], []])
def test_commands_of_accounts_are_passed_on(arguments: list[str]) -> None:
    assert make_parser().parse_args(["accounts", *arguments]).rest == arguments


def test_accounts_are_given_their_secret_and_nobody_else_is(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.create()
    secret = load_credentials(layout.secrets).of_services["accounts_secret"]
    applications = {each.name: each for each in make_applications(layout, ADDRESSES)}
    assert applications["accounts"].environment["ACCOUNTS_SECRET"] == secret
    assert [name for name, each in applications.items() if secret in each.command_environment.values()] == ["accounts"]


@pytest.mark.parametrize("command", ["verify", "rebuild", "dead-letters", "psql"])
def test_options_behind_the_service_are_passed_on(command: str) -> None:
    parsed = make_parser().parse_args([command, "history", "--help", "-c", "--owner"])
    assert (parsed.service, parsed.rest) == ("history", ["--help", "-c", "--owner"])


def test_each_stack_has_a_name_of_its_own_that_stays(tmp_path: Path) -> None:
    layouts = [Layout(tmp_path / name) for name in ("one", "another")]
    for layout in layouts:
        layout.create()
    names = [
        {each.command_environment.get("INSTALLATION") for each in make_applications(layout, ADDRESSES)[:-1]}
        for layout in (*layouts, layouts[0])
    ]
    assert [len(each) for each in names] == [1, 1, 1]
    assert names[0] == names[2] != names[1]
