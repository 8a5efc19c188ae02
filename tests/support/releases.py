"""Databases as a release before has left them."""

from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

from shared.postgres.migrations import migrate


async def migrate_until(url: str, folder: Path, last: str) -> None:
    """Applies the migrations whose numbers are at most `last`, such as "0009"."""
    with TemporaryDirectory() as directory:
        _copy_until(folder, last, directory)
        await migrate(url, Path(directory))


def _copy_until(folder: Path, last: str, directory: str) -> None:
    for file in folder.glob("*.sql"):
        if file.name[: len(last)] <= last:
            copy(file, directory)
