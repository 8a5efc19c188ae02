"""What one service takes of another's response."""

import pytest
from aiohttp import web

from shared.errors import Unavailable
from shared.http.service_client import connect_to_service
from tests.support.internal_keys import signer
from tests.support.stack import serving

LIMIT = 10_000


async def received(length: int) -> int:
    """How many characters came of a response with as many bytes, which does not say how many it has."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b"x" * (length - 1))
        await response.write(b"x")
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    async with (
        serving(app) as url,
        connect_to_service(url, name="enrollment", asking="catalog", signer=signer("catalog")) as client,
    ):
        return len((await client.request("GET", "/", 1, "internal.seats")).text)


async def test_a_response_is_read_up_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.service_client.MAX_RESPONSE_BYTES", LIMIT)
    assert await received(LIMIT) == LIMIT
    with pytest.raises(Unavailable):
        await received(LIMIT + 1)


async def test_control_without_the_bound_it_is_read_to_its_end() -> None:
    assert await received(LIMIT + 1) == LIMIT + 1
