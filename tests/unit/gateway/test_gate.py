"""The token a request brings, and the address it is limited by without one."""

import pytest

from gateway.admission.gate import client_network
from shared.auth.internal_token import bearer_token
from shared.errors import TokenInvalid, TokenMissing


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "proxies", "network"),
    [
        ("192.0.2.1", [], 0, "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], 0, "192.0.2.1"),  # anybody can write this header
        ("192.0.2.1", ["198.51.100.7"], 1, "198.51.100.7"),
        ("192.0.2.1", ["203.0.113.9, 198.51.100.7"], 1, "198.51.100.7"),
        ("192.0.2.1", ["203.0.113.9", "198.51.100.7, 198.51.100.8"], 2, "198.51.100.7"),
        ("192.0.2.1", ["198.51.100.7"], 2, "192.0.2.1"),
        ("192.0.2.1", ["nonsense"], 1, "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", [], 0, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], 0, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", [], 0, "192.0.2.1"),
    ],
)
def test_client_network(peer: str, forwarded_for: list[str], proxies: int, network: str) -> None:
    assert client_network(peer, forwarded_for, proxies) == network


@pytest.mark.parametrize("header", ["Bearer t", "bearer t", "BEARER t", "Bearer  t "])
def test_the_scheme_has_no_case(header: str) -> None:
    assert bearer_token([header]) == "t"


@pytest.mark.parametrize("headers", [[], [""], ["Bearer"], ["Bearer "], ["Basic dDp0"], ["t"]])
def test_no_bearer_token(headers: list[str]) -> None:
    with pytest.raises(TokenMissing) as caught:
        bearer_token(headers)
    assert caught.value.headers["WWW-Authenticate"] == 'Bearer realm="muster"'


def test_two_authorization_headers_are_refused() -> None:
    with pytest.raises(TokenInvalid):
        bearer_token(["Bearer t", "Bearer t"])
