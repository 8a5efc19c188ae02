"""Models, held against the API's document: each member, and what a newer server may add."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from pydantic import Field

from muster import models
from muster.model import Model
from tests.support.client_document import SCHEMAS, example_of

NAMES = models.__all__


def faults_of(model: type[Model], schema: Mapping[str, Any]) -> list[str]:
    """Members that one of them has and the other has not, or that only one of them needs."""
    members = {field.alias or name: field.is_required() for name, field in model.model_fields.items()}
    declared = {name: name in schema.get("required", []) for name in schema["properties"] if name != "success"}
    return sorted(name for name, _ in members.items() ^ declared.items())


@pytest.mark.parametrize("name", NAMES)
def test_each_model_has_each_member(name: str) -> None:
    assert faults_of(getattr(models, name), SCHEMAS[name]) == []


def test_control_a_member_that_is_called_otherwise_is_noticed() -> None:
    class Renamed(Model):
        id: int
        label: str = Field(alias="title")
        name: str

    schema = {"properties": {"id": {}, "title": {}, "full_name": {}}, "required": ["id", "title"]}
    assert faults_of(Renamed, schema) == ["full_name", "name"]
    schema["required"] = ["title"]
    assert "id" in faults_of(Renamed, schema)


@pytest.mark.parametrize("name", NAMES)
def test_each_model_reads_what_the_document_says(name: str) -> None:
    said = example_of(SCHEMAS[name])
    read = getattr(models, name).model_validate(said)
    shown = read.model_dump(mode="json", by_alias=True)
    assert {key for key, value in said.items() if value is not None} <= shown.keys()


def course(**members: Any) -> models.CourseItem:
    return models.CourseItem.model_validate({**example_of(SCHEMAS["CourseItem"]), **members})


def test_values_have_types() -> None:
    read = course(created_at="2026-01-10T00:00:00.000000Z", cost_per_participant=200.10, duration_hours=8)
    assert read.created_at == dt.datetime(2026, 1, 10, tzinfo=dt.UTC)
    assert (read.cost_per_participant, read.duration_hours) == (Decimal("200.10"), Decimal(8))


def test_what_a_newer_server_says_is_kept() -> None:
    read = course(category="robotics", of_a_newer_server={"a": [1]})
    assert read.category == "robotics"
    assert read.model_dump()["of_a_newer_server"] == {"a": [1]}


def test_an_answer_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(course(), "title", "Other")  # noqa: B010 mypy sees it too
