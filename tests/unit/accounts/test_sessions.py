"""When a refresh token is good, and when two hold it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.accounts.sessions import GRACE, REFRESH_LIFETIME, Session, SignIn, StoredToken, session_claims
from services.accounts.settings import AccountsSettings
from services.accounts.use_cases.refresh import Refused, refusal
from services.accounts.users import User
from shared.observability import new_uuid

NOW = datetime(2026, 11, 29, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
USER = User(1, 7, 1, "Ada", "ada@example.com", "Trainer", "staff", None, (), "$argon2id$", None, None, NOW)
ACTIVE = SignIn(USER, is_suspended=False, now=int(NOW.timestamp()))
TOKEN = StoredToken(new_uuid(), NOW + REFRESH_LIFETIME, None, None, NOW, successor_used=False)
USED = replace(TOKEN, used_at=NOW)


def _user(**changes: Any) -> SignIn:
    return replace(ACTIVE, user=replace(USER, **changes))


def test_a_token_that_nobody_has_used_is_good() -> None:
    assert refusal(TOKEN, ACTIVE) is None


@pytest.mark.parametrize(
    ("token", "refused"),
    [
        (USED, Refused("used")),
        (replace(USED, now=NOW + GRACE - SECOND), Refused("used")),
        (replace(USED, now=NOW + GRACE), Refused("reused", ends_family=True)),
        (replace(USED, successor_used=True), Refused("reused", ends_family=True)),
        (replace(USED, ended_at=NOW, successor_used=True), Refused("used")),
        (replace(TOKEN, ended_at=NOW), Refused("ended")),
        (replace(TOKEN, now=NOW + REFRESH_LIFETIME), Refused("expired")),
    ],
    ids=["used just now", "within the grace", "later", "its successor used", "ended before", "ended", "expired"],
)
def test_why_one_is_refused(token: StoredToken, refused: Refused) -> None:
    assert refusal(token, ACTIVE) == refused


@pytest.mark.parametrize(
    ("sign_in", "refused"),
    [
        (_user(disabled_at=NOW), Refused("disabled_user", ends_family=True)),
        (_user(password_hash=None), Refused("no_password", ends_family=True)),
        (replace(ACTIVE, is_suspended=True), Refused("suspended_organisation")),
        (replace(_user(disabled_at=NOW), is_suspended=True), Refused("disabled_user", ends_family=True)),
    ],
    ids=["disabled", "no password", "suspended", "both"],
)
def test_who_is_refused_with_a_good_one(sign_in: SignIn, refused: Refused) -> None:
    assert refusal(TOKEN, sign_in) == refused


@pytest.mark.parametrize(("cut_off", "issued"), [(None, 100), (50, 100), (99, 100), (100, 101), (101, 102)])
def test_a_token_is_of_a_later_second_than_the_last_cut_off(cut_off: int | None, issued: int) -> None:
    named = SimpleNamespace(token_issuer="muster", token_audience="api", login_token_ttl=60)
    settings = cast(AccountsSettings, named)
    moment = None if cut_off is None else datetime.fromtimestamp(cut_off, UTC)
    claims = session_claims(Session(replace(USER, cut_off_at=moment), 100), settings)
    assert (claims["iat"], claims["exp"], "sid" in claims) == (issued, 160, False)
    family = new_uuid()
    assert session_claims(Session(USER, 100, "token", family), settings)["sid"] == str(family)
