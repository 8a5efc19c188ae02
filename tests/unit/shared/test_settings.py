"""Settings come from the environment or from files, say what is wrong with them, and never show a secret."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from gateway.settings import GatewaySettings
from services.history.settings import HistorySettings
from shared.settings import read_settings
from stack.services import SERVICE_NAMES
from tests.support.internal_keys import internal_settings
from tests.support.services import DECLARED
from tests.support.tls import Tls

MARK = secrets.token_hex(8)
FILES = {
    "database_url": f"postgresql://history:{MARK}%2F%40%23@db/history",
    "migration_database_url": f"postgresql://history_owner:{MARK}@db/history",
    "amqp_url": f"amqp://history:{MARK}%2F@broker/",
    "migration_amqp_url": f"amqp://muster:{MARK}@broker/",
    "redis_url": f"redis://:{MARK}@redis/0",
    "accounts_secret": f"{MARK} secret of accounts, long enough",
    "delivery_secret": f"{MARK} secret of delivery, long enough",
    "enrollment_secret": f"{MARK} secret of enrollment, long enough",
    "client_token_secret": f"{MARK} client token secret, long enough",
    **{f"{name}_url": f"http://{name}" for name in SERVICE_NAMES},
}
ADDRESSES = {f"{name}_url" for name in SERVICE_NAMES}
ALL = (*(service.settings for service in DECLARED.values()), GatewaySettings)
Directory = Callable[..., Path]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of keys are no secrets in the directory; their settings name them."""
    for name, path in internal_settings("history").items():
        monkeypatch.setenv(name.upper(), str(path))


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    """Makes the directory of secrets, with changes; `None` leaves a file out."""

    def make(**changes: str | None) -> Path:
        for name, content in (FILES | changes).items():
            if content is not None:
                (tmp_path / name).write_text(f"{content}\n")
        return tmp_path

    return make


@pytest.mark.parametrize("settings_type", ALL)
def test_every_secret_is_read_from_a_file(settings_type: type[BaseSettings], directory: Directory) -> None:
    settings = read_settings(settings_type, directory())
    for name, content in FILES.items():
        if name in settings_type.model_fields and name not in ADDRESSES:
            assert getattr(settings, name).get_secret_value() == content


