import base64
import time
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.auth.internal_token import LEEWAY, LIFETIME, Caller
from shared.auth.trust import GATEWAY
from shared.errors import PermissionDenied, TokenExpired, TokenInvalid
from tests.support.issuers import KEYS, SECRET, claims, encoded, hs256, minted, public_forms, signed, verifier, verify
from tests.support.strategies import JSON

CALLER = Caller(7, "user-1", "Ann", "staff", frozenset({"api.access", "training.view"}), employee_id=42)
NOBODY = Caller(7, "robot", "", "service", frozenset())


@pytest.mark.parametrize("caller", [CALLER, NOBODY, replace(CALLER, company_ids=(7, 8))])
def test_a_caller_comes_back_as_it_went(caller: Caller, tmp_path: Path) -> None:
    assert verify(minted(caller, tmp_path)) == caller


def test_no_two_tokens_are_the_same(tmp_path: Path) -> None:
    assert minted(CALLER, tmp_path) != minted(CALLER, tmp_path)


def test_names_are_written_as_they_are(tmp_path: Path) -> None:
    caller = replace(CALLER, name="Ð" * 255, permissions=frozenset({"api.access", "écrire.日本"}))
    token = minted(caller, tmp_path)
    assert verify(token) == caller
    assert "Ð".encode() in base64.urlsafe_b64decode(token.split(".")[1] + "==")


def test_a_token_is_good_for_a_minute_and_the_leeway() -> None:
    now = int(time.time())
    assert verify(signed(claims(exp=now - LEEWAY + 5))).subject == "user-1"
    with pytest.raises(TokenExpired):
        verify(signed(claims(exp=now - LEEWAY - 5)))


def test_a_remembered_token_expires_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    checked = verifier()
    token = minted(CALLER, tmp_path)
    assert checked.verify(token) == CALLER
    set_clock_forward(monkeypatch, LIFETIME + LEEWAY - 5)
    assert checked.verify(token) == CALLER
    set_clock_forward(monkeypatch, 10)
    with pytest.raises(TokenExpired):
        checked.verify(token)


