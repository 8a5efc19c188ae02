"""`deploy/compose/subscriber`, with a program in place of Docker that writes down what it is called with."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from stack.paths import REPOSITORY
from stack.servers.rabbitmq_definitions import SUBSCRIBER_NAME, read_subscribers
from tests.unit.stack.test_make_secrets import AWKWARD, copy_what_is_needed, make_secrets, secrets_of

DOCKER = """#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
    *"list_users"*) printf 'muster\\t[administrator]\\nsubscriber.reports\\t[]\\nsubscriber.reports2\\t[]\\n' ;;
    *"list_queues"*) printf 'muster.history\\nsubscriber.reports\\nsubscriber.reports.more\\nsubscriber.reports2\\n' ;;
    *" true") [ -z "${STOPPED:-}" ] ;;
esac
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clone = tmp_path_factory.mktemp("made")
    copy_what_is_needed(clone)
    make_secrets(clone)
    return clone


@pytest.fixture
def clone(made: Path, tmp_path: Path) -> Path:
    """With the secrets of an installation."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def run(clone: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    programs = clone / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "docker").write_text(DOCKER)
    (programs / "docker").chmod(0o755)
    return subprocess.run(
        [clone / "deploy/compose/subscriber", *arguments],
        env={**os.environ, "PATH": f"{programs}:/usr/bin:/bin", "CALLS": str(clone / "calls"), **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def calls(clone: Path) -> str:
    return (clone / "calls").read_text()


def test_a_subscriber_gets_a_password_an_address_and_a_user_at_once(clone: Path) -> None:
    result = run(clone, "add", "reports")
    assert result.returncode == 0, result.stderr
    secrets = secrets_of(clone)
    assert read_subscribers(clone / "deploy/compose/secrets/subscribers") == {"reports": secrets["reports"]}
    parts = urlsplit(secrets["subscriber_reports_amqp_url"])
    assert (parts.username, parts.password, parts.hostname) == ("subscriber.reports", secrets["reports"], "rabbitmq")
    assert secrets["reports"] not in result.stdout + result.stderr
    written, loaded = calls(clone).index("run --rm --no-deps prepare-broker"), calls(clone).index("import_definitions")
    assert written < loaded


def test_repeated_it_changes_nothing_and_a_password_changed_by_hand_arrives_in_the_address(clone: Path) -> None:
    run(clone, "add", "reports")
    before = secrets_of(clone)
    run(clone, "add", "reports")
    assert secrets_of(clone) == before
    (clone / "deploy/compose/secrets/subscribers/reports").write_text(f"{AWKWARD}\n")
    make_secrets(clone)
    assert unquote(urlsplit(secrets_of(clone)["subscriber_reports_amqp_url"]).password or "") == AWKWARD


def test_removing_takes_the_user_its_queues_and_its_secrets(clone: Path) -> None:
    before = secrets_of(clone)
    run(clone, "add", "reports")
    assert run(clone, "remove", "reports").returncode == 0
    assert secrets_of(clone) == before
    assert re.findall("delete_user (.*)", calls(clone)) == ["subscriber.reports"]
    assert re.findall("delete_queue (.*)", calls(clone)) == ["subscriber.reports", "subscriber.reports.more"]
    assert calls(clone).rstrip().endswith("prepare-broker")


def test_the_example_keeps_the_place_of_its_secret(clone: Path) -> None:
    before = secrets_of(clone)
    assert before["subscriber_example_amqp_url"] == ""
    run(clone, "add", "example")
    assert secrets_of(clone)["subscriber_example_amqp_url"].startswith("amqp://subscriber.example:")
    make_secrets(clone)
    run(clone, "remove", "example")
    assert secrets_of(clone) == before


def test_what_cannot_be_removed_now_stays(clone: Path) -> None:
    run(clone, "add", "reports")
    before = secrets_of(clone)
    assert run(clone, "remove", "reports", STOPPED="1").returncode == 1
    assert run(clone, "remove", "other").returncode == 1
    assert secrets_of(clone) == before


def test_a_broker_that_does_not_run_reads_its_users_at_its_start(clone: Path) -> None:
    assert run(clone, "add", "reports", STOPPED="1").returncode == 0
    assert "import_definitions" not in calls(clone)


@pytest.mark.parametrize("name", ["", "Reports", "1st", "-x", "a b", "../x", "a.b", "a_b", "ä", "a" * 41, "a\nb"])
def test_names_that_could_mean_more_are_refused(clone: Path, name: str) -> None:
    before = secrets_of(clone)
    assert run(clone, "add", name).returncode != 0
    assert not SUBSCRIBER_NAME.fullmatch(name)
    assert secrets_of(clone) == before


def test_the_port_is_opened_and_closed_and_no_other_setting_changes(clone: Path) -> None:
    before = (clone / ".env").read_text()
    assert run(clone, "add", "reports", "--port", "5673").returncode == 0
    assert set((clone / ".env").read_text().splitlines()) == {
        *before.splitlines(),
        "COMPOSE_FILE=docker-compose.yml:deploy/compose/broker-port.yml",
        "BROKER_PORT=5673",
    }
    assert run(clone, "close-port").returncode == 0
    assert (clone / ".env").read_text() == before
    assert calls(clone).count("up -d --no-deps rabbitmq") == 2


def test_without_the_option_no_port_is_opened(clone: Path) -> None:
    run(clone, "add", "reports")
    assert "COMPOSE_FILE" not in (clone / ".env").read_text()


def test_files_of_the_operator_s_own_are_left_alone(clone: Path) -> None:
    with (clone / ".env").open("a") as settings:
        settings.write("COMPOSE_FILE=docker-compose.yml:mine.yml\n")
    before = (clone / ".env").read_text()
    result = run(clone, "add", "reports", "--port")
    assert result.returncode == 1
    assert "deploy/compose/broker-port.yml" in result.stderr
    assert (clone / ".env").read_text() == before


@pytest.mark.parametrize(
    "arguments", [(), ("add",), ("add", "x", "y"), ("remove", "x", "--port"), ("list", "x"), ("x",)]
)
def test_other_arguments_get_the_usage(clone: Path, arguments: tuple[str, ...]) -> None:
    result = run(clone, *arguments)
    assert result.returncode == 2
    assert "subscriber add NAME" in result.stderr


def test_the_port_is_of_this_machine_alone_and_its_network_has_no_way_out() -> None:
    content = yaml.safe_load((REPOSITORY / "deploy/compose/broker-port.yml").read_text())
    [port] = content["services"]["rabbitmq"]["ports"]
    assert port.startswith("127.0.0.1:")
    [network] = content["networks"].values()
    assert network["driver_opts"] == {"com.docker.network.bridge.enable_ip_masquerade": "false"}


def test_the_example_is_on_the_network_of_subscribers_alone() -> None:
    content = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    members = {name for name, each in content["services"].items() if "subscribers" in each.get("networks", [])}
    assert members == {"rabbitmq", "example-subscriber"}
    assert content["services"]["example-subscriber"]["networks"] == ["subscribers"]
    assert content["services"]["example-subscriber"]["profiles"] == ["examples"]
