"""The OpenAPI document: valid, whole, and made of JSON Schema's own keywords."""

from dataclasses import replace
from typing import Annotated, Any

import pytest
from openapi_spec_validator import validate
from pydantic import Field

from documents.openapi import openapi
from documents.routes import public_routes
from documents.writing import DocumentError
from shared.http.models import Query
from shared.http.routing import Route
from shared.validation.fields import QueryCount
from tests.support.openapi import DOCUMENT
from tests.support.services import ROUTES


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_document_has_every_route_but_internal_ones(route: Route[Any, Any]) -> None:
    is_there = route.method.lower() in DOCUMENT["paths"].get(route.path, {})
    assert is_there == (route.is_public or not route.is_internal)


def test_a_bound_that_is_no_keyword_is_refused() -> None:
    """pydantic has none for bounds that stand behind the function that reads the text."""

    class Late(Query):
        count: Annotated[QueryCount, Field(le=7)] = 1

    with pytest.raises(DocumentError, match="parameters/0/schema/le"):
        openapi([replace(public_routes()[0], query=Late)])


def test_a_route_without_a_summary_is_refused() -> None:
    with pytest.raises(DocumentError, match="has no summary"):
        openapi([replace(public_routes()[0], summary="")])


def test_two_routes_of_one_name_are_refused() -> None:
    with pytest.raises(DocumentError, match="listCourses"):
        openapi([public_routes()[0], replace(public_routes()[1], summary="List courses")])
