"""Queries and bodies as models: every field checked, and none that the model does not know."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from yarl import URL

from shared.errors import ValidationFailed
from shared.http.models import MergePatch, Query
from shared.validation.known_members import Unknown, invalid, known_members

Model = TypeVar("Model", bound=BaseModel)

_REMEMBERED_QUERIES: Final = 1000
_REMEMBERED_LENGTH: Final = 256


class QueryReader:
    """Reads the queries of one route, and remembers those that were valid: pages are asked for again and again."""

    def __init__(self, model: type[Query]) -> None:
        self._model = model
        self._remembered = lru_cache(_REMEMBERED_QUERIES)(self._read)

    def read(self, query: str) -> Query:
        """Raises `ValidationFailed`."""
        return self._remembered(query) if len(query) <= _REMEMBERED_LENGTH else self._read(query)

    def _read(self, query: str) -> Query:
        parameters = URL.build(path="/", query_string=query, encoded=True).query
        values = dict(parameters)
        if len(values) < len(parameters):
            twice = sorted(name for name in values if len(parameters.getall(name)) > 1)
            raise ValidationFailed({name: ["This parameter is given more than once."] for name in twice})
        return validated(self._model, values)


def validated(model: type[Model], values: Mapping[str, Any]) -> Model:
    """An instance of the model, which sees no member that it does not know; raises `ValidationFailed`."""
    unknown = Unknown()
    known = known_members(model, values, unknown)
    try:
        instance = model.model_validate(known)
    except ValidationError as error:
        raise invalid(error, unknown) from None
    unknown.require_none()
    return instance


def body_of(model: type[Model], value: Any) -> Model:
    """The model of a JSON object; raises `ValidationFailed`."""
    if not isinstance(value, dict):
        raise ValidationFailed({"body": ["The body must be a JSON object."]})
    if issubclass(model, MergePatch):  # its members are the document's, even where `null` would remove one
        unknown = Unknown()
        known_members(model.document, value, unknown)
        unknown.require_none()
    return validated(model, value)
