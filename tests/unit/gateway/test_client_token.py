"""Client tokens: everything that is not exactly a good one is refused with the right code."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway.auth.client_token import ClientTokenVerifier, Provider
from gateway.auth.key_sources import NoKeys
from gateway.auth.providers import Algorithm
from shared.auth.internal_token import LEEWAY
from shared.auth.jwk import Key, Keys, public_key
from shared.errors import ApiError, TokenExpired, TokenInvalid
from tests.support.internal_keys import signer
from tests.support.internal_keys import verifier as verifier_of

SECRET = "s" * 32
ALGORITHMS: frozenset[Algorithm] = frozenset(("EdDSA", "ES256", "RS256", "HS256"))
PRIVATE: dict[str, Any] = {
    "ed": ed25519.Ed25519PrivateKey.generate(),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
}
ALGORITHM = {"ed": "EdDSA", "ec": "ES256", "rsa": "RS256"}


def jwk_of(name: str) -> dict[str, Any]:
    algorithm = jwt.get_algorithm_by_name(ALGORITHM[name])
    return {**algorithm.to_jwk(PRIVATE[name].public_key(), as_dict=True), "kid": name}


class FixedKeys:
    """A key source whose set can be exchanged."""

    def __init__(self, *names: str) -> None:
        self.keys: Keys = {name: public_key(jwk_of(name)) for name in names}

    async def find(self, key_id: str) -> Key | None:
        return self.keys.get(key_id)


def verifier(source: Any = None, **changes: Any) -> ClientTokenVerifier:
    remembered = changes.pop("remembered", 10_000)
    values: dict[str, Any] = {"issuer": "muster", "audience": "muster-api", "algorithms": ALGORITHMS, "secret": SECRET}
    provider = Provider(source=source or FixedKeys("ed", "ec", "rsa"), **(values | changes))
    return ClientTokenVerifier([provider], remembered)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good: dict[str, Any] = {
        "iss": "muster",
        "aud": "muster-api",
        "sub": "7",
        "org": 1,
        "exp": now + 600,
        "iat": now,
        "jti": "j",
        "name": "Ada",
        "user_type": "staff",
        "permissions": ["api.access"],
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def signed(payload: bytes, header: dict[str, Any] | bytes | None = None, secret: str = SECRET) -> str:
    """A compact JWS by HS256 around any bytes at all."""
    head = header if isinstance(header, bytes) else json.dumps(header or {"alg": "HS256"}).encode()
    text = f"{b64(head)}.{b64(payload)}"
    return f"{text}.{b64(jwt.get_algorithm_by_name('HS256').sign(text.encode(), secret.encode()))}"


def hs256(**changes: Any) -> str:
    return signed(json.dumps(claims(**changes)).encode())


async def refused(token: str, **changes: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await verifier(**changes).verify(token)
    return caught.value


@pytest.mark.parametrize("name", ["ed", "ec", "rsa"])
async def test_a_token_of_a_published_key_is_good(name: str) -> None:
    token = jwt.encode(claims(), PRIVATE[name], ALGORITHM[name], headers={"kid": name})
    verified = await verifier().verify(token)
    assert (verified.caller.subject, verified.caller.organisation_id, verified.id) == ("7", 1, "j")


async def test_every_claim_reaches_the_caller() -> None:
    permissions = ["api.access", "training.view"]
    claims = {"employee_id": 42, "company_ids": [7, 2**63 - 1], "user_type": "contractor"}
    token = hs256(**claims, rate_limit=5, permissions=permissions)
    verified = await verifier().verify(token)
    assert verified.rate_limit == 5
    assert verified.caller.employee_id == 42
    assert verified.caller.company_ids == (7, 2**63 - 1)
    assert verified.caller.user_type == "contractor"
    assert verified.caller.permissions == {"api.access", "training.view"}


@pytest.mark.parametrize(
    "changes",
    [
        {name: ...} for name in ("exp", "iat", "iss", "aud", "sub", "org", "jti", "user_type")
    ]
    + [
        {"exp": str(int(time.time()) + 600)},
        {"exp": 1e308},
        {"exp": True},
        {"exp": 10**15},
        {"exp": -1},
        {"iat": "now"},
        {"iat": int(time.time()) + 86_400},
        {"nbf": int(time.time()) + 86_400},
        {"nbf": "x"},
        {"iss": "other"},
        {"iss": ["muster"]},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": "internal"},
        {"aud": {"muster-api": 1}},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "a\x00b"},
        {"sub": "a\nb"},
        {"sub": "\ud800"},
        {"org": 0},
        {"org": -1},
        {"org": "1"},
        {"org": 1.0},
        {"org": True},
        {"org": 2**63},
        {"jti": ""},
        {"jti": 5},
        {"name": 5},
        {"user_type": "admin"},
        {"user_type": None},
        {"permissions": "api.access"},
        {"permissions": [1]},
        {"permissions": ["x"] * 101},
        {"permissions": ["x" * 101]},
        {"permissions": {"api.access": True}},
        {"employee_id": "42"},
        {"employee_id": True},
        {"employee_id": 0},
        {"company_ids": 7},
        {"company_ids": None},
        {"company_ids": ["7"]},
        {"company_ids": [0]},
        {"company_ids": [2**63]},
        {"company_ids": [True]},
        {"company_ids": list(range(1, 102))},
        {"rate_limit": 0},
        {"rate_limit": "60"},
        {"rate_limit": True},
    ],
)  # fmt: skip
async def test_a_claim_that_is_missing_or_wrong_is_refused(changes: dict[str, Any]) -> None:
    error = await refused(hs256(**changes))
    assert (type(error), error.code) == (TokenInvalid, "token_invalid")


FRACTIONS: list[dict[str, Any]] = [{"nbf": 1}, {"exp": 4e9 + 0.5}, {"iat": 1.5}, {"nbf": 0.25}]


@pytest.mark.parametrize("changes", [{}, {"aud": ["x", "muster-api"]}, {"permissions": ...}, {"name": ...}, *FRACTIONS])
async def test_what_may_differ(changes: dict[str, Any]) -> None:
    assert await verifier().verify(hs256(**changes))


async def test_expiry_has_at_most_thirty_seconds_of_leeway() -> None:
    now = int(time.time())
    assert await verifier().verify(hs256(exp=now - 20, iat=now - 60))
    error = await refused(hs256(exp=now - 31, iat=now - 60))
    assert (type(error), error.code) == (TokenExpired, "token_expired")


async def test_a_remembered_token_expires_too(monkeypatch: pytest.MonkeyPatch) -> None:
    checked, token = verifier(), hs256()
    assert await checked.verify(token) is await checked.verify(token)
    later = time.time() + 631
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(TokenExpired):
        await checked.verify(token)


async def test_a_remembered_token_is_forgotten_when_it_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    checked, token = verifier(), hs256(exp=now + 600)
    await checked.verify(token)
    for later, is_known in ((now + 600 + LEEWAY - 0.001, True), (now + 600 + LEEWAY, False)):
        monkeypatch.setattr(time, "time", lambda later=later: later)
        assert (checked.known(token) is not None) is is_known
        assert (token in checked._tokens) is is_known


async def test_the_token_used_longest_ago_is_forgotten_first() -> None:
    checked = verifier(remembered=2)
    tokens = [hs256(jti=str(number)) for number in range(3)]
    for number in (0, 1, 0, 2):
        await checked.verify(tokens[number])
    assert [token in checked._tokens for token in tokens] == [True, False, True]


async def test_a_remembered_token_falls_with_its_key() -> None:
    source = FixedKeys("ed")
    checked = verifier(source)
    token = jwt.encode(claims(), PRIVATE["ed"], "EdDSA", headers={"kid": "ed"})
    assert await checked.verify(token)
    source.keys = {}
    with pytest.raises(TokenInvalid):
        await checked.verify(token)


async def test_the_memory_is_bounded() -> None:
    checked = verifier(remembered=2)
    tokens = [hs256(jti=str(number)) for number in range(3)]
    first = await checked.verify(tokens[0])
    for token in tokens[1:]:
        await checked.verify(token)
    assert await checked.verify(tokens[0]) is not first


def public_pem(name: str) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem: bytes = PRIVATE[name].public_key().public_bytes(serialization.Encoding.PEM, form)
    return pem


def hs256_with_public_key(name: str) -> str:
    """The classic confusion: a public key used as if it were a shared secret."""
    text = f"{b64(json.dumps({'alg': 'HS256', 'kid': name}).encode())}.{b64(json.dumps(claims()).encode())}"
    return f"{text}.{b64(hmac.digest(public_pem(name), text.encode(), hashlib.sha256))}"


def unsigned() -> str:
    header = b64(json.dumps({"alg": "none"}).encode())
    return f"{header}.{b64(json.dumps(claims()).encode())}."


GOOD = json.dumps(claims()).encode()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        hs256()[:-4] + "AAAA",
        hs256() + ".x",
        hs256().replace(".", "..", 1),
        "\udcff" + hs256(),
        hs256() + "\u00e9",
        hs256() + "\n",
        unsigned(),
        unsigned() + "AA",
        signed(GOOD, {"alg": "HS512"}),
        signed(GOOD, {"alg": "hs256"}),
        signed(GOOD, {"alg": ["HS256"]}),
        signed(GOOD, {"kid": "ed"}),
        signed(GOOD, {"alg": "EdDSA", "kid": "ed"}),
        signed(GOOD, {"alg": "HS256", "crit": ["exp"], "exp": 1}),
        signed(GOOD, {"alg": "HS256", "crit": None}),
        signed(GOOD, {"alg": "HS256", "typ": "logout+jwt"}),
        signed(GOOD, {"alg": "HS256", "typ": 5}),
        signed(GOOD, b'{"alg": "HS256", "alg": "HS256"}'),
        signed(GOOD, b"[]"),
        signed(GOOD, b'"alg"'),
        signed(GOOD, b"\xff"),
        signed(GOOD, secret="t" * 32),
        signed(GOOD[:-1] + b', "org": 2}'),
        signed(b"[]"),
        signed(b"null"),
        signed(b"\xff\xfe"),
        signed(b"[" * 3000 + b"]" * 3000),
        signed(json.dumps(claims(name="x" * 9000)).encode()),
        hs256_with_public_key("rsa"),
        hs256_with_public_key("ed"),
        jwt.encode(claims(), PRIVATE["rsa"], "RS512", headers={"kid": "rsa"}),
        jwt.encode(claims(), PRIVATE["rsa"], "RS256", headers={"kid": "ec"}),
        jwt.encode(claims(), PRIVATE["rsa"], "RS256"),
        jwt.encode(claims(), PRIVATE["ed"], "EdDSA", headers={"kid": "unknown"}),
        jwt.encode(claims(), ed25519.Ed25519PrivateKey.generate(), "EdDSA", headers={"kid": "ed"}),
    ],
)
async def test_a_malformed_or_wrongly_signed_token_is_invalid(token: str) -> None:
    error = await refused(token)
    assert (type(error), error.code) == (TokenInvalid, "token_invalid")
    assert 'error="invalid_token"' in error.headers["WWW-Authenticate"]


async def test_a_token_does_not_bring_its_own_key() -> None:
    own = ed25519.Ed25519PrivateKey.generate()
    jwk = jwt.get_algorithm_by_name("EdDSA").to_jwk(own.public_key(), as_dict=True)
    for headers in ({"jwk": jwk}, {"jwk": jwk, "kid": "ed"}, {"jku": "http://127.0.0.1:9/", "kid": "x"}):
        assert (await refused(jwt.encode(claims(), own, "EdDSA", headers=headers))).code == "token_invalid"


async def test_only_the_accepted_algorithms_count() -> None:
    token = jwt.encode(claims(), PRIVATE["rsa"], "RS256", headers={"kid": "rsa"})
    assert await verifier().verify(token)
    assert (await refused(token, algorithms=frozenset({"EdDSA"}))).code == "token_invalid"
    assert (await refused(hs256(), algorithms=frozenset({"EdDSA"}))).code == "token_invalid"
    assert (await refused(hs256(), secret=None)).code == "token_invalid"


async def test_the_internal_token_speaks_for_the_caller_and_is_kept_for_half_its_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = await verifier(NoKeys()).verify(hs256(employee_id=42, company_ids=[7, 8]))
    first, elsewhere = token.internal(signer(), "catalog"), token.internal(signer(), "enrollment")
    assert verifier_of("catalog").verify(first) == verifier_of("enrollment").verify(elsewhere) == token.caller
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 29)
    assert (token.internal(signer(), "catalog"), token.internal(signer(), "enrollment")) == (first, elsewhere)
    monkeypatch.setattr(time, "time", lambda: now + 31)
    assert token.internal(signer(), "catalog") != first


async def test_no_client_has_the_permission_by_which_services_ask_each_other() -> None:
    token = jwt.encode(claims(permissions=["api.access", "internal.call", "internal.seats"]), SECRET)
    verified = await verifier().verify(token)
    assert verified.caller.permissions == {"api.access"}
