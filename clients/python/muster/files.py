"""Files to import: their kind, their type, and how they are read."""

import re
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from muster.errors import BadInput
from muster.transport import Upload

STANDARD_INPUT: Final = "-"
PIECE_BYTES: Final = 64 * 1024
COMPRESSED_FROM: Final = 256 * 1024
"""Bytes of a file that is compressed on its way: with less it makes no difference that anybody sees."""
_GZIP: Final = b"\x1f\x8b"
_LEVEL: Final = 6
TYPES: Final = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
_TYPE_OF_SUFFIX: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}
_KIND_OF_WORD: Final = {
    "people": "people",
    "persons": "people",
    "employees": "people",
    "staff": "people",
    "workers": "people",
    "courses": "courses",
    "sessions": "sessions",
    "completions": "completions",
}


@dataclass(frozen=True)
class Source:
    """A file, or what comes on standard input. `size` is None where it is not known."""

    name: str
    path: Path | None
    size: int | None
    beginning: bytes = b""
    """What was read of standard input already, to see what it is."""

    def open(self) -> Iterator[bytes]:
        """The pieces of it, once, or as often as wanted of a file."""
        if self.path is None:
            with _standard_input() as file:
                yield from _pieces(file, self.beginning)
            return
        try:
            with self.path.open("rb") as file:
                yield from _pieces(file)
        except OSError as error:
            raise BadInput(f"{self.name} cannot be read: {error.strerror}.") from error


def _standard_input() -> FileIO:
    """What is there, as soon as it is: whoever writes it may take longer than the server waits."""
    return FileIO(sys.stdin.fileno(), closefd=False)


def _pieces(file: BinaryIO | FileIO, beginning: bytes = b"") -> Iterator[bytes]:
    if beginning:
        yield beginning
    while piece := file.read(PIECE_BYTES):
        yield piece


def source_of(name: str) -> Source:
    """Raises `BadInput` if there is no such file, or none that can be read."""
    if name == STANDARD_INPUT:
        with _standard_input() as file:
            return Source("standard input", None, None, file.read(PIECE_BYTES))
    path = Path(name)
    try:
        with path.open("rb") as file:
            beginning = file.read(2)
        size = path.stat().st_size if path.is_file() else None
    except IsADirectoryError:
        raise BadInput(f"{name} is a folder.") from None
    except FileNotFoundError:
        raise BadInput(f"There is no file {name}.") from None
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}.") from error
    if size is None:
        raise BadInput(f"{name} is no file. To import from a pipe, use - for standard input.")
    return Source(name, path, size, beginning)


def kind_of(name: str) -> str | None:
    """The kind of rows that the name of a file says; None where it says none, or several."""
    words = re.findall("[a-z]+", Path(name).name.lower())
    kinds = {_KIND_OF_WORD[word] for word in words if word in _KIND_OF_WORD}
    return kinds.pop() if len(kinds) == 1 else None


def type_of(source: Source) -> str | None:
    """`csv` or `ndjson`, by the name of a file, or by what comes first on standard input; None if it is neither."""
    if source.path is not None:
        suffixes = [each.lower() for each in source.path.suffixes if each.lower() != ".gz"]
        return _TYPE_OF_SUFFIX.get(suffixes[-1]) if suffixes else None
    if source.beginning.startswith(_GZIP):
        return None
    return "ndjson" if source.beginning.lstrip().startswith(b"{") else "csv"


def upload_of(
    source: Source, type_: str, charset: str | None, *, compress: bool | None, is_local: bool, sent: "Sent"
) -> Upload:
    """The body of an import. It is compressed if that is wanted, or if nothing is said and it pays: over a network, of
    a file that is not small and not compressed."""
    content_type = TYPES[type_] + (f"; charset={charset}" if charset else "")
    is_gzip = source.beginning.startswith(_GZIP)
    pays = not is_local and (source.size is None or source.size >= COMPRESSED_FROM)
    packed = not is_gzip and (pays if compress is None else compress)
    return Upload(
        open=lambda: sent.counted(source, packed=packed),
        content_type=content_type,
        encoding="gzip" if is_gzip or packed else None,
        length=None if packed else source.size,
        is_repeatable=source.path is not None,
        refused=sent.refuse,
    )


class Sent:
    """How much of a file was read to be sent, and whether that was all of it. `advance` gets the bytes so far."""

    def __init__(self, source: Source) -> None:
        self._size = source.size
        self.advance: Callable[[int], None] = lambda done: None
        self.refused: Callable[[], None] = lambda: None
        self.is_whole = False

    def refuse(self) -> None:
        """Nothing of it was taken."""
        self.is_whole = False
        self.refused()

    def counted(self, source: Source, *, packed: bool) -> Iterator[bytes]:
        """The pieces as they are sent, from the beginning."""
        done, self.is_whole = 0, False
        pack = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        for piece in source.open():
            done += len(piece)
            self.advance(done)
            if packed:
                yield pack.compress(piece) + pack.flush(zlib.Z_SYNC_FLUSH)
            else:
                # With its length said before, the server has all of it once it has the last piece.
                self.is_whole = done == self._size
                yield piece
        self.is_whole = True
        if packed:
            yield pack.flush()
