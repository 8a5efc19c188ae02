"""The feed of events: cursors of others and of nobody, types, waits and limits that are none, permissions of others."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.security.corpus import FORBIDDEN, NOT_FOUND, OK, Case, Expected, Family, get, invalid, send, wrong_method
from tests.security.lists import NO_CURSORS, NO_NUMBERS, TOO_LARGE

EVENTS = "/api/v1/events"
NO_PERMISSION_OF_IT = [
    ["api.access", "training.view"],
    ["api.access", "training.view", "training.enroll", "training.record", "training.manage", "accounts.manage"],
    ["api.access", "webhooks.manage"],
    ["api.access", "platform.manage"],
    ["api.access", "events.view.self"],
    ["api.access", "events.*"],
    ["api.access", "EVENTS.VIEW"],
]
NO_TYPES = [
    "", ",", "*", "training", "training.*.saved", "training.course.saved.v1,", ",training.course.saved.v1",
    "training.course.saved.v1%20", "training.course.saved.v1%00", "TRAINING.course.saved.v1", "training..*",
    "training.course.saved.v1,%25", "training.course.saved.v1;training.*", "training.course.saved.v999999999999",
    "nobody.course.saved.v1", "training.course.*%27", "training.%2A.%2A", "%27%20OR%20%271%27=%271", "%7B%7D",
    "training.course.saved.v1%0a", "x" * 5000, "training.cours%D0%B5.saved.v1",
    ",".join(["training.course.saved.v1"] * 200),
]  # fmt: skip
NO_WAITS = [number for number in NO_NUMBERS if number != "0"]


def ask(query: str, expected: Expected, *headers: str) -> Case:
    name = f"{query[:60]} {' '.join(headers)}"
    return Case(name, get(f"{EVENTS}?{query}", *headers), expected, service="delivery")


def cursors() -> Iterator[Case]:
    for cursor in ("", *NO_CURSORS, "A" * 40, "_" * 40, "<cursor>A", "A<cursor>", "%20<cursor>", "<cursor>%00"):
        yield ask(f"after={cursor}", invalid("after"))
    yield ask("after=<their cursor>", invalid("after"))
    yield ask("after=<their cursor>&wait=20", invalid("after"))
    yield ask("after=<cursor>&after=<their cursor>", invalid("after"))
    yield ask("after=<cursor>&cursor=<their cursor>", invalid("cursor"))
    yield ask("After=<cursor>", invalid("After"))
    yield ask("after[]=<cursor>", invalid("after[]"))
    yield ask("after=<cursor>&page=1", invalid("page"))
    yield ask("after=<cursor>", OK)
    yield ask("after=<cursor>&limit=1", OK, "If-None-Match: *")
    yield ask("after=<cursor>", OK, "X-Organisation-Id: <their organisation>")


def numbers() -> Iterator[Case]:
    for number in (*NO_NUMBERS, *TOO_LARGE, "1001", "2147483648"):
        yield ask(f"limit={number}", invalid("limit"))
    for number in (*NO_WAITS, *TOO_LARGE, "21", "0.5", "inf"):
        yield ask(f"wait={number}", invalid("wait"))
    yield ask("limit=1&limit=2", invalid("limit"))
    yield ask("limit=0&after=1", invalid("after", "limit"))
    yield ask("limit=1000", OK)
    for types in NO_TYPES:
        yield ask(f"types={types}", invalid("types"))


def paths() -> Iterator[Case]:
    for path in ("/", "/1", "/<their cursor>", ";a=b", ".json", "/..%3b/internal", "%20"):
        yield Case(f"path {path}", get(EVENTS + path), NOT_FOUND, service="delivery")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        request = send(method, EVENTS, "{}")
        yield Case(f"{method}", request, wrong_method("GET", "HEAD"), service="delivery")
    for permissions in NO_PERMISSION_OF_IT:
        yield Case(f"with {permissions}", get(EVENTS), FORBIDDEN, service="delivery", token=_token_with(permissions))


def _token_with(permissions: list[str]) -> Callable[[Any], str]:
    return lambda keys: str(keys.rightly(permissions=permissions))


FAMILY = Family("feed", [*cursors(), *numbers(), *paths()], 100)
