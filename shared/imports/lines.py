"""Lines of an imported file, as its readers hand them on (contract, section 11)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

MAX_RECORD: Final = 1024 * 1024
"""Characters of one record; what is longer is refused."""
MAX_LINES: Final = 2_000_000
"""Lines of one file, blank ones among them: 64 MiB could have as many millions of them."""
MAX_KEPT: Final = 16 * 1024
"""Characters of a record that are kept for repair."""


class ImportRefused(Exception):
    """Nothing more of the file can be read; `message` is for whoever sent it, and says where and why."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class LineError:
    """Why a line is refused; `field` is the dotted name of its field, or None where the line as a whole is meant."""

    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a file.

    `number` is the line of the file on which it begins, the first being 1. `values` are as the body of a request would
    have them, nested and of JSON's types. Where there are `errors`, the line is refused: `values` are then what can be
    read beside them, such as its id, or None where that is nothing. `text` is as it came, cut off where it is longer
    than what is kept for repair.
    """

    number: int
    values: Mapping[str, Any] | None
    text: str
    errors: tuple[LineError, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """How a CSV file is written: the names of its columns as they came, and what separates them."""

    columns: Sequence[str]
    separator: str


class LineReader(Protocol):
    """Makes lines of a file's bytes: the same ones whatever pieces it comes in, in memory that does not grow with it.

    All methods raise `ImportRefused`, `feed` and `close` behind the lines that precede the fault, and are not called
    again then. A reader either reads a file or checks it: `check` looks at everything that is wrong with a file as a
    whole, be it its charset, its header or the number of its lines, and costs next to nothing.
    """

    @property
    def layout(self) -> Layout | None:
        """That of a CSV file, once its header has been read."""
        ...

    def feed(self, piece: bytes) -> Iterator[Line]: ...

    def close(self) -> Iterator[Line]:
        """What is left, once all pieces have been fed."""
        ...

    def check(self, piece: bytes) -> None: ...

    def check_end(self) -> None: ...
