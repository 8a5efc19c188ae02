import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.config.addresses import (
    LIMITS,
    Addresses,
    ServiceAddresses,
    given_settings,
    parse_assignments,
    read_addresses,
    shell_assignments,
    write_addresses,
)
from stack.errors import StackError
from stack.paths import Layout
from stack.product.applications import make_gateway
from stack.services import SERVICE_NAMES

ADDRESSES = Addresses(
    "gateway 'p' $(h)",
    "redis 'p' $(h)",
    "amqp 'p' $(h)",
    services={
        service: ServiceAddresses(*(f"{service} {name} 'p' $(h)" for name in ("url", "database", "migration", "amqp")))
        for service in SERVICE_NAMES
    },
)


def test_addresses_are_read_as_written(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    write_addresses(layout, ADDRESSES, "token")
    assert read_addresses(layout) == ADDRESSES
    assert layout.environment_file.stat().st_mode & 0o777 == 0o600


def test_the_names_in_the_file_are_those_that_scripts_know(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    write_addresses(layout, ADDRESSES, "token")
    variables = parse_assignments(layout.environment_file.read_text())
    assert variables["CATALOG_MIGRATION_DATABASE_URL"] == "catalog migration 'p' $(h)"
    assert {"GATEWAY_URL", "REDIS_URL", "AMQP_URL", "HISTORY_URL", "HISTORY_DATABASE_URL", "HISTORY_AMQP_URL"} <= set(
        variables
    )


def test_without_a_running_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"\./dev up"):
        read_addresses(Layout(tmp_path))


def test_incomplete_file_counts_as_no_running_stack(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.environment_file.write_text("GATEWAY_URL=x\n")
    with pytest.raises(StackError):
        read_addresses(layout)


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_any_value_is_read_as_written(value: str) -> None:
    assert parse_assignments(shell_assignments({"NAME": value})) == {"NAME": value}


def test_shell_reads_values_as_written() -> None:
    value = "a b'c\"d$HOME`id`\\e;f"
    script = shell_assignments({"NAME": value}) + 'printf %s "$NAME"'
    shell = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=10, check=True)
    assert shell.stdout == value


def test_limits_that_were_given_are_read_as_written(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    addresses = replace(ADDRESSES, settings={"RATE_LIMIT": "1000"})
    write_addresses(layout, addresses, "token")
    assert read_addresses(layout) == addresses
    assert make_gateway(layout, addresses).environment["RATE_LIMIT"] == "1000"
    assert "ADDRESS_RATE_LIMIT" not in make_gateway(layout, addresses).environment


def test_each_process_gets_the_settings_that_are_its_own(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    settings = {"RATE_LIMIT": "1000", "WEBHOOK_PRIVATE_HOSTS": "localhost:9000"}
    addresses = replace(ADDRESSES, settings=settings)
    assert addresses.settings_of("gateway") == {"RATE_LIMIT": "1000"}
    assert addresses.settings_of("delivery") == {"WEBHOOK_PRIVATE_HOSTS": "localhost:9000"}
    assert addresses.settings_of("catalog") == {}
    assert "WEBHOOK_PRIVATE_HOSTS" not in make_gateway(layout, addresses).environment


def test_settings_of_the_gateway_are_taken_from_the_environment() -> None:
    origins = {"CORS_ORIGINS": "http://localhost:3000"}
    given = {"RATE_LIMIT": "5", "ADDRESS_RATE_LIMIT": "", "LOGIN_RATE_LIMIT": "6", "PATH": "/bin", **origins}
    assert given_settings(given) == {"RATE_LIMIT": "5", **origins}


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "٣"])
@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_that_is_none_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(StackError, match=name):
        given_settings({name: value})
