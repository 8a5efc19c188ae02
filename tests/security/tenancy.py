"""Another organisation's ids, in every place an id can stand: answered as one that belongs to nobody, to the byte."""

import json
from collections.abc import Iterator
from dataclasses import replace

from tests.security.corpus import (
    AUTHORIZED,
    COMPLIANCE,
    COURSES,
    EMPLOYEES,
    EMPTY,
    ENROLLMENTS,
    HOST,
    NEW_SESSION,
    NOT_FOUND,
    SESSIONS,
    STAFF,
    Case,
    Expected,
    Family,
    Service,
    course,
    get,
    head,
    invalid,
    send,
)

STRANGERS = {
    "their course": "nobody",
    "their session": "nobody",
    "their person": "nobody",
    "their staff": "nobody",
    "their enrollment": "nobody",
    "their record": "nobody",
    "their tag": "nobody's tag",
    "their key": "nobody's key",
    "their cursor": "nobody's cursor",
    "their webhook": "nobody",
}
"""For each word of theirs the one of nobody, which must be answered alike."""

WEBHOOKS = "/api/v1/webhooks"
RECORDS = "/api/v1/training/records"
SUBMISSIONS = "/api/v1/training/record-submissions"
_SESSION = json.dumps(NEW_SESSION)[1:-1]
_PERSON = '{"employee_id": "E-1", "full_name": "New Name"}'


def path(method: str, template: str, word: str, body: str | None, service: Service) -> Case:
    target = template.format(f"<their {word}>")
    name = f"{method} {target} {body or ''}"
    if body is None:
        return Case(name, head(f"{method} {target} HTTP/1.1", HOST, AUTHORIZED), NOT_FOUND, service=service)
    return Case(name, send(method, target, body), NOT_FOUND, service=service)


PATHS = [
    path("GET", COURSES + "/{}", "course", None, "catalog"),
    path("PATCH", COURSES + "/{}", "course", '{"title": "Stolen"}', "catalog"),
    path("DELETE", COURSES + "/{}", "course", None, "catalog"),
    path("GET", COURSES + "/{}/audit", "course", None, "catalog"),
    path("GET", SESSIONS + "/{}", "session", None, "catalog"),
    path("GET", SESSIONS + "/{}/audit", "session", None, "catalog"),
    path("PATCH", SESSIONS + "/{}", "session", '{"location": "Stolen"}', "catalog"),
    path("PATCH", SESSIONS + "/{}", "session", '{"status": "cancelled"}', "catalog"),
    path("PATCH", SESSIONS + "/{}", "session", '{"max_participants": 1}', "catalog"),
    path("DELETE", SESSIONS + "/{}", "session", None, "catalog"),
    path("GET", ENROLLMENTS + "/{}", "enrollment", None, "enrollment"),
    path("GET", ENROLLMENTS + "/{}/audit", "enrollment", None, "enrollment"),
    path("PATCH", ENROLLMENTS + "/{}/complete", "enrollment", '{"score": 100}', "enrollment"),
    path("PATCH", ENROLLMENTS + "/{}/complete", "enrollment", None, "enrollment"),
    path("PATCH", ENROLLMENTS + "/{}/cancel", "enrollment", None, "enrollment"),
    path("PATCH", ENROLLMENTS + "/{}/absent", "enrollment", None, "enrollment"),
    path("PATCH", ENROLLMENTS + "/{}/check-in", "enrollment", '{"method": "manual"}', "enrollment"),
    path("DELETE", ENROLLMENTS + "/{}/check-in", "enrollment", None, "enrollment"),
    path("PATCH", ENROLLMENTS + "/{}/reopen", "enrollment", '{"reason": "Stolen"}', "enrollment"),
    path("PATCH", ENROLLMENTS + "/{}/transfer", "enrollment", '{"session_id": <session>}', "enrollment"),
    path("GET", RECORDS + "/{}", "record", None, "enrollment"),
    path("GET", RECORDS + "/{}/audit", "record", None, "enrollment"),
    path("POST", RECORDS + "/{}/accept", "record", None, "enrollment"),
    path("POST", RECORDS + "/{}/reject", "record", '{"reason": "Stolen"}', "enrollment"),
    path("GET", EMPLOYEES + "/{}", "person", None, "enrollment"),
    path("GET", EMPLOYEES + "/{}/audit", "person", None, "enrollment"),
    path("DELETE", EMPLOYEES + "/{}", "person", None, "enrollment"),
    path("GET", EMPLOYEES + "/{}/training", "person", None, "history"),
    path("GET", STAFF + "/{}", "staff", None, "enrollment"),
    path("GET", STAFF + "/{}/audit", "staff", None, "enrollment"),
    path("DELETE", STAFF + "/{}", "staff", None, "enrollment"),
    path("GET", STAFF + "/{}/training", "staff", None, "history"),
    path("GET", EMPLOYEES + "/{}/training?page=2&per_page=1", "person", None, "history"),
    path("GET", COURSES + "/{}", "session", None, "catalog"),
    path("GET", WEBHOOKS + "/{}", "webhook", None, "delivery"),
    path("GET", WEBHOOKS + "/{}/secret", "webhook", None, "delivery"),
    path("GET", WEBHOOKS + "/{}/audit", "webhook", None, "delivery"),
    path("PATCH", WEBHOOKS + "/{}", "webhook", '{"url": "https://stolen.example/"}', "delivery"),
    path("DELETE", WEBHOOKS + "/{}", "webhook", None, "delivery"),
    path("POST", WEBHOOKS + "/{}/enable", "webhook", None, "delivery"),
    path("POST", WEBHOOKS + "/{}/rotate-secret", "webhook", '{"at_once": true}', "delivery"),
]


