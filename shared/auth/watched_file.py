"""A small file whose contents may change while the process runs."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Contents = TypeVar("Contents")

CHECK_INTERVAL_SECONDS = 1.0
"""Seconds between checks of the file's modification time."""


class WatchedFile(Generic[Contents]):
    """Reads the file at once, and again after each change; if a change cannot be read, the last contents stay.

    `parse` takes the text of the file and raises `ValueError` if it is invalid; `changed` is called with the contents
    before and after a change.
    """

    def __init__(
        self, path: Path, parse: Callable[[str], Contents], changed: Callable[[Contents, Contents], None]
    ) -> None:
        self._path = path
        self._parse = parse
        self._changed = changed
        self._looked_at = time.monotonic()
        self._version = self._stat()
        self._contents = parse(path.read_text(encoding="utf-8"))

    @property
    def contents(self) -> Contents:
        """The contents, at most `CHECK_INTERVAL_SECONDS` seconds old."""
        if time.monotonic() - self._looked_at >= CHECK_INTERVAL_SECONDS:
            return self.current()
        return self._contents

    def current(self) -> Contents:
        """The contents, checked now."""
        self._looked_at = time.monotonic()
        self._read_if_changed()
        return self._contents

    def _read_if_changed(self) -> None:
        try:
            version = self._stat()
            if version != self._version:
                self._version = version
                before, self._contents = self._contents, self._parse(self._path.read_text(encoding="utf-8"))
                self._changed(before, self._contents)
        except (OSError, ValueError) as error:
            log.error("%s cannot be read, keeping its last contents: %s", self._path.name, error)

    def _stat(self) -> tuple[int, int, int]:
        status = os.stat(self._path)
        return status.st_mtime_ns, status.st_size, status.st_ino


def write_private(path: Path, text: str) -> None:
    """Replaces the file atomically; only its owner may read it."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise
