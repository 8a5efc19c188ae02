"""Settings that contradict each other, or that could not work, end the start."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.__main__ import say_what_moved
from gateway.settings import GatewaySettings
from shared.auth.jwk import new_private_keys
from stack.services import SERVICE_NAMES
from tests.support.internal_keys import internal_settings
from tests.support.providers import (
    ENTRA_AUDIENCE,
    ENTRA_ISSUER,
    ENTRA_MAP,
    KEYCLOAK_AUDIENCE,
    KEYCLOAK_ISSUER,
    KEYCLOAK_MAP,
)

GOOD: dict[str, Any] = {
    **internal_settings("gateway"),
    "client_token_secret": "c" * 32,
    **{f"{name}_url": f"https://{name}.example" for name in SERVICE_NAMES},
    "enrollment_url": "http://127.0.0.1:2/",
    "redis_url": "redis://127.0.0.1:3/0",
}


def test_an_origin_loses_its_slash() -> None:
    assert GatewaySettings(**GOOD).enrollment_url == "http://127.0.0.1:2"


def test_algorithms_are_listed_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_ALGORITHMS", "RS256, EdDSA")
    assert GatewaySettings(**GOOD).token_algorithms == {"RS256", "EdDSA"}


@pytest.mark.parametrize(
    ("listed", "origins"),
    [
        ("", set()),
        ("https://console.example", {"https://console.example"}),
        ("https://console.example/, http://localhost:3000", {"https://console.example", "http://localhost:3000"}),
        ("http://[::1]:8080,", {"http://[::1]:8080"}),
        ("*", {"*"}),
    ],
)
def test_origins_of_pages_are_listed_with_commas(
    monkeypatch: pytest.MonkeyPatch, listed: str, origins: set[str]
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", listed)
    assert GatewaySettings(**GOOD).cors_origins == origins


def test_no_origin_is_named_by_default() -> None:
    assert GatewaySettings(**GOOD).cors_origins == frozenset()


@pytest.mark.parametrize(
    "change",
    [
        {"catalog_url": "http://127.0.0.1:1/internal"},
        {"catalog_url": "ftp://127.0.0.1"},
        {"catalog_url": "http://user@127.0.0.1"},
        {"public_url": "https://muster.example/api?x"},
        {"client_token_secret": "short"},
        {"token_issuer": "muster\r\nX: y"},
        {"key_set_url": "https://provider.example/keys"},
        {"token_algorithms": "none"},
        {"rate_limit": 0},
        {"cors_origins": "*, https://console.example"},
        {"cors_origins": "null"},
        {"cors_origins": "https://Console.example"},
        {"cors_origins": "https://console.example:443"},
        {"cors_origins": "http://console.example:80"},
        {"cors_origins": "https://*.example"},
        {"cors_origins": "https://console.example/app"},
        {"cors_origins": "https://übung.example"},
        {"cors_origins": "console.example"},
        {"cors_origins": ",".join(f"https://{number}.example" for number in range(101))},
        {"upstream_max_in_flight": 100, "upstream_max_waiting": 900, "max_in_flight": 3000},
    ],
)
def test_what_cannot_work_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GatewaySettings(**(GOOD | change))


def test_without_any_setting_the_tokens_of_accounts_are_accepted() -> None:
    settings = GatewaySettings(**(GOOD | {"client_token_secret": None}))
    assert (settings.token_issuer, settings.token_audience, settings.providers) == ("muster", "muster-api", ())


PROVIDER: dict[str, Any] = {
    "issuer": KEYCLOAK_ISSUER,
    "audience": KEYCLOAK_AUDIENCE,
    "metadata_url": f"{KEYCLOAK_ISSUER}/.well-known/openid-configuration",
    "claims": KEYCLOAK_MAP,
}


def test_providers_are_a_list_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    entra = {"issuer": ENTRA_ISSUER, "audience": ENTRA_AUDIENCE, "algorithms": ["RS256"], "claims": ENTRA_MAP}
    entra["key_set_url"] = "https://login.microsoftonline.com/common/discovery/v2.0/keys"
    monkeypatch.setenv("PROVIDERS", json.dumps([PROVIDER, entra]))
    first, second = GatewaySettings(**GOOD).providers
    assert (first.issuer, sorted(first.algorithms)) == (KEYCLOAK_ISSUER, ["ES256", "EdDSA", "RS256"])
    assert (sorted(second.algorithms), second.claims.subject.path) == (["RS256"], ("oid",))


@pytest.mark.parametrize(
    ("providers", "told"),
    [
        ([PROVIDER, PROVIDER], f"names {KEYCLOAK_ISSUER} twice"),
        ([{**PROVIDER, "issuer": "muster"}], "the issuer of our own tokens"),
        ([{**PROVIDER, "key_set_url": "https://id.example/keys"}], "exactly one of"),
        ([{**PROVIDER, "metadata_url": None}], "exactly one of"),
        ([{**PROVIDER, "metadata_url": "id.example"}], "pattern"),
        ([{**PROVIDER, "metadata_url": None, "key_set_file": "/nowhere/keys.json"}], "cannot be read"),
        ([{**PROVIDER, "algorithms": ["HS256"]}], "'EdDSA', 'ES256' or 'RS256'"),
        ([{**PROVIDER, "algorithms": []}], "at least 1"),
        ([{**PROVIDER, "issuer": ""}], "at least 1"),
        ([{**PROVIDER, "issuer": "https://id.example/é"}], "printable ASCII"),
        ([{**PROVIDER, "claims": {}}], "names no organisation"),
        ([{name: value for name, value in PROVIDER.items() if name != "claims"}], "Field required"),
        ([{**PROVIDER, "secret": "x"}], "Extra inputs"),
    ],
)
def test_a_provider_that_cannot_work_is_refused(providers: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        GatewaySettings(**GOOD, providers=providers)
    assert told in str(caught.value)


def test_a_key_set_file_with_a_private_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(new_private_keys())
    with pytest.raises(ValidationError, match="private key"):
        GatewaySettings(**GOOD, providers=[{**PROVIDER, "metadata_url": None, "key_set_file": file}])


def test_the_one_provider_of_a_key_set_address_has_none_beside_it() -> None:
    alone = GOOD | {"client_token_secret": None, "key_set_url": "https://provider.example/keys"}
    assert GatewaySettings(**alone).key_set_url
    with pytest.raises(ValidationError, match="list it in PROVIDERS"):
        GatewaySettings(**alone, providers=[PROVIDER])


def test_a_setting_that_moved_is_named(caplog: pytest.LogCaptureFixture) -> None:
    say_what_moved({"ISSUER_KEYS_FILE": "/etc/muster/keys.json", "PORT": "8000"})
    (line,) = caplog.messages
    assert line.startswith("ISSUER_KEYS_FILE is not read any more")
    assert "python -m services.accounts import" in line
