"""Several providers side by side: each token is verified by the keys of its own issuer, and read by its own map."""

import json
import logging
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.auth.client_token import ClientTokenVerifier, Provider
from tests.integration.gateway.edge import NOWHERE, Accounts, Edge, StartGateway, Upstream, new_token
from tests.support.eventually import eventually
from tests.support.identity_provider import Provider as IdentityProvider
from tests.support.identity_provider import identity_provider
from tests.support.internal_keys import verifier
from tests.support.providers import ENTRA_AUDIENCE, ENTRA_ISSUER, ENTRA_MAP, KEYCLOAK_MAP, entra_claims, keycloak_claims

COURSES, LOGOUT = "/api/v1/training/courses", "/api/v1/auth/logout"
ENTRA_KEY = rsa.generate_private_key(65537, 2048)


@pytest.fixture
async def keycloak() -> AsyncIterator[IdentityProvider]:
    async with identity_provider() as provider:
        yield provider


@pytest.fixture
def entra(tmp_path: Path) -> dict[str, Any]:
    """As a setting, with its keys in a file."""
    jwk = jwt.get_algorithm_by_name("RS256").to_jwk(ENTRA_KEY.public_key(), as_dict=True)
    file = tmp_path / "entra.json"
    file.write_text(json.dumps({"keys": [jwk | {"kid": "first"}]}))  # as Keycloak calls its own
    return {
        "issuer": ENTRA_ISSUER,
        "audience": ENTRA_AUDIENCE,
        "key_set_file": file,
        "algorithms": ["RS256"],
        "claims": ENTRA_MAP,
    }


def of_keycloak(provider: IdentityProvider, **changes: Any) -> dict[str, Any]:
    setting = {"issuer": provider.url, "audience": "muster", "metadata_url": f"{provider.url}/metadata"}
    return {**setting, "claims": KEYCLOAK_MAP, **changes}


def keycloak_token(provider: IdentityProvider, **changes: Any) -> str:
    claims = keycloak_claims(iss=provider.url, **changes)
    return jwt.encode(claims, provider.private["first"], "ES256", headers={"kid": "first"})


def entra_token(**changes: Any) -> str:
    return jwt.encode(entra_claims(**changes), ENTRA_KEY, "RS256", headers={"kid": "first"})


@pytest.fixture
async def edge(start_gateway: StartGateway, keycloak: IdentityProvider, entra: dict[str, Any]) -> Edge:
    edge = await start_gateway(providers=[of_keycloak(keycloak), entra], key_set_cooldown=0.01)
    await eventually(partial(is_answered, edge, keycloak_token(keycloak), 200))
    return edge


async def is_answered(edge: Edge, token: str, status: int) -> bool:
    return (await edge.client(token).get(COURSES)).status == status


async def test_tokens_of_all_of_them_are_accepted_each_for_its_organisation(
    edge: Edge, upstream: Upstream, keycloak: IdentityProvider, organisation: int
) -> None:
    upstream.received.clear()
    for token in (keycloak_token(keycloak), entra_token(), new_token(organisation)):
        assert await is_answered(edge, token, 200)
    tokens = [dict(received.headers)["Authorization"].removeprefix("Bearer ") for received in upstream.received]
    callers = [verifier("catalog").verify(token) for token in tokens]
    assert [caller.organisation_id for caller in callers] == [8, 7, organisation]
    assert [caller.name for caller in callers[:2]] == ["hannah", "Hannah Reed"]


def forged(keycloak: IdentityProvider) -> dict[str, str]:
    """Each signed with a key that is good, though not for this."""
    own = keycloak.private["first"]
    first = {"kid": "first"}
    return {
        "the key of one for another": jwt.encode(entra_claims(), own, "ES256", headers=first),
        "and the other way round": jwt.encode(keycloak_claims(iss=keycloak.url), ENTRA_KEY, "RS256", headers=first),
        "a provider's key for our own issuer": jwt.encode(
            entra_claims(iss="muster", aud="muster-api"), ENTRA_KEY, "RS256", headers=first
        ),
        "another one's audience": entra_token(aud="muster"),
        "a slash more": entra_token(iss=f"{ENTRA_ISSUER}/"),
        "another case": entra_token(iss=ENTRA_ISSUER.upper()),
        "no issuer": entra_token(iss=...),
    }


async def test_a_key_of_one_never_verifies_a_token_of_another(edge: Edge, keycloak: IdentityProvider) -> None:
    for name, token in forged(keycloak).items():
        answer = await edge.client(token).get(COURSES)
        assert (answer.status, answer.json["code"]) == (401, "token_invalid"), name


