"""Names, merge patches and rules in the document's schemas."""

from typing import Any

import pytest
from pydantic import Field

from documents.schemas import Schemas, prose, public_name
from documents.writing import DocumentError
from shared.http.models import Body, MergePatch
from tests.support.openapi import DOCUMENT

SCHEMAS = DOCUMENT["components"]["schemas"]
NULL = {"type": "null"}


class Part(Body):
    id: int
    name: str


class Whole(Body):
    """What clients write (contract, section 1), in lines that
    are short."""

    rules = ("id is even.",)

    id: int
    size: int = 3
    text: str | None = None
    part: Part | None = None
    parts: list[Part] = Field(default_factory=list)


class WholePatch(MergePatch):
    document = Whole


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("Page_CourseItem_", "CoursePage"),
        ("Success_CourseDetail_", "CourseResponse"),
        ("Success_EnrolledPeople_", "EnrolledPeopleResponse"),
        ("HistoryPage_TrainingRecord_", "TrainingHistoryPage"),
        ("CourseFields", "CourseFields"),
        ("Me", "OwnUser"),
    ],
)
def test_a_name_is_made_for_readers(name: str, public: str) -> None:
    assert public_name(name) == public


def test_no_name_is_that_of_a_generic_class() -> None:
    assert [name for name in SCHEMAS if not name.isalnum()] == []


def test_a_patch_has_the_members_of_what_it_is_merged_into() -> None:
    patch = Schemas([WholePatch]).of(WholePatch)
    assert "required" not in patch
    assert patch["additionalProperties"] is False
    assert patch["x-rules"] == ["id is even."]
    assert patch["properties"] == {
        "id": {"type": "integer"},
        "size": {"anyOf": [{"type": "integer"}, NULL]},
        "text": {"anyOf": [{"type": "string"}, NULL]},
        "part": {"anyOf": [{"$ref": "#/components/schemas/PartPatch"}, NULL]},
        "parts": {"anyOf": [{"type": "array", "items": {"$ref": "#/components/schemas/Part"}}, NULL]},
    }


def test_an_object_in_a_patch_is_merged_as_well() -> None:
    schemas = Schemas([WholePatch])
    part = schemas.components(schemas.reference(WholePatch))["PartPatch"]
    assert part["properties"] == {"id": {"type": "integer"}, "name": {"type": "string"}}
    assert "required" not in part


def test_a_course_is_patched_by_members_of_its_fields() -> None:
    assert SCHEMAS["CoursePatch"]["properties"].keys() == SCHEMAS["CourseFields"]["properties"].keys()
    assert SCHEMAS["CoursePatch"]["properties"]["title"] == {"$ref": "#/components/schemas/OneLine"}
    assert NULL in SCHEMAS["CoursePatch"]["properties"]["provider_name"]["anyOf"]


def test_rules_and_docstrings_are_for_readers() -> None:
    whole = Schemas([Whole]).of(Whole)
    assert whole["x-rules"] == ["id is even."]
    assert whole["description"] == "What clients write, in lines that are short."
    assert prose("One.\n\nTwo\nlines.") == "One.\n\nTwo lines."


def test_two_models_of_one_name_are_refused() -> None:
    class CourseFields(Body):
        other: int

    def make() -> Any:
        from services.catalog.schemas import CourseFields as Those

        return Schemas([CourseFields, Those])

    names = set(make()._names.values())
    assert len(names) == 2, "pydantic tells them apart by their modules"


def test_names_that_the_rules_make_equal_are_refused() -> None:
    class Me(Body):
        own: int

    class OwnUser(Body):
        own: int

    with pytest.raises(DocumentError, match="share a name"):
        Schemas([Me, OwnUser])