def query(target: str, name: str, word: str, expected: Expected, service: Service) -> Case:
    joint = "&" if "?" in target else "?"
    return Case(f"{target} {name} of {word}", get(f"{target}{joint}{name}=<their {word}>"), expected, service=service)


QUERIES = [
    query(SESSIONS, "course_id", "course", EMPTY, "catalog"),
    query(ENROLLMENTS, "employee_id", "person", EMPTY, "enrollment"),
    query(ENROLLMENTS, "session_id", "session", EMPTY, "enrollment"),
    query(ENROLLMENTS, "course_id", "course", EMPTY, "enrollment"),
    query(ENROLLMENTS + "?status=enrolled", "session_id", "session", EMPTY, "enrollment"),
    query(SUBMISSIONS, "employee_id", "person", EMPTY, "enrollment"),
    query(SUBMISSIONS, "course_id", "course", EMPTY, "enrollment"),
    query(COMPLIANCE, "course_id", "course", invalid("course_id"), "enrollment"),
    query("/api/v1/events", "after", "cursor", invalid("after"), "delivery"),
]


def body(name: str, request: str, *names: str, service: Service = "catalog") -> Case:
    return Case(name, request, invalid(*names), service=service)


_TRAINING = '"provider": "Red Cross", "completed_at": "2025-03-03T08:00:00Z"'
BODIES = [
    body(
        "training of their person",
        send("POST", RECORDS, f'{{"employee_id": <their person>, "training_name": "First Aid", {_TRAINING}}}'),
        "employee_id",
        service="enrollment",
    ),
    body(
        "training in their course",
        send("POST", RECORDS, f'{{"employee_id": <person>, "course_id": <their course>, {_TRAINING}}}'),
        "course_id",
        service="enrollment",
    ),
    body(
        "a session of their course", send("POST", SESSIONS, f'{{"course_id": <their course>, {_SESSION}}}'), "course_id"
    ),
    body(
        "a session moved to their course",
        send("PATCH", f"{SESSIONS}/<session>", '{"course_id": <their course>}'),
        "course_id",
    ),
    body(
        "their course as prerequisite",
        send("POST", COURSES, course(prerequisites="[<their course>]")),
        "prerequisites.0",
    ),
    body(
        "theirs among our prerequisites",
        send("POST", COURSES, course(prerequisites="[<course>, <their course>]")),
        "prerequisites.1",
    ),
    body(
        "a prerequisite changed to theirs",
        send("PATCH", f"{COURSES}/<course>", '{"prerequisites": [<their course>]}'),
        "prerequisites.0",
    ),
    body(
        "our person in their session",
        send("POST", ENROLLMENTS, '{"session_id": <their session>, "employee_ids": [<person>]}'),
        "session_id",
        service="enrollment",
    ),
    body(
        "their person in our session",
        send("POST", ENROLLMENTS, '{"session_id": <session>, "employee_ids": [<their person>]}'),
        "employee_ids.0",
        service="enrollment",
    ),
    body(
        "their staff in our session",
        send("POST", ENROLLMENTS, '{"session_id": <session>, "employee_ids": [<their staff>]}'),
        "employee_ids.0",
        service="enrollment",
    ),
    body(
        "theirs between our people",
        send(
            "POST",
            ENROLLMENTS,
            '{"session_id": <empty session>, "employee_ids": [<idle person>, <their person>, <staff>]}',
        ),
        "employee_ids.1",
        service="enrollment",
    ),
    body(
        "theirs on our waitlist",
        send("POST", ENROLLMENTS, '{"session_id": <session>, "employee_ids": [<their person>], "waitlist": true}'),
        "employee_ids.0",
        service="enrollment",
    ),
    body(
        "a transfer to their session",
        send("PATCH", f"{ENROLLMENTS}/<enrollment>/transfer", '{"session_id": <their session>}'),
        "session_id",
        service="enrollment",
    ),
    Case(
        "their enrollment to their session",
        send("PATCH", f"{ENROLLMENTS}/<their enrollment>/transfer", '{"session_id": <their session>}'),
        NOT_FOUND,
        service="enrollment",
    ),
]


def headers() -> Iterator[Case]:
    """Their entity tags and keys open nothing, and tell nothing of their rows."""
    tagged = "If-Match: <their tag>"
    yield Case(
        "their course with its tag", send("PATCH", f"{COURSES}/<their course>", '{"title": "x"}', tagged), NOT_FOUND
    )
    yield Case(
        "their course and any tag",
        send("PATCH", f"{COURSES}/<their course>", '{"title": "x"}', "If-Match: *"),
        NOT_FOUND,
    )
    yield Case(
        "their course unless it changed", get(f"{COURSES}/<their course>", "If-None-Match: <their tag>"), NOT_FOUND
    )
    yield Case(
        "our course unless it is theirs", get(f"{COURSES}/<course>", "If-None-Match: <their tag>"), Expected(200)
    )
    yield Case(
        "their person unless there is one",
        send("DELETE", f"{EMPLOYEES}/<their person>", "", "If-Match: *", content_type=""),
        NOT_FOUND,
        service="enrollment",
    )
    refused = f'{{"course_id": <their course>, {_SESSION}}}'
    yield body("their key", send("POST", SESSIONS, refused, "Idempotency-Key: <their key>"), "course_id")


FAMILY = Family("tenancy", [*PATHS, *QUERIES, *BODIES, *headers()], 45)


def of_nobody(case: Case) -> Case:
    """The same request for what belongs to nobody."""
    request = case.request
    for theirs, nobodys in STRANGERS.items():
        request = request.replace(f"<{theirs}>", f"<{nobodys}>")
    return replace(case, request=request)
