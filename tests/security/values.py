"""Values outside of what a field can be: numbers, texts, moments, addresses and ids of every wrong kind."""

import json

from tests.security.corpus import (
    COURSES,
    EMPLOYEES,
    ENROLLMENTS,
    SESSIONS,
    SETTINGS,
    Case,
    Family,
    Service,
    course,
    invalid,
    post,
    send,
)


def wrong(member: str, *values: str) -> list[Case]:
    """A course that is good but for this member."""
    return [Case(f"{member} {value[:30]}", post(course(**{member: value})), invalid(member)) for value in values]


def wrong_id(name: str, value: str, field: str = "session_id") -> Case:
    members = {"session_id": "<session>", "employee_ids": "[<idle person>]"} | {field.partition(".")[0]: value}
    body = ", ".join(f'"{member}": {written}' for member, written in members.items())
    return Case(f"id {name}", send("POST", ENROLLMENTS, f"{{{body}}}"), invalid(field), service="enrollment")


def of(name: str, method: str, path: str, body: str, *names: str, service: Service = "catalog") -> Case:
    return Case(name, send(method, path, body), invalid(*names), service=service)


CONTROLS = (
    '"\\u0000"',
    '"a\\tb"',
    '"a\\nb"',
    '"a\\r\\nb"',
    '"\\u001b[31mx"',
    '"x\\u007f"',
    '"x\\u0085y"',
    '"x\\u2028y"',
)
"""What is no part of one line."""

OUT_OF_RANGE = (
    "0001-01-01T00:00:00Z",
    "1899-12-31T23:59:59.999999Z",
    "1900-01-01T00:00:00+00:01",
    "2999-12-31T23:59:00-00:01",
    "3000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
)
"""Moments that other systems write for "never" or "always", and those around the range."""

