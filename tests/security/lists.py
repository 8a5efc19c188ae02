"""Pages and filters of lists: numbers that are none, names twice, and text that SQL, LIKE or JSON path would read."""

from collections.abc import Iterator
from urllib.parse import quote

from tests.security.corpus import (
    COMPLIANCE,
    COURSES,
    EMPLOYEES,
    EMPTY,
    ENROLLMENTS,
    OK,
    SESSIONS,
    STAFF,
    Case,
    Expected,
    Family,
    Service,
    get,
    invalid,
)

LISTS: dict[str, Service] = {
    COURSES: "catalog",
    SESSIONS: "catalog",
    "/api/v1/training/labels": "catalog",
    "/api/v1/training/projects": "catalog",
    "/api/v1/companies": "enrollment",
    ENROLLMENTS: "enrollment",
    "/api/v1/training/record-submissions": "enrollment",
    "/api/v1/training/requirements": "enrollment",
    "/api/v1/training/records/<record>/audit": "enrollment",
    EMPLOYEES: "enrollment",
    STAFF: "enrollment",
    f"{ENROLLMENTS}/<enrollment>/audit": "enrollment",
    f"{COURSES}/<course>/audit": "catalog",
    f"{SESSIONS}/<session>/audit": "catalog",
    f"{EMPLOYEES}/<person>/audit": "enrollment",
    f"{STAFF}/<staff>/audit": "enrollment",
    "/api/v1/training/settings/audit": "enrollment",
    f"{COMPLIANCE}?course_id=<course>": "enrollment",
    f"{EMPLOYEES}/<person>/training": "history",
    f"{STAFF}/<staff>/training": "history",
    "/api/v1/webhooks": "delivery",
    "/api/v1/webhooks/<webhook>/audit": "delivery",
}


def ask(path: str, query: str, expected: Expected) -> Case:
    joint = "&" if "?" in path else "?"
    return Case(f"{path} {query[:50]}", get(f"{path}{joint}{query}"), expected, service=LISTS[path])


NO_NUMBERS = [
    "0", "-1", "1.0", "1e0", "0x1", "", "%20", "%201", "1%20", "%2B1", "+1", "1_0", "abc", "NaN", "null", "true",
    "%D9%A3", "%EF%BC%91", "%C2%B2", "%00", "1%00", "1,2", "1;2", "1'--", "[1]", "1%0a", "--1",
]  # fmt: skip
"""Arabic and full-width digits and a superscript are among them."""
TOO_LARGE = ["9" * 20, "9" * 400]
"""For 64 bits."""

NO_CURSORS = ["1", "null", "%00", "%F0%9F%98%80", "A" * 36, "%2D" * 36, "A" * 2000, "'%20OR%201=1--"]


def pages() -> Iterator[Case]:
    for number in NO_NUMBERS:
        yield ask(COURSES, f"page={number}", invalid("page"))
        yield ask(ENROLLMENTS, f"per_page={number}", invalid("per_page"))
        yield ask(f"{EMPLOYEES}/<person>/training", f"page={number}", invalid("page"))
    for number in TOO_LARGE:
        yield ask(ENROLLMENTS, f"per_page={number}", invalid("per_page"))
        for path in LISTS:
            yield ask(path, f"page={number}&per_page=100", OK)
    for path in LISTS:
        yield ask(path, "page=1000000001", OK)
        yield ask(path, "per_page=101", invalid("per_page"))
        yield ask(path, "page=1&page=2", invalid("page"))
        yield ask(path, "Page=1", invalid("Page"))
        yield ask(path, "page%20=1", invalid("page "))
        yield ask(path, "limit=1", invalid("limit"))
        yield ask(path, "page=1000000000&per_page=100", OK)
        for cursor in NO_CURSORS:
            yield ask(path, f"cursor={cursor}", invalid("cursor"))
        yield ask(path, "cursor=&page=1", invalid("cursor"))
        yield ask(path, "cursor=&total=1", invalid("total"))
        yield ask(path, "cursor=&total=true&per_page=100", OK)
    yield ask(COURSES, "page=0000000000000000001", OK)
    yield ask(COURSES, "page=00000000000000000001", invalid("page"))
    yield ask(COURSES, "%70age=1&page=2", invalid("page"))


