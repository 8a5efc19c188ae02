"""What the gateway answers itself is as strict as what its services answer."""

import pytest

from gateway.edge import forward_handler
from shared.http.server import responder
from shared.http.server.simple_request import SimpleRequestParser
from tests.integration.gateway.edge import NOWHERE, Accounts, Edge, StartGateway, new_token
from tests.support.raw_http import RawAnswer, exchange

COURSES, LOGOUT = "/api/v1/training/courses", "/api/v1/auth/logout"
HEALTH = ["/health/live", "/health/ready"]
JSON = "Content-Type: application/json\r\n"
REFUSED = {
    "an unknown field": ("", '{"x": 1}', JSON, 422, "validation_failed"),
    "an unknown query": ("?x=1", "", "", 422, "validation_failed"),
    "a query without a value": ("?x", "", "", 422, "validation_failed"),
    "a list": ("", "[]", JSON, 422, "validation_failed"),
    "no JSON": ("", "{", JSON, 400, "malformed_json"),
    "a repeated key": ("", '{"x": 1, "x": 1}', JSON, 400, "malformed_json"),
    "another type": ("", "{}", "Content-Type: text/plain\r\n", 415, "unsupported_media_type"),
    "no type": ("", "{}", "", 415, "unsupported_media_type"),
    "too much": ("", f'{{"x": "{"x" * 9000}"}}', JSON, 413, "payload_too_large"),
}
TAKEN = {"nothing": ("", ""), "an empty object": ("{}", JSON), "a type alone": ("", JSON)}


@pytest.fixture(params=["fast", "standard"], autouse=True)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of both parsers reads the requests."""
    if request.param == "standard":
        monkeypatch.setattr(SimpleRequestParser, "parse", lambda *_: None)


async def asked(edge: Edge, line: str, body: str = "", headers: str = "", token: str | None = None) -> RawAnswer:
    more = f"{headers}Authorization: Bearer {token}\r\n" if token else headers
    more += f"Content-Length: {len(body)}\r\n" if body else ""
    sent = f"{line} HTTP/1.1\r\nHost: gateway\r\n{more}\r\n{body}".encode()
    [answer] = (await exchange(edge.url, sent)).answers
    return answer


@pytest.mark.parametrize(("query", "body", "headers", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_a_logout_with_input_is_refused_and_revokes_nothing(
    edge: Edge, accounts: Accounts, token: str, query: str, body: str, headers: str, status: int, code: str
) -> None:
    answer = await asked(edge, f"POST {LOGOUT}{query}", body, headers, token)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert accounts.received == []
    assert (await asked(edge, f"GET {COURSES}", token=token)).status == 200


@pytest.mark.parametrize(("query", "body", "headers", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_it_is_refused_while_accounts_is_unavailable(
    start_gateway: StartGateway, token: str, query: str, body: str, headers: str, status: int, code: str
) -> None:
    edge = await start_gateway(accounts_url=NOWHERE)
    answer = await asked(edge, f"POST {LOGOUT}{query}", body, headers, token)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert (await asked(edge, f"GET {COURSES}", token=token)).status == 200
    assert (await asked(edge, f"POST {LOGOUT}", "{}", JSON, token)).status == 200
    assert (await asked(edge, f"GET {COURSES}", token=token)).status == 401


@pytest.mark.parametrize(("body", "headers"), TAKEN.values(), ids=TAKEN)
async def test_a_logout_without_input_reaches_accounts(
    edge: Edge, accounts: Accounts, token: str, body: str, headers: str
) -> None:
    assert (await asked(edge, f"POST {LOGOUT}", body, headers, token)).status == 200
    assert [received.body for received in accounts.received] == [b""]
    assert (await asked(edge, f"GET {COURSES}", token=token)).status == 401


async def test_a_logout_with_a_header_that_cannot_be_passed_on_revokes_nothing(edge: Edge, token: str) -> None:
    status, _ = await edge.send(f"POST {LOGOUT} HTTP/1.1\r\nAccept-Language: \xe9", token=token)
    assert status == 400
    assert (await asked(edge, f"GET {COURSES}", token=token)).status == 200


async def test_who_may_not_log_out_learns_nothing_of_the_input(edge: Edge, organisation: int) -> None:
    without_access = new_token(organisation, permissions=["training.view"])
    assert (await asked(edge, f"POST {LOGOUT}?x=1", token=without_access)).status == 403
    assert (await asked(edge, f"POST {LOGOUT}?x=1")).status == 401


async def test_control_a_logout_that_reads_no_input(edge: Edge, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_nothing(_: object) -> None:
        pass

    monkeypatch.setattr(forward_handler, "require_no_input", read_nothing)
    assert (await asked(edge, f"POST {LOGOUT}?x=1", '{"x": 1}', JSON, token)).status == 200


@pytest.mark.parametrize("health", HEALTH)
@pytest.mark.parametrize(("query", "body", "headers", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_health_with_input_is_refused(
    edge: Edge, health: str, query: str, body: str, headers: str, status: int, code: str
) -> None:
    answer = await asked(edge, f"GET {health}{query}", body, headers)
    assert (answer.status, answer.json["code"]) == (status, code)


@pytest.mark.parametrize("health", HEALTH)
@pytest.mark.parametrize(("body", "headers"), TAKEN.values(), ids=TAKEN)
async def test_health_without_input_is_answered(edge: Edge, health: str, body: str, headers: str) -> None:
    assert (await asked(edge, f"GET {health}", body, headers)).status == 200


async def test_control_health_that_reads_no_input(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_nothing(_: object) -> None:
        pass

    monkeypatch.setattr(responder, "require_no_input", read_nothing)
    assert (await asked(edge, "GET /health/live?x=1")).status == 200


async def test_another_method_says_which_there_are(edge: Edge, token: str) -> None:
    for line in ("POST /health/live", "OPTIONS /health/ready"):
        answer = await asked(edge, line)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    answer = await asked(edge, "OPTIONS /api/v1/auth/login")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