async def test_control_with_one_set_of_keys_for_all_it_would(
    edge: Edge, keycloak: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_one = ClientTokenVerifier._provider_of

    def of_any(own: ClientTokenVerifier, token: str) -> Provider:
        provider = of_one(own, token)
        pooled = [own._providers[keycloak.url].source, own._providers[ENTRA_ISSUER].source]

        class Pool:
            keys = provider.source.keys

            async def find(self, key_id: str) -> Any:
                return next(key for source in pooled for key in [source.keys[key_id]] if key.algorithm == "ES256")

        return Provider(provider.issuer, provider.audience, frozenset(("ES256", "RS256")), Pool(), read=provider.read)

    monkeypatch.setattr(ClientTokenVerifier, "_provider_of", of_any)
    assert await is_answered(edge, forged(keycloak)["the key of one for another"], 200)


async def test_each_accepts_its_own_algorithms_alone(start_gateway: StartGateway, keycloak: IdentityProvider) -> None:
    edge = await start_gateway(providers=[of_keycloak(keycloak, algorithms=["RS256"])])
    assert await is_answered(edge, keycloak_token(keycloak), 401)


async def test_a_provider_that_cannot_be_reached_takes_nobody_elses_tokens_with_it(
    start_gateway: StartGateway, keycloak: IdentityProvider, entra: dict[str, Any]
) -> None:
    away = of_keycloak(keycloak, metadata_url=f"{NOWHERE}/metadata")
    edge = await start_gateway(providers=[away, entra])
    answer = await edge.client(keycloak_token(keycloak)).get(COURSES)
    assert (answer.status, answer.json["code"]) == (503, "upstream_unavailable")
    assert await is_answered(edge, entra_token(), 200)

    async def is_ready() -> bool:
        return (await edge.client().get("/health/ready")).status == 200

    await eventually(is_ready)


@pytest.mark.parametrize("what", ["issuer", "padding", "moved_to"])
async def test_keys_that_are_not_to_be_trusted_are_not_read(
    start_gateway: StartGateway, keycloak: IdentityProvider, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """Metadata of another issuer, were it by a slash; a key set of a megabyte; one that has moved elsewhere."""
    values = {"issuer": f"{keycloak.url}/", "padding": 2**20, "moved_to": f"{keycloak.url}/keys?moved"}
    setattr(keycloak, what, values[what])
    with caplog.at_level(logging.WARNING):
        edge = await start_gateway(providers=[of_keycloak(keycloak)], key_set_cooldown=0.01)
        assert await is_answered(edge, keycloak_token(keycloak), 503)
    told = {
        "issuer": f"is of the issuer '{keycloak.url}/', and PROVIDERS has '{keycloak.url}'",
        "padding": "answered with more than 256 KiB",
        "moved_to": "answered 302",
    }
    lines = [line for line in caplog.messages if told[what] in line]
    assert len(lines) == 1, caplog.messages
    setattr(keycloak, what, type(values[what])())
    await eventually(partial(is_answered, edge, keycloak_token(keycloak), 200))


async def test_a_token_without_an_id_is_revoked_with_all_that_were_issued_just_then(
    edge: Edge, keycloak: IdentityProvider
) -> None:
    now = int(time.time())
    token, twin = (keycloak_token(keycloak, jti=..., iat=now, acr=acr) for acr in ("1", "2"))
    earlier, anothers = keycloak_token(keycloak, jti=..., iat=now - 1), keycloak_token(keycloak, jti=..., sub="bob")
    for each in (token, twin, earlier, anothers):
        assert await is_answered(edge, each, 200)
    assert (await edge.client(token).request("POST", LOGOUT)).status == 200
    assert [await is_answered(edge, each, 401) for each in (token, twin)] == [True, True]
    assert [await is_answered(edge, each, 200) for each in (earlier, anothers)] == [True, True]


async def test_two_providers_may_give_two_tokens_one_id(
    edge: Edge, keycloak: IdentityProvider, organisation: int
) -> None:
    ours, theirs, others = new_token(organisation, jti="x"), keycloak_token(keycloak, jti="x"), entra_token(uti="x")
    assert (await edge.client(theirs).request("POST", LOGOUT)).status == 200
    assert await is_answered(edge, theirs, 401)
    assert [await is_answered(edge, each, 200) for each in (ours, others)] == [True, True]


async def test_a_subject_of_an_outside_provider_is_cut_off_too(
    edge: Edge, accounts: Accounts, keycloak: IdentityProvider
) -> None:
    token = keycloak_token(keycloak, sub="ada", iat=int(time.time()) - 60)
    assert await is_answered(edge, token, 200)
    accounts.refuse_tokens("muster", 8, "ada", int(time.time()))
    accounts.refuse_tokens(keycloak.url, 8, "bob", int(time.time()))
    accounts.refuse_tokens(keycloak.url, 8, "ada", int(time.time()) - 30)
    await eventually(partial(is_answered, edge, token, 401))
    assert await is_answered(edge, keycloak_token(keycloak, sub="ada"), 200)


async def test_a_providers_keys_rotate_and_take_its_own_tokens_along(
    edge: Edge, keycloak: IdentityProvider, organisation: int
) -> None:
    old, ours = keycloak_token(keycloak), new_token(organisation)
    keycloak.private = {"second": ec.generate_private_key(ec.SECP256R1())}
    claims = keycloak_claims(iss=keycloak.url)
    new = jwt.encode(claims, keycloak.private["second"], "ES256", headers={"kid": "second"})
    await eventually(partial(is_answered, edge, new, 200))
    assert await is_answered(edge, old, 401)
    assert await is_answered(edge, ours, 200)
