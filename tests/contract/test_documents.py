"""The documents that the gateway serves to anybody (contract, section 1)."""

import gzip
import re

import aiohttp
import pytest
from multidict import CIMultiDictProxy

from gateway.edge.documents import DOCUMENTS, HTML, JSON, LINKS, ROOT, Document
from tests.support.client import Answer, Client
from tests.support.stack import Stack

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PATHS = [document.path for document in DOCUMENTS]


async def get(stack: Stack, path: str, method: str = "GET", **headers: str) -> Answer:
    """As a browser does, without a token; aiohttp decompresses."""
    return await stack.anonymous().request(method, path, headers={**BROWSER, **headers})


async def raw(stack: Stack, path: str, **headers: str) -> tuple[CIMultiDictProxy[str], bytes]:
    """The headers, and the body as it came over the wire."""
    sent = {**BROWSER, **headers}
    async with (
        aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["Accept-Encoding"]) as http,
        http.get(stack.gateway_url + path, headers=sent) as response,
    ):
        assert response.status == 200
        return response.headers, await response.read()


@pytest.mark.parametrize("document", DOCUMENTS, ids=PATHS)
async def test_anybody_may_read_a_document(stack: Stack, document: Document) -> None:
    answer = await get(stack, document.path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, document.media_type)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"]
    assert {"frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"} <= set(policy.split("; "))
    assert "RateLimit" not in answer.headers


async def test_a_token_that_does_not_count_any_more_is_no_reason_to_refuse(stack: Stack) -> None:
    assert (await Client(stack.http, stack.gateway_url, "abc").get("/openapi.json")).status == 200


@pytest.mark.parametrize("document", DOCUMENTS, ids=PATHS)
async def test_a_document_comes_compressed_to_whoever_wants_it_so(stack: Stack, document: Document) -> None:
    plain_headers, plain = await raw(stack, document.path)
    headers, compressed = await raw(stack, document.path, **{"Accept-Encoding": "deflate, gzip"})
    assert "Content-Encoding" not in plain_headers
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed) == plain
    assert len(compressed) == int(headers["Content-Length"])
    assert headers["ETag"] != plain_headers["ETag"]
    assert "Accept-Encoding" in headers["Vary"] == plain_headers["Vary"]


@pytest.mark.parametrize("path", PATHS)
async def test_what_a_client_has_already_is_not_sent_again(stack: Stack, path: str) -> None:
    first = await get(stack, path)
    again = await get(stack, path, **{"If-None-Match": f'"other", W/{first.headers["ETag"]}'})
    assert (again.status, again.text) == (304, "")
    for name in ("ETag", "Cache-Control", "Vary", "Content-Security-Policy"):
        assert again.headers[name] == first.headers[name]
    assert (await get(stack, path, **{"If-None-Match": '"other"'})).status == 200


@pytest.mark.parametrize("path", PATHS)
async def test_head_is_the_same_without_the_body(stack: Stack, path: str) -> None:
    answer, head = await get(stack, path), await get(stack, path, "HEAD")
    assert (head.status, head.text) == (200, "")
    of_each = {"date", "x-request-id"}
    kept = [{n: v for n, v in each.headers.items() if n.lower() not in of_each} for each in (answer, head)]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_documents_are_for_reading_alone(stack: Stack, method: str) -> None:
    answer = await get(stack, "/docs", method)
    assert (answer.status, answer.json["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/docs?from=mail", "/docs/assets/pages.css?v=2", "/openapi.json?"])
async def test_a_query_changes_no_document(stack: Stack, path: str) -> None:
    with_query, without = await get(stack, path), await get(stack, path.partition("?")[0])
    assert (with_query.status, with_query.headers["ETag"]) == (200, without.headers["ETag"])


@pytest.mark.parametrize(
    "path",
    [
        "/docs/", "/docs/assets", "/docs/assets/", "/docs/assets/docs.html", "/docs/assets/..%2fdocs.html",
        "/docs/assets/scalar-api-reference.js.gz", "/docs/nothing", "/schemas", "/schemas/", "/schemas/nothing.json",
        "/Docs", "/openapi",
    ],
)  # fmt: skip
async def test_nothing_is_served_that_is_not_in_the_table(stack: Stack, path: str) -> None:
    assert (await get(stack, path)).status in (400, 404)


async def test_home_has_links_for_people_and_for_programs(stack: Stack) -> None:
    page = await get(stack, "/")
    assert page.headers["Content-Type"] == HTML
    assert page.headers["Vary"] == "Accept, Accept-Encoding"
    answer = await stack.anonymous().get("/")
    assert answer.headers["Content-Type"] == JSON
    assert answer.json == {"success": True, "data": {"name": "Muster", "links": LINKS}}
    assert answer.headers["ETag"] != page.headers["ETag"]
    for path in LINKS.values():
        assert f'href="{path}"' in page.text
        assert (await stack.anonymous().get(path)).status == 200


@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if each.media_type == HTML], ids=lambda each: each.path
)
def test_a_page_loads_what_is_served_and_has_no_script_of_its_own(document: Document) -> None:
    page = (ROOT / document.file).read_text(encoding="utf-8")
    loaded = re.findall(r"""(?:src|href)="(/docs/assets/[^"]+)\"""", page)
    assert loaded
    assert set(loaded) <= set(PATHS)
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?://", page)
