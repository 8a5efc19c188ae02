"""Methods, held against the API's document: each operation, each parameter, and what is sent."""

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from muster import Muster
from muster.async_resources import AsyncResources
from muster.async_transport import AsyncTransport
from muster.operations import METHODS
from muster.resources import Resources
from muster.settings import Settings
from muster.transport import Transport
from tests.support.client_document import Operation, example_of, operations

SETTINGS = Settings("https://m.example", token="a.b.c")
OPERATIONS = list(operations())
HEADERS = {
    "If-Match": "if_match",
    "If-None-Match": "if_none_match",
    "Idempotency-Key": "idempotency_key",
    "Last-Event-ID": "last_event_id",
    "X-Request-Id": "request_id",
}
VALUES = {"If-Match": '"tag"', "If-None-Match": '"tag"', "Last-Event-ID": "7"}


def method_of(resources: object, operation: Operation) -> Callable[..., Any]:
    found = resources
    for part in METHODS[operation.id].split("."):
        found = getattr(found, part)
    assert callable(found)
    return found


def argument_of(member: str) -> str:
    return HEADERS.get(member) or ("from_" if member == "from" else member)


def wanted(operation: Operation) -> set[str]:
    members = {argument_of(each["name"]) for each in operation.parameters} | set(
        map(argument_of, operation.body.get("properties", {}))
    )
    return members | ({"file", "content_type"} if operation.body.get("type") == "string" else set())


def faults_of(method: Callable[..., Any], operation: Operation) -> set[str]:
    return set(inspect.signature(method).parameters) ^ wanted(operation)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.id)
def test_each_operation_has_a_method_with_each_parameter(operation: Operation) -> None:
    for resources in (Resources(Transport(SETTINGS)), AsyncResources(AsyncTransport(SETTINGS))):
        assert faults_of(method_of(resources, operation), operation) == set()


def test_control_a_parameter_without_an_argument_is_noticed() -> None:
    def complete(
        id: int,  # noqa: A002 as the API has it
        *,
        score: float,
        feedback: str,
        certificate: str,
        completed_at: str,
    ) -> None:
        pass

    [operation] = [each for each in OPERATIONS if each.id == "completeEnrollment"]
    assert faults_of(complete, operation) == {"certificate", "certificate_url", "if_match", "request_id"}


def test_no_method_is_of_an_operation_that_is_gone() -> None:
    assert METHODS.keys() == {each.id for each in OPERATIONS}


class Server:
    """Notes the request, and answers as the document says."""

    def __init__(self, operation: Operation) -> None:
        status, media_type, schema = operation.answer()
        is_json = media_type == "application/json"
        self._answer = json.dumps(_answer(schema)).encode() if is_json else b"text"
        self._status, self._media_type = int(status), media_type
        self.request: httpx.Request | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.request = request
        return httpx.Response(self._status, content=self._answer, headers={"Content-Type": self._media_type})

    async def awaited(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.request = request
        return httpx.Response(self._status, content=self._answer, headers={"Content-Type": self._media_type})


def _answer(schema: Mapping[str, Any]) -> Any:
    """A list with one step."""
    answer = example_of(schema)
    if isinstance(answer, dict) and isinstance(answer.get("meta"), dict):
        answer["meta"]["next_cursor"] = None
    return answer


def arguments(operation: Operation) -> dict[str, Any]:
    """A value for each parameter; `page` goes with no cursor."""
    given = {
        argument_of(each["name"]): VALUES.get(each["name"]) or example_of(each["schema"])
        for each in operation.parameters
        if each["name"] != "page"
    }
    given |= {argument_of(name): example_of(each) for name, each in operation.body.get("properties", {}).items()}
    return given | ({"file": b"id\n1\n"} if operation.body.get("type") == "string" else {})


def check(request: httpx.Request | None, operation: Operation, given: Mapping[str, Any]) -> None:
    """That everything that was given is where the document wants it."""
    assert request is not None
    path = operation.path
    for each in operation.parameters:
        name, value = each["name"], given.get(argument_of(each["name"]))
        match each["in"]:
            case "path":
                path = path.replace(f"{{{name}}}", str(value).replace(" ", "%20"))
            case "query" if value is not None:
                assert request.url.params[name] == (str(value).lower() if isinstance(value, bool) else str(value))
            case "header" if value is not None:
                assert request.headers[name] == value
    assert (request.method, request.url.raw_path.decode().partition("?")[0]) == (operation.method, path)
    members = operation.body.get("properties", {})
    if members:
        assert request.headers["Content-Type"] in operation.declared["requestBody"]["content"]
        if "json" in request.headers["Content-Type"]:
            assert json.loads(request.content) == {name: example_of(each) for name, each in members.items()}
    assert ("Authorization" in request.headers) == bool(operation.declared.get("security"))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.id)
def test_what_is_given_is_sent(operation: Operation) -> None:
    server = Server(operation)
    given = arguments(operation)
    transport = Transport(SETTINGS, through=httpx.MockTransport(server))
    _, media_type, _ = operation.answer()
    answer = method_of(Resources(transport), operation)(**given)
    if hasattr(answer, "__iter__") and hasattr(answer, "pages"):
        answer = list(answer)
        assert len(answer) == 1
    if media_type == "text/event-stream":
        return  # it has no end: `test_watching.py` reads one
    check(server.request, operation, given)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.id)
async def test_what_is_given_is_sent_by_those_who_await(operation: Operation) -> None:
    server = Server(operation)
    given = arguments(operation)
    transport = AsyncTransport(SETTINGS, through=httpx.MockTransport(server.awaited))
    _, media_type, _ = operation.answer()
    if media_type == "text/event-stream":
        return
    answer = method_of(AsyncResources(transport), operation)(**given)
    if hasattr(answer, "pages"):
        assert len([each async for each in answer]) == 1
    else:
        await answer
    check(server.request, operation, given)


def test_a_reader_guesses_the_names() -> None:
    with Muster("https://m.example", token="a.b.c") as client:
        names = [client.courses.list, client.courses.get, client.enrollments.create, client.enrollments.complete]
        names += [client.employees.training, client.employees.clearance, client.webhooks.rotate_secret]
    assert all(map(callable, names))
    assert METHODS["enrollEmployees"] == "enrollments.create"
