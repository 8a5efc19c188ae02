"""What answers look like in the document: a field may be missing or not, and none has a default that nobody reads."""

from typing import Any

import pytest
from pydantic import BaseModel

from documents.routes import public_routes
from tests.support.openapi import DOCUMENT

SCHEMAS = DOCUMENT["components"]["schemas"]


def models() -> set[type[BaseModel]]:
    """All that good answers are made of."""
    found, waiting = set[Any](), [model for route in public_routes() for model in route.answers.values()]
    while waiting:
        model = waiting.pop()
        if model not in found:
            found.add(model)
            waiting += [part for field in model.model_fields.values() for part in parts(field.annotation)]
    return found


def parts(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for each in getattr(annotation, "__args__", ()) for part in parts(each)]


@pytest.mark.parametrize("model", sorted(models(), key=str), ids=lambda model: model.__name__)
def test_a_field_of_an_answer_has_no_default_of_its_own(model: type[BaseModel]) -> None:
    given = {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}
    assert {
        name for name, field in model.model_fields.items() if not field.is_required() and given[name] is not None
    } == set()


def test_what_may_be_missing_is_not_required_and_has_no_default() -> None:
    place = SCHEMAS["EnrollmentItem"]["properties"]["waitlist_position"]
    assert place == {"type": "integer", "minimum": 1}
    assert "waitlist_position" not in SCHEMAS["EnrollmentItem"]["required"]
    assert "waitlist_position" not in SCHEMAS["EnrollmentDetail"]["required"]
    assert "status" in SCHEMAS["EnrollmentItem"]["required"]


def test_an_answer_has_exactly_its_fields() -> None:
    open_ones = {
        name
        for name, schema in SCHEMAS.items()
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False
    }
    assert open_ones == {"Problem"}