ID_FILTERS = [
    (ENROLLMENTS, "employee_id"),
    (ENROLLMENTS, "session_id"),
    (EMPLOYEES, "company_id"),
    (f"{EMPLOYEES}/<person>/training", "label_id"),
    (f"{STAFF}/<staff>/training", "project_id"),
]
NO_DAYS = [
    "2026-02-30", "2026-13-01", "26-01-01", "2026-1-1", "2026-01-01T00:00:00Z", "20260101", "0000-01-01", "10000-01-01",
    "today", "infinity", "-infinity", "epoch", "now()", "", "%D9%A2026-01-01", "2026-01-01'",
]  # fmt: skip


def filters() -> Iterator[Case]:
    for number in NO_NUMBERS + TOO_LARGE:
        yield ask(SESSIONS, f"course_id={number}", invalid("course_id"))
    for path, name in ID_FILTERS:
        yield ask(path, f"{name}={2**63}", invalid(name))
        yield ask(path, f"{name}={2**63 - 1}", EMPTY)
        yield ask(path, f"{name}=1%20OR%201=1", invalid(name))
        yield ask(path, f"{name}[]=1", invalid(f"{name}[]"))
    for year in ("0", "1899", "3000", "9999", "10000", "-1", "2026.0", "2026-01", "%E0%A5%A8026"):
        yield ask(ENROLLMENTS, f"year={year}", invalid("year"))
    for word in ("SCHEDULED", "scheduled%20", "scheduled'", "all", "", "scheduled%00", "1", "scheduled,completed"):
        yield ask(SESSIONS, f"status={word}", invalid("status"))
    for day in NO_DAYS:
        yield ask(SESSIONS, f"date_from={day}", invalid("date_from"))
        yield ask(f"{EMPLOYEES}/<person>/training", f"date_to={day}", invalid("date_to"))
    for day in ("0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31"):
        yield ask(SESSIONS, f"date_to={day}", invalid("date_to"))
        yield ask(f"{EMPLOYEES}/<person>/training", f"date_from={day}", invalid("date_from"))
    yield ask(SESSIONS, "date_from=2999-12-31", EMPTY)
    yield ask(SESSIONS, "date_to=1900-01-01", EMPTY)
    yield ask(f"{STAFF}/<staff>/training", "date_from=2026-01-02&date_to=2026-01-01", invalid("date_to"))
    yield ask(f"{STAFF}/<staff>/training", "company_id=1", invalid("company_id"))


TEXTS = [
    "%", "_", "%%%", "L%s", "Leadershi_", "\\", "\\%", "\\\\", "'", "''", "' OR '1'='1", "' OR 1=1 --",
    "'; DROP TABLE courses; --", "' UNION SELECT 1,2,3 --", "1) OR (1=1", '"', "$1", "$$", "${7*7}", "{{7*7}}",
    "E'\\x41'", "/*", "*/", "--", ";", "x' AND pg_sleep(9) --", "[", "(", ".*", "^", "L.*", "(a+)+$", "$.title", "@@",
    "&|!", "a:*", "<script>", "../../etc/passwd", "\x01", "\u202e", "\U0001f6a7", "\ufeff",
    "nul\u2400",
]  # fmt: skip
"""What SQL, LIKE, regular expressions, text search, JSON path, templates or terminals would read as more than text."""


def searches() -> Iterator[Case]:
    for text in TEXTS:
        yield ask(COURSES, f"search={quote(text, safe='')}", EMPTY)
        yield ask(EMPLOYEES, f"search={quote(text, safe='')}", EMPTY)
    for path in (COURSES, EMPLOYEES, STAFF):
        yield ask(path, "search=%00", invalid("search"))
        yield ask(path, "search=" + "x" * 256, invalid("search"))
        yield ask(path, "search=a&search=b", invalid("search"))
    for spelling in ("LEADERSHIP", "leadership%CC%81", "%C3%9F"):
        yield ask(COURSES, f"search={spelling}", Expected(200, total=1))
    for blank in ("%09", "%0A", "%0D%0A"):
        yield ask(COURSES, f"search={blank}", Expected(200, total=2))
        yield ask(EMPLOYEES, f"search={blank}", Expected(200, total=2))
    yield ask(EMPLOYEES, "search=%C3%9F", EMPTY)
    yield ask(COURSES, "search=+", Expected(200, total=2))


FAMILY = Family("lists", [*pages(), *filters(), *searches()], 300)
