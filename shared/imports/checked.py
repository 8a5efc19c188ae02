"""Lines as their kind's model, refused with the same sentences as the body of a request."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from shared.errors import ValidationFailed
from shared.http.input import validated as validated_body
from shared.http.models import Body
from shared.imports.lines import Line, LineError

B = TypeVar("B", bound=Body)


def validated(line: Line, fields: type[B]) -> B | Line:
    """What the line says, or the line with the errors for which it is refused.

    A line with cells that cannot be read is checked too, so that whoever repairs it sees all its errors at once.
    """
    if line.values is None:
        return line
    try:
        instance = validated_body(fields, line.values)
    except ValidationFailed as error:
        return replace(line, errors=(*line.errors, *_others(_errors(error), line.errors)))
    return line if line.errors else instance


def _errors(error: ValidationFailed) -> Iterator[LineError]:
    """Those that a client would be shown; `body` is the line as a whole."""
    for name, reasons in error.details["errors"].items():
        for reason in reasons:
            yield LineError(None if name == "body" else name, reason)


def _others(errors: Iterator[LineError], known: Sequence[LineError]) -> Iterator[LineError]:
    """What does not follow from the known ones: their fields are missing, and so may be what they are members of."""
    if not known:
        return errors
    if any(error.field is None for error in known):
        return iter(())
    named = [error.field or "" for error in known]
    return (
        error for error in errors if error.field is not None and not any(_is_in(name, error.field) for name in named)
    )


def _is_in(name: str, field: str) -> bool:
    return name == field or name.startswith(f"{field}.")
