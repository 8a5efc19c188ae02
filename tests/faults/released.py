"""The version that was released last, run on the bed beside the one in this tree."""

import asyncio
import io
import subprocess
import tarfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from stack.paths import REPOSITORY
from tests.faults.bed import Bed
from tests.faults.processes import ProductProcess

COMMIT_FILE = Path(__file__).with_name("released_version.txt")


def unpack_release(directory: Path, commit: str | None = None) -> Path:
    """The source tree of this version, or of the last one, taken out of the clone's history.

    Raises LookupError where that does not reach so far back.
    """
    commit = commit or COMMIT_FILE.read_text(encoding="ascii").strip()
    archive = subprocess.run(["git", "-C", REPOSITORY, "archive", commit], capture_output=True)
    if archive.returncode:
        raise LookupError(
            f"the released version {commit} is not in this clone ({archive.stderr.decode().strip()});"
            " a shallow one gets it by `git fetch --unshallow`"
        )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        # Python 3.11.2, which Debian has, knows no filters, and passes over the attribute.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(directory)  # noqa: S202 - of this repository's own history
    return directory


@asynccontextmanager
async def rolled_back(bed: Bed, release: Path, names: Iterable[str]) -> AsyncIterator[list[ProductProcess]]:
    """These run the released version, on the same ports; afterwards they are rolled forward again."""
    pairs = [(bed.processes[name], _released(bed.processes[name], release)) for name in names]
    bed.extra.extend(old for _, old in pairs)
    try:
        await asyncio.gather(*(_roll(new, old) for new, old in pairs))
        yield [old for _, old in pairs]
    finally:
        await asyncio.gather(*(_roll(old, new) for new, old in pairs))


def _released(process: ProductProcess, release: Path) -> ProductProcess:
    return replace(
        process,
        name=f"released-{process.name}",
        repository=release,
        launcher=(),
        process=None,
        exits=[],
        endings=[],
    )


async def _roll(running: ProductProcess, next_one: ProductProcess) -> None:
    if running.alive:
        await running.terminate()
    if not next_one.alive:
        await next_one.start()
