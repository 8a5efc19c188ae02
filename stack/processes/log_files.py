"""Log files: their last lines, and what is appended to them while they are rotated."""

import os
from collections.abc import Iterator
from pathlib import Path

BLOCK_BYTES = 64 * 1024
LONGEST_LINE_BYTES = 1024 * 1024
"""What is longer is shown in pieces."""


def log_names(directory: Path) -> list[str]:
    """Every log there, by name."""
    return sorted(path.stem for path in directory.glob("*.log"))


def tail(log_file: Path, count: int) -> list[str]:
    """The last lines, with those of the file before its last rotation where it has too few."""
    lines = _last_lines(log_file, count)
    if len(lines) < count:
        lines = [*_last_lines(rotated(log_file), count - len(lines)), *lines]
    return lines


def rotated(log_file: Path) -> Path:
    """Where a log's older lines are after it has grown too large."""
    return log_file.with_suffix(".log.1")


def _last_lines(path: Path, count: int) -> list[str]:
    """Read from the end, so that a large file costs no more than a small one."""
    if count < 1:
        return []
    try:
        with path.open("rb") as file:
            position, content = file.seek(0, os.SEEK_END), b""
            # One line end more than lines: the first of them is whole.
            while position and content.count(b"\n") <= count:
                start = max(0, position - BLOCK_BYTES)
                file.seek(start)
                content = file.read(position - start) + content
                position = start
    except FileNotFoundError:
        return []
    lines = content.decode(errors="replace").removesuffix("\n").split("\n") if content else []
    return lines[-count:]


class Follower:
    """Reads what is appended to a log from now on; it may be missing as yet, replaced or emptied meanwhile."""

    def __init__(self, log_file: Path) -> None:
        self._log_file = log_file
        self._rest = b""
        self._file = None if not log_file.exists() else log_file.open("rb")
        if self._file:
            self._file.seek(0, os.SEEK_END)

    def lines(self) -> Iterator[str]:
        """The lines completed since the last call."""
        if self._file:
            yield from self._appended()
        if self._is_replaced():
            self.close()
            self._rest = b""
            self._file = self._log_file.open("rb")
            yield from self._appended()

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _is_replaced(self) -> bool:
        try:
            now = self._log_file.stat()
        except FileNotFoundError:
            return False
        if self._file is None:
            return True
        known = os.fstat(self._file.fileno())
        return (known.st_dev, known.st_ino) != (now.st_dev, now.st_ino) or now.st_size < self._file.tell()

    def _appended(self) -> Iterator[str]:
        assert self._file is not None  # noqa: S101 - the callers looked
        while block := self._file.read(BLOCK_BYTES):
            *whole, self._rest = (self._rest + block).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)
            if len(self._rest) > LONGEST_LINE_BYTES:
                yield self._rest.decode(errors="replace")
                self._rest = b""
