"""The documents by which a client finds everything (RFC 8414, RFC 9728), and a client that nobody here wrote."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import jwt
import pytest
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from services.accounts.app import SERVICE
from services.accounts.settings import AccountsSettings
from shared.auth.internal_token import ENROLL, VIEW
from shared.service.chassis import build_app
from tests.support.client import Client
from tests.support.outside_client import ADDRESS, AsGateway
from tests.support.programs import Program, maker, new_program
from tests.support.stack import Stack, serving

SERVER = "/.well-known/oauth-authorization-server"
RESOURCE = "/.well-known/oauth-protected-resource"


def through(stack: Stack, host: str = "muster.example") -> Client:
    """As the gateway passes on what was asked at this host."""
    public = stack.public()
    sends = {**public.sends, "X-Forwarded-Host": host, "X-Forwarded-Proto": "https"}
    return Client(public.http, public.url, public.token, sends=sends)


async def test_the_server_describes_itself(stack: Stack) -> None:
    answer = await through(stack).get(SERVER)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "public, max-age=300")
    assert answer.json == {
        "issuer": "https://muster.example",
        "token_endpoint": "https://muster.example/oauth/token",
        "jwks_uri": "https://muster.example/.well-known/jwks.json",
        "scopes_supported": answer.json["scopes_supported"],
        "response_types_supported": ["none"],
        "grant_types_supported": ["client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "protected_resources": ["https://muster.example"],
    }
    assert {"api.access", VIEW, ENROLL} < set(answer.json["scopes_supported"])
    assert not any(scope.startswith("internal.") for scope in answer.json["scopes_supported"])


async def test_the_api_names_its_server(stack: Stack) -> None:
    answer = await through(stack).get(RESOURCE)
    assert answer.json == {
        "resource": "https://muster.example",
        "resource_name": "Muster",
        "authorization_servers": ["https://muster.example"],
        "scopes_supported": answer.json["scopes_supported"],
        "bearer_methods_supported": ["header"],
    }


@asynccontextmanager
async def another_process(stack: Stack, **changes: Any) -> AsyncIterator[Client]:
    """A process of accounts with other settings, as the gateway asks it."""
    settings = stack.settings["accounts"]
    assert isinstance(settings, AccountsSettings)
    async with serving(build_app(SERVICE, settings.model_copy(update=changes), "api")) as url:
        yield replace(through(stack), url=url)


async def test_settings_name_the_public_address(stack: Stack) -> None:
    async with another_process(stack, public_url="https://lms.example/", token_issuer="https://lms.example") as client:
        server, resource = (await client.get(SERVER)).json, (await client.get(RESOURCE)).json
    assert (server["issuer"], server["token_endpoint"]) == ("https://lms.example", "https://lms.example/oauth/token")
    assert (resource["resource"], resource["authorization_servers"]) == ("https://lms.example", ["https://lms.example"])


async def test_the_document_is_valid_whatever_tokens_call_their_issuer(stack: Stack) -> None:
    """RFC 8414 wants an https address: the name that issues tokens by default is none."""
    AuthorizationServerMetadata((await through(stack).get(SERVER)).json).validate()
    async with another_process(stack, token_issuer=ADDRESS) as client:
        AuthorizationServerMetadata((await client.get(SERVER)).json).validate()


def fetch_token(
    stack: Stack, program: Program, method: str, scope: str | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What authlib makes of the document's address, an id and a secret: the answer, and the claims that it verifies."""
    with OAuth2Session(program.client_id, program.secret, scope=scope, token_endpoint_auth_method=method) as session:
        session.mount(ADDRESS, AsGateway(stack.accounts_url, stack.public().token or ""))
        server = session.get(ADDRESS + SERVER, withhold_token=True).json()
        token = session.fetch_token(server["token_endpoint"], grant_type=server["grant_types_supported"][0])
        keys = session.get(server["jwks_uri"], withhold_token=True).json()
    claims = jwt.decode(
        token["access_token"],
        jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token["access_token"])["kid"]],
        algorithms=["EdDSA"],
        audience="muster-api",
        issuer="muster",
    )
    return token, claims


@pytest.mark.parametrize("scope", [None, VIEW])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_authlib_gets_a_token_from_the_address_an_id_and_a_secret(
    stack: Stack, organisation: int, method: str, scope: str | None
) -> None:
    program = await new_program(maker(stack, organisation), permissions=[VIEW, ENROLL])
    token, claims = await asyncio.to_thread(fetch_token, stack, program, method, scope)
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    assert (claims["client_id"], claims["org"]) == (program.client_id, organisation)
    assert claims["permissions"] == (["api.access", ENROLL, VIEW] if scope is None else ["api.access", VIEW])


async def test_authlib_reads_why_it_is_refused(stack: Stack, organisation: int) -> None:
    program = await new_program(maker(stack, organisation))
    for wrong, scope, error in (
        (replace(program, secret="wrong"), None, "invalid_client"),
        (program, "training.fly", "invalid_scope"),
    ):
        with pytest.raises(OAuthError) as refused:
            await asyncio.to_thread(fetch_token, stack, wrong, "client_secret_basic", scope)
        assert refused.value.error == error
