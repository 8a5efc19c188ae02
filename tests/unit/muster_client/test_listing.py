"""Walks through lists: across tokens that expire, and servers that are none of ours."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from muster.errors import ApiError, CutShort, Unexpected
from muster.resources import Resources
from muster.settings import Settings
from muster.transport import Transport
from tests.support.client_document import SCHEMAS, example_of

PROGRAM = Settings("https://m.example", client_id="id", client_secret="secret")
COURSE = example_of(SCHEMAS["CourseItem"])


def step(number: int, next_cursor: str | None, **meta: Any) -> httpx.Response:
    data = [{**COURSE, "id": number}]
    return httpx.Response(200, json={"data": data, "meta": {"next_cursor": next_cursor, **meta}, "links": {}})


class Server:
    """Answers each query for courses, and notes it; tokens are numbered."""

    def __init__(self, answer: Callable[[dict[str, str], str], httpx.Response]) -> None:
        self.answer = answer
        self.queries: list[dict[str, str]] = []
        self.tokens = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            self.tokens += 1
            return httpx.Response(200, json={"access_token": f"t{self.tokens}", "expires_in": 3600})
        self.queries.append(dict(request.url.params))
        return self.answer(self.queries[-1], request.headers["Authorization"])

    @property
    def client(self) -> Resources:
        return Resources(Transport(PROGRAM, through=httpx.MockTransport(self), wait=lambda seconds: None))


def walk(query: dict[str, str], authorization: str) -> httpx.Response:
    return {"": step(1, "a"), "a": step(2, "b"), "b": step(3, None)}[query["cursor"]]


def test_it_is_asked_as_far_as_one_goes() -> None:
    server = Server(walk)
    listing = server.client.courses.list(search="x")
    assert server.queries == []
    assert next(iter(listing)).id == 1
    assert server.queries == [{"cursor": "", "per_page": "100", "search": "x"}]
    assert [course.id for course in listing] == [1, 2, 3]


def test_it_goes_on_from_a_cursor() -> None:
    assert [course.id for course in Server(walk).client.courses.list(cursor="a")] == [2, 3]


def test_a_token_that_expires_in_the_middle_is_renewed() -> None:
    expired = httpx.Response(401, json={"success": False, "message": "Expired.", "code": "token_expired"})
    server = Server(
        lambda query, token: expired if (query["cursor"], token) == ("a", "Bearer t1") else walk(query, token)
    )
    assert [course.id for course in server.client.courses.list()] == [1, 2, 3]
    assert server.tokens == 2


def test_a_step_that_is_cut_is_asked_for_again() -> None:
    cut = httpx.Response(200, stream=Cut([b'{"da']))
    server = Server(lambda query, token: cut if len(server.queries) == 2 else walk(query, token))
    assert [course.id for course in server.client.courses.list()] == [1, 2, 3]


class Cut(httpx.SyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self):  # type: ignore[no-untyped-def]
        yield from self.pieces
        raise httpx.RemoteProtocolError("peer closed connection")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"data": {}}, "no list"),
        ({"data": [{"id": "x"}], "meta": {}}, "CourseItem that this client does not understand: id: "),
        ({"hello": 1}, "not as Muster does"),
    ],
)
def test_what_is_no_list_of_courses_is_said(body: dict[str, Any], reason: str) -> None:
    listing = Server(lambda query, token: httpx.Response(200, json=body)).client.courses.list()
    with pytest.raises(Unexpected, match=reason):
        listing.first()


def test_a_list_that_leads_to_itself_ends() -> None:
    listing = Server(lambda query, token: step(1, "a")).client.courses.list()
    with pytest.raises(Unexpected, match="circle"):
        [course.id for course in listing]


def test_a_page_is_one_alone() -> None:
    server = Server(lambda query, token: step(1, None, total=9, current_page=2))
    [page] = server.client.courses.list(page=2, per_page=1).pages()
    assert (page.total, page.next_cursor, page.event_cursor) == (9, None, None)
    assert server.queries == [{"page": "2", "per_page": "1"}]


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([b"id\r\n1\r\n#error,internal,It failed.\r\n"], "It failed"),
        ([b"id\r\n", b"1\r\n"], "peer closed"),
    ],
)
def test_an_export_that_is_not_whole_says_so(pieces: list[bytes], reason: str) -> None:
    head = {"Content-Type": "text/csv; charset=utf-8"}
    server = Server(lambda query, token: httpx.Response(200, headers=head, stream=Cut(pieces)))
    with server.client.courses.export() as export, pytest.raises(CutShort, match=reason):
        list(export.lines())


def test_an_export_of_another_kind_is_none() -> None:
    server = Server(lambda query, token: httpx.Response(200, json={}))
    with pytest.raises(Unexpected, match="no text/csv"), server.client.courses.export():
        pass


def test_a_refused_export_is_an_exception_of_its_code() -> None:
    refusal = httpx.Response(403, json={"success": False, "message": "No.", "code": "permission_denied"})
    server = Server(lambda query, token: refusal)
    with pytest.raises(ApiError) as raised, server.client.courses.export():
        pass
    assert type(raised.value).__name__ == "PermissionDeniedError"