def set_clock_forward(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The clock of this project and that of PyJWT, which asks `datetime`."""
    now = time.time

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(time.time(), tz)

    monkeypatch.setattr(time, "time", lambda: now() + seconds)
    monkeypatch.setattr(jwt.api_jwt, "datetime", Later)


@pytest.mark.parametrize("changes", [{"exp": 4e9 + 0.5}, {"iat": 1.75}, {"nbf": 0.5}, {"exp": 4e9}])
def test_a_moment_may_have_a_fraction(changes: dict[str, Any]) -> None:
    assert verify(signed(claims(**changes))).subject == "user-1"


def test_no_more_tokens_are_remembered_than_allowed() -> None:
    checked = verifier(remembered=3)
    for number in range(10):
        assert checked.verify(signed(claims(sub=f"user-{number}"))).subject == f"user-{number}"
    assert len(checked._callers) == 3


def test_the_token_used_longest_ago_is_forgotten_first() -> None:
    checked = verifier(remembered=2)
    tokens = [signed(claims(sub=f"user-{number}")) for number in range(3)]
    for number in (0, 1, 0, 2):
        checked.verify(tokens[number])
    assert [token in checked._callers for token in tokens] == [True, False, True]


def test_tokens_whose_time_is_over_are_not_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    checked = verifier()
    for _ in range(3):
        checked.verify(minted(CALLER, tmp_path))
        set_clock_forward(monkeypatch, LIFETIME / 2)
    assert len(checked._callers) == 3
    set_clock_forward(monkeypatch, LEEWAY)
    checked.verify(minted(CALLER, tmp_path))
    assert len(checked._callers) == 2


def test_one_that_lasts_for_long_keeps_no_others_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    checked, lasting = verifier(), signed(claims(sub="lasting"))
    for number in range(10):
        assert checked.verify(lasting).subject == "lasting"
        checked.verify(signed(claims(sub=f"user-{number}", exp=int(time.time()) + LIFETIME)))
        set_clock_forward(monkeypatch, LIFETIME + LEEWAY)
    assert len(checked._callers) <= 3


@pytest.mark.parametrize(
    "token",
    [
        signed(claims(), "catalog"),
        signed(claims(), "catalog", kid=KEYS[GATEWAY].key_id),
        signed(claims(), kid="nobody"),
        signed(claims(), kid=None),
        hs256(claims(), SECRET),
        hs256(claims(), ""),
        *(hs256(claims(), key, kid=KEYS[GATEWAY].key_id) for key in public_forms()),
        jwt.encode(claims(), SECRET * 2, algorithm="HS512"),
        jwt.encode(claims(), "", algorithm="none"),
        signed(claims(), alg="none"),
        signed(claims(), alg="HS256"),
        signed(claims(), alg="RS256"),
        signed(claims(aud="muster-api")),
        signed(claims(aud="catalog")),
        signed(claims(aud="internal")),
        signed(claims(aud=["enrollment"])),
        signed(claims(aud=None)),
        signed(claims(iss="somebody")),
        *(signed(claims(**{name: ...})) for name in ("iss", "exp", "aud", "org", "jti")),
        signed(claims())[:-1],
        signed(claims()).replace(".", "..", 1),
        "",
        ".",
        "..",
        "a.b.c",
        "näive.tökèn.é",
        "\udcff.\udcff.\udcff",
        "x" * 100_000,
    ],
    ids=str.__len__,
)
def test_what_the_gateway_did_not_sign_is_invalid(token: str) -> None:
    with pytest.raises(TokenInvalid) as raised:
        verify(token)
    assert type(raised.value) is TokenInvalid


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("org", "7"), ("org", True), ("org", 7.0), ("org", None), ("org", [7]),
        ("permissions", "api.access"), ("permissions", None), ("permissions", {"api.access": True}),
        ("employee_id", "42"), ("employee_id", True), ("company_ids", ["7"]), ("company_ids", None),
        ("user_type", "root"), ("user_type", None), ("user_type", ["staff"]),
        ("sub", 7), ("sub", None), ("jti", ""), ("jti", 5), ("jti", None),
        ("exp", "9999999999"), ("exp", None), ("exp", float("inf")), ("exp", float("nan")), ("exp", [1]),
        ("exp", True), ("exp", -0.5), ("exp", 1e18), ("iat", "now"), ("iat", float("inf")), ("iat", None),
    ],
)  # fmt: skip
def test_a_claim_of_the_wrong_type_is_invalid(name: str, value: Any) -> None:
    with pytest.raises(TokenInvalid):
        verify(signed(claims(**{name: value})))


@given(name=st.sampled_from(sorted(claims())), value=JSON)
def test_no_claim_makes_another_error(name: str, value: Any) -> None:
    try:
        caller = verify(signed(claims(**{name: value})))
    except TokenInvalid:
        return
    assert type(caller.organisation_id) is int


@given(st.text() | st.lists(st.text(), min_size=3, max_size=3).map(".".join))
def test_any_text_is_invalid(token: str) -> None:
    with pytest.raises(TokenInvalid):
        verify(token)


@pytest.mark.parametrize("header", ["[" * 4000, '{"a":' * 1000, "7", "null", '{"alg": ["HS256"]}', '{"alg": null}'])
def test_a_header_made_to_break_a_parser_is_invalid(header: str) -> None:
    with pytest.raises(TokenInvalid):
        verify(f"{encoded(header)}.{encoded('{}')}.{encoded('x')}")


@pytest.mark.parametrize("payload", [[1], None, "text", 7])
def test_claims_that_are_no_object_are_invalid(payload: Any) -> None:
    with pytest.raises(TokenInvalid):
        verify(signed(payload))


def test_any_one_of_the_permissions_is_enough() -> None:
    assert CALLER.may("training.manage", "training.view")
    assert not CALLER.may("training.manage", "training.record")
    CALLER.require("training.manage", "training.view")


def test_a_refusal_names_the_first_permission() -> None:
    with pytest.raises(PermissionDenied, match=r"training\.enroll\."):
        NOBODY.require("training.enroll", "training.enroll.self")