def test_the_environment_counts_before_the_file(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://other:password@db/history")
    assert "other" in read_settings(HistorySettings, directory()).database_url.get_secret_value()


def test_privileged_addresses_are_the_others_unless_given(directory: Directory) -> None:
    settings = read_settings(HistorySettings, directory(migration_database_url=None, migration_amqp_url=None))
    assert settings.migration_database_url == settings.database_url
    assert settings.migration_amqp_url == settings.amqp_url


def refusal(directory: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        read_settings(HistorySettings, directory)
    assert end.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("name", ["database_url", "amqp_url"])
def test_a_missing_file_is_named(name: str, directory: Directory, capsys: pytest.CaptureFixture[str]) -> None:
    folder = directory(**{name: None})
    message = f"setting {name.upper()}: is neither in the environment nor in a file {folder / name}\n"
    assert refusal(folder, capsys) == message


@pytest.mark.parametrize("needed", ["INTERNAL_KEYS_FILE", "INTERNAL_TRUSTED_KEYS_FILE"])
def test_a_service_needs_keys_to_sign_and_to_verify_with(
    needed: str, directory: Directory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(needed)
    assert refusal(directory(), capsys).startswith(f"setting {needed}: is neither in the environment nor ")


@pytest.mark.parametrize("settings_type", ALL)
def test_a_secret_that_an_earlier_version_shared_does_not_stop_the_start(
    settings_type: type[BaseSettings], directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERNAL_TOKEN_SECRET", "left over")
    assert read_settings(settings_type, directory(internal_token_secret="left over"))


@pytest.mark.parametrize(
    "content", [None, "", "{}", f'{{"keys": [{{"d": "{MARK}"}}]}}'], ids=["missing", "empty", "no set", "no key"]
)
@pytest.mark.parametrize("name", ["INTERNAL_KEYS_FILE", "INTERNAL_TRUSTED_KEYS_FILE"])
def test_a_file_of_keys_that_cannot_be_used_is_named_without_showing_it(
    name: str,
    content: str | None,
    directory: Directory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = directory()
    file = folder / "keys.json"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv(name, str(file))
    message = refusal(folder, capsys)
    assert message.startswith(f"setting {name}: {file}")
    assert MARK not in message


@pytest.mark.parametrize("name", ["database_url", "amqp_url"])
def test_an_empty_file_is_named(name: str, directory: Directory, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(directory(**{name: ""}), capsys).startswith(
        f"setting {name.upper()}: is empty or too short: it needs "
    )


def test_a_file_that_cannot_be_read_is_named(
    directory: Directory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    folder = directory()
    monkeypatch.setattr(Path, "read_text", refuse)
    message = refusal(folder, capsys)
    assert "database_url" in message
    assert message.endswith(": Permission denied\n")


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://history:{MARK}/x@db/history",
        f"postgresql://history:{MARK}#x@db/history",
        f"postgresql://history:{MARK}?x@db/history",
        f"postgresql://history:{MARK}[x@db/history",
        f"postgresql://history:{MARK}@db:port/history",
        f"postgresql://history:12/{MARK}@db/history",
        f"{MARK}",
        f"history:{MARK}@db",
    ],
    ids=lambda address: address.replace(MARK, "mark"),
)
def test_an_address_that_cannot_be_read_is_refused_without_showing_it(
    address: str, directory: Directory, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refusal(directory(database_url=address), capsys)
    assert message.startswith("setting DATABASE_URL: ")
    assert "percent-encoded" in message
    assert MARK not in message


@pytest.mark.parametrize("name", ["DATABASE_CA_FILE", "AMQP_CA_FILE"])
@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_ca_file_that_cannot_be_used_is_named(
    name: str,
    content: str | None,
    directory: Directory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = directory()
    if content is not None:
        (folder / "ca.pem").write_text(content)
    monkeypatch.setenv(name, str(folder / "ca.pem"))
    assert refusal(folder, capsys).startswith(f"setting {name}: {folder / 'ca.pem'} holds no CA certificates")


def test_with_a_ca_file_every_address_of_the_server_is_verified(
    directory: Directory, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, authority = directory(amqp_url="amqps://history@broker/"), tmp_path / "tls"
    authority.mkdir()
    tls = Tls.made(authority)
    monkeypatch.setenv("DATABASE_CA_FILE", str(tls.trusted))
    settings = read_settings(HistorySettings, folder)
    for url in (settings.database_url, settings.migration_database_url):
        assert "sslmode=verify-full" in url.get_secret_value()
    monkeypatch.setenv("AMQP_CA_FILE", str(tls.trusted))
    message = refusal(folder, capsys)
    assert message == "setting MIGRATION_AMQP_URL: must begin with amqps:// because a CA file is given\n"


@pytest.mark.parametrize("address", ["postgresql://a:b@one:5432,two:5433/db", "postgresql:///db?host=/run/postgresql"])
def test_an_address_of_several_hosts_or_of_a_socket_is_taken(address: str, directory: Directory) -> None:
    assert read_settings(HistorySettings, directory(database_url=address)).database_url.get_secret_value() == address


@pytest.mark.parametrize("settings_type", ALL)
def test_settings_never_show_a_secret(settings_type: type[BaseSettings], directory: Directory) -> None:
    settings = read_settings(settings_type, directory())
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert MARK not in shown


def test_control_a_plain_field_would_show(directory: Directory) -> None:
    class Careless(HistorySettings):
        database_url: str  # type: ignore[assignment]  # what this control is about

    assert MARK in repr(read_settings(Careless, directory()))
