"""A model's instance with every field set, and the same one with one field after the other changed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

from shared.validation.fields import STORED

M = TypeVar("M", bound=BaseModel)

_VALUES: dict[type, tuple[Any, Any]] = {
    bool: (False, True),
    int: (1, 2),
    str: ("one", "two"),
    Decimal: (Decimal(50), Decimal(60)),
    datetime: (datetime(2031, 1, 1, tzinfo=UTC), datetime(2031, 1, 2, tzinfo=UTC)),
}


def filled(model: type[M], **given: Any) -> M:
    """An instance with a value in every field, `null` in none."""
    values = {name: _first(field.annotation) for name, field in model.model_fields.items() if name not in given}
    return model.model_validate(values | given, context=STORED)


def changed_in_one_field(instance: M) -> Iterator[tuple[str, M]]:
    """The changed field's name, `labels.name` where it is a field of what it holds, and the changed instance.

    A field that may be `null` is changed to it as well, under the same name.
    """
    for name, field in type(instance).model_fields.items():
        for path, value in _others(name, field.annotation, getattr(instance, name)):
            yield path, instance.model_copy(update={name: value})


def _first(annotation: Any) -> Any:
    inner, _ = _without_null(annotation)
    if get_origin(inner) in (list, tuple):
        return [_first(get_args(inner)[0])]
    if _is_subclass(inner, BaseModel):
        return filled(inner)
    return _choices(inner)[0]


def _others(name: str, annotation: Any, value: Any) -> Iterator[tuple[str, Any]]:
    inner, nullable = _without_null(annotation)
    if nullable:
        yield name, None
    if get_origin(inner) in (list, tuple):
        item = get_args(inner)[0]
        for path, other in _others(name, item, value[0]):
            yield path, type(value)([other])
    elif _is_subclass(inner, BaseModel):
        yield from ((f"{name}.{path}", other) for path, other in changed_in_one_field(value))
    else:
        yield from [(name, each) for each in _choices(inner) if each != value][:1]


def _choices(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else _VALUES[annotation]


def _without_null(annotation: Any) -> tuple[Any, bool]:
    """The type inside `Annotated` and `| None`, and whether the latter was there."""
    if get_origin(annotation) is Annotated:
        return _without_null(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        [inner] = [each for each in get_args(annotation) if each is not NoneType]
        return _without_null(inner)[0], True
    return annotation, False


def _is_subclass(annotation: Any, parent: type) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, parent)
