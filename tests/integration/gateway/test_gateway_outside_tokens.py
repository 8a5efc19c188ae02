"""Tokens as Entra and Keycloak make them, through a gateway with the maps that docs/operations.md prints.

What a map reads, claim by claim, is in tests/unit/gateway/test_claim_map.py; here every claim that such a token has is
taken away, changed under its signature, and given every other type.
"""

import base64
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
import pytest

from gateway.auth.claim_map import Source
from tests.integration.gateway.edge import Edge, StartGateway, Upstream
from tests.support.eventually import eventually
from tests.support.identity_provider import Provider, identity_provider
from tests.support.papers import ROOT, section, text_of
from tests.support.providers import (
    ENTRA_AUDIENCE,
    ENTRA_ISSUER,
    ENTRA_PROGRAM,
    ENTRA_TENANT,
    KEYCLOAK_ISSUER,
    entra_claims,
    keycloak_claims,
)

COURSES = "/api/v1/training/courses"
KEY = "first"
BLANKS = {"<tenant>": ENTRA_TENANT, "<application id>": ENTRA_AUDIENCE, "<client id>": ENTRA_PROGRAM}
"""What a reader of the page fills in."""
SUBJECT = str(uuid.uuid4())
"""Nobody whose requests other tests count."""
OTHER_TYPES: tuple[Any, ...] = (None, True, 7, 1.5, "x", "", ["x"], [["x"]], {"x": "x"})

Meaning = Literal["required", "optional", "number", "numbers", "grants", "ignored"]
"""What a gateway makes of a claim. A required one must be there and right, an optional one may be missing; a number may
be a text, several a list or a text; one that grants something may say whatever gives nobody more."""


@dataclass(frozen=True)
class Shape:
    """Tokens of one kind: what they hold, and what the gateway says to services of their bearer."""

    issuer: str
    claims: Callable[[], dict[str, Any]]
    told: dict[str, Any]
    meanings: dict[Meaning, set[str]]
    header: dict[str, Any] = field(default_factory=dict)

    def meaning(self, claim: str) -> Meaning:
        [found] = [meaning for meaning, claims in self.meanings.items() if claim in claims]
        return found


ENTRA_MEANINGS: dict[Meaning, set[str]] = {
    "required": {"iss", "aud", "exp", "iat", "tid", "oid", "ver", "azp"},
    "optional": {"nbf", "name", "uti"},
    "number": {"employeeid"},
    "grants": {"roles", "scp"},
    "ignored": {"aio", "azpacr", "preferred_username", "rh", "sub"},
}
ENTRA_PROGRAM_MEANINGS: dict[Meaning, set[str]] = {
    "required": {"iss", "aud", "exp", "iat", "tid", "oid", "ver", "azp"},
    "optional": {"nbf", "uti", "idtyp"},
    "grants": {"roles"},
    "ignored": {"aio", "azpacr", "rh", "sub"},
}
KEYCLOAK_MEANINGS: dict[Meaning, set[str]] = {
    "required": {"iss", "aud", "exp", "iat", "sub", "typ"},
    "optional": {"jti", "preferred_username"},
    "number": {"employee_id"},
    "numbers": {"company_ids"},
    "grants": {"realm_access"},
    "ignored": {"azp", "sid", "session_state", "acr", "scope", "resource_access", "allowed-origins"},
}


def entra_program() -> dict[str, Any]:
    """By client credentials; `oid` and `sub` are both the service principal."""
    return entra_claims(
        idtyp="app", oid=SUBJECT, sub=SUBJECT, roles=["Training.Sync"], scp=..., name=..., preferred_username=...
    )


def keycloak_user() -> dict[str, Any]:
    more = {"session_state": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "allowed-origins": ["*"]}
    return keycloak_claims(sub=SUBJECT, **more)


