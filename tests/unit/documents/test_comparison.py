"""What was removed or narrowed since the last release is found, whatever it is, and the changelog has to say it."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from documents.comparison import breaks
from documents.released import untold
from tests.support.openapi import DOCUMENT

COURSES, COURSE = "/api/v1/training/courses", "/api/v1/training/courses/{id}"
TEXT = {"type": "string"}
Change = Callable[[Any], Any]


def schema(document: Any, name: str) -> Any:
    return document["components"]["schemas"][name]


def changed(change: Change) -> Any:
    document = deepcopy(DOCUMENT)
    change(document)
    return document


def renamed(document: Any) -> None:
    properties = schema(document, "CourseItem")["properties"]
    properties["name"] = properties.pop("title")


NARROWER: dict[str, tuple[Change, str]] = {
    "an operation": (lambda d: d["paths"][COURSE].pop("delete"), f"DELETE {COURSE}"),
    "a path": (lambda d: d["paths"].pop(COURSES), f"GET {COURSES}"),
    "a parameter": (lambda d: d["paths"][COURSES]["get"]["parameters"].pop(1), "per_page"),
    "a required parameter": (lambda d: d["paths"][COURSES]["get"]["parameters"][0].update(required=True), "page"),
    "a bound of a parameter": (
        lambda d: d["paths"][COURSES]["get"]["parameters"][1]["schema"].update(maximum=50),
        "per_page",
    ),
    "a status": (lambda d: d["paths"][COURSE]["get"]["responses"].pop("304"), "304"),
    "a media type": (
        lambda d: d["paths"][COURSE]["patch"]["requestBody"]["content"].pop("application/json"),
        "application/json",
    ),
    "a field of an answer": (lambda d: schema(d, "CourseItem")["properties"].pop("title"), "title"),
    "a renamed field": (renamed, "title"),
    "a field that may be missing": (lambda d: schema(d, "CourseItem")["required"].remove("provider"), "provider"),
    "a field that may be null": (
        lambda d: schema(d, "CourseItem")["properties"].update(
            provider={"anyOf": [{"type": "string"}, {"type": "null"}]}
        ),
        "provider",
    ),
    "the type of a field": (lambda d: schema(d, "CourseItem")["properties"].update(id={"type": "string"}), "id"),
    "a value of an answer": (
        lambda d: schema(d, "CourseItem")["properties"]["category"]["enum"].remove("safety"),
        "safety",
    ),
    "a field of a body": (lambda d: schema(d, "CourseFields")["properties"].pop("labels"), "labels"),
    "a required field": (lambda d: schema(d, "CourseFields")["required"].append("labels"), "labels"),
    "a value of a body": (
        lambda d: schema(d, "CourseFields")["properties"]["category"]["enum"].remove("safety"),
        "safety",
    ),
    "a bound of a field": (
        lambda d: schema(d, "CourseFields")["properties"]["duration_hours"].update(maximum=100),
        "duration_hours",
    ),
    "a pattern": (lambda d: schema(d, "OneLine").update(pattern="^a$"), "title"),
    "null": (
        lambda d: schema(d, "CourseFields")["properties"].update(
            provider_name={"$ref": "#/components/schemas/OneLine"}
        ),
        "provider_name",
    ),
    "a code": (lambda d: schema(d, "NotFoundError")["properties"]["code"].update(const="gone"), "not_found"),
    "a header": (lambda d: d["paths"][COURSE]["get"]["responses"]["200"]["headers"].pop("ETag"), "ETag"),
    "a permission": (
        lambda d: d["paths"][COURSE]["get"]["x-permissions"].remove("training.view.self"),
        "training.view.self",
    ),
}

WIDER: dict[str, Change] = {
    "nothing": lambda d: None,
    "an operation": lambda d: d["paths"][COURSE].update(put=d["paths"][COURSE]["patch"]),
    "a field of an answer": lambda d: schema(d, "CourseItem")["properties"].update(language={"type": "string"}),
    "a new value of an answer": lambda d: schema(d, "CourseItem")["properties"]["category"]["enum"].append("art"),
    "an optional field": lambda d: schema(d, "CourseFields")["properties"].update(language={"type": "string"}),
    "a wider bound": lambda d: schema(d, "CourseFields")["properties"]["duration_hours"].update(maximum=20_000),
    "a field that is always there": lambda d: schema(d, "EnrollmentItem")["required"].append("waitlist_position"),
    "a description": lambda d: schema(d, "CourseItem").update(description="Other words."),
}


@pytest.mark.parametrize("name", NARROWER)
def test_what_is_removed_or_narrowed_is_found(name: str) -> None:
    change, subject = NARROWER[name]
    assert subject in {each.subject for each in breaks(DOCUMENT, changed(change))}


@pytest.mark.parametrize("name", WIDER)
def test_what_is_added_or_widened_is_none(name: str) -> None:
    assert breaks(DOCUMENT, changed(WIDER[name])) == []


def test_what_is_removed_is_named_in_the_changelog(tmp_path: Path) -> None:
    released, changelog = tmp_path / "released.json", tmp_path / "CHANGELOG.md"
    new = changed(renamed)
    assert untold(new, released, changelog) == [], "there is no release to compare it with"
    released.write_text(json.dumps(DOCUMENT))
    changelog.write_text(
        "# Changelog\n\n## Unreleased\n\n### Courses\n\n- `title`\n\n## 1\n\n### Breaking\n\n- `title`\n"
    )
    found = untold(new, released, changelog)
    assert any(f"GET {COURSES}: 200: title is gone" in each and "names `title`" in each for each in found)
    changelog.write_text("## Unreleased\n\n### Breaking\n\n- The `title` of a course is its `name`.\n")
    assert untold(new, released, changelog) == []
