"""`deploy/compose/make-secrets` makes what docker-compose.yml names, once, and addresses that can be read."""

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from stack.paths import REPOSITORY

NEEDED = (
    "deploy/compose", "deploy/observability", "deploy/postgres",
    "stack/services.py", "stack/servers/rabbitmq_definitions.py",
)  # fmt: skip
AWKWARD = "p@ss/w:rd #é%\"'\\$x"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    copy_what_is_needed(tmp_path)
    return tmp_path


def copy_what_is_needed(folder: Path) -> None:
    """What the scripts touch of a clone, without any secrets."""
    for name in NEEDED:
        source, target = REPOSITORY / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("secrets"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def make_secrets(clone: Path) -> str:
    result = subprocess.run(
        [clone / "deploy/compose/make-secrets"], capture_output=True, text=True, timeout=30, check=True
    )
    return result.stderr


def secrets_of(clone: Path) -> dict[str, str]:
    files = (clone / "deploy/compose/secrets").rglob("*")
    return {file.name: file.read_text().rstrip("\n") for file in files if file.is_file()}


def test_it_makes_exactly_what_the_containers_name(clone: Path) -> None:
    make_secrets(clone)
    named = re.findall(r"file: \./deploy/compose/secrets/(\w+)", (REPOSITORY / "docker-compose.yml").read_text())
    assert sorted(named) == sorted(secrets_of(clone))


def test_a_second_run_changes_nothing(clone: Path) -> None:
    make_secrets(clone)
    first, settings = secrets_of(clone), (clone / ".env").read_text()
    make_secrets(clone)
    assert (secrets_of(clone), (clone / ".env").read_text()) == (first, settings)


def test_passwords_differ_and_nobody_else_enters(clone: Path) -> None:
    make_secrets(clone)
    passwords = [value for name, value in secrets_of(clone).items() if not name.endswith("_url")]
    assert len(set(passwords)) == len(passwords)
    assert all(re.fullmatch("[0-9a-f]{64}", password) for password in passwords)
    directory = clone / "deploy/compose/secrets"
    assert directory.stat().st_mode & 0o777 == 0o700
    # Containers read them as users of their own.
    assert {file.stat().st_mode & 0o777 for file in directory.iterdir() if file.is_file()} == {0o644}
    assert (directory / "subscribers").stat().st_mode & 0o777 == 0o755
    assert (clone / ".env").stat().st_mode & 0o777 == 0o600


def test_settings_that_are_there_stay(clone: Path) -> None:
    kept = "PUBLIC_URL=https://training.example.org\n"
    (clone / ".env").write_text(kept)
    make_secrets(clone)
    assert kept in (clone / ".env").read_text()
    assert "PASSWORD" not in (clone / ".env").read_text()


def test_an_installation_has_a_name_that_no_other_has(clone: Path) -> None:
    make_secrets(clone)
    [name] = re.findall(r"^INSTALLATION=([0-9a-f]{32})$", (clone / ".env").read_text(), re.MULTILINE)
    (clone / ".env").unlink()
    make_secrets(clone)
    assert name not in (clone / ".env").read_text()


def test_without_random_numbers_no_secret_is_made(clone: Path) -> None:
    programs = clone / "bin"
    programs.mkdir()
    (programs / "od").write_text("#!/bin/sh\n")
    (programs / "od").chmod(0o755)
    result = subprocess.run(
        [clone / "deploy/compose/make-secrets"],
        env={"PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode != 0
    assert "no random bytes" in result.stderr
    assert secrets_of(clone) == {}


@pytest.mark.parametrize(
    ("password", "address", "user"),
    [
        ("catalog_database_password", "catalog_database_url", "catalog"),
        ("catalog_database_owner_password", "catalog_migration_database_url", "catalog_owner"),
        ("rabbitmq_history_password", "history_amqp_url", "history"),
        ("rabbitmq_password", "migration_amqp_url", "muster"),
        ("redis_password", "redis_url", ""),
    ],
)
def test_a_password_changed_by_hand_arrives_in_its_address(clone: Path, password: str, address: str, user: str) -> None:
    make_secrets(clone)
    (clone / "deploy/compose/secrets" / password).write_text(f"{AWKWARD}\n")
    make_secrets(clone)
    parts = urlsplit(secrets_of(clone)[address])
    assert parts.username == user
    assert unquote(parts.password or "") == AWKWARD
