"""The version that was released last, run on the bed beside the one in this tree."""

import asyncio
import io
import secrets
import subprocess
import tarfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from stack.paths import REPOSITORY
from tests.faults.bed import Bed, through
from tests.faults.processes import ProductProcess

COMMIT_FILE = Path(__file__).with_name("released_version.txt")


def unpack_release(directory: Path) -> Path:
    """Its source tree, taken out of the clone's history; raises LookupError where that does not reach so far back."""
    commit = COMMIT_FILE.read_text(encoding="ascii").strip()
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
    pairs = [(bed.processes[name], _released(bed, bed.processes[name], release)) for name in names]
    bed.extra.extend(old for _, old in pairs)
    try:
        await asyncio.gather(*(_roll(new, old) for new, old in pairs))
        yield [old for _, old in pairs]
    finally:
        await asyncio.gather(*(_roll(old, new) for new, old in pairs))


def _released(bed: Bed, process: ProductProcess, release: Path) -> ProductProcess:
    """It declares its queues itself when it starts, so its addresses are those of who may; and it needs a secret, which
    is all that it knows of internal tokens."""
    environment = {"INTERNAL_TOKEN_SECRET": secrets.token_hex(32), **process.environment}
    if "DATABASE_URL" in environment:
        environment["DATABASE_URL"] = environment["MIGRATION_DATABASE_URL"]
        environment["AMQP_URL"] = through(bed.broker_link, environment["MIGRATION_AMQP_URL"])
    return replace(
        process,
        name=f"released-{process.name}",
        environment=environment,
        repository=release,
        launcher=(),
        process=None,
        exits=[],
        endings=[],
    )


@asynccontextmanager
async def during_an_update(bed: Bed) -> AsyncIterator[None]:
    """All processes begin with the settings of an update's first step (docs/operations.md): those of the version before
    for internal tokens, beside the keys that are trusted from now on. Afterwards they are as they were."""
    processes, secret = list(bed.processes.values()), secrets.token_hex(32)
    settled = [process.environment for process in processes]
    for process in processes:
        kept = {name: value for name, value in process.environment.items() if name != "INTERNAL_KEYS_FILE"}
        process.environment = {**kept, "INTERNAL_TOKEN_SECRET": secret}
    await asyncio.gather(*(process.restart() for process in processes))
    try:
        yield
    finally:
        for process, environment in zip(processes, settled, strict=True):
            process.environment = environment
        await asyncio.gather(*(process.restart() for process in processes))


async def sign_with_keys(bed: Bed, names: Iterable[str]) -> None:
    """An update's second step: these sign with keys of their own, and take tokens of both kinds."""
    processes = [bed.processes[name] for name in names]
    for process in processes:
        file = bed.environment[process.module.rpartition(".")[2]]["INTERNAL_KEYS_FILE"]
        process.environment = {**process.environment, "INTERNAL_KEYS_FILE": file}
    await asyncio.gather(*(_restart_in_order(process) for process in processes))


async def _restart_in_order(process: ProductProcess) -> None:
    await process.terminate()
    await process.start()


async def _roll(running: ProductProcess, next_one: ProductProcess) -> None:
    if running.alive:
        await running.terminate()
    if not next_one.alive:
        await next_one.start()
