"""Metadata of an identity provider: it names the key set of exactly its own issuer, or nothing."""

import json
from typing import Any

import pytest

from gateway.auth.key_sources import KeySetUnreadable
from gateway.auth.metadata import key_set_address

ISSUER = "https://id.example/realms/acme"
URL = f"{ISSUER}/.well-known/openid-configuration"
KEYS = f"{ISSUER}/protocol/openid-connect/certs"


def metadata(**changes: Any) -> bytes:
    return json.dumps({"issuer": ISSUER, "jwks_uri": KEYS, "token_endpoint": f"{ISSUER}/token"} | changes).encode()


def test_it_says_where_the_keys_are() -> None:
    assert key_set_address(metadata(), ISSUER, URL) == KEYS


def test_over_plain_http_it_may_be_so_for_the_keys_too() -> None:
    assert key_set_address(metadata(jwks_uri="http://id/keys"), ISSUER, "http://id/metadata") == "http://id/keys"
    assert key_set_address(metadata(), ISSUER, "http://id/metadata") == KEYS


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"issuer": f"{ISSUER}/"}, f"is of the issuer '{ISSUER}/', and PROVIDERS has '{ISSUER}'"),
        ({"issuer": ISSUER.upper()}, "they must be the same"),
        ({"issuer": [ISSUER]}, "they must be the same"),
        ({"issuer": None}, "they must be the same"),
        ({"jwks_uri": None}, "has no jwks_uri"),
        ({"jwks_uri": 5}, "has no jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "has no jwks_uri"),
        ({"jwks_uri": "https://id.example/keys\n"}, "has no jwks_uri"),
        ({"jwks_uri": "https://id.example/a b"}, "has no jwks_uri"),
        ({"jwks_uri": "https://id.example/" + "x" * 2048}, "has no jwks_uri"),
        ({"jwks_uri": "http://id.example/keys"}, "without TLS"),
    ],
)
def test_what_is_not_to_be_trusted_is_refused_with_the_reason(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(KeySetUnreadable) as caught:
        key_set_address(metadata(**changes), ISSUER, URL)
    assert told in str(caught.value)
    assert str(caught.value).startswith(URL)


def test_a_name_of_any_length_is_shortened() -> None:
    with pytest.raises(KeySetUnreadable) as caught:
        key_set_address(metadata(issuer="x" * 10_000), ISSUER, URL)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"\xff", b'{"issuer": "a", "issuer": "b"}'])
def test_what_is_no_metadata_is_refused(text: bytes) -> None:
    with pytest.raises(KeySetUnreadable, match="is no metadata"):
        key_set_address(text, ISSUER, URL)
