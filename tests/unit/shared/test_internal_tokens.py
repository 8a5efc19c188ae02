import base64
import hmac
import json
import time
from datetime import datetime, tzinfo
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PermissionDenied, TokenExpired, TokenInvalid
from shared.identity import (
    AUDIENCE,
    EVERY_ORGANISATION,
    INTERNAL,
    ISSUER,
    LEEWAY,
    LIFETIME,
    Caller,
    InternalTokenVerifier,
    mint_internal_token,
)
from tests.support.strategies import JSON

SECRET = "s" * 32
CALLER = Caller(7, "user-1", "Ann", "staff", frozenset({"api.access", "training.view"}), employee_id=42)
SERVICE = Caller(7, "robot", "", "service", frozenset())


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 3600,  # parameters are made when a run of all tests begins, and used far into it
        "sub": "user-1",
        "org": 7,
        "name": "Ann",
        "user_type": "staff",
        "permissions": ["api.access"],
        "employee_id": 42,
    }
    return good | changes


def signed(claims: Any, secret: str = SECRET, **header: Any) -> str:
    """Signed with HS256 whatever the header says; PyJWT itself would refuse to make some of these."""
    text = f"{encoded(json.dumps({'alg': 'HS256', 'typ': 'JWT'} | header))}.{encoded(json.dumps(claims))}"
    return f"{text}.{encoded(hmac.digest(secret.encode(), text.encode(), 'sha256'))}"


def encoded(part: str | bytes) -> str:
    octets = part.encode() if isinstance(part, str) else part
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def verify(token: str) -> Caller:
    return InternalTokenVerifier(SECRET).verify(token)


@pytest.mark.parametrize("caller", [CALLER, SERVICE])
def test_a_caller_comes_back_as_it_went(caller: Caller) -> None:
    assert verify(mint_internal_token(caller, SECRET)) == caller


def test_only_services_ask_about_every_organisation() -> None:
    of_service = Caller(EVERY_ORGANISATION, "history", "history", "service", frozenset({INTERNAL}))
    assert verify(mint_internal_token(of_service, SECRET)) == of_service
    with pytest.raises(TokenInvalid):
        verify(signed(claims(org=EVERY_ORGANISATION)))


def test_a_token_is_good_for_a_minute_and_the_leeway() -> None:
    now = int(time.time())
    assert verify(signed(claims(exp=now - LEEWAY + 5))).subject == "user-1"
    with pytest.raises(TokenExpired):
        verify(signed(claims(exp=now - LEEWAY - 5)))


def test_a_remembered_token_expires_too(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = InternalTokenVerifier(SECRET)
    token = mint_internal_token(CALLER, SECRET)
    assert verifier.verify(token) == CALLER
    set_clock_forward(monkeypatch, LIFETIME + LEEWAY - 5)
    assert verifier.verify(token) == CALLER
    set_clock_forward(monkeypatch, 10)
    with pytest.raises(TokenExpired):
        verifier.verify(token)


def set_clock_forward(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The clock of this project and that of PyJWT, which asks `datetime`."""
    now = time.time

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(time.time(), tz)

    monkeypatch.setattr(time, "time", lambda: now() + seconds)
    monkeypatch.setattr(jwt.api_jwt, "datetime", Later)


def test_no_more_tokens_are_remembered_than_allowed() -> None:
    verifier = InternalTokenVerifier(SECRET, remembered=3)
    for number in range(10):
        assert verifier.verify(signed(claims(sub=f"user-{number}"))).subject == f"user-{number}"
    assert len(verifier._callers) == 3


def test_tokens_whose_time_is_over_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = InternalTokenVerifier(SECRET)
    for _ in range(3):
        verifier.verify(mint_internal_token(CALLER, SECRET))
        set_clock_forward(monkeypatch, LIFETIME / 2)
    assert len(verifier._callers) == 3
    set_clock_forward(monkeypatch, LEEWAY)
    verifier.verify(mint_internal_token(CALLER, SECRET))
    assert len(verifier._callers) == 2


def test_one_that_lasts_for_long_keeps_no_others_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier, lasting = InternalTokenVerifier(SECRET), signed(claims(sub="lasting"))
    for number in range(10):
        assert verifier.verify(lasting).subject == "lasting"
        verifier.verify(signed(claims(sub=f"user-{number}", exp=int(time.time()) + LIFETIME)))
        set_clock_forward(monkeypatch, LIFETIME + LEEWAY)
    assert len(verifier._callers) <= 3


@pytest.mark.parametrize(
    "token",
    [
        signed(claims(), secret="t" * 32),
        signed(claims(), secret=""),
        jwt.encode(claims(), SECRET * 2, algorithm="HS512"),
        jwt.encode(claims(), "", algorithm="none"),
        signed(claims(), alg="none"),
        signed(claims(), alg="HS384"),
        signed(claims(), alg="RS256"),
        signed(claims(aud="muster-api")),
        signed(claims(aud=None)),
        signed(claims(iss="somebody")),
        signed({name: value for name, value in claims().items() if name != "exp"}),
        signed({name: value for name, value in claims().items() if name != "aud"}),
        signed({name: value for name, value in claims().items() if name != "org"}),
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
        ("employee_id", "42"), ("employee_id", True),
        ("user_type", "root"), ("user_type", None), ("user_type", ["staff"]),
        ("sub", 7), ("sub", None),
        ("exp", "9999999999"), ("exp", None), ("exp", float("inf")), ("exp", float("nan")), ("exp", [1]),
        ("exp", True), ("iat", "now"), ("iat", float("inf")), ("iat", None),
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
        SERVICE.require("training.enroll", "training.enroll.self")
