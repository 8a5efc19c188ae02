"""Further tries, tokens and errors, with a server that says what the test wants."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from muster.errors import ApiError, CutShort, Unreachable
from muster.settings import Settings
from muster.transport import LONGEST_WAIT, MOST_BYTES, MOST_TRIES, Transport, Upload

GIVEN = Settings("https://m.example", token="a.b.c")
PROGRAM = Settings("https://m.example", client_id="id", client_secret="s/e:c")
Reply = httpx.Response | httpx.TransportError


class Server:
    """Answers with these one after the other, and notes what it was asked; tokens are numbered."""

    def __init__(self, *replies: Reply | Callable[[], Reply], expires_in: int = 3600) -> None:
        self.replies = list(replies)
        self.expires_in = expires_in
        self.requests: list[httpx.Request] = []
        self.tokens = 0
        self.waits: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            assert request.headers["Authorization"] == "Basic aWQ6cyUyRmUlM0Fj"  # id:s%2Fe%3Ac
            self.tokens += 1
            return httpx.Response(200, json={"access_token": f"t{self.tokens}", "expires_in": self.expires_in})
        request.read()
        self.requests.append(request)
        reply = self.replies.pop(0)
        reply = reply() if callable(reply) else reply
        if isinstance(reply, httpx.TransportError):
            raise reply
        return reply

    def transport(self, settings: Settings = GIVEN) -> Transport:
        return Transport(settings, wait=self.waits.append, through=httpx.MockTransport(self))

    def authorizations(self) -> list[str]:
        return [request.headers["Authorization"].removeprefix("Bearer ") for request in self.requests]


def good() -> httpx.Response:
    return httpx.Response(200, json={"data": 1})


def refusal(status: int, code: str = "some_code", **headers: str) -> httpx.Response:
    body = {"success": False, "message": "No.", "code": code, "errors": {"kind": ["Is wrong."]}}
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def upload(*, is_repeatable: bool = True, refused: Callable[[], None] = lambda: None) -> Upload:
    def pieces() -> Iterator[bytes]:
        yield b"ab"
        yield b"c"

    return Upload(pieces, "text/csv", is_repeatable=is_repeatable, refused=refused)


def test_a_body_is_sent_again_from_its_beginning() -> None:
    server = Server(refusal(503, Retry_After="7"), refusal(429), good())
    refusals: list[int] = []
    sent = upload(refused=lambda: refusals.append(len(server.waits)))
    assert server.transport().request("POST", "/x", upload=sent).data == {"data": 1}
    assert refusals == [0, 1]  # before each wait
    assert [request.content for request in server.requests] == [b"abc"] * 3
    assert server.waits == [7.0, 1.0]


@pytest.mark.parametrize("status", [502, 504])
def test_what_may_have_had_an_effect_is_not_sent_again(status: int) -> None:
    server = Server(refusal(status))
    with pytest.raises(ApiError, match=r"No\."):
        server.transport().request("POST", "/x", upload=upload())
    again = Server(refusal(status), good())
    assert again.transport().request("GET", "/x").status == 200


def test_a_body_that_cannot_be_read_twice_is_sent_once() -> None:
    server = Server(refusal(429, Retry_After="1"))
    with pytest.raises(ApiError):
        server.transport().request("POST", "/x", upload=upload(is_repeatable=False))
    assert server.waits == []


def test_so_often_and_no_more() -> None:
    server = Server(*(refusal(503) for _ in range(MOST_TRIES)))
    with pytest.raises(ApiError):
        server.transport().request("GET", "/x")
    assert len(server.waits) == MOST_TRIES - 1


def test_a_long_wait_is_left_to_the_caller() -> None:
    server = Server(refusal(429, Retry_After=str(int(LONGEST_WAIT) + 1)))
    with pytest.raises(ApiError) as raised:
        server.transport().request("GET", "/x")
    assert raised.value.retry_after == LONGEST_WAIT + 1
    assert server.waits == []


def test_a_date_to_wait_for_is_not_believed() -> None:
    server = Server(refusal(429, Retry_After="Sun, 29 Nov 2026 23:00:00 GMT"), good())
    server.transport().request("GET", "/x")
    assert server.waits == [0.5]


def test_a_connection_that_is_lost_is_made_again_for_what_changes_nothing() -> None:
    server = Server(good(), httpx.ReadError("reset"), httpx.ConnectError("refused"), good())
    transport = server.transport()
    transport.request("GET", "/x")
    assert transport.request("GET", "/x").status == 200
    assert server.waits == [0.5, 1.0]


def test_after_an_import_was_sent_a_lost_answer_is_not_asked_for_again() -> None:
    server = Server(good(), httpx.ReadError("reset"))
    transport = server.transport()
    transport.request("GET", "/x")
    with pytest.raises(Unreachable, match="lost before an answer"):
        transport.request("POST", "/x", upload=upload())


def test_an_address_that_never_answered_is_tried_once() -> None:
    server = Server(httpx.ConnectError("refused"))
    with pytest.raises(Unreachable, match="MUSTER_URL"):
        server.transport().request("GET", "/x")
    assert server.waits == []


@pytest.mark.parametrize("code", ["token_expired", "token_invalid"])
def test_a_program_gets_another_token_once(code: str) -> None:
    server = Server(refusal(401, code), good(), refusal(401, code), refusal(401, code))
    transport = server.transport(PROGRAM)
    transport.request("POST", "/x", upload=upload())
    with pytest.raises(ApiError):
        transport.request("GET", "/x")
    assert server.authorizations() == ["t1", "t2", "t2", "t3"]


def test_a_given_token_is_the_only_one() -> None:
    server = Server(refusal(401, "token_expired"))
    with pytest.raises(ApiError, match="Get a new token"):
        server.transport().request("GET", "/x")


def test_a_token_that_is_about_to_end_is_renewed_before_what_takes_long() -> None:
    server = Server(good(), good(), good(), expires_in=300)
    transport = server.transport(PROGRAM)
    transport.request("GET", "/x")
    transport.request("GET", "/x")
    transport.request("POST", "/x", upload=upload())
    assert server.authorizations() == ["t1", "t1", "t2"]


def test_a_refused_program() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"error": "invalid_client", "error_description": "Unknown client."})

    transport = Transport(PROGRAM, through=httpx.MockTransport(refuse))
    with pytest.raises(ApiError, match="MUSTER_CLIENT_SECRET") as raised:
        transport.request("GET", "/x")
    assert (raised.value.code, raised.value.message) == ("invalid_client", "Unknown client.")


def test_what_an_error_says() -> None:
    server = Server(refusal(500, X_Request_Id="r-1"))
    with pytest.raises(ApiError) as raised:
        server.transport().request("POST", "/x")
    assert str(raised.value) == "No.\nkind: Is wrong.\nThe request was r-1."


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(301, headers={"Location": "https://other.example/"}),
        httpx.Response(404, text="<html>"),
        httpx.Response(200, text="<html>"),
        httpx.Response(500, json=["unexpected"]),
    ],
)
def test_answers_of_other_servers(reply: httpx.Response) -> None:
    with pytest.raises(ApiError, match="not as Muster does") as raised:
        Server(reply).transport().request("POST", "/x")
    assert raised.value.code is None


def test_an_answer_without_an_end() -> None:
    class Endless(httpx.SyncByteStream):
        sent = 0

        def __iter__(self) -> Iterator[bytes]:
            while True:
                self.sent += 1
                yield b" " * 2**20

    for status in (200, 400):
        endless = Endless()
        with pytest.raises(ApiError, match="not as Muster does"):
            Server(httpx.Response(status, stream=endless)).transport().request("GET", "/x")
        assert endless.sent == MOST_BYTES // 2**20 + 1


def test_an_answer_that_ends_early() -> None:
    class Cut(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b'{"da'
            raise httpx.RemoteProtocolError("peer closed connection")

    server = Server(httpx.Response(200, stream=Cut()), good())
    with pytest.raises(CutShort, match="peer closed connection"):
        server.transport().request("POST", "/x")
    assert server.transport().request("GET", "/x").data == {"data": 1}
    again = Server(httpx.Response(200, stream=Cut()), good())
    assert again.transport().request("GET", "/x").data == {"data": 1}
    assert again.waits == [0.5]
