from pathlib import Path

import pytest

from stack.cli import make_parser
from stack.commands.start import GivenServers, _broker_urls
from stack.commands.test import run_owner
from stack.paths import Layout, write_private
from stack.processes.process_identity import ProcessIdentity
from stack.product.issuer import token_options
from stack.servers import packages
from stack.servers.credentials import load_credentials
from stack.servers.databases import Passwords, database_urls, without_password
from stack.servers.rabbitmq_definitions import ADMINISTRATOR
from stack.servers.redis import quoted
from stack.servers.requirements import parse_version
from stack.services import SERVICE_NAMES


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", (15, 18)),
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64", (7, 0, 15)),
        ("3.10.8", (3, 10, 8)),
        ("17beta1", (17,)),
        ("no number", ()),
    ],
)
def test_version_is_the_first_dotted_number(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_addresses_of_a_database_keep_host_and_options_and_change_the_rest() -> None:
    superuser_url = "postgresql://root:p%40ss@db.example:5433/postgres?sslmode=require"
    urls = database_urls(superuser_url, "catalog", Passwords(owner="secret", service="p@ss/w:rd"))
    assert urls.owner == "postgresql://catalog_owner:secret@db.example:5433/catalog?sslmode=require"
    assert urls.service == "postgresql://catalog:p%40ss%2Fw%3Ard@db.example:5433/catalog?sslmode=require"


def test_password_is_not_shown() -> None:
    assert without_password("amqp://user:secret@127.0.0.1:5672/") == "127.0.0.1:5672"


def test_path_is_quoted_for_redis() -> None:
    assert quoted(Path('/a b/"c"\\d')) == '"/a b/\\"c\\"\\\\d"'


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    first = load_credentials(tmp_path)
    assert load_credentials(tmp_path) == first
    assert len(first.demonstration_login) >= 32
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_secrets_of_an_installation_before_a_service_was_added_are_kept(tmp_path: Path) -> None:
    for name in ("postgres", "catalog", "catalog_owner", "rabbitmq", "rabbitmq_catalog"):
        write_private(tmp_path / name, f"kept {name}")
    credentials = load_credentials(tmp_path)
    assert credentials.databases["catalog"] == Passwords(owner="kept catalog_owner", service="kept catalog")
    assert credentials.of_broker()[ADMINISTRATOR] == "kept rabbitmq"
    assert credentials.broker_users["catalog"] == "kept rabbitmq_catalog"
    assert len(credentials.databases["history"].owner) >= 32


def test_directories_are_for_their_owner_alone(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "stack")
    layout.create()
    assert {path.stat().st_mode & 0o777 for path in (layout.root, *layout.root.iterdir())} == {0o700}


def test_private_file_replaces_a_half_written_one(tmp_path: Path) -> None:
    (tmp_path / "file.new").write_text("half")
    write_private(tmp_path / "file", "whole")
    assert (tmp_path / "file").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_policy_of_a_killed_installation_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "POLICY", policy)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    policy.write_text(packages.POLICY_SCRIPT)
    packages.remove_stale_policy()
    assert not policy.exists()


def test_policy_of_somebody_else_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "POLICY", policy)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    policy.write_text("#!/bin/sh\nexit 101\n")
    packages.remove_stale_policy()
    assert policy.exists()


def test_empty_address_counts_as_none_given() -> None:
    given = GivenServers.from_environment({"DATABASE_URL": "postgresql://h/", "REDIS_URL": ""})
    assert [requirement.name for requirement in given.missing()] == ["Redis", "RabbitMQ"]


def test_a_given_broker_has_one_user_for_all() -> None:
    urls = _broker_urls(GivenServers(None, None, "amqp://user:secret@broker/"), [])
    assert set(urls) == {ADMINISTRATOR, *SERVICE_NAMES}
    assert set(urls.values()) == {"amqp://user:secret@broker/"}


def test_token_is_an_admins_unless_told_otherwise() -> None:
    assert token_options() == ["--org=1", "--subject=1", "--role=Admin", "--user-type=staff", "--ttl=43200"]
    assert "--permissions=api.access" in token_options(permissions="api.access")
    assert "--role=Admin" not in token_options(permissions="api.access")


def test_token_of_a_role_is_that_of_its_demonstration_user() -> None:
    assert {"--subject=3", "--role=Trainer"} <= set(token_options(role="Trainer"))
    assert "--subject=77" in token_options(role="Trainer", subject="77")
    coordinator = token_options(role="Contractor Coordinator", companies=["7", "8"])
    assert {"--subject=5", "--company=7", "--company=8"} <= set(coordinator)


@pytest.mark.parametrize("arguments", [["--ttl=-60"], ["--ttl", "-60"]])
def test_negative_lifetime_is_taken(arguments: list[str]) -> None:
    assert make_parser().parse_args(["token", *arguments]).ttl == "-60"


def test_owner_of_a_test_run_is_read_from_its_directory() -> None:
    assert run_owner(Path("test-12-345")) == ProcessIdentity(12, 345)
    assert run_owner(Path("test-results")) is None