VALUES = [
    *wrong(
        "title",
        "null",
        "1",
        "true",
        '""',
        '"  "',
        '["x"]',
        '{"a": 1}',
        '"' + "x" * 256 + '"',
        *CONTROLS,
    ),
    *wrong("category", "null", '"SAFETY"', '"safety "', '"cooking"', "1", '["safety"]', '"safety\\u0000"'),
    *wrong(
        "duration_hours",
        "null",
        "0",
        "-1",
        "-0",
        "-0.0",
        "1e400",
        "1e-400",
        "10001",
        "0.001",
        '"1"',
        "true",
        "[1]",
        "1e5",
    ),
    *wrong("cost_per_participant", "-0.01", "0.001", "1e10", "1e308", "99999999999999999999", '"0"', "null", "1e-7"),
    *wrong("pass_score", "101", "-1", "100.01", '"80"', "true", "1e2000"),
    *wrong("renewal_window_days", "0", "-1", "1.5", "3661", '"30"', "true", "2147483648"),
    *wrong("validity_months", "0", "-1", "1.0", "1e1", "1.5", "1201", '"12"', "true", "2147483648", "9" * 30),
    *wrong("description", "1", '"' + "x" * 10_001 + '"', '"\\u0000"', '"a\\u001b[31m"', '"a\\u0008"', '"a\\u007f"'),
    *wrong("provider_name", *CONTROLS),
    *wrong("external_id", *CONTROLS, "1", '""', '"' + "x" * 256 + '"'),
    *(
        of(
            f"a label named {written}",
            "POST",
            COURSES,
            course(labels=f'[{{"id": 1, "name": {written}}}]'),
            "labels.0.name",
        )
        for written in CONTROLS
    ),
    *(
        of(f"{member} {written}", "PATCH", f"{SESSIONS}/<session>", f'{{"{member}": {written}}}', member)
        for member in ("session_name", "location")
        for written in CONTROLS
    ),
    *(
        of(
            f"a session's external_id {written}",
            "PATCH",
            f"{SESSIONS}/<session>",
            f'{{"external_id": {written}}}',
            "external_id",
        )
        for written in CONTROLS
    ),
    *(
        of(
            f"a facilitator {written}",
            "PATCH",
            f"{SESSIONS}/<session>",
            f'{{"facilitator": {{"id": 1, "full_name": {written}}}}}',
            "facilitator.full_name",
        )
        for written in CONTROLS
    ),
    *(
        of(
            f"a project named {written}",
            "PATCH",
            f"{SESSIONS}/<session>",
            f'{{"projects": [{{"id": 1, "name": {written}}}]}}',
            "projects.0.name",
        )
        for written in CONTROLS
    ),
    *(
        of(
            f"{member} of a person {written}",
            "PUT",
            f"{EMPLOYEES}/<person>",
            json.dumps({"employee_id": "E", "full_name": "x", "company": {"id": 1, "name": "x"}} | {member: 0}).replace(
                "0", written
            ),
            member,
            service="enrollment",
        )
        for member in ("employee_id", "full_name")
        for written in CONTROLS
    ),
    *(
        of(
            f"a company named {written}",
            "PUT",
            f"{EMPLOYEES}/<person>",
            f'{{"employee_id": "E", "full_name": "x", "company": {{"id": 1, "name": {written}}}}}',
            "company.name",
            service="enrollment",
        )
        for written in CONTROLS
    ),
    *(
        of(
            f"feedback {written}",
            "PATCH",
            f"{ENROLLMENTS}/<enrollment>/complete",
            f'{{"feedback": {written}}}',
            "feedback",
            service="enrollment",
        )
        for written in ('"\\u0000"', '"a\\u001b[31m"', '"a\\u0085b"')
    ),
    *wrong("provider", "null", '"other"', "true"),
    *wrong("prerequisites", "null", "1", '"1"', "{}"),
    *wrong("labels", "null", "{}", '"x"'),
    of("prerequisites of too many", "POST", COURSES, course(prerequisites=str(list(range(1, 52)))), "prerequisites"),
    of("a prerequisite twice", "POST", COURSES, course(prerequisites="[1, 1]"), "prerequisites"),
    of("a prerequisite that is a float", "POST", COURSES, course(prerequisites="[1.0]"), "prerequisites.0"),
    of("a label with a text id", "POST", COURSES, course(labels='[{"id": "1", "name": "x"}]'), "labels.0.id"),
    of(
        "a label with a member too many",
        "POST",
        COURSES,
        course(labels='[{"id": 1, "name": "x", "a": 1}]'),
        "labels.0.a",
    ),
    of("a text as start", "PATCH", f"{SESSIONS}/<session>", '{"start_date": "tomorrow"}', "start_date"),
    of("a number as start", "PATCH", f"{SESSIONS}/<session>", '{"start_date": 1893456000}', "start_date"),
    of(
        "a start without an offset",
        "PATCH",
        f"{SESSIONS}/<session>",
        '{"start_date": "2030-05-15T09:00:00"}',
        "start_date",
    ),
    of(
        "a start on 30 February",
        "PATCH",
        f"{SESSIONS}/<session>",
        '{"start_date": "2030-02-30T09:00:00Z"}',
        "start_date",
    ),
    of(
        "a start at 25 o'clock",
        "PATCH",
        f"{SESSIONS}/<session>",
        '{"start_date": "2030-05-15T25:00:00Z"}',
        "start_date",
    ),
    of(
        "a start before the calendar",
        "PATCH",
        f"{SESSIONS}/<session>",
        '{"start_date": "0001-01-01T00:00:00+14:00"}',
        "start_date",
    ),
    *(
        of(f"a start at {moment}", "PATCH", f"{SESSIONS}/<session>", f'{{"start_date": "{moment}"}}', "start_date")
        for moment in OUT_OF_RANGE
    ),
    *(
        of(
            f"a check-in at {moment}",
            "PATCH",
            f"{ENROLLMENTS}/<enrollment>/check-in",
            f'{{"method": "manual", "checked_in_at": "{moment}"}}',
            "checked_in_at",
            service="enrollment",
        )
        for moment in OUT_OF_RANGE
    ),
    of("an end before the start", "PATCH", f"{SESSIONS}/<session>", '{"end_date": "2000-01-01T00:00:00Z"}', "end_date"),
    of("0 places", "PATCH", f"{SESSIONS}/<session>", '{"max_participants": 0}', "max_participants"),
    of("places as text", "PATCH", f"{SESSIONS}/<session>", '{"max_participants": "20"}', "max_participants"),
    of("2^31 places", "PATCH", f"{SESSIONS}/<session>", '{"max_participants": 2147483648}', "max_participants"),
    of("null where none may be", "PATCH", f"{SESSIONS}/<session>", '{"session_name": null}', "session_name"),
    of(
        "a time zone that is a path",
        "PUT",
        SETTINGS,
        '{"time_zone": "../../etc/passwd"}',
        "time_zone",
        service="enrollment",
    ),
    of("a time zone with NUL", "PUT", SETTINGS, '{"time_zone": "UTC\\u0000"}', "time_zone", service="enrollment"),
    of(
        "a score of 1e400",
        "PATCH",
        f"{ENROLLMENTS}/<enrollment>/complete",
        '{"score": 1e400}',
        "score",
        service="enrollment",
    ),
    of(
        "a score as text",
        "PATCH",
        f"{ENROLLMENTS}/<enrollment>/complete",
        '{"score": "80"}',
        "score",
        service="enrollment",
    ),
    *(
        of(
            f"a certificate at {url[:60]}",
            "PATCH",
            f"{ENROLLMENTS}/<enrollment>/complete",
            f'{{"certificate_url": "{url}"}}',
            "certificate_url",
            service="enrollment",
        )
        for url in (
            "http://x.example",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "//x.example",
            "HTTP://x.example",
            "https://\\u00e9.example",
            " https://x.example",
            "data:text/html,x",
            "https://trusted.test@evil.test/",
            "https://user:password@x.example/",
            "https://@x.example/",
            "https://a.test\\\\@b.test",
            "https://a.test\\\\b",
            "https://x.example/a b",
            "https://x.example/\\n",
            "https://x.example\\r\\n/",
            "https://x.example/a\\tb",
            "https://x.example/\\u0000",
            "https://x.example/\\u202e",
            'https://x.example/\\"x',
            "https://x.example/<x>",
            "https://x.example/{x}",
            "https://x.example/a|b",
            "https://x.example/a^b`",
            "https://x.example/%",
            "https://x.example/%2",
            "https://x.example/%zz",
            "https://x.example/#a#b",
            "https://x.example/[a]",
            "https://x.example:0/",
            "https://x.example:65536/",
            "https://x.example:a/",
            "https://x.example:/",
            "https://[::1",
            "https://[::g]/",
            "https://[1::2::3]/",
            "https://::1/",
            "https://1.2.3.256/",
            "https://1.2.3/",
            "https://x..example/",
            "https://.example/",
            "https://-x.example/",
            "https://x-.example/",
            "https://%78.example/",
            "https://x!.example/",
            "https:x.example",
            "https:/x.example",
            "https:///x.example",
            "https://x.example/ ",
            "https://x.example/" + "a" * 2048,
        )
    ),
    of(
        "a name with NUL",
        "PUT",
        f"{EMPLOYEES}/<person>",
        '{"employee_id": "E", "full_name": "a\\u0000"}',
        "full_name",
        service="enrollment",
    ),
    wrong_id("0", "0"),
    wrong_id("negative", "-1"),
    wrong_id("a float", "1.0"),
    wrong_id("an exponent", "1e0"),
    wrong_id("a huge exponent", "1e400"),
    wrong_id("2^63", str(2**63)),
    wrong_id("400 digits", "9" * 400),
    wrong_id("text", '"1"'),
    wrong_id("true", "true"),
    wrong_id("null", "null"),
    wrong_id("a list", "[1]"),
    wrong_id("people none", "[]", "employee_ids"),
    wrong_id("people 501", str(list(range(1, 502))), "employee_ids"),
    wrong_id("people twice", "[1, 1]", "employee_ids"),
    wrong_id("people as an object", '{"0": 1}', "employee_ids"),
    wrong_id("people as text", '"1,2"', "employee_ids"),
    wrong_id("people nested", "[[1]]", "employee_ids.0"),
    wrong_id("people with null", "[null]", "employee_ids.0"),
    wrong_id("people with 2^63", f"[{2**63}]", "employee_ids.0"),
    wrong_id("waitlist as a number", "1", "waitlist"),
    wrong_id("partial as a number", "1", "partial"),
]

FAMILY = Family("values", VALUES, 230)
