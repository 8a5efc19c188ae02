"""Compares the members of a body with the fields of its model before the model is built.

Pydantic creates an error for each unknown member: 100,000 of them block the event loop for a second. Here they are
counted, and only the first ones are named.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from shared.errors import MAX_ERRORS, ValidationFailed

UNKNOWN: Final = "Unknown field."


@dataclass(slots=True)
class Unknown:
    """The dotted names of the first unknown members, and their total number."""

    names: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, place: str, members: Mapping[str, Any], known: frozenset[str]) -> None:
        self.count += len(members.keys() - known)
        for name in members:
            if len(self.names) == MAX_ERRORS:
                return
            if name not in known:
                self.names.append(f"{place}{name}" or "body")

    def errors(self) -> dict[str, list[str]]:
        return {name: [UNKNOWN] for name in self.names}

    @property
    def omitted(self) -> int:
        return self.count - len(self.names)

    def require_none(self) -> None:
        """Raises `ValidationFailed`."""
        if self.count:
            raise ValidationFailed(self.errors(), omitted=self.omitted)


@dataclass(frozen=True, slots=True)
class _Fields:
    names: frozenset[str]
    nested: Mapping[str, type[BaseModel]]
    """The fields whose values are models or lists of models."""


def known_members(
    model: type[BaseModel], members: Mapping[str, Any], unknown: Unknown, place: str = ""
) -> Mapping[str, Any]:
    """The members that are fields of the model, at every depth; the others are added to `unknown`.

    A model whose configuration allows others, or ignores them, is given them all.
    """
    fields = _fields(model)
    if model.model_config.get("extra") in ("allow", "ignore"):
        return members
    if not members.keys() <= fields.names:
        unknown.add(place, members, fields.names)
        members = {name: members[name] for name in members.keys() & fields.names}
    for name, nested in fields.nested.items():
        value = members.get(name)
        if isinstance(value, dict):
            members = {**members, name: known_members(nested, value, unknown, f"{place}{name}.")}
        elif isinstance(value, list):
            items = [
                known_members(nested, item, unknown, f"{place}{name}.{position}.") if isinstance(item, dict) else item
                for position, item in enumerate(value)
            ]
            members = {**members, name: items}
    return members


@cache
def _fields(model: type[BaseModel]) -> _Fields:
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    nested = {name: next(_models(info.annotation), None) for name, info in fields.items()}
    return _Fields(frozenset(fields), {name: inner for name, inner in nested.items() if inner is not None})


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation: `list[Label]`, `Company | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def invalid(error: ValidationError, unknown: Unknown | None = None) -> ValidationFailed:
    """A validation error in the form of the contract: invalid fields with their reasons, then unknown members.

    With unknown members, errors about the whole model are omitted, since an unknown name may be a misspelled field.
    """
    errors: dict[str, list[str]] = {}
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        if unknown is not None and unknown.count and not detail["loc"]:
            continue
        name = ".".join(map(str, detail["loc"])) or "body"
        errors.setdefault(name, []).append(_reason(detail["type"], detail["msg"]))
    if unknown is None:
        return ValidationFailed(errors)
    for name, reasons in unknown.errors().items():
        errors.setdefault(name, []).extend(reasons)
    return ValidationFailed(errors, omitted=unknown.omitted)


_REASONS: Final = {
    "extra_forbidden": UNKNOWN,
    "missing": "This field is required.",
    "int_type": "Must be a whole number.",
    "int_parsing": "Must be a whole number.",
    "int_from_float": "Must be a whole number.",
}


def _reason(kind: str, message: str) -> str:
    return _REASONS.get(kind) or _sentence(message.removeprefix("Value error, "))


def _sentence(text: str) -> str:
    """Capitalizes the first letter and adds a full stop; `str.capitalize` would lower-case the names in the text."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