SHAPES = {
    "a user of Entra": Shape(
        ENTRA_ISSUER,
        lambda: entra_claims(oid=SUBJECT, employeeid="42"),
        {"user_type": "staff", "employee_id": 42},
        ENTRA_MEANINGS,
        {"x5t": KEY},
    ),
    "a program of Entra": Shape(
        ENTRA_ISSUER, entra_program, {"user_type": "service"}, ENTRA_PROGRAM_MEANINGS, {"x5t": KEY}
    ),
    "a user of Keycloak": Shape(
        KEYCLOAK_ISSUER,
        keycloak_user,
        {"user_type": "staff", "employee_id": 42, "company_ids": [7, 9]},
        KEYCLOAK_MEANINGS,
    ),
}
of_every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


@dataclass(frozen=True)
class Trusting:
    """A gateway to which the provider's tokens count, and the service behind it."""

    edge: Edge
    provider: Provider
    shape: Shape
    upstream: Upstream

    def signed(self, claims: dict[str, Any]) -> str:
        return self.provider.signed(KEY, claims, **self.shape.header)

    async def heard(self, token: str) -> dict[str, Any] | None:
        """The claims of the internal token for it, without what differs from token to token; None if it was refused."""
        self.upstream.received.clear()
        answer = await self.edge.client(token).get(COURSES)
        if answer.status == 401:
            assert not self.upstream.received
            return None
        if answer.status == 403:
            return {"permissions": []}
        assert answer.status == 200, answer.text
        [request] = self.upstream.received
        internal = dict(request.headers)["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(internal, options={"verify_signature": False})
        return {name: value for name, value in claims.items() if name not in ("iat", "exp", "jti")}


def documented(issuer: str) -> dict[str, Any]:
    """The entry of PROVIDERS that the page prints for this issuer, its blanks filled in."""
    page = text_of(ROOT / "docs/operations.md")
    for blank, value in BLANKS.items():
        assert blank in page
        page = page.replace(blank, value)
    blocks = re.findall(r"^```json\n(.*?)^```", section(page, "## Identity providers"), re.DOTALL | re.MULTILINE)
    [found] = [entry for block in blocks for entry in json.loads(block) if entry["issuer"] == issuer]
    return dict(found)


def at(provider: Provider, entry: dict[str, Any]) -> dict[str, Any]:
    """The same entry, with the keys where the test publishes them."""
    elsewhere = {name: value for name, value in entry.items() if name not in ("metadata_url", "key_set_url")}
    return {**elsewhere, "key_set_url": f"{provider.url}/keys"}


@asynccontextmanager
async def trusting(start_gateway: StartGateway, upstream: Upstream, shape: Shape) -> AsyncIterator[Trusting]:
    async with identity_provider() as provider:
        provider.add_rsa_key(KEY)
        edge = await start_gateway(providers=[at(provider, documented(shape.issuer))], rate_limit=1_000_000)
        trusted = Trusting(edge, provider, shape, upstream)

        async def counts() -> bool:
            return (await edge.client(trusted.signed(shape.claims())).get(COURSES)).status == 200

        await eventually(counts)
        yield trusted


@of_every_shape
async def test_a_token_passes_with_the_documented_map(
    start_gateway: StartGateway, upstream: Upstream, shape: Shape
) -> None:
    async with trusting(start_gateway, upstream, shape) as gateway:
        told = await gateway.heard(gateway.signed(shape.claims()))
    assert told is not None
    assert {name: told.get(name) for name in shape.told} == shape.told
    assert "api.access" in told["permissions"]


@of_every_shape
async def test_a_claim_that_is_changed_under_the_signature_is_refused(
    start_gateway: StartGateway, upstream: Upstream, shape: Shape
) -> None:
    async with trusting(start_gateway, upstream, shape) as gateway:
        token = gateway.signed(shape.claims())
        for claim in shape.claims():
            assert await gateway.heard(_changed(token, claim)) is None, claim
        assert await gateway.heard(token) is not None


def _changed(token: str, claim: str) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    written = json.dumps({**claims, claim: "forged"}).encode()
    return f"{header}.{base64.urlsafe_b64encode(written).rstrip(b'=').decode()}.{signature}"


@of_every_shape
async def test_a_claim_that_is_missing_or_of_another_type_gives_nobody_more(
    start_gateway: StartGateway, upstream: Upstream, shape: Shape
) -> None:
    assert {claim for claims in shape.meanings.values() for claim in claims} == set(shape.claims())
    async with trusting(start_gateway, upstream, shape) as gateway:
        wrong = await heard_otherwise(gateway)
    assert not wrong, "\n".join(wrong)


async def test_control_a_map_that_takes_the_first_of_a_list_is_noticed(
    start_gateway: StartGateway, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Source, "_is_list_as_it_stands", lambda *_: False)
    async with trusting(start_gateway, upstream, SHAPES["a user of Entra"]) as gateway:
        assert any(line.startswith("oid = ['x']") for line in await heard_otherwise(gateway))


async def heard_otherwise(gateway: Trusting) -> list[str]:
    """The changes of which the gateway made something else than it should."""
    shape, wrong = gateway.shape, []
    usual = await gateway.heard(gateway.signed(shape.claims()))
    assert usual is not None
    for claim, other in changes(shape):
        claims = {name: value for name, value in {**shape.claims(), claim: other}.items() if value is not ...}
        told = await gateway.heard(gateway.signed(claims))
        if not is_as_meant(shape.meaning(claim), usual, told, is_empty=other in (..., None, "")):
            wrong.append(f"{claim} = {other}: {told}")
    return wrong


def changes(shape: Shape) -> Iterator[tuple[str, Any]]:
    """Each claim left out, empty, and of every type that it must not have."""
    may_be = {"number": {str, int}, "numbers": {str, int, list}}
    for claim, value in shape.claims().items():
        types = may_be.get(shape.meaning(claim), {type(value)}) | ({float} if type(value) is int else set())
        yield from ((claim, other) for other in (..., *OTHER_TYPES) if type(other) not in types or other == "")


def is_as_meant(meaning: Meaning, usual: dict[str, Any], told: dict[str, Any] | None, *, is_empty: bool) -> bool:
    match meaning:
        case "required":
            return told is None
        case "ignored":
            return told == usual
        case "grants":
            return told is None or is_less(told, usual)
        case _:
            return told is None or (is_empty and is_less(told, usual))


def is_less(told: dict[str, Any], usual: dict[str, Any]) -> bool:
    """Whether it says nothing of its bearer that it did not say before."""
    said = {name for name, value in told.items() if value not in (None, [], "")} - {"permissions", "user_type"}
    kinds = {usual.get("user_type"), "staff"}  # what the page gives to tokens that do not say it
    return (
        {name: told[name] for name in said}.items() <= usual.items()
        and set(told["permissions"]) <= set(usual["permissions"])
        and told.get("user_type", "staff") in kinds
    )


@of_every_shape
async def test_claims_of_our_own_names_choose_nothing(
    start_gateway: StartGateway, upstream: Upstream, shape: Shape
) -> None:
    own = {"org": 99, "permissions": ["training.manage", "platform.manage"], "rate_limit": 1_000_000, "scope": "all"}
    async with trusting(start_gateway, upstream, shape) as gateway:
        usual = await gateway.heard(gateway.signed(shape.claims()))
        assert await gateway.heard(gateway.signed({**own, **shape.claims()})) == usual


@of_every_shape
async def test_a_key_without_a_name_or_of_another_s_is_refused(
    start_gateway: StartGateway, upstream: Upstream, shape: Shape
) -> None:
    async with trusting(start_gateway, upstream, shape) as gateway:
        stranger = Provider()
        stranger.add_rsa_key(KEY)
        assert await gateway.heard(stranger.signed(KEY, shape.claims())) is None
        unnamed = jwt.encode(shape.claims(), gateway.provider.private[KEY], "RS256")
        assert await gateway.heard(unnamed) is None
