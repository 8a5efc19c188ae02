"""What a case of bad input is, and how it is written: raw bytes, and the exact answer to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Service = Literal["catalog", "enrollment", "history", "accounts", "delivery"]
Place = Literal["gateway", "service"]

AUTHORIZED = "Authorization: Bearer <token>"
HOST = "Host: muster.example"
JSON = "Content-Type: application/json"


@dataclass(frozen=True)
class Expected:
    """`names` are the fields in `errors`, where there are any."""

    status: int
    code: str | None = None
    names: tuple[str, ...] = ()
    closes: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    """Values that headers of the answer have, by name in lower case."""
    total: int | None = None
    """How many rows a list says there are."""
    before: tuple[int, ...] = ()
    """The statuses of the answers that come before this one: to valid requests in front of the one described."""


@dataclass(frozen=True)
class Case:
    """`request` is sent as Latin-1, `<words>` in it replaced by what they are called in the world of the run;
    `<length>` is that of the body.

    `direct` is what the service answers when it is asked around the gateway, where that differs.
    """

    name: str
    request: str
    expected: Expected
    direct: Expected | None = None
    service: Service = "catalog"
    then: str = ""
    """Sent once the server has said something, as after `100 Continue`."""
    token: Callable[[Any], str] | None = None
    """Makes the `<token>` out of the keys of the place that is asked; without it a good one."""

    def expected_at(self, place: Place) -> Expected:
        return self.expected if place == "gateway" or self.direct is None else self.direct


@dataclass(frozen=True)
class Family:
    """`at_least`: the number of cases the documentation speaks of; losing one is noticed."""

    name: str
    cases: Sequence[Case]
    at_least: int


OK = Expected(200)
MALFORMED = Expected(400, "bad_request")
NOT_HTTP = Expected(400, "bad_request", closes=True)
"""Refused by the parser: nobody can say where the next request would begin."""
TARGET_TOO_LONG = Expected(414, "uri_too_long", closes=True)
HEAD_TOO_LARGE = Expected(431, "headers_too_large", closes=True)
NOT_IMPLEMENTED = Expected(501, "method_not_implemented")
CUT_OFF = Expected(0, closes=True)
"""Closed without an answer."""
BAD_JSON = Expected(400, "malformed_json")
NO_TOKEN = Expected(401, "token_missing", headers={"www-authenticate": 'Bearer realm="muster"'})
BAD_TOKEN = Expected(401, "token_invalid")
EXPIRED = Expected(401, "token_expired")
FORBIDDEN = Expected(403, "permission_denied")
NOT_FOUND = Expected(404, "not_found")
TOO_SLOW = Expected(408, "request_timeout", closes=True)
TOO_LARGE = Expected(413, "payload_too_large")
NOT_JSON = Expected(415, "unsupported_media_type")
EMPTY = Expected(200, total=0)

COURSES = "/api/v1/training/courses"
SESSIONS = "/api/v1/training/sessions"
ENROLLMENTS = "/api/v1/training/enrollments"
COMPLIANCE = "/api/v1/training/compliance"
SETTINGS = "/api/v1/training/settings"
EMPLOYEES = "/api/v1/employees"
STAFF = "/api/v1/staff"


NEW_SESSION = {
    "session_name": "x",
    "max_participants": 5,
    "start_date": "2030-05-15T09:00:00Z",
    "end_date": "2030-05-15T17:00:00Z",
}
"""What a session is made of beside its course; the tenancy family repeats one under the key it was made with."""


def invalid(*names: str) -> Expected:
    return Expected(422, "validation_failed", names=names)


def wrong_method(*allowed: str) -> Expected:
    return Expected(405, "method_not_allowed", headers={"allow": ", ".join(sorted(allowed))} if allowed else {})


def head(line: str, *headers: str) -> str:
    return "\r\n".join((line, *headers, "", ""))


def get(target: str, *headers: str) -> str:
    """A valid request for a target, with more headers."""
    return head(f"GET {target} HTTP/1.1", HOST, AUTHORIZED, *headers)


def send(method: str, target: str, body: str, *headers: str, content_type: str = JSON) -> str:
    """A valid request with a body of Latin-1 characters, each a byte."""
    lines = [HOST, AUTHORIZED, *([content_type] if content_type else []), "Content-Length: <length>", *headers]
    return head(f"{method} {target} HTTP/1.1", *lines) + body


def post(body: str, *headers: str, content_type: str = JSON) -> str:
    return send("POST", COURSES, body, *headers, content_type=content_type)


def course(**members: str) -> str:
    """The body of a good course but for the members given, whose values are JSON text."""
    good = {"title": '"Ladders"', "category": '"safety"', "delivery_mode": '"online"', "duration_hours": "1"}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in (good | members).items()) + "}"
