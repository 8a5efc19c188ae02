"""Who asks through the client: somebody who signs in, a program; and servers that cannot be asked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster import AsyncMuster
from muster.errors import Unreachable
from muster.refusals import CredentialsInvalidError, InvalidClientError, InvalidGrantError, TokenInvalidError
from stack.config.ports import reserve_port
from tests.support.accounts import PASSWORD, NewUser, new_user
from tests.support.programs import Program, maker, new_program
from tests.support.proxy import Proxy
from tests.support.stack import Stack
from tests.support.tls import Tls


@pytest.fixture
async def user(stack: Stack, organisation: int) -> NewUser:
    return await new_user(stack, organisation)


@pytest.fixture
async def program(stack: Stack, organisation: int, user: NewUser) -> Program:
    return await new_program(maker(stack, organisation))


async def test_somebody_signs_in_and_goes_on_with_what_was_kept(stack: Stack, user: NewUser) -> None:
    kept: list[str] = []
    async with AsyncMuster(stack.gateway_url, email=user.email, password=PASSWORD, saved=kept.append) as client:
        assert (await client.auth.me()).role == "Admin"
    [first] = kept
    async with AsyncMuster(stack.gateway_url, refresh_token=first, saved=kept.append) as client:
        assert (await client.auth.me()).email == user.email
        await client.auth.sign_out()
    async with AsyncMuster(stack.gateway_url, refresh_token=kept[1]) as client:
        with pytest.raises(InvalidGrantError):
            await client.auth.me()


async def test_a_token_that_was_revoked_is_renewed_by_signing_in_again(stack: Stack, user: NewUser) -> None:
    async with AsyncMuster(stack.gateway_url, email=user.email, password=PASSWORD) as client:
        await client.auth.logout()
        assert (await client.auth.me()).email == user.email


async def test_a_program_asks_for_itself(stack: Stack, program: Program) -> None:
    async with AsyncMuster(stack.gateway_url, client_id=program.client_id, client_secret=program.secret) as client:
        assert (await client.auth.me()).user_type == "service"
        assert await client.courses.list().first() is None


async def test_who_is_unknown_is_refused(stack: Stack, user: NewUser, program: Program) -> None:
    async with AsyncMuster(stack.gateway_url, email=user.email, password="wrong") as client:
        with pytest.raises(CredentialsInvalidError):
            await client.auth.me()
    async with AsyncMuster(stack.gateway_url, client_id=program.client_id, client_secret="wrong") as client:
        with pytest.raises(InvalidClientError, match="MUSTER_CLIENT_SECRET"):
            await client.auth.me()
    async with AsyncMuster(stack.gateway_url, token="a.b.c") as client:
        with pytest.raises(TokenInvalidError):
            await client.auth.me()


async def test_nobody_at_the_address(stack: Stack) -> None:
    async with AsyncMuster(f"http://127.0.0.1:{reserve_port()}", token="a.b.c") as client:
        with pytest.raises(Unreachable, match="Is MUSTER_URL right"):
            await client.courses.get(1)


@pytest.fixture
async def tls_url(stack: Stack, tmp_path: Path) -> AsyncIterator[str]:
    """The gateway behind TLS, by an authority that nobody trusts."""
    host, _, port = stack.gateway_url.removeprefix("http://").partition(":")
    proxy = Proxy((host, int(port)), tls=Tls.made(tmp_path).context)
    await proxy.accept()
    yield f"https://127.0.0.1:{proxy.port}"
    await proxy.close()


async def test_a_certificate_of_somebody_else_is_not_believed(tls_url: str) -> None:
    async with AsyncMuster(tls_url, token="a.b.c") as client:
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await client.courses.get(1)


async def test_plain_text_where_tls_is_spoken(tls_url: str) -> None:
    async with AsyncMuster(tls_url.replace("https", "http"), token="a.b.c", tries=1) as client:
        async with asyncio.timeout(20):
            with pytest.raises(Unreachable):
                await client.courses.get(1)
