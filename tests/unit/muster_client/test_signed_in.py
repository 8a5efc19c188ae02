"""The tokens of whoever signed in: renewed once, by whichever command comes first."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from muster.asked import Limits
from muster.command.kept import Keeper, Login
from muster.command.signed_in import KeptTokens, LoginEnded, signed_in
from muster.conversation import Read, Send, Steps
from muster.errors import MusterError

URL = "https://m.example"
NOW = 1_000_000.0
LATER = NOW + 3600
EXPIRED = Login(URL, "a@m.example", "old", NOW, "refresh-1")
GOOD = Login(URL, "a@m.example", "good", LATER, "refresh-2")


class Reply:
    def __init__(self, status: int) -> None:
        self.status_code = status
        self.headers: dict[str, str] = {}


class Server:
    """Answers each request with this; `asked` has the forms."""

    def __init__(self, status: int, body: str) -> None:
        self.status, self.body = status, body
        self.asked: list[dict[str, str]] = []

    def carry_out(self, steps: Steps[Any]) -> Any:
        came: Any = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as end:
                return end.value
            if isinstance(step, Send):
                self.asked.append(dict(step.request.form or {}))
                came = Reply(self.status)
            elif isinstance(step, Read):
                came = self.body.encode()
            else:
                raise AssertionError(step)


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path / "login.json")


def renewing() -> Server:
    return Server(200, '{"access_token": "new", "expires_in": 3600, "refresh_token": "refresh-2"}')


def tokens(keeper: Keeper) -> KeptTokens:
    return KeptTokens(keeper, URL, Limits(), clock=lambda: NOW)


def test_a_token_that_is_good_is_used_as_it_is(keeper: Keeper) -> None:
    keeper.save(GOOD)
    server = renewing()
    assert server.carry_out(tokens(keeper).current(60, None)) == "good"
    assert server.asked == []


@pytest.mark.parametrize(("login", "refused"), [(EXPIRED, None), (GOOD, "good")])
def test_one_that_ends_or_was_refused_is_renewed_and_the_next_refresh_token_is_kept(
    keeper: Keeper, login: Login, refused: str | None
) -> None:
    keeper.save(login)
    server = renewing()
    assert server.carry_out(tokens(keeper).current(60, refused)) == "new"
    assert server.asked == [{"grant_type": "refresh_token", "refresh_token": login.refresh_token}]
    assert keeper.load() == Login(URL, "a@m.example", "new", LATER, "refresh-2")


def test_what_another_command_has_renewed_meanwhile_is_used(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper.save(EXPIRED)
    held_while(keeper, monkeypatch, lambda: keeper.save(GOOD))
    server = renewing()
    assert server.carry_out(tokens(keeper).current(60, None)) == "good"
    assert server.asked == []


def test_control_what_nobody_has_renewed_meanwhile_is_renewed(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper.save(EXPIRED)
    held_while(keeper, monkeypatch, lambda: None)
    server = renewing()
    assert server.carry_out(tokens(keeper).current(60, None)) == "new"
    assert len(server.asked) == 1


def held_while(keeper: Keeper, monkeypatch: pytest.MonkeyPatch, other: Callable[[], None]) -> None:
    """Another command has the lock first, and does this."""

    @contextmanager
    def alone() -> Iterator[None]:
        other()
        yield

    monkeypatch.setattr(keeper, "alone", alone)


def test_the_lock_is_held_until_the_next_refresh_token_is_kept(keeper: Keeper) -> None:
    keeper.save(EXPIRED)
    held: list[bool] = []
    save = keeper.save

    @contextmanager
    def alone() -> Iterator[None]:
        held.append(True)
        yield
        held.append(False)

    def saved(login: Login) -> None:
        assert held == [True]
        save(login)

    keeper.alone, keeper.save = alone, saved  # type: ignore[method-assign]
    assert renewing().carry_out(tokens(keeper).current(60, None)) == "new"
    assert held == [True, False]


def test_a_login_that_has_ended_is_said(keeper: Keeper) -> None:
    keeper.save(EXPIRED)
    refusing = Server(400, '{"error": "invalid_grant", "error_description": "The refresh token is not valid."}')
    with pytest.raises(LoginEnded, match="Sign in again: muster login"):
        refusing.carry_out(tokens(keeper).current(60, None))
    assert keeper.load() == EXPIRED


def test_another_refusal_is_no_end(keeper: Keeper) -> None:
    keeper.save(EXPIRED)
    with pytest.raises(MusterError) as raised:
        Server(500, '{"success": false, "code": "internal_error", "message": "Oops"}').carry_out(
            tokens(keeper).current(60, None)
        )
    assert not isinstance(raised.value, LoginEnded)


@pytest.mark.parametrize("other", [None, Login("https://other.example", "a@m.example", "x", LATER, "y")])
def test_a_login_that_went_meanwhile_is_said(keeper: Keeper, other: Login | None) -> None:
    """Its token goes to no other server."""
    if other is not None:
        keeper.save(other)
    with pytest.raises(LoginEnded, match="Nobody is signed in"):
        renewing().carry_out(tokens(keeper).current(60, None))


def test_signing_in_says_for_how_long() -> None:
    server = Server(
        200, '{"success": true, "data": {"token": "new", "expires_in": 3600, "refresh_token": "refresh-2", "user": {}}}'
    )
    assert server.carry_out(signed_in(URL, "a@m.example", "secret", Limits(), lambda: NOW)) == Login(
        URL, "a@m.example", "new", LATER, "refresh-2"
    )


@pytest.mark.parametrize("body", ["{}", '{"data": {"token": "x"}}', '{"data": {"token": "x", "expires_in": "soon"}}'])
def test_a_server_that_sends_no_tokens_is_said(body: str) -> None:
    with pytest.raises(MusterError, match="no tokens"):
        Server(200, body).carry_out(signed_in(URL, "a@m.example", "secret", Limits()))
