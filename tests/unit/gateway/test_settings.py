"""Settings that contradict each other, or that could not work, end the start."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.settings import GatewaySettings
from stack.services import SERVICE_NAMES
from tests.support.internal_keys import internal_settings

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
    "change",
    [
        {"catalog_url": "http://127.0.0.1:1/internal"},
        {"catalog_url": "ftp://127.0.0.1"},
        {"catalog_url": "http://user@127.0.0.1"},
        {"public_url": "https://muster.example/api?x"},
        {"client_token_secret": "short"},
        {"client_token_secret": None},
        {"key_set_url": "https://provider.example/keys"},
        {"token_algorithms": "none"},
        {"rate_limit": 0},
        {"upstream_max_in_flight": 100, "upstream_max_waiting": 900, "max_in_flight": 3000},
    ],
)
def test_what_cannot_work_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GatewaySettings(**(GOOD | change))
