"""The columns of a list: the fields of its items, as a file of lines and cells has them (contract, section 1)."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from shared.http.representation import TrainingTimestamp


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is dotted: `company.id`. A list, and what is in the objects of a list, has the items of all of it in one
    cell. An `is_document` is an object of any members: JSON text."""

    name: str
    path: Sequence[str]
    is_document: bool = False
    is_timestamp: bool = False

    def cell(self, item: Mapping[str, Any]) -> Any:
        """None for what is null, or missing."""
        found = _found(item, self.path)
        return _document(found) if self.is_document and found is not None else found


def columns_of(model: type[BaseModel]) -> list[Column]:
    """In the order of the fields."""
    return list(_columns(model, ()))


def _columns(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[Column]:
    for name, field in model.model_fields.items():
        here = (*path, field.alias or name)
        kinds = _kinds(field.annotation)
        nested = next((each for each in kinds if isinstance(each, type) and issubclass(each, BaseModel)), None)
        if nested is not None:
            yield from _columns(nested, here)
        else:
            is_document = any(each is Any or (get_origin(each) or each) in (dict, Mapping) for each in kinds)
            is_timestamp = TrainingTimestamp in kinds or _OF_TIMESTAMPS in _patterns(field.metadata)
            yield Column(".".join(here), here, is_document, is_timestamp)


def _patterns(metadata: Iterable[Any]) -> list[str | None]:
    return [getattr(each, "pattern", None) for each in metadata]


[_OF_TIMESTAMPS] = _patterns(get_args(TrainingTimestamp)[1].metadata)


def _kinds(annotation: Any) -> list[Any]:
    """The types that a value may have beside null; of a list those of its items."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return [kind for each in get_args(annotation) if each is not type(None) for kind in _kinds(each)]
    if origin is Annotated and annotation != TrainingTimestamp:
        return _kinds(get_args(annotation)[0])
    if origin is list:
        return _kinds(get_args(annotation)[0])
    return [annotation]


def _found(value: Any, path: Sequence[str]) -> Any:
    for place, name in enumerate(path):
        if value is None:
            return None
        if isinstance(value, list):
            return [_found(each, path[place:]) for each in value]
        value = value.get(name)
    return value


def _document(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_number)


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
