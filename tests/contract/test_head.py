"""HEAD: what a GET is answered, without its body (RFC 9110, section 9.3.2)."""

import pytest

from tests.support.raw_http import RawAnswer, exchange
from tests.support.stack import Stack

OF_EACH_ANSWER = {"x-request-id", "date", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit"}
STANDARD = "TE: trailers\r\n"
"""A header that keeps a request off the fast path."""


@pytest.mark.parametrize("more", ["", STANDARD], ids=["fast path", "standard path"])
@pytest.mark.parametrize("place", ["gateway", "catalog"])
async def test_head_has_the_headers_of_a_get(stack: Stack, organisation: int, place: str, more: str) -> None:
    url = stack.gateway_url if place == "gateway" else stack.catalog_url
    client = stack.client(organisation) if place == "gateway" else stack.direct(place, organisation)
    paths = ["/api/v1/training/courses", "/api/v1/training/courses/1", "/nothing", "/health/live"]
    paths += ["/api/v1/auth/me"] if place == "gateway" else []
    for path in paths:
        request = f"{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n{more}\r\n".encode()
        got = (await exchange(url, b"GET " + request)).answers[0]
        asked = await exchange(url, b"HEAD " + request, to_head=True)
        assert asked.kept
        assert alike(asked.answers[0]) == alike(got), path
        assert int(got.headers["content-length"]) == len(got.body)


def alike(answer: RawAnswer) -> tuple[int, dict[str, str]]:
    return answer.status, {name: value for name, value in answer.headers.items() if name not in OF_EACH_ANSWER}


async def test_head_needs_the_permission_of_a_get(stack: Stack, organisation: int) -> None:
    nobody = stack.client(organisation, permissions=["api.access"])
    statuses = [(await nobody.request(method, "/api/v1/training/courses")).status for method in ("GET", "HEAD")]
    assert statuses == [403, 403]
