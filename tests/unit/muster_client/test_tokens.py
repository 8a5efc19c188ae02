"""Tokens of those who sign in: renewed by a refresh token, or else by the password."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from muster.errors import ApiError, Unexpected
from muster.settings import Settings
from muster.transport import Transport

PERSON = Settings("https://m.example", email="ann@example.com", password="secret")
KEPT = Settings("https://m.example", refresh_token="r0")


class Accounts:
    """Numbers its tokens; a refresh token is good once."""

    def __init__(self, expires_in: int = 3600) -> None:
        self.expires_in = expires_in
        self.asked: list[str] = []
        self.good = {"r0"}
        self.number = 0
        self.refused: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = request.read().decode()
        match request.url.path:
            case "/api/v1/auth/login":
                self.asked.append("login")
                assert json.loads(body) == {"email": "ann@example.com", "password": "secret", "refresh_token": True}
                return httpx.Response(200, json={"data": self._granted("token")})
            case "/oauth/token":
                return self._refreshed(dict(each.split("=") for each in body.split("&")))
            case path:
                token = request.headers["Authorization"].removeprefix("Bearer ")
                self.asked.append(f"{path} {token}")
                code = {"success": False, "message": "No.", "code": "token_expired"}
                return (
                    httpx.Response(401, json=code) if token in self.refused else httpx.Response(200, json={"data": 1})
                )

    def _refreshed(self, form: dict[str, str]) -> httpx.Response:
        self.asked.append(form["refresh_token"])
        if form["refresh_token"] not in self.good:
            return httpx.Response(400, json={"error": "invalid_grant", "error_description": "Used."})
        self.good.clear()
        return httpx.Response(200, json=self._granted("access_token"))

    def _granted(self, name: str) -> dict[str, object]:
        self.number += 1
        self.good.add(f"r{self.number}")
        return {name: f"t{self.number}", "expires_in": self.expires_in, "refresh_token": f"r{self.number}"}

    def transport(self, settings: Settings, saved: Callable[[str], None] = lambda token: None) -> Transport:
        return Transport(settings, through=httpx.MockTransport(self), wait=lambda seconds: None, saved=saved)


def test_somebody_signs_in_once() -> None:
    accounts = Accounts()
    transport = accounts.transport(PERSON)
    transport.request("GET", "/x")
    transport.request("GET", "/x")
    assert accounts.asked == ["login", "/x t1", "/x t1"]


def test_a_token_that_ends_soon_is_renewed_by_the_refresh_token() -> None:
    accounts = Accounts(expires_in=10)
    transport = accounts.transport(PERSON)
    transport.request("GET", "/x")
    transport.request("GET", "/x")
    assert accounts.asked == ["login", "/x t1", "r1", "/x t2"]


def test_without_a_good_refresh_token_they_sign_in_again() -> None:
    accounts = Accounts(expires_in=10)
    transport = accounts.transport(PERSON)
    transport.request("GET", "/x")
    accounts.good.clear()
    transport.request("GET", "/x")
    assert accounts.asked == ["login", "/x t1", "r1", "login", "/x t2"]


def test_each_refresh_token_is_kept_before_its_token_is_used() -> None:
    accounts = Accounts(expires_in=10)
    kept: list[tuple[str, int]] = []
    transport = accounts.transport(KEPT, lambda token: kept.append((token, len(accounts.asked))))
    transport.request("GET", "/x")
    transport.request("GET", "/x")
    assert accounts.asked == ["r0", "/x t1", "r1", "/x t2"]
    assert kept == [("r1", 1), ("r2", 3)]


def test_a_kept_login_that_has_ended_says_so() -> None:
    accounts = Accounts()
    accounts.good.clear()
    with pytest.raises(ApiError) as raised:
        accounts.transport(KEPT).request("GET", "/x")
    assert raised.value.code == "invalid_grant"


def test_a_token_that_expires_early_is_renewed_in_the_middle() -> None:
    accounts = Accounts()
    transport = accounts.transport(PERSON)
    transport.request("GET", "/x")
    accounts.refused.add("t1")
    transport.request("POST", "/y")
    assert accounts.asked == ["login", "/x t1", "/y t1", "r1", "/y t2"]


def test_threads_renew_once() -> None:
    accounts = Accounts()
    transport = accounts.transport(PERSON)
    transport.request("GET", "/x")
    accounts.refused.add("t1")
    together = threading.Barrier(4, timeout=20)

    def ask(number: int) -> None:
        together.wait()
        transport.request("GET", f"/{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    assert accounts.asked.count("r1") == 1
    assert sum(each.endswith(" t2") for each in accounts.asked) == 4


def test_a_server_without_tokens_is_another_one() -> None:
    transport = Transport(PERSON, through=httpx.MockTransport(lambda request: httpx.Response(200, json={"data": {}})))
    with pytest.raises(Unexpected, match="no token"):
        transport.request("GET", "/x")
