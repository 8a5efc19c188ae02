"""The broker's definitions: hashes as RabbitMQ makes them, and patterns that match no more than they should."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.events.types import EXCHANGE, STATE_OF
from shared.messaging.broker import QueueName
from stack.servers import rabbitmq_definitions as module
from stack.servers.rabbitmq_definitions import (
    ADMINISTRATOR,
    definitions,
    password_hash,
    read_subscribers,
    subscriber_user,
)
from stack.services import SERVICE_NAMES, service_named

PASSWORDS = {user: f"password of {user}" for user in (ADMINISTRATOR, *SERVICE_NAMES)}
CONTENT: dict[str, Any] = json.loads(definitions(PASSWORDS))
PERMISSIONS = {row["user"]: row for row in CONTENT["permissions"]}


def test_password_is_hashed_as_in_the_broker_s_guide() -> None:
    assert password_hash("test12", bytes.fromhex("908DC60A")) == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def test_no_password_is_in_the_file() -> None:
    assert not any(password in definitions(PASSWORDS) for password in PASSWORDS.values())


def test_every_user_has_a_salt_of_its_own() -> None:
    salts = {base64.b64decode(user["password_hash"])[:4] for user in CONTENT["users"]}
    assert len(salts) == len(PASSWORDS)


def test_the_administrator_alone_has_a_tag() -> None:
    assert [user["name"] for user in CONTENT["users"] if user["tags"]] == [ADMINISTRATOR]


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_a_service_reads_its_own_queue_and_dead_letters(service: str) -> None:
    queue = QueueName(f"muster.{service}")
    read = PERMISSIONS[service]["read"]
    assert re.search(read, queue.name)
    assert re.search(read, queue.dead_letters)


@pytest.mark.parametrize("service", SERVICE_NAMES)
@pytest.mark.parametrize("kind", ["configure", "write", "read"])
@pytest.mark.parametrize(
    "name", ["amq.default", "muster", "muster.", "{0}", "muster.{0}2", "xmuster.{0}", "muster_{0}"]
)
def test_names_that_only_look_alike_are_not_matched(service: str, kind: str, name: str) -> None:
    assert not re.search(PERMISSIONS[service][kind], name.format(service))


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_only_who_publishes_writes_to_the_exchange_of_events(service: str) -> None:
    assert bool(re.search(PERMISSIONS[service]["write"], EXCHANGE)) == bool(service_named(service).publishes)


@pytest.mark.parametrize("event", STATE_OF, ids=lambda event: event.type)
def test_every_event_may_be_published_by_exactly_one_service(event: Any) -> None:
    allowed = [row["user"] for row in CONTENT["topic_permissions"] if re.search(row["write"], event.type)]
    assert len(allowed) == 1


def test_the_file_is_written_from_a_directory_of_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rabbitmq_password", *(f"rabbitmq_{service}_password" for service in SERVICE_NAMES)):
        (tmp_path / name).write_text(f"{name}\n")
    monkeypatch.setattr("sys.argv", ["definitions", str(tmp_path), str(tmp_path / "definitions.json")])
    module.main()
    [user] = [
        each for each in json.loads((tmp_path / "definitions.json").read_text())["users"] if each["name"] == "history"
    ]
    salt = base64.b64decode(user["password_hash"])[:4]
    assert user["password_hash"] == password_hash("rabbitmq_history_password", salt)


SUBSCRIBER: dict[str, Any] = json.loads(definitions(PASSWORDS, subscribers={"reports": "its password"}))
NOT_OF_SUBSCRIBER = (
    "amq.default",
    "muster.history",
    "muster.history.dead-letters",
    "subscriber",
    "subscriber.",
    "subscriber.report",
    "subscriber.reports.",
    "subscriber.reports2",
    "subscriber_reports",
    "training",
    "xsubscriber.reports",
)
OF_SUBSCRIBER = {row["user"]: row for row in SUBSCRIBER["permissions"]}["subscriber.reports"]


@pytest.mark.parametrize("kind", ["configure", "write", "read"])
@pytest.mark.parametrize("name", NOT_OF_SUBSCRIBER)
def test_a_subscriber_has_nothing_that_only_looks_like_its_own(kind: str, name: str) -> None:
    assert not re.search(OF_SUBSCRIBER[kind], name)


@pytest.mark.parametrize("name", ["subscriber.reports", "subscriber.reports.dead-letters"])
def test_a_subscriber_declares_writes_and_reads_its_own(name: str) -> None:
    assert all(re.search(OF_SUBSCRIBER[kind], name) for kind in ("configure", "write", "read"))


def test_a_subscriber_only_reads_the_exchange_of_events() -> None:
    assert [kind for kind in ("configure", "write", "read") if re.search(OF_SUBSCRIBER[kind], EXCHANGE)] == ["read"]
    [topic] = [row for row in SUBSCRIBER["topic_permissions"] if row["user"] == "subscriber.reports"]
    assert not any(re.search(topic["write"], event.type) for event in STATE_OF)
    assert all(re.search(topic["read"], key) for key in ("#", "enrollment.*", *(event.type for event in STATE_OF)))


def test_a_subscriber_has_no_tag_and_bounds() -> None:
    [user] = [row for row in SUBSCRIBER["users"] if row["name"] == "subscriber.reports"]
    assert user["tags"] == []
    assert set(user["limits"]) == {"max-connections", "max-channels"}
    [policy] = SUBSCRIBER["policies"]
    assert re.search(policy["pattern"], "subscriber.reports")
    assert not any(re.search(policy["pattern"], f"muster.{name}") for name in SERVICE_NAMES)


def test_no_service_can_have_the_name_of_a_subscriber_s_user() -> None:
    assert not any(name.startswith("subscriber") for name in (ADMINISTRATOR, *SERVICE_NAMES))


@pytest.mark.parametrize("name", ["", "Reports", "1st", "-x", "a b", "../x", "a.b", "a_b", "ä", "a" * 41, "a\n"])
def test_a_name_that_could_mean_more_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name for a subscriber"):
        subscriber_user(name)


def test_subscribers_are_read_from_a_directory_where_other_files_may_be(tmp_path: Path) -> None:
    for name in ("reports", "reports.new", ".reports", "Reports"):
        (tmp_path / name).write_text(f"{name}\n")
    assert read_subscribers(tmp_path) == {"reports": "reports"}
    assert read_subscribers(tmp_path / "missing") == {}
