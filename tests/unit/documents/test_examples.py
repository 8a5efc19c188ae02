"""The examples of the document are what its own schemas say."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from documents.examples import EXAMPLES
from tests.support.openapi import DOCUMENT


def media_types(part: Any, place: str = "#") -> Iterator[tuple[str, Any]]:
    """All that have examples."""
    if isinstance(part, dict):
        if "schema" in part and "examples" in part:
            yield place, part
        for name, value in part.items():
            yield from media_types(value, f"{place}/{name}")


FOUND = dict(media_types(DOCUMENT["paths"]))
SHOWN = [(place, name) for place, media_type in FOUND.items() for name in media_type["examples"]]


def validate(schema: Any, value: Any) -> None:
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


@pytest.mark.parametrize(("place", "name"), SHOWN)
def test_an_example_is_as_its_schema_says(place: str, name: str) -> None:
    validate(FOUND[place]["schema"], FOUND[place]["examples"][name]["value"])


def test_every_example_is_shown() -> None:
    answers = {name for place, name in SHOWN if "/responses/" in place}
    assert {name.lower() for name in answers} == {"".join(name.split()).lower() for name in EXAMPLES}
    assert {name for place, name in SHOWN if "/requestBody/" in place} == {"enroll", "sessionFull", "complete"}


@pytest.mark.parametrize("change", [{"title": None}, {"extra": 1}, {"pass_score": "70"}])
def test_control_an_answer_that_differs_is_noticed(change: dict[str, Any]) -> None:
    answer = json.loads(EXAMPLES["list courses"].answer)
    schema = {"$ref": "#/components/schemas/CoursePage"}
    validate(schema, answer)
    answer["data"][0] |= change
    with pytest.raises(ValidationError):
        validate(schema, answer)


def test_a_parameter_has_the_value_that_an_example_has() -> None:
    listed = {
        each.get("name"): each.get("example")
        for each in DOCUMENT["paths"]["/api/v1/training/courses"]["get"]["parameters"]
    }
    assert listed["search"] == "leadership"
    assert listed["per_page"] == 15
    [own, *_] = DOCUMENT["paths"]["/api/v1/training/courses/{id}"]["get"]["parameters"]
    assert own["example"] == 1
