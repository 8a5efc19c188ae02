"""A traceback in the log says what was wrong, and shows no value."""

import json
import logging
from collections.abc import Callable
from io import StringIO

import pytest
from asyncpg import exceptions as postgres
from pydantic import BaseModel, ValidationError

from shared.observability import json_lines

VALUE = "ana@example.com"


def of_postgres(kind: type[postgres.PostgresError], message: str, detail: str | None = None) -> Exception:
    error = kind(message)
    error.detail = detail
    return error


class _Model(BaseModel):
    size: int


def refused_by_a_model() -> Exception:
    try:
        _Model.model_validate({"size": VALUE})
    except ValidationError as error:
        return error
    raise AssertionError


ROW = f"Failing row contains (7, {VALUE}, \n Ana)."
CASES: dict[str, tuple[Callable[[], Exception], str]] = {
    "a constraint": (
        lambda: of_postgres(postgres.CheckViolationError, 'row for relation "people" violates', ROW),
        'row for relation "people" violates',
    ),
    "a key": (
        lambda: of_postgres(postgres.UniqueViolationError, "duplicate key", f"Key (email)=({VALUE})"),
        "duplicate key",
    ),
    "an argument": (
        lambda: postgres.DataError(f"invalid input for query argument $3: {VALUE!r} (an integer is required)"),
        "invalid input for query argument $3",
    ),
    "a cast": (
        lambda: of_postgres(
            postgres.InvalidTextRepresentationError, f'invalid input syntax for type bigint: "{VALUE}"'
        ),
        "invalid input syntax for type bigint",
    ),
    "a model": (refused_by_a_model, "Input should be a valid integer"),
}


def line_of(error: Exception) -> str:
    stream, log = StringIO(), logging.Logger("test")
    log.addHandler(json_lines("catalog", stream))
    log.error("unhandled exception", exc_info=error)
    found: str = json.loads(stream.getvalue())["exc_info"]
    return found


@pytest.mark.parametrize(("error", "kept"), CASES.values(), ids=CASES)
def test_a_traceback_says_what_was_wrong_without_the_value(error: Callable[[], Exception], kept: str) -> None:
    line = line_of(error())
    assert kept in line
    assert VALUE not in line
    assert "Ana" not in line


def test_nor_that_of_its_causes() -> None:
    error, cause = RuntimeError("it failed"), CASES["a constraint"][0]()
    error.__context__ = ExceptionGroup("two", [ValueError("x"), cause])
    error.__context__.exceptions[0].__cause__ = error  # a circle
    line = line_of(error)
    assert "violates" in line
    assert VALUE not in line
    assert "Ana" not in line


def test_what_is_about_no_value_is_kept() -> None:
    detail = "Process 7 waits for ShareLock on transaction 8"
    assert detail in line_of(of_postgres(postgres.DeadlockDetectedError, "deadlock detected", detail))
