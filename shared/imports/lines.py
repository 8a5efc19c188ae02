"""Lines of an imported file, as its readers hand them on (contract, section 11)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LineError:
    """Why a line is refused; `field` is the dotted name of its field, or None where the line as a whole is meant."""

    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a file.

    `number` is the line of the file on which it begins, the first being 1. `values` are as the body of a request would
    have them, nested and of JSON's types; None where `errors` say why it cannot be read. `text` is as it came, cut off
    where it is longer than what is kept for repair.
    """

    number: int
    values: Mapping[str, Any] | None
    text: str
    errors: tuple[LineError, ...] = ()
